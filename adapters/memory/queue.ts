import { Clock, Effect, Exit, Layer } from "effect"
import type { JobId } from "../../core/ids.js"
import { Limits } from "../../core/limits.js"
import { Queue, type Ticket } from "../../core/ports/queue.js"

/** Hints in memory, lost when the process ends. A lost hint only delays its job until a worker polls. */
export const memoryQueue: Layer.Layer<Queue> = Layer.scoped(
  Queue,
  Effect.gen(function* () {
    const { pendingJobs } = yield* Limits
    const waiting = new Map<JobId, number>()
    const held = new Set<JobId>()
    const scope = yield* Effect.scope
    /** Open while a hint waits. It wakes all takers; those that find no hint wait again. */
    const bell = yield* Effect.makeLatch(false)

    const offer = (id: JobId, priority: number) =>
      Effect.suspend(() => {
        // Bounded, since a host without slots never takes hints.
        if (waiting.has(id) || held.has(id) || waiting.size >= pendingJobs) return Effect.void
        waiting.set(id, priority)
        return bell.open
      })

    /** Takes the first hint with the highest priority, and marks it as held. */
    const next = Effect.suspend(() => {
      const [first] = [...waiting].sort(([, a], [, b]) => b - a)
      if (first === undefined) return Effect.as(bell.close, undefined)
      const [id, priority] = first
      waiting.delete(id)
      held.add(id)
      return Effect.succeed({ id, priority })
    })

    const offerAt = (id: JobId, priority: number, at: Date) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.zipRight(Effect.sleep(Math.max(0, at.getTime() - now)), offer(id, priority))
      )

    const hold = ({ id, priority }: { readonly id: JobId; readonly priority: number }) => {
      let comeback: Date | undefined
      const again = (at: Date) =>
        Effect.sync(() => {
          comeback = at
        })
      const finish = (exit: Exit.Exit<unknown, unknown>) =>
        Effect.suspend(() => {
          held.delete(id)
          // Fibers forked in a finalizer can't be interrupted by default, so closing the queue would wait for
          // this one.
          if (comeback !== undefined)
            return Effect.forkIn(Effect.interruptible(offerAt(id, priority, comeback)), scope)
          // An interrupted holder may not have received its ticket.
          return Exit.isInterrupted(exit) ? offer(id, priority) : Effect.void
        })
      return Effect.as(Effect.addFinalizer(finish), { id, again } satisfies Ticket)
    }

    return {
      offer,
      // Only waiting can be interrupted, not taking, so no hint is lost in between.
      take: Effect.uninterruptibleMask((restore) => {
        const attempt: ReturnType<typeof hold> = Effect.flatMap(next, (found) =>
          found === undefined ? Effect.zipRight(restore(bell.await), attempt) : hold(found)
        )
        return attempt
      })
    }
  })
)
