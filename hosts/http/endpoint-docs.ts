import type { Effect, Schema } from "effect"
import { AnalyzeBody, AsyncBody, DirectoryBody, FileBody, ProcessBody } from "../../core/contract/bodies.js"
import type * as endpoints from "../../core/contract/endpoints.js"
import * as replies from "../../core/contract/replies.js"
import type { ApiError } from "../../core/errors.js"

/** The documentation of each endpoint. The OpenAPI document is made from this table and the routes. */

type Tag = ApiError["_tag"]

/** Documentation of one endpoint. */
export interface EndpointDocs {
  /** Operation id, the name in generated clients. */
  readonly id: string
  readonly group: Exclude<keyof typeof groups, "Webhooks">
  readonly summary: string
  readonly description?: string
  /** `empty`: the body may be omitted. `form`: a multipart form with files. */
  readonly request?: { readonly schema: Schema.Schema.All; readonly kind?: "empty" | "form" } | "bytes"
  readonly headers?: ReadonlyArray<keyof typeof requestHeaders>
  readonly reply: Reply
  /** Responses in addition to `reply` and the failures. */
  readonly others?: ReadonlyArray<Reply>
  /** Failures of the endpoint itself. Those of API keys, paths and infrastructure are added to it. */
  readonly errors: ReadonlyArray<Tag>
  readonly deprecated?: true
  /** Clients do not build this URL themselves: they receive it. */
  readonly internal?: true
}

/** One documented response. */
export interface Reply {
  readonly status: 200 | 202 | 206 | 304 | 416
  readonly means: string
  /** Schema of the JSON body. Without it the body has the media type `type`, or there is no body. */
  readonly schema?: Schema.Schema.All
  readonly type?: string
  readonly headers?: ReadonlyArray<keyof typeof replyHeaders>
}

/** The groups of endpoints in the OpenAPI document. */
export const groups = {
  Processing: "Tasks for ffmpeg",
  Jobs: "Accepted tasks",
  Analysis: "Media analysis with ffprobe",
  "Files and directories": "Inputs and outputs of tasks",
  Account: "Extensions: usage of a key, and its webhooks",
  "Signed URLs":
    "Upload and download URLs that other responses contain when this server stores the files itself; they need no key",
  Service: "The server itself",
  Webhooks: "Requests that your server receives"
} as const

/** Each path parameter, by its name in the routes. */
export const pathParameters = {
  dirId: {
    description: "Directory ID (1-64 chars, A-Z a-z 0-9 _ -)",
    pattern: "^[A-Za-z0-9_-]+$",
    minLength: 1,
    maxLength: 64
  },
  fileName: {
    description: "File name (1-255 chars, no slashes)",
    pattern: "^[^/\\\\]+$",
    minLength: 1,
    maxLength: 255
  },
  jobId: {
    description: "The job ID returned from /ffmpeg/process/async",
    pattern: "^[A-Za-z0-9_-]+$",
    minLength: 1,
    maxLength: 64
  },
  deliveryId: { description: "The delivery's id, which is also its `webhook-id`" },
  token: { description: "Signed token: the permitted access and its expiry" },
  name: { description: "The file's name, for download tools" },
  asset: { description: "Name of an asset file" }
} as const

/** Descriptions of the documented request headers. */
export const requestHeaders = {
  "Idempotency-Key":
    "A name that you choose for this submission, 1 to 255 visible characters: repeated within a day, it returns the first job",
  Range: "One range of bytes",
  "If-Range": "The range applies only while the file has this `ETag`",
  "If-None-Match": "The `ETag` of your copy"
} as const

/** Descriptions of the documented response headers. */
export const replyHeaders = {
  "X-Job-Id": "The id of this call's job, also when it failed",
  "Retry-After": "Seconds to wait before trying again",
  "WWW-Authenticate": "How to send a key",
  Deprecation: "Since when this endpoint is deprecated (RFC 9745)",
  Sunset: "Announced end of this endpoint (RFC 8594)",
  Link: "The endpoint that replaces this one",
  ETag: "Identifies this content",
  "Content-Disposition": "The file's name",
  "Content-Range": "The range of bytes in this body"
} as const

/** The failures of an endpoint's type. One too few or too many does not compile. */
const failuresOf = <E extends keyof typeof endpoints>(
  failures: {
    readonly [T in Exclude<FailureTag<(typeof endpoints)[E]>, "Unavailable">]: true
  }
) => Object.keys(failures) as ReadonlyArray<Tag>

type FailureTag<F> = F extends (
  ...args: never
) => Effect.Effect<unknown, infer Failure extends ApiError, unknown>
  ? Failure["_tag"]
  : never

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
    summary: "Download a file",
    internal: true,
    headers: ["Range", "If-Range", "If-None-Match"],
    reply: { status: 200, means: "The whole file", type: "*/*", headers: ["ETag", "Content-Disposition"] },
    others: [
      {
        status: 206,
        means: "The requested range",
        type: "*/*",
        headers: ["ETag", "Content-Disposition", "Content-Range"]
      },
      { status: 304, means: "Not modified: your copy is current", headers: ["ETag"] },
      {
        status: 416,
        means: "The range lies outside the file",
        schema: replies.FailureReply,
        headers: ["Content-Range"]
      }
    ],
    errors: ["SignedUrlExpired", "FileNotFound"]
  }) as const

const upload = (id: string) =>
  ({
    id,
    group: "Signed URLs",
    summary: "Upload a file",
    description:
      "The raw bytes; their Content-Type is ignored. An interrupted upload stores nothing. An upload repeated while the URL is valid replaces the first.",
    internal: true,
    request: "bytes",
    reply: ok("The file is stored", replies.UploadedReply),
    errors: ["DiskFull", "InvalidRequest", "SignedUrlExpired", "TooLarge", "UploadsBusy"]
  }) as const

