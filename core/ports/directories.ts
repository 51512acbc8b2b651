import { Context, type Option } from "effect"
import type { Directory, StoredFile } from "../directory.js"
import type { NameTaken, QuotaExceeded, TooManyRequests } from "../errors.js"
import type { BlobKey, DirId, FileName, OwnerId } from "../ids.js"
import type { Fx } from "./effect.js"

/** Which files of a directory are looked for, by their names. */
export interface FileSearch {
  /** What the names begin with, to the letter. */
  readonly prefix?: string
  /** Which of those are meant. Default: all. */
  readonly fits?: (name: FileName) => boolean
  /** No more than so many are read. */
  readonly limit?: number
}

/** Directories and the files in them: the rows that decide what exists. */
export interface DirectoriesShape {
  /** Refused beyond `directoriesPerKey` (limits.ts) live directories of its owner, also of several that are made at once. */
  readonly create: (directory: Directory) => Fx<void, TooManyRequests>
  /** Removes a directory without files that no live job uses: one that was made for what was refused then. Whether it did. */
  readonly dropEmpty: (id: DirId) => Fx<boolean>
  /** Expired, foreign and unknown are all none. */
  readonly find: (owner: OwnerId, id: DirId) => Fx<Option.Option<Directory>>
  /** The owner's live directories, oldest first; read by pages as well. */
  readonly list: (owner: OwnerId) => Fx<ReadonlyArray<Directory>>
  /**
   * A name is taken by any row, except that a registration takes its own bytes: same key, `bytes` no longer null.
   * Into a directory that is gone nothing is added, and that succeeds, as if it had gone right afterwards: the row would never be swept.
   * A new row is refused beyond `filesPerDirectory` (limits.ts) rows of its directory, and beyond `filesPerKey` of its owner, here and below.
   */
  readonly addFile: (file: StoredFile) => Fx<void, NameTaken | TooManyRequests>
  /** Like `addFile`, of a registration: unavailable beyond `registrations` of limits.ts, refused beyond `registrationsPerKey`. */
  readonly register: (file: StoredFile) => Fx<void, NameTaken | TooManyRequests>
  /** A registration counts from now on again: it has a new URL. False where it is gone, or has its bytes. */
  readonly renewRegistration: (key: BlobKey) => Fx<boolean>
  /** Registrations that are to be looked at: at the end of their URL, and once more when they end. */
  readonly dueRegistrations: (limit: number) => Fx<ReadonlyArray<StoredFile>>
  /** No bytes have arrived under these keys: registrations that ended go, the others are due again at their end. */
  readonly keepWaiting: (keys: ReadonlyArray<BlobKey>) => Fx<void>
  /**
   * Makes stored bytes a file of the owner's, in one step with the check of their quota of stored bytes: a new row, or with
   * `replaces` the row of that name while it still has that key. False where that row or the directory is gone.
   */
  readonly keepFile: (
    owner: OwnerId,
    file: StoredFile & { readonly bytes: number },
    replaces?: BlobKey
  ) => Fx<boolean, NameTaken | QuotaExceeded | TooManyRequests>
  readonly file: (dir: DirId, name: FileName) => Fx<Option.Option<StoredFile>>
  /** Stored and registered alike, oldest first. Read by pages: no moment, but each file that stays meanwhile comes once. */
  readonly files: (dir: DirId) => Fx<ReadonlyArray<StoredFile>>
  /** Those with such names, stored and registered alike, in the order of their names; likewise. */
  readonly search: (dir: DirId, search: FileSearch) => Fx<ReadonlyArray<StoredFile>>
  /**
   * What all the owner's directories hold, those that expired and are not yet swept included: the sum of the known sizes,
   * with bytes whose file was deleted or replaced while a live job read them until `releaseHeld` lets go of them, and the rows whose size is not known yet (registrations), in no order. One moment.
   */
  readonly stored: (owner: OwnerId) => Fx<{ readonly bytes: number; readonly unsized: ReadonlyArray<StoredFile> }>
  /** The row is gone when this returns; the key of its bytes comes back once. With `key` only while the row has that. */
  readonly removeFile: (dir: DirId, name: FileName, key?: BlobKey) => Fx<Option.Option<BlobKey>>
  /** Up to `limit` expired directories go with their files, and the keys come back; those that a live job uses wait. */
  readonly dropExpired: (now: Date, limit: number) => Fx<{ readonly directories: number; readonly keys: ReadonlyArray<BlobKey> }>
  /** Lets go of up to `limit` blobs that lost their file while a live job read them, and that none reads any more: their keys. */
  readonly releaseHeld: (limit: number) => Fx<ReadonlyArray<BlobKey>>
  /** Those of `keys` that no file row refers to and no live job (pending or processing) reads, and that lie in no live job's output directory under that job's name. */
  readonly unreferenced: (keys: ReadonlyArray<BlobKey>) => Fx<ReadonlyArray<BlobKey>>
}

export class Directories extends Context.Tag("ffkiln/Directories")<Directories, DirectoriesShape>() {}
