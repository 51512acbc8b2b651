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
import {
  type BlobKey,
  blobKey,
  blobKeyParts,
  DirId,
  FileName,
  Ids,
  type OwnerId,
  parseFileName
} from "../ids.js"
import { Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"
import type { Bytes } from "../ports/effect.js"
import { Storage } from "../ports/storage.js"
import { charging } from "./charge.js"
import { newDirectory } from "./directories.js"
import { allowStore, keepSize } from "./quota.js"

/** A file whose bytes are stored. */
export type PresentFile = StoredFile & { readonly bytes: number }

/**
 * Registers a file and returns the signed request that uploads it. Registering again before the upload gives
 * a new URL for the same file. After the upload the name is taken.
 */
export const registerFile = (
  owner: OwnerId,
  request: { readonly name: FileName; readonly dir: DirId | null }
) =>
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

/** Stores a file whose bytes come with the call. */
export const storeFile = <E>(
  owner: OwnerId,
  request: { readonly name: FileName; readonly dir: DirId | null },
  body: Bytes<E>
) =>
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
 * Stores the upload of a registered file. Each upload gets its own key, to which the row then points: the
 * bytes that an accepted job reads never change. If the upload is interrupted or exceeds the quota, nothing
 * changes.
 * `SignedUrlExpired` if the registration has ended.
 */
export const receiveFile = <E>(
  owner: OwnerId,
  registration: BlobKey,
  body: Bytes<E>,
  announcedBytes: number | null
) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const { uploadBytes } = yield* Limits
    yield* registeredFile(registration)
    const key = yield* freshKey(registration)
    const replaced = registeredFile(registration).pipe(
      Effect.map(({ bytes }) => bytes ?? 0),
      Effect.catchTag("SignedUrlExpired", () => Effect.succeed(0))
    )
    return yield* charging(
      { owner, announced: announcedBytes, replaces: { file: registration, bytes: replaced } },
      (charge) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(restore(storage.write(key, charge(body), uploadBytes)), ({ bytes }) =>
            Effect.onError(replaceBytes(owner, registration, key, bytes), () =>
              Effect.ignoreLogged(removeUnused(key))
            )
          )
        )
    )
  })

/**
 * Points the row of a registration to other bytes. The previous bytes are removed unless a job reads them.
 */
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
    // A concurrent upload of the same file was faster; the last one wins.
    if (!kept) return yield* replaceBytes(owner, registration, key, bytes)
    yield* Effect.ignoreLogged(removeUnused(before.key))
    return file
  })

/** Points the row with the key `replaces` to other bytes. False if no row has that key any more. */
const pointAt = (owner: OwnerId, file: PresentFile, replaces: BlobKey) =>
  Effect.flatMap(Directories, ({ keepFile }) =>
    // An existing row has its name and is counted already.
    Effect.catchTags(keepFile(owner, file, replaces), { NameTaken: Effect.die, TooManyRequests: Effect.die })
  )

/** The row of a registration, whichever of its uploads the row points to. */
const registeredFile = (registration: BlobKey) =>
  Effect.gen(function* () {
    const [dir, , name] = blobKeyParts(registration)
    const row = yield* (yield* Directories).file(DirId(dir), FileName(name))
    const isSame = (file: StoredFile) =>
      file.origin === "upload" && registrationOf(file.key) === registrationOf(registration)
    return yield* Option.match(Option.filter(row, isSame), {
      onNone: () => new SignedUrlExpired({ what: "Upload" }),
      onSome: Effect.succeed
    })
  })

/** The id of the registration that a key belongs to: the slot of an upload is `<registration>-<upload>`. */
const registrationOf = (key: BlobKey): string => blobKeyParts(key)[1].split("-", 1)[0] as string

const freshKey = (key: BlobKey) =>
  Effect.gen(function* () {
    const [dir, , name] = blobKeyParts(key)
    return blobKey(DirId(dir), `${registrationOf(key)}-${yield* (yield* Ids).next("blob")}`, FileName(name))
  })

/** Reads the bytes of a file of the owner. */
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

/** What a call has created so far. */
interface Announced {
  directory?: DirId
  registration?: StoredFile
}

