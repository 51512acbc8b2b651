import type { Directory, StoredFile } from "../directory.js"
import { failureOf, type Job, statusOf } from "../job.js"
import { mediaType } from "../media-type.js"
import type { SignedRequest } from "../ports/storage.js"
import { reportUsage, type Usage } from "../usage.js"

/** The bodies of replies and webhooks, in the reference's shapes and field order. What the reference does not show comes last. */

/** A finished file with the request that downloads it. */
export interface Link {
  readonly name: string
  readonly bytes: number
  readonly request: SignedRequest
}

export const failureBody = (message: string) => ({ ok: false, error: message }) as const

export const directoryBody = (directory: Directory) => ({ ok: true, directory: { id: directory.id, ttl: directory.ttlSeconds } }) as const

/** `baseUrl` is where clients reach our own mount, for URLs that we serve ourselves. */
export const registeredBody = (
  { file, upload, expiresInSeconds }: { readonly file: StoredFile; readonly upload: SignedRequest; readonly expiresInSeconds: number },
  baseUrl: string
) =>
  ({
    ok: true,
    file: fileBody(file),
    upload: { url: absolute(baseUrl, upload), method: upload.method, headers: upload.headers, expiresInSeconds }
  }) as const

export const fileBody = (file: StoredFile) =>
  ({ dir_id: file.dir, file_name: file.name, file_path: filePath(file), added_on: timestamp(file.addedAt) }) as const

type Present = StoredFile & { readonly bytes: number }

export const fileInfoBody = (file: Present) =>
  ({ ok: true, file_info: { file_path: filePath(file), file_type: mediaType(file.name), file_size: file.bytes } }) as const

export const downloadBody = (
  { file, request, expiresInSeconds }: { readonly file: Present; readonly request: SignedRequest; readonly expiresInSeconds: number },
  baseUrl: string
) =>
  ({
    ok: true,
    download: {
      url: absolute(baseUrl, request),
      method: request.method,
      expiresInSeconds,
      file_path: filePath(file),
      file_size: file.bytes,
      file_type: mediaType(file.name)
    }
  }) as const

export const submittedBody = (jobId: string) => ({ ok: true, job_id: jobId }) as const

export const analyzedBody = ({ result, usage }: { readonly result: Readonly<Record<string, unknown>>; readonly usage: Usage }) =>
  ({ ok: true, result, usage: reportUsage(usage) }) as const

/** Answer of the synchronous call, for a job that completed. */
export const processedBody = (job: Job, links: ReadonlyArray<Link>, baseUrl: string) =>
  ({ ok: true, ...outcome(job, links, baseUrl) }) as const

/** Answer of `GET /job/:jobId`; `links` are those of a completed job. */
export const jobBody = (job: Job, links: ReadonlyArray<Link>, baseUrl: string) => {
  const status = statusOf(job.state)
  if (status === "completed") return { ok: true, job_id: job.id, status, ...outcome(job, links, baseUrl) } as const
  if (status === "failed") return { ok: false, job_id: job.id, status, ...failure(job) } as const
  return { ok: true, job_id: job.id, status, ...(job.progress === null ? {} : { progress: job.progress }) } as const
}

/** What a webhook's receiver reads of a job that is over: `GET /job/:jobId` without its `ok`. */
export const webhookBody = (job: Job, links: ReadonlyArray<Link>, baseUrl: string) => {
  const { ok: _, ...body } = jobBody(job, links, baseUrl)
  return body
}

/** A URL that clients can use as it is. */
export const absolute = (baseUrl: string, { url }: SignedRequest): string => (url.startsWith("/") ? `${baseUrl}${url}` : url)

const outcome = (job: Job, links: ReadonlyArray<Link>, baseUrl: string) => ({
  result: links.map(({ name, bytes, request }) => ({ file_name: name, size_bytes: bytes, download_url: absolute(baseUrl, request) })),
  usage: reportUsage(job.usage ?? { seconds: 0, inputBytes: 0, outputBytes: 0 }),
  ...(job.warnings.length === 0 ? {} : { warnings: job.warnings })
})

/** The reference says "processing error" of a job looked at later, and "processing failed" (the error's own words) to one who waits. */
const failure = (job: Job) => {
  const reason =
    job.failure !== null && "detail" in job.failure ? `FFmpeg processing error: ${job.failure.detail}` : failureOf(job)?.message
  return { error: reason ?? "FFmpeg processing error", ...(job.state === "cancelled" ? { cancelled: true } : {}) }
}

const filePath = (file: StoredFile) => `${file.dir}/${file.name}`

/** `2024-01-01T00:00:00Z`: as the reference has it, without fractions. */
const timestamp = (date: Date) => date.toISOString().replace(/\.\d+Z$/, "Z")
