import { Clock, Effect } from "effect"
import type { Grant, Part } from "../../core/ports/storage.js"
import { disposition } from "../../core/text/content-disposition.js"
import { mediaType } from "../../core/text/media-type.js"
import type { Bucket } from "./bucket.js"
import { uploadIdOf } from "./parts.js"

const week = 7 * 86_400

/**
 * A presigned URL for the grant. It expires with the grant, after at most a week, and with the credentials if
 * they are temporary. A download gets its file name and media type; a URL can't set `nosniff`. A URL can't
 * limit the size of an upload either; the sizes of parts are checked when they are joined.
 */
export const presigned = (bucket: Bucket, Key: string, grant: Grant) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const { ask, signer, sdk, name } = bucket
    const signedAt = Math.min(now, grant.expiresAt.getTime() - 1000)
    const lifetime = {
      signingDate: new Date(signedAt),
      expiresIn: Math.min(week, Math.floor((grant.expiresAt.getTime() - signedAt) / 1000))
    }
    return ask("sign", () =>
      grant.method === "PUT"
        ? presignedPut(bucket, Key, grant.part, lifetime)
        : sdk.getSignedUrl(
            signer,
            new sdk.GetObjectCommand({
              Bucket: name,
              Key,
              ResponseContentDisposition: disposition(grant.fileName),
              ResponseContentType: mediaType(grant.fileName),
              ResponseCacheControl: "private, no-transform"
            }),
            lifetime
          )
    )
  })

/** Presigns each command separately, since the SDK's types have no union of them. */
const presignedPut = (
  { signer, sdk, name }: Bucket,
  Key: string,
  part: Part | undefined,
  lifetime: Lifetime
): Promise<string> => {
  const object = { Bucket: name, Key }
  if (part === undefined) return sdk.getSignedUrl(signer, new sdk.PutObjectCommand(object), lifetime)
  const command = new sdk.UploadPartCommand({
    ...object,
    UploadId: uploadIdOf(part.upload),
    PartNumber: part.number
  })
  return sdk.getSignedUrl(signer, command, lifetime)
}

interface Lifetime {
  readonly signingDate: Date
  readonly expiresIn: number
}
