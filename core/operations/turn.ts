import { Context, Duration, Effect, ExecutionStrategy, Exit, FiberId, Option, Scope } from "effect"
import { untilSome } from "../loop.js"

/** Whose slots go first where a host has its own and runners ask it for work. */
export type Preference = "local" | "remote" | "least-loaded"

export type Side = "local" | "remote"

/** Somebody with room for a job. `load` is the part of its slots that is busy now, 0 to 1. */
interface WaitingTaker {
  readonly side: Side
  readonly load: () => number
}

/** Lower goes first; equals go side by side. */
const rank: Readonly<Record<Preference, (taker: WaitingTaker) => number>> = {
  local: ({ side }) => (side === "local" ? 0 : 1),
  remote: ({ side }) => (side === "remote" ? 0 : 1),
  "least-loaded": ({ load }) => load()
}

export interface TurnShape {
  /** Whether others may come before this side. It looks through the jobs each second: what nobody before it can run is its own. */
  readonly yields: (side: Side) => boolean
  /**
   * Takes a hint while nobody who goes first waits for one; none after `seconds`, with or without a turn. The scope is that
   * of the hint.
   */
  readonly take: <A, E, R>(
    taker: WaitingTaker,
    hint: Effect.Effect<A, E, R>,
    seconds: number
  ) => Effect.Effect<Option.Option<A>, E, R | Scope.Scope>
  /** To be run when somebody's load is another than before. */
  readonly changed: Effect.Effect<void>
}

export const makeTurn = (preference: Preference): TurnShape => {
  const rankOf = rank[preference]
  const waiting = new Set<WaitingTaker>()
  const bells = new Set<() => void>()
  const changed = Effect.sync(() => {
    for (const ring of [...bells]) ring()
  })
  /** Done when it is, or is no longer, the turn of this one. */
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
    // Of its own, since one side may wait several times.
    const mine = { ...taker }
    const come = Effect.zipRight(
      Effect.sync(() => waiting.add(mine)),
      changed
    )
    const go = Effect.zipRight(
      Effect.sync(() => waiting.delete(mine)),
      changed
    )
    // A hint that comes just as the turn or the time is over goes back at once.
    let letGo: Effect.Effect<void> = Effect.void
    const attempt = Effect.gen(function* () {
      yield* until(mine, true)
      const held = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
      letGo = Scope.close(held, Exit.interrupt(FiberId.none))
      const taken = yield* Effect.raceFirst(Effect.asSome(Scope.extend(hint, held)), Effect.as(until(mine, false), Option.none()))
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

/** Of one host. Default: nobody comes before another. */
export class Turn extends Context.Reference<Turn>()("ffkiln/Turn", {
  defaultValue: (): TurnShape => ({
    yields: () => false,
    take: (_, hint, seconds) => Effect.timeoutOption(hint, Duration.seconds(seconds)),
    changed: Effect.void
  })
}) {}
