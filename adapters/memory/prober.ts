import { Effect, Layer, Option } from "effect"
import { BlobMissing, type ProbeFailed, type RunLimitExceeded, UrlRefused } from "../../core/errors.js"
import { type ProbeReport, Prober, type ProbeSource } from "../../core/ports/prober.js"
import { Storage } from "../../core/ports/storage.js"
import type { ProbeRequest } from "../../core/probe.js"

type BlobSource = Extract<ProbeSource, { readonly _tag: "Blob" }>

/** Makes the report of a blob in place of ffprobe. */
export type Probe = (
  source: BlobSource,
  request: ProbeRequest
) => Effect.Effect<ProbeReport["raw"], ProbeFailed | RunLimitExceeded>

/** A report with the name and size of a file, and no streams. */
export const nameAndSize: Probe = ({ name, bytes }) =>
  Effect.succeed({ format: { filename: name, size: `${bytes}` }, streams: [] })

/** A prober without ffprobe, for tests and examples: `probe` makes the reports. */
export const memoryProber = (probe: Probe = nameAndSize): Layer.Layer<Prober, never, Storage> =>
  Layer.effect(
    Prober,
    Effect.map(Storage, (storage) => ({
      probe: (source, request) => {
        if (source._tag === "Url") return new UrlRefused({})
        return Effect.gen(function* () {
          const blob = yield* storage.stat(source.key)
          if (Option.isNone(blob)) return yield* new BlobMissing({ dir: source.key.split("/")[0] ?? "" })
          const raw = yield* probe(source, request)
          return { raw, seconds: 1, inputBytes: source.bytes, outputBytes: JSON.stringify(raw).length }
        })
      }
    }))
  )
