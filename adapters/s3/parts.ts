import { randomUUID } from "node:crypto"
import type { Part as ListedPart } from "@aws-sdk/client-s3"
import { Chunk, Effect, Option, Stream } from "effect"
import type { Part, Parted } from "../../core/ports/storage.js"
import { partCount, partSpan } from "../blob/index.js"
import type { Bucket } from "./bucket.js"
import { isMissing, type Refused } from "./failures.js"
import { markOf, md5 } from "./upload.js"

/**
 * Multipart uploads whose parts clients send. Each is named `<mark>:<upload id>`. The mark is stored with the
 * object, so that a host that lost the response of the join can find out that it succeeded.
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

export const putPart = (
  { ask, client, sdk, name }: Bucket,
  Key: string,
  { upload, number }: Part,
  Body: Uint8Array
) => {
  const part = {
    Bucket: name,
    Key,
    UploadId: uploadIdOf(upload),
    PartNumber: number,
    Body,
    ContentMD5: md5(Body)
  }
  return Effect.asVoid(ask("put a part", (options) => client.send(new sdk.UploadPartCommand(part), options)))
}

/**
 * Joins the parts. True if they are the object, now or already before; false if a part is missing or has a
 * wrong length.
 */
export const joinUpload = (
  bucket: Bucket,
  Key: string,
  upload: string,
  parted: Parted
): Effect.Effect<boolean, Refused> =>
  Effect.gen(function* () {
    const { ask, client, sdk, name: Bucket } = bucket
    const UploadId = uploadIdOf(upload)
    const listed = new Map<number | undefined, ListedPart>()
    yield* Stream.runForEach(listParts(bucket, Key, UploadId), (part) =>
      Effect.sync(() => listed.set(part.PartNumber, part))
    )
    const Parts: Array<{ readonly ETag: string | undefined; readonly PartNumber: number }> = []
    for (let PartNumber = 1; PartNumber <= partCount(parted); PartNumber++) {
      const part = listed.get(PartNumber)
      if (part?.Size !== partSpan(parted, PartNumber).length) return false
      Parts.push({ ETag: part.ETag, PartNumber })
    }
    const command = new sdk.CompleteMultipartUploadCommand({
      Bucket,
      Key,
      UploadId,
      MultipartUpload: { Parts }
    })
    yield* ask("join an upload", (options) => client.send(command, options))
    return true
  }).pipe(
    // The upload may be joined already: a response was lost, or another host joined it first.
    Effect.catchIf(isMissing, () => Effect.map(markOf(bucket, Key), (mark) => mark === markIn(upload))),
    Effect.catchIf(isMissing, () => Effect.succeed(false))
  )

const listParts = (
  { ask, client, sdk, name }: Bucket,
  Key: string,
  UploadId: string
): Stream.Stream<ListedPart, Refused> =>
  Stream.paginateChunkEffect(undefined as string | undefined, (PartNumberMarker) =>
    Effect.map(
      ask("list parts", (options) =>
        client.send(new sdk.ListPartsCommand({ Bucket: name, Key, UploadId, PartNumberMarker }), options)
      ),
      ({ Parts = [], IsTruncated, NextPartNumberMarker }) =>
        [
          Chunk.unsafeFromArray(Parts),
          IsTruncated ? Option.fromNullable(NextPartNumberMarker) : Option.none()
        ] as const
    )
  )
