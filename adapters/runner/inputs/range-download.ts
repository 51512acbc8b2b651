import type { FileHandle } from "node:fs/promises"
import { Deferred, Effect, type Scope } from "effect"
import { BlobMissing, Unavailable } from "../../../core/errors.js"
import type { BlobKey } from "../../../core/ids.js"
import { type Signed, signedHeaders } from "../address.js"
import type { Broken } from "../errors.js"
import { receive } from "../file-bytes.js"
import { type HostResponse, later, type Web } from "../http-client.js"
import { persist } from "../retry.js"
import { makeSpans, type Span } from "./byte-spans.js"

/** Where an input is downloaded from, and its exact size. */
export interface InputSource {
  readonly web: Web
  readonly request: Signed
  readonly key: BlobKey
  /** Above 0. */
  readonly bytes: number
}

/** A file that is being downloaded. */
export interface Arriving {
  readonly bytes: number
  /** The server's ETag of the content. */
  readonly etag: string
  /** The end of the downloaded bytes that start at `from`. */
  readonly reach: (from: number) => number
  /** Waits for the byte at this offset. It and the bytes after it are downloaded before all others. */
  readonly wait: (offset: number) => Effect.Effect<void, BlobMissing | Unavailable>
  /** Waits until the whole file is downloaded. */
  readonly whole: Effect.Effect<void, BlobMissing | Unavailable>
}

export interface ArrivingOptions {
  /** Requests at a time. Default 4. */
  readonly connections?: number
  /** More requests at a time for bytes that a reader waits for. Default 2. */
  readonly moreForWaiters?: number
  /** Bytes per request. Default 8 MiB: fewer bytes need more requests, more bytes delay readers that seek. */
  readonly pieceBytes?: number
}

/**
 * Downloads a file by range requests, from its start or from where a reader waits. All responses must have
 * the same ETag. A request that breaks is resumed where it stopped. Returns after the first response; the
 * download goes on until the scope closes, and fails all readers at the transfer timeout.
 */
