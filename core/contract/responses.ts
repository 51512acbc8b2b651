import { Effect } from "effect"
import type { Account } from "../account.js"
import type { Directory, StoredFile } from "../directory.js"
import { mapInSlices } from "../fibers/slices.js"
import { failureOf, type Job, statusOf } from "../job.js"
import type { DeliveryRecord } from "../ports/outbox.js"
import type { SignedRequest } from "../ports/storage.js"
import { mediaType } from "../text/media-type.js"
import type { Usage } from "../usage.js"
import type {
  AnalyzeReply,
  AsyncReply,
  CancelReply,
  DeleteReply,
  DeliveriesReply,
  DeliveryReply,
  DirectoriesReply,
  DirectoryReply,
  DownloadReply,
  FailureReply,
  FileInfoReply,
  FileReply,
  FilesReply,
  JobReply,
  ProcessReply,
  SecretReply,
  UsageReply
} from "./replies.js"
import { reportUsage } from "./usage-report.js"

/* The bodies of responses and webhooks, with the shapes and field order of the API reference. Additional fields come last. */

type Body<Reply extends { readonly Encoded: unknown }> = Reply["Encoded"]

/** An output file with the signed request that downloads it. */
export interface Link {
  readonly name: string
  readonly bytes: number
  readonly request: SignedRequest
}

export const failureBody = (message: string) =>
  ({ ok: false, error: message }) as const satisfies Body<typeof FailureReply>

export const directoryBody = (directory: Directory) =>
  ({ ok: true, directory: { id: directory.id, ttl: directory.ttlSeconds } }) as const satisfies Body<
    typeof DirectoryReply
  >

export const directoriesBody = (directories: ReadonlyArray<Directory>) =>
  Effect.map(
    mapInSlices(directories, ({ id, ttlSeconds, createdAt }) => ({
      id,
      ttl: ttlSeconds,
      added_on: timestamp(createdAt)
    })),
    (listed) => ({ ok: true, directories: listed }) as const satisfies Body<typeof DirectoriesReply>
  )

export const filesBody = (files: ReadonlyArray<StoredFile>) =>
  Effect.map(
    mapInSlices(files, ({ name, addedAt }) => ({ file_name: name, added_on: timestamp(addedAt) })),
    (listed) => ({ ok: true, files: listed }) as const satisfies Body<typeof FilesReply>
  )

export const deletedBody = (file: StoredFile) =>
  ({ ok: true, deleted: { file_path: filePath(file) } }) as const satisfies Body<typeof DeleteReply>

export const cancelledBody = { ok: true, message: "Job cancelled successfully" } as const satisfies Body<
  typeof CancelReply
>

/** `baseUrl` is the prefix of signed URLs that the API serves itself. */
export const registeredBody = (
  {
    file,
    upload,
    expiresInSeconds
  }: { readonly file: StoredFile; readonly upload: SignedRequest; readonly expiresInSeconds: number },
  baseUrl: string
) =>
  ({
    ok: true,
    file: fileBody(file),
    upload: { url: absolute(baseUrl, upload), method: "PUT", headers: upload.headers, expiresInSeconds }
  }) as const satisfies Body<typeof FileReply>

export const fileBody = (file: StoredFile) =>
  ({
    dir_id: file.dir,
    file_name: file.name,
    file_path: filePath(file),
    added_on: timestamp(file.addedAt)
  }) as const

type Present = StoredFile & { readonly bytes: number }

export const fileInfoBody = (file: Present) =>
  ({
    ok: true,
    file_info: { file_path: filePath(file), file_type: mediaType(file.name), file_size: file.bytes }
  }) as const satisfies Body<typeof FileInfoReply>

export const downloadBody = (
  {
    file,
    request,
    expiresInSeconds
  }: { readonly file: Present; readonly request: SignedRequest; readonly expiresInSeconds: number },
  baseUrl: string
) =>
  ({
    ok: true,
    download: {
      url: absolute(baseUrl, request),
      method: "GET",
      expiresInSeconds,
      file_path: filePath(file),
      file_size: file.bytes,
      file_type: mediaType(file.name)
    }
  }) as const satisfies Body<typeof DownloadReply>

export const submittedBody = (jobId: string) =>
  ({ ok: true, job_id: jobId }) as const satisfies Body<typeof AsyncReply>

export const analyzedBody = ({
  result,
  usage
}: {
  readonly result: Readonly<Record<string, unknown>>
  readonly usage: Usage
}) => ({ ok: true, result, usage: reportUsage(usage) }) as const satisfies Body<typeof AnalyzeReply>

