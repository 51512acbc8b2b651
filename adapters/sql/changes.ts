import { Effect, Queue, type Scope } from "effect"
import type { JobId } from "../../core/ids.js"

/**
 * Notifies the watchers in this process that a job has changed. Watchers in other processes poll, unless an
 * adapter notifies them.
 */
export interface Changes {
  readonly announce: (jobs: ReadonlyArray<{ readonly id: JobId }>) => Effect.Effect<void>
  /** A queue with one signal if the job has changed since the last take. Closing the scope unsubscribes. */
  readonly listen: (id: JobId) => Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope>
}

export const makeChanges: Effect.Effect<Changes> = Effect.sync(() => {
  const listeners = new Map<JobId, Set<Queue.Queue<void>>>()

  const join = (id: JobId) =>
    Effect.map(Queue.sliding<void>(1), (signal) => {
      listeners.set(id, (listeners.get(id) ?? new Set()).add(signal))
      return signal
    })

  const leave = (id: JobId, signal: Queue.Queue<void>) =>
    Effect.sync(() => {
      const all = listeners.get(id)
      all?.delete(signal)
      if (all?.size === 0) listeners.delete(id)
    })

  return {
    announce: (jobs) =>
      Effect.sync(() => {
        for (const { id } of jobs) for (const signal of listeners.get(id) ?? []) signal.unsafeOffer(undefined)
      }),
    listen: (id) => Effect.acquireRelease(join(id), (signal) => leave(id, signal))
  }
})
