import { randomBytes } from "node:crypto"
import { lstat, readFile, writeFile } from "node:fs/promises"
import { Clock, Effect, Layer, Option, Stream } from "effect"
import { BlobMissing, SignedUrlExpired, TooLarge, Unavailable } from "../../core/errors.js"
import { type BlobKey, parseFileName } from "../../core/ids.js"
import { type Blob, type Grant, Storage } from "../../core/ports/storage.js"

interface Stored {
  readonly blob: Blob
  readonly content: Uint8Array
}

const pieceBytes = 256 * 1024

const isPart = (text: string): boolean => "name" in parseFileName(text)

/** The key's directory. Throws for what is no key: nobody but a bug makes one. */
const dirOf = (key: BlobKey): string => {
  const [dir = "", ...rest] = key.split("/")
  if (rest.length !== 2 || ![dir, ...rest].every(isPart)) throw new TypeError(`no blob key: ${JSON.stringify(key)}`)
  return dir
}

const checkPrefix = (prefix: string): void => {
  const parts = prefix.split("/")
  if (parts.pop() !== "" || parts.length > 2 || !parts.every(isPart))
    throw new TypeError(`no prefix of blob keys: ${JSON.stringify(prefix)}`)
}

const onDisk = <A>(what: string, work: () => Promise<A>) =>
  Effect.tryPromise({ try: work, catch: (cause) => new Unavailable({ what: `memory storage: ${what}`, cause }) })

/** Storage that lasts as long as the layer: the readable reference, for tests and examples. Downloads and uploads are real files. */
export const memoryStorage: Layer.Layer<Storage> = Layer.sync(Storage, () => {
  const blobs = new Map<string, Stored>()
  const grants = new Map<string, Grant>()

  const find = (key: BlobKey) =>
    Effect.suspend(() => {
      const dir = dirOf(key)
      const stored = blobs.get(key)
      return stored === undefined ? Effect.fail(new BlobMissing({ dir })) : Effect.succeed(stored)
    })

  const keep = (key: BlobKey, content: Uint8Array) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const blob = { key, bytes: content.length, modifiedAt: new Date(now) }
      blobs.set(key, { blob, content })
      return blob
    })

  return Storage.of({
    write: (key, body, maxBytes) =>
      Effect.gen(function* () {
        dirOf(key)
        const pieces: Array<Uint8Array> = []
        let bytes = 0
        yield* Stream.runForEach(body, (piece) => {
          bytes += piece.length
          if (bytes > maxBytes) return Effect.fail(new TooLarge({ what: "The file", maxBytes }))
          pieces.push(piece)
          return Effect.void
        })
        return yield* keep(key, Buffer.concat(pieces))
      }),

    read: (key, range) =>
      Stream.unwrap(
        Effect.map(find(key), ({ content }) => {
          const start = range?.start ?? 0
          const end = Math.min(content.length, (range?.end ?? Number.POSITIVE_INFINITY) + 1)
          const pieceAt = (at: number) => content.subarray(at, Math.min(at + pieceBytes, end))
          // A copy: what a reader does to its bytes is its own affair.
          return Stream.unfold(start, (at) => (at < end ? Option.some([Buffer.from(pieceAt(at)), at + pieceBytes]) : Option.none()))
        })
      ),

    stat: (key) =>
      find(key).pipe(
        Effect.map(({ blob }) => blob),
        Effect.option
      ),

    remove: (key) =>
      Effect.sync(() => {
        dirOf(key)
        blobs.delete(key)
      }),

    list: (prefix) =>
      Stream.suspend(() => {
        if (prefix !== "") checkPrefix(prefix)
        return Stream.fromIterable([...blobs.values()].map(({ blob }) => blob).filter(({ key }) => key.startsWith(prefix)))
      }),

    download: (key, path) =>
      Effect.flatMap(find(key), ({ content }) => onDisk("download", () => writeFile(path, content, { flag: "wx", mode: 0o444 }))),

    upload: (path, key) =>
      Effect.gen(function* () {
        dirOf(key)
        const content = yield* onDisk("upload", async () => {
          if (!(await lstat(path)).isFile()) throw new Error("not a regular file")
          return readFile(path)
        })
        return yield* keep(key, content)
      }),

    sign: (grant) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        dirOf(grant.key)
        for (const [token, { expiresAt }] of grants) if (expiresAt.getTime() <= now) grants.delete(token)
        const token = randomBytes(16).toString("base64url")
        grants.set(token, grant)
        const name = grant.method === "GET" ? `/${encodeURIComponent(grant.fileName)}` : ""
        return { url: `/blob/${token}${name}`, method: grant.method, headers: {} }
      }),

    redeem: (token) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const grant = grants.get(token)
        return grant !== undefined && now < grant.expiresAt.getTime() ? Effect.succeed(grant) : Effect.fail(new SignedUrlExpired())
      })
  })
})
