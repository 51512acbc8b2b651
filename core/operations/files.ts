import { Chunk, Clock, Effect, Option, Stream } from "effect"
import type { StoredFile } from "../directory.js"
import {
  DirectoryNotFound,
  FileNotFound,
  InvalidRequest,
  NameTaken,
  type QuotaExceeded,
  SignedUrlExpired,
  type Unavailable
} from "../errors.js"
import { type BlobKey, blobKey, blobKeyParts, DirId, FileName, Ids, type OwnerId, parseFileName } from "../ids.js"
import { Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"
import type { Bytes } from "../ports/effect.js"
import { Storage } from "../ports/storage.js"
import { charging } from "./charge.js"
import { createDirectory } from "./directories.js"
import { allowStore } from "./quota.js"

/** A file whose bytes are there. */
export type PresentFile = StoredFile & { readonly bytes: number }

/**
 * Announces a file and gives the request that will upload it. Registering again before the upload gives a fresh URL for
 * the same place; once the bytes are there the name is taken.
 */
export const registerFile = (owner: OwnerId, request: { readonly name: FileName; readonly dir: DirId | null }) =>
  Effect.gen(function* () {
    yield* allowStore(owner)
    const file = yield* announced(owner, request)
    const { signedUrlSeconds, uploadBytes } = yield* Limits
    const upload = yield* (yield* Storage).sign({
      method: "PUT",
      key: file.key,
      expiresAt: yield* inSeconds(signedUrlSeconds),
      maxBytes: uploadBytes,
      owner
    })
    return { file, upload, expiresInSeconds: signedUrlSeconds }
  })

/** Takes the bytes itself: for callers that have them in hand. */
export const storeFile = <E>(owner: OwnerId, request: { readonly name: FileName; readonly dir: DirId | null }, body: Bytes<E>) =>
  Effect.gen(function* () {
    yield* allowStore(owner)
    const { key } = yield* announced(owner, request)
    return yield* Effect.catchTag(
      receiveFile(owner, key, body, null),
      "SignedUrlExpired",
      () => new FileNotFound({ hint: `"${request.name}" was deleted while it was stored` })
    )
  })

/**
 * The bytes of a registered file. Each upload is stored under a key of its own, which the row then names: bytes that a job
 * was accepted with never change. None of it is seen when the upload breaks off, or when the quota does not allow it.
 * SignedUrlExpired where the registration is gone.
 */
export const receiveFile = <E>(owner: OwnerId, registration: BlobKey, body: Bytes<E>, announcedBytes: number | null) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const { uploadBytes } = yield* Limits
    const before = yield* registeredFile(registration)
    const charge = yield* charging({ owner, announced: announcedBytes, replaced: before.bytes ?? 0 })
    const key = yield* freshKey(registration)
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(storage.write(key, charge(body), uploadBytes)), ({ bytes }) =>
        Effect.onError(replaceBytes(owner, registration, key, bytes), () => Effect.ignoreLogged(removeUnused(key)))
      )
    )
  }).pipe(Effect.scoped)

/** Points the row of a registration at other bytes, whatever upload it names now; those go unless a job reads them. */
const replaceBytes = (
  owner: OwnerId,
  registration: BlobKey,
  key: BlobKey,
  bytes: number
): Effect.Effect<PresentFile, SignedUrlExpired | QuotaExceeded | Unavailable, Directories | Storage> =>
  Effect.gen(function* () {
    const before = yield* registeredFile(registration)
    const file: PresentFile = { ...before, key, bytes }
    const kept = yield* pointAt(owner, file, before.key)
    // Another upload of the same file was faster: this one came last.
    if (!kept) return yield* replaceBytes(owner, registration, key, bytes)
    yield* Effect.ignoreLogged(removeUnused(before.key))
    return file
  })

/** Points the row that has the key `replaces` at other bytes; false where no row has it any more. */
const pointAt = (owner: OwnerId, file: PresentFile, replaces: BlobKey) =>
  Effect.flatMap(Directories, ({ keepFile }) => Effect.catchTag(keepFile(owner, file, replaces), "NameTaken", Effect.die))

/** The row of a registration, whichever of its uploads it names. */
const registeredFile = (registration: BlobKey) =>
  Effect.gen(function* () {
    const [dir, , name] = blobKeyParts(registration)
    const row = yield* (yield* Directories).file(DirId(dir), FileName(name))
    const isSame = (file: StoredFile) => file.origin === "upload" && registrationOf(file.key) === registrationOf(registration)
    return yield* Option.match(Option.filter(row, isSame), {
      onNone: () => new SignedUrlExpired({ what: "Upload" }),
      onSome: Effect.succeed
    })
  })

/** The registration that a key belongs to: an upload's slot is `<registration>-<its own name>`. */
const registrationOf = (key: BlobKey): string => blobKeyParts(key)[1].split("-", 1)[0] as string

