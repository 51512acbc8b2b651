import { Schema } from "effect"

/**
 * The JSON bodies of responses and webhooks as in the API reference, with its samples. Additional fields come
 * last and are marked "Extension". `responses.ts` has the functions that create them.
 */

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })
const named = (identifier: string) => ({ identifier, title: identifier })
const text = (description: string) => Schema.String.annotations({ description })
const number = (description: string) =>
  Schema.Number.annotations({ description, jsonSchema: { type: "number", minimum: 0 } })
const count = (description: string) =>
  Schema.Number.annotations({ description, jsonSchema: { type: "integer", minimum: 0 } })

const ok = Schema.Literal(true)
const notOk = Schema.Literal(false)
const Time = Schema.String.annotations({
  ...named("Time"),
  description: "UTC, ISO 8601",
  jsonSchema: { type: "string", format: "date-time" }
})
const FilePath = Schema.String.annotations({
  ...named("FilePath"),
  description: "`dir_id/file_name`, as used in tasks and probes"
})
const MediaType = Schema.String.annotations({
  ...named("MediaType"),
  description: "The media type for the file's extension"
})

export const FailureReply = Schema.Struct({
  ok: notOk,
  error: text("A sentence with the problem and the fix")
}).annotations({ ...named("Failure"), examples: [{ ok: false, error: "Descriptive error message" }] })

export const HealthReply = Schema.Struct({ ok }).annotations(named("Health"))
export const UploadedReply = Schema.Struct({ ok }).annotations(named("Uploaded"))

const Usage = Schema.Struct({
  time_sec: number("Run time of the tool in seconds"),
  input_size_gb: number("GB are GiB (2^30 bytes)"),
  output_size_gb: number("GB are GiB (2^30 bytes)"),
  gb_sec: number("(input_size_gb + output_size_gb) x time_sec")
}).annotations({ ...named("Usage"), description: "The usage of the request" })

const ResultFile = Schema.Struct({
  file_name: Schema.String,
  size_bytes: count("Bytes"),
  download_url: text("A signed URL: GET it without an API key before it expires")
}).annotations(named("ResultFile"))

const outcome = {
  result: Schema.Array(ResultFile).annotations({ description: "All output files, named outputs first" }),
  usage: Usage,
  warnings: optional(
    Schema.Array(Schema.String).annotations({
      description: "Extension: warnings about the result, such as a truncated output"
    })
  )
}
const usageSample = { time_sec: 12.5, input_size_gb: 0.098, output_size_gb: 0.015, gb_sec: 1.4125 }
const outcomeSample = {
  result: [
    { file_name: "output.mp4", size_bytes: 1234567, download_url: "https://storage.example.com/result.mp4" }
  ],
  usage: usageSample
}
const job_id = text("The id for `GET /job/{jobId}`")
const failure = { error: text("The reason, with the last lines of ffmpeg's log") }
const failureSample = { error: "FFmpeg processing error: Invalid input format" }

export const ProcessReply = Schema.Struct({ ok, ...outcome }).annotations({
  ...named("Processed"),
  examples: [{ ok: true, ...outcomeSample }]
})

export const AsyncReply = Schema.Struct({ ok, job_id }).annotations({
  ...named("Accepted"),
  examples: [{ ok: true, job_id: "job_abc123xyz" }]
})

const UnfinishedJob = Schema.Struct({
  ok,
  job_id,
  status: Schema.Literal("pending", "processing"),
  progress: optional(
    Schema.Number.annotations({
      description: "Extension: progress from 0 to 1, once it is known",
      jsonSchema: { type: "number", minimum: 0, maximum: 1 }
    })
  )
}).annotations({
  ...named("UnfinishedJob"),
  examples: [{ ok: true, job_id: "job_abc123xyz", status: "pending" }]
})

const CompletedJob = Schema.Struct({
  ok,
  job_id,
  status: Schema.Literal("completed"),
  ...outcome
}).annotations({
  ...named("CompletedJob"),
  examples: [{ ok: true, job_id: "job_abc123xyz", status: "completed", ...outcomeSample }]
})

const FailedJob = Schema.Struct({
  ok: notOk,
  job_id,
  status: Schema.Literal("failed"),
  ...failure,
  cancelled: optional(
    ok.annotations({ description: "Extension: the job did not fail, its owner cancelled it" })
  )
}).annotations({
  ...named("FailedJob"),
  examples: [{ ok: false, job_id: "job_abc123xyz", status: "failed", ...failureSample }]
})

