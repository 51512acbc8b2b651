import { join } from "node:path"

/** Where things lie below a root: blobs in `blobs/<dir>/<slot>/<name>`, unfinished ones in `tmp/`, and `secret`. */
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
