import { Effect } from "effect"
import { matroskaIndex } from "./matroska.js"
import { movieIndex } from "./mp4.js"
import type { FetchError, NotInPieces, Pieces } from "./ranges.js"

/** Whether everything that ffprobe reads of the file is downloaded. */
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

/**
 * Looks for sync bytes at equal distances. Blu-ray has four bytes before each packet; DVB may have 16 after
 * it.
 */
const isTransportStream = (head: Buffer): boolean =>
  [
    [188, 0],
    [192, 4],
    [204, 0]
  ].some(([length = 0, at = 0]) =>
    Array.from({ length: 20 }, (_, index) => head[at + index * length]).every((byte) => byte === 0x47)
  )

const boxes = ["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp"]

/** Offset of the end of an ID3v2 tag, which may contain large pictures; 0 without a tag. */
const endOfTag = (head: Buffer): number =>
  head.toString("latin1", 0, 3) === "ID3"
    ? 10 + [6, 7, 8, 9].reduce((size, at) => size * 128 + ((head[at] ?? 0) & 127), 0)
    : 0

/** Whether the bytes are a frame header of MPEG audio, layer III. */
const isMp3Frame = (bytes: Buffer): boolean => bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2

/**
 * The formats for which it is known what ffprobe reads beside the head. Others may have metadata anywhere
 * (partitions in MXF, indexes in AVI, lists in WAV), and are downloaded as a whole.
 */
const kinds: ReadonlyArray<Kind> = [
  { is: (head) => boxes.includes(head.toString("latin1", 4, 8)), fetch: movieIndex },
  { is: (head) => head.readUInt32BE(0) === 0x1a45dfa3, fetch: matroskaIndex },
  // The length follows from the times at the end. ffprobe goes back 250 kB, then twice as far, up to six
  // times, until
  // every stream has a time.
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

/** Downloads what ffprobe reads beside the head; false if that is not known for this format. */
export const fetchIndex = (pieces: Pieces, headBytes: number): Fetched =>
  Effect.gen(function* () {
    const head = yield* pieces.read(0, 8192)
    const kind = kinds.find(({ is }) => is(head))
    return kind !== undefined && (yield* kind.fetch(pieces, headBytes))
  })
