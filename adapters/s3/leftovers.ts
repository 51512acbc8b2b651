import { Chunk, Effect, Option, Stream } from "effect"
import { every } from "../../core/fibers/loop.js"
import { SteadyTime } from "../../core/fibers/steady-time.js"
import { Limits } from "../../core/limits.js"
import type { Bucket } from "./bucket.js"
import { isMissing, unavailable } from "./failures.js"

/**
 * Aborts old multipart uploads below the prefix whose process died, since their parts cost money and are
 * invisible: at the start, then at the interval of the orphan sweep. If the server can't list uploads, use a
 * lifecycle rule of the bucket (AbortIncompleteMultipartUpload).
 */
export const sweepUploads = (bucket: Bucket): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { orphanSweepSeconds, orphanSeconds } = yield* Limits
    const pass = Effect.gen(function* () {
      const before = new Date((yield* (yield* SteadyTime).now) - orphanSeconds * 1000)
      yield* abortUploads(bucket, before)
    })
    yield* every(
      orphanSweepSeconds,
      Effect.catchTag(pass, "S3Refused", (error) =>
        Effect.logWarning("unfinished uploads stay until the next sweep", unavailable(error))
      )
    )
  })

/** Aborts the uploads that were started before a time, and returns their number. */
export const abortUploads = (bucket: Bucket, before: Date) =>
  unfinished(bucket, "").pipe(
    Stream.filter(({ Initiated }) => Initiated !== undefined && Initiated < before),
    Stream.mapEffect(({ Key, UploadId }) => abortUpload(bucket, Key, UploadId), { concurrency: 4 }),
    Stream.runCount
  )

/** Aborts all uploads of blobs whose keys have a prefix. */
export const abortBelow = (bucket: Bucket, prefix: string) =>
  unfinished(bucket, prefix).pipe(
    Stream.mapEffect(({ Key, UploadId }) => abortUpload(bucket, Key, UploadId), { concurrency: 4 }),
    Stream.runDrain
  )

/** Aborts one upload. Succeeds also if it is already completed or aborted. */
export const abortUpload = (
  { ask, client, sdk, name }: Bucket,
  Key: string | undefined,
  UploadId: string | undefined
) =>
  ask("abort an upload", (options) =>
    client.send(new sdk.AbortMultipartUploadCommand({ Bucket: name, Key, UploadId }), options)
  ).pipe(
    Effect.catchIf(isMissing, () => Effect.void),
    Effect.asVoid
  )

const unfinished = ({ ask, client, sdk, name, prefix }: Bucket, below: string) =>
  Stream.paginateChunkEffect({} as { KeyMarker?: string; UploadIdMarker?: string }, (marker) =>
    Effect.map(
      ask("list uploads", (options) =>
        client.send(
          new sdk.ListMultipartUploadsCommand({ Bucket: name, Prefix: `${prefix}blobs/${below}`, ...marker }),
          options
        )
      ),
      ({ Uploads = [], IsTruncated, NextKeyMarker, NextUploadIdMarker }) =>
        [
          Chunk.unsafeFromArray(Uploads),
          IsTruncated && NextKeyMarker !== undefined
            ? Option.some({
                KeyMarker: NextKeyMarker,
                ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker })
              })
            : Option.none()
        ] as const
    )
  )
