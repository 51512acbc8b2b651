import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Queue, TestClock } from "effect"
import { until } from "../ports/suites/samples.suite.js"
import { makeTurn, type Preference, type Side, Turn, type TurnShape } from "./turn.js"

/** Hints that are handed out one by one, and takers that say who they are. */
const table = (preference: Preference) =>
  Effect.gen(function* () {
    const turn = makeTurn(preference)
    const hints = yield* Queue.unbounded<string>()
    const order: Array<string> = []
    /** Waits for one hint; has it, or has given up, when the fiber ends. */
    const taker = (name: string, side: Side, load: () => number = () => 0, seconds = 1000) =>
      Effect.gen(function* () {
        const fiber = yield* turn.take({ side, load }, Queue.take(hints), seconds).pipe(
          Effect.scoped,
          Effect.tap((taken) =>
            Effect.sync(() =>
              order.push(Option.isSome(taken) ? `${name} takes ${taken.value}` : `${name} takes none`)
            )
          ),
          Effect.fork
        )
        yield* settled
        return fiber
      })
    const give = (hint: string) => Effect.zipRight(Queue.offer(hints, hint), settled)
    return { turn, taker, give, order }
  })

/** Everybody who can go on has done so. */
const settled = Effect.zipRight(Effect.yieldNow(), TestClock.adjust("1 millis"))

describe("whose turn it is", () => {
  it.effect.each([
    ["local", "runner", "slot"],
    ["remote", "slot", "runner"]
  ] as const)(
    "%s first: the %s waits while the other does, though it came first",
    ([preference, second, first]) =>
      Effect.gen(function* () {
        const { taker, give, order } = yield* table(preference)
        const sides = { runner: "remote", slot: "local" } as const
        yield* taker(second, sides[second])
        yield* taker(first, sides[first])
        yield* give("1")
        yield* give("2")
        expect(order).toEqual([`${first} takes 1`, `${second} takes 2`])
      })
  )

  it.effect("least loaded: who has less to do goes first, whichever side it is on", () =>
    Effect.gen(function* () {
      const { taker, give, order } = yield* table("least-loaded")
      yield* taker("slot", "local", () => 0.5)
      yield* taker("busy runner", "remote", () => 0.75)
      yield* taker("idle runner", "remote", () => 0)
      for (const hint of ["1", "2", "3"]) yield* give(hint)
      expect(order).toEqual(["idle runner takes 1", "slot takes 2", "busy runner takes 3"])
    })
  )

  it.effect("a load that changes meanwhile changes whose turn it is", () =>
    Effect.gen(function* () {
      const { turn, taker, give, order } = yield* table("least-loaded")
      let load = 0
      yield* taker("slot", "local", () => load)
      yield* taker("runner", "remote", () => 0.5)
      load = 1
      yield* Effect.zipRight(turn.changed, settled)
      yield* give("1")
      expect(order).toEqual(["runner takes 1"])
    })
  )

  it.effect("who goes first and gives up is waited for no longer", () =>
    Effect.gen(function* () {
      const { taker, give, order } = yield* table("local")
      yield* taker("runner", "remote")
      const slot = yield* taker("slot", "local")
      yield* taker("hasty slot", "local", () => 0, 5)
      yield* Fiber.interrupt(slot)
      yield* TestClock.adjust("5 seconds")
      yield* give("1")
      expect(order).toEqual(["hasty slot takes none", "runner takes 1"])
    })
  )

  it.effect("takers of equal rank get about as much, in any order of arrival", () =>
    Effect.gen(function* () {
      const { taker, give, order } = yield* table("remote")
      for (let hint = 1; hint <= 3; hint++) {
        yield* taker(`a${hint}`, "remote")
        yield* taker(`b${hint}`, "remote")
      }
      for (let hint = 1; hint <= 6; hint++) yield* give(`${hint}`)
      expect(order.toSorted()).toEqual([
        "a1 takes 1",
        "a2 takes 3",
        "a3 takes 5",
        "b1 takes 2",
        "b2 takes 4",
        "b3 takes 6"
      ])
    })
  )

  it.effect("no taker waits longer than its timeout, with or without a turn", () =>
    Effect.gen(function* () {
      const { turn, taker, order } = yield* table("local")
      yield* taker("slot", "local", () => 0, 9)
      yield* taker("runner", "remote", () => 0, 3)
      yield* TestClock.adjust("3 seconds")
      expect(order).toEqual(["runner takes none"])
      yield* TestClock.adjust("6 seconds")
      expect(order).toEqual(["runner takes none", "slot takes none"])
      expect([
        turn.yields("local"),
        makeTurn("remote").yields("local"),
        makeTurn("least-loaded").yields("local")
      ]).toEqual([false, true, true])
    })
  )

  const turns: ReadonlyArray<readonly [string, TurnShape]> = [
    ["a preference", makeTurn("local")],
    ["none", Effect.runSync(Turn)]
  ]
  it.effect.each(turns)("a failing queue fails its taker: with %s", ([_, turn]) =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Effect.scoped(turn.take({ side: "remote", load: () => 0 }, Effect.fail("down"), 1))
      )
      expect(failure).toBe("down")
    })
  )

  it.effect("a hint that came as the turn was lost goes back before the next is taken", () =>
    Effect.gen(function* () {
      const turn = makeTurn("local")
      const came = yield* Deferred.make<void>()
      const log: Array<string> = []
      // In hand, but not handed over yet, when a slot begins to wait.
      const hint = Effect.uninterruptible(
        Effect.zipRight(
          Effect.acquireRelease(Deferred.succeed(came, undefined), (_, exit) =>
            Effect.sync(() => log.push(exit._tag))
          ),
          Effect.sleep("1 seconds")
        )
      )
      const runner = yield* Effect.fork(
        Effect.scoped(turn.take({ side: "remote", load: () => 0 }, hint, 1000))
      )
      yield* Deferred.await(came)
      const slot = yield* Effect.fork(
        Effect.scoped(turn.take({ side: "local", load: () => 0 }, Effect.never, 2))
      )
      yield* TestClock.adjust("1 seconds")
      yield* until(Effect.sync(() => log.length === 1))
      expect(log).toEqual(["Failure"])
      yield* TestClock.adjust("1 seconds")
      expect(yield* Fiber.join(slot)).toEqual(Option.none())
      yield* TestClock.adjust("1 seconds")
      expect(Option.isSome(yield* Fiber.join(runner))).toBe(true)
    })
  )
})
