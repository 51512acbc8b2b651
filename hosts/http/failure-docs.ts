import * as errors from "../../core/errors.js"
import { FileName, JobId } from "../../core/ids.js"
import { tooManyJobs } from "../../core/job.js"
import type { status } from "./status.js"

/** One sample of each failure for the OpenAPI document. Its message is the one that clients receive. */
export const failureSamples: {
  readonly [Tag in errors.ApiError["_tag"]]: Extract<errors.ApiError, { readonly _tag: Tag }>
} = {
  InvalidRequest: new errors.InvalidRequest({ message: "file_name is required" }),
  InvalidTask: new errors.InvalidTask({ reason: "task.inputs is required" }),
  NameTaken: new errors.NameTaken({ name: FileName("video.mp4") }),
  UrlRefused: new errors.UrlRefused({}),
  InvalidApiKey: new errors.InvalidApiKey(),
  QuotaExceeded: new errors.QuotaExceeded({
    message: "Quota exceeded: 1000 jobs a month are allowed, and they are used or under way"
  }),
  SignedUrlExpired: new errors.SignedUrlExpired({ what: "Upload" }),
  DirectoryNotFound: new errors.DirectoryNotFound(),
  FileNotFound: new errors.FileNotFound({}),
  JobNotFound: new errors.JobNotFound(),
  DeliveryNotFound: new errors.DeliveryNotFound(),
  RouteNotFound: new errors.RouteNotFound({}),
  MethodNotAllowed: new errors.MethodNotAllowed({ allowed: ["GET", "DELETE"] }),
  JobNotPending: new errors.JobNotPending({ status: "processing" }),
  JobCancelled: new errors.JobCancelled(),
  TooLarge: new errors.TooLarge({ what: "The request body", maxBytes: 1_048_576 }),
  FfmpegFailed: new errors.FfmpegFailed({ reason: "Invalid input format" }),
  RunLimitExceeded: new errors.RunLimitExceeded({ limit: "it took more than 600 seconds" }),
  ProbeFailed: new errors.ProbeFailed({ reason: "Invalid input format" }),
  InputMissing: new errors.InputMissing(),
  UrlUnreachable: new errors.UrlUnreachable({}),
  WorkerLost: new errors.WorkerLost(),
  NoWorker: new errors.NoWorker({ detail: 'no worker or runner with all of "gpu" was available for 3600 s' }),
  Busy: new errors.Busy(),
  ProbesBusy: new errors.ProbesBusy(),
  UploadsBusy: new errors.UploadsBusy(),
  DiskFull: new errors.DiskFull(),
  TooManyRequests: tooManyJobs(500),
  StillRunning: new errors.StillRunning({ jobId: JobId("job_abc123xyz") }),
  Unavailable: new errors.Unavailable({ what: "sample" })
}

/** The description of each failure status, in the words of the API reference where it has them. */
export const statusMeans: { readonly [Code in (typeof status)[keyof typeof status]]: string } = {
  400: "Bad Request - Invalid JSON, missing fields, or values that can't be right",
  401: "Unauthorized - Invalid API key",
  403: "Forbidden - Quota exceeded, expired URL",
  404: "Not Found - It doesn't exist, or is not yours",
  405: "Method Not Allowed",
  409: "Conflict - The job's status does not allow it",
  413: "Content Too Large",
  429: "Too Many Requests - This key asks for more than its share: try again later",
  500: "Internal Error - FFmpeg processing failed",
  502: "Bad Gateway - The server behind a URL failed",
  503: "Service Unavailable - Try again later"
}
