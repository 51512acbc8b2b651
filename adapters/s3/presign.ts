import { Clock, Effect } from "effect"
import { disposition } from "../../core/content-disposition.js"
import { mediaType } from "../../core/media-type.js"
import type { Grant } from "../../core/ports/storage.js"
import type { Bucket } from "./bucket.js"

const week = 7 * 86_400

/**
 * A URL of the server's own for the grant. It ends with the grant, after a week at most, and with the credentials that
 * signed it where those are temporary. A download is saved under its name and typed by it; `nosniff` is beyond what a URL
 * can ask for. An upload's size is too.
 */
export const presigned = ({ ask, signer, sdk, name }: Bucket, Key: string, grant: Grant) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const signedAt = Math.min(now, grant.expiresAt.getTime() - 1000)
    const lifetime = {
      signingDate: new Date(signedAt),
      expiresIn: Math.min(week, Math.floor((grant.expiresAt.getTime() - signedAt) / 1000))
    }
    return ask("sign", () =>
      grant.method === "PUT"
        ? sdk.getSignedUrl(signer, new sdk.PutObjectCommand({ Bucket: name, Key }), lifetime)
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
