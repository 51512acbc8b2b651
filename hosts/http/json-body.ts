import { Effect, Stream } from "effect"
import { InvalidRequest, TooLarge } from "../../core/errors.js"
import { Limits } from "../../core/limits.js"
import type { ApiRequest } from "./api.js"
import { whyEncoded } from "./upload-body.js"

const mountFirst = "mount ffkiln before body parsers such as express.urlencoded()"

/**
 * The body as JSON, whatever its Content-Type: curl labels JSON as a form. An empty body gives `whenEmpty`,
 * or an error without it. The result of the host application's body parser is used when it still has the
 * original content.
 */
export const readJson = (
  request: ApiRequest,
  whenEmpty?: unknown
): Effect.Effect<unknown, InvalidRequest | TooLarge> => {
  const { body } = request
  const what = "The request body"
  const unfit = body._tag === "Bytes" ? (whyEncoded(request, what) ?? whyForm(request)) : undefined
  if (unfit !== undefined) return Effect.fail(unfit)
  if (body._tag === "Bytes")
    return jsonOf(what, body.bytes, { whenEmpty, announced: Number(request.header("content-length") ?? 0) })
  const { value } = body
  if (value instanceof Uint8Array || typeof value === "string") return parse(what, value, whenEmpty)
  // A form parser splits JSON at brackets and ampersands: the original can't be restored.
  const isForm = /^application\/x-www-form-urlencoded/i.test(request.header("content-type") ?? "")
  if (typeof value === "object" && value !== null && !isForm) return Effect.succeed(value)
  return invalid(`The request body was consumed by the host application: ${mountFirst}`)
}

/** The error for a multipart form; undefined otherwise. No client labels JSON as one. */
const whyForm = (request: ApiRequest): InvalidRequest | undefined =>
  /^multipart\/form-data/i.test(request.header("content-type") ?? "")
    ? new InvalidRequest({
        message: "The request body is a multipart form: send a JSON object, as curl -d does"
      })
    : undefined

/**
 * Parses JSON from bytes. `what` is their source, at the start of messages. `announced` (Content-Length)
 * above the limit is refused before the body is read.
 */
export const jsonOf = <E>(
  what: string,
  bytes: Stream.Stream<Uint8Array, E>,
  { whenEmpty, announced = 0 }: { readonly whenEmpty?: unknown; readonly announced?: number } = {}
): Effect.Effect<unknown, E | InvalidRequest | TooLarge> =>
  Effect.gen(function* () {
    const { jsonBytes: maxBytes } = yield* Limits
    const tooLarge = new TooLarge({ what, maxBytes })
    if (announced > maxBytes) return yield* tooLarge
    const pieces: Array<Uint8Array> = []
    let length = 0
    yield* Stream.runForEach(bytes, (piece) => {
      length += piece.length
      if (length > maxBytes) return Effect.fail(tooLarge)
      pieces.push(piece)
      return Effect.void
    })
    return yield* parse(what, Buffer.concat(pieces), whenEmpty)
  })

const parse = (
  what: string,
  body: Uint8Array | string,
  whenEmpty: unknown
): Effect.Effect<unknown, InvalidRequest> =>
  Effect.suspend(() => {
    const text = typeof body === "string" ? body : decode(body)
    if (text === undefined) return invalid(`${what} is not valid UTF-8: send a JSON object`)
    if (text.trim() === "")
      return whenEmpty === undefined
        ? invalid(`${what} is empty: send a JSON object`)
        : Effect.succeed(whenEmpty)
    try {
      return Effect.succeed(JSON.parse(text) as unknown)
    } catch {
      return invalid(`${what} is not valid JSON`)
    }
  })

const decode = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const invalid = (message: string) => Effect.fail(new InvalidRequest({ message }))
