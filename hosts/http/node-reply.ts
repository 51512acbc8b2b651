import type { ServerResponse } from "node:http"
import { Cause, Effect, Stream } from "effect"
import { giveBack } from "../../adapters/process/release-buffer.js"
import { Limits } from "../../core/limits.js"
import type { ApiReply, ApiServices, ReplyBody } from "./api.js"
import { defect, failed } from "./reply.js"

/** Sends a reply, with backpressure from the client. */
export const sendReply = (
  response: ServerResponse,
  reply: ApiReply
): Effect.Effect<void, never, ApiServices> =>
  reply.body._tag === "Bytes" && response.req.method !== "HEAD"
    ? sendBytes(response, reply, reply.body)
    : Effect.sync(() => sendWhole(response, reply))

/** Sends a reply that is in memory; of a body of bytes only the headers. */
export const sendWhole = (response: ServerResponse, { status, headers, body }: ApiReply): void => {
  const text = body._tag === "Json" ? JSON.stringify(body.value) : ""
  const type = body._tag === "Json" ? { "content-type": "application/json; charset=utf-8" } : {}
  const length = body._tag === "Bytes" ? body.length : Buffer.byteLength(text)
  response.writeHead(status, {
    ...headers,
    ...type,
    ...(body._tag === "Nothing" ? {} : { "content-length": length })
  })
  response.end(text)
}

/** Destroys the connection when the body breaks off, so that no client takes a part for the whole. */
const sendBytes = (response: ServerResponse, reply: ApiReply, body: Extract<ReplyBody, { _tag: "Bytes" }>) =>
  Effect.gen(function* () {
    const begin = () => {
      if (!response.headersSent)
        response.writeHead(reply.status, { ...reply.headers, "content-length": body.length })
    }
    let left = body.length
    yield* Stream.runForEach(body.bytes, (piece) => {
      left -= piece.length
      if (left < 0) return Effect.dieMessage("a download grew while it was sent")
      begin()
      return write(response, piece, body.spare)
    })
    if (left > 0) return yield* Effect.dieMessage("a download shrank while it was sent")
    begin()
    // Not in a callback of `end`: middleware that wraps `end` could take the callback for a chunk.
    response.once("finish", () => giveBack(body.spare ?? []))
    response.end()
  }).pipe(
    Effect.catchAll((error) => failed(error)),
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : defect(cause)
    ),
    // Before the first byte, a failure is sent as a normal reply.
    Effect.map(
      (instead) => instead && (response.headersSent ? response.destroy() : sendWhole(response, instead))
    ),
    Effect.asVoid
  )

/**
 * Waits for room in the send buffer, at most `unreadSeconds`. After a disconnect it waits until it is
 * interrupted.
 */
const write = (response: ServerResponse, piece: Uint8Array, spare: Array<Uint8Array> | undefined) =>
  Effect.flatMap(Limits, ({ unreadSeconds }) =>
    Effect.async<void>((resume) => {
      // The memory of sent chunks is reused: new memory for each would run the garbage collector every few
      // dozen MiB.
      if (response.write(piece, () => void spare?.push(piece))) return resume(Effect.void)
      const giveUp = setTimeout(() => response.destroy(), unreadSeconds * 1000)
      const onDrain = () => {
        clearTimeout(giveUp)
        resume(Effect.void)
      }
      response.once("drain", onDrain)
      return Effect.sync(() => {
        clearTimeout(giveUp)
        response.off("drain", onDrain)
      })
    })
  )
