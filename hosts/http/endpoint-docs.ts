import type { Effect, Schema } from "effect"
import { AnalyzeBody, AsyncBody, DirectoryBody, FileBody, ProcessBody } from "../../core/contract/bodies.js"
import type * as endpoints from "../../core/contract/endpoints.js"
import * as replies from "../../core/contract/replies.js"
import type { ApiError } from "../../core/errors.js"

/** What a client reads of each endpoint: the OpenAPI document is made from this table and the routes. */

type Tag = ApiError["_tag"]

export interface EndpointDocs {
  /** The operation's name in generated clients. */
  readonly id: string
  readonly group: Exclude<keyof typeof groups, "Webhooks">
  readonly summary: string
  readonly description?: string
  /** `empty` where a body may be left out; `form` for files beside it. */
  readonly request?: { readonly schema: Schema.Schema.All; readonly kind?: "empty" | "form" } | "bytes"
  readonly headers?: ReadonlyArray<keyof typeof requestHeaders>
  readonly reply: Reply
  /** Answers beside `reply` and the failures. */
  readonly others?: ReadonlyArray<Reply>
  /** What the endpoint itself may fail with; a key, a path and infrastructure have failures of their own. */
  readonly errors: ReadonlyArray<Tag>
  readonly deprecated?: true
  /** Not for clients to build: they follow a URL that they were given. */
  readonly internal?: true
}

export interface Reply {
  readonly status: 200 | 202 | 206 | 304 | 416
  readonly means: string
  /** Of the JSON; else the body is of a media `type`, or there is none. */
  readonly schema?: Schema.Schema.All
  readonly type?: string
  readonly headers?: ReadonlyArray<keyof typeof replyHeaders>
}

export const groups = {
  Processing: "Tasks for ffmpeg",
  Jobs: "Accepted tasks",
  Analysis: "Questions to ffprobe",
  "Files and directories": "What tasks read and make",
  Account: "Extensions: what a key has used, and its webhooks",
  "Signed URLs": "Where the URLs in answers lead when this server keeps the files itself; they carry their own right",
  Service: "The server itself",
  Webhooks: "What your server is sent"
} as const

/** Each part of a path that is a parameter, by its name in the routes. */
export const pathParameters = {
  dirId: { description: "Directory ID (1-64 chars, A-Z a-z 0-9 _ -)", pattern: "^[A-Za-z0-9_-]+$", minLength: 1, maxLength: 64 },
  fileName: { description: "File name (1-255 chars, no slashes)", pattern: "^[^/\\\\]+$", minLength: 1, maxLength: 255 },
  jobId: { description: "The job ID returned from /ffmpeg/process/async", pattern: "^[A-Za-z0-9_-]+$", minLength: 1, maxLength: 64 },
  deliveryId: { description: "The delivery's id, which is also its `webhook-id`" },
  token: { description: "What the URL allows, until when" },
  name: { description: "The file's name, for download tools" },
  asset: { description: "The name of one of the page's files" }
} as const

export const requestHeaders = {
  "Idempotency-Key": "Your own name for this submission, 1 to 255 visible characters: sent again within a day, it gives the first job",
  Range: "One range of bytes",
  "If-Range": "The `ETag` that the range is meant for",
  "If-None-Match": "The `ETag` of what you have"
} as const

export const replyHeaders = {
  "X-Job-Id": "The job behind this call, also of one that failed",
  "Retry-After": "Seconds to wait before trying again",
  "WWW-Authenticate": "How to send a key",
  Deprecation: "Since when this endpoint is deprecated (RFC 9745)",
  Sunset: "The day of its announced end (RFC 8594)",
  Link: "What to use instead",
  ETag: "Names this content",
  "Content-Disposition": "The file's name",
  "Content-Range": "Which bytes these are"
} as const

/** Every failure that the endpoint's type knows: one too few or too many does not compile. */
const failuresOf = <E extends keyof typeof endpoints>(
  failures: {
    readonly [T in Exclude<FailureTag<(typeof endpoints)[E]>, "Unavailable">]: true
  }
) => Object.keys(failures) as ReadonlyArray<Tag>

type FailureTag<F> = F extends (...args: never) => Effect.Effect<unknown, infer Failure extends ApiError, unknown> ? Failure["_tag"] : never

const readsJson = ["InvalidRequest", "TooLarge"] as const
const ok = (means: string, schema: Schema.Schema.All): Reply => ({ status: 200, means, schema })
const sync: Reply = { status: 200, means: "The results", schema: replies.ProcessReply, headers: ["X-Job-Id"] }
const syncFailures = failuresOf<"postProcess">({
  Busy: true,
  DirectoryNotFound: true,
  DiskFull: true,
  FfmpegFailed: true,
  FileNotFound: true,
  InputMissing: true,
  InvalidRequest: true,
  InvalidTask: true,
  JobCancelled: true,
  JobNotFound: true,
  NoWorker: true,
  QuotaExceeded: true,
  RunLimitExceeded: true,
  StillRunning: true,
  TooManyRequests: true,
  UploadsBusy: true,
  UrlRefused: true,
  UrlUnreachable: true,
  WorkerLost: true
})
const ofTheKey = "Extension."

