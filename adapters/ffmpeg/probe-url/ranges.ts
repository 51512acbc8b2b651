import type { FileHandle } from "node:fs/promises"
import type { IncomingHttpHeaders } from "node:http"
import { Data, Effect, Stream } from "effect"
import { type Unavailable, type UrlRefused, UrlUnreachable } from "../../../core/errors.js"
import { type Guard, shortcoming } from "../../net/index.js"
import { disk } from "../disk.js"

export type FetchError = UrlRefused | UrlUnreachable | Unavailable

/**
 * The file can't be read by range requests: the server has none, the limits are reached, or the file changed
 * between two of them. It has to be downloaded as a whole.
 */
export class NotInPieces extends Data.TaggedError("NotInPieces") {}

/** A file on a server, downloaded in part. Offsets count from 0; `to` is exclusive. */
export interface Pieces {
  readonly size: number
  /** Downloads these bytes if they are missing. A range beyond the end of the file is cut. */
  readonly fetch: (from: number, to: number) => Effect.Effect<void, FetchError | NotInPieces>
  /** Reads these bytes, at most `mostReadBytes`, which bounds the memory that a caller needs. */
  readonly read: (from: number, to: number) => Effect.Effect<Buffer, FetchError | NotInPieces>
}

export interface PiecesOptions {
  readonly guard: Guard
  readonly url: string
  /** The version of the file in the first response; every other response must have the same. */
  readonly version: string
  readonly size: number
  /** How many bytes of the file's beginning are downloaded. */
  readonly head: number
  /** Called with the number of bytes of each chunk. */
  readonly count: (bytes: number) => void
}

/** Limits of range requests. Beyond them downloading the whole file costs less. */
const mostRequests = 64
const mostBytes = 256 * 1024 * 1024
/** The most reads. A file may consist of empty boxes, which ffprobe parses faster. */
const mostReads = 4000
/** The largest element that is parsed as a whole: a seek head. Real ones have a few hundred bytes. */
export const mostReadBytes = 64 * 1024
/** The smallest range request, since the parts of a container are small and lie close together. */
const leastBytes = 64 * 1024
/**
 * The largest size that a server may announce. The local file gets this size, as a hole that takes no disk
 * space.
 */
const largestSize = 2 ** 40

/** Opens the pieces of a file that already has the head, and extends the file to its full size. */
export const openPieces = (
  file: FileHandle,
  { guard, url, version, size, head, count }: PiecesOptions
): Effect.Effect<Pieces, Unavailable | NotInPieces> =>
  Effect.gen(function* () {
    if (size > largestSize) return yield* new NotInPieces()
    yield* disk("size a file for a URL", () => file.truncate(size))
    const here = [{ from: 0, to: head }]
    let asked = 0
    let room = mostBytes
    let reads = 0

    /** The first missing byte at or after this offset. */
    const missingFrom = (from: number): number => {
      const piece = here.find((each) => each.from <= from && from < each.to)
      return piece === undefined ? from : missingFrom(piece.to)
    }

    const fetch = (from: number, upTo: number): Effect.Effect<void, FetchError | NotInPieces> =>
      Effect.gen(function* () {
        const start = missingFrom(from)
        if (start >= Math.min(upTo, size)) return
        const to = Math.min(size, Math.max(upTo, start + leastBytes))
        asked += 1
        room -= to - start
        if (asked > mostRequests || room < 0) return yield* new NotInPieces()
        const answer = yield* guard.request(url, { headers: { range: `bytes=${start}-${to - 1}` } })
        const failure = shortcoming(answer, [200, 206, 416])
        if (failure !== undefined) return yield* failure
        const range = contentRange(answer.headers)
        const same = answer.status === 206 && versionOf(answer.headers) === version
        if (!same || range?.from !== start || range.to !== to || range.size !== size)
          return yield* new NotInPieces()
        yield* fillSpans(file, answer.body, {
          at: start,
          most: to - start,
          least: to - start,
          tooMany: new NotInPieces(),
          count
        })
        here.push({ from: start, to })
      }).pipe(Effect.scoped)

    const read = (from: number, to: number) =>
      Effect.gen(function* () {
        reads += 1
        if (reads > mostReads || to - from > mostReadBytes) return yield* new NotInPieces()
        if (from >= size) return Buffer.alloc(0)
        yield* fetch(from, to)
        return yield* disk("read a file for a URL", async () => {
          const buffer = Buffer.alloc(Math.min(to, size) - from)
          const { bytesRead } = await file.read(buffer, 0, buffer.length, from)
          return buffer.subarray(0, bytesRead)
        })
      })

    return { size, fetch, read }
  })

interface Filling<E> {
  readonly at: number
  readonly most: number
  /** Fewer bytes are a failure. Default 0. */
  readonly least?: number
  readonly tooMany: E
  readonly count: (bytes: number) => void
}

/** Writes a body into the file, starting at offset `at`. */
export const fillSpans = <E, E2>(
  file: FileHandle,
  body: Stream.Stream<Uint8Array, E>,
  { at, most, least = 0, tooMany, count }: Filling<E2>
) =>
  Effect.gen(function* () {
    let bytes = 0
    yield* Stream.runForEach(body, (piece) =>
      Effect.gen(function* () {
        count(piece.length)
        if (bytes + piece.length > most) return yield* Effect.fail(tooMany)
        // The file is closed only after the current write has ended.
        yield* Effect.uninterruptible(
          disk("write a file for a URL", () => file.write(piece, 0, piece.length, at + bytes))
        )
        bytes += piece.length
      })
    )
    if (bytes < least)
      return yield* new UrlUnreachable({ reason: "The server of the URL sent less than it announced" })
  })

/**
 * The range of a 206 response; `to` is exclusive. Undefined if the header is missing or lacks the file's
 * size.
 */
export const contentRange = (
  headers: IncomingHttpHeaders
): { readonly from: number; readonly to: number; readonly size: number } | undefined => {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(headers["content-range"]?.trim() ?? "")
  return match === null
    ? undefined
    : { from: Number(match[1]), to: Number(match[2]) + 1, size: Number(match[3]) }
}

/** The version of a file, from ETag and Last-Modified; undefined if the server sends neither. */
export const versionOf = ({ etag, "last-modified": modified }: IncomingHttpHeaders): string | undefined =>
  etag === undefined && modified === undefined ? undefined : JSON.stringify([etag, modified])
