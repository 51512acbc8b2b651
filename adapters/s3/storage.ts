import { Chunk, Clock, Effect, Option, Stream } from "effect"
import { BlobMissing, SignedUrlExpired, type Unavailable } from "../../core/errors.js"
import { BlobKey, blobKeyParts, blobPath, blobPrefixParts, isBlobKeyPart } from "../../core/ids.js"
import type { Bytes } from "../../core/ports/effect.js"
import type { Blob, ByteRange, StorageShape } from "../../core/ports/storage.js"
import {
  capped,
  fill,
  grantOf,
  grantToken,
  inParts,
  partSpan,
  pieces,
  withNewFile,
  withRegularFile
} from "../blob/index.js"
import type { Bucket } from "./bucket.js"
import { isMissing, type Refused, unavailable } from "./failures.js"
import { abortBelow } from "./leftovers.js"
import { joinUpload, openUpload, putPart } from "./parts.js"
import { presigned } from "./presign.js"
import { contentOf } from "./read.js"
import { store } from "./upload.js"

/** The most bytes that S3 copies in one request. */
const mostCopiedBytes = 5 * 1024 ** 3

/** The `Storage` port in a bucket. `secret` signs the tokens of playlists. */
export const storage = (bucket: Bucket, secret: Uint8Array): StorageShape => {
  const { ask, client, sdk, name: Bucket } = bucket
  const root = `${bucket.prefix}blobs/`
  const objectOf = (key: BlobKey) => `${root}${blobKeyParts(key).join("/")}`
  const missing = (key: BlobKey) => new BlobMissing({ dir: blobKeyParts(key)[0] })

  const stat: StorageShape["stat"] = (key) =>
    Effect.suspend(() => {
      const Key = objectOf(key)
      return ask("stat", (options) => client.send(new sdk.HeadObjectCommand({ Bucket, Key }), options)).pipe(
        Effect.map(({ ContentLength, LastModified }) =>
          Option.some(blobOf(key, ContentLength, LastModified))
        ),
        Effect.catchIf(isMissing, () => Effect.succeedNone),
        Effect.mapError(unavailable)
      )
    })

  const read = (key: BlobKey, range?: ByteRange): Bytes<BlobMissing> =>
    Stream.suspend((): Bytes<BlobMissing> => {
      if (range !== undefined && range.end < range.start)
        return Stream.drain(Stream.fromEffect(existing(key)))
      return Stream.mapError(contentOf(bucket, objectOf(key), range), (error) =>
        isMissing(error) ? missing(key) : unavailable(error)
      )
    })

  const existing = (key: BlobKey) =>
    Effect.flatMap(stat(key), Option.match({ onNone: () => missing(key), onSome: Effect.succeed }))

  const stored = <E>(key: BlobKey, body: Bytes<E>, mostBytes: number): Effect.Effect<Blob, E | Unavailable> =>
    Effect.suspend(() =>
      Effect.zipRight(
        store(bucket, objectOf(key), body, mostBytes),
        // The modification time has to come from the server's clock, which the orphan sweep uses as well.
        Effect.catchTag(existing(key), "BlobMissing", (cause) =>
          Effect.fail(unavailable({ what: "write: removed meanwhile", cause }))
        )
      )
    )

  const upload: StorageShape["upload"] = (path, key) =>
    Effect.suspend(() => {
      objectOf(key)
      return withRegularFile(path, (file, bytes) => stored(key, pieces(file), bytes))
    })

  const list = (prefix: string): Stream.Stream<Blob, Unavailable> =>
    Stream.suspend(() => {
      const Prefix = `${root}${blobPrefixParts(prefix)
        .map((part) => `${part}/`)
        .join("")}`
      const page = (ContinuationToken: string | undefined) =>
        ask("list", (options) =>
          // URL encoding, since XML can't represent all characters of a name.
          client.send(
            new sdk.ListObjectsV2Command({ Bucket, Prefix, ContinuationToken, EncodingType: "url" }),
            options
          )
        )
      return Stream.paginateChunkEffect(undefined as string | undefined, (token) =>
        Effect.map(page(token), ({ Contents = [], EncodingType, NextContinuationToken }) => {
          const blobs = Contents.flatMap(({ Key = "", Size, LastModified }) => {
            const object = EncodingType === "url" ? decodeURIComponent(Key.replaceAll("+", " ")) : Key
            const parts = object.slice(root.length).split("/")
            return parts.length === 3 && parts.every(isBlobKeyPart)
              ? [blobOf(BlobKey(parts.join("/")), Size, LastModified)]
              : []
          })
          return [Chunk.unsafeFromArray(blobs), Option.fromNullable(NextContinuationToken)] as const
        })
      ).pipe(Stream.mapError(unavailable))
    })

  /** The server copies up to 5 GiB itself. A larger object is downloaded and uploaded by this process. */
  const copy: StorageShape["copy"] = (from, to) =>
    Effect.gen(function* () {
      const Key = objectOf(to)
      const source = yield* existing(from)
      if (source.bytes > mostCopiedBytes) return yield* stored(to, read(from), source.bytes)
      const CopySource = [Bucket, ...objectOf(from).split("/")].map(encodeURIComponent).join("/")
      yield* ask("copy", (options) =>
        client.send(new sdk.CopyObjectCommand({ Bucket, Key, CopySource }), options)
      ).pipe(Effect.mapError((error) => (isMissing(error) ? missing(from) : unavailable(error))))
      return yield* existing(to)
    })

  return {
    copy,
    write: (key, body, maxBytes) => stored(key, capped(body, maxBytes), maxBytes),
    read,
    stat,
    remove: (key) =>
      Effect.suspend(() => {
        const Key = objectOf(key)
        return ask("remove", (options) =>
          client.send(new sdk.DeleteObjectCommand({ Bucket, Key }), options)
        ).pipe(
          Effect.catchIf(isMissing, () => Effect.void),
          Effect.mapError(unavailable),
          Effect.asVoid
        )
      }),
    list,
    download: (key, path) =>
      Effect.suspend(() => {
        const bytes = read(key)
        return withNewFile(path, (file) => fill(file, bytes))
      }),
    upload,
    openParts: (key) => Effect.suspend(() => Effect.mapError(openUpload(bucket, objectOf(key)), unavailable)),
    writePart: (key, part, body) =>
      Effect.gen(function* () {
        const Key = objectOf(key)
        const { length } = partSpan(part, part.number)
        if (length <= 0) return yield* missing(key)
        const content = Chunk.toReadonlyArray(
          yield* Stream.runCollect(inParts(capped(body, length), length))
        )[0]
        if (content?.length !== length) return yield* missing(key)
        yield* Effect.mapError(putPart(bucket, Key, part, content), (error) =>
          isMissing(error) ? missing(key) : unavailable(error)
        )
      }),
    joinParts: (key, upload, parted) =>
      Effect.gen(function* () {
        const isJoined = yield* Effect.mapError(
          joinUpload(bucket, objectOf(key), upload, parted),
          unavailable
        )
        return yield* isJoined ? existing(key) : missing(key)
      }),
    dropParts: (prefix) =>
      Effect.suspend(() => {
        blobPrefixParts(prefix)
        return Effect.mapError(abortBelow(bucket, prefix), unavailable)
      }),
    sign: (grant) =>
      Effect.suspend(() => {
        const Key = objectOf(grant.key)
        const request = (url: string) => ({ url, method: grant.method, headers: {} })
        return grant.method === "GET" && grant.siblings === true
          ? Effect.sync(() => request(blobPath(grantToken(secret, grant), grant.fileName)))
          : presigned(bucket, Key, grant).pipe(
              Effect.map(request),
              Effect.mapError((error: Refused) => unavailable(error))
            )
      }),
    redeem: (token) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const grant = grantOf(secret, token, now)
        // Only tokens for playlists are accepted, in case the secret in the bucket was read by others.
        return grant?.method === "GET" && grant.siblings === true
          ? Effect.succeed(grant)
          : Effect.fail(new SignedUrlExpired({}))
      })
  }
}

/** Rounds times to seconds: listings have milliseconds, headers do not, and a blob must have one time. */
const blobOf = (key: BlobKey, bytes = 0, modifiedAt = new Date(0)): Blob => ({
  key,
  bytes,
  modifiedAt: new Date(Math.floor(modifiedAt.getTime() / 1000) * 1000)
})
