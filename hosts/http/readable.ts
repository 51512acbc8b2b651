import type { Readable } from "node:stream"
import { Chunk, Effect, Option, Stream } from "effect"
import { giveBack } from "../../adapters/process/release-buffer.js"
import { InvalidRequest } from "../../core/errors.js"
import { Limits } from "../../core/limits.js"

const events = ["readable", "end", "error", "close"] as const

/** As much is held for a consumer who is busy, and handed over at once: for each piece by itself the steps would cost more than it does. */
const mostAhead = 1024 * 1024

/**
 * The bytes of a Node stream, pulled as they are wanted: no more than `mostAhead` is read ahead of the consumer. Ending early
 * leaves the stream as it is, so that an answer can still be sent over its socket. (Its async iterator would do neither:
 * leaving it destroys the socket, and waits for the next piece of a client that has stalled.)
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
      const { gather, next } = gathering(source)
      const onEvent = () => {
        gather()
        changed()
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => events.forEach((event) => void source.on(event, onEvent))),
        () => Effect.sync(() => events.forEach((event) => void source.off(event, onEvent)))
      )
      const pull = Effect.async<Chunk.Chunk<Uint8Array>, Option.Option<InvalidRequest>>((resume) => {
        const first = next()
        if (first !== undefined) return resume(first)
        const began = performance.now()
        const finish = (found: Pulled) => {
          changed = () => {}
          clearTimeout(timer)
          resume(found)
        }
        const timer = setTimeout(() => finish(stalled(idleSeconds)), patience)
        changed = () => {
          const found = next()
          if (found === undefined) return
          patience -= performance.now() - began
          finish(found)
        }
        return Effect.sync(() => clearTimeout(timer))
      })
      const counted = Effect.map(pull, (pieces) => {
        for (const piece of pieces) patience += piece.length
        patience = Math.min(most, patience)
        return pieces
      })
      return Stream.repeatEffectChunkOption(counted)
    })
  )

type Pulled = Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<InvalidRequest>>

const gathering = (source: Readable) => {
  let held: Array<Uint8Array> = []
  let bytes = 0
  const gather = () => {
    while (bytes < mostAhead && source.readable) {
      const piece = source.read() as Buffer | null
      if (piece === null) return
      held.push(piece)
      bytes += piece.length
    }
  }
  /** What there is now: pieces, the end, a failure; undefined while there is nothing to tell. */
  const next = (): Pulled | undefined => {
    gather()
    if (held.length > 0) {
      const pieces = Chunk.unsafeFromArray(held)
      held = []
      bytes = 0
      return Effect.succeed(pieces)
    }
    if (source.readableEnded) return Effect.fail(Option.none())
    if (source.destroyed) return broken("The request body was cut off")
    return undefined
  }
  return { gather, next }
}

/** The same bytes, for a consumer who keeps nothing of a piece when he asks for the next: its memory is given back then. */
export const passing = <E>(body: Stream.Stream<Uint8Array, E>): Stream.Stream<Uint8Array, E> =>
  Stream.suspend(() => {
    let before = Chunk.empty<Uint8Array>()
    return Stream.mapChunks(body, (pieces) => {
      giveBack(before)
      before = pieces
      return pieces
    })
  })

const stalled = (idleSeconds: number) =>
  broken(`The request body came too slowly: hardly anything arrived for ${idleSeconds} seconds, send it again`)

const broken = (message: string): Pulled => Effect.fail(Option.some(new InvalidRequest({ message })))
