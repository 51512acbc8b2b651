import { Clock, Effect } from "effect"
import { TooManyRequests } from "../../core/errors.js"
import type { OwnerId } from "../../core/ids.js"

/** Limits of one API key on one host. A missing limit is unlimited. */
export interface KeyLimits {
  /** Requests per minute, on average. */
  readonly perMinute?: number | undefined
  /** Requests that may arrive at once before `perMinute` applies. Default: the value of `perMinute`. */
  readonly burst?: number | undefined
  /** Requests in progress at the same time. A synchronous call counts until its job has ended. */
  readonly atOnce?: number | undefined
}

/** Runs a request if its owner may make it now. Routers with the same gate share its counts. */
export type KeyGate = (
  owner: OwnerId
) => <A, E, R>(answered: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TooManyRequests, R>

/**
 * Makes a gate that counts in memory: each host counts for itself, and a restart resets the counts. Refused
 * requests do not count.
 */
export const keyGate = ({ perMinute, burst = perMinute, atOnce }: KeyLimits): KeyGate => {
  const takeToken = perMinute === undefined ? () => undefined : tokens(perMinute, burst ?? perMinute)
  const running = new Map<OwnerId, number>()

  const enter = (owner: OwnerId) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const others = running.get(owner) ?? 0
      if (atOnce !== undefined && others >= atOnce)
        return tooMany(`at most ${atOnce} at a time are allowed`, 1)
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
 * Token buckets: `burst` tokens per owner, refilled at `perMinute`. A bucket is stored as the time when it is
 * full again; full buckets are removed. Takes a token, or returns the seconds until there is one.
 */
const tokens = (perMinute: number, burst: number) => {
  const interval = 60_000 / perMinute
  const fullAt = new Map<OwnerId, number>()
  return (owner: OwnerId, now: number): number | undefined => {
    // The map is in order of last use.
    for (const [each, time] of fullAt) {
      if (time > now) break
      fullAt.delete(each)
    }
    const then = Math.max(fullAt.get(owner) ?? now, now) + interval
    const wait = then - now - burst * interval
    // Less than a microsecond is a rounding error.
    if (wait > 0.001) return Math.max(1, Math.ceil(wait / 1000))
    fullAt.delete(owner)
    fullAt.set(owner, then)
    return undefined
  }
}
