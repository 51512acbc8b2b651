import type { FileHandle } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect, FiberId, FiberSet, type Scope } from "effect"
import { type BlobMissing, Unavailable } from "../../../core/errors.js"
import { requestedRange } from "../../../core/text/range-header.js"
import type { Late } from "../../ffmpeg/transfer.js"
import { pieceBytes } from "../file-bytes.js"
import type { Arriving } from "./range-download.js"

/**
 * Answers GET and HEAD from a file that is still downloading, until the scope closes. Stops when the client
 * disconnects.
 */
export const lateAnswers = (
  file: FileHandle,
  arriving: Arriving
): Effect.Effect<Late["answer"], never, Scope.Scope> =>
  Effect.map(FiberSet.makeRuntime<never>(), (run) => (request, response) => {
    const fiber = run(
      Effect.catchAll(reply(file, arriving, request, response), (error) =>
        // The response is cut off before its announced length, so that the client does not take this for the
        // end.
        Effect.zipRight(
          Effect.logWarning("the download of an input failed", error),
          Effect.sync(() => response.destroy())
        )
      )
    )
    response.once("close", () => fiber.unsafeInterruptAsFork(FiberId.none))
  })

const reply = (
  file: FileHandle,
  arriving: Arriving,
  { method, headers }: IncomingMessage,
  response: ServerResponse
): Effect.Effect<void, BlobMissing | Unavailable> =>
  Effect.gen(function* () {
    const { bytes } = arriving
    const end = (status: number, more: Readonly<Record<string, string | number>>) =>
      Effect.sync(() => void response.writeHead(status, { "accept-ranges": "bytes", ...more }).end())
    if (method !== "GET" && method !== "HEAD")
      return yield* end(405, { allow: "GET, HEAD", "content-length": 0 })
    const range = requestedRange(headers.range, bytes)
    if (range === "unsatisfiable")
      return yield* end(416, { "content-range": `bytes */${bytes}`, "content-length": 0 })
    const { start = 0, end: last = bytes - 1 } = range === "whole" ? {} : range
    const to = last + 1
    const [status, about] =
      range === "whole"
        ? [200, { "content-length": bytes }]
        : [206, { "content-length": to - start, "content-range": `bytes ${start}-${to - 1}/${bytes}` }]
    if (method === "HEAD") return yield* end(status, about)
    yield* Effect.sync(() => {
      response.writeHead(status, {
        "accept-ranges": "bytes",
        "content-type": "application/octet-stream",
        ...about
      })
      response.flushHeaders()
    })
    // One buffer for all chunks: a new one for each would cost most of the time in garbage collection.
    const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, to - start))
    for (let at = start; at < to; ) {
      yield* arriving.wait(at)
      const piece = yield* read(file, at, Math.min(arriving.reach(at), at + pieceBytes, to), buffer)
      yield* written(response, piece)
      at += piece.length
    }
    yield* Effect.sync(() => void response.end())
  })

const read = (
  file: FileHandle,
  from: number,
  to: number,
  buffer: Buffer
): Effect.Effect<Buffer, Unavailable> =>
  Effect.tryPromise({
    try: async () => {
      const { bytesRead } = await file.read(buffer, 0, to - from, from)
      return buffer.subarray(0, bytesRead)
    },
    catch: (cause) => new Unavailable({ what: "read an input", cause })
  })

/** Waits until the operating system has taken the chunk, or the response has closed. */
const written = (response: ServerResponse, piece: Buffer): Effect.Effect<void> =>
  Effect.async((resume) => {
    response.write(piece, () => resume(Effect.void))
  })
