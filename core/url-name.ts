import { FileName, parseFileName } from "./ids.js"

/** Extensions for types whose URLs often carry none. */
const extensions: Readonly<Record<string, string>> = {
  "video/mp4": "mp4",
  "video/webm": "webm",
  "video/quicktime": "mov",
  "video/x-matroska": "mkv",
  "audio/mpeg": "mp3",
  "audio/mp4": "m4a",
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/ogg": "ogg",
  "audio/flac": "flac",
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/gif": "gif"
}

/** The name an imported URL gets: its last path segment, decoded and cleaned, with an extension from the type if it has none. */
export const nameOfUrl = (url: string, type: string | null): FileName => {
  const segment = new URL(url).pathname.split("/").at(-1) ?? ""
  const cleaned = decoded(segment).replace(/[/\\]|\p{Cc}/gu, "_")
  const parsed = parseFileName(shortened(cleaned).toWellFormed())
  const name = "name" in parsed ? parsed.name : "input"
  const extension = extensions[type ?? ""]
  return FileName(name.includes(".") || extension === undefined ? name : `${name}.${extension}`)
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
