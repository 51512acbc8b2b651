import { Effect } from "effect"
import { Limits } from "../limits.js"
import { Jobs } from "../ports/jobs.js"
import { Queue } from "../ports/queue.js"

/**
 * Offers every job that waits once more: the repair for hints that were lost with a queue or a process, or never made.
 * Those that the queue still has it ignores. Jobs with tags are found by the workers that have these.
 */
export const offerWaiting = Effect.gen(function* () {
  const { pendingJobs } = yield* Limits
  const queue = yield* Queue
  const waiting = yield* (yield* Jobs).waiting(pendingJobs)
  yield* Effect.forEach(waiting, ({ id, priority }) => queue.offer(id, priority), { concurrency: 16, discard: true })
})
