import { open } from "node:fs/promises"
import { Effect } from "effect"
import { UrlRefused } from "../../../core/errors.js"
import type { LimitValues } from "../../../core/limits.js"
import type { ProbeRequest } from "../../../core/probe.js"
import { type Answer, declaredBytes, type Guard, shortcoming } from "../../net/index.js"
import { disk } from "../disk.js"
import { fetchIndex } from "./formats.js"
import { contentRange, type FetchError, fillSpans, NotInPieces, openPieces, versionOf } from "./ranges.js"

export interface RemoteSource {
  readonly guard: Guard
  readonly url: string
  readonly limits: LimitValues
}

const MiB = 1024 * 1024

/** Bytes of the head to download. By default ffprobe reads 5,000,000 bytes of a file's content. */
const headBytesFor = ({ probeBytes }: ProbeRequest): number => Math.max(6 * MiB, (probeBytes ?? 0) + MiB)

/** A file with no more than this after its head is downloaded as a whole. */
const restBytes = 2 * MiB

/**
 * Whether the whole file is needed: frames, packets and intervals may lie anywhere, and zeros would be read
 * as content.
 */
const readsAll = ({ sections, readIntervals, countFrames, countPackets }: ProbeRequest): boolean =>
  sections.frames !== undefined ||
  sections.packets !== undefined ||
  readIntervals !== null ||
  countFrames ||
  countPackets

/**
 * Downloads the parts of a URL that ffprobe reads (head, index and end) to a file at `path`. The file has the
 * true size, with zeros elsewhere. If the server has no range requests, the whole file is downloaded, up to
 * the limit of an upload. Returns the number of downloaded bytes. (API reference: "URLs are analyzed in
 * place")
 */
export const fetchForProbe = (
  { guard, url, limits }: RemoteSource,
  request: ProbeRequest,
  path: string
): Effect.Effect<number, FetchError> =>
  Effect.gen(function* () {
    const { redirects, uploadBytes } = limits
    const headBytes = headBytesFor(request)
    const file = yield* Effect.acquireRelease(
      disk("make a file for a URL", () => open(path, "wx+", 0o444)),
      (opened) => Effect.promise(() => opened.close().catch(() => undefined))
    )
    let fetched = 0
    const count = (bytes: number) => {
      fetched += bytes
    }

    const takeWhole = (answer: Answer) =>
      Effect.gen(function* () {
        const failure = shortcoming(answer)
        if (failure !== undefined) return yield* failure
        if ((declaredBytes(answer.headers) ?? 0) > uploadBytes) return yield* tooLarge(uploadBytes)
        yield* disk("empty a file for a URL", () => file.truncate(0))
        yield* fillSpans(file, answer.body, {
          at: 0,
          most: uploadBytes,
          tooMany: tooLarge(uploadBytes),
          count
        })
      })

    const whole = Effect.scoped(Effect.flatMap(guard.request(url, { redirects }), takeWhole))

    const inPieces = Effect.gen(function* () {
      const first = yield* guard.request(url, { redirects, headers: { range: `bytes=0-${headBytes - 1}` } })
      if (first.status === 200 || first.status === 203) return yield* takeWhole(first)
      const failure = shortcoming(first, [206, 416])
      if (failure !== undefined) return yield* failure
      const range = contentRange(first.headers)
      const version = versionOf(first.headers)
      if (first.status !== 206 || range?.from !== 0 || version === undefined) return yield* new NotInPieces()
      const head = Math.min(headBytes, range.size)
      if (range.to !== head) return yield* new NotInPieces()
      yield* fillSpans(file, first.body, {
        at: 0,
        most: head,
        least: head,
        tooMany: new NotInPieces(),
        count
      })
      const pieces = yield* openPieces(file, {
        guard,
        url: first.url.href,
        version,
        size: range.size,
        head,
        count
      })
      if (range.size <= head + restBytes) return yield* pieces.fetch(head, range.size)
      if (!(yield* fetchIndex(pieces, headBytes))) return yield* new NotInPieces()
    }).pipe(Effect.scoped)

    yield* readsAll(request) ? whole : Effect.catchTag(inPieces, "NotInPieces", () => whole)
    return fetched
  }).pipe(Effect.scoped)

const tooLarge = (maxBytes: number) =>
  new UrlRefused({
    reason: `The file at the URL has to be read as a whole and is larger than ${maxBytes} bytes: ask for less of it (no frames, packets, counts or intervals)`
  })
