import { Clock, Effect } from "effect"
import { TooManyRequests } from "../../core/errors.js"
import type { OwnerId } from "../../core/ids.js"

/** What one key may ask of a host. What is left out is not bounded. */
export interface KeyLimits {
  /** Requests a minute, in the long run. */
  readonly perMinute?: number | undefined
  /** Requests that may come at once before that holds them back. Default: a minute's. */
  readonly burst?: number | undefined
  /** Requests that are being answered at a time; a synchronous call is one until its job has ended. */
  readonly atOnce?: number | undefined
}

/** Answers an owner's request if the owner may make it now. Routers that are given the same gate share its counts. */
export type KeyGate = (owner: OwnerId) => <A, E, R>(answered: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TooManyRequests, R>

/** Counts in memory: every host counts for itself, and a restart forgets. A request that is refused uses nothing up. */
export const keyGate = ({ perMinute, burst = perMinute, atOnce }: KeyLimits): KeyGate => {
  const takeToken = perMinute === undefined ? () => undefined : tokens(perMinute, burst ?? perMinute)
  const running = new Map<OwnerId, number>()

  const enter = (owner: OwnerId) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const others = running.get(owner) ?? 0
      if (atOnce !== undefined && others >= atOnce) return tooMany(`at most ${atOnce} at a time are allowed`, 1)
      const waitSeconds = takeToken(owner, now)
      if (waitSeconds !== undefined) return tooMany(`at most ${perMinute} a minute are allowed`, waitSeconds)
      running.set(owner, others + 1)
      return Effect.void
    })
  const leave = (owner: OwnerId) =>
    Effect.sync(() => {
      const others = (running.get(owner) ?? 1) - 1
      if (others === 0) running.delete(owner)
      else running.set(owner, others)
    })

  return (owner) => (answered) =>
    Effect.acquireUseRelease(
      enter(owner),
      () => answered,
      () => leave(owner)
    )
}

const tooMany = (what: string, retryAfterSeconds: number) =>
  new TooManyRequests({
    message: `Too many requests with this API key: ${what}, try again in ${retryAfterSeconds} second${retryAfterSeconds === 1 ? "" : "s"}`,
    retryAfterSeconds
  })

/**
 * A bucket of `burst` tokens for each owner, filled at `perMinute`, and kept as the time when it is full again: one that
 * is full needs no memory. Takes a token, or says in how many seconds there is one.
 */
const tokens = (perMinute: number, burst: number) => {
  const interval = 60_000 / perMinute
  const fullAt = new Map<OwnerId, number>()
  return (owner: OwnerId, now: number): number | undefined => {
    // Those that were used longest ago come first.
    for (const [each, time] of fullAt) {
      if (time > now) break
      fullAt.delete(each)
    }
    const then = Math.max(fullAt.get(owner) ?? now, now) + interval
    const wait = then - now - burst * interval
    // Sums of fractions: what is less than a microsecond is none.
    if (wait > 0.001) return Math.max(1, Math.ceil(wait / 1000))
    fullAt.delete(owner)
    fullAt.set(owner, then)
    return undefined
  }
}
