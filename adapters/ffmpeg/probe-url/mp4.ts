import { Effect } from "effect"
import type { FetchError, NotInPieces, Pieces } from "./ranges.js"

/** Boxes that ffprobe skips: content and free space. It reads all others. */
const unread = ["mdat", "free", "skip", "wide"]

/** Bytes of a track's first samples. ffprobe decodes them for what the header does not say. */
const samplesBytes = 1024 * 1024

type Reading<A> = Effect.Effect<A, FetchError | NotInPieces>

interface Box {
  readonly type: string
  /** Where its content starts and ends in the file. */
  readonly start: number
  readonly end: number
}

/**
 * MP4, MOV and related formats: walks the top-level boxes to the end of the file, as ffprobe does. Downloads
 * every box except the content, and of the content its beginning and the start of each track. False if the
 * boxes do not form a complete chain. Only the headers of boxes are read into memory; `Pieces` bounds their
 * number.
 */
export const movieIndex = (pieces: Pieces, headBytes: number): Reading<boolean> =>
  Effect.gen(function* () {
    let content: number | undefined
    let at = 0
    while (at < pieces.size) {
      const box = yield* boxAt(pieces, at, pieces.size)
      if (box === undefined) return false
      if (!unread.includes(box.type)) yield* pieces.fetch(at, box.end)
      if (box.type === "mdat") content ??= at
      if (box.type === "moov" && !(yield* fetchSamples(pieces, box))) return false
      at = box.end
    }
    if (content !== undefined) yield* pieces.fetch(content, content + headBytes)
    return true
  })

/** Downloads the start of each track's samples; false if ffprobe reads more than that. */
const fetchSamples = (pieces: Pieces, moov: Box): Reading<boolean> =>
  Effect.gen(function* () {
    const starts: Array<number> = []
    const chapters = yield* walk(pieces, moov, (box) =>
      Effect.gen(function* () {
        const start = yield* firstChunk(pieces, box)
        if (start !== undefined) starts.push(start)
        // Titles of chapters lie among the content, and ffprobe reads each of them.
        return box.type === "chap"
      })
    )
    if (chapters) return false
    for (const start of starts) yield* pieces.fetch(start, start + samplesBytes)
    return true
  })

/** Boxes that contain the boxes of a track's chunks and references. */
const nested = ["trak", "tref", "mdia", "minf", "stbl"]

/**
 * Calls `found` for the boxes in a box and in nested ones, until it returns true. Stops at malformed boxes.
 */
const walk = (pieces: Pieces, parent: Box, found: (box: Box) => Reading<boolean>): Reading<boolean> =>
  Effect.gen(function* () {
    const ends = [parent.end]
    let at = parent.start
    while (ends.length > 0) {
      const end = ends.at(-1) ?? 0
      const box = at < end ? yield* boxAt(pieces, at, end) : undefined
      if (box === undefined) {
        at = end
        ends.pop()
      } else if (nested.includes(box.type)) {
        at = box.start
        ends.push(box.end)
      } else {
        if (yield* found(box)) return true
        at = box.end
      }
    }
    return false
  })

/**
 * The offset of the first chunk in a table of chunks, which starts with version, flags and the number of
 * entries.
 */
const firstChunk = (pieces: Pieces, { type, start, end }: Box): Reading<number | undefined> =>
  Effect.gen(function* () {
    if (type !== "stco" && type !== "co64") return undefined
    const bytes = yield* pieces.read(start, Math.min(start + 16, end))
    const width = type === "stco" ? 4 : 8
    if (bytes.length < 8 + width || bytes.readUInt32BE(4) === 0) return undefined
    return width === 4 ? bytes.readUInt32BE(8) : Number(bytes.readBigUInt64BE(8))
  })

/** Reads the header of the box at an offset; undefined if there is no complete box before `limit`. */
const boxAt = (pieces: Pieces, at: number, limit: number): Reading<Box | undefined> =>
  Effect.gen(function* () {
    const header = yield* pieces.read(at, Math.min(at + 16, limit))
    if (header.length < 8) return undefined
    const type = header.toString("latin1", 4, 8)
    const short = header.readUInt32BE(0)
    if (short === 1 && header.length < 16) return undefined
    const left = limit - at
    const bytes = short === 0 ? left : short === 1 ? Number(header.readBigUInt64BE(8)) : short
    const start = at + (short === 1 ? 16 : 8)
    return at + bytes < start || bytes > left ? undefined : { type, start, end: at + bytes }
  })
