import type { Readable } from "node:stream"
import { Effect, Option, Stream } from "effect"
import { InvalidRequest } from "../../core/errors.js"
import { Limits } from "../../core/limits.js"

const events = ["readable", "end", "error", "close"] as const

/**
 * The bytes of a Node stream, pulled as they are wanted: nothing is read ahead of the consumer but what Node itself
 * buffers. Ending early leaves the stream as it is, so that an answer can still be sent over its socket. (Its async
 * iterator would do neither: leaving it destroys the socket, and waits for the next piece of a client that has stalled.)
 *
 * We wait for `idleSeconds` (limits.ts) at most: each wait uses that up, and each byte that comes gives a millisecond back.
 * So silence ends a body, and so does a trickle of less than a kilobyte a second; one that comes faster may take as long as
 * it needs. Time in which nothing is pulled does not count.
 */
export const bytesOf = (source: Readable): Stream.Stream<Uint8Array, InvalidRequest> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const { idleSeconds } = yield* Limits
      const most = idleSeconds * 1000
      let patience = most
      let changed = () => {}
      const onEvent = () => changed()
      yield* Effect.acquireRelease(
        Effect.sync(() => events.forEach((event) => void source.on(event, onEvent))),
        () => Effect.sync(() => events.forEach((event) => void source.off(event, onEvent)))
      )
      const pull = Effect.async<Uint8Array, Option.Option<InvalidRequest>>((resume) => {
        const first = next(source)
        if (first !== undefined) return resume(first)
        const began = performance.now()
        const finish = (found: Pulled) => {
          changed = () => {}
          clearTimeout(timer)
          resume(found)
        }
        const timer = setTimeout(() => finish(stalled(idleSeconds)), patience)
        changed = () => {
          const found = next(source)
          if (found === undefined) return
          patience -= performance.now() - began
          finish(found)
        }
        return Effect.sync(() => clearTimeout(timer))
      })
      const counted = Effect.tap(pull, (piece) => Effect.sync(() => (patience = Math.min(most, patience + piece.length))))
      return Stream.repeatEffectOption(counted)
    })
  )

type Pulled = Effect.Effect<Uint8Array, Option.Option<InvalidRequest>>

/** What there is now: a piece, the end, a failure; undefined while there is nothing to tell. */
const next = (source: Readable): Pulled | undefined => {
  const piece = source.readable ? (source.read() as Buffer | null) : null
  if (piece !== null) return Effect.succeed(piece)
  if (source.readableEnded) return Effect.fail(Option.none())
  if (source.destroyed) return broken("The request body was cut off")
  return undefined
}

const stalled = (idleSeconds: number) =>
  broken(`The request body came too slowly: hardly anything arrived for ${idleSeconds} seconds, send it again`)

const broken = (message: string): Pulled => Effect.fail(Option.some(new InvalidRequest({ message })))
