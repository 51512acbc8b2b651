import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, FastCheck, Option, TestClock } from "effect"
import { FileName } from "../ids.js"
import { createDirectory } from "../operations/directories.js"
import { storeFile } from "../operations/files.js"
import { sweep } from "../operations/sweep.js"
import { bytes, world } from "../operations/world.suite.js"
import { Storage } from "../ports/storage.js"
import { anOwner } from "../ports/suites/samples.suite.js"
import { type Belief, believe, type Look, makeSteadyTime, SteadyTime, steadyTime } from "./steady-time.js"

const day = 86_400_000
const even = 300_000

/** The steady time at each look. */
const timesOf = (looks: ReadonlyArray<Look>): ReadonlyArray<number> => {
  const [first = { wall: 0, passed: 0 }] = looks
  let belief: Belief = { ahead: first.wall - first.passed, other: null }
  return looks.map((look) => {
    belief = believe(belief, look, even)
    return steadyTime(belief, look)
  })
}

describe("steady time", () => {
  it.each<[string, ReadonlyArray<readonly [wall: number, passed: number]>, ReadonlyArray<number>]>([
    [
      "follows an even clock",
      [
        [1000, 0],
        [11_000, 10_000]
      ],
      [1000, 11_000]
    ],
    [
      "follows a clock that is slewed",
      [
        [0, 0],
        [29_000, 10_000],
        [58_000, 20_000]
      ],
      [0, 29_000, 58_000]
    ],
    [
      "goes on by what has passed while the clock is ahead, and is right when it is back",
      [
        [0, 0],
        [2 * day, 10_000],
        [2 * day + 20_000, 30_000],
        [40_000, 40_000]
      ],
      [0, 10_000, 30_000, 40_000]
    ],
    [
      "believes a clock that has run evenly for long enough",
      [
        [0, 0],
        [day, 10_000],
        [day + even - 1, 10_000 + even - 1],
        [day + even, 10_000 + even]
      ],
      [0, 10_000, 10_000 + even - 1, day + even]
    ],
    [
      "counts anew at a second jump",
      [
        [0, 0],
        [day, 10_000],
        [3 * day, 10_000 + even],
        [3 * day + even, 10_000 + 2 * even]
      ],
      [0, 10_000, 10_000 + even, 3 * day + even]
    ],
    [
      "is never later than a clock that was set back",
      [
        [2 * day, 0],
        [10_000, 10_000],
        [20_000, 20_000]
      ],
      [2 * day, 10_000, 20_000]
    ],
    [
      "takes the sleep of a machine for a jump",
      [
        [0, 0],
        [day, 1000],
        [day + even + 1000, even + 2000]
      ],
      [0, 1000, day + even + 1000]
    ]
  ])("%s", (_, looks, expected) => {
    expect(timesOf(looks.map(([wall, passed]) => ({ wall, passed })))).toEqual(expected)
  })

  it("advances no faster than time passes, unless a clock ran evenly for that long", () => {
    const step = FastCheck.record({
      passed: FastCheck.integer({ min: 0, max: even - 1 }),
      jump: FastCheck.integer({ min: -3 * day, max: 3 * day })
    })
    FastCheck.assert(
      FastCheck.property(FastCheck.array(step), (steps) => {
        // Every look finds another clock, so that none is ever believed.
        let look: Look = { wall: 10 * day, passed: 0 }
        const looks = [look]
        for (const [index, { passed, jump }] of steps.entries()) {
          look = {
            passed: look.passed + passed,
            wall: 10 * day + look.passed + passed + (index % 2 === 0 ? Math.abs(jump) + 100_000 : 0)
          }
          looks.push(look)
        }
        const times = timesOf(looks)
        for (const [index, time] of times.entries())
          expect(time).toBeLessThanOrEqual(10 * day + (looks[index]?.passed ?? 0) + 30_000)
      })
    )
  })
})

it.effect(
  "a directory survives a clock that is two days ahead for a moment, and goes when its time is over",
  () =>
    Effect.gen(function* () {
      let jump = 0
      const clock = yield* Clock.clockWith(Effect.succeed)
      const jumping: Clock.Clock = {
        ...clock,
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + jump,
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + jump),
        currentTimeNanos: clock.currentTimeNanos,
        sleep: (duration) => clock.sleep(duration)
      }
      const steady = yield* Effect.withClock(makeSteadyTime(300), jumping)
      const swept = sweep.pipe(Effect.withClock(jumping), Effect.provideService(SteadyTime, steady))
      yield* Effect.gen(function* () {
        const owner = anOwner()
        const { id } = yield* createDirectory(owner, 3600)
        const { key } = yield* storeFile(owner, { name: FileName("a.mp4"), dir: id }, bytes("x"))
        const storage = yield* Storage
        const there = Effect.map(storage.stat(key), Option.isSome)
        yield* swept
        for (const _ of [1, 2, 3]) {
          jump = 2 * day
          yield* swept
          yield* TestClock.adjust("10 seconds")
          yield* swept
          jump = 0
          yield* swept
        }
        expect(yield* there).toBe(true)
        yield* TestClock.adjust("1 hours")
        yield* swept
        // Time that really passed is believed at once.
        expect(yield* there).toBe(false)
      }).pipe(Effect.provide(world()))
    })
)
