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
  const cleaned = decoded(segment)
    .replace(/[/\\]|\p{Cc}/gu, "_")
    .slice(0, 100)
    .toWellFormed()
  const parsed = parseFileName(cleaned)
  const name = "name" in parsed ? parsed.name : "input"
  const extension = extensions[type ?? ""]
  return FileName(name.includes(".") || extension === undefined ? name : `${name}.${extension}`)
}

/** `clip.mp4` as `clip-2.mp4`: what a name becomes when it is taken. */
export const numbered = (name: FileName, number: number): FileName => {
  const dot = name.lastIndexOf(".")
  return FileName(dot < 1 ? `${name}-${number}` : `${name.slice(0, dot)}-${number}${name.slice(dot)}`)
}

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
