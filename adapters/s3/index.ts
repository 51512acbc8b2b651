import { Effect, Layer } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { Storage } from "../../core/ports/storage.js"
import { type Bucket, closeBucket, loadSdk, openBucket } from "./bucket.js"
import { cannotStart } from "./failures.js"
import { sweepUploads } from "./leftovers.js"
import type { S3Options } from "./options.js"
import { givenSecret, keptSecret } from "./secret.js"
import { storage } from "./storage.js"

export type { S3Options } from "./options.js"

/**
 * Storage in a bucket of S3 or of an S3-compatible server. Clients upload and download directly with
 * presigned URLs. The size of an upload is checked afterwards, since a presigned PUT has no limit. Playlists
 * are served by this server, since players request the files beside them without a signature. Unavailable,
 * with a sentence for the operator, if the bucket can't be used.
 */
export const s3 = (options: S3Options): Layer.Layer<Storage, Unavailable> =>
  Layer.scoped(
    Storage,
    Effect.gen(function* () {
      const sdk = yield* loadSdk
      const bucket = yield* Effect.acquireRelease(openBucket(sdk, options), (opened) =>
        Effect.sync(() => closeBucket(opened, options))
      )
      const secret = yield* Effect.zipRight(
        firstLook(bucket),
        options.secret === undefined ? keptSecret(bucket) : givenSecret(options.secret)
      ).pipe(Effect.catchTag("S3Refused", (error) => cannotStart(bucket.name, serverOf(options), error)))
      yield* Effect.forkScoped(sweepUploads(bucket))
      return storage(bucket, secret)
    })
  )

/** Lists one object. Unlike HeadBucket, its response has a body that says what is wrong. */
const firstLook = ({ ask, client, sdk, name, prefix }: Bucket) =>
  ask("start", (options) =>
    client.send(new sdk.ListObjectsV2Command({ Bucket: name, Prefix: prefix, MaxKeys: 1 }), options)
  )

const serverOf = ({ endpoint }: S3Options): string =>
  endpoint === undefined ? "the S3 server" : `the S3 server at ${originOf(endpoint)}`

/** The origin of a URL, without a password or path. */
const originOf = (endpoint: string): string =>
  URL.canParse(endpoint) ? new URL(endpoint).origin : "its endpoint"
