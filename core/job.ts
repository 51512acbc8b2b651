import { Schema } from "effect"
import {
  FfmpegFailed,
  InputMissing,
  JobCancelled,
  NoWorker,
  RunLimitExceeded,
  TooManyRequests,
  WorkerLost
} from "./errors.js"
import { blobKeyText, byteCount, fileName, optional } from "./fields.js"
import { type BlobKey, blobKeyParts, type FileName, type JobId, type OwnerId } from "./ids.js"
import type { Needs } from "./needs.js"
import { outputSlot } from "./plan.js"
import type { ResolvedTask } from "./task.js"
import type { Usage } from "./usage.js"

export type JobState = "pending" | "processing" | "completed" | "failed" | "cancelled"

/** The states in which a job has ended. */
export const terminalStates = ["completed", "failed", "cancelled"] as const satisfies ReadonlyArray<JobState>

export const isTerminal = (state: JobState): boolean =>
  (terminalStates as ReadonlyArray<JobState>).includes(state)

export type JobEvent =
  | "claim"
  | "renew"
  | "complete"
  | "fail"
  | "release"
  | "reclaim"
  | "cancel"
  | "abandon"
  | "expire"

interface Transition {
  readonly from: ReadonlyArray<JobState>
  readonly to: JobState
  /** The state instead of `to` after the last allowed attempt (`attempts` of limits.ts). */
  readonly onLastAttempt?: JobState
  /** Only the holder of the current attempt can cause the event. */
  readonly fenced: boolean
}

/** All transitions of a job's state. Adapters derive their conditions from this table. */
export const transitions = {
  /** A worker claims the job: increments the attempt and sets a lease. */
  claim: { from: ["pending"], to: "processing", fenced: false },
  /** Heartbeat of the holder, with its progress. */
  renew: { from: ["processing"], to: "processing", fenced: true },
  /** The run succeeded. State, files, usage and webhook are written in one transaction. */
  complete: { from: ["processing"], to: "completed", fenced: true },
  /** ffmpeg failed or a limit ended the run. Never retried. */
  fail: { from: ["processing"], to: "failed", fenced: true },
  /** The holder releases the job because it stops or its infrastructure failed. */
  release: { from: ["processing"], to: "pending", onLastAttempt: "failed", fenced: true },
  /** A sweep takes the job from a holder whose lease has expired. */
  reclaim: { from: ["processing"], to: "pending", onLastAttempt: "failed", fenced: false },
  /** The owner cancels a job that has not started. */
  cancel: { from: ["pending"], to: "cancelled", fenced: false },
  /** The synchronous caller disconnected, so the result will not be read. */
  abandon: { from: ["pending", "processing"], to: "cancelled", fenced: false },
  /** No worker or runner that could run the job was available for `noWorkerSeconds`. */
  expire: { from: ["pending"], to: "failed", fenced: false }
} as const satisfies Record<JobEvent, Transition>

/** The state after `event`, or undefined if the event is not allowed in `state`. */
export const next = (state: JobState, event: JobEvent, lastAttempt = false): JobState | undefined => {
  const transition: Transition = transitions[event]
  if (!transition.from.includes(state)) return undefined
  return lastAttempt ? (transition.onLastAttempt ?? transition.to) : transition.to
}

const reasons = Schema.Literal("ffmpeg", "limit", "no-worker", "input-missing", "worker-lost")

/** The stored reason for a job's failure. `detail` is the text after the message's prefix. */
export const JobFailure = Schema.Union(
  Schema.Struct({
    reason: reasons.pipe(Schema.pickLiteral("ffmpeg", "limit", "no-worker")),
    detail: Schema.String
  }),
  Schema.Struct({ reason: reasons.pipe(Schema.pickLiteral("input-missing", "worker-lost")) })
)
export type JobFailure = typeof JobFailure.Type

/** Reasons that a runner may report. */
export const runnerReasons = reasons.pipe(Schema.pickLiteral("ffmpeg", "limit", "input-missing"))

export const OutputFile = Schema.Struct({
  name: fileName,
  bytes: byteCount,
  /** Its blob key, if not in the slot of its attempt. */
  key: optional(blobKeyText)
})
export type OutputFile = typeof OutputFile.Type

export interface Job {
  readonly id: JobId
  readonly owner: OwnerId
  readonly state: JobState
  readonly task: ResolvedTask
  /** Number of starts. Together with the id it identifies one holder. */
  readonly attempt: number
  /** 0 to 1, or null if unknown. Never decreases within an attempt. */
  readonly progress: number | null
  /** The outputs of a completed job, named outputs first. */
  readonly outputs: ReadonlyArray<OutputFile>
  readonly warnings: ReadonlyArray<string>
  readonly usage: Usage | null
  readonly failure: JobFailure | null
  readonly webhookUrl: string | null
  /** The URL at which the submitter reached the API: the prefix of download URLs in the webhook. */
  readonly baseUrl: string
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
}

