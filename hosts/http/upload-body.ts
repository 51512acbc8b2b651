import { Effect, Stream } from "effect"
import { InvalidRequest } from "../../core/errors.js"
import type { ApiRequest } from "./api.js"

/** A part is not the file: RFC 9110, section 14.5, leaves a 400 to a server that does not take parts. */
export const partOfFile = (request: ApiRequest): InvalidRequest | undefined =>
  request.header("content-range") === undefined
    ? undefined
    : new InvalidRequest({ message: "The upload has a Content-Range header: send the whole file in one request, without it" })

/** Bytes are kept as they come: a file that is compressed on its way would be stored so. */
export const encodedFile = (request: ApiRequest): InvalidRequest | undefined => whyEncoded(request, "The upload")

/** Why a body can't be read, where its sender compressed it. */
export const whyEncoded = (request: ApiRequest, what: string): InvalidRequest | undefined => {
  const encoding = (request.header("content-encoding") ?? "").trim()
  if (encoding === "" || encoding.toLowerCase() === "identity") return undefined
  return new InvalidRequest({
    message: `${what} has a Content-Encoding header (${encoding.slice(0, 50)}): send its bytes as they are, without it`
  })
}

/**
 * The bytes of an upload; fails where they are a multipart form by their label and by how they begin. With one of the two alone
 * they are the file: labels are often wrong, and a form may be what somebody wants to store.
 */
export const notForm = <E, R>(
  request: ApiRequest,
  bytes: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Uint8Array, E | InvalidRequest, R> => {
  const start = formStart(request.header("content-type"))
  if (start === undefined) return bytes
  let at = 0
  return Stream.mapEffect(bytes, (piece) => {
    // Once a byte differs, `at` stays where it is and nothing is compared any more.
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

const isForm = "The upload is a multipart form: send the bytes of the file themselves, as curl --data-binary @FILE does"

/** How a form with this label begins; undefined for every other label. RFC 2046 allows a boundary of 70 characters. */
const formStart = (label: string | undefined): Buffer | undefined => {
  const [type = "", ...parameters] = (label ?? "")
    .slice(0, 500)
    .split(";")
    .map((part) => part.trim())
  if (type.toLowerCase() !== "multipart/form-data") return undefined
  const value = parameters.find((part) => part.toLowerCase().startsWith("boundary="))?.slice("boundary=".length)
  const boundary = value?.startsWith('"') ? value.split('"')[1] : value?.split(" ")[0]
  return boundary === undefined || boundary === "" || boundary.length > 70 ? undefined : Buffer.from(`--${boundary}\r\n`, "latin1")
}
