import { Schema } from "effect"
import { FfmpegFailed, InputMissing, JobCancelled, NoWorker, RunLimitExceeded, TooManyRequests, WorkerLost } from "./errors.js"
import { blobKeyText, byteCount, fileName, optional } from "./fields.js"
import { type BlobKey, blobKeyParts, type FileName, type JobId, type OwnerId } from "./ids.js"
import type { Needs } from "./needs.js"
import { outputSlot } from "./plan.js"
import type { ResolvedTask } from "./task.js"
import type { Usage } from "./usage.js"

export type JobState = "pending" | "processing" | "completed" | "failed" | "cancelled"

export const terminalStates = ["completed", "failed", "cancelled"] as const satisfies ReadonlyArray<JobState>

export const isTerminal = (state: JobState): boolean => (terminalStates as ReadonlyArray<JobState>).includes(state)

export type JobEvent = "claim" | "renew" | "complete" | "fail" | "release" | "reclaim" | "cancel" | "abandon" | "expire"

interface Transition {
  readonly from: ReadonlyArray<JobState>
  readonly to: JobState
  /** Where the event leads instead when the job has been started as often as it may be. */
  readonly onLastAttempt?: JobState
  /** The event changes the row only for the holder of its current attempt: the fence. */
  readonly fenced: boolean
}

/** The whole life of a job. Adapters take their conditions from here and nowhere else. */
export const transitions = {
  /** A worker takes the job: attempt + 1, a lease. */
  claim: { from: ["pending"], to: "processing", fenced: false },
  /** The holder is alive, and this is how far it got. */
  renew: { from: ["processing"], to: "processing", fenced: true },
  /** Files, usage and webhook appear with the state, in one transaction. */
  complete: { from: ["processing"], to: "completed", fenced: true },
  /** ffmpeg's answer was no, or a limit ended the run: an answer, never retried. */
  fail: { from: ["processing"], to: "failed", fenced: true },
  /** The holder gives the job back: it stops, or its infrastructure failed. */
  release: { from: ["processing"], to: "pending", onLastAttempt: "failed", fenced: true },
  /** A sweep takes the job from a holder whose lease is over. */
  reclaim: { from: ["processing"], to: "pending", onLastAttempt: "failed", fenced: false },
  /** The owner no longer wants a job that nobody has started. */
  cancel: { from: ["pending"], to: "cancelled", fenced: false },
  /** The caller that waited for the job has gone: nobody will read its result. */
  abandon: { from: ["pending", "processing"], to: "cancelled", fenced: false },
  /** No worker or runner that could run the job has been here for too long. */
  expire: { from: ["pending"], to: "failed", fenced: false }
} as const satisfies Record<JobEvent, Transition>

/** Where `event` leads from `state`, or undefined where it changes nothing. */
export const next = (state: JobState, event: JobEvent, lastAttempt = false): JobState | undefined => {
  const transition: Transition = transitions[event]
  if (!transition.from.includes(state)) return undefined
  return lastAttempt ? (transition.onLastAttempt ?? transition.to) : transition.to
}

const reasons = Schema.Literal("ffmpeg", "limit", "no-worker", "input-missing", "worker-lost")

/** Why a job failed, as it is stored. `detail` is the sentence after the prefix, where the reason has one. */
export const JobFailure = Schema.Union(
  Schema.Struct({ reason: reasons.pipe(Schema.pickLiteral("ffmpeg", "limit", "no-worker")), detail: Schema.String }),
  Schema.Struct({ reason: reasons.pipe(Schema.pickLiteral("input-missing", "worker-lost")) })
)
export type JobFailure = typeof JobFailure.Type

/** Reasons that a runner finds, and tells its host. */
export const runnerReasons = reasons.pipe(Schema.pickLiteral("ffmpeg", "limit", "input-missing"))

export const OutputFile = Schema.Struct({
  name: fileName,
  bytes: byteCount,
  /** Where its bytes are, if not in the slot of its attempt. */
  key: optional(blobKeyText)
})
export type OutputFile = typeof OutputFile.Type