export interface NewJob {
  readonly id: JobId
  readonly owner: OwnerId
  readonly task: ResolvedTask
  /** Tags that a worker must have, sorted. Empty: any worker can run it. */
  readonly tags: ReadonlyArray<string>
  /** Capabilities that the taker's ffmpeg must have. */
  readonly needs: Needs
  /** Higher goes first. `claim` of ports/jobs.ts defines the order among equal priorities. */
  readonly priority: number
  readonly webhookUrl: string | null
  readonly baseUrl: string
  /** Idempotency key of the submission: repeating it returns the same job. */
  readonly idempotencyKey: string | null
}

/** The refusal of a job when `most` jobs of the owner already wait or run. */
export const tooManyJobs = (most: number): TooManyRequests =>
  new TooManyRequests({
    message: `Too many jobs of this API key wait or run: at most ${most} are allowed, try again when some of them have ended`,
    retryAfterSeconds: 5
  })

/**
 * Whether an owner may add a waiting job. Each owner may have at most as many waiting jobs as places are
 * left. So the share of each shrinks as the queue fills, and owners with many waiting jobs leave places to
 * others: two owners fill at most two thirds.
 */
export const hasRoom = (waitingOfOwner: number, waitingOfAll: number, places: number): boolean =>
  waitingOfAll < places && waitingOfOwner <= places - waitingOfAll

/** The refusal of a job by `hasRoom`. */
export const tooManyWaiting = (waitingOfOwner: number): TooManyRequests =>
  new TooManyRequests({
    message: `The queue is filling up, and ${waitingOfOwner} jobs of this API key wait already: try again when some of them have ended`,
    retryAfterSeconds: 5
  })

/** The failure of a job that no worker or runner could run. `asks` are its tags and needs. */
export const noWorkerFor = (asks: ReadonlyArray<string>, seconds: number): JobFailure => ({
  reason: "no-worker",
  detail:
    asks.length === 0
      ? `no worker or runner was available for ${seconds} s`
      : `no worker or runner with all of ${asks.map((ask) => `"${ask}"`).join(", ")} was available for ${seconds} s`
})

/**
 * Delay before a retry after an infrastructure failure, in seconds: multiplied by 4 per retry, at most 60.
 */
export const retryPauseSeconds = (attempt: number, firstSeconds: number): number =>
  Math.min(60, firstSeconds * 4 ** (attempt - 1))

/** Identifies one holder of a job. Valid while there is no later attempt and the lease is renewed. */
export interface Hold {
  readonly id: JobId
  readonly owner: OwnerId
  readonly attempt: number
}

/** A claimed job: the right to run it, and its task. */
export interface Claim extends Hold {
  readonly task: ResolvedTask
}

/** The failure of a job as an error for synchronous callers; undefined if it has not failed. */
export const failureOf = (
  job: Job
): FfmpegFailed | RunLimitExceeded | InputMissing | NoWorker | WorkerLost | JobCancelled | undefined => {
  if (job.state === "cancelled") return new JobCancelled()
  const { failure } = job
  if (failure === null) return undefined
  switch (failure.reason) {
    case "ffmpeg":
      return new FfmpegFailed({ reason: failure.detail })
    case "limit":
      return new RunLimitExceeded({ limit: failure.detail })
    case "input-missing":
      return new InputMissing()
    case "no-worker":
      return new NoWorker({ detail: failure.detail })
    case "worker-lost":
      return new WorkerLost()
  }
}

export type JobStatus = "pending" | "processing" | "completed" | "failed"

/** The status in the API, where a cancelled job counts as failed. */
export const statusOf = (state: JobState): JobStatus => (state === "cancelled" ? "failed" : state)

/** An output as stored in the row of its job. */
export const outputFile = (
  hold: Pick<Hold, "id" | "attempt">,
  {
    name,
    blob
  }: { readonly name: FileName; readonly blob: { readonly key: BlobKey; readonly bytes: number } }
): OutputFile => ({
  name,
  bytes: blob.bytes,
  ...(blobKeyParts(blob.key)[1] !== outputSlot(hold) && { key: blob.key })
})

/** The failure of a job whose run created a file with the name of an upload or import. */
export const nameTaken = (name: FileName): JobFailure => ({
  reason: "ffmpeg",
  detail: `the run made "${name}", but a file of that name was uploaded or fetched: have it made under another name, or delete that file first`
})