/** Registers a file and runs `use`. On failure or interruption, everything created for it is removed. */
const withRegistration = <A, E, R>(
  owner: OwnerId,
  request: FileRequest,
  use: (file: StoredFile) => Effect.Effect<A, E, R>
) =>
  Effect.suspend(() => {
    const made: Announced = {}
    return Effect.onError(Effect.flatMap(announced(owner, request, made), use), () =>
      Effect.ignoreLogged(takeBack(made))
    )
  })

/** Removes a registration and its directory, unless the file has its bytes. */
const takeBack = ({ directory, registration }: Announced) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    if (registration !== undefined)
      yield* directories.removeFile(registration.dir, registration.name, registration.key)
    if (directory !== undefined) yield* directories.dropEmpty(directory)
  })

const announced = (owner: OwnerId, request: FileRequest, made: Announced) =>
  Effect.gen(function* () {
    // Parsed again: a cast can give an invalid name the brand, and the file is later staged under that name.
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
      // The registration may end, or its bytes may arrive, between the two reads.
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
    // Another registration of the same name was inserted after the read; the retry finds it.
    Effect.retry({ times: 1, while: (error) => error._tag === "NameTaken" })
  )

/** A stored file of the owner. `FileNotFound` also while its upload has not arrived. */
export const describeFile = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.map(findFile(owner, dir, name), ({ found }) => found)

/** The file and its row, whose size may not be known yet. */
const findFile = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    yield* ownedFileDirectory(owner, dir)
    const file = yield* (yield* Directories).file(dir, name)
    const found = Option.isNone(file) ? Option.none() : yield* present(file.value)
    if (Option.isSome(file) && Option.isSome(found)) return { row: file.value, found: found.value }
    // The caller owns the directory, so the hint reveals nothing.
    return yield* new FileNotFound(
      Option.isSome(file) ? { hint: `"${dir}/${name}" is registered but has not been uploaded yet` } : {}
    )
  })

/** A stored file for ffmpeg, ffprobe or a download: no upload URL can write to its key any more. */
export const useFile = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    const { row, found } = yield* findFile(owner, dir, name)
    if (row.bytes !== null) return found
    const settled = yield* pinned(owner, row)
    return Option.isSome(settled)
      ? settled.value
      : yield* new FileNotFound({ hint: `"${dir}/${row.name}" was replaced or deleted during this request` })
  })

/**
 * The file with bytes that no longer change. Only an upload by a signed URL of the storage itself may still
 * change, because such a URL can't be revoked: at its first use it is copied to a new key and charged.
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
    // A concurrent use was faster, or the file was deleted.
    const now = yield* (yield* Directories).file(file.dir, file.name)
    return Option.flatMap(now, ({ bytes, ...other }) =>
      bytes === null ? Option.none() : Option.some<PresentFile>({ ...other, bytes })
    )
  })

/**
 * Pins several files, in order, without missing ones. Storage is read only for files whose size is unknown.
 */
export const pinnedAll = (owner: OwnerId, files: ReadonlyArray<StoredFile>) =>
  settledBy(files, (file) => pinned(owner, file))

/**
 * The files of a directory of the owner, oldest first. A registered file is listed once its upload has
 * arrived.
 */
export const listFiles = (owner: OwnerId, id: DirId) =>
  Effect.gen(function* () {
    const dir = yield* ownedDirectory(owner, id)
    const files = yield* (yield* Directories).files(dir)
    const registered = files.filter(({ bytes }) => bytes === null)
    if (registered.length <= manyRegistrations) return yield* settledBy(files, present)
    // One listing of the storage instead of one read for each registration.
    const stored = yield* Stream.runCollect((yield* Storage).list(`${dir}/`))
    const arrived = new Set(Chunk.toReadonlyArray(stored).map(({ key }) => key))
    return yield* settledBy(
      files.filter(({ bytes, key }) => bytes !== null || arrived.has(key)),
      present
    )
  })

/**
 * The files with their sizes, in order. `settle` gives a file of unknown size its size, or `None` if it has
 * no bytes.
 */
