import { Effect, Fiber, Option, Random } from "effect"

/**
 * Loops that run for as long as a host, a request or a run lives. Each turn runs in its own fiber:
 * `Effect.raceFirst`,
 * `Effect.timeout` and parallel effects merge the FiberRefs of their children into the fiber that waits for
 * them. In one endless fiber that adds entries with each turn, and each later turn copies all of them. A
 * fiber per turn ends with its entries. core/fibers/loop-rule.test.ts allows no other loops around effects. It does
 * not see a fiber that starts its own successor, which is a loop too: such a successor is started by a
 * runtime (`FiberSet.runtime`), else it begins with all entries so far.
 */

/** Runs the effect in a new fiber and waits for it. The FiberRefs of the calling fiber stay as they are. */
export const inOwnFiber = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDaemon(restore(effect)), (fiber) =>
      Effect.flatten(Effect.onInterrupt(restore(Fiber.await(fiber)), () => Fiber.interrupt(fiber)))
    )
  )

/** Repeats the turn until it fails or is interrupted. */
export const endless = <E, R>(turn: Effect.Effect<unknown, E, R>): Effect.Effect<never, E, R> =>
  Effect.forever(inOwnFiber(turn))

/** Repeats the turn until it returns a value. */
export const untilSome = <A, E, R>(turn: Effect.Effect<Option.Option<A>, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(inOwnFiber(turn), (result) =>
    Option.isSome(result) ? Effect.succeed(result.value) : Effect.zipRight(Effect.yieldNow(), untilSome(turn))
  )

/** `seconds` with a jitter of 20 %, so that hosts that started together do not act together. */
export const jittered = (seconds: number): Effect.Effect<number> =>
  Effect.map(Random.nextRange(0.8, 1.2), (factor) => seconds * factor)

/** A pause of about `seconds`. */
export const jitteredPause = (seconds: number): Effect.Effect<void> =>
  Effect.flatMap(jittered(seconds), (some) => Effect.sleep(some * 1000))

/** Runs the pass at once, then again and again with a pause of about `seconds`. */
export const every = <E, R>(
  seconds: number,
  pass: Effect.Effect<unknown, E, R>
): Effect.Effect<never, E, R> => endless(Effect.zipRight(pass, jitteredPause(seconds)))
