import { randomUUID } from "node:crypto"
import type { Part as ListedPart } from "@aws-sdk/client-s3"
import { Chunk, Effect, Option, Stream } from "effect"
import type { Part, Parted } from "../../core/ports/storage.js"
import { partCount, partSpan } from "../blob/index.js"
import type { Bucket } from "./bucket.js"
import { isMissing, type Refused } from "./failures.js"
import { markOf, md5 } from "./upload.js"

/**
 * Uploads whose parts are sent by others: multipart uploads of the server. Each is called `<mark>:<its id>`; the mark is
 * kept with the object, so that one who joins without getting the answer can tell later that it was done.
 */

export const uploadIdOf = (upload: string): string => upload.slice(upload.indexOf(":") + 1)

const markIn = (upload: string): string => upload.slice(0, upload.indexOf(":"))

export const openUpload = ({ ask, client, sdk, name }: Bucket, Key: string): Effect.Effect<string, Refused> =>
  Effect.suspend(() => {
    const upload = randomUUID()
    const command = new sdk.CreateMultipartUploadCommand({ Bucket: name, Key, Metadata: { upload } })
    return Effect.map(
      ask("open an upload", (options) => client.send(command, options)),
      ({ UploadId = "" }) => `${upload}:${UploadId}`
    )
  })

export const putPart = ({ ask, client, sdk, name }: Bucket, Key: string, { upload, number }: Part, Body: Uint8Array) => {
  const part = { Bucket: name, Key, UploadId: uploadIdOf(upload), PartNumber: number, Body, ContentMD5: md5(Body) }
  return Effect.asVoid(ask("put a part", (options) => client.send(new sdk.UploadPartCommand(part), options)))
}

/** True when the parts have become the object, now or before; false where one is missing or not as long as it must be. */
export const joinUpload = (bucket: Bucket, Key: string, upload: string, parted: Parted): Effect.Effect<boolean, Refused> =>
  Effect.gen(function* () {
    const { ask, client, sdk, name: Bucket } = bucket
    const UploadId = uploadIdOf(upload)
    const listed = new Map<number | undefined, ListedPart>()
    yield* Stream.runForEach(listParts(bucket, Key, UploadId), (part) => Effect.sync(() => listed.set(part.PartNumber, part)))
    const Parts: Array<{ readonly ETag: string | undefined; readonly PartNumber: number }> = []
    for (let PartNumber = 1; PartNumber <= partCount(parted); PartNumber++) {
      const part = listed.get(PartNumber)
      if (part?.Size !== partSpan(parted, PartNumber).length) return false
      Parts.push({ ETag: part.ETag, PartNumber })
    }
    const command = new sdk.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } })
    yield* ask("join an upload", (options) => client.send(command, options))
    return true
  }).pipe(
    // It may have been joined already: the answer was lost, or another was quicker.
    Effect.catchIf(isMissing, () => Effect.map(markOf(bucket, Key), (mark) => mark === markIn(upload))),
    Effect.catchIf(isMissing, () => Effect.succeed(false))
  )

const listParts = ({ ask, client, sdk, name }: Bucket, Key: string, UploadId: string): Stream.Stream<ListedPart, Refused> =>
  Stream.paginateChunkEffect(undefined as string | undefined, (PartNumberMarker) =>
    Effect.map(
      ask("list parts", (options) => client.send(new sdk.ListPartsCommand({ Bucket: name, Key, UploadId, PartNumberMarker }), options)),
      ({ Parts = [], IsTruncated, NextPartNumberMarker }) =>
        [Chunk.unsafeFromArray(Parts), IsTruncated ? Option.fromNullable(NextPartNumberMarker) : Option.none()] as const
    )
  )
