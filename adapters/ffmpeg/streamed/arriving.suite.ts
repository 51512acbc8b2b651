import { readFileSync } from "node:fs"
import { copyFile } from "node:fs/promises"
import type { ServerResponse } from "node:http"
import { Deferred, Effect } from "effect"
import type { BlobMissing, Unavailable } from "../../../core/errors.js"
import type { StorageShape } from "../../../core/ports/storage.js"
import { type Late, storageTransfer, type Transfer } from "../transfer.js"

/** A test file that arrives bit by bit: readers get only what has arrived. */
export interface Arriving {
  readonly late: (path: string) => Late
  /** Makes the whole file available. */
  readonly arrive: Effect.Effect<void>
  /** Fails the file: the rest never arrives. */
  readonly lose: (error: BlobMissing | Unavailable) => Effect.Effect<void>
  /** The ranges that were requested. */
  readonly asked: ReadonlyArray<string | undefined>
}

/**
 * `there` bytes are available from the start. `onAnswer` may answer a request itself; it then returns true.
 */
export const arrivingFile = (
  file: string,
  there = Number.POSITIVE_INFINITY,
  onAnswer: (response: ServerResponse, start: number) => boolean = () => false
): Effect.Effect<Arriving> =>
  Effect.gen(function* () {
    const bytes = readFileSync(file)
    const all = yield* Deferred.make<void, BlobMissing | Unavailable>()
    if (there >= bytes.length) yield* Deferred.succeed(all, undefined)
    const asked: Array<string | undefined> = []
    const late = (path: string): Late => ({
      answer: (request, response) => {
        asked.push(request.headers.range)
        const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0)
        if (onAnswer(response, start)) return
        const size = bytes.length
        if (start >= size) return response.writeHead(416, { "content-range": `bytes */${size}` }).end()
        response.writeHead(206, {
          "accept-ranges": "bytes",
          "content-length": size - start,
          "content-range": `bytes ${start}-${size - 1}/${size}`
        })
        const first = Math.max(start, Math.min(there, size))
        response.flushHeaders()
        response.write(bytes.subarray(start, first))
        const rest = Effect.andThen(Deferred.await(all), () => response.end(bytes.subarray(first)))
        const fiber = Effect.runFork(Effect.catchAll(rest, () => Effect.sync(() => response.destroy())))
        response.once("close", () => fiber.unsafeInterruptAsFork(fiber.id()))
      },
      whole: Effect.zipRight(
        Deferred.await(all),
        Effect.promise(() => copyFile(file, path))
      )
    })
    return {
      late,
      arrive: Effect.asVoid(Deferred.succeed(all, undefined)),
      lose: (error) => Effect.asVoid(Deferred.fail(all, error)),
      asked
    }
  })

/** A transfer whose inputs, by name, are still arriving. Outputs go into the storage. */
export const transferOver = (
  storage: StorageShape,
  inputs: Readonly<Record<string, Arriving>>
): Transfer => ({
  stage: ({ name }, path) => {
    const input = inputs[name]
    return input === undefined ? Effect.dieMessage(`no ${name}`) : Effect.succeed(input.late(path))
  },
  publish: storageTransfer(storage).publish
})
