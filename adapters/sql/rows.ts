import { Schema } from "effect"
import type { Directory, StoredFile } from "../../core/directory.js"
import { BlobKey, DirId, FileName, JobId, OwnerId } from "../../core/ids.js"
import { type Claim, type Job, terminalStates } from "../../core/job.js"
import type { Delivery } from "../../core/ports/outbox.js"

/**
 * Rows as the database gives them, read into domain values. A row that does not fit is a bug, or was written by a newer
 * version: the readers throw, and the effect they are used in dies with the place that does not fit.
 */

/** Postgres gives 64-bit integers as text. */
const Integer = Schema.Union(Schema.Number, Schema.NumberFromString)

const OutputFile = Schema.Struct({ name: Schema.fromBrand(FileName)(Schema.String), bytes: Schema.Number })

const Usage = Schema.Struct({ seconds: Schema.Number, inputBytes: Schema.Number, outputBytes: Schema.Number })

const Failure = Schema.Union(
  Schema.Struct({ reason: Schema.Literal("ffmpeg", "limit"), detail: Schema.String }),
  Schema.Struct({ reason: Schema.Literal("input-missing", "worker-lost") })
)

const Options = Schema.Array(Schema.String)

const ResolvedTask = Schema.Struct({
  directory: Schema.fromBrand(DirId)(Schema.String),
  inputs: Schema.Array(
    Schema.Struct({
      name: Schema.fromBrand(FileName)(Schema.String),
      key: Schema.fromBrand(BlobKey)(Schema.String),
      bytes: Schema.Number,
      options: Options
    })
  ),
  outputs: Schema.Array(Schema.Struct({ name: Schema.fromBrand(FileName)(Schema.String), options: Options, maps: Options })),
  filterComplex: Schema.NullOr(Schema.String)
})

const ClaimRow = Schema.Struct({
  id: Schema.fromBrand(JobId)(Schema.String),
  owner: Schema.fromBrand(OwnerId)(Schema.String),
  attempt: Integer,
  task: Schema.parseJson(ResolvedTask)
})

const JobRow = Schema.Struct({
  ...ClaimRow.fields,
  state: Schema.Literal("pending", "processing", ...terminalStates),
  progress: Schema.NullOr(Schema.Number),
  outputs: Schema.parseJson(Schema.Array(OutputFile)),
  warnings: Schema.parseJson(Schema.Array(Schema.String)),
  usage: Schema.NullOr(Schema.parseJson(Usage)),
  failure: Schema.NullOr(Schema.parseJson(Failure)),
  webhook_url: Schema.NullOr(Schema.String),
  created_at: Schema.Date,
  started_at: Schema.NullOr(Schema.Date),
  finished_at: Schema.NullOr(Schema.Date)
}).pipe(Schema.rename({ webhook_url: "webhookUrl", created_at: "createdAt", started_at: "startedAt", finished_at: "finishedAt" }))

const DirectoryRow = Schema.Struct({
  id: Schema.fromBrand(DirId)(Schema.String),
  owner: Schema.fromBrand(OwnerId)(Schema.String),
  ttl_seconds: Integer,
  created_at: Schema.Date
}).pipe(Schema.rename({ ttl_seconds: "ttlSeconds", created_at: "createdAt" }))

const FileRow = Schema.Struct({
  dir: Schema.fromBrand(DirId)(Schema.String),
  name: Schema.fromBrand(FileName)(Schema.String),
  key: Schema.fromBrand(BlobKey)(Schema.String),
  bytes: Schema.NullOr(Integer),
  origin: Schema.Literal("upload", "import", "output"),
  added_at: Schema.Date
}).pipe(Schema.rename({ added_at: "addedAt" }))

const DeliveryRow = Schema.Struct({
  job: Schema.fromBrand(JobId)(Schema.String),
  owner: Schema.fromBrand(OwnerId)(Schema.String),
  url: Schema.String,
  attempt: Integer
}).pipe(Schema.rename({ job: "jobId" }))

export const readClaim: (row: unknown) => Claim = Schema.decodeUnknownSync(ClaimRow)
export const readJob: (row: unknown) => Job = Schema.decodeUnknownSync(JobRow)
export const readDirectory: (row: unknown) => Directory = Schema.decodeUnknownSync(DirectoryRow)
export const readFile: (row: unknown) => StoredFile = Schema.decodeUnknownSync(FileRow)
export const readDelivery: (row: unknown) => Omit<Delivery, "id"> = Schema.decodeUnknownSync(DeliveryRow)
