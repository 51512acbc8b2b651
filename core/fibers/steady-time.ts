import { Clock, Context, Effect } from "effect"

/**
 * The time that decides about deletion and expired leases. It follows the wall clock. After a jump of the
 * wall clock it follows the monotonic clock, until the wall clock has run evenly for a while.
 */
export interface SteadyTimeShape {
  /** Milliseconds since the epoch, as in `Date`. */
  readonly now: Effect.Effect<number>
}

/** The steady time of an instance. Default: the wall clock. */
export class SteadyTime extends Context.Reference<SteadyTime>()("ffkiln/SteadyTime", {
  defaultValue: (): SteadyTimeShape => ({ now: Clock.currentTimeMillis })
}) {}

/** A reading of both clocks in milliseconds. `passed` is monotonic, with an arbitrary start. */
export interface Look {
  readonly wall: number
  readonly passed: number
}

/**
 * The accepted difference of the wall clock to the monotonic clock, and a new difference with the time of its
 * first reading.
 */
export interface Belief {
  readonly ahead: number
  readonly other: { readonly ahead: number; readonly since: number } | null
}

/**
 * Differences up to this value come from clock discipline and busy machines, and do not matter for sweeps.
 */
const toleranceMillis = 30_000

const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= toleranceMillis

export const believe = (before: Belief, { wall, passed }: Look, evenMillis: number): Belief => {
  const ahead = wall - passed
  if (isNear(ahead, before.ahead)) return { ahead, other: null }
  const since = before.other !== null && isNear(ahead, before.other.ahead) ? before.other.since : passed
  return passed - since >= evenMillis
    ? { ahead, other: null }
    : { ahead: before.ahead, other: { ahead, since } }
}

/**
 * The steady time of a reading. Never later than the wall clock, so that after a jump back nothing is deleted
 * too early.
 */
export const steadyTime = ({ ahead }: Belief, { wall, passed }: Look): number =>
  Math.min(wall, passed + ahead)

/** Creates the steady time of one instance. The wall clock at the start is accepted. */
export const makeSteadyTime = (evenSeconds: number): Effect.Effect<SteadyTimeShape> =>
  Effect.map(look, (first) => {
    let belief: Belief = { ahead: first.wall - first.passed, other: null }
    const next = (now: Look) => {
      const wasEven = belief.other === null
      belief = believe(belief, now, evenSeconds * 1000)
      return { time: steadyTime(belief, now), jumped: wasEven && belief.other !== null }
    }
    const now = Effect.flatMap(look, (current) =>
      Effect.suspend(() => {
        const { time, jumped } = next(current)
        return Effect.as(
          jumped ? Effect.logWarning(jumpWarning(current.wall - time, evenSeconds)) : Effect.void,
          time
        )
      })
    )
    return { now }
  })

const jumpWarning = (millis: number, evenSeconds: number): string =>
  `the clock jumped${millis > 0 ? ` ${Math.round(millis / 1000)} s ahead` : " back"}: nothing is deleted by it until it has run evenly for ${evenSeconds} s`

const look: Effect.Effect<Look> = Effect.zipWith(
  Clock.currentTimeMillis,
  Clock.currentTimeNanos,
  (wall, nanos) => ({
    wall,
    passed: Number(nanos / 1_000_000n)
  })
)
