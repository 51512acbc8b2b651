import { Context, type Option } from "effect"
import type { Directory, StoredFile } from "../directory.js"
import type { NameTaken, QuotaExceeded, TooManyRequests } from "../errors.js"
import type { BlobKey, DirId, FileName, OwnerId } from "../ids.js"
import type { Fx } from "./effect.js"

/** A search for files of a directory by name. */
export interface FileSearch {
  /** Exact prefix of the names. */
  readonly prefix?: string
  /** Selects among the names with that prefix. Default: all. */
  readonly fits?: (name: FileName) => boolean
  /** Maximum number of files read. */
  readonly limit?: number
}

/** Directories and the files in them: the rows that decide what exists. */
export interface DirectoriesShape {
  /**
   * Refused beyond `directoriesPerKey` (limits.ts) live directories of the owner, also for concurrent calls.
   */
  readonly create: (directory: Directory) => Fx<void, TooManyRequests>
  /**
   * Removes an empty directory that no live job uses, for example after the request that created it failed.
   * True if it was removed.
   */
  readonly dropEmpty: (id: DirId) => Fx<boolean>
  /** `None` for an expired, unknown or other owner's directory. */
  readonly find: (owner: OwnerId, id: DirId) => Fx<Option.Option<Directory>>
  /** The owner's live directories, oldest first. Read page by page, like `files`. */
  readonly list: (owner: OwnerId) => Fx<ReadonlyArray<Directory>>
  /**
   * Adds a file, or sets the size of a registration: its row has the same key and null `bytes`. Any other row
   * of that name gives `NameTaken`. If the directory no longer exists, the call succeeds and adds nothing,
   * because the row would never be swept. Here and below, a new row is refused beyond `filesPerDirectory`
   * (limits.ts) rows of its directory and beyond
   * `filesPerKey` rows of its owner.
   */
  readonly addFile: (file: StoredFile) => Fx<void, NameTaken | TooManyRequests>
  /**
   * Adds a registration. `Unavailable` beyond `registrations` (limits.ts), refused beyond
   * `registrationsPerKey`.
   */
  readonly register: (file: StoredFile) => Fx<void, NameTaken | TooManyRequests>
  /** Restarts the life of a registration, which got a new URL. False if it has ended or has its size. */
  readonly renewRegistration: (key: BlobKey) => Fx<boolean>
  /**
   * Registrations whose upload must be checked: once when the URL expires, and once when the registration
   * ends.
   */
  readonly dueRegistrations: (limit: number) => Fx<ReadonlyArray<StoredFile>>
  /**
   * Records that no upload has arrived under these keys: removes registrations that ended; the others are due
   * again at their end.
   */
  readonly keepWaiting: (keys: ReadonlyArray<BlobKey>) => Fx<void>
  /**
   * Makes stored bytes a file of the owner and checks the owner's quota of stored bytes in the same
   * transaction. Adds a row or, with `replaces`, updates the row of that name if it still has that key. False
   * if that row or the directory no longer exists.
   */
  readonly keepFile: (
    owner: OwnerId,
    file: StoredFile & { readonly bytes: number },
    replaces?: BlobKey
  ) => Fx<boolean, NameTaken | QuotaExceeded | TooManyRequests>
  readonly file: (dir: DirId, name: FileName) => Fx<Option.Option<StoredFile>>
  /**
   * All files, stored and registered, oldest first. Read page by page: not a snapshot, but a file that stays
   * is listed once.
   */
  readonly files: (dir: DirId) => Fx<ReadonlyArray<StoredFile>>
  /** Files with matching names, stored and registered, ordered by name. Read page by page, like `files`. */
  readonly search: (dir: DirId, search: FileSearch) => Fx<ReadonlyArray<StoredFile>>
  /**
   * The contents of all directories of the owner, including expired directories that are not swept yet.
   * `bytes` is the sum of the known sizes, plus bytes that `releaseHeld` will release. `unsized` are the rows
   * without a known size (registrations), in any order. A consistent snapshot.
   */
  readonly stored: (
    owner: OwnerId
  ) => Fx<{ readonly bytes: number; readonly unsized: ReadonlyArray<StoredFile> }>
  /**
   * Removes the row and returns its blob key, to one caller only. With `key`, only if the row still has that
   * key.
   */
  readonly removeFile: (dir: DirId, name: FileName, key?: BlobKey) => Fx<Option.Option<BlobKey>>
  /**
   * Removes up to `limit` expired directories with their files and returns the blob keys. Directories used by
   * a live job stay.
   */
  readonly dropExpired: (
    now: Date,
    limit: number
  ) => Fx<{ readonly directories: number; readonly keys: ReadonlyArray<BlobKey> }>
  /**
   * Releases up to `limit` blobs whose file was deleted or replaced during a job and that no live job reads
   * now; returns their keys.
   */
  readonly releaseHeld: (limit: number) => Fx<ReadonlyArray<BlobKey>>
  /**
   * The keys among `keys` that are unused: no file row refers to them, no live job (pending or processing)
   * reads them, and they are not in the slot of a live job in its output directory.
   */
  readonly unreferenced: (keys: ReadonlyArray<BlobKey>) => Fx<ReadonlyArray<BlobKey>>
}

export class Directories extends Context.Tag("ffkiln/Directories")<Directories, DirectoriesShape>() {}