const freshKey = (key: BlobKey) =>
  Effect.gen(function* () {
    const [dir, , name] = blobKeyParts(key)
    return blobKey(DirId(dir), `${registrationOf(key)}-${yield* (yield* Ids).next("blob")}`, FileName(name))
  })

/** The bytes of a file of the owner's. */
export const readFile = (owner: OwnerId, dir: DirId, name: FileName) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const file = yield* useFile(owner, dir, name)
      const bytes = (yield* Storage).read(file.key)
      return Stream.catchTag(bytes, "BlobMissing", () => Stream.fail(new FileNotFound({})))
    })
  )

const announced = (owner: OwnerId, request: { readonly name: FileName; readonly dir: DirId | null }) =>
  Effect.gen(function* () {
    // The brand of a name can be had by a cast, and what is stored under it would be staged under it.
    const parsed = parseFileName(request.name)
    if ("reason" in parsed) return yield* new InvalidRequest({ message: `file_name ${parsed.reason}` })
    const dir = request.dir === null ? (yield* createDirectory(owner, null)).id : yield* ownedDirectory(owner, request.dir)
    return yield* registration(dir, parsed.name)
  })

const registration = (dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    const existing = yield* directories.file(dir, name)
    if (Option.isSome(existing)) {
      const file = existing.value
      // It may end, or its bytes may come, between the looks.
      if (Option.isNone(yield* present(file)) && (yield* directories.renewRegistration(file.key))) return file
      return yield* new NameTaken({ name })
    }
    const file: StoredFile = {
      dir,
      name,
      key: blobKey(dir, yield* (yield* Ids).next("blob"), name),
      bytes: null,
      origin: "upload",
      addedAt: new Date(yield* Clock.currentTimeMillis)
    }
    yield* directories.register(file)
    return file
  }).pipe(
    // Another registration of the same name came between the look and the insert: the second look finds it.
    Effect.retry({ times: 1, while: (error) => error._tag === "NameTaken" })
  )

/** A file of the owner's whose bytes are there; everything else is not found. */
export const describeFile = (owner: OwnerId, dir: DirId, name: FileName) => Effect.map(findFile(owner, dir, name), ({ found }) => found)

/** Such a file, and its row, which may not have its size yet. */
const findFile = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    yield* Effect.mapError(ownedDirectory(owner, dir), (error) => (error._tag === "DirectoryNotFound" ? new FileNotFound({}) : error))
    const file = yield* (yield* Directories).file(dir, name)
    const found = Option.isNone(file) ? Option.none() : yield* present(file.value)
    if (Option.isSome(file) && Option.isSome(found)) return { row: file.value, found: found.value }
    // A registration is its owner's own secret: telling of it helps and reveals nothing.
    return yield* new FileNotFound(Option.isSome(file) ? { hint: `"${dir}/${name}" is registered but has not been uploaded yet` } : {})
  })

/** The same, for use by a tool or a download: its bytes are under a key that no upload link writes to. */
export const useFile = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    const { row, found } = yield* findFile(owner, dir, name)
    if (row.bytes !== null) return found
    const settled = yield* pinned(owner, row)
    return Option.isSome(settled)
      ? settled.value
      : yield* new FileNotFound({ hint: `"${dir}/${row.name}" was replaced or deleted meanwhile` })
  })

/**
 * The file with bytes that stay as they are. Only an upload straight to the storage, whose link can't be asked again, may
 * still change: it is copied to a key of its own, and charged, at its first use.
 */
export const pinned = (owner: OwnerId, file: StoredFile) =>
  Effect.gen(function* () {
    const found = yield* present(file)
    if (file.bytes !== null || Option.isNone(found)) return found
    const storage = yield* Storage
    const { uploadBytes } = yield* Limits
    const key = yield* freshKey(file.key)
    const copied = yield* Effect.option(storage.copy(file.key, key))
    const drop = Effect.ignoreLogged(removeUnused(key))
    if (Option.isNone(copied)) return Option.none<PresentFile>()
    const settled: PresentFile = { ...file, key, bytes: copied.value.bytes }
    const fits = settled.bytes <= uploadBytes
    const kept = fits && (yield* pointAt(owner, settled, file.key).pipe(Effect.onError(() => drop)))
    if (kept) {
      yield* Effect.ignoreLogged(removeUnused(file.key))
      return Option.some(settled)
    }
    yield* drop
    // Another use was faster, or the file is gone.
    const now = yield* (yield* Directories).file(file.dir, file.name)
    return Option.flatMap(now, ({ bytes, ...other }) => (bytes === null ? Option.none() : Option.some<PresentFile>({ ...other, bytes })))
  })

