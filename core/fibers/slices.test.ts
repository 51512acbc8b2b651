import { expect, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { mapInSlices, sliceItems } from "./slices.js"
import { withTurns } from "./slices.suite.js"

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

it.live("a long list is mapped in order, and everything else has a turn after each slice", () =>
  Effect.gen(function* () {
    const { result, turns } = yield* withTurns(mapInSlices(numbers(10 * sliceItems + 1), (item) => item * 2))
    expect(result).toEqual(numbers(10 * sliceItems + 1).map((item) => item * 2))
    expect(turns).toBeGreaterThanOrEqual(10)
  })
)

it.live("of several lists that are mapped at a time one slice runs in each turn", () =>
  Effect.gen(function* () {
    const list = numbers(5 * sliceItems)
    const { turns } = yield* withTurns(
      Effect.replicateEffect(mapInSlices(list, String), 4, { concurrency: "unbounded", discard: true })
    )
    expect(turns).toBeGreaterThanOrEqual(16)
  })
)

it.live("a short list waits for nobody, however long others are", () =>
  Effect.gen(function* () {
    const order: Array<string> = []
    const mapped = (name: string, count: number) =>
      Effect.map(mapInSlices(numbers(count), String), () => order.push(name))
    yield* Effect.all([mapped("long", 5 * sliceItems), mapped("short", sliceItems)], {
      concurrency: "unbounded"
    })
    expect(order).toEqual(["short", "long"])
    expect((yield* withTurns(mapInSlices(numbers(sliceItems), String))).turns).toBe(0)
    expect(yield* mapInSlices([], String)).toEqual([])
  })
)

it.live("a slice of items that take long ends early", () =>
  Effect.gen(function* () {
    let time = 0
    const clock: Clock.Clock = { ...Clock.make(), unsafeCurrentTimeMillis: () => time }
    const slow = (item: number) => {
      time += 10
      return item
    }
    const { result, turns } = yield* withTurns(Effect.withClock(mapInSlices(numbers(8), slow), clock))
    expect(result).toEqual(numbers(8))
    expect(turns).toBeGreaterThanOrEqual(7)
  })
)

it.live("one that is interrupted, or whose function throws, leaves the turns to others", () =>
  Effect.gen(function* () {
    const list = numbers(3 * sliceItems)
    yield* Effect.timeoutOption(mapInSlices(numbers(1_000_000), String), 1)
    const broken = yield* Effect.exit(
      mapInSlices(list, (item) => {
        if (item > sliceItems) throw new Error("no such row")
      })
    )
    expect(broken._tag).toBe("Failure")
    expect(yield* mapInSlices(list, String)).toHaveLength(list.length)
  })
)
