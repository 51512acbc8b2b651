import { Clock, Context, Effect } from "effect"

/**
 * The time by which things are deleted and leases taken back. It follows the wall clock, except after a jump of that: then
 * it goes on by the time that has passed, until the wall clock has run evenly again for a while.
 */
export interface SteadyTimeShape {
  /** Milliseconds as `Date` counts them. */
  readonly now: Effect.Effect<number>
}

/** Default: the wall clock as it is. */
export class SteadyTime extends Context.Reference<SteadyTime>()("ffkiln/SteadyTime", {
  defaultValue: (): SteadyTimeShape => ({ now: Clock.currentTimeMillis })
}) {}

/** One look at both clocks, in milliseconds. The second one knows no jumps; where it starts means nothing. */
export interface Look {
  readonly wall: number
  readonly passed: number
}

/** How far the wall clock is ahead of the other one: what is believed, and a new difference since its first look. */
export interface Belief {
  readonly ahead: number
  readonly other: { readonly ahead: number; readonly since: number } | null
}

/** A difference that clock discipline and busy machines cause between two looks; what a sweep does is not so exact. */
const toleranceMillis = 30_000

const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= toleranceMillis

export const believe = (before: Belief, { wall, passed }: Look, evenMillis: number): Belief => {
  const ahead = wall - passed
  if (isNear(ahead, before.ahead)) return { ahead, other: null }
  const since = before.other !== null && isNear(ahead, before.other.ahead) ? before.other.since : passed
  return passed - since >= evenMillis ? { ahead, other: null } : { ahead: before.ahead, other: { ahead, since } }
}

/** Never later than the wall clock says: after a jump back nothing is deleted that it does not call old. */
export const steadyTime = ({ ahead }: Belief, { wall, passed }: Look): number => Math.min(wall, passed + ahead)

/** Keeps the belief of one instance. The clock at the start is believed. */
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
        return Effect.as(jumped ? Effect.logWarning(jumpWarning(current.wall - time, evenSeconds)) : Effect.void, time)
      })
    )
    return { now }
  })

const jumpWarning = (millis: number, evenSeconds: number): string =>
  `the clock jumped${millis > 0 ? ` ${Math.round(millis / 1000)} s ahead` : " back"}: nothing is deleted by it until it has run evenly for ${evenSeconds} s`

const look: Effect.Effect<Look> = Effect.zipWith(Clock.currentTimeMillis, Clock.currentTimeNanos, (wall, nanos) => ({
  wall,
  passed: Number(nanos / 1_000_000n)
}))
