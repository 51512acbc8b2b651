import { Duration, Effect, Option, Stream } from "effect"
import type { CheckedTask } from "../checked-task.js"
import { JobNotFound, StillRunning } from "../errors.js"
import type { JobId, OwnerId } from "../ids.js"
import { failureOf, isTerminal, type Job } from "../job.js"
import { Limits } from "../limits.js"
import { Closing } from "../ports/closing.js"
import { Jobs } from "../ports/jobs.js"
import { type Extras, enqueue, prepare } from "./submit.js"

/** A job of the owner. */
export const findJob = (owner: OwnerId, id: JobId) =>
  Effect.gen(function* () {
    const job = yield* (yield* Jobs).find(owner, id)
    return Option.isSome(job) ? job.value : yield* new JobNotFound()
  })

/**
 * Waits until the job has ended in any state. `StillRunning` after `syncWaitSeconds`, or when the host stops.
 */
export const awaitJob = (owner: OwnerId, id: JobId, onChange: (job: Job) => void = () => {}) =>
  Effect.gen(function* () {
    const { syncWaitSeconds } = yield* Limits
    const stillRunning = new StillRunning({ jobId: id })
    const last = yield* (yield* Jobs).watch(owner, id).pipe(
      Stream.tap((job) => Effect.sync(() => onChange(job))),
      Stream.takeUntil((job) => isTerminal(job.state)),
      Stream.runLast,
      Effect.timeoutFail({ duration: Duration.seconds(syncWaitSeconds), onTimeout: () => stillRunning }),
      Effect.raceFirst(Effect.zipRight(yield* Closing, stillRunning))
    )
    return Option.isSome(last) ? last.value : yield* new JobNotFound()
  })

/** Options of a synchronous call. */
export interface Waiting extends Extras {
  /** Called when the job is stored: `GET /job/{id}` finds it from then on. */
  readonly onSubmitted?: (id: JobId) => void
  /** Called on each change of the job's state or progress. */
  readonly onChange?: (job: Job) => void
  /** Whether the job is cancelled (default) or continues when the caller disconnects (interruption). */
  readonly onGone?: "abandon" | "continue"
}

/**
 * The synchronous call: submits the task and waits for the job. If the job fails, the effect fails with its
 * reason.
 */
export const processTask = (owner: OwnerId, task: CheckedTask, waiting: Waiting) =>
  // No interruption between the insert and the wait: the job of a caller that disconnects there would not be
  // cancelled.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const job = yield* prepare(owner, task, waiting, restore)
      const id = yield* enqueue(job)
      waiting.onSubmitted?.(id)
      const leave =
        waiting.onGone === "continue"
          ? Effect.void
          : Effect.flatMap(Jobs, (jobs) => Effect.ignoreLogged(jobs.abandon(owner, id)))
      const done = yield* restore(awaitJob(owner, id, waiting.onChange)).pipe(Effect.onInterrupt(() => leave))
      const failure = failureOf(done)
      return failure === undefined ? done : yield* Effect.fail(failure)
    })
  )
