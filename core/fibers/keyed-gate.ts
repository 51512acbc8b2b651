import { Data, Deferred, Duration, Effect, FiberId } from "effect"

/** Bounds of one gate; see `makeKeyedGate`. Each count is at least 1. */
export interface KeyedGateBounds {
  /** Effects that run at a time, of all keys together. */
  readonly places: number
  /**
   * Effects of one key that run at a time. Keep it below `places`, so that one key alone cannot use all of
   * them.
   */
  readonly placesPerKey: number
  /** Effects that wait for a place, of all keys together. */
  readonly waiting: number
  /** Effects of one key that wait for a place. */
  readonly waitingPerKey: number
  /** The longest wait for a place. */
  readonly waitSeconds: number
}

/** No place became free in time, or too many effects wait already. Nothing was run. */
export class GateFull extends Data.TaggedError("GateFull") {}

export interface KeyedGate {
  /** Runs the effect in a place for this key. Waits for a place if none is free. */
  readonly within: (
    key: string
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | GateFull, R>
  /** How many more effects of this key would start at once now. */
  readonly room: (key: string) => number
  /** Effects that run, and that wait, of all keys together. */
  readonly load: () => { readonly running: number; readonly waiting: number }
}

interface Waiter {
  readonly place: Deferred.Deferred<void>
}

/**
 * Limits how many effects run at a time, in all and by key. What it promises:
 * - At most `places` effects run, at most `placesPerKey` of one key.
 * - A free place goes to the keys that wait in turn, and within a key to the one that waits longest. A key
 * waits for at most
 *   one effect of each other key per turn, however many of them wait.
 * - At most `waiting` effects wait, at most `waitingPerKey` of one key, each for at most `waitSeconds`: the
 * next one fails
 *   with `GateFull` at once.
 * - A place is free again when its effect ends in any way. A caller that is interrupted leaves the queue.
 * - Memory is bounded by `places + waiting`: nothing is kept of a key without effects.
 * State is held by the gate alone. Its work per effect does not grow with the number of effects that wait.
 */
export const makeKeyedGate = (bounds: KeyedGateBounds): KeyedGate => {
  const { places, placesPerKey, waiting: mostWaiting, waitingPerKey, waitSeconds } = bounds
  const running = new Map<string, number>()
  /**
   * Waiters by key. The order of the keys is the order of their turns; a key is here only while it has
   * waiters.
   */
  const queues = new Map<string, Set<Waiter>>()
  let inUse = 0
  let inQueue = 0

  const mayRun = (key: string) => inUse < places && (running.get(key) ?? 0) < placesPerKey

  const take = (key: string) => {
    inUse += 1
    running.set(key, (running.get(key) ?? 0) + 1)
  }

  const leave = (key: string) => {
    inUse -= 1
    const left = (running.get(key) ?? 0) - 1
    if (left > 0) running.set(key, left)
    else running.delete(key)
    admit()
  }

  const dequeue = (key: string, queue: Set<Waiter>, waiter: Waiter) => {
    queue.delete(waiter)
    inQueue -= 1
    if (queue.size === 0) queues.delete(key)
  }

  /** Gives free places away. Keys at their own bound are skipped: there are at most `places` of them. */
  const admit = () => {
    for (const [key, queue] of queues) {
      if (inUse >= places) return
      const [next] = queue
      if (next === undefined || !mayRun(key)) continue
      dequeue(key, queue, next)
      if (queues.delete(key)) queues.set(key, queue)
      take(key)
      Deferred.unsafeDone(next.place, Effect.void)
    }
  }

  const enqueue = (key: string): Waiter | undefined => {
    const queue = queues.get(key) ?? new Set()
    if (inQueue >= mostWaiting || queue.size >= waitingPerKey) return undefined
    const waiter: Waiter = { place: Deferred.unsafeMake(FiberId.none) }
    queues.set(key, queue.add(waiter))
    inQueue += 1
    return waiter
  }

  /** A waiter that gives up; it may have got its place in the same moment. */
  const giveUp = (key: string, waiter: Waiter) => {
    const queue = queues.get(key)
    if (queue?.has(waiter)) dequeue(key, queue, waiter)
    else leave(key)
  }

  const wait = (waiter: Waiter) =>
    Deferred.await(waiter.place).pipe(
      Effect.timeoutFail({ duration: Duration.seconds(waitSeconds), onTimeout: () => new GateFull() })
    )

  return {
    within: (key) => (effect) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const held = Effect.ensuring(
            restore(effect),
            Effect.sync(() => leave(key))
          )
          if (mayRun(key)) {
            take(key)
            return held
          }
          const waiter = enqueue(key)
          if (waiter === undefined) return new GateFull()
          return restore(wait(waiter)).pipe(
            Effect.onError(() => Effect.sync(() => giveUp(key, waiter))),
            Effect.zipRight(held)
          )
        })
      ),
    room: (key) => Math.max(0, Math.min(places - inUse, placesPerKey - (running.get(key) ?? 0))),
    load: () => ({ running: inUse, waiting: inQueue })
  }
}
