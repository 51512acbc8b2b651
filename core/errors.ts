import { Data } from "effect"
import type { DirId, FileName, JobId } from "./ids.js"

/**
 * The errors of the API. `message` is the sentence that the caller reads: it names the field and the fix in
 * the API's terms, and never contains an internal path, host name or stack trace. Causes go to the log.
 */

/** The request itself is malformed. */
export class InvalidRequest extends Data.TaggedError("InvalidRequest")<{ readonly message: string }> {}

/** The task is invalid. The prefix is prescribed by the API reference ("Common Error Scenarios"). */
export class InvalidTask extends Data.TaggedError("InvalidTask")<{ readonly reason: string }> {
  override get message() {
    return `Invalid task format: ${this.reason}`
  }
}

export class NameTaken extends Data.TaggedError("NameTaken")<{ readonly name: FileName }> {
  override get message() {
    return `A file named "${this.name}" exists in this directory already: delete it first or choose another file_name`
  }
}

/**
 * The URL may not be called. The default text is the same for all reasons, so that the API can't be used as a
 * port scanner.
 */
export class UrlRefused extends Data.TaggedError("UrlRefused")<{ readonly reason?: string }> {
  override get message() {
    return this.reason ?? "URL is not allowed or not reachable"
  }
}

export class UrlUnreachable extends Data.TaggedError("UrlUnreachable")<{ readonly reason?: string }> {
  override get message() {
    return this.reason ?? "The URL could not be fetched: its server failed or did not answer in time"
  }
}

export class InvalidApiKey extends Data.TaggedError("InvalidApiKey") {
  override readonly message = "Invalid API key"
}

/** The token of a remote runner, or of one of its runs, is invalid. */
export class InvalidRunnerToken extends Data.TaggedError("InvalidRunnerToken") {
  override readonly message = "Invalid runner token"
}

/**
 * The run's lease is lost: the job was reassigned or has finished. Further work of this runner is discarded.
 */
export class RunLost extends Data.TaggedError("RunLost")<{
  /** How the runner detected it, for its log. */
  readonly why?: string
}> {
  override readonly message = "This run is no longer yours: end it"
}

export class QuotaExceeded extends Data.TaggedError("QuotaExceeded")<{ readonly message: string }> {}

/**
 * Expired and forged tokens give the same error. The text for uploads is prescribed by the API reference
 * ("Common Error Scenarios").
 */
export class SignedUrlExpired extends Data.TaggedError("SignedUrlExpired")<{
  readonly what?: "Upload" | "Download"
}> {
  override get message() {
    return `${this.what ?? "Signed"} URL expired or invalid: request a new one`
  }
}

/** Missing, expired and other owners' resources give the same response body. */
export class DirectoryNotFound extends Data.TaggedError("DirectoryNotFound") {
  override readonly message = "Directory not found"
}
export class FileNotFound extends Data.TaggedError("FileNotFound")<{ readonly hint?: string }> {
  override get message() {
    return this.hint === undefined ? "File not found" : `File not found: ${this.hint}`
  }
}
export class JobNotFound extends Data.TaggedError("JobNotFound") {
  override readonly message = "Job not found"
}
export class DeliveryNotFound extends Data.TaggedError("DeliveryNotFound") {
  override readonly message = "Webhook delivery not found"
}
export class RouteNotFound extends Data.TaggedError("RouteNotFound")<{ readonly hint?: string }> {
  override get message() {
    return this.hint === undefined ? "No such endpoint" : `No such endpoint: ${this.hint}`
  }
}
export class MethodNotAllowed extends Data.TaggedError("MethodNotAllowed")<{
  readonly allowed: ReadonlyArray<string>
}> {
  override get message() {
    return `Method not allowed: use ${this.allowed.join(" or ")}`
  }
}

export class JobNotPending extends Data.TaggedError("JobNotPending")<{ readonly status: string }> {
  override get message() {
    return `Cannot cancel job in '${this.status}' status. Only pending jobs can be cancelled.`
  }
}

export class TooLarge extends Data.TaggedError("TooLarge")<{
  readonly what: string
  readonly maxBytes: number
}> {
  override get message() {
    return `${this.what} is too large: at most ${this.maxBytes} bytes are allowed`
  }
}

/** ffmpeg failed. `reason` is the classified cause with the end of ffmpeg's log, without internal paths. */
export class FfmpegFailed extends Data.TaggedError("FfmpegFailed")<{ readonly reason: string }> {
  override get message() {
    return `FFmpeg processing failed: ${this.reason}`
  }
}

