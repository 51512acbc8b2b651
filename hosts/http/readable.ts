import type { Readable } from "node:stream"
import { Chunk, Effect, Option, Stream } from "effect"
import { giveBack } from "../../adapters/process/release-buffer.js"
import { InvalidRequest } from "../../core/errors.js"
import { Limits } from "../../core/limits.js"

const events = ["readable", "end", "error", "close"] as const

/**
 * Most bytes that are buffered for a busy consumer and passed on at once: the overhead per chunk exceeds the
 * cost of its bytes.
 */
const mostAhead = 1024 * 1024

/**
 * The bytes of a Node stream, read on demand: at most `mostAhead` bytes are read ahead. Ending early leaves
 * the stream open, so that a response can still be sent over its socket. (Node's async iterator would destroy
 * the socket, and wait for the next chunk of a client that has stalled.)
 *
 * The wait for bytes has a budget of `idleSeconds` (limits.ts): waiting uses it up, and each received byte
 * gives a millisecond back. So silence ends a body, and so does a rate below a kilobyte a second; a faster
 * body may take any time. Time in which nothing is pulled does not count.
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
  /** What is available now: chunks, the end, or a failure; undefined when there is nothing. */
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

/**
 * The same bytes, for a consumer that does not use a chunk after it pulled the next one: its memory is
 * released then.
 */
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
  broken(`The request body arrived too slowly: almost nothing for ${idleSeconds} seconds, send it again`)

const broken = (message: string): Pulled => Effect.fail(Option.some(new InvalidRequest({ message })))
