import { Context, type Option, type Stream } from "effect"
import type { BlobMissing, SignedUrlExpired, TooLarge, Unavailable } from "../errors.js"
import type { BlobKey, FileName } from "../ids.js"
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

/** The right to move one blob by one plain HTTP request, until a time. */
export type Grant =
  | {
      readonly method: "GET"
      readonly key: BlobKey
      readonly expiresAt: Date
      readonly fileName: FileName
      /** True for a playlist: the blobs beside it, of the same slot, may be read by the names it calls them. */
      readonly siblings?: boolean
    }
  | { readonly method: "PUT"; readonly key: BlobKey; readonly expiresAt: Date; readonly maxBytes: number }

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
  /** Whole or not at all, durable when it returns; a body that fails or grows past `maxBytes` leaves what was there before. */
  readonly write: <E>(key: BlobKey, body: Bytes<E>, maxBytes: number) => Fx<Blob, E | TooLarge>
  /** The bytes, or the range of them cut to what is there. A blob that is missing fails before the first chunk. */
  readonly read: (key: BlobKey, range?: ByteRange) => Bytes<BlobMissing>
  readonly stat: (key: BlobKey) => Fx<Option.Option<Blob>>
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
  /** The grant behind a token of our own route. Late, altered and foreign tokens fail alike. */
  readonly redeem: (token: string) => Fx<Grant, SignedUrlExpired>
}

export class Storage extends Context.Tag("ffkiln/Storage")<Storage, StorageShape>() {}
