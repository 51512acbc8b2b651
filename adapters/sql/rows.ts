import { Schema } from "effect"
import type { Account, Quota } from "../../core/account.js"
import type { Directory, Origin, StoredFile } from "../../core/directory.js"
import { texts } from "../../core/fields.js"
import { BlobKey, DirId, FileName, JobId, OwnerId, RunnerName } from "../../core/ids.js"
import { type Claim, type Job, JobFailure, OutputFile, terminalStates } from "../../core/job.js"
import { Capabilities } from "../../core/needs.js"
import type { KeyRecord } from "../../core/ports/accounts.js"
import type { Delivery, DeliveryRecord, Try } from "../../core/ports/outbox.js"
import type { RunnerRecord } from "../../core/ports/runners.js"
import { ResolvedTask } from "../../core/task.js"
import { Usage } from "../../core/usage.js"

/**
 * Converts database rows to domain values. A malformed row is a bug, or was written by a newer version: the
 * readers throw an error that names the column, and the effect dies.
 */

/** An integer. Postgres returns 64-bit integers as text. */
const Integer = Schema.Union(Schema.Number, Schema.NumberFromString)

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
  warnings: Schema.parseJson(texts),
  usage: Schema.NullOr(Schema.parseJson(Usage)),
  failure: Schema.NullOr(Schema.parseJson(JobFailure)),
  webhook_url: Schema.NullOr(Schema.String),
  base_url: Schema.String,
  created_at: Schema.Date,
  started_at: Schema.NullOr(Schema.Date),
  finished_at: Schema.NullOr(Schema.Date)
}).pipe(
  Schema.rename({
    webhook_url: "webhookUrl",
    base_url: "baseUrl",
    created_at: "createdAt",
    started_at: "startedAt",
    finished_at: "finishedAt"
  })
)

const DeliveryClaimRow = Schema.Struct({
  job: Schema.fromBrand(JobId)(Schema.String),
  owner: Schema.fromBrand(OwnerId)(Schema.String),
  url: Schema.String,
  attempt: Integer,
  claim: Integer
}).pipe(Schema.rename({ job: "jobId" }))

const Tries = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      at: Schema.Date,
      seconds: Schema.Number,
      status: Schema.NullOr(Schema.Number),
      error: Schema.NullOr(Schema.String)
    })
  )
)

const DeliveryRow = Schema.Struct({
  job: Schema.fromBrand(JobId)(Schema.String),
  url: Schema.String,
  state: Schema.Literal("pending", "delivered", "abandoned"),
  created_at: Schema.Date,
  due_at: Schema.Date,
  tries: Tries
}).pipe(Schema.rename({ job: "jobId", created_at: "createdAt", due_at: "dueAt" }))

const quotaFields = {
  jobs_per_month: Schema.NullOr(Integer),
  gib_seconds_per_month: Schema.NullOr(Schema.Number),
  stored_bytes: Schema.NullOr(Integer)
}

const KeyRow = Schema.Struct({
  id: Schema.fromBrand(OwnerId)(Schema.String),
  name: Schema.String,
  created_at: Schema.Date,
  revoked_at: Schema.NullOr(Schema.Date),
  ...quotaFields
})

const AccountRow = Schema.Struct({
  month: Schema.String,
  jobs: Integer,
  live_jobs: Integer,
  probes: Integer,
  seconds: Schema.Number,
  input_bytes: Integer,
  output_bytes: Integer,
  gib_seconds: Schema.Number,
  ...quotaFields
})

const CapabilitiesText = Schema.parseJson(Capabilities)

const RunnerRow = Schema.Struct({
  name: Schema.fromBrand(RunnerName)(Schema.String),
  created_at: Schema.Date,
  revoked_at: Schema.NullOr(Schema.Date)
}).pipe(Schema.rename({ created_at: "createdAt", revoked_at: "revokedAt" }))

const ProcessRow = Schema.Struct({
  runner: Schema.fromBrand(RunnerName)(Schema.String),
  id: Schema.String,
  slots: Integer,
  running: Schema.parseJson(texts),
  capabilities: CapabilitiesText,
  seen_at: Schema.Date
}).pipe(Schema.rename({ seen_at: "seenAt" }))

