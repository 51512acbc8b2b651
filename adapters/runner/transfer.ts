import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"
import { BlobKey, type FileName } from "../../core/ids.js"
import type { Transfer } from "../ffmpeg/transfer.js"
import type { RunCalls } from "./host.js"
import type { InputCache } from "./input-cache.js"
import type { Run } from "./run.js"
import { sendAll } from "./sending.js"

export interface TransferOptions {
  readonly run: Run
  readonly calls: RunCalls
  readonly cache: InputCache
}

/** How the bytes of one run come from its host, and go back to it. */
export interface RunTransfer extends Transfer {
  /** Under which upload an output that was published was sent, to be repeated in `finished`; null for none. */
  readonly uploadOf: (name: FileName) => string | null
}

/** Inputs by the cache; outputs to where the host wants them, which publishes them when it hears that the run is finished. */
export const transferOf = ({ run, calls, cache }: TransferOptions): Effect.Effect<RunTransfer> =>
  Effect.sync(() => {
    const requests = new Map(run.inputs.map(({ key, request }) => [key, request]))
    const uploads = new Map<FileName, string | null>()
    return {
      stage: ({ key, bytes, name }, path) => {
        const request = requests.get(key)
        if (request === undefined) return new Unavailable({ what: `the host has sent no request for the input "${name}"` })
        return cache.bring({ web: calls.web, request, key, bytes }, path)
      },
      publish: (plan, files) =>
        Effect.gen(function* () {
          const places = yield* calls.outputs(files)
          yield* sendAll(
            calls.web,
            places.flatMap((place, index) => {
              const made = files[index]
              return made === undefined ? [] : [{ made, place }]
            })
          )
          for (const { name, upload } of places) uploads.set(name, upload)
          const modifiedAt = new Date()
          return files.map(({ name, bytes }) => ({ name, blob: { key: BlobKey(`${plan.outputPrefix}${name}`), bytes, modifiedAt } }))
        }).pipe(Effect.catchTag("RunOver", (cause) => new Unavailable({ what: "the outputs have no place any more", cause }))),
      uploadOf: (name) => uploads.get(name) ?? null
    }
  })