/** The files of a directory of the owner's, oldest first. One that was registered appears once its bytes are there. */
export const listFiles = (owner: OwnerId, id: DirId) =>
  Effect.gen(function* () {
    const dir = yield* ownedDirectory(owner, id)
    const files = yield* (yield* Directories).files(dir)
    const registered = files.filter(({ bytes }) => bytes === null)
    if (registered.length <= manyRegistrations) {
      return (yield* Effect.forEach(files, present, { concurrency: 16 })).flatMap(Option.toArray)
    }
    // One listing costs as much as there are bytes, however many registrations wait for theirs.
    const stored = yield* Stream.runCollect((yield* Storage).list(`${dir}/`))
    const arrived = new Set(Chunk.toReadonlyArray(stored).map(({ key }) => key))
    const there = files.filter(({ bytes, key }) => bytes !== null || arrived.has(key))
    return (yield* Effect.forEach(there, present, { concurrency: 16 })).flatMap(Option.toArray)
  })

const manyRegistrations = 16

/** A request that downloads the file, under its own name. */
export const signDownload = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    const file = yield* useFile(owner, dir, name)
    const { signedUrlSeconds } = yield* Limits
    const request = yield* signGet(file, signedUrlSeconds)
    return { file, request, expiresInSeconds: signedUrlSeconds }
  })

/** A playlist's request reads the files that were made with it too: players ask for them by the names in it. */
export const signGet = (file: Pick<StoredFile, "key" | "name">, lifeSeconds: number) =>
  Effect.gen(function* () {
    const expiresAt = yield* inSeconds(lifeSeconds)
    const siblings = playlist.test(file.name) ? { siblings: true } : {}
    return yield* (yield* Storage).sign({ method: "GET", key: file.key, expiresAt, fileName: file.name, ...siblings })
  })

const playlist = /\.(?:m3u8?|mpd)$/i

/**
 * Takes a file of the owner's out of its directory: gone from all listings at once. Its bytes go too, unless a job that
 * was accepted still reads them: then the sweep of orphans takes them after that.
 */
export const deleteFile = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    const file = yield* describeFile(owner, dir, name)
    yield* removeFile(dir, name)
    return file
  })

/** Row first, bytes after: what a crash leaves behind is bytes that nobody sees. */
export const removeFile = (dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    const key = yield* directories.removeFile(dir, name)
    if (Option.isNone(key)) return yield* new FileNotFound({})
    yield* removeUnused(key.value)
  })

/** Removes bytes that no file and no live job needs. */
export const removeUnused = (key: BlobKey) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    yield* Effect.forEach(yield* (yield* Directories).unreferenced([key]), storage.remove, { discard: true })
  })

/** The directory's id once it is known to be live and the owner's. */
export const ownedDirectory = (owner: OwnerId, dir: DirId) =>
  Effect.gen(function* () {
    const found = yield* (yield* Directories).find(owner, dir)
    return Option.isSome(found) ? found.value.id : yield* new DirectoryNotFound()
  })

/**
 * The file with its size, or none while its upload has not arrived. Uploads go to storage behind our back (a signed URL
 * may lead straight to it, and may be used again while it lives), so their size is what storage says. Not all storage can
 * cap what comes by its URLs: an upload that is too large is removed, and has not arrived.
 */
export const present = (file: StoredFile) =>
  Effect.gen(function* () {
    if (file.bytes !== null) return Option.some<PresentFile>({ ...file, bytes: file.bytes })
    const storage = yield* Storage
    const { uploadBytes } = yield* Limits
    const blob = yield* storage.stat(file.key)
    const fits = Option.filter(blob, ({ bytes }) => bytes <= uploadBytes)
    if (Option.isSome(blob) && Option.isNone(fits)) yield* storage.remove(file.key)
    return Option.map(fits, ({ bytes }): PresentFile => ({ ...file, bytes }))
  })

/**
 * Asks storage for the bytes of registrations whose URL has ended: those that arrived get their size, the others end after
 * `registrationSeconds`.
 */
export const settleRegistrations: Effect.Effect<void, Unavailable, Directories | Storage> = Effect.gen(function* () {
  const directories = yield* Directories
  const due = yield* directories.dueRegistrations(registrationBatch)
  const found = yield* Effect.forEach(due, present, { concurrency: 16 })
  const arrived = found.flatMap(Option.toArray)
  yield* Effect.forEach(arrived, (file) => Effect.catchTag(directories.addFile(file), "NameTaken", () => Effect.void), {
    discard: true
  })
  const keys = new Set(arrived.map(({ key }) => key))
  yield* directories.keepWaiting(due.flatMap(({ key }) => (keys.has(key) ? [] : [key])))
  if (due.length === registrationBatch) yield* settleRegistrations
})

const registrationBatch = 500

const inSeconds = (seconds: number) => Effect.map(Clock.currentTimeMillis, (now) => new Date(now + seconds * 1000))