export const JobReply = Schema.Union(UnfinishedJob, CompletedJob, FailedJob)

export const CancelReply = Schema.Struct({ ok, message: Schema.String }).annotations({
  ...named("Cancelled"),
  examples: [{ ok: true, message: "Job cancelled successfully" }]
})

export const AnalyzeReply = Schema.Struct({
  ok,
  result: Schema.Record({ key: Schema.String, value: Schema.Unknown }).annotations({
    description: "ffprobe's report with the requested sections",
    jsonSchema: { type: "object", additionalProperties: true }
  }),
  usage: Usage
}).annotations({
  ...named("Analyzed"),
  examples: [
    {
      ok: true,
      result: {
        format: { duration: "120.5", size: "15728640", bit_rate: "1048576" },
        streams: [{ codec_name: "h264", width: 1920, height: 1080, sample_rate: "48000" }]
      },
      usage: { time_sec: 2.1, input_size_gb: 0.015, output_size_gb: 0.0001, gb_sec: 0.0315 }
    }
  ]
})

export const FileReply = Schema.Struct({
  ok,
  file: Schema.Struct({
    dir_id: Schema.String,
    file_name: Schema.String,
    file_path: FilePath,
    added_on: Time
  }),
  upload: Schema.Struct({
    url: text("PUT the raw bytes to this URL, without an API key"),
    method: Schema.Literal("PUT"),
    headers: Schema.Record({ key: Schema.String, value: Schema.String }).annotations({
      description: "Headers to send with the upload",
      jsonSchema: { type: "object", additionalProperties: { type: "string" } }
    }),
    expiresInSeconds: count("Life of the URL")
  })
}).annotations({
  ...named("RegisteredFile"),
  examples: [
    {
      ok: true,
      file: {
        dir_id: "dir_abc123",
        file_name: "video.mp4",
        file_path: "dir_abc123/video.mp4",
        added_on: "2024-01-01T00:00:00Z"
      },
      upload: { url: "https://presigned-upload-url...", method: "PUT", headers: {}, expiresInSeconds: 300 }
    }
  ]
})

export const FileInfoReply = Schema.Struct({
  ok,
  file_info: Schema.Struct({ file_path: FilePath, file_type: MediaType, file_size: count("Bytes") })
}).annotations({
  ...named("FileInfo"),
  examples: [
    { ok: true, file_info: { file_path: "dir_abc123/video.mp4", file_type: "video/mp4", file_size: 1048576 } }
  ]
})

export const DownloadReply = Schema.Struct({
  ok,
  download: Schema.Struct({
    url: text("A signed URL: GET it without an API key before it expires"),
    method: Schema.Literal("GET"),
    expiresInSeconds: count("Life of the URL"),
    file_path: FilePath,
    file_size: count("Bytes"),
    file_type: MediaType
  })
}).annotations({
  ...named("Download"),
  examples: [
    {
      ok: true,
      download: {
        url: "https://presigned-download-url...",
        method: "GET",
        expiresInSeconds: 300,
        file_path: "dir_abc123/video.mp4",
        file_size: 1048576,
        file_type: "video/mp4"
      }
    }
  ]
})

export const DeleteReply = Schema.Struct({ ok, deleted: Schema.Struct({ file_path: FilePath }) }).annotations(
  {
    ...named("Deleted"),
    examples: [{ ok: true, deleted: { file_path: "dir_abc123/video.mp4" } }]
  }
)

const ttl = count("Life in seconds, from its creation")

export const DirectoryReply = Schema.Struct({
  ok,
  directory: Schema.Struct({ id: Schema.String, ttl })
}).annotations({
  ...named("Directory"),
  examples: [{ ok: true, directory: { id: "dir_abc123", ttl: 86400 } }]
})

export const DirectoriesReply = Schema.Struct({
  ok,
  directories: Schema.Array(Schema.Struct({ id: Schema.String, ttl, added_on: Time }))
}).annotations({
  ...named("Directories"),
  examples: [{ ok: true, directories: [{ id: "dir_abc123", ttl: 86400, added_on: "2024-01-01T10:00:00Z" }] }]
})

