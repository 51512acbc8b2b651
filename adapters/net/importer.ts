import type { IncomingHttpHeaders } from "node:http"
import { parse } from "content-disposition"
import { Effect, identity, Layer, Stream } from "effect"
import { TooLarge, UrlRefused, UrlUnreachable } from "../../core/errors.js"
import { Limits } from "../../core/limits.js"
import { Importer } from "../../core/ports/importer.js"
import { Storage } from "../../core/ports/storage.js"
import { type GuardOptions, makeGuard } from "./guarded.js"
import { declaredBytes, shortcoming } from "./status.js"

/** Downloads https URLs of public hosts into storage, as a stream. (API reference: "URL Input Support") */
export const importer = (options: GuardOptions = {}): Layer.Layer<Importer, never, Storage> =>
  Layer.effect(
    Importer,
    Effect.gen(function* () {
      const storage = yield* Storage
      const limits = yield* Limits
      const guard = makeGuard(options, limits)
      return {
        import: (url, key, maxBytes, charge = identity) =>
          Effect.gen(function* () {
            const answer = yield* guard.request(url, { redirects: limits.redirects })
            const failure = shortcoming(answer)
            if (failure !== undefined) return yield* failure
            if ((declaredBytes(answer.headers) ?? 0) > maxBytes)
              return yield* new TooLarge({ what: "The file", maxBytes })
            const type = mediaType(answer.headers)
            const blob = yield* storage.write(
              key,
              charge(type === "text/html" ? refusePage(answer.body) : answer.body),
              maxBytes
            )
            return { blob, type, fileName: fileName(answer.headers["content-disposition"]) }
          }).pipe(
            Effect.scoped,
            Effect.timeoutFail({
              duration: limits.importSeconds * 1000,
              onTimeout: () =>
                new UrlUnreachable({ reason: `Fetching the URL took longer than ${limits.importSeconds} s` })
            })
          )
      }
    })
  )

const mediaType = (headers: IncomingHttpHeaders): string | null => {
  const type = headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? ""
  return /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : null
}

/**
 * Refuses web pages, such as a login or an error with status 200. Some servers label every file as text/html,
 * so only content that begins like a page is refused.
 */
const refusePage = <E, R>(
  body: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Uint8Array, E | UrlRefused, R> => {
  let start = ""
  return Stream.mapEffect(body, (piece) => {
    if (start.length < pageStartBytes)
      start += Buffer.from(piece.subarray(0, pageStartBytes - start.length)).toString("latin1")
    return /^[\s\xbb\xbf\xef]*</.test(start)
      ? Effect.fail(new UrlRefused({ reason: isPage }))
      : Effect.succeed(piece)
  })
}

const pageStartBytes = 64
const isPage =
  "The URL leads to a web page (text/html), not to a media file: give the address of the file itself"

/** Longest header that is parsed, in characters. */
const maxHeader = 2000

/** The file name of a Content-Disposition header (RFC 6266); null when it is missing or malformed. */
const fileName = (header: string | undefined): string | null => {
  if (header === undefined || header.length > maxHeader) return null
  try {
    // Node decodes headers as Latin-1; many servers send UTF-8.
    return parse(asUtf8(header)).parameters.filename || null
  } catch {
    return null
  }
}

const asUtf8 = (text: string): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(text, "latin1"))
  } catch {
    return text
  }
}
