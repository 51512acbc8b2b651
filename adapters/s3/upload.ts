import { createHash, randomUUID } from "node:crypto"
import { Chunk, Effect, Exit, Stream } from "effect"
import type { Unavailable } from "../../core/errors.js"
import type { Bytes } from "../../core/ports/effect.js"
import { inParts } from "../blob/index.js"
import type { Bucket } from "./bucket.js"
import { isMissing, type Refused, unavailable } from "./failures.js"
import { abortUpload } from "./leftovers.js"

const MiB = 1024 * 1024
/**
 * S3 requires parts of at least 5 MiB, and at most 10,000 of them. Some servers require equal sizes except
 * for the last.
 */
const smallestPart = 8 * MiB
const mostParts = 10_000
/** Parts uploaded at a time. With two more being filled, an upload takes 40 MiB of memory. */
const partsAtOnce = 3

/**
 * Stores the body as an object, completely or not at all: in one request if it is small, else as a multipart
 * upload.
 */
export const store = <E>(
  bucket: Bucket,
  key: string,
  body: Bytes<E>,
  mostBytes: number
): Effect.Effect<void, E | Unavailable> =>
  Effect.scoped(
    Effect.gen(function* () {
      const partBytes = Math.max(
        smallestPart,
        Number.isFinite(mostBytes) ? Math.ceil(mostBytes / mostParts) : 0
      )
      // One part per pull, so that taking the first two does not consume the third.
      const parts = Stream.fromPull(
        Effect.succeed(yield* Stream.toPull(Stream.rechunk(inParts(body, partBytes), 1)))
      )
      const first = yield* Stream.runCollect(Stream.take(parts, 2))
      if (first.length < 2) yield* put(bucket, key, Chunk.toReadonlyArray(first)[0] ?? new Uint8Array())
      else yield* putParts(bucket, key, Stream.concat(Stream.fromChunk(first), parts))
    })
  ).pipe(Effect.catchIf(isRefused, (error) => Effect.fail(unavailable(error))))

const isRefused = (error: unknown): error is Refused =>
  error instanceof Object && "_tag" in error && error._tag === "S3Refused"

/** The Content-MD5, which every server checks, unlike the checksums of newer SDKs. */
export const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("base64")

const put = ({ ask, client, sdk, name }: Bucket, Key: string, Body: Uint8Array) =>
  ask("put", (options) =>
    client.send(new sdk.PutObjectCommand({ Bucket: name, Key, Body, ContentMD5: md5(Body) }), options)
  )

const putParts = <E>(bucket: Bucket, Key: string, parts: Bytes<E>) => {
  const { ask, client, sdk, name: Bucket } = bucket
  const mark = randomUUID()
  return Effect.acquireUseRelease(
    ask("begin an upload", (options) =>
      client.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key, Metadata: { upload: mark } }), options)
    ),
    ({ UploadId }) =>
      Effect.gen(function* () {
        const stored = yield* Stream.zipWithIndex(parts).pipe(
          Stream.mapEffect(
            ([Body, index]) => {
              const PartNumber = index + 1
              const part = { Bucket, Key, UploadId, PartNumber, Body, ContentMD5: md5(Body) }
              return Effect.map(
                ask("put a part", (options) => client.send(new sdk.UploadPartCommand(part), options)),
                ({ ETag }) => ({ ETag, PartNumber })
              )
            },
            { concurrency: partsAtOnce }
          ),
          Stream.runCollect
        )
        const MultipartUpload = { Parts: Chunk.toArray(stored) }
        yield* ask("finish an upload", (options) =>
          client.send(
            new sdk.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }),
            options
          )
        ).pipe(
          // If the response to a successful attempt was lost, the next attempt finds no upload, but the
          // object has its mark.
          Effect.catchIf(isMissing, (error) =>
            Effect.filterOrFail(
              markOf(bucket, Key),
              (found) => found === mark,
              () => error
            )
          ),
          // Completing is not interrupted, since an abort at the same time could leave a broken object.
          Effect.uninterruptible
        )
      }),
    ({ UploadId }, exit) =>
      Exit.isSuccess(exit)
        ? Effect.void
        : abortUpload(bucket, Key, UploadId).pipe(
            Effect.catchAll((error) =>
              Effect.logWarning("an unfinished upload stays until the sweep", unavailable(error))
            )
          )
  )
}

/** The mark of the upload that created an object. */
export const markOf = ({ ask, client, sdk, name }: Bucket, Key: string) =>
  Effect.map(
    ask("look at a finished upload", (options) =>
      client.send(new sdk.HeadObjectCommand({ Bucket: name, Key }), options)
    ),
    ({ Metadata }) => Metadata?.upload
  )
