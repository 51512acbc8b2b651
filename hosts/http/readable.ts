import type { Readable } from "node:stream"
import { Effect, Option, Stream } from "effect"
import { InvalidRequest } from "../../core/errors.js"

const events = ["readable", "end", "error", "close"] as const

/**
 * The bytes of a Node stream, pulled as they are wanted: nothing is read ahead of the consumer but what Node itself
 * buffers. Ending early leaves the stream as it is, so that an answer can still be sent over its socket. (Its async
 * iterator would do neither: leaving it destroys the socket, and waits for the next piece of a client that has stalled.)
 */
export const bytesOf = (source: Readable): Stream.Stream<Uint8Array, InvalidRequest> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      let changed = () => {}
      const onEvent = () => changed()
      yield* Effect.acquireRelease(
        Effect.sync(() => events.forEach((event) => void source.on(event, onEvent))),
        () => Effect.sync(() => events.forEach((event) => void source.off(event, onEvent)))
      )
      const pull = Effect.async<Uint8Array, Option.Option<InvalidRequest>>((resume) => {
        const look = () => {
          const found = next(source)
          if (found === undefined) return
          changed = () => {}
          resume(found)
        }
        changed = look
        look()
      })
      return Stream.repeatEffectOption(pull)
    })
  )

/** What there is now: a piece, the end, a failure; undefined while there is nothing to tell. */
const next = (source: Readable): Effect.Effect<Uint8Array, Option.Option<InvalidRequest>> | undefined => {
  const piece = source.readable ? (source.read() as Buffer | null) : null
  if (piece !== null) return Effect.succeed(piece)
  if (source.readableEnded) return Effect.fail(Option.none())
  if (source.destroyed) return Effect.fail(Option.some(new InvalidRequest({ message: "The request body was cut off" })))
  return undefined
}
