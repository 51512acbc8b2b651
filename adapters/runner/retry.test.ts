import { expect, it } from "@effect/vitest"
import { Clock, Effect, Fiber, TestClock } from "effect"
import { describe } from "vitest"
import { Broken } from "./errors.js"
import { persist } from "./retry.js"

const waits = { pauseSeconds: 1, mostPauseSeconds: 6 }

/** The start time of each attempt in seconds, for an effect that breaks `times` times, and the result. */
const triesOf = (
  times: number,
  broken = new Broken({ what: "it" }),
  reached?: () => number,
  seconds = 1000
) =>
  Effect.gen(function* () {
    const tries: Array<number> = []
    const attempt = Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<string, Broken> => {
      tries.push(now)
      return tries.length > times ? Effect.succeed("done") : broken
    })
    const fiber = yield* Effect.fork(
      Effect.either(persist(attempt, { waits, seconds, ...(reached && { reached }) }))
    )
    for (let each = 0; each < 200; each++) yield* TestClock.adjust("500 millis")
    const pauses = tries.slice(1).map((at, index) => Math.round(at - (tries[index] ?? 0)) / 1000)
    return { outcome: yield* Fiber.join(fiber), pauses }
  })

describe("persisting", () => {
  it.effect("pauses longer each time, to a bound", () =>
    Effect.gen(function* () {
      const { outcome, pauses } = yield* triesOf(8)
      expect(outcome).toMatchObject({ _tag: "Right", right: "done" })
      for (const [index, pause] of pauses.entries()) {
        expect(pause).toBeGreaterThanOrEqual(Math.min(6, 2 ** index))
        // The test clock moves in steps of half a second.
        expect(pause).toBeLessThanOrEqual(Math.min(6, 2 ** (index + 1)) + 0.5)
      }
    })
  )

  it.effect("pauses shortly again once it has got further", () =>
    Effect.gen(function* () {
      let at = 0
      const { pauses } = yield* triesOf(8, undefined, () => at++)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(1.5)
    })
  )

  it.effect("pauses as long as it is asked to, to the same bound", () =>
    Effect.gen(function* () {
      expect((yield* triesOf(2, new Broken({ what: "it", afterSeconds: 5 }))).pauses).toEqual([5, 5])
      expect((yield* triesOf(2, new Broken({ what: "it", afterSeconds: 5000 }))).pauses).toEqual([6, 6])
    })
  )

  it.effect("ends when the next try would come too late", () =>
    Effect.gen(function* () {
      const { outcome, pauses } = yield* triesOf(
        1000,
        new Broken({ what: "it", afterSeconds: 5 }),
        undefined,
        12
      )
      expect(outcome).toMatchObject({ _tag: "Left", left: { _tag: "Unavailable", what: "it" } })
      expect(pauses).toEqual([5, 5])
    })
  )
})
