import { Data, Effect, Option, Stream } from "effect"
import type { ByteRange } from "../../core/ports/storage.js"
import type { Bucket } from "./bucket.js"
import { isPastEnd, Refused } from "./failures.js"

/** The connection broke while the response was read. */
class Broken extends Data.TaggedError("S3Broken")<{ readonly cause: unknown }> {}

const resumes = 3

/**
 * The bytes of an object, or a range of them, cut at its end. A download that breaks is resumed as long as
 * the object is unchanged and attempts make progress, so that large files arrive over an unreliable network.
 */
export const contentOf = (
  bucket: Bucket,
  key: string,
  range?: ByteRange
): Stream.Stream<Uint8Array, Refused> => {
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
          return tries > 0
            ? from(at, tries, seen)
            : Stream.fail(new Refused({ what: "read", code: "Broken", status: undefined, cause }))
        })
      )
    })
  return from(range?.start ?? 0, resumes)
}

/** One request for the bytes from `start` on. Closing the scope closes its connection. */
const opened = (
  { ask, client, sdk, name }: Bucket,
  Key: string,
  start: number,
  end: number | undefined,
  tag: string | undefined
) => {
  const Range = start === 0 && end === undefined ? {} : { Range: `bytes=${start}-${end ?? ""}` }
  const same = tag === undefined ? {} : { IfMatch: tag }
  return Effect.acquireRelease(
    ask("read", (options) =>
      client.send(new sdk.GetObjectCommand({ Bucket: name, Key, ...Range, ...same }), options)
    ),
    // Destroyed here, since the iterator would wait for a chunk that a stalled server never sends.
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
      Effect.tryPromise({
        try: () => pieces.next(),
        catch: (cause) => Option.some(new Broken({ cause }))
      }).pipe(
        Effect.flatMap(({ done, value }) => (done ? Effect.fail(Option.none()) : Effect.succeed(value)))
      )
    )
  })
