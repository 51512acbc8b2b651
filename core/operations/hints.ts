import { Effect } from "effect"
import { Limits } from "../limits.js"
import { Jobs } from "../ports/jobs.js"
import { Queue } from "../ports/queue.js"

/**
 * Offers all waiting jobs to the queue again, because messages may have been lost with a queue or a process.
 * The queue ignores jobs that it still has. Jobs with tags are left out: workers with these tags find them in
 * the job table.
 */
export const offerWaiting = Effect.gen(function* () {
  const { pendingJobs } = yield* Limits
  const queue = yield* Queue
  const waiting = yield* (yield* Jobs).waiting(pendingJobs)
  yield* Effect.forEach(waiting, ({ id, priority }) => queue.offer(id, priority), {
    concurrency: 16,
    discard: true
  })
})
