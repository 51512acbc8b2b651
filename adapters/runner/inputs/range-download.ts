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

/** Where the bytes of an input are to be had, and how many they must be. */
export interface InputSource {
  readonly web: Web
  readonly request: Signed
  readonly key: BlobKey
  /** Above 0. */
  readonly bytes: number
}

/** A file that is being filled. */
export interface Arriving {
  readonly bytes: number
  /** Names the content, as its server does. */
  readonly etag: string
  /** The end of the bytes that are here from there on. */
  readonly reach: (from: number) => number
  /** Waits until the byte at that offset is here, which is fetched before all others, and what follows it next. */
  readonly wait: (offset: number) => Effect.Effect<void, BlobMissing | Unavailable>
  /** Waits until all of it is here. */
  readonly whole: Effect.Effect<void, BlobMissing | Unavailable>
}

export interface ArrivingOptions {
  /** Requests at a time. Default 4. */
  readonly connections?: number
  /** Beside them, for bytes that somebody waits for. Default 2. */
  readonly moreForWaiters?: number
  /** How much one request is to bring. Default 8 MiB: less costs requests, more keeps those who jump ahead waiting. */
  readonly pieceBytes?: number
}

/**
 * Fills the file from its front on, or from where somebody waits, by requests for its ranges which all must be of one
 * content. What breaks is asked for again from where it stopped. Returns when the first answer has come; goes on for as
 * long as the scope, and fails all who wait when the time for a transfer is over.
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
    /** Who looks when something has come, and for which byte. */
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

    /** The rest of a span, in one request. */
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
          eager: () => [...waiting.values()].some((offset) => offset !== undefined && span.at <= offset && offset < span.end),
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

    /** From where it is wanted to the end, then what was left out before that. */
    const next = () => spans.take(wanted, pieceBytes) ?? spans.take(0, pieceBytes)
    const work: Effect.Effect<void, BlobMissing | Unavailable> = Effect.suspend(() => {
      const span = next()
      return span === undefined ? Effect.void : Effect.zipRight(fetch(span), work)
    })
    const others = Effect.all(
      Array.from({ length: connections - 1 }, () => work),
      { concurrency: "unbounded" }
    )
    const all = Effect.all([work, Effect.zipRight(Deferred.await(known), others)], { concurrency: "unbounded" }).pipe(
      // What those who wait have asked for themselves may come last.
      Effect.zipRight(Effect.suspend(() => changed(() => spans.count() === bytes))),
      Effect.timeoutFail({
        duration: waits.transferSeconds * 1000,
        onTimeout: () => new Unavailable({ what: `the input ${key} did not arrive in ${waits.transferSeconds} s` })
      }),
      Effect.matchEffect({ onFailure: fail, onSuccess: () => Deferred.succeed(whole, undefined) })
    )

    /** Waits until it holds, or nothing more will come. */
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
    return { bytes, etag: yield* Deferred.await(known), reach: spans.reach, wait, whole: Deferred.await(whole) }
  })

interface Expected {
  readonly key: BlobKey
  readonly bytes: number
  readonly etag: string | undefined
}

/** The etag of an answer that has just these bytes of the content that is expected, or what is wrong with it. */
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
    return new Unavailable({ what: `the input ${key} was answered ${status}, not as a range with a strong etag` })
  }
  if (headers["content-range"] !== `bytes ${span.at}-${span.end - 1}/${bytes}`) {
    return new Unavailable({ what: `the input ${key} is not of ${bytes} bytes, or another range of it came: ${headers["content-range"]}` })
  }
  return Effect.succeed(found)
}

/** Names bytes; a weak one, `W/"..."`, names what may be taken for the same. */
export const strongEtag = (header: string | undefined): string | undefined => (/^"[^"]*"$/.test(header ?? "") ? header : undefined)
