import { Data, Effect, Option, Stream } from "effect"
import type { ByteRange } from "../../core/ports/storage.js"
import type { Bucket } from "./bucket.js"
import { isPastEnd, Refused } from "./failures.js"

/** The connection broke while the answer was read. */
class Broken extends Data.TaggedError("S3Broken")<{ readonly cause: unknown }> {}

const resumes = 3

/**
 * The object's bytes, or the range of them cut to what is there. A download that breaks off goes on where it was, as long
 * as the object is the same and some try brings a byte: a large file would else never arrive over a bad network.
 */
export const contentOf = (bucket: Bucket, key: string, range?: ByteRange): Stream.Stream<Uint8Array, Refused> => {
  const end = range === undefined || range.end === Number.POSITIVE_INFINITY ? undefined : range.end
  const from = (start: number, triesLeft: number, tag?: string): Stream.Stream<Uint8Array, Refused> =>
    Stream.suspend(() => {
      let at = start
      let seen = tag
      const answer = Stream.unwrapScoped(
        Effect.map(opened(bucket, key, start, end, tag), ({ etag, pieces }) => {
          seen = etag
          return pieces
        })
      )
      return answer.pipe(
        Stream.map((piece) => {
          at += piece.length
          return piece
        }),
        Stream.catchTag("S3Broken", ({ cause }) => {
          const tries = at > start ? resumes : triesLeft - 1
          return tries > 0 ? from(at, tries, seen) : Stream.fail(new Refused({ what: "read", code: "Broken", status: undefined, cause }))
        })
      )
    })
  return from(range?.start ?? 0, resumes)
}

/** One request for the bytes from `start` on. Its connection is closed with the scope. */
const opened = ({ ask, client, sdk, name }: Bucket, Key: string, start: number, end: number | undefined, tag: string | undefined) => {
  const Range = start === 0 && end === undefined ? {} : { Range: `bytes=${start}-${end ?? ""}` }
  const same = tag === undefined ? {} : { IfMatch: tag }
  return Effect.acquireRelease(
    ask("read", (options) => client.send(new sdk.GetObjectCommand({ Bucket: name, Key, ...Range, ...same }), options)),
    // Not left to the iterator: it would wait for the piece that a stalled server never sends.
    ({ Body }) => Effect.sync(() => (Body as NodeBody | undefined)?.destroy())
  ).pipe(
    Effect.map(({ Body, ETag }) => ({ etag: ETag, pieces: piecesOf(Body as NodeBody) })),
    Effect.catchIf(isPastEnd, () => Effect.succeed({ etag: tag, pieces: Stream.empty }))
  )
}

interface NodeBody extends AsyncIterable<Uint8Array> {
  readonly destroy: () => void
}

const piecesOf = (body: NodeBody): Stream.Stream<Uint8Array, Broken> =>
  Stream.suspend(() => {
    const pieces = body[Symbol.asyncIterator]()
    return Stream.repeatEffectOption(
      Effect.tryPromise({ try: () => pieces.next(), catch: (cause) => Option.some(new Broken({ cause })) }).pipe(
        Effect.flatMap(({ done, value }) => (done ? Effect.fail(Option.none()) : Effect.succeed(value)))
      )
    )
  })
