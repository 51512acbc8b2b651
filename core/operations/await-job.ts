import { Duration, Effect, Option, Stream } from "effect"
import type { CheckedTask } from "../checked-task.js"
import { JobNotFound, StillRunning } from "../errors.js"
import type { JobId, OwnerId } from "../ids.js"
import { failureOf, isTerminal, type Job } from "../job.js"
import { Limits } from "../limits.js"
import { Closing } from "../ports/closing.js"
import { Jobs } from "../ports/jobs.js"
import { type Extras, enqueue, prepare } from "./submit.js"

export const findJob = (owner: OwnerId, id: JobId) =>
  Effect.gen(function* () {
    const job = yield* (yield* Jobs).find(owner, id)
    return Option.isSome(job) ? job.value : yield* new JobNotFound()
  })

/** The job once it is over, whatever its end; StillRunning when the wait is over first, or the host stops. */
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

export interface Waiting extends Extras {
  /** The job is in the table: from now on it can be asked for by its id. */
  readonly onSubmitted?: (id: JobId) => void
  /** The job as it changes: its state and progress. */
  readonly onChange?: (job: Job) => void
  /** What becomes of the job when the caller goes away (interruption): ended, unless it is to go on. */
  readonly onGone?: "abandon" | "continue"
}

/** The synchronous call: submit, then wait. A job that failed fails with its reason. */
export const processTask = (owner: OwnerId, task: CheckedTask, waiting: Waiting) =>
  // From the row on nothing may come between it and the wait, or a caller that leaves would leave its job behind.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const job = yield* prepare(owner, task, waiting, restore)
      const id = yield* enqueue(job)
      waiting.onSubmitted?.(id)
      const leave =
        waiting.onGone === "continue" ? Effect.void : Effect.flatMap(Jobs, (jobs) => Effect.ignoreLogged(jobs.abandon(owner, id)))
      const done = yield* restore(awaitJob(owner, id, waiting.onChange)).pipe(Effect.onInterrupt(() => leave))
      const failure = failureOf(done)
      return failure === undefined ? done : yield* Effect.fail(failure)
    })
  )