export const arrive = (
  file: FileHandle,
  { web, request, key, bytes }: InputSource,
  { connections = 4, moreForWaiters = 2, pieceBytes = 8 * 1024 * 1024 }: ArrivingOptions = {}
): Effect.Effect<Arriving, BlobMissing | Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const { waits } = web
    const spans = makeSpans(bytes)
    const known = yield* Deferred.make<string, BlobMissing | Unavailable>()
    const whole = yield* Deferred.make<void, BlobMissing | Unavailable>()
    /** Callbacks to run when bytes have arrived, each with the byte that it waits for. */
    const waiting = new Map<() => void, number | undefined>()
    let wanted = 0
    let ahead = 0
    let etag: string | undefined
    let failure: BlobMissing | Unavailable | undefined

    const tell = () => {
      for (const look of [...waiting.keys()]) look()
    }
    const fail = (error: BlobMissing | Unavailable) =>
      Effect.suspend(() => {
        failure ??= error
        tell()
        return Effect.zipRight(Deferred.fail(known, error), Deferred.fail(whole, error))
      })

    /** Downloads the rest of a span in one request. */
    const ask = (span: Span) =>
      Effect.gen(function* () {
        const range = `bytes=${span.at}-${span.end - 1}`
        const headers = { ...signedHeaders(request), range, ...(etag !== undefined && { "if-range": etag }) }
        const answer = yield* web.exchange({ method: "GET", url: request.url, headers })
        etag = yield* contentOf(answer, span, { key, bytes, etag })
        yield* Deferred.succeed(known, etag)
        yield* receive(answer.message, {
          file,
          start: span.at,
          bytes: span.end - span.at,
          eager: () =>
            [...waiting.values()].some(
              (offset) => offset !== undefined && span.at <= offset && offset < span.end
            ),
          reached: (at) => {
            span.at = at
            tell()
          }
        })
      }).pipe(Effect.scoped)

    const fetch = (span: Span) =>
      persist(
        Effect.suspend(() => (span.at < span.end ? ask(span) : Effect.void)),
        { waits, seconds: waits.transferSeconds, reached: () => span.at }
      )

    /** The next span: from the wanted offset to the end, then the bytes before it. */
    const next = () => spans.take(wanted, pieceBytes) ?? spans.take(0, pieceBytes)
    const work: Effect.Effect<void, BlobMissing | Unavailable> = Effect.suspend(() => {
      const span = next()
      return span === undefined ? Effect.void : Effect.zipRight(fetch(span), work)
    })
    const others = Effect.all(
      Array.from({ length: connections - 1 }, () => work),
      { concurrency: "unbounded" }
    )
    const all = Effect.all([work, Effect.zipRight(Deferred.await(known), others)], {
      concurrency: "unbounded"
    }).pipe(
      // The requests for waiting readers may end after the others.
      Effect.zipRight(Effect.suspend(() => changed(() => spans.count() === bytes))),
      Effect.timeoutFail({
        duration: waits.transferSeconds * 1000,
        onTimeout: () =>
          new Unavailable({ what: `the input ${key} did not arrive in ${waits.transferSeconds} s` })
      }),
      Effect.matchEffect({ onFailure: fail, onSuccess: () => Deferred.succeed(whole, undefined) })
    )

    /** Waits until the condition holds, or the download fails. */
    const changed = (holds: () => boolean, offset?: number) =>
      Effect.async<void, BlobMissing | Unavailable>((resume) => {
        const look = () => {
          if (failure === undefined && !holds()) return
          waiting.delete(look)
          resume(failure === undefined ? Effect.void : Effect.fail(failure))
        }
        waiting.set(look, offset)
        look()
        return Effect.sync(() => waiting.delete(look))
      })

    const wait = (offset: number): Effect.Effect<void, BlobMissing | Unavailable> =>
      Effect.suspend(() => {
        wanted = offset
        const isHere = changed(() => spans.reach(offset) > offset, offset)
        if (spans.isComing(offset) || spans.reach(offset) > offset || ahead === moreForWaiters) return isHere
        const span = spans.take(offset, pieceBytes)
        if (span === undefined) return isHere
        ahead++
        const fetched = Effect.ensuring(
          Effect.catchAll(fetch(span), fail),
          Effect.sync(() => ahead--)
        )
        return Effect.zipRight(Effect.forkIn(fetched, scope), isHere)
      })

    yield* Effect.forkScoped(all)
    return {
      bytes,
      etag: yield* Deferred.await(known),
      reach: spans.reach,
      wait,
      whole: Deferred.await(whole)
    }
  })

interface Expected {
  readonly key: BlobKey
  readonly bytes: number
  readonly etag: string | undefined
}

/** Checks that a response has exactly these bytes of the expected content. Returns its ETag, or the error. */
const contentOf = (
  answer: HostResponse,
  span: Span,
  { key, bytes, etag }: Expected
): Effect.Effect<string, BlobMissing | Broken | Unavailable> => {
  const { status, headers } = answer
  const broken = later(answer, `the input ${key}`)
  if (broken !== undefined) return broken
  if (status === 404 || status === 410) return new BlobMissing({ dir: key })
  const found = strongEtag(headers.etag)
  if (etag !== undefined && (status === 200 || (status === 206 && found !== etag))) {
    return new Unavailable({ what: `the input ${key} changed while it was fetched` })
  }
  if (status !== 206 || found === undefined) {
    return new Unavailable({
      what: `the response for the input ${key} has status ${status}, and is no range with a strong etag`
    })
  }
  if (headers["content-range"] !== `bytes ${span.at}-${span.end - 1}/${bytes}`) {
    return new Unavailable({
      what: `the response for the input ${key} has another size than ${bytes} bytes, or another range: ${headers["content-range"]}`
    })
  }
  return Effect.succeed(found)
}

/** A strong ETag, which identifies exact bytes; undefined for a weak one, `W/"..."`. */
export const strongEtag = (header: string | undefined): string | undefined =>
  /^"[^"]*"$/.test(header ?? "") ? header : undefined
