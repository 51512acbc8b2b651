import { Effect } from "effect"
import type { FetchError, NotInPieces, Pieces } from "./remote-pieces.js"

/** Boxes of content and of nothing; each other one is read. */
const unread = ["mdat", "free", "skip", "wide"]

/** A track's first samples, which are decoded to learn what its header does not tell. */
const samplesBytes = 1024 * 1024

/**
 * MP4, MOV and their kin: top-level boxes are walked to the end of the file as ffprobe does. All but the content is
 * fetched, and of the content the beginning and where each track starts. False for what is no whole chain of boxes.
 */
export const movieIndex = (pieces: Pieces, headBytes: number): Effect.Effect<boolean, FetchError | NotInPieces> =>
  Effect.gen(function* () {
    let content: number | undefined
    let at = 0
    while (at < pieces.size) {
      const box = boxAt(yield* pieces.read(at, at + 16), pieces.size - at)
      if (box === undefined) return false
      const end = at + box.bytes
      if (!unread.includes(box.type)) yield* pieces.fetch(at, end)
      if (box.type === "mdat") content ??= at
      if (box.type === "moov") {
        const moov = yield* pieces.read(at, end)
        // Chapters are texts among the content, read one by one wherever they are.
        if (moov.includes("chap")) return false
        for (const start of trackStarts(moov)) yield* pieces.fetch(start, start + samplesBytes)
      }
      at = end
    }
    if (content !== undefined) yield* pieces.fetch(content, content + headBytes)
    return true
  })

/** A box by its first bytes; undefined for what can't be one in a file with that much `left`. */
const boxAt = (header: Buffer, left: number): { readonly type: string; readonly bytes: number } | undefined => {
  if (header.length < 8) return undefined
  const type = header.toString("latin1", 4, 8)
  const short = header.readUInt32BE(0)
  if (short === 1 && header.length < 16) return undefined
  const bytes = short === 0 ? left : short === 1 ? Number(header.readBigUInt64BE(8)) : short
  return bytes < (short === 1 ? 16 : 8) || bytes > left ? undefined : { type, bytes }
}

/** First chunk offsets, by their tables' names wherever those stand: one too many costs a read and does no harm. */
const trackStarts = (moov: Buffer): ReadonlyArray<number> =>
  [
    { name: "stco", offset: (at: number) => moov.readUInt32BE(at) },
    { name: "co64", offset: (at: number) => Number(moov.readBigUInt64BE(at)) }
  ].flatMap(({ name, offset }) =>
    placesOf(moov, name).flatMap((at) => (at + 20 <= moov.length && moov.readUInt32BE(at + 8) > 0 ? [offset(at + 12)] : []))
  )

const placesOf = (bytes: Buffer, text: string): ReadonlyArray<number> => {
  const places: Array<number> = []
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 4)) places.push(at)
  return places
}
