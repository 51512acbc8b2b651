import { Effect } from "effect"
import type { FetchError, NotInPieces, Pieces } from "./ranges.js"

/** Boxes of content and of nothing; each other one is read. */
const unread = ["mdat", "free", "skip", "wide"]

/** A track's first samples, which are decoded to learn what its header does not tell. */
const samplesBytes = 1024 * 1024

type Reading<A> = Effect.Effect<A, FetchError | NotInPieces>

interface Box {
  readonly type: string
  /** Where its content starts and ends in the file. */
  readonly start: number
  readonly end: number
}

/**
 * MP4, MOV and their kin: top-level boxes are walked to the end of the file as ffprobe does. All but the content is
 * fetched, and of the content the beginning and where each track starts. False for what is no whole chain of boxes. A box is
 * never held as a whole: of each only the header is looked at, and how many are is bounded by `Pieces`.
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

/** Fetches where each track's samples start; false when more of them is read than that. */
const fetchSamples = (pieces: Pieces, moov: Box): Reading<boolean> =>
  Effect.gen(function* () {
    const starts: Array<number> = []
    const chapters = yield* walk(pieces, moov, (box) =>
      Effect.gen(function* () {
        const start = yield* firstChunk(pieces, box)
        if (start !== undefined) starts.push(start)
        // Chapters are texts among the content, read one by one wherever they are.
        return box.type === "chap"
      })
    )
    if (chapters) return false
    for (const start of starts) yield* pieces.fetch(start, start + samplesBytes)
    return true
  })

/** Boxes of boxes on the way to a track's chunks, and to its references. */
const nested = ["trak", "tref", "mdia", "minf", "stbl"]

/** Visits the boxes in a box, and those in nested ones, until one is what was looked for. What is no chain of boxes ends there. */
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

/** Where the first chunk lies that a table of chunks names. Version, flags and the number of entries stand before it. */
const firstChunk = (pieces: Pieces, { type, start, end }: Box): Reading<number | undefined> =>
  Effect.gen(function* () {
    if (type !== "stco" && type !== "co64") return undefined
    const bytes = yield* pieces.read(start, Math.min(start + 16, end))
    const width = type === "stco" ? 4 : 8
    if (bytes.length < 8 + width || bytes.readUInt32BE(4) === 0) return undefined
    return width === 4 ? bytes.readUInt32BE(8) : Number(bytes.readBigUInt64BE(8))
  })

/** The box there by its first bytes; undefined for what can't be one before `limit`. */
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
