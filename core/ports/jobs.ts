import { Context, type Option, type Stream } from "effect"
import type { Busy, JobNotFound, JobNotPending, LeaseLost, TooManyRequests, Unavailable } from "../errors.js"
import type { FileName, JobId, OwnerId } from "../ids.js"
import type { Claim, Hold, Job, JobFailure, NewJob } from "../job.js"
import type { Needs } from "../needs.js"
import type { Usage } from "../usage.js"
import type { Fx } from "./effect.js"
import type { Blob } from "./storage.js"

/** What a finished run puts into the world. */
export interface Published {
  /** The named outputs first; each replaces an earlier output of its name. */
  readonly outputs: ReadonlyArray<{ readonly name: FileName; readonly blob: Blob }>
  readonly usage: Usage
  readonly warnings: ReadonlyArray<string>
}

/** Who takes a job: only those come into question whose tags it has all of, and whose needs it meets. */
export interface Taker {
  readonly tags?: ReadonlyArray<string>
  /** Default: whatever it is. */
  readonly meets?: ((needs: Needs) => boolean) | undefined
  /** Owners whose jobs it does not take now. */
  readonly except?: ReadonlyArray<OwnerId>
}

/**
 * The job table: the truth. Every change follows `transitions` of job.ts, in one statement or transaction that begins
 * with the conditional write. Times come from Effect's Clock.
 */
export interface JobsShape {
  /**
   * The row is durable when this returns: the id of the job that is there now. That is another one, and nothing is
   * inserted, where its owner used the same idempotency key within `idempotencySeconds` of limits.ts.
   * Fails when its owner has `pendingJobsPerKey` (limits.ts) jobs that wait or run already, then when `maxPending` jobs of
   * all owners wait, then when its owner has more waiting than places are left (`hasRoom` of job.ts); all are counted in
   * the same statement.
   */
  readonly insert: (job: NewJob, maxPending: number) => Fx<JobId, Busy | TooManyRequests>
  /** The job that was inserted with this idempotency key less than `idempotencySeconds` ago. */
  readonly findRepeated: (owner: OwnerId, idempotencyKey: string) => Fx<Option.Option<JobId>>
  /** Foreign and unknown are both none. */
  readonly find: (owner: OwnerId, id: JobId) => Fx<Option.Option<Job>>
  /** The job as it is now, then after each change that is seen, ending with the terminal one. */
  readonly watch: (owner: OwnerId, id: JobId) => Stream.Stream<Job, JobNotFound | Unavailable>
  /**
   * Takes the pending job whose turn it is; none when there is nothing to take. The highest priority goes first, then the
   * owner with the fewest running jobs, then the job that waits the longest, counted from its owner's last claim where that
   * came later, then the hinted job, then the oldest, then the first by id. So owners take turns, on one slot as well.
   * Passed over are jobs that are not for this taker, and those that were released until later.
   */
  readonly claim: (leaseUntil: Date, hint?: JobId, taker?: Taker) => Fx<Option.Option<Claim>>
  /** Jobs without tags that could be claimed now: of the highest priority first, then the oldest; at most so many. */
  readonly waiting: (limit: number) => Fx<ReadonlyArray<{ readonly id: JobId; readonly priority: number }>>
  /** Extends the lease; progress is written as given. */
  readonly renew: (hold: Hold, leaseUntil: Date, progress: number | null) => Fx<void, LeaseLost>
  /**
   * State, output file rows (earlier outputs of the same names replaced), usage and webhook row: all or nothing.
   * Where an upload or import has an output's name it stays: the job fails instead, as `nameTaken`.
   * False where the job failed instead: a name is taken, or the outputs lead their owner past the quota of stored bytes or
   * their directory past `filesPerDirectory` of limits.ts; those that replace others always fit.
   * Where the directory is gone the job completes without file rows, so that nothing keeps the bytes from the sweep.
   */
  readonly complete: (hold: Hold, published: Published) => Fx<boolean, LeaseLost>
  readonly fail: (hold: Hold, failure: JobFailure, usage: Usage) => Fx<void, LeaseLost>
  /**
   * Back to pending and without progress, not to be claimed before `until`; or failed as `worker-lost` after the last
   * attempt (`attempts` of limits.ts).
   */
  readonly release: (hold: Hold, until?: Date) => Fx<void, LeaseLost>
  /** A foreign job is not found; one that is no longer pending is named by its `statusOf`. */
  readonly cancel: (owner: OwnerId, id: JobId) => Fx<void, JobNotFound | JobNotPending>
  /** Ends a job that nobody waits for any more; a job that is over stays as it is. No webhook. */
  readonly abandon: (owner: OwnerId, id: JobId) => Fx<void>
  /** Takes jobs back from holders whose lease ended before `now`, or that the calling fiber's `Holder` knows to be gone: how many. */
  readonly reclaim: (now: Date) => Fx<number>
  /**
   * Notes that somebody here can run these jobs: those that wait, are for this taker and were not noted (nor inserted or
   * given back) since `before`. How many.
   */
  readonly markRunnable: (taker: Taker, before: Date) => Fx<number>
  /** Fails waiting jobs, as `noWorkerFor`, that were not noted as runnable, inserted or given back since `before`: how many. */
  readonly expire: (before: Date) => Fx<number>
  /** Forgets terminal jobs that finished before: how many. Rows of files and webhooks stay. */
  readonly purge: (finishedBefore: Date) => Fx<number>
}

export class Jobs extends Context.Tag("ffkiln/Jobs")<Jobs, JobsShape>() {}
