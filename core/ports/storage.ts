import { Context, type Option, type Stream } from "effect"
import type { BlobMissing, SignedUrlExpired, TooLarge, Unavailable } from "../errors.js"
import type { BlobKey, FileName, OwnerId, RunnerName } from "../ids.js"
import type { Hold } from "../job.js"
import type { Bytes, Fx } from "./effect.js"

export interface Blob {
  readonly key: BlobKey
  readonly bytes: number
  readonly modifiedAt: Date
}

/** Bytes `start` to `end`, both counted from 0 and included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** The run of a remote runner that a grant belongs to: the grant is good only while that runner holds that attempt. */
export interface GrantedRun extends Hold {
  readonly runner: RunnerName
}

/** The right to move one blob by one plain HTTP request, until a time. */
export type Grant =
  | {
      readonly method: "GET"
      readonly key: BlobKey
      readonly expiresAt: Date
      readonly fileName: FileName
      /** True for a playlist: the blobs beside it, of the same slot, may be read by the names it calls them. */
      readonly siblings?: boolean
      /** For an input of a remote run. */
      readonly run?: GrantedRun
    }
  | {
      readonly method: "PUT"
      readonly key: BlobKey
      readonly expiresAt: Date
      readonly maxBytes: number
      /** Only this part of a blob that is sent in parts. */
      readonly part?: Part & Parted
      /** For the upload of a registered file: its owner, whom the bytes are charged to. `key` names the registration. */
      readonly owner?: OwnerId
      /** For an output of a remote run. */
      readonly run?: GrantedRun
    }

/** A part of an upload begun by `openParts`. */
export interface Part {
  readonly upload: string
  /** From 1. */
  readonly number: number
}

/** How a blob is cut: into parts of `partBytes`, the last of which may be shorter. */
export interface Parted {
  readonly bytes: number
  readonly partBytes: number
}

/** `url` is absolute where the storage serves it, and a path below our own mount (`/blob/...`) where we do. */
export interface SignedRequest {
  readonly url: string
  readonly method: Grant["method"]
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Bytes under keys. Rows decide what exists: nobody but an operator looks here for what is there.
 * A key or prefix that is not made of legal file names is a bug of the caller, and dies.
 */
export interface StorageShape {
  /**
   * Whole or not at all, durable when it returns; a body that fails or grows past `maxBytes` leaves what was there before.
   * Of a piece of a body nothing is looked at any more when the next one is asked for.
   */
  readonly write: <E>(key: BlobKey, body: Bytes<E>, maxBytes: number) => Fx<Blob, E | TooLarge>
  /**
   * The bytes, or the range of them cut to what is there. A blob that is missing fails before the first chunk. Pieces that
   * their reader is done with may be put into `spare`, for the next to be read into.
   */
  readonly read: (key: BlobKey, range?: ByteRange, spare?: Array<Uint8Array>) => Bytes<BlobMissing>
  readonly stat: (key: BlobKey) => Fx<Option.Option<Blob>>
  /**
   * Stores the content of one blob under another key as well, whole or not at all. What is written to `from` afterwards does
   * not change `to`.
   */
  readonly copy: (from: BlobKey, to: BlobKey) => Fx<Blob, BlobMissing>
  /** Removing nothing succeeds. Readers that have begun read on. */
  readonly remove: (key: BlobKey) => Fx<void>
  /** Every blob whose key starts with `prefix` (a whole number of `<dir>/` and `<slot>/` parts, or ""), in no promised order. */
  readonly list: (prefix: string) => Stream.Stream<Blob, Unavailable>
  /** Makes the blob a file of the local disk that must not be written to: a link where it can be, else a copy. */
  readonly download: (key: BlobKey, path: string) => Fx<void, BlobMissing>
  /** Takes a file of the local disk, whole or not at all; durable when it returns. The file may be gone from `path` afterwards. */
  readonly upload: (path: string, key: BlobKey) => Fx<Blob>
  /** A request that anyone may make until the grant ends. */
  readonly sign: (grant: Grant) => Fx<SignedRequest>
  /**
   * Begins a blob that is sent in parts of so many bytes, in any order, and each as often as it takes: what the upload is
   * called. Nothing of it is seen before `joinParts`; what is never joined is swept like other leftovers, a day later.
   */
  readonly openParts: (key: BlobKey, partBytes: number) => Fx<string>
  /**
   * One part that came by our own route: whole or not at all. BlobMissing where it is too short, or the upload is over. With
   * other bytes than before it may come once the earlier try has been answered.
   */
  readonly writePart: <E>(key: BlobKey, part: Part & Parted, body: Bytes<E>) => Fx<void, E | TooLarge | BlobMissing>
  /**
   * The parts become the blob, whole or not at all; durable when it returns. BlobMissing where one is missing, or not as
   * long as it must be in a blob of that length. That may be more than was known when some were sent, and no less.
   */
  readonly joinParts: (key: BlobKey, upload: string, parted: Parted) => Fx<Blob, BlobMissing>
  /** Ends every upload of a blob below a prefix `<dir>/<slot>/`, as if it had never been begun; joined ones stay. */
  readonly dropParts: (prefix: string) => Fx<void>
  /** The grant behind a token of our own route. Late, altered and foreign tokens fail alike. */
  readonly redeem: (token: string) => Fx<Grant, SignedUrlExpired>
}

export class Storage extends Context.Tag("ffkiln/Storage")<Storage, StorageShape>() {}
