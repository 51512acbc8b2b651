import { FileName, parseFileName } from "../ids.js"
import { extensionOf } from "./media-type.js"

/** What the server of a URL says of the file: the name it is to have, and its media type. */
export interface Described {
  readonly fileName: string | null
  readonly type: string | null
}

/**
 * The name an imported file gets: what its server calls it, else the last path segment of its URL, decoded; cleaned, and with
 * an extension by its type where it has none.
 */
export const nameOfUrl = (url: string, { fileName, type }: Described): FileName => {
  // Of a path only the last part is a name (RFC 6266, 4.3).
  const wanted = fileName?.split(/[/\\]/).at(-1) ?? decoded(new URL(url).pathname.split("/").at(-1) ?? "")
  const cleaned = wanted.replace(/[/\\]|\p{Cc}/gu, "_")
  const parsed = parseFileName(shortened(cleaned).toWellFormed())
  const name = "name" in parsed ? parsed.name : "input"
  const extension = extensionOf(type ?? "")
  return FileName(/\.[A-Za-z0-9]{1,10}$/.test(name) || extension === undefined ? name : `${name}.${extension}`)
}

/** `clip.mp4` as `clip-2.mp4`: what a name becomes when it is taken. */
export const numbered = (name: FileName, number: number): FileName => {
  const dot = name.lastIndexOf(".")
  return FileName(dot < 1 ? `${name}-${number}` : `${name.slice(0, dot)}-${number}${name.slice(dot)}`)
}

/** At most 200 bytes, so that a number and an extension still fit behind it; its own extension stays. */
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
