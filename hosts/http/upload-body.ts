import { Effect, Stream } from "effect"
import { InvalidRequest } from "../../core/errors.js"
import type { ApiRequest } from "./api.js"

/**
 * The error for a Content-Range header; undefined without one. RFC 9110, section 14.5, allows 400 from a
 * server without partial PUT.
 */
export const partOfFile = (request: ApiRequest): InvalidRequest | undefined =>
  request.header("content-range") === undefined
    ? undefined
    : new InvalidRequest({
        message: "The upload has a Content-Range header: send the whole file in one request, without it"
      })

/**
 * The error for a compressed upload; undefined otherwise. Bytes are stored as sent, so the file would stay
 * compressed.
 */
export const encodedFile = (request: ApiRequest): InvalidRequest | undefined =>
  whyEncoded(request, "The upload")

/** The error for a body with a Content-Encoding; undefined without one. */
export const whyEncoded = (request: ApiRequest, what: string): InvalidRequest | undefined => {
  const encoding = (request.header("content-encoding") ?? "").trim()
  if (encoding === "" || encoding.toLowerCase() === "identity") return undefined
  return new InvalidRequest({
    message: `${what} has a Content-Encoding header (${encoding.slice(0, 50)}): send its bytes as they are, without it`
  })
}

/**
 * The bytes of an upload. Fails when both the Content-Type and the first bytes are those of a multipart form.
 * With only one of them the bytes are stored: Content-Types are often wrong, and a form may be a file to
 * store.
 */
export const notForm = <E, R>(
  request: ApiRequest,
  bytes: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Uint8Array, E | InvalidRequest, R> => {
  const start = formStart(request.header("content-type"))
  if (start === undefined) return bytes
  let at = 0
  return Stream.mapEffect(bytes, (piece) => {
    // A different byte sets `at` to -1, and nothing is compared any more.
    for (const byte of at < 0 ? [] : piece.subarray(0, start.length - at)) {
      if (byte !== start[at]) {
        at = -1
        break
      }
      at++
    }
    return at === start.length ? Effect.fail(new InvalidRequest({ message: isForm })) : Effect.succeed(piece)
  })
}

const isForm =
  "The upload is a multipart form: send the bytes of the file themselves, as curl --data-binary @FILE does"

/**
 * The first bytes of a form with this Content-Type; undefined for other types. RFC 2046 allows a boundary of
 * 70 characters.
 */
const formStart = (label: string | undefined): Buffer | undefined => {
  const [type = "", ...parameters] = (label ?? "")
    .slice(0, 500)
    .split(";")
    .map((part) => part.trim())
  if (type.toLowerCase() !== "multipart/form-data") return undefined
  const value = parameters
    .find((part) => part.toLowerCase().startsWith("boundary="))
    ?.slice("boundary=".length)
  const boundary = value?.startsWith('"') ? value.split('"')[1] : value?.split(" ")[0]
  return boundary === undefined || boundary === "" || boundary.length > 70
    ? undefined
    : Buffer.from(`--${boundary}\r\n`, "latin1")
}
