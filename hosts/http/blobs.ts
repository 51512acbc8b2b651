import { Effect, Option, Stream } from "effect"
import { FileNotFound, InvalidRequest, SignedUrlExpired, TooLarge } from "../../core/errors.js"
import { BlobKey, blobKeyParts, parseFileName } from "../../core/ids.js"
import { charging } from "../../core/operations/charge.js"
import { receiveFile } from "../../core/operations/files.js"
import { allowLink } from "../../core/operations/runs.js"
import { type Blob, type Grant, type GrantedRun, Storage } from "../../core/ports/storage.js"
import { composed } from "../../core/text/composed.js"
import { disposition } from "../../core/text/content-disposition.js"
import { mediaType } from "../../core/text/media-type.js"
import { requestedRange } from "../../core/text/range-header.js"
import type { ApiReply, ApiRequest } from "./api.js"
import { passing } from "./readable.js"
import { json } from "./reply.js"
import { encodedFile, notForm, partOfFile } from "./upload-body.js"

/**
 * `PUT /blob/:token` and `PUT /blob/:token/:name`: stores the raw body as the blob, or as one part of a
 * multipart upload, whatever its Content-Type. An interrupted upload makes nothing visible.
 */
export const receiveUpload = (request: ApiRequest, token: string, name: string) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const grant = yield* redeemed(token, "Upload")
    if (grant.method !== "PUT" || !["", blobKeyParts(grant.key)[2]].includes(composed(name)))
      return yield* new SignedUrlExpired({ what: "Upload" })
    const { key, maxBytes, part, owner, run } = grant
    const unfit = partOfFile(request) ?? encodedFile(request)
    if (unfit !== undefined) return yield* unfit
    const tooLarge = new TooLarge({ what: "The upload", maxBytes })
    const announced = announcedBytes(request)
    if ((announced ?? 0) > maxBytes) return yield* tooLarge
    const bytes = notForm(request, yield* rawBytes(request))
    if (run !== undefined) {
      yield* allowed(run, "Upload")
      const write = charging({ owner: null, announced }, (charge) =>
        part === undefined
          ? storage.write(key, charge(bytes), maxBytes)
          : storage.writePart(key, part, charge(bytes))
      )
      yield* Effect.catchTags(write, {
        TooLarge: () => tooLarge,
        BlobMissing: () =>
          new InvalidRequest({
            message: `The part must have exactly ${maxBytes} bytes, and must arrive before its upload is completed or aborted`
          })
      })
    } else if (owner !== undefined) {
      yield* Effect.catchTag(receiveFile(owner, key, bytes, announced), "TooLarge", () => tooLarge)
    } else return yield* new SignedUrlExpired({ what: "Upload" })
    return json(200, { ok: true })
  })

const announcedBytes = (request: ApiRequest): number | null => {
  const text = request.header("content-length")
  return text === undefined ? null : Number(text)
}

/** Fails like an expired link when the run that the link belongs to is over. */
const allowed = (run: GrantedRun, what: "Upload" | "Download") =>
  Effect.catchTag(allowLink(run), "SignedUrlExpired", () => new SignedUrlExpired({ what }))

const rawBytes = ({
  body
}: ApiRequest): Effect.Effect<Stream.Stream<Uint8Array, InvalidRequest>, InvalidRequest> => {
  if (body._tag === "Bytes") return Effect.succeed(passing(body.bytes))
  if (body.value instanceof Uint8Array) return Effect.succeed(Stream.make(body.value))
  const message = "The upload was consumed by the host application: mount ffkiln before its body parsers"
  return Effect.fail(new InvalidRequest({ message }))
}

const redeemed = (token: string, what: "Upload" | "Download") =>
  Effect.flatMap(Storage, (storage) => storage.redeem(token)).pipe(
    Effect.catchTag("SignedUrlExpired", () => new SignedUrlExpired({ what }))
  )

/**
 * `GET /blob/:token/:name`: the bytes or one range of them, as an attachment that browsers do not execute.
 * `name` is the decoded last segment of the path, "" when missing.
 */
export const download = (request: ApiRequest, token: string, name: string) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const grant = yield* redeemed(token, "Download")
    if (grant.method !== "GET") return yield* new SignedUrlExpired({ what: "Download" })
    if (grant.run !== undefined) yield* allowed(grant.run, "Download")
    const { key, fileName } = yield* named(grant, name)
    const found = yield* storage.stat(key)
    if (Option.isNone(found)) return yield* new FileNotFound({})
    const blob = found.value
    const headers = { ...downloadHeaders, etag: etag(blob), "last-modified": blob.modifiedAt.toUTCString() }
    if (namesTag(request.header("if-none-match"), headers.etag))
      return { status: 304, headers, body: { _tag: "Nothing" } } satisfies ApiReply
    const range = requestedRange(rangeHeader(request, headers.etag), blob.bytes)
    if (range === "unsatisfiable") {
      return json(
        416,
        { ok: false, error: "The requested range lies outside the file" },
        { "content-range": `bytes */${blob.bytes}` }
      )
    }
    const part = range === "whole" ? undefined : range
    const length = part === undefined ? blob.bytes : part.end - part.start + 1
    const spare: Array<Uint8Array> = []
    const bytes = storage
      .read(key, part, spare)
      .pipe(Stream.catchTag("BlobMissing", () => Stream.fail(new FileNotFound({}))))
    return {
      status: part === undefined ? 200 : 206,
      headers: {
        ...headers,
        "content-type": mediaType(fileName),
        "content-disposition": disposition(fileName),
        ...(part === undefined ? {} : { "content-range": `bytes ${part.start}-${part.end}/${blob.bytes}` })
      },
      // An empty file has no ranges, and its content need not be read.
      body: { _tag: "Bytes", length, spare, bytes: length === 0 ? Stream.empty : bytes }
    } satisfies ApiReply
  })

/** The blob that `name` selects: the granted one, or one in the same slot when the grant allows siblings. */
const named = (
  grant: Extract<Grant, { readonly method: "GET" }>,
  name: string
): Effect.Effect<Pick<typeof grant, "key" | "fileName">, SignedUrlExpired | FileNotFound> => {
  const parsed = parseFileName(name)
  if (name === "" || ("name" in parsed && parsed.name === grant.fileName)) return Effect.succeed(grant)
  if (grant.siblings !== true) return new SignedUrlExpired({ what: "Download" })
  if ("reason" in parsed) return new FileNotFound({})
  const [dir, slot] = blobKeyParts(grant.key)
  return Effect.succeed({ key: BlobKey(`${dir}/${slot}/${parsed.name}`), fileName: parsed.name })
}

/** Headers of every download. Browsers must not run uploaded content as a page of this origin. */
const downloadHeaders = {
  "accept-ranges": "bytes",
  "cache-control": "private, no-transform",
  "content-security-policy": "default-src 'none'; sandbox"
}

/**
 * The content under a key changes only when a direct upload to the storage is repeated; size and time reveal
 * that.
 */
const etag = ({ bytes, modifiedAt }: Blob): string =>
  `"${bytes.toString(16)}-${modifiedAt.getTime().toString(16)}"`

const namesTag = (header: string | undefined, tag: string): boolean =>
  (header ?? "").split(",").some((item) => item.trim().replace(/^W\//, "") === tag || item.trim() === "*")

/** The Range header, unless If-Range names other content. */
const rangeHeader = (request: ApiRequest, tag: string): string | undefined => {
  const condition = request.header("if-range")
  return condition === undefined || condition.trim() === tag ? request.header("range") : undefined
}