const settledBy = <E, R>(
  files: ReadonlyArray<StoredFile>,
  settle: (file: StoredFile) => Effect.Effect<Option.Option<PresentFile>, E, R>
) =>
  Effect.gen(function* () {
    const unsized = files.filter((file) => !hasSize(file))
    const settled = yield* Effect.forEach(unsized, settle, { concurrency: 16 })
    const found = new Map(settled.flatMap(Option.toArray).map((file) => [file.name, file]))
    return files.flatMap((file) => (hasSize(file) ? [file] : (found.get(file.name) ?? [])))
  })

const hasSize = (file: StoredFile): file is PresentFile => file.bytes !== null

const manyRegistrations = 16

/** Creates a signed request that downloads the file under its name. */
export const signDownload = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    const file = yield* useFile(owner, dir, name)
    const { signedUrlSeconds } = yield* Limits
    const request = yield* signGet(file, signedUrlSeconds)
    return { file, request, expiresInSeconds: signedUrlSeconds }
  })

/**
 * Creates a signed download request. That of a playlist also permits its segments, which players request by
 * name.
 */
export const signGet = (file: Pick<StoredFile, "key" | "name">, lifeSeconds: number) =>
  Effect.gen(function* () {
    const expiresAt = yield* inSeconds(lifeSeconds)
    const siblings = playlist.test(file.name) ? { siblings: true } : {}
    return yield* (yield* Storage).sign({
      method: "GET",
      key: file.key,
      expiresAt,
      fileName: file.name,
      ...siblings
    })
  })

const playlist = /\.(?:m3u8?|mpd)$/i

/**
 * Deletes a file of the owner, or a registration together with its upload URL. Listings no longer show it.
 * The bytes are removed too, unless an accepted job still reads them: then they count until the job has ended
 * and a sweep removes them.
 */
export const deleteFile = (owner: OwnerId, dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    yield* ownedFileDirectory(owner, dir)
    const file = yield* (yield* Directories).file(dir, name)
    if (Option.isNone(file)) return yield* new FileNotFound({})
    yield* removeFile(dir, name)
    return file.value
  })

/** Removes the row first, then the bytes: a crash in between leaves only unreferenced bytes. */
export const removeFile = (dir: DirId, name: FileName) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    const key = yield* directories.removeFile(dir, name)
    if (Option.isNone(key)) return yield* new FileNotFound({})
    yield* removeUnused(key.value)
  })

/** Removes the blob unless a file or a live job refers to it. */
export const removeUnused = (key: BlobKey) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    yield* Effect.forEach(yield* (yield* Directories).unreferenced([key]), storage.remove, { discard: true })
  })

/** The directory's id, if it is live and belongs to the owner. */
export const ownedDirectory = (owner: OwnerId, dir: DirId) =>
  Effect.gen(function* () {
    const found = yield* (yield* Directories).find(owner, dir)
    return Option.isSome(found) ? found.value.id : yield* new DirectoryNotFound()
  })

/** Like `ownedDirectory`, but a missing directory gives `FileNotFound`. */
const ownedFileDirectory = (owner: OwnerId, dir: DirId) =>
  Effect.catchTag(ownedDirectory(owner, dir), "DirectoryNotFound", () => new FileNotFound({}))

/**
 * The file with its size, or `None` while its upload has not arrived. A signed URL may lead directly to the
 * storage and may be used again while it is valid, so the size is read from the storage. Not all storage can
 * limit the size of such uploads: one that is too large is removed and counts as not arrived.
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
 * Looks in the storage for the uploads of registrations whose URL has expired. Files that arrived get their
 * size; the other registrations end after `registrationSeconds`.
 */
export const settleRegistrations: Effect.Effect<void, Unavailable, Directories | Storage> = Effect.gen(
  function* () {
    const directories = yield* Directories
    const due = yield* directories.dueRegistrations(registrationBatch)
    const found = yield* Effect.forEach(due, present, { concurrency: 16 })
    const arrived = found.flatMap(Option.toArray)
    yield* Effect.forEach(arrived, keepSize, { discard: true })
    const keys = new Set(arrived.map(({ key }) => key))
    yield* directories.keepWaiting(due.flatMap(({ key }) => (keys.has(key) ? [] : [key])))
    if (due.length === registrationBatch) yield* settleRegistrations
  }
)

const registrationBatch = 500

const inSeconds = (seconds: number) =>
  Effect.map(Clock.currentTimeMillis, (now) => new Date(now + seconds * 1000))
