import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FiberRef, Option } from "effect"
import { depthOf } from "./fiber-depth.suite.js"
import { endless, every, inOwnFiber, untilSome } from "./loop.js"

/** A turn that adds entries to the FiberRefs of the fiber that it runs in. */
const growing = Effect.scoped(
  Effect.raceFirst(
    Effect.acquireRelease(Effect.void, () => Effect.void),
    Effect.never
  )
)

const depth = Effect.map(Effect.getFiberRefs, depthOf)

describe("each loop leaves its fiber as it found it", () => {
  it.effect("which the same turns without it do not", () =>
    Effect.gen(function* () {
      const before = yield* depth
      yield* Effect.replicateEffect(growing, 100, { discard: true })
      expect(yield* depth).toBeGreaterThan(before + 100)
    })
  )

  /** Lets a turn fail once it was run a thousand times. */
  const thousand = () => {
    let turns = 0
    return Effect.zipRight(
      growing,
      Effect.suspend(() => (++turns < 1000 ? Effect.void : Effect.fail(turns)))
    )
  }

  it.live.each([
    ["endless", (turn: Effect.Effect<void, number>) => endless(turn)],
    ["every", (turn: Effect.Effect<void, number>) => every(0, turn)],
    ["untilSome", (turn: Effect.Effect<void, number>) => untilSome(Effect.as(turn, Option.none<never>()))]
  ] as const)("%s", ([, loop]) =>
    Effect.gen(function* () {
      const before = yield* depth
      expect(yield* Effect.flip(loop(thousand()))).toBe(1000)
      expect(yield* depth).toBeLessThanOrEqual(before + 1)
    })
  )
})

describe("a fiber of its own", () => {
  it.effect("gives what it gives, and fails as it fails", () =>
    Effect.gen(function* () {
      expect(yield* inOwnFiber(Effect.succeed(1))).toBe(1)
      expect(yield* Effect.exit(inOwnFiber(Effect.fail("no")))).toEqual(Exit.fail("no"))
      expect(yield* Effect.exit(inOwnFiber(Effect.die("bug")))).toEqual(Exit.die("bug"))
    })
  )

  it.scoped("sees the values of the fiber that asks for it", () =>
    Effect.gen(function* () {
      const ref = yield* FiberRef.make("default")
      expect(yield* Effect.locally(inOwnFiber(FiberRef.get(ref)), ref, "given")).toBe("given")
    })
  )

  it.effect("is interrupted with its parent, which waits for its finalizers", () =>
    Effect.gen(function* () {
      const [begun, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      let cleaned = false
      const turn = Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never).pipe(
        Effect.onInterrupt(() =>
          Effect.zipRight(
            Deferred.await(release),
            Effect.sync(() => {
              cleaned = true
            })
          )
        )
      )
      const fiber = yield* Effect.fork(endless(turn))
      yield* Deferred.await(begun)
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Effect.replicateEffect(Effect.yieldNow(), 20)
      expect(yield* Fiber.poll(interrupting)).toEqual(Option.none())
      yield* Deferred.succeed(release, undefined)
      expect(Exit.isInterrupted(yield* Fiber.join(interrupting))).toBe(true)
      expect(cleaned).toBe(true)
    })
  )
})
