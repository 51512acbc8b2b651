import { join } from "node:path"
import { Redacted } from "effect"
import { fileSystem } from "../../adapters/fs/index.js"
import { memoryQueue } from "../../adapters/memory/queue.js"
import { postgres } from "../../adapters/postgres/index.js"
import { redisQueue } from "../../adapters/redis/index.js"
import { s3 } from "../../adapters/s3/index.js"
import { sqlite } from "../../adapters/sqlite/index.js"
import type { Adapters } from "../embed/layers.js"

/**
 * Where jobs, hints and bytes are stored: the smallest set-up and the largest. Plain data that a process can
 * be given.
 */
export type Kept =
  | { readonly _tag: "Small"; readonly folder: string }
  | {
      readonly _tag: "Fleet"
      readonly databaseUrl: string
      readonly redisUrl: string
      /** Name of the queue, so that set-ups can share a server. */
      readonly name: string
      readonly s3: {
        readonly endpoint: string
        readonly bucket: string
        readonly accessKeyId: string
        readonly secretAccessKey: string
      }
    }

export const adaptersOn = (kept: Kept): Required<Pick<Adapters, "storage" | "database" | "queue">> => {
  if (kept._tag === "Small") {
    return {
      storage: fileSystem({ root: kept.folder }),
      database: sqlite({ file: join(kept.folder, "ffkiln.db") }),
      queue: memoryQueue
    }
  }
  const { bucket, endpoint, accessKeyId, secretAccessKey } = kept.s3
  return {
    // A request without a response fails soon, since the tests wait for that.
    storage: s3({
      bucket,
      endpoint,
      credentials: { accessKeyId, secretAccessKey: Redacted.make(secretAccessKey) },
      requestSeconds: 2,
      attempts: 2
    }),
    database: postgres({ url: kept.databaseUrl, maxConnections: 4 }),
    queue: redisQueue({ url: kept.redisUrl, name: kept.name, lockSeconds: 3, stalledSeconds: 2 })
  }
}
