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

/** A byte range from `start` to `end`, counted from 0, both inclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The run of a remote runner that a grant belongs to. The grant is valid only while that runner holds that
 * attempt.
 */
export interface GrantedRun extends Hold {
  readonly runner: RunnerName
}

/** The right to read or write one blob by an HTTP request until `expiresAt`. */
export type Grant =
  | {
      readonly method: "GET"
      readonly key: BlobKey
      readonly expiresAt: Date
      readonly fileName: FileName
      /**
       * True for a playlist: the other blobs of the same slot may be read too, by the names in the playlist.
       */
      readonly siblings?: boolean
      /** For an input of a remote run. */
      readonly run?: GrantedRun
    }
  | {
      readonly method: "PUT"
      readonly key: BlobKey
      readonly expiresAt: Date
      readonly maxBytes: number
      /** The part of a multipart upload that may be written. */
      readonly part?: Part & Parted
      /**
       * For the upload of a registered file: the owner, to whom the bytes are charged. `key` identifies the
       * registration.
       */
      readonly owner?: OwnerId
      /** For an output of a remote run. */
      readonly run?: GrantedRun
    }

/** A part of a multipart upload begun by `openParts`. */
export interface Part {
  readonly upload: string
  /** Counted from 1. */
  readonly number: number
}

/** The division of a blob into parts of `partBytes`. The last part may be shorter. */
export interface Parted {
  readonly bytes: number
  readonly partBytes: number
}

/**
 * A signed request. `url` is absolute if the storage serves it, or a path below the API's mount
 * (`/blob/...`).
 */
export interface SignedRequest {
  readonly url: string
  readonly method: Grant["method"]
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Blobs: bytes under keys. The rows of `Directories` decide which files exist.
 * A malformed key or prefix is a programming error: the effect dies.
 */
export interface StorageShape {
  /**
   * Writes a blob atomically; it is durable on return. If the body fails or exceeds `maxBytes`, the previous
   * content stays. A chunk is not read after the next one is pulled; producers may reuse its buffer.
   */
  readonly write: <E>(key: BlobKey, body: Bytes<E>, maxBytes: number) => Fx<Blob, E | TooLarge>
  /**
   * Reads a blob, or a range clipped to its length. A missing blob fails before the first chunk. The reader
   * may push used chunks to `spare`; their buffers are reused.
   */
  readonly read: (key: BlobKey, range?: ByteRange, spare?: Array<Uint8Array>) => Bytes<BlobMissing>
  readonly stat: (key: BlobKey) => Fx<Option.Option<Blob>>
  /**
   * Copies a blob to another key atomically. Later writes to `from` do not change `to`.
   */
  readonly copy: (from: BlobKey, to: BlobKey) => Fx<Blob, BlobMissing>
  /** Removes a blob. Succeeds if there is none. Reads that have started continue. */
  readonly remove: (key: BlobKey) => Fx<void>
  /** All blobs whose key starts with `prefix` (`<dir>/`, `<dir>/<slot>/` or ""), in any order. */
  readonly list: (prefix: string) => Stream.Stream<Blob, Unavailable>
  /**
   * Creates a local file with the blob's content: a link if possible, else a copy. The file must not be
   * written to.
   */
  readonly download: (key: BlobKey, path: string) => Fx<void, BlobMissing>
  /** Stores a local file atomically; it is durable on return. The file may be moved away from `path`. */
  readonly upload: (path: string, key: BlobKey) => Fx<Blob>
  /** Creates a request that needs no other credential and is valid until the grant expires. */
  readonly sign: (grant: Grant) => Fx<SignedRequest>
  /**
   * Begins a multipart upload and returns its id. Parts may be sent in any order and repeatedly. The blob
   * does not exist before `joinParts`. Parts that are never joined are swept like other unreferenced bytes, a
   * day later.
   */
  readonly openParts: (key: BlobKey, partBytes: number) => Fx<string>
  /**
   * Writes one part, sent to the API's own route, atomically. `BlobMissing` if it is too short or the upload
   * has ended. A part may be sent again with other bytes after the response to the earlier request.
   */
  readonly writePart: <E>(
    key: BlobKey,
    part: Part & Parted,
    body: Bytes<E>
  ) => Fx<void, E | TooLarge | BlobMissing>
  /**
   * Joins the parts to the blob atomically; it is durable on return. `BlobMissing` if a part is missing or
   * has the wrong length for a blob of `parted.bytes`. That length may be greater than at the time some parts
   * were sent, but not smaller.
   */
  readonly joinParts: (key: BlobKey, upload: string, parted: Parted) => Fx<Blob, BlobMissing>
  /** Aborts all multipart uploads below a prefix `<dir>/<slot>/`. Joined blobs stay. */
  readonly dropParts: (prefix: string) => Fx<void>
  /** Decodes a token of the API's own route. Expired, altered and unknown tokens give the same error. */
  readonly redeem: (token: string) => Fx<Grant, SignedUrlExpired>
}

export class Storage extends Context.Tag("ffkiln/Storage")<Storage, StorageShape>() {}
