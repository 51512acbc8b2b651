import { join } from "node:path"
import { type BlobKey, parseFileName } from "../../core/ids.js"

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

/** Whether a name on the disk can be a part of a key; an operator's other files are none. */
export const isPart = (text: string): boolean => "name" in parseFileName(text)

/** `[dir, slot, name]`. Throws for what is no key, so that no path leads out of the root: nobody but a bug makes one. */
export const keyParts = (key: BlobKey): readonly [string, string, string] => {
  const [dir = "", slot = "", name = "", ...rest] = key.split("/")
  if (rest.length > 0 || ![dir, slot, name].every(isPart)) throw new TypeError(`no blob key: ${JSON.stringify(key)}`)
  return [dir, slot, name]
}

/** The parts of a prefix of keys: `""`, `<dir>/` or `<dir>/<slot>/`. Throws for anything else. */
export const prefixParts = (prefix: string): ReadonlyArray<string> => {
  if (prefix === "") return []
  const parts = prefix.split("/")
  if (parts.pop() !== "" || parts.length > 2 || !parts.every(isPart))
    throw new TypeError(`no prefix of blob keys: ${JSON.stringify(prefix)}`)
  return parts
}
