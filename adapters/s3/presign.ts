import { Clock, Effect } from "effect"
import type { Grant, Part } from "../../core/ports/storage.js"
import { disposition } from "../../core/text/content-disposition.js"
import { mediaType } from "../../core/text/media-type.js"
import type { Bucket } from "./bucket.js"
import { uploadIdOf } from "./parts.js"

const week = 7 * 86_400

/**
 * A URL of the server's own for the grant. It ends with the grant, after a week at most, and with the credentials that
 * signed it where those are temporary. A download is saved under its name and typed by it; `nosniff` is beyond what a URL
 * can ask for. An upload's size is too; that of a part is looked at when the parts are joined.
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

/** Each command by itself: the SDK's types know no union of them. */
const presignedPut = ({ signer, sdk, name }: Bucket, Key: string, part: Part | undefined, lifetime: Lifetime): Promise<string> => {
  const object = { Bucket: name, Key }
  if (part === undefined) return sdk.getSignedUrl(signer, new sdk.PutObjectCommand(object), lifetime)
  const command = new sdk.UploadPartCommand({ ...object, UploadId: uploadIdOf(part.upload), PartNumber: part.number })
  return sdk.getSignedUrl(signer, command, lifetime)
}

interface Lifetime {
  readonly signingDate: Date
  readonly expiresIn: number
}