/** The documentation of every endpoint, by method and path. */
export const endpointDocs = {
  "POST /ffmpeg/process": {
    id: "process",
    group: "Processing",
    summary: "Run a task and wait for its results",
    description:
      "Inputs are stored files of one directory, or https URLs, which are imported first. Results go to `output_dir_id`, " +
      "else to the inputs' directory, else to a new one. The job ends when its client disconnects.",
    request: { schema: ProcessBody },
    reply: sync,
    errors: [...readsJson, ...syncFailures]
  },
  "POST /ffmpeg/run": {
    id: "run",
    group: "Processing",
    summary: "Run a task on files in the same request",
    description:
      "Use `POST /ffmpeg/process` instead. Inputs name the form's files by file name or field name. Servers can disable this: 404.",
    deprecated: true,
    request: { schema: ProcessBody, kind: "form" },
    reply: { ...sync, headers: ["X-Job-Id", "Deprecation", "Sunset", "Link"] },
    errors: [...readsJson, "RouteNotFound", ...syncFailures]
  },
  "POST /ffmpeg/process/async": {
    id: "submit",
    group: "Processing",
    summary: "Accept a task and return its job",
    description:
      "URL inputs are imported before the response. When the job has ended, `webhook_url` receives a POST: see Webhooks.",
    request: { schema: AsyncBody },
    headers: ["Idempotency-Key"],
    reply: {
      status: 202,
      means: "Accepted: the job will end with results or an error",
      schema: replies.AsyncReply
    },
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
    summary: "Status of a job",
    description: "Each response has new download URLs. A failed job is a 200 with `ok: false`.",
    reply: ok("The current state of the job", replies.JobReply),
    errors: failuresOf<"getJob">({ JobNotFound: true })
  },
  "DELETE /job/:jobId": {
    id: "cancelJob",
    group: "Jobs",
    summary: "Cancel a job that is pending",
    reply: ok("The job is cancelled and will not run", replies.CancelReply),
    errors: failuresOf<"cancel">({ JobNotFound: true, JobNotPending: true })
  },
  "POST /ffprobe/analyze": {
    id: "analyze",
    group: "Analysis",
    summary: "Analyze a file with ffprobe",
    description: "Analyzes a stored file, or an https URL without importing it. Takes at most 60 seconds.",
    request: { schema: AnalyzeBody },
    reply: ok("The requested sections", replies.AnalyzeReply),
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
    summary: "Register a file and get the URL to upload it to",
    description:
      "Then PUT the raw bytes to `upload.url`, without a key. Until then the file is not listed. A repeated request returns a new URL.",
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
    summary: "Delete a file permanently",
    description:
      "The file disappears from all listings at once; accepted jobs can still read it. Also deletes a registration without an upload: its upload URL becomes invalid.",
    reply: ok("The file is deleted", replies.DeleteReply),
    errors: failuresOf<"deleteOneFile">({ FileNotFound: true })
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
    summary: "Create a directory that expires",
    request: { schema: DirectoryBody, kind: "empty" },
    reply: ok("The directory", replies.DirectoryReply),
    errors: [...readsJson, ...failuresOf<"postDirectory">({ InvalidRequest: true, TooManyRequests: true })]
  },
  "GET /directory": {
    id: "directories",
    group: "Files and directories",
    summary: "The key's directories",
    reply: ok("The directories that have not expired", replies.DirectoriesReply),
    errors: failuresOf<"getDirectories">({})
  },
  "GET /directory/:dirId": {
    id: "files",
    group: "Files and directories",
    summary: "The files of a directory",
    reply: ok("The stored files", replies.FilesReply),
    errors: failuresOf<"getDirectory">({ DirectoryNotFound: true })
  },
  "GET /usage": {
    id: "usage",
    group: "Account",
    summary: "Usage of the key in this month, and its quotas",
    description: ofTheKey,
    reply: ok("Usage and quota", replies.UsageReply),
    errors: failuresOf<"getUsage">({})
  },
  "GET /webhook/secret": {
    id: "webhookSecret",
    group: "Account",
    summary: "The secret that signs webhooks",
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
    description: `${ofTheKey} It is delivered at once with the same id, and keeps its earlier tries. A delivery that is due or in progress does not change.`,
    reply: ok("The delivery", replies.DeliveryReply),
    errors: failuresOf<"postReplay">({ DeliveryNotFound: true, TooManyRequests: true })
  },
  "GET /health": {
    id: "health",
    group: "Service",
    summary: "Health check",
    reply: ok("The server is up", replies.HealthReply),
    errors: []
  },
  "GET /openapi.json": {
    id: "openapi",
    group: "Service",
    summary: "This document",
    reply: {
      status: 200,
      means: "OpenAPI 3.1; `servers` is the URL of this server in the request",
      type: "application/json"
    },
    errors: []
  },
  "GET /docs": {
    id: "docs",
    group: "Service",
    summary: "This document as web pages",
    reply: { status: 200, means: "The page", type: "text/html" },
    errors: ["RouteNotFound"]
  },
  "GET /docs/:asset": {
    id: "docsAsset",
    group: "Service",
    summary: "Assets of the documentation pages",
    internal: true,
    reply: { status: 200, means: "A style sheet, script or icon", type: "*/*" },
    errors: ["RouteNotFound"]
  },
  "GET /blob/:token": download("download"),
  "PUT /blob/:token": upload("upload"),
  "GET /blob/:token/:name": download("downloadNamed"),
  "PUT /blob/:token/:name": upload("uploadNamed")
} as const satisfies Readonly<Record<string, EndpointDocs>>
