import type { Stats } from "node:fs"
import { join } from "node:path"
import { type BlobKey, blobKeyParts } from "../../core/ids.js"
import type { Blob } from "../../core/ports/storage.js"

/** The paths below a root: blobs in `blobs/<dir>/<slot>/<name>`, unfinished files in `tmp/`, and `secret`. */
export interface Layout {
  readonly root: string
  readonly blobs: string
  readonly tmp: string
  readonly secret: string
}

export const layout = (root: string): Layout => ({
  root,
  blobs: join(root, "blobs"),
  tmp: join(root, "tmp"),
  secret: join(root, "secret")
})

/** The file of a blob. Throws on a malformed key. */
export const blobFile = ({ blobs }: Layout, key: BlobKey): string => join(blobs, ...blobKeyParts(key))

/** The blob of a file with these stats. */
export const blobOf = (key: BlobKey, stats: Stats): Blob => ({
  key,
  bytes: stats.size,
  modifiedAt: stats.mtime
})
