import { Context, type Option, type Stream } from "effect"
import type { Busy, JobNotFound, JobNotPending, LeaseLost, TooManyRequests, Unavailable } from "../errors.js"
import type { FileName, JobId, OwnerId } from "../ids.js"
import type { Claim, Hold, Job, JobFailure, NewJob } from "../job.js"
import type { Needs } from "../needs.js"
import type { Usage } from "../usage.js"
import type { Fx } from "./effect.js"
import type { Blob } from "./storage.js"

/** The result of a finished run. */
export interface Published {
  /** Named outputs first. Each replaces an earlier output of the same name. */
  readonly outputs: ReadonlyArray<{ readonly name: FileName; readonly blob: Blob }>
  readonly usage: Usage
  readonly warnings: ReadonlyArray<string>
}

/** Claim filter: the taker must have all tags of a job and satisfy its needs. */
export interface Taker {
  readonly tags?: ReadonlyArray<string>
  /** Whether the taker satisfies the needs of a job. Default: always. */
  readonly meets?: ((needs: Needs) => boolean) | undefined
  /** Owners whose jobs are skipped. */
  readonly except?: ReadonlyArray<OwnerId>
}

/**
 * The job table, which is authoritative. Every change follows `transitions` of job.ts, in one statement or
 * transaction that begins with the conditional write. Times come from Effect's Clock.
 */
export interface JobsShape {
  /**
   * Inserts a job and returns its id; the row is durable then. If the owner used the same idempotency key
   * within
   * `idempotencySeconds` (limits.ts), nothing is inserted and the id of that earlier job is returned.
   * Fails if the owner already has `pendingJobsPerKey` (limits.ts) waiting or running jobs, then if
   * `maxPending` jobs of all owners wait, then if the owner has more waiting jobs than places are left
   * (`hasRoom` of job.ts). All are counted in the same statement.
   */
  readonly insert: (job: NewJob, maxPending: number) => Fx<JobId, Busy | TooManyRequests>
  /** The job that was inserted with this idempotency key within the last `idempotencySeconds`. */
  readonly findRepeated: (owner: OwnerId, idempotencyKey: string) => Fx<Option.Option<JobId>>
  /** `None` for an unknown job and for one of another owner. */
  readonly find: (owner: OwnerId, id: JobId) => Fx<Option.Option<Job>>
  /** Emits the job as it is now and after each observed change. Ends after a terminal state. */
  readonly watch: (owner: OwnerId, id: JobId) => Stream.Stream<Job, JobNotFound | Unavailable>
  /**
   * Claims the next pending job, or `None`. Order: the highest priority; the owner with the fewest running
   * jobs; the longest wait, counted from the later of its insertion and its owner's last claim; the hinted
   * job; the oldest job; the first id. So owners take turns, even with one slot. Jobs that the filter `taker`
   * excludes and released jobs whose retry delay has not ended are skipped.
   */
  readonly claim: (leaseUntil: Date, hint?: JobId, taker?: Taker) => Fx<Option.Option<Claim>>
  /** Up to `limit` jobs without tags that can be claimed now: highest priority first, then oldest. */
  readonly waiting: (limit: number) => Fx<ReadonlyArray<{ readonly id: JobId; readonly priority: number }>>
  /** Extends the lease and writes the progress (0 to 1, or null). */
  readonly renew: (hold: Hold, leaseUntil: Date, progress: number | null) => Fx<void, LeaseLost>
  /**
   * Completes the job in one transaction: state, rows of the output files (which replace earlier outputs of
   * the same names), usage and webhook row. True if it completed. False if the job failed instead: an upload
   * or import has the name of an output (`nameTaken`), or the outputs exceed the owner's quota of stored
   * bytes or `filesPerDirectory` (limits.ts). Outputs that replace others always fit. If the directory no
   * longer exists, the job completes without file rows, so that the sweep removes the bytes.
   */
  readonly complete: (hold: Hold, published: Published) => Fx<boolean, LeaseLost>
  readonly fail: (hold: Hold, failure: JobFailure, usage: Usage) => Fx<void, LeaseLost>
  /**
   * Sets the job back to pending without progress; it can't be claimed before `until`. After the last attempt
   * (`attempts` of limits.ts) the job fails as `worker-lost` instead.
   */
  readonly release: (hold: Hold, until?: Date) => Fx<void, LeaseLost>
  /** Cancels a pending job. Another owner's job is not found; `JobNotPending` has the `statusOf` the job. */
  readonly cancel: (owner: OwnerId, id: JobId) => Fx<void, JobNotFound | JobNotPending>
  /**
   * Cancels a job whose synchronous caller disconnected, without a webhook. Does nothing if the job has
   * ended.
   */
  readonly abandon: (owner: OwnerId, id: JobId) => Fx<void>
  /**
   * Reclaims jobs whose lease ended before `now` or whose holder `isGone` (`Holder` of the calling fiber).
   * Returns their number.
   */
  readonly reclaim: (now: Date) => Fx<number>
  /**
   * Marks waiting jobs that this taker can run as runnable, unless they were marked, inserted or released
   * since
   * `before`. Returns their number.
   */
  readonly markRunnable: (taker: Taker, before: Date) => Fx<number>
  /**
   * Fails waiting jobs (`noWorkerFor`) that were not marked as runnable, inserted or released since `before`.
   * Returns their number.
   */
  readonly expire: (before: Date) => Fx<number>
  /**
   * Deletes the rows of jobs that ended before `finishedBefore`. Rows of files and webhooks stay. Returns
   * their number.
   */
  readonly purge: (finishedBefore: Date) => Fx<number>
}

export class Jobs extends Context.Tag("ffkiln/Jobs")<Jobs, JobsShape>() {}