export const FilesReply = Schema.Struct({
  ok,
  files: Schema.Array(Schema.Struct({ file_name: Schema.String, added_on: Time }))
}).annotations({
  ...named("Files"),
  examples: [
    {
      ok: true,
      files: [
        { file_name: "video.mp4", added_on: "2024-01-01T10:30:00Z" },
        { file_name: "audio.wav", added_on: "2024-01-01T10:35:00Z" }
      ]
    }
  ]
})

const bound = (description: string) =>
  Schema.NullOr(Schema.Number).annotations({
    description,
    jsonSchema: { type: ["number", "null"], minimum: 0 }
  })

export const UsageReply = Schema.Struct({
  ok,
  usage: Schema.Struct({
    month: text("Calendar month in UTC"),
    jobs: count("Jobs that have completed or failed"),
    probes: count("Probes"),
    time_sec: number("Run time of the tools in seconds"),
    input_size_gb: number("GB are GiB (2^30 bytes)"),
    output_size_gb: number("GB are GiB (2^30 bytes)"),
    gb_sec: number("The sum of the reported values"),
    stored_bytes: count("Bytes stored now")
  }),
  quota: Schema.Struct({
    jobs_per_month: bound("null: unbounded"),
    gb_sec_per_month: bound("null: unbounded"),
    stored_bytes: bound("null: unbounded")
  })
}).annotations({
  ...named("Account"),
  examples: [
    {
      ok: true,
      usage: { month: "2026-11", jobs: 12, probes: 3, ...usageSample, stored_bytes: 1234567 },
      quota: { jobs_per_month: 1000, gb_sec_per_month: null, stored_bytes: null }
    }
  ]
})

const Delivery = Schema.Struct({
  id: text("The header `webhook-id` of every try"),
  job_id: Schema.String,
  url: Schema.String,
  status: Schema.Literal("pending", "delivered", "abandoned"),
  added_on: Time,
  next_try_on: Schema.NullOr(Time).annotations({
    description: "null once the webhook is delivered or abandoned"
  }),
  tries: Schema.Array(
    Schema.Struct({
      on: Time,
      time_sec: number("Duration of the try in seconds"),
      status: Schema.NullOr(Schema.Number).annotations({
        description: "Status code of the receiver's response; null if there was none",
        jsonSchema: { type: ["integer", "null"] }
      }),
      error: Schema.NullOr(Schema.String).annotations({
        description: "Why the try failed; null if it succeeded"
      })
    })
  ).annotations({ description: "Oldest first" })
}).annotations(named("Delivery"))

const deliverySample: typeof Delivery.Type = {
  id: "msg_job_abc123xyz",
  job_id: "job_abc123xyz",
  url: "https://yoursite.com/callback",
  status: "pending",
  added_on: "2024-01-01T10:00:00Z",
  next_try_on: "2024-01-01T10:00:05Z",
  tries: [{ on: "2024-01-01T10:00:00Z", time_sec: 0.12, status: 500, error: "The receiver answered 500" }]
}

export const DeliveriesReply = Schema.Struct({
  ok,
  deliveries: Schema.Array(Delivery).annotations({ description: "Newest first" })
}).annotations({ ...named("Deliveries"), examples: [{ ok: true, deliveries: [deliverySample] }] })

export const DeliveryReply = Schema.Struct({ ok, delivery: Delivery }).annotations({
  ...named("OneDelivery"),
  examples: [{ ok: true, delivery: deliverySample }]
})

export const SecretReply = Schema.Struct({
  ok,
  secret: text("The secret that signs the webhooks of this key, in the format of Standard Webhooks libraries")
}).annotations({
  ...named("WebhookSecret"),
  examples: [{ ok: true, secret: "whsec_MzIgYnl0ZXMgdGhhdCBvbmx5IHdlIHR3byBrbm93Li4u" }]
})

const CompletedWebhook = Schema.Struct({
  job_id: Schema.String,
  status: Schema.Literal("completed"),
  ...outcome
}).annotations({
  ...named("CompletedWebhook"),
  examples: [{ job_id: "job_abc123xyz", status: "completed", ...outcomeSample }]
})
const FailedWebhook = Schema.Struct({
  job_id: Schema.String,
  status: Schema.Literal("failed"),
  ...failure
}).annotations({
  ...named("FailedWebhook"),
  examples: [{ job_id: "job_abc123xyz", status: "failed", ...failureSample }]
})

/** The body of a webhook. */
export const WebhookPayload = Schema.Union(CompletedWebhook, FailedWebhook)
