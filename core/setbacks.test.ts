import { describe, expect, it } from "vitest"
import { OwnerId } from "./ids.js"
import { afterBreak, afterClaim, afterEnd, noSetbacks, passedOver, type Setbacks } from "./setbacks.js"

const [a, b, c] = [OwnerId("key_a"), OwnerId("key_b"), OwnerId("key_c")]
const pauses = { retrySeconds: 1, pollSeconds: 5 }

type Event = readonly ["breaks" | "ends" | "is claimed", typeof a, number]

const historyOf = (...events: ReadonlyArray<Event>): Setbacks =>
  events.reduce((setbacks, [what, owner, at]) => {
    if (what === "ends") return afterEnd(setbacks, owner)
    return what === "breaks"
      ? afterBreak(setbacks, owner, at, pauses)
      : afterClaim(setbacks, owner, at, pauses)
  }, noSetbacks)

describe("an owner", () => {
  it.each<readonly [string, ReadonlyArray<Event>, number, ReadonlyArray<typeof a>, number | undefined]>([
    ["without setbacks is never passed over", [], 0, [], undefined],
    ["is passed over for the first pause", [["breaks", a, 0]], 999, [a], 1000],
    ["is taken again when that is over", [["breaks", a, 0]], 1000, [], undefined],
    [
      "waits four times as long when the next job breaks as well",
      [
        ["breaks", a, 0],
        ["is claimed", a, 1000],
        ["breaks", a, 1000]
      ],
      4999,
      [a],
      5000
    ],
    [
      "waits a minute at most",
      [
        ["breaks", a, 0],
        ...[1000, 5000, 21_000, 81_000].flatMap(
          (at): ReadonlyArray<Event> => [
            ["is claimed", a, at],
            ["breaks", a, at]
          ]
        )
      ],
      81_000,
      [a],
      141_000
    ],
    [
      "waits once for jobs that break side by side",
      [
        ["breaks", a, 0],
        ["breaks", a, 10],
        ["breaks", a, 20]
      ],
      1000,
      [a],
      1020
    ],
    [
      "gets one trial at a time",
      [
        ["breaks", a, 0],
        ["is claimed", a, 1000]
      ],
      1999,
      [a],
      2000
    ],
    [
      "is as new when a job of it ends",
      [
        ["breaks", a, 0],
        ["breaks", a, 0],
        ["ends", a, 0],
        ["breaks", a, 0]
      ],
      999,
      [a],
      1000
    ],
    [
      "stays passed over when a job of another ends",
      [
        ["breaks", a, 0],
        ["ends", b, 0]
      ],
      0,
      [a],
      1000
    ],
    ["without setbacks is claimed without any", [["is claimed", a, 0]], 0, [], undefined],
    [
      "does not keep another's from being taken",
      [
        ["breaks", a, 0],
        ["breaks", b, 500]
      ],
      1200,
      [b],
      1500
    ]
  ])("%s", (_, events, now, owners, until) => {
    expect(passedOver(historyOf(...events), now)).toEqual({ owners, until })
  })

  it("is forgotten some time after its last setback", () => {
    expect([...historyOf(["breaks", a, 0], ["breaks", b, 3_600_000]).owners.keys()]).toEqual([b])
  })
})

describe("a worker", () => {
  const broke = (...owners: ReadonlyArray<typeof a>) => owners.map((owner): Event => ["breaks", owner, 0])
  it.each<readonly [string, ReadonlyArray<Event>, number]>([
    ["does not pause for one owner, however often", broke(a, a, a, a, a, a), 0],
    ["does not pause for two", broke(a, b, a, b), 0],
    ["pauses where three have setbacks", broke(a, b, c), 5000],
    ["does not pause where a job ended in between", [...broke(a, b), ["ends", a, 0], ...broke(c)], 0],
    ["goes on as soon as a job ends", [...broke(a, b, c), ["ends", b, 0]], 0]
  ])("%s", (_, events, until) => {
    expect(historyOf(...events).pausedUntil).toBe(until)
  })
})
