import { Schema } from "effect"
import { texts } from "../fields.js"
import { runnerReasons } from "../job.js"
import { Capabilities } from "../needs.js"
import { Plan } from "../plan.js"
import { StagedFile } from "../task.js"

/**
 * What runners and hosts say to each other, as JSON over HTTP (docs/runners.md says it in words). A runner sends
 * `POST <host>/runner/v1/<path>`: `claim` with its own token (`Authorization: Basic name:secret` in base64), all others
 * with that of the run they are about (`Authorization: Bearer token`). A failure is `{ ok: false, error }` and a status.
 */

/** In the path, and in every answer's `x-ffkiln-runner-protocol`: another number is another language. */
export const protocolVersion = 1
export const versionHeader = "x-ffkiln-runner-protocol"
export const pathOf = (action: Action): string => `/runner/v${protocolVersion}/${action}`

export type Action = "claim" | "progress" | "outputs" | "finished" | "failed" | "released"

/** `process` names this process of the runner: new at each start. With no slot free it only says that it is there. */
export const ClaimBody = Schema.Struct({
  process: Schema.String,
  slots: Schema.Int,
  free: Schema.Int,
  running: texts,
  capabilities: Capabilities
})

/** A signed request that anyone may make. `url` is absolute, or begins with `/` and is meant below the host's own URL. */
const Request = {
  method: Schema.Literal("GET", "PUT"),
  url: Schema.String,
  headers: Schema.Record({ key: Schema.String, value: Schema.String })
}

/** Where outputs are stored is the host's affair. */
const { outputPrefix: _, ...planFields } = Plan.fields

/** `run` is null where there was nothing to do for as long as the request could stay open. */
export const ClaimReply = Schema.Struct({
  run: Schema.NullOr(
    Schema.Struct({
      /** The job's id, to be told in `running`, and for the log. */
      id: Schema.String,
      token: Schema.String,
      /** How often `progress` is to be sent at least, in seconds; without a word for `silenceSeconds` the run is another's. */
      heartbeatSeconds: Schema.Number,
      silenceSeconds: Schema.Number,
      /** The plan: ffmpeg runs in a folder with the inputs, beside which `out` takes the outputs. */
      ...planFields,
      /** Each with the request that fetches it. `key` stands for the content: the same for the same bytes. */
      inputs: Schema.Array(Schema.Struct({ ...StagedFile.fields, ...Request }))
    })
  )
})

/** 0 to 1, or null while that can't be known. */
export const ProgressBody = Schema.Struct({ fraction: Schema.NullOr(Schema.Number) })
/** True: end ffmpeg and forget the run. */
export const ProgressReply = Schema.Struct({ abort: Schema.Boolean })

/**
 * May be asked while ffmpeg still writes: `bytes` are those of now. `upload` is the one that some of the file was sent to
 * already, and `start`, the end of a part, is where requests are wanted from: they may be left out.
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
 * Each file in one request, or in as many as `requests` has, each for its own bytes, in any order and as often as it takes.
 * Where `upload` is not the one that was asked for, nothing counts of what was sent to that, and `requests` are of all.
 */
export const OutputsReply = Schema.Struct({
  files: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      /** To be repeated in `finished`. */
      upload: Schema.NullOr(Schema.String),
      requests: Schema.Array(Schema.Struct({ ...Request, start: Schema.Int, bytes: Schema.Int }))
    })
  )
})

/** The named outputs first, in the order of the plan. */
export const FinishedBody = Schema.Struct({
  outputs: Schema.Array(Schema.Struct({ name: Schema.String, bytes: Schema.Int, upload: Schema.NullOr(Schema.String) })),
  warnings: texts,
  /** Wall time of ffmpeg. */
  seconds: Schema.Number
})

/** `ffmpeg` and `limit` come with a sentence for the user; `input-missing` with none. */
export const FailedBody = Schema.Struct({ reason: runnerReasons, detail: Schema.String })

/** Why a run is given back: `stopping` may be taken by anyone at once, `broken` after a pause. */
export const ReleasedBody = Schema.Struct({ why: Schema.Literal("stopping", "broken") })
