import { Brand, Context, type Effect } from "effect"
import { composed, hasLongRunOfMarks, maxMarks } from "./text/composed.js"

/** Names of jobs, directories, owners, files and blobs: each a string of its own type, so that one never stands for another. */
export type JobId = string & Brand.Brand<"JobId">
export type DirId = string & Brand.Brand<"DirId">
export type OwnerId = string & Brand.Brand<"OwnerId">
/** A file's name inside its directory, in Unicode NFC. */
export type FileName = string & Brand.Brand<"FileName">
/** `<dir>/<slot>/<name>`: where bytes lie in storage. A slot is never reused for other content. */
export type BlobKey = string & Brand.Brand<"BlobKey">
/** What an operator calls a remote runner. */
export type RunnerName = string & Brand.Brand<"RunnerName">

export const JobId = Brand.nominal<JobId>()
export const DirId = Brand.nominal<DirId>()
export const OwnerId = Brand.nominal<OwnerId>()
export const FileName = Brand.nominal<FileName>()
export const BlobKey = Brand.nominal<BlobKey>()
export const RunnerName = Brand.nominal<RunnerName>()

/** Throws where a part is none, whatever its type claims: the brand of a name can be had by a cast. */
export const blobKey = (dir: DirId, slot: string, name: FileName): BlobKey => {
  const key = BlobKey(`${dir}/${slot}/${name}`)
  blobKeyParts(key)
  return key
}

/** `[dir, slot, name]` of a key. Throws for what is none, so that no path leads out of a store: nobody but a bug makes one. */
export const blobKeyParts = (key: BlobKey): readonly [dir: string, slot: string, name: string] => {
  const [dir = "", slot = "", name = "", ...rest] = key.split("/")
  if (rest.length > 0 || ![dir, slot, name].every(isBlobKeyPart)) throw new TypeError(`no blob key: ${JSON.stringify(key)}`)
  return [dir, slot, name]
}

/** The parts of a prefix of keys: `""`, `<dir>/` or `<dir>/<slot>/`. Throws for anything else. */
export const blobPrefixParts = (prefix: string): ReadonlyArray<string> => {
  if (prefix === "") return []
  const parts = prefix.split("/")
  if (parts.pop() !== "" || parts.length > 2 || !parts.every(isBlobKeyPart)) {
    throw new TypeError(`no prefix of blob keys: ${JSON.stringify(prefix)}`)
  }
  return parts
}

/** Whether a name found in a store can be a part of a key; an operator's other files are none. */
export const isBlobKeyPart = (text: string): boolean => "name" in parseFileName(text)

/**
 * Where we serve a blob ourselves, below our mount. The name comes last so that whoever is given the URL, our own importer
 * too, knows what to call the file, and so that the names in a playlist are addresses of the blobs beside it.
 */
export const blobPath = (token: string, name: FileName | null): string =>
  `/blob/${token}${name === null ? "" : `/${encodeURIComponent(name)}`}`

/** 1 to 64 of `A-Z a-z 0-9 _ -` (API reference, URL parameters). */
export const parseDirId = (text: string): DirId | undefined => (/^[A-Za-z0-9_-]{1,64}$/.test(text) ? DirId(text) : undefined)

/** Same alphabet as directories; anything else cannot name a job of ours. */
export const parseJobId = (text: string): JobId | undefined => (/^[A-Za-z0-9_-]{1,64}$/.test(text) ? JobId(text) : undefined)

/** Same alphabet again: it stands before the colon of its token. */
export const parseRunnerName = (text: string): RunnerName | undefined => (/^[A-Za-z0-9_-]{1,64}$/.test(text) ? RunnerName(text) : undefined)

const maxNameLength = 255

/** Longest text that can be a name: NFC makes at most four UTF-16 units into one. */
const maxTextLength = 4 * maxNameLength
const tooLong = `must be at most ${maxNameLength} characters and bytes long`

/** The name, or the reason it is none, worded to follow a field's name: "file_name must not contain ...". */
export const parseFileName = (text: string): { readonly name: FileName } | { readonly reason: string } => {
  if (text.length > maxTextLength) return { reason: tooLong }
  if (!text.isWellFormed()) return { reason: "must be well-formed Unicode" }
  if (hasLongRunOfMarks(text)) return { reason: `must not contain more than ${maxMarks} combining marks in a row` }
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

/** Makes names that nobody can guess: the prefix, `_`, and at least 128 bits of entropy. */
export interface IdsShape {
  readonly next: (prefix: "dir" | "job" | "blob") => Effect.Effect<string>
}
export class Ids extends Context.Tag("ffkiln/Ids")<Ids, IdsShape>() {}
