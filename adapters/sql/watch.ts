import { Effect, Option, Queue, Stream } from "effect"
import { JobNotFound, type Unavailable } from "../../core/errors.js"
import { untilSome } from "../../core/fibers/loop.js"
import { isTerminal, type Job } from "../../core/job.js"
import { Limits } from "../../core/limits.js"
import type { JobsShape } from "../../core/ports/jobs.js"
import type { Changes } from "./changes.js"

/** Reads the row after each announced change, and every `watchSeconds` for changes by other processes. */
export const watchJob =
  (find: JobsShape["find"], changes: Changes): JobsShape["watch"] =>
  (owner, id) =>
    Stream.unwrapScoped(
      Effect.gen(function* () {
        const { watchSeconds } = yield* Limits
        // Subscribed before the first read, so that no change is missed.
        const signal = yield* changes.listen(id)
        const look = Effect.flatMap(
          find(owner, id),
          Option.match({ onNone: () => new JobNotFound(), onSome: (job) => Effect.succeed(job) })
        )
        const nextAfter = (seen: Job): Effect.Effect<Job, JobNotFound | Unavailable> =>
          untilSome(
            Queue.take(signal).pipe(
              Effect.timeoutOption(`${watchSeconds} seconds`),
              Effect.zipRight(look),
              Effect.map((job) => (sameMoment(job, seen) ? Option.none() : Option.some(job)))
            )
          )
        return Stream.paginateEffect(Option.none<Job>(), (seen) =>
          Effect.map(Option.match(seen, { onNone: () => look, onSome: nextAfter }), (job) => [
            job,
            isTerminal(job.state) ? Option.none() : Option.some(Option.some(job))
          ])
        )
      })
    )

/** Whether two states of a job are equal. All other fields change only together with one of these. */
const sameMoment = (a: Job, b: Job) =>
  a.state === b.state && a.attempt === b.attempt && a.progress === b.progress
