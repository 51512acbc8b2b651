import { Schema } from "effect"
import { texts } from "../fields.js"
import { runnerReasons } from "../job.js"
import { Capabilities } from "../needs.js"
import { Plan } from "../plan.js"
import { StagedFile } from "../task.js"

/**
 * The protocol between runners and hosts: JSON over HTTP (docs/runners.md explains it). A runner sends `POST
 * <host>/runner/v1/<path>`: `claim` with its own token (`Authorization: Basic name:secret` in base64), all
 * other requests with the token of the run (`Authorization: Bearer token`). An error is `{ ok: false, error
 * }` and a status.
 */

/**
 * Protocol version, in the path and in the header `x-ffkiln-runner-protocol` of every response. Versions are
 * incompatible.
 */
export const protocolVersion = 1
export const versionHeader = "x-ffkiln-runner-protocol"
export const pathOf = (action: Action): string => `/runner/v${protocolVersion}/${action}`

export type Action = "claim" | "progress" | "outputs" | "finished" | "failed" | "released"

/**
 * `process` is an id of the runner's process, new at each start. With `free` 0 the request only reports that
 * the runner is alive.
 */
export const ClaimBody = Schema.Struct({
  process: Schema.String,
  slots: Schema.Int,
  free: Schema.Int,
  running: texts,
  capabilities: Capabilities
})

/**
 * A signed request that needs no token. `url` is absolute, or begins with `/` and is relative to the host's
 * URL.
 */
const Request = {
  method: Schema.Literal("GET", "PUT"),
  url: Schema.String,
  headers: Schema.Record({ key: Schema.String, value: Schema.String })
}

/** The fields of a plan without `outputPrefix`, which only the host needs. */
const { outputPrefix: _, ...planFields } = Plan.fields

/** `run` is null if there was no job within `runnerWaitSeconds`. */
export const ClaimReply = Schema.Struct({
  run: Schema.NullOr(
    Schema.Struct({
      /** The job's id, to repeat in `running` and to log. */
      id: Schema.String,
      token: Schema.String,
      /**
       * Longest interval between `progress` requests. After `silenceSeconds` without one the lease is lost.
       */
      heartbeatSeconds: Schema.Number,
      silenceSeconds: Schema.Number,
      /**
       * The plan. ffmpeg runs in a folder with the inputs and writes the outputs to a folder `out` beside it.
       */
      ...planFields,
      /** Each input with the request that downloads it. The same `key` means the same content. */
      inputs: Schema.Array(Schema.Struct({ ...StagedFile.fields, ...Request }))
    })
  )
})

/** Progress as a fraction from 0 to 1; null while unknown. */
export const ProgressBody = Schema.Struct({ fraction: Schema.NullOr(Schema.Number) })
/** `abort`: the lease is lost; the runner must end ffmpeg and discard the run. */
export const ProgressReply = Schema.Struct({ abort: Schema.Boolean })

/**
 * Requests upload URLs, also while ffmpeg still writes: `bytes` is the current size. Optional: `upload` is
 * the multipart upload that already has parts of the file, and `start` is the offset of the first part that
 * needs a request.
 */
export const OutputsBody = Schema.Struct({
  files: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      bytes: Schema.Int,
      upload: Schema.optional(Schema.NullOr(Schema.String)),
      start: Schema.optional(Schema.Int)
    })
  )
})
/**
 * Each file is sent by all of its `requests`, each for its own bytes, in any order and repeatedly if
 * necessary. If `upload` differs from the requested one, parts sent to the old one are discarded, and
 * `requests` cover the whole file.
 */
export const OutputsReply = Schema.Struct({
  files: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      /** The id to repeat in `finished`; null for a file that is sent by one request. */
      upload: Schema.NullOr(Schema.String),
      requests: Schema.Array(Schema.Struct({ ...Request, start: Schema.Int, bytes: Schema.Int }))
    })
  )
})

/** Named outputs first, in the order of the plan. */
export const FinishedBody = Schema.Struct({
  outputs: Schema.Array(
    Schema.Struct({ name: Schema.String, bytes: Schema.Int, upload: Schema.NullOr(Schema.String) })
  ),
  warnings: texts,
  /** Wall time of ffmpeg. */
  seconds: Schema.Number
})

/** `detail` is a sentence for the user, for the reasons `ffmpeg` and `limit`. */
export const FailedBody = Schema.Struct({ reason: runnerReasons, detail: Schema.String })

/**
 * Why a run is released. `stopping`: the job can be claimed at once. `broken`: it can be claimed after the
 * retry delay.
 */
export const ReleasedBody = Schema.Struct({ why: Schema.Literal("stopping", "broken") })
