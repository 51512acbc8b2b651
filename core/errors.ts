import { Data } from "effect"
import type { DirId, FileName, JobId } from "./ids.js"

/**
 * Every failure that a caller can meet. `message` is the sentence the caller reads: it names the field and the way out
 * in the API's words, and never a path, a host name or a stack of ours. Causes are for the log.
 */

/** The request itself is malformed. */
export class InvalidRequest extends Data.TaggedError("InvalidRequest")<{ readonly message: string }> {}

/** The task can't be run as it stands. The prefix is the reference's ("Common Error Scenarios"). */
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

/** One text for every reason, so that the API is no port scanner. */
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

/** Of a remote runner, or of one of its runs. */
export class InvalidRunnerToken extends Data.TaggedError("InvalidRunnerToken") {
  override readonly message = "Invalid runner token"
}

/** A remote runner no longer holds its run: another one does, or it is over. Whatever the runner still does for it is discarded. */
export class RunLost extends Data.TaggedError("RunLost")<{
  /** How a runner found out, for its log. */
  readonly why?: string
}> {
  override readonly message = "This run is no longer yours: end it"
}

export class QuotaExceeded extends Data.TaggedError("QuotaExceeded")<{ readonly message: string }> {}

/** Late and forged tokens are told apart for nobody. The words for uploads are the reference's ("Common Error Scenarios"). */
export class SignedUrlExpired extends Data.TaggedError("SignedUrlExpired")<{ readonly what?: "Upload" | "Download" }> {
  override get message() {
    return `${this.what ?? "Signed"} URL expired or invalid: request a new one`
  }
}

/** Missing, foreign and expired things get one same body each. */
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
export class MethodNotAllowed extends Data.TaggedError("MethodNotAllowed")<{ readonly allowed: ReadonlyArray<string> }> {
  override get message() {
    return `Method not allowed: use ${this.allowed.join(" or ")}`
  }
}

export class JobNotPending extends Data.TaggedError("JobNotPending")<{ readonly status: string }> {
  override get message() {
    return `Cannot cancel job in '${this.status}' status. Only pending jobs can be cancelled.`
  }
}

export class TooLarge extends Data.TaggedError("TooLarge")<{ readonly what: string; readonly maxBytes: number }> {
  override get message() {
    return `${this.what} is too large: at most ${this.maxBytes} bytes are allowed`
  }
}

/** ffmpeg said no. `reason` is the classified cause with the end of its log, free of our paths. */
export class FfmpegFailed extends Data.TaggedError("FfmpegFailed")<{ readonly reason: string }> {
  override get message() {
    return `FFmpeg processing failed: ${this.reason}`
  }
}

/** A limit ended the run of ffmpeg, or of ffprobe where `probe` says so; `limit` says which, in a sentence. */
export class RunLimitExceeded extends Data.TaggedError("RunLimitExceeded")<{ readonly limit: string; readonly probe?: true }> {
  override get message() {
    return `${this.probe ? "FFprobe analysis" : "FFmpeg processing"} failed: ${this.limit}`
  }
}

export class ProbeFailed extends Data.TaggedError("ProbeFailed")<{ readonly reason: string }> {
  override get message() {
    return `FFprobe analysis failed: ${this.reason}`
  }
}

/** An input's bytes are gone though its row was there when the job was accepted. */
export class InputMissing extends Data.TaggedError("InputMissing") {
  override readonly message = "An input file of this job is no longer in storage"
}

/** No attempt came to an end: workers were lost, again and again. */
export class WorkerLost extends Data.TaggedError("WorkerLost") {
  override readonly message = "The job was interrupted too often and has been given up"
}

/** Nobody here could run the job for too long; `detail` says what it asks for. */
export class NoWorker extends Data.TaggedError("NoWorker")<{ readonly detail: string }> {
  override get message() {
    return `The job could not be run: ${this.detail}`
  }
}

export class JobCancelled extends Data.TaggedError("JobCancelled") {
  override readonly message = "Job was cancelled"
}

/** The waiting room is full. */
export class Busy extends Data.TaggedError("Busy") {
  override readonly message = "Too many jobs are waiting: try again later"
}

/** More probes run and wait than the server takes, in all or for this key; it did not come to this one. */
export class ProbesBusy extends Data.TaggedError("ProbesBusy") {
  override readonly message = "Too many probes are running or waiting, in all or for this API key: try again later"
}

/** More files are uploaded and imported, and wait for that, than the server takes, in all or for this key. */
export class UploadsBusy extends Data.TaggedError("UploadsBusy") {
  override readonly message = "Too many uploads are under way or waiting, in all or for this API key: try again later"
}

/** There is too little room for anything new. What is stored can still be read, and deleted. */
export class DiskFull extends Data.TaggedError("DiskFull") {
  override readonly message = "The server's disk is nearly full: nothing new is taken until there is room, try again later"
}

/** A key asks for more than its share; others are served meanwhile. */
export class TooManyRequests extends Data.TaggedError("TooManyRequests")<{
  readonly message: string
  /** Whole seconds, 1 at least, after which it may work. */
  readonly retryAfterSeconds: number
}> {}

/** The sync call's wait is over; the job goes on. */
export class StillRunning extends Data.TaggedError("StillRunning")<{ readonly jobId: JobId }> {
  override get message() {
    return `The job is still running: ask GET /job/${this.jobId} for its result`
  }
}

/** Infrastructure broke: `what` and `cause` go to the log, the caller reads one plain sentence. */
export class Unavailable extends Data.TaggedError("Unavailable")<{ readonly what: string; readonly cause?: unknown }> {
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

/** What only remote runners meet, beside all that. */
export type RunnerError = ApiError | InvalidRunnerToken | RunLost

/** What stays between ports and operations; no caller meets these. */

export class BlobMissing extends Data.TaggedError("BlobMissing")<{ readonly dir: DirId | string }> {}

/** Another holder has the job, or it was cancelled: (job, attempt) changed no row. */
export class LeaseLost extends Data.TaggedError("LeaseLost") {}

/** `status` is what the receiver answered, null when it did not. */
export class WebhookRejected extends Data.TaggedError("WebhookRejected")<{ readonly reason: string; readonly status: number | null }> {}
