import { randomBytes } from "node:crypto"
import { lstat, readFile, writeFile } from "node:fs/promises"
import { Clock, Effect, Layer, Option, Stream } from "effect"
import { BlobMissing, TooLarge, Unavailable } from "../../core/errors.js"
import { type BlobKey, blobKeyParts, blobPrefixParts } from "../../core/ids.js"
import { Limits } from "../../core/limits.js"
import type { Bytes } from "../../core/ports/effect.js"
import { type Blob, type Parted, Storage, type StorageShape } from "../../core/ports/storage.js"
import { ownUrls, partCount, partSpan } from "../blob/index.js"

interface Stored {
  readonly blob: Blob
  readonly content: Uint8Array
}

interface Upload {
  readonly key: BlobKey
  readonly partBytes: number
  readonly openedAt: number
  readonly parts: Map<number, Uint8Array>
}

const pieceBytes = 256 * 1024

/** Reads the whole body into a copy. */
const collect = <E>(
  body: Bytes<E>,
  maxBytes: number
): Effect.Effect<Uint8Array, E | TooLarge | Unavailable> =>
  Effect.suspend(() => {
    const pieces: Array<Uint8Array> = []
    let bytes = 0
    const take = (piece: Uint8Array) => {
      bytes += piece.length
      if (bytes > maxBytes) return Effect.fail(new TooLarge({ what: "The file", maxBytes }))
      pieces.push(Buffer.from(piece))
      return Effect.void
    }
    return Effect.map(Stream.runForEach(body, take), () => Buffer.concat(pieces))
  })

const onDisk = <A>(what: string, work: () => Promise<A>) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => new Unavailable({ what: `memory storage: ${what}`, cause })
  })

/**
 * Storage in memory, for tests and examples: the readable reference implementation. Downloads and uploads are
 * real files.
 */
export const memoryStorage: Layer.Layer<Storage> = Layer.sync(Storage, () => {
  const blobs = new Map<string, Stored>()
  const secret = randomBytes(32)
  const uploads = new Map<string, Upload>()

  const find = (key: BlobKey) =>
    Effect.suspend(() => {
      const [dir] = blobKeyParts(key)
      const stored = blobs.get(key)
      return stored === undefined ? Effect.fail(new BlobMissing({ dir })) : Effect.succeed(stored)
    })

  const keep = (key: BlobKey, content: Uint8Array) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const blob = { key, bytes: content.length, modifiedAt: new Date(now) }
      blobs.set(key, { blob, content })
      return blob
    })

  /** The upload of this name, if its key and part size match. */
  const findUpload = (key: BlobKey, name: string, { partBytes }: Parted) =>
    Effect.suspend(() => {
      const [dir] = blobKeyParts(key)
      const upload = uploads.get(name)
      const same = upload?.key === key && upload.partBytes === partBytes
      return same ? Effect.succeed(upload) : Effect.fail(new BlobMissing({ dir }))
    })

  const openParts: StorageShape["openParts"] = (key, partBytes) =>
    Effect.gen(function* () {
      blobKeyParts(key)
      const openedAt = yield* Clock.currentTimeMillis
      const { orphanSeconds } = yield* Limits
      for (const [name, upload] of uploads)
        if (upload.openedAt < openedAt - orphanSeconds * 1000) uploads.delete(name)
      const name = randomBytes(16).toString("base64url")
      uploads.set(name, { key, partBytes, openedAt, parts: new Map() })
      return name
    })

  const writePart: StorageShape["writePart"] = (key, part, body) =>
    Effect.gen(function* () {
      const { length } = partSpan(part, part.number)
      const content = yield* collect(body, length)
      const { parts } = yield* findUpload(key, part.upload, part)
      if (length <= 0 || content.length < length) return yield* new BlobMissing({ dir: blobKeyParts(key)[0] })
      parts.set(part.number, content)
    })

  const joinParts: StorageShape["joinParts"] = (key, name, parted) =>
    Effect.gen(function* () {
      const { parts } = yield* findUpload(key, name, parted)
      const inOrder = Array.from(
        { length: partCount(parted) },
        (_, index) => parts.get(index + 1) ?? Buffer.alloc(0)
      )
      const whole = inOrder.every(({ length }, index) => length === partSpan(parted, index + 1).length)
      if (!whole) return yield* new BlobMissing({ dir: blobKeyParts(key)[0] })
      uploads.delete(name)
      return yield* keep(key, Buffer.concat(inOrder))
    })

  return Storage.of({
    write: (key, body, maxBytes) =>
      Effect.gen(function* () {
        blobKeyParts(key)
        return yield* keep(key, yield* collect(body, maxBytes))
      }),

    read: (key, range) =>
      Stream.unwrap(
        Effect.map(find(key), ({ content }) => {
          const start = range?.start ?? 0
          const end = Math.min(content.length, (range?.end ?? Number.POSITIVE_INFINITY) + 1)
          const pieceAt = (at: number) => content.subarray(at, Math.min(at + pieceBytes, end))
          // A copy, since a reader may modify its chunks.
          return Stream.unfold(start, (at) =>
            at < end ? Option.some([Buffer.from(pieceAt(at)), at + pieceBytes]) : Option.none()
          )
        })
      ),

    copy: (from, to) =>
      Effect.flatMap(find(from), ({ content }) => {
        blobKeyParts(to)
        return keep(to, content)
      }),

    stat: (key) =>
      find(key).pipe(
        Effect.map(({ blob }) => blob),
        Effect.option
      ),

    remove: (key) =>
      Effect.sync(() => {
        blobKeyParts(key)
        blobs.delete(key)
      }),

    list: (prefix) =>
      Stream.suspend(() => {
        blobPrefixParts(prefix)
        return Stream.fromIterable(
          [...blobs.values()].map(({ blob }) => blob).filter(({ key }) => key.startsWith(prefix))
        )
      }),

    download: (key, path) =>
      Effect.flatMap(find(key), ({ content }) =>
        onDisk("download", () => writeFile(path, content, { flag: "wx", mode: 0o444 }))
      ),

    upload: (path, key) =>
      Effect.gen(function* () {
        blobKeyParts(key)
        const content = yield* onDisk("upload", async () => {
          if (!(await lstat(path)).isFile()) throw new Error("not a regular file")
          return readFile(path)
        })
        return yield* keep(key, content)
      }),

    openParts,
    writePart,
    joinParts,
    dropParts: (prefix) =>
      Effect.sync(() => {
        blobPrefixParts(prefix)
        for (const [name, { key }] of uploads) if (key.startsWith(prefix)) uploads.delete(name)
      }),

    // Grants are signed tokens and are not stored: those of a busy hour would take most of the memory.
    ...ownUrls(secret)
  })
})
