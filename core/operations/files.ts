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
import { newDirectory } from "./directories.js"
import { allowStore, keepSize } from "./quota.js"

/** A file whose bytes are there. */
export type PresentFile = StoredFile & { readonly bytes: number }

/**
 * Announces a file and gives the request that will upload it. Registering again before the upload gives a fresh URL for
 * the same place; once the bytes are there the name is taken.
 */
export const registerFile = (owner: OwnerId, request: { readonly name: FileName; readonly dir: DirId | null }) =>
  Effect.gen(function* () {
    yield* allowStore(owner)
    return yield* withRegistration(owner, request, (file) =>
      Effect.gen(function* () {
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
    )
  })

/** Takes the bytes itself: for callers that have them in hand. */
export const storeFile = <E>(owner: OwnerId, request: { readonly name: FileName; readonly dir: DirId | null }, body: Bytes<E>) =>
  Effect.gen(function* () {
    yield* allowStore(owner)
    return yield* withRegistration(owner, request, ({ key }) =>
      Effect.catchTag(
        receiveFile(owner, key, body, null),
        "SignedUrlExpired",
        () => new FileNotFound({ hint: `"${request.name}" was deleted while it was stored` })
      )
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
    yield* registeredFile(registration)
    const key = yield* freshKey(registration)
    const replaced = registeredFile(registration).pipe(
      Effect.map(({ bytes }) => bytes ?? 0),
      Effect.catchTag("SignedUrlExpired", () => Effect.succeed(0))
    )
    return yield* charging({ owner, announced: announcedBytes, replaces: { file: registration, bytes: replaced } }, (charge) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(storage.write(key, charge(body), uploadBytes)), ({ bytes }) =>
          Effect.onError(replaceBytes(owner, registration, key, bytes), () => Effect.ignoreLogged(removeUnused(key)))
        )
      )
    )
  })

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
  Effect.flatMap(Directories, ({ keepFile }) =>
    // A row that is there already has its name and its place.
    Effect.catchTags(keepFile(owner, file, replaces), { NameTaken: Effect.die, TooManyRequests: Effect.die })
  )

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

interface FileRequest {
  readonly name: FileName
  /** Null for a new directory. */
  readonly dir: DirId | null
}

/** What a call has made so far. */
interface Announced {
  directory?: DirId
  registration?: StoredFile
}

/** Goes on with the registration of a file. Where that fails or is interrupted, what was made for it goes again. */
const withRegistration = <A, E, R>(owner: OwnerId, request: FileRequest, use: (file: StoredFile) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const made: Announced = {}
    return Effect.onError(Effect.flatMap(announced(owner, request, made), use), () => Effect.ignoreLogged(takeBack(made)))
  })

/** Once the file has its bytes, both stay. */
const takeBack = ({ directory, registration }: Announced) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    if (registration !== undefined) yield* directories.removeFile(registration.dir, registration.name, registration.key)
    if (directory !== undefined) yield* directories.dropEmpty(directory)
  })

const announced = (owner: OwnerId, request: FileRequest, made: Announced) =>
  Effect.gen(function* () {
    // The brand of a name can be had by a cast, and what is stored under it would be staged under it.
    const parsed = parseFileName(request.name)
    if ("reason" in parsed) return yield* new InvalidRequest({ message: `file_name ${parsed.reason}` })
    const create = newDirectory(owner, (id) => {
      made.directory = id
    })
    const dir = request.dir === null ? yield* create : yield* ownedDirectory(owner, request.dir)
    return yield* registration(dir, parsed.name, made)
  })

const registration = (dir: DirId, name: FileName, made: Announced) =>
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
    const note = Effect.sync(() => {
      made.registration = file
    })
    yield* Effect.uninterruptible(Effect.zipLeft(directories.register(file), note))
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
    yield* ownedFileDirectory(owner, dir)
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

/** Several of them, in their order, without those that are gone. Those that have their size take no look at storage. */
export const pinnedAll = (owner: OwnerId, files: ReadonlyArray<StoredFile>) => settledBy(files, (file) => pinned(owner, file))

/** The files of a directory of the owner's, oldest first. One that was registered appears once its bytes are there. */
export const listFiles = (owner: OwnerId, id: DirId) =>
  Effect.gen(function* () {
    const dir = yield* ownedDirectory(owner, id)
    const files = yield* (yield* Directories).files(dir)
    const registered = files.filter(({ bytes }) => bytes === null)
    if (registered.length <= manyRegistrations) return yield* settledBy(files, present)
    // One listing costs as much as there are bytes, however many registrations wait for theirs.
    const stored = yield* Stream.runCollect((yield* Storage).list(`${dir}/`))
    const arrived = new Set(Chunk.toReadonlyArray(stored).map(({ key }) => key))
    return yield* settledBy(
      files.filter(({ bytes, key }) => bytes !== null || arrived.has(key)),
      present
    )
  })

/** The files with their sizes, in their order: `settle` finds out those that are not known, or that there is none. */
const settledBy = <E, R>(files: ReadonlyArray<StoredFile>, settle: (file: StoredFile) => Effect.Effect<Option.Option<PresentFile>, E, R>) =>
  Effect.gen(function* () {
    const unsized = files.filter((file) => !hasSize(file))
    const settled = yield* Effect.forEach(unsized, settle, { concurrency: 16 })
    const found = new Map(settled.flatMap(Option.toArray).map((file) => [file.name, file]))
    return files.flatMap((file) => (hasSize(file) ? [file] : (found.get(file.name) ?? [])))
  })

const hasSize = (file: StoredFile): file is PresentFile => file.bytes !== null

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
 * was accepted still reads them: then they count until it has ended, and a sweep takes them. A registration that waits for
 * its upload goes as well, and its URL with it.
 */
export const deleteFile = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    yield* ownedFileDirectory(owner, dir)
    const file = yield* (yield* Directories).file(dir, name)
    if (Option.isNone(file)) return yield* new FileNotFound({})
    yield* removeFile(dir, name)
    return file.value
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

/** Where the directory is missing, so is the file that was asked for. */
const ownedFileDirectory = (owner: OwnerId, dir: DirId) =>
  Effect.catchTag(ownedDirectory(owner, dir), "DirectoryNotFound", () => new FileNotFound({}))

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
  yield* Effect.forEach(arrived, keepSize, { discard: true })
  const keys = new Set(arrived.map(({ key }) => key))
  yield* directories.keepWaiting(due.flatMap(({ key }) => (keys.has(key) ? [] : [key])))
  if (due.length === registrationBatch) yield* settleRegistrations
})

const registrationBatch = 500

const inSeconds = (seconds: number) => Effect.map(Clock.currentTimeMillis, (now) => new Date(now + seconds * 1000))
