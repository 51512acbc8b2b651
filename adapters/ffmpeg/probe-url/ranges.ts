import type { FileHandle } from "node:fs/promises"
import type { IncomingHttpHeaders } from "node:http"
import { Data, Effect, Stream } from "effect"
import { type Unavailable, type UrlRefused, UrlUnreachable } from "../../../core/errors.js"
import { type Guard, shortcoming } from "../../net/index.js"
import { disk } from "../disk.js"

export type FetchError = UrlRefused | UrlUnreachable | Unavailable

/** The file can't be read by ranges, or not to an end, or may have changed between two of them: one answer with all of it is left. */
export class NotInPieces extends Data.TaggedError("NotInPieces") {}

/** A file on a server, of which a part is here; offsets count from 0, `to` is not included. */
export interface Pieces {
  readonly size: number
  /** Makes sure that these bytes are here, as far as the file goes. */
  readonly fetch: (from: number, to: number) => Effect.Effect<void, FetchError | NotInPieces>
  /** Those bytes, `mostReadBytes` at most: whoever reads them holds and walks no more than that at a time. */
  readonly read: (from: number, to: number) => Effect.Effect<Buffer, FetchError | NotInPieces>
}

export interface PiecesOptions {
  readonly guard: Guard
  readonly url: string
  /** Of the first answer: every other one must have the same. */
  readonly version: string
  readonly size: number
  /** How much of the file's beginning is here. */
  readonly head: number
  /** Hears of the bytes that come. */
  readonly count: (bytes: number) => void
}

/** Beyond these, pieces cost more than they spare. */
const mostRequests = 64
const mostBytes = 256 * 1024 * 1024
/** A file can be made of nothing but empty boxes; ffprobe walks through those faster than we do. */
const mostReads = 4000
/** The largest part of a container that is looked at as a whole: a seek head. Those in use have some hundred bytes. */
export const mostReadBytes = 64 * 1024
/** What a container's parts are asked by: they are small and lie close together. */
const leastBytes = 64 * 1024
/** A server may announce any size, and the file gets it: as a hole, which takes no room. */
const largestSize = 2 ** 40

/** Over a file that has the head already; gives it its size. */
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

    /** The first byte from there on that is not here. */
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
        if (!same || range?.from !== start || range.to !== to || range.size !== size) return yield* new NotInPieces()
        yield* fillSpans(file, answer.body, { at: start, most: to - start, least: to - start, tooMany: new NotInPieces(), count })
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
  /** Fewer are a failure; default 0. */
  readonly least?: number
  readonly tooMany: E
  readonly count: (bytes: number) => void
}

/** Writes a body into the file, from `at` on. */
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
        // A piece that is begun is finished before the file is closed.
        yield* Effect.uninterruptible(disk("write a file for a URL", () => file.write(piece, 0, piece.length, at + bytes)))
        bytes += piece.length
      })
    )
    if (bytes < least) return yield* new UrlUnreachable({ reason: "The server of the URL sent less than it announced" })
  })

/** What a 206 holds: `to` is not included. Undefined where it does not say, or does not know the file's size. */
export const contentRange = (
  headers: IncomingHttpHeaders
): { readonly from: number; readonly to: number; readonly size: number } | undefined => {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(headers["content-range"]?.trim() ?? "")
  return match === null ? undefined : { from: Number(match[1]), to: Number(match[2]) + 1, size: Number(match[3]) }
}

/** What tells one state of the file from the next; undefined where the server does not say. */
export const versionOf = ({ etag, "last-modified": modified }: IncomingHttpHeaders): string | undefined =>
  etag === undefined && modified === undefined ? undefined : JSON.stringify([etag, modified])
