import { Brand, Context, type Effect } from "effect"
import { composed, hasLongRunOfMarks, maxMarks } from "./text/composed.js"

/* Ids and names are branded strings, so that one kind can't be used as another. */

/** The id of a job. */
export type JobId = string & Brand.Brand<"JobId">
/** The id of a directory. */
export type DirId = string & Brand.Brand<"DirId">
/** The id of an owner: an API key. */
export type OwnerId = string & Brand.Brand<"OwnerId">
/** A file's name inside its directory, in Unicode NFC. */
export type FileName = string & Brand.Brand<"FileName">
/** The key of a blob in storage: `<dir>/<slot>/<name>`. A slot is never reused for other content. */
export type BlobKey = string & Brand.Brand<"BlobKey">
/** The name of a remote runner. */
export type RunnerName = string & Brand.Brand<"RunnerName">

export const JobId = Brand.nominal<JobId>()
export const DirId = Brand.nominal<DirId>()
export const OwnerId = Brand.nominal<OwnerId>()
export const FileName = Brand.nominal<FileName>()
export const BlobKey = Brand.nominal<BlobKey>()
export const RunnerName = Brand.nominal<RunnerName>()

/** Makes a key. Throws on an invalid part, because a cast can give an invalid name the brand. */
export const blobKey = (dir: DirId, slot: string, name: FileName): BlobKey => {
  const key = BlobKey(`${dir}/${slot}/${name}`)
  blobKeyParts(key)
  return key
}

/**
 * `[dir, slot, name]` of a key. Throws on a malformed key (path traversal). Only a programming error can
 * cause it.
 */
export const blobKeyParts = (key: BlobKey): readonly [dir: string, slot: string, name: string] => {
  const [dir = "", slot = "", name = "", ...rest] = key.split("/")
  if (rest.length > 0 || ![dir, slot, name].every(isBlobKeyPart))
    throw new TypeError(`no blob key: ${JSON.stringify(key)}`)
  return [dir, slot, name]
}

/** The parts of a key prefix: `""`, `<dir>/` or `<dir>/<slot>/`. Throws on anything else. */
export const blobPrefixParts = (prefix: string): ReadonlyArray<string> => {
  if (prefix === "") return []
  const parts = prefix.split("/")
  if (parts.pop() !== "" || parts.length > 2 || !parts.every(isBlobKeyPart)) {
    throw new TypeError(`no prefix of blob keys: ${JSON.stringify(prefix)}`)
  }
  return parts
}

/** Whether a name found in a store can be a part of a key. False for unrelated files of the operator. */
export const isBlobKeyPart = (text: string): boolean => "name" in parseFileName(text)

/**
 * The path at which the API serves a blob. The name comes last, so that clients and the importer can derive
 * the file's name from the URL, and relative names in a playlist resolve to the other blobs of the slot.
 */
export const blobPath = (token: string, name: FileName | null): string =>
  `/blob/${token}${name === null ? "" : `/${encodeURIComponent(name)}`}`

/** 1 to 64 of `A-Z a-z 0-9 _ -` (API reference, URL parameters). */
export const parseDirId = (text: string): DirId | undefined =>
  /^[A-Za-z0-9_-]{1,64}$/.test(text) ? DirId(text) : undefined

/** Parses the id of a job, which has the same alphabet as that of a directory. */
export const parseJobId = (text: string): JobId | undefined =>
  /^[A-Za-z0-9_-]{1,64}$/.test(text) ? JobId(text) : undefined

/** Parses the name of a runner. The same alphabet, so that it can precede the colon of a token. */
export const parseRunnerName = (text: string): RunnerName | undefined =>
  /^[A-Za-z0-9_-]{1,64}$/.test(text) ? RunnerName(text) : undefined

const maxNameLength = 255

/** Longest text that can be a name: NFC composes at most four UTF-16 units to one. */
const maxTextLength = 4 * maxNameLength
const tooLong = `must be at most ${maxNameLength} characters and bytes long`

/** Parses a file name. `reason` is worded to follow a field's name: "file_name must not contain ...". */
export const parseFileName = (text: string): { readonly name: FileName } | { readonly reason: string } => {
  if (text.length > maxTextLength) return { reason: tooLong }
  if (!text.isWellFormed()) return { reason: "must be well-formed Unicode" }
  if (hasLongRunOfMarks(text))
    return { reason: `must not contain more than ${maxMarks} combining marks in a row` }
  const name = composed(text)
  if (name === "") return { reason: "must not be empty" }
  if (name === "." || name === "..") return { reason: 'must not be "." or ".."' }
  if (/[/\\]/.test(name)) return { reason: "must not contain slashes or backslashes" }
  if (/\p{Cc}/u.test(name)) return { reason: "must not contain control characters" }
  if (name.length > maxNameLength || new TextEncoder().encode(name).length > maxNameLength) {
    return { reason: tooLong }
  }
  return { name: FileName(name) }
}

/** Generates unguessable ids: the prefix, `_`, and at least 128 bits of entropy. */
export interface IdsShape {
  readonly next: (prefix: "dir" | "job" | "blob") => Effect.Effect<string>
}
export class Ids extends Context.Tag("ffkiln/Ids")<Ids, IdsShape>() {}