/**
 * A limit ended a run of ffmpeg, or of ffprobe if `probe` is set. `limit` describes the limit in a sentence.
 */
export class RunLimitExceeded extends Data.TaggedError("RunLimitExceeded")<{
  readonly limit: string
  readonly probe?: true
}> {
  override get message() {
    return `${this.probe ? "FFprobe analysis" : "FFmpeg processing"} failed: ${this.limit}`
  }
}

export class ProbeFailed extends Data.TaggedError("ProbeFailed")<{ readonly reason: string }> {
  override get message() {
    return `FFprobe analysis failed: ${this.reason}`
  }
}

/** The bytes of an input are missing, although its file existed when the job was accepted. */
export class InputMissing extends Data.TaggedError("InputMissing") {
  override readonly message = "An input file of this job is no longer in storage"
}

/** Every attempt was interrupted: each time the worker was lost. */
export class WorkerLost extends Data.TaggedError("WorkerLost") {
  override readonly message = "The job was interrupted too often and has been given up"
}

/**
 * No worker or runner could run the job for `noWorkerSeconds`. `detail` lists the tags and capabilities it
 * needs.
 */
export class NoWorker extends Data.TaggedError("NoWorker")<{ readonly detail: string }> {
  override get message() {
    return `The job could not be run: ${this.detail}`
  }
}

export class JobCancelled extends Data.TaggedError("JobCancelled") {
  override readonly message = "Job was cancelled"
}

/** The limit of waiting jobs (`pendingJobs`) is reached. */
export class Busy extends Data.TaggedError("Busy") {
  override readonly message = "Too many jobs are waiting: try again later"
}

/**
 * The limit of running and waiting probes is reached, in total or for this key; or the probe waited too long.
 */
export class ProbesBusy extends Data.TaggedError("ProbesBusy") {
  override readonly message =
    "Too many probes are running or waiting, in all or for this API key: try again later"
}

/** The limit of running and waiting uploads and imports is reached, in total or for this key. */
export class UploadsBusy extends Data.TaggedError("UploadsBusy") {
  override readonly message =
    "Too many uploads are under way or waiting, in all or for this API key: try again later"
}

/** Too little disk space is free to store anything new. Stored files can still be read and deleted. */
export class DiskFull extends Data.TaggedError("DiskFull") {
  override readonly message =
    "The server's disk is nearly full: nothing new is taken until there is room, try again later"
}

/** A limit of one API key is reached. Requests with other keys are still accepted. */
export class TooManyRequests extends Data.TaggedError("TooManyRequests")<{
  readonly message: string
  /** Value of the `Retry-After` header: whole seconds, at least 1. */
  readonly retryAfterSeconds: number
}> {}

/** A synchronous request timed out. The job continues. */
export class StillRunning extends Data.TaggedError("StillRunning")<{ readonly jobId: JobId }> {
  override get message() {
    return `The job is still running: ask GET /job/${this.jobId} for its result`
  }
}

/** Infrastructure failed. `what` and `cause` go to the log; the caller reads one general sentence. */
export class Unavailable extends Data.TaggedError("Unavailable")<{
  readonly what: string
  readonly cause?: unknown
}> {
  override readonly message = "The service is temporarily unavailable: try again later"
}

export type ApiError =
  | InvalidRequest
  | InvalidTask
  | NameTaken
  | UrlRefused
  | UrlUnreachable
  | InvalidApiKey
  | QuotaExceeded
  | SignedUrlExpired
  | DirectoryNotFound
  | FileNotFound
  | JobNotFound
  | DeliveryNotFound
  | RouteNotFound
  | MethodNotAllowed
  | JobNotPending
  | TooLarge
  | FfmpegFailed
  | RunLimitExceeded
  | ProbeFailed
  | InputMissing
  | WorkerLost
  | NoWorker
  | JobCancelled
  | Busy
  | ProbesBusy
  | UploadsBusy
  | DiskFull
  | TooManyRequests
  | StillRunning
  | Unavailable

/** The errors of the API for remote runners. */
export type RunnerError = ApiError | InvalidRunnerToken | RunLost

/* Errors between ports and operations. They never reach a caller. */

export class BlobMissing extends Data.TaggedError("BlobMissing")<{ readonly dir: DirId | string }> {}

/** The holder lost its lease: no row matched (job, attempt), because the job was reassigned or has ended. */
export class LeaseLost extends Data.TaggedError("LeaseLost") {}

/** `status` is the status code of the receiver's response, or null if there was none. */
export class WebhookRejected extends Data.TaggedError("WebhookRejected")<{
  readonly reason: string
  readonly status: number | null
}> {}
