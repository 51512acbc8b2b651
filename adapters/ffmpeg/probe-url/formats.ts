import { Effect } from "effect"
import { matroskaIndex } from "./matroska.js"
import { movieIndex } from "./mp4.js"
import type { FetchError, NotInPieces, Pieces } from "./ranges.js"

/** Whether all is here now that ffprobe reads of the file. */
type Fetched = Effect.Effect<boolean, FetchError | NotInPieces>

interface Kind {
  readonly is: (head: Buffer) => boolean
  readonly fetch: (pieces: Pieces, headBytes: number) => Fetched
}

const MiB = 1024 * 1024

const tail =
  (bytes: number): Kind["fetch"] =>
  (pieces) =>
    Effect.as(pieces.fetch(Math.max(0, pieces.size - bytes), pieces.size), true)

/** Sync bytes at the same distance; Blu-ray puts four bytes before each packet, DVB may put 16 behind. */
const isTransportStream = (head: Buffer): boolean =>
  [
    [188, 0],
    [192, 4],
    [204, 0]
  ].some(([length = 0, at = 0]) => Array.from({ length: 20 }, (_, index) => head[at + index * length]).every((byte) => byte === 0x47))

const boxes = ["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp"]

/** Where an ID3v2 tag ends, 0 where there is none. Pictures make it large. */
const endOfTag = (head: Buffer): number =>
  head.toString("latin1", 0, 3) === "ID3" ? 10 + [6, 7, 8, 9].reduce((size, at) => size * 128 + ((head[at] ?? 0) & 127), 0) : 0

/** A frame header of MPEG audio, layer III. */
const isMp3Frame = (bytes: Buffer): boolean => bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2

/**
 * The kinds of which it is known where ffprobe looks, beside the head. Whatever else there is may keep anything anywhere
 * (MXF its partitions, AVI its indexes, WAV its lists), and is read whole.
 */
const kinds: ReadonlyArray<Kind> = [
  { is: (head) => boxes.includes(head.toString("latin1", 4, 8)), fetch: movieIndex },
  { is: (head) => head.readUInt32BE(0) === 0x1a45dfa3, fetch: matroskaIndex },
  // Their length is the time at their end. ffprobe goes back 250 kB, and twice as far again, six times, until every stream has one.
  { is: (head) => isTransportStream(head) || head.readUInt32BE(0) === 0x1ba, fetch: tail(16 * MiB) },
  { is: (head) => head.toString("latin1", 0, 4) === "OggS", fetch: tail(MiB) },
  {
    is: (head) => endOfTag(head) > 0 || isMp3Frame(head),
    fetch: (pieces, headBytes) =>
      Effect.gen(function* () {
        const start = endOfTag(yield* pieces.read(0, 10))
        yield* pieces.fetch(start, start + headBytes)
        return isMp3Frame(yield* pieces.read(start, start + 2)) && (yield* tail(MiB)(pieces, headBytes))
      })
  }
]

/** Of a file whose head is here, fetches the rest that ffprobe looks at; false when that can't be told. */
export const fetchIndex = (pieces: Pieces, headBytes: number): Fetched =>
  Effect.gen(function* () {
    const head = yield* pieces.read(0, 8192)
    const kind = kinds.find(({ is }) => is(head))
    return kind !== undefined && (yield* kind.fetch(pieces, headBytes))
  })
