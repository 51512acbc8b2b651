import { Clock, Duration, Effect, Random } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { Broken, givenUp } from "./errors.js"
import type { Waits } from "./timeouts.js"

export interface Patience {
  readonly waits: Pick<Waits, "pauseSeconds" | "mostPauseSeconds">
  /** No attempt starts later than this after the first one. Attempts have timeouts of their own. */
  readonly seconds: number
  /** The progress so far. Progress resets the backoff. Default: constant. */
  readonly reached?: () => number
}

/** Retries after `Broken`, with exponential backoff that respects a delay which the server asked for. */
export const persist = <A, E, R>(
  attempt: Effect.Effect<A, E | Broken, R>,
  { waits: { pauseSeconds, mostPauseSeconds }, seconds, reached = () => 0 }: Patience
): Effect.Effect<A, Exclude<E, Broken> | Unavailable, R> =>
  Effect.gen(function* () {
    const end = (yield* Clock.currentTimeMillis) + seconds * 1000
    let before = reached()
    let tries = 0
    const once: Effect.Effect<A, Exclude<E, Broken> | Unavailable, R> = Effect.catchIf(
      attempt,
      isBroken,
      (broken) =>
        Effect.gen(function* () {
          tries = reached() > before ? 0 : tries + 1
          before = reached()
          // Random, so that runners that lost the same host do not all return at the same time.
          const own = (yield* Random.nextRange(0.5, 1)) * pauseSeconds * 2 ** Math.min(tries, 16)
          const pause = Math.min(mostPauseSeconds, Math.max(own, broken.afterSeconds ?? 0))
          if ((yield* Clock.currentTimeMillis) + pause * 1000 > end) return yield* givenUp(broken)
          yield* Effect.sleep(Duration.seconds(pause))
          return yield* once
        })
    )
    return yield* once
  })

const isBroken = (error: unknown): error is Broken => error instanceof Broken
