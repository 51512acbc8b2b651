import { FileName, parseFileName } from "../ids.js"
import { extensionOf } from "./media-type.js"

/** The file name and media type from a server's response. */
export interface Described {
  readonly fileName: string | null
  readonly type: string | null
}

/**
 * The name of an imported file: the name from the response, else the decoded last path segment of the URL.
 * Invalid characters are replaced, and a missing extension is added by the media type.
 */
export const nameOfUrl = (url: string, { fileName, type }: Described): FileName => {
  // Only the last segment of a path is used (RFC 6266, 4.3).
  const wanted = fileName?.split(/[/\\]/).at(-1) ?? decoded(new URL(url).pathname.split("/").at(-1) ?? "")
  const cleaned = wanted.replace(/[/\\]|\p{Cc}/gu, "_")
  const parsed = parseFileName(shortened(cleaned).toWellFormed())
  const name = "name" in parsed ? parsed.name : "input"
  const extension = extensionOf(type ?? "")
  return FileName(
    /\.[A-Za-z0-9]{1,10}$/.test(name) || extension === undefined ? name : `${name}.${extension}`
  )
}

/** The alternative to a name that is taken: `clip-2.mp4` for `clip.mp4`. */
export const numbered = (name: FileName, number: number): FileName => {
  const dot = name.lastIndexOf(".")
  return FileName(dot < 1 ? `${name}-${number}` : `${name.slice(0, dot)}-${number}${name.slice(dot)}`)
}

/** Shortens a name to 200 bytes, keeping its extension, so that a number and an extension can be appended. */
const shortened = (name: string): string => {
  const dot = name.lastIndexOf(".")
  const extension = dot > 0 && name.length - dot <= 10 ? name.slice(dot) : ""
  let stem = name.slice(0, name.length - extension.length).slice(0, 200)
  while (new TextEncoder().encode(stem + extension).length > 200) stem = stem.slice(0, -1)
  return stem + extension
}

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
