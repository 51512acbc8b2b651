import { Context, Duration, Effect, ExecutionStrategy, Exit, FiberId, Option, Scope } from "effect"
import { untilSome } from "../fibers/loop.js"

/** Which slots take jobs first on a host that has worker slots and serves runners. */
export type Preference = "local" | "remote" | "least-loaded"

/** A taker's kind: a worker slot of this host, or a remote runner. */
export type Side = "local" | "remote"

/** A taker that waits for a job. `load` is the fraction of its slots that is busy, 0 to 1. */
interface WaitingTaker {
  readonly side: Side
  readonly load: () => number
}

/** Lower ranks take first; equal ranks compete. */
const rank: Readonly<Record<Preference, (taker: WaitingTaker) => number>> = {
  local: ({ side }) => (side === "local" ? 0 : 1),
  remote: ({ side }) => (side === "remote" ? 0 : 1),
  "least-loaded": ({ load }) => load()
}

export interface TurnShape {
  /**
   * Whether takers of the other side may have precedence. If so, this side reads the job table every
   * `runnerLookSeconds`, for jobs that no taker with precedence can run.
   */
  readonly yields: (side: Side) => boolean
  /**
   * Waits up to `seconds` for a queue message (`hint`), but only while no taker with precedence is waiting.
   * `None` on timeout. The scope is that of the message.
   */
  readonly take: <A, E, R>(
    taker: WaitingTaker,
    hint: Effect.Effect<A, E, R>,
    seconds: number
  ) => Effect.Effect<Option.Option<A>, E, R | Scope.Scope>
  /** Must be run after a taker's load changes. */
  readonly changed: Effect.Effect<void>
}

export const makeTurn = (preference: Preference): TurnShape => {
  const rankOf = rank[preference]
  const waiting = new Set<WaitingTaker>()
  const bells = new Set<() => void>()
  const changed = Effect.sync(() => {
    for (const ring of [...bells]) ring()
  })
  /** Completes when `mine` may take (`turn`), or may no longer take (not `turn`). */
  const until = (mine: WaitingTaker, turn: boolean) =>
    Effect.async<void>((resume) => {
      const look = () => {
        if ([...waiting].every((other) => rankOf(other) >= rankOf(mine)) !== turn) return
        bells.delete(look)
        resume(Effect.void)
      }
      bells.add(look)
      look()
      return Effect.sync(() => bells.delete(look))
    })
  const take: TurnShape["take"] = (taker, hint, seconds) => {
    // A copy, because the same taker may wait several times.
    const mine = { ...taker }
    const come = Effect.zipRight(
      Effect.sync(() => waiting.add(mine)),
      changed
    )
    const go = Effect.zipRight(
      Effect.sync(() => waiting.delete(mine)),
      changed
    )
    // Returns a message that arrives when the turn or the time has just ended.
    let letGo: Effect.Effect<void> = Effect.void
    const attempt = Effect.gen(function* () {
      yield* until(mine, true)
      const held = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
      letGo = Scope.close(held, Exit.interrupt(FiberId.none))
      const taken = yield* Effect.raceFirst(
        Effect.asSome(Scope.extend(hint, held)),
        Effect.as(until(mine, false), Option.none())
      )
      if (Option.isNone(taken)) yield* letGo
      return taken
    })
    const attempts = Effect.onInterrupt(untilSome(attempt), () => letGo)
    return Effect.acquireUseRelease(
      come,
      () => Effect.timeoutOption(attempts, Duration.seconds(seconds)),
      () => go
    )
  }
  return { take, yields: (side) => preference !== side, changed }
}

/** The turn of a host. Default: no taker has precedence. */
export class Turn extends Context.Reference<Turn>()("ffkiln/Turn", {
  defaultValue: (): TurnShape => ({
    yields: () => false,
    take: (_, hint, seconds) => Effect.timeoutOption(hint, Duration.seconds(seconds)),
    changed: Effect.void
  })
}) {}
