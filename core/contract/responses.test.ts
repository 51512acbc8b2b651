import { describe, expect, it } from "vitest"
import { blobKey, DirId, FileName, JobId, OwnerId } from "../ids.js"
import type { Job } from "../job.js"
import type { SignedRequest } from "../ports/storage.js"
import {
  absolute,
  directoryBody,
  downloadBody,
  fileInfoBody,
  jobBody,
  processedBody,
  registeredBody,
  webhookBody
} from "./responses.js"

const dir = DirId("dir_abc123")
const name = FileName("video.mp4")
const file = {
  dir,
  name,
  key: blobKey(dir, "slot", name),
  bytes: 1048576,
  origin: "upload",
  addedAt: new Date("2024-01-01T00:00:00.789Z")
} as const
const get: SignedRequest = { url: "/blob/t", method: "GET", headers: {} }
const put: SignedRequest = {
  url: "https://storage.example.com/p?x=1",
  method: "PUT",
  headers: { "x-a": "1" }
}
const base = "https://api.example.com/media"

const job: Job = {
  id: JobId("job_abc123xyz"),
  owner: OwnerId("o"),
  state: "completed",
  task: { directory: dir, inputs: [], outputs: [], filterComplex: null },
  attempt: 1,
  progress: null,
  outputs: [{ name: FileName("output.mp4"), bytes: 1234567 }],
  warnings: [],
  usage: { seconds: 12.5, inputBytes: 105226699, outputBytes: 16106127 },
  failure: null,
  webhookUrl: null,
  baseUrl: "https://media.example.com",
  createdAt: new Date(0),
  startedAt: null,
  finishedAt: null
}
const links = [{ name: "output.mp4", bytes: 1234567, request: get }]
const result = [{ file_name: "output.mp4", size_bytes: 1234567, download_url: `${base}/blob/t` }]
const usage = { time_sec: 12.5, input_size_gb: 0.098, output_size_gb: 0.015, gb_sec: 1.4125 }
const failed = (failure: Job["failure"], state: Job["state"] = "failed"): Job => ({
  ...job,
  state,
  failure,
  outputs: [],
  usage: null
})

/** As text, so that the order of the fields counts too. */
const text = (value: unknown) => JSON.stringify(value, null, 1)

describe("responses", () => {
  it.each([
    [
      "directory",
      directoryBody({ id: dir, owner: OwnerId("o"), ttlSeconds: 86400, createdAt: new Date(0) }),
      { ok: true, directory: { id: dir, ttl: 86400 } }
    ],
    [
      "registered file",
      registeredBody({ file: { ...file, bytes: null }, upload: put, expiresInSeconds: 300 }, base),
      {
        ok: true,
        file: {
          dir_id: dir,
          file_name: "video.mp4",
          file_path: "dir_abc123/video.mp4",
          added_on: "2024-01-01T00:00:00Z"
        },
        upload: { url: put.url, method: "PUT", headers: { "x-a": "1" }, expiresInSeconds: 300 }
      }
    ],
    [
      "file info",
      fileInfoBody(file),
      {
        ok: true,
        file_info: { file_path: "dir_abc123/video.mp4", file_type: "video/mp4", file_size: 1048576 }
      }
    ],
    [
      "download",
      downloadBody({ file, request: get, expiresInSeconds: 300 }, base),
      {
        ok: true,
        download: {
          url: `${base}/blob/t`,
          method: "GET",
          expiresInSeconds: 300,
          file_path: "dir_abc123/video.mp4",
          file_size: 1048576,
          file_type: "video/mp4"
        }
      }
    ],
    ["processed", processedBody(job, links, base), { ok: true, result, usage }],
    [
      "pending job",
      jobBody({ ...job, state: "pending" }, [], base),
      { ok: true, job_id: job.id, status: "pending" }
    ],
    [
      "processing job",
      jobBody({ ...job, state: "processing", progress: 0.5 }, [], base),
      { ok: true, job_id: job.id, status: "processing", progress: 0.5 }
    ],
    [
      "completed job",
      jobBody(job, links, base),
      { ok: true, job_id: job.id, status: "completed", result, usage }
    ],
    [
      "job with warnings",
      jobBody({ ...job, warnings: ["short"] }, links, base),
      { ok: true, job_id: job.id, status: "completed", result, usage, warnings: ["short"] }
    ],
    [
      "failed job",
      jobBody(failed({ reason: "ffmpeg", detail: "Invalid input format" }), [], base),
      { ok: false, job_id: job.id, status: "failed", error: "FFmpeg processing error: Invalid input format" }
    ],
    [
      "job ended by a limit",
      jobBody(failed({ reason: "limit", detail: "over 600 s" }), [], base),
      { ok: false, job_id: job.id, status: "failed", error: "FFmpeg processing error: over 600 s" }
    ],
    [
      "lost job",
      jobBody(failed({ reason: "worker-lost" }), [], base),
      {
        ok: false,
        job_id: job.id,
        status: "failed",
        error: "The job was interrupted too often and has been given up"
      }
    ],
    [
      "cancelled job",
      jobBody(failed(null, "cancelled"), [], base),
      { ok: false, job_id: job.id, status: "failed", error: "Job was cancelled", cancelled: true }
    ],
    [
      "webhook of success",
      webhookBody(job, links, base),
      { job_id: job.id, status: "completed", result, usage }
    ],
    [
      "webhook of failure",
      webhookBody(failed({ reason: "ffmpeg", detail: "Invalid input format" }), [], base),
      { job_id: job.id, status: "failed", error: "FFmpeg processing error: Invalid input format" }
    ]
  ])("%s", (_, actual, expected) => expect(text(actual)).toBe(text(expected)))

  it("prefixes only URLs that the API serves itself", () => {
    expect(absolute("https://h/p", get)).toBe("https://h/p/blob/t")
    expect(absolute("https://h/p", put)).toBe(put.url)
  })
})
