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
 * Storage in a bucket of S3 or of any server that speaks it. Clients move files straight from and to it by presigned
 * URLs; the size of an upload is checked when it is first looked at, because a presigned PUT can't be capped. Playlists
 * are served by our own route, since players ask for the files beside them by names that nobody has signed.
 * Unavailable, with a sentence for the operator, where the bucket can't be used.
 */
export const s3 = (options: S3Options): Layer.Layer<Storage, Unavailable> =>
  Layer.scoped(
    Storage,
    Effect.gen(function* () {
      const sdk = yield* loadSdk
      const bucket = yield* Effect.acquireRelease(openBucket(sdk, options), (opened) => Effect.sync(() => closeBucket(opened, options)))
      const secret = yield* Effect.zipRight(
        firstLook(bucket),
        options.secret === undefined ? keptSecret(bucket) : givenSecret(options.secret)
      ).pipe(Effect.catchTag("S3Refused", (error) => cannotStart(bucket.name, serverOf(options), error)))
      yield* Effect.forkScoped(sweepUploads(bucket))
      return storage(bucket, secret)
    })
  )

/** One listing: unlike a look at the bucket alone it is answered with a body, which says what is wrong. */
const firstLook = ({ ask, client, sdk, name, prefix }: Bucket) =>
  ask("start", (options) => client.send(new sdk.ListObjectsV2Command({ Bucket: name, Prefix: prefix, MaxKeys: 1 }), options))

const serverOf = ({ endpoint }: S3Options): string => (endpoint === undefined ? "the S3 server" : `the S3 server at ${originOf(endpoint)}`)

/** Without what a URL may carry besides: a password, a path. */
const originOf = (endpoint: string): string => (URL.canParse(endpoint) ? new URL(endpoint).origin : "its endpoint")