const download = (id: string) =>
  ({
    id,
    group: "Signed URLs",
    summary: "The bytes of a file",
    internal: true,
    headers: ["Range", "If-Range", "If-None-Match"],
    reply: { status: 200, means: "The whole file", type: "*/*", headers: ["ETag", "Content-Disposition"] },
    others: [
      { status: 206, means: "The range asked for", type: "*/*", headers: ["ETag", "Content-Disposition", "Content-Range"] },
      { status: 304, means: "You have it already", headers: ["ETag"] },
      { status: 416, means: "The range lies outside the file", schema: replies.Failure, headers: ["Content-Range"] }
    ],
    errors: ["SignedUrlExpired", "FileNotFound"]
  }) as const

const upload = (id: string) =>
  ({
    id,
    group: "Signed URLs",
    summary: "Upload a file",
    description:
      "The raw bytes, whatever their label. Cut off, nothing becomes visible; sent again while the URL lasts, they replace the first.",
    internal: true,
    request: "bytes",
    reply: ok("The file is stored", replies.UploadedReply),
    errors: ["DiskFull", "InvalidRequest", "SignedUrlExpired", "TooLarge", "UploadsBusy"]
  }) as const

export const endpointDocs = {
  "POST /ffmpeg/process": {
    id: "process",
    group: "Processing",
    summary: "Run a task and wait for its results",
    description:
      "Inputs are stored files of one directory, or https URLs, which are imported first. Results go to `output_dir_id`, " +
      "else to the inputs' directory, else to a new one. A client that goes away ends its job.",
    request: { schema: ProcessBody },
    reply: sync,
    errors: [...readsJson, ...syncFailures]
  },
  "POST /ffmpeg/run": {
    id: "run",
    group: "Processing",
    summary: "Run a task on files that come with it",
    description:
      "Use `POST /ffmpeg/process` instead. Inputs name the form's files by file name or by field. A host may switch this off: 404.",
    deprecated: true,
    request: { schema: ProcessBody, kind: "form" },
    reply: { ...sync, headers: ["X-Job-Id", "Deprecation", "Sunset", "Link"] },
    errors: [...readsJson, "RouteNotFound", ...syncFailures]
  },
  "POST /ffmpeg/process/async": {
    id: "submit",
    group: "Processing",
    summary: "Accept a task and answer with its job",
    description: "URL inputs are imported before the answer. When the job is over, `webhook_url` receives a POST: see Webhooks.",
    request: { schema: AsyncBody },
    headers: ["Idempotency-Key"],
    reply: { status: 202, means: "Accepted: the job ends in results or in the reason why not", schema: replies.AsyncReply },
    errors: [
      ...readsJson,
      ...failuresOf<"postProcessAsync">({
        Busy: true,
        DirectoryNotFound: true,
        DiskFull: true,
        FileNotFound: true,
        InvalidRequest: true,
        InvalidTask: true,
        QuotaExceeded: true,
        TooManyRequests: true,
        UploadsBusy: true,
        UrlRefused: true,
        UrlUnreachable: true
      })
    ]
  },
  "GET /job/:jobId": {
    id: "job",
    group: "Jobs",
    summary: "How a job is doing",
    description: "Download URLs are new each time. A failed job is an answer like any other: 200 with `ok: false`.",
    reply: ok("The job as it is now", replies.JobReply),
    errors: failuresOf<"getJob">({ JobNotFound: true })
  },
  "DELETE /job/:jobId": {
    id: "cancelJob",
    group: "Jobs",
    summary: "Cancel a job that is pending",
    reply: ok("It will not run", replies.CancelReply),
    errors: failuresOf<"cancel">({ JobNotFound: true, JobNotPending: true })
  },
  "POST /ffprobe/analyze": {
    id: "analyze",
    group: "Analysis",
    summary: "What ffprobe says of a file",
    description: "Of a stored file, or of an https URL in place. At most 60 seconds.",
    request: { schema: AnalyzeBody },
    reply: ok("The sections asked for", replies.AnalyzeReply),
    errors: [
      ...readsJson,
      ...failuresOf<"postAnalyze">({
        FileNotFound: true,
        InvalidRequest: true,
        ProbeFailed: true,
        ProbesBusy: true,
        QuotaExceeded: true,
        RunLimitExceeded: true,
        UrlRefused: true,
        UrlUnreachable: true
      })
    ]
  },
  "POST /file": {
    id: "registerFile",
    group: "Files and directories",
    summary: "Announce a file and get the URL to upload it to",
    description:
      "Then PUT the raw bytes to `upload.url`, without a key. Until then the file is not listed. Asked again, there is a fresh URL.",
    request: { schema: FileBody },
    reply: ok("The file and its upload", replies.FileReply),
    errors: [
      ...readsJson,
      ...failuresOf<"postFile">({
        DirectoryNotFound: true,
        DiskFull: true,
        InvalidRequest: true,
        NameTaken: true,
        QuotaExceeded: true,
        TooManyRequests: true
      })
    ]
  },
  "GET /file/:dirId/:fileName": {
    id: "file",
    group: "Files and directories",
    summary: "Type and size of a stored file",
    reply: ok("The file", replies.FileInfoReply),
    errors: failuresOf<"getFile">({ FileNotFound: true })
  },
  "DELETE /file/:dirId/:fileName": {
    id: "deleteFile",
    group: "Files and directories",
    summary: "Delete a file for good",
    description:
      "Gone from all listings at once; a job that was accepted with it still has it. A registration whose upload did not arrive goes as well: its URL makes no file any more.",
    reply: ok("It is gone", replies.DeleteReply),
    errors: failuresOf<"removeFile">({ FileNotFound: true })
  },
  "GET /file/download/:dirId/:fileName": {
    id: "downloadUrl",
    group: "Files and directories",
    summary: "A signed URL to download a file from",
    reply: ok("The URL", replies.DownloadReply),
    errors: failuresOf<"getDownload">({ FileNotFound: true, QuotaExceeded: true })
  },
  "POST /directory": {
    id: "createDirectory",
    group: "Files and directories",
    summary: "Make a directory that ends by itself",
    request: { schema: DirectoryBody, kind: "empty" },
    reply: ok("The directory", replies.DirectoryReply),
    errors: [...readsJson, ...failuresOf<"postDirectory">({ InvalidRequest: true, TooManyRequests: true })]
  },
  "GET /directory": {
    id: "directories",
    group: "Files and directories",
    summary: "The key's directories",
    reply: ok("Those that have not ended", replies.DirectoriesReply),
    errors: failuresOf<"getDirectories">({})
  },
  "GET /directory/:dirId": {
    id: "files",
    group: "Files and directories",
    summary: "The files of a directory",
    reply: ok("Those that are stored", replies.FilesReply),
    errors: failuresOf<"getDirectory">({ DirectoryNotFound: true })
  },
  "GET /usage": {
    id: "usage",
    group: "Account",
    summary: "What the key has used this month, and may use",
    description: ofTheKey,
    reply: ok("Usage and quota", replies.UsageReply),
    errors: failuresOf<"getUsage">({})
  },
  "GET /webhook/secret": {
    id: "webhookSecret",
    group: "Account",
    summary: "What webhooks are signed with",
    description: ofTheKey,
    reply: ok("The secret", replies.SecretReply),
    errors: failuresOf<"getWebhookSecret">({})
  },
  "GET /webhook/delivery": {
    id: "deliveries",
    group: "Account",
    summary: "The newest webhooks with their tries",
    description: ofTheKey,
    reply: ok("Newest first", replies.DeliveriesReply),
    errors: failuresOf<"getDeliveries">({})
  },
  "GET /webhook/delivery/:deliveryId": {
    id: "delivery",
    group: "Account",
    summary: "One webhook with its tries",
    description: ofTheKey,
    reply: ok("The delivery", replies.DeliveryReply),
    errors: failuresOf<"getDelivery">({ DeliveryNotFound: true })
  },
  "POST /webhook/delivery/:deliveryId/replay": {
    id: "replay",
    group: "Account",
    summary: "Send a webhook again",
    description: `${ofTheKey} It is due at once, under the same id, with all its tries before it; one that is due or being delivered stays as it is.`,
    reply: ok("The delivery", replies.DeliveryReply),
    errors: failuresOf<"postReplay">({ DeliveryNotFound: true, TooManyRequests: true })
  },
  "GET /health": {
    id: "health",
    group: "Service",
    summary: "Whether it serves",
    reply: ok("It does", replies.HealthReply),
    errors: []
  },
  "GET /openapi.json": {
    id: "openapi",
    group: "Service",
    summary: "This document",
    reply: { status: 200, means: "OpenAPI 3.1; `servers` is where the request came to", type: "application/json" },
    errors: []
  },
  "GET /docs": {
    id: "docs",
    group: "Service",
    summary: "This document as pages to read and try",
    reply: { status: 200, means: "The page", type: "text/html" },
    errors: ["RouteNotFound"]
  },
  "GET /docs/:asset": {
    id: "docsAsset",
    group: "Service",
    summary: "What the pages are made of",
    internal: true,
    reply: { status: 200, means: "A style sheet, script or icon", type: "*/*" },
    errors: ["RouteNotFound"]
  },
  "GET /blob/:token": download("download"),
  "PUT /blob/:token": upload("upload"),
  "GET /blob/:token/:name": download("downloadNamed"),
  "PUT /blob/:token/:name": upload("uploadNamed")
} as const satisfies Readonly<Record<string, EndpointDocs>>