const quotaOf = (row: Schema.Struct.Type<typeof quotaFields>): Quota => ({
  jobsPerMonth: row.jobs_per_month,
  gibSecondsPerMonth: row.gib_seconds_per_month,
  storedBytes: row.stored_bytes
})

const decodeDelivery = Schema.decodeUnknownSync(DeliveryRow)
const decodeKey = Schema.decodeUnknownSync(KeyRow)
const decodeAccount = Schema.decodeUnknownSync(AccountRow)

export const readClaim: (row: unknown) => Claim = Schema.decodeUnknownSync(ClaimRow)
export const readJob: (row: unknown) => Job = Schema.decodeUnknownSync(JobRow)
export const readDeliveryClaim: (row: unknown) => Omit<Delivery, "id"> =
  Schema.decodeUnknownSync(DeliveryClaimRow)
export const readTries: (text: string) => ReadonlyArray<Try> = Schema.decodeSync(Tries)
export const writeTries: (tries: ReadonlyArray<Try>) => string = Schema.encodeSync(Tries)

/** Reads tags or needs. */
export const readTexts: (text: string) => ReadonlyArray<string> = Schema.decodeSync(Schema.parseJson(texts))
export const readCapabilities: (text: string) => Capabilities = Schema.decodeSync(CapabilitiesText)
export const writeCapabilities: (capabilities: Capabilities) => string = Schema.encodeSync(CapabilitiesText)
export const readRunner: (row: unknown) => Omit<RunnerRecord, "processes"> =
  Schema.decodeUnknownSync(RunnerRow)
export const readProcess: (
  row: unknown
) => RunnerRecord["processes"][number] & { readonly runner: RunnerName } =
  Schema.decodeUnknownSync(ProcessRow)

/** Reads directories and files without a Schema, which would take ten times as long for thousands of rows. */
export const readDirectory = (row: object): Directory => ({
  id: DirId(column(row, "id", isText)),
  owner: OwnerId(column(row, "owner", isText)),
  ttlSeconds: Number(column(row, "ttl_seconds", isInteger)),
  createdAt: new Date(column(row, "created_at", isTime))
})

export const readFileRow = (row: object): StoredFile => {
  const bytes = column(row, "bytes", isSize)
  return {
    dir: DirId(column(row, "dir", isText)),
    name: FileName(column(row, "name", isText)),
    key: BlobKey(column(row, "key", isText)),
    bytes: bytes === null ? null : Number(bytes),
    origin: column(row, "origin", isOrigin),
    addedAt: new Date(column(row, "added_at", isTime))
  }
}

const column = <A>(row: object, name: string, is: (value: unknown) => value is A): A => {
  const value: unknown = (row as Readonly<Record<string, unknown>>)[name]
  if (is(value)) return value
  throw new TypeError(`the column ${name} of a row holds ${JSON.stringify(value)}`)
}

const isText = (value: unknown): value is string => typeof value === "string"
const isTime = (value: unknown): value is string => isText(value) && !Number.isNaN(Date.parse(value))
const isInteger = (value: unknown): value is number | string =>
  Number.isSafeInteger(isText(value) ? Number(value) : value)
const isSize = (value: unknown): value is number | string | null => value === null || isInteger(value)
const isOrigin = (value: unknown): value is Origin =>
  value === "upload" || value === "import" || value === "output"

export const readDelivery = (row: unknown): Omit<DeliveryRecord, "id"> => {
  const { dueAt, ...delivery } = decodeDelivery(row)
  return { ...delivery, nextTryAt: delivery.state === "pending" ? dueAt : null }
}

export const readKey = (row: unknown): KeyRecord => {
  const key = decodeKey(row)
  return {
    id: key.id,
    name: key.name,
    quota: quotaOf(key),
    createdAt: key.created_at,
    revokedAt: key.revoked_at
  }
}

export const readAccount = (row: unknown): Account => {
  const { gib_seconds, input_bytes, jobs, live_jobs, month, output_bytes, probes, seconds, ...quota } =
    decodeAccount(row)
  return {
    quota: quotaOf(quota),
    month,
    jobs,
    liveJobs: live_jobs,
    probes,
    usage: { seconds, inputBytes: input_bytes, outputBytes: output_bytes },
    gibSeconds: gib_seconds
  }
}