/** Response to the synchronous call, for a completed job. */
export const processedBody = (job: Job, links: ReadonlyArray<Link>, baseUrl: string) =>
  ({ ok: true, ...outcome(job, links, baseUrl) }) as const satisfies Body<typeof ProcessReply>

/** Response to `GET /job/:jobId`. `links` are those of a completed job. */
export const jobBody = (job: Job, links: ReadonlyArray<Link>, baseUrl: string) => {
  const status = statusOf(job.state)
  if (status === "completed")
    return { ok: true, job_id: job.id, status, ...outcome(job, links, baseUrl) } as const satisfies Body<
      typeof JobReply
    >
  if (status === "failed")
    return { ok: false, job_id: job.id, status, ...failure(job) } as const satisfies Body<typeof JobReply>
  return {
    ok: true,
    job_id: job.id,
    status,
    ...(job.progress === null ? {} : { progress: job.progress })
  } as const satisfies Body<typeof JobReply>
}

/** The body of a webhook: the response to `GET /job/:jobId` without `ok`. */
export const webhookBody = (job: Job, links: ReadonlyArray<Link>, baseUrl: string) => {
  const { ok: _, ...body } = jobBody(job, links, baseUrl)
  return body
}

/** Extension: the usage of a key in this month and its quota. */
export const usageBody = (account: Account, storedBytes: number) => {
  const { input_size_gb, output_size_gb, time_sec } = reportUsage(account.usage)
  const { gibSecondsPerMonth, jobsPerMonth, storedBytes: storable } = account.quota
  return {
    ok: true,
    usage: {
      month: account.month,
      jobs: account.jobs,
      probes: account.probes,
      time_sec,
      input_size_gb,
      output_size_gb,
      gb_sec: Number(account.gibSeconds.toFixed(9)),
      stored_bytes: storedBytes
    },
    quota: { jobs_per_month: jobsPerMonth, gb_sec_per_month: gibSecondsPerMonth, stored_bytes: storable }
  } as const satisfies Body<typeof UsageReply>
}

/** Extension: the webhooks of a key, newest first. */
export const deliveriesBody = (deliveries: ReadonlyArray<DeliveryRecord>) =>
  ({ ok: true, deliveries: deliveries.map(delivery) }) as const satisfies Body<typeof DeliveriesReply>

export const deliveryBody = (record: DeliveryRecord) =>
  ({ ok: true, delivery: delivery(record) }) as const satisfies Body<typeof DeliveryReply>

const delivery = ({ createdAt, id, jobId, nextTryAt, state, tries, url }: DeliveryRecord) => ({
  id,
  job_id: jobId,
  url,
  status: state,
  added_on: timestamp(createdAt),
  next_try_on: nextTryAt === null ? null : timestamp(nextTryAt),
  tries: tries.map(({ at, error, seconds, status }) => ({
    on: timestamp(at),
    time_sec: seconds,
    status,
    error
  }))
})

export const webhookSecretBody = (secret: string) =>
  ({ ok: true, secret }) as const satisfies Body<typeof SecretReply>

/** The absolute URL of a signed request. */
export const absolute = (baseUrl: string, { url }: SignedRequest): string =>
  url.startsWith("/") ? `${baseUrl}${url}` : url

const outcome = (job: Job, links: ReadonlyArray<Link>, baseUrl: string) => ({
  result: links.map(({ name, bytes, request }) => ({
    file_name: name,
    size_bytes: bytes,
    download_url: absolute(baseUrl, request)
  })),
  usage: reportUsage(job.usage ?? { seconds: 0, inputBytes: 0, outputBytes: 0 }),
  ...(job.warnings.length === 0 ? {} : { warnings: job.warnings })
})

/**
 * The API reference has "processing error" in `GET /job/:jobId` and webhooks, but "processing failed" (the
 * error's message) in synchronous responses.
 */
const failure = (job: Job) => {
  const reason =
    job.failure !== null && "detail" in job.failure
      ? `FFmpeg processing error: ${job.failure.detail}`
      : failureOf(job)?.message
  return {
    error: reason ?? "FFmpeg processing error",
    ...(job.state === "cancelled" ? { cancelled: true as const } : {})
  }
}

const filePath = (file: StoredFile) => `${file.dir}/${file.name}`

/** `2024-01-01T00:00:00Z`: without fractions, as in the API reference. */
const timestamp = (date: Date) => `${date.toISOString().slice(0, "2024-01-01T00:00:00".length)}Z`