export interface Job {
  readonly id: JobId
  readonly owner: OwnerId
  readonly state: JobState
  readonly task: ResolvedTask
  /** How often it has been started; with the id it names one holder. */
  readonly attempt: number
  /** 0 to 1, or null when it can't be known. Never goes back within an attempt. */
  readonly progress: number | null
  /** Of a completed job: the named outputs first. */
  readonly outputs: ReadonlyArray<OutputFile>
  readonly warnings: ReadonlyArray<string>
  readonly usage: Usage | null
  readonly failure: JobFailure | null
  readonly webhookUrl: string | null
  /** Where its submitter reached us: what links in its webhook start with. */
  readonly baseUrl: string
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
}

export interface NewJob {
  readonly id: JobId
  readonly owner: OwnerId
  readonly task: ResolvedTask
  /** What a worker must have to run it, sorted; any will do where there is none. */
  readonly tags: ReadonlyArray<string>
  /** What it names of an ffmpeg: who can't meet all of it does not get it. */
  readonly needs: Needs
  /** Higher goes first; `claim` of ports/jobs.ts says whose turn it is among equals. */
  readonly priority: number
  readonly webhookUrl: string | null
  readonly baseUrl: string
  /** Its owner's own name for the submission: sent again, it means the same job. */
  readonly idempotencyKey: string | null
}

/** What an owner reads whose jobs wait or run in their `most`: the next may be accepted when one of them has ended. */
export const tooManyJobs = (most: number): TooManyRequests =>
  new TooManyRequests({
    message: `Too many jobs of this API key wait or run: at most ${most} are allowed, try again when some of them have ended`,
    retryAfterSeconds: 5
  })

/**
 * The room that all owners share: each may have no more jobs waiting than places are left. So the share of each shrinks as
 * the room fills, and owners with many waiting jobs leave places to those with few: two of them fill two thirds at most.
 */
export const hasRoom = (waitingOfOwner: number, waitingOfAll: number, places: number): boolean =>
  waitingOfAll < places && waitingOfOwner <= places - waitingOfAll

/** What an owner reads whose waiting jobs are as many as the places that are left for all. */
export const tooManyWaiting = (waitingOfOwner: number): TooManyRequests =>
  new TooManyRequests({
    message: `The queue is filling up, and ${waitingOfOwner} jobs of this API key wait already: try again when some of them have ended`,
    retryAfterSeconds: 5
  })

/** Why a job ended that nobody here could run; `asks` are its tags and needs. */
export const noWorkerFor = (asks: ReadonlyArray<string>, seconds: number): JobFailure => ({
  reason: "no-worker",
  detail:
    asks.length === 0
      ? `no worker or runner was there to run the job for ${seconds} s`
      : `no worker or runner that has all of ${asks.map((ask) => `"${ask}"`).join(", ")} was there for ${seconds} s`
})

/** How long a job that infrastructure broke under waits for its next attempt: four times as long each time, a minute at most. */
export const retryPauseSeconds = (attempt: number, firstSeconds: number): number => Math.min(60, firstSeconds * 4 ** (attempt - 1))

/** Names one holder of a job: good while no later attempt exists and the lease is renewed. */
export interface Hold {
  readonly id: JobId
  readonly owner: OwnerId
  readonly attempt: number
}

/** The right to run a job, and what it is. */
export interface Claim extends Hold {
  readonly task: ResolvedTask
}

/** The failure of a job as the error a synchronous caller meets; undefined while there is none. */
export const failureOf = (job: Job): FfmpegFailed | RunLimitExceeded | InputMissing | NoWorker | WorkerLost | JobCancelled | undefined => {
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

/** The state in the API's four words: a cancelled job reads as failed. */
export const statusOf = (state: JobState): JobStatus => (state === "cancelled" ? "failed" : state)

/** An output as the row of its job names it. */
export const outputFile = (
  hold: Pick<Hold, "id" | "attempt">,
  { name, blob }: { readonly name: FileName; readonly blob: { readonly key: BlobKey; readonly bytes: number } }
): OutputFile => ({
  name,
  bytes: blob.bytes,
  ...(blobKeyParts(blob.key)[1] !== outputSlot(hold) && { key: blob.key })
})

/** Why a run that went well fails after all: it made a file under the name of one that the user sent. */
export const nameTaken = (name: FileName): JobFailure => ({
  reason: "ffmpeg",
  detail: `the run made "${name}", but a file of that name was uploaded or fetched: have it made under another name, or delete that file first`
})
