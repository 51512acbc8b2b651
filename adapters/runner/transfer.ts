import { Array, Effect, type Scope } from "effect"
import { Unavailable } from "../../core/errors.js"
import { BlobKey, type FileName } from "../../core/ids.js"
import { commandOf } from "../../core/plan.js"
import type { Transfer } from "../ffmpeg/transfer.js"
import type { RunCalls } from "./host.js"
import type { InputCache } from "./inputs/input-cache.js"
import { type AheadOptions, sendAhead } from "./outputs/early-upload.js"
import { sendAll } from "./outputs/upload.js"
import type { Run } from "./run.js"

export interface TransferOptions extends Pick<AheadOptions, "worthBytes"> {
  readonly run: Run
  readonly calls: RunCalls
  readonly cache: InputCache
}

/** The transfer of one run: downloads inputs from its host and uploads outputs. */
export interface RunTransfer extends Transfer {
  /** The id of the upload of a published output, for `finished`; null if it has none. */
  readonly uploadOf: (name: FileName) => string | null
}

/**
 * Inputs come from the cache. Outputs are uploaded to the host's places; the host publishes them after
 * `finished`.
 */
export const transferOf = ({
  run,
  calls,
  cache,
  worthBytes
}: TransferOptions): Effect.Effect<RunTransfer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const ahead = yield* sendAhead({
      calls,
      rewritten: commandOf(run).rewritten,
      ...(worthBytes !== undefined && { worthBytes })
    })
    const requests = new Map(run.inputs.map(({ key, request }) => [key, request]))
    const uploads = new Map<FileName, string | null>()
    return {
      stage: ({ key, bytes, name }, path) => {
        const request = requests.get(key)
        if (request === undefined)
          return new Unavailable({ what: `the host has sent no request for the input "${name}"` })
        return cache.bring({ web: calls.web, request, key, bytes }, path)
      },
      grown: ahead.grown,
      publish: (plan, files) =>
        Effect.gen(function* () {
          const there = yield* ahead.settled(files)
          const places = yield* calls.outputs(
            files.map(({ name, bytes }) => ({ name, bytes, upload: there.get(name)?.upload ?? null }))
          )
          const parts = places.flatMap((place, index) => {
            const made = files[index]
            const sent = there.get(place.name)
            const isSame = (start: number) =>
              sent?.upload === place.upload ? sent.parts.get(start) : undefined
            return made === undefined
              ? []
              : place.requests.map((request) => ({ made, request, isSame: isSame(request.start) }))
          })
          const [fresh, known] = Array.partition(parts, (part) => part.isSame !== undefined)
          const changed = Effect.filter(known, ({ isSame = Effect.succeed(false) }) => Effect.negate(isSame))
          yield* Effect.all(
            [sendAll(calls.web, fresh), Effect.flatMap(changed, (some) => sendAll(calls.web, some))],
            {
              concurrency: "unbounded",
              discard: true
            }
          )
          for (const { name, upload } of places) uploads.set(name, upload)
          const modifiedAt = new Date()
          return files.map(({ name, bytes }) => ({
            name,
            blob: { key: BlobKey(`${plan.outputPrefix}${name}`), bytes, modifiedAt }
          }))
        }).pipe(
          Effect.catchTag(
            "RunLost",
            (cause) => new Unavailable({ what: "the lease is lost, so the outputs are discarded", cause })
          )
        ),
      uploadOf: (name) => uploads.get(name) ?? null
    }
  })
