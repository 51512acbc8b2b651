import { Schema } from "effect"

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

const Names = Schema.Array(Schema.String)

export const CapabilitiesBody = Schema.Struct({
  version: Schema.String,
  encoders: Names,
  decoders: Names,
  filters: Names,
  muxers: Names,
  demuxers: Names,
  hardware: Names,
  cores: Schema.Int,
  tags: Names
})

/** `process` names this process of the runner: new at each start. With no slot free it only says that it is there. */
export const ClaimBody = Schema.Struct({
  process: Schema.String,
  slots: Schema.Int,
  free: Schema.Int,
  running: Names,
  capabilities: CapabilitiesBody
})

/** A signed request that anyone may make. `url` is absolute, or begins with `/` and is meant below the host's own URL. */
const Request = {
  method: Schema.Literal("GET", "PUT"),
  url: Schema.String,
  headers: Schema.Record({ key: Schema.String, value: Schema.String })
}

const Window = Schema.Struct({ start: Schema.Number, length: Schema.NullOr(Schema.Number), looped: Schema.optional(Schema.Boolean) })

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
      /** ffmpeg's arguments: it runs in a folder with the inputs, beside which `out` takes the outputs. */
      args: Names,
      inputs: Schema.Array(
        Schema.Struct({
          name: Schema.String,
          /** What the caller calls it, where that is another name: for what is said of it. */
          givenName: Schema.optional(Schema.String),
          /** Stands for the content: the same for the same bytes. */
          key: Schema.String,
          bytes: Schema.Int,
          subtitles: Schema.optional(Schema.Literal(true)),
          font: Schema.optional(Schema.Literal(true)),
          /** The run writes it anew: a copy of it is to lie among the outputs. */
          updated: Schema.optional(Schema.Literal(true)),
          ...Request
        })
      ),
      /** What the caller calls sequences of pictures: for what is said of them. */
      sequences: Schema.optional(Schema.Array(Schema.Struct({ pattern: Schema.String, givenName: Schema.String }))),
      outputs: Names,
      /** The numbers, among all outputs of the command, of those that make no file. */
      discarded: Schema.optional(Schema.Array(Schema.Int)),
      timeline: Schema.Struct({ inputs: Schema.Array(Window), outputs: Schema.Array(Window) }),
      /** What is known of the command; where it is absent, it follows from `args`. */
      command: Schema.optional(
        Schema.Struct({
          reads: Names,
          streamable: Names,
          firstPass: Schema.Boolean,
          laterPass: Schema.Boolean,
          onePassEncoder: Schema.optional(Schema.String),
          endsEarly: Schema.Boolean,
          rewritten: Schema.Boolean
        })
      ),
      limits: Schema.Struct({ seconds: Schema.Number, outputBytes: Schema.Number, outputFiles: Schema.Number })
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
  warnings: Names,
  /** Wall time of ffmpeg. */
  seconds: Schema.Number
})

/** `ffmpeg` and `limit` come with a sentence for the user; `input-missing` with none. */
export const FailedBody = Schema.Struct({ reason: Schema.Literal("ffmpeg", "limit", "input-missing"), detail: Schema.String })

/** Why a run is given back: `stopping` may be taken by anyone at once, `broken` after a pause. */
export const ReleasedBody = Schema.Struct({ why: Schema.Literal("stopping", "broken") })
