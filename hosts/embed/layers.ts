import { join, resolve } from "node:path"
import { Effect, Layer } from "effect"
import { randomIds } from "../../adapters/crypto/index.js"
import { ffmpeg } from "../../adapters/ffmpeg/index.js"
import { fileSystem } from "../../adapters/fs/index.js"
import { memoryQueue } from "../../adapters/memory/queue.js"
import { type GuardOptions, importer, webhooks } from "../../adapters/net/index.js"
import type { SqliteOptions } from "../../adapters/sqlite/index.js"
import type { Unavailable } from "../../core/errors.js"
import type { Ids } from "../../core/ids.js"
import { defaultLimits, Limits, type LimitValues } from "../../core/limits.js"
import type { Executor } from "../../core/ports/executor.js"
import type { Importer } from "../../core/ports/importer.js"
import type { Prober } from "../../core/ports/prober.js"
import type { Queue } from "../../core/ports/queue.js"
import type { Rows } from "../../core/ports/rows.js"
import type { RunnerToken } from "../../core/ports/runners.js"
import type { Storage } from "../../core/ports/storage.js"
import type { Webhooks } from "../../core/ports/webhooks.js"

/** Everything an operation can ask for. */
export type Services = Rows | Storage | Queue | Executor | Prober | Importer | Webhooks | Ids

/** The parts that can be swapped. An adapter is an opaque value to those who do not use Effect. */
export interface Adapters {
  /** Where bytes lie. Default: files below `dataDir`. */
  readonly storage?: Layer.Layer<Storage, Unavailable>
  /** Where jobs, directories, keys, webhooks and runners are kept. Default: SQLite at `dataDir/ffkiln.db`. */
  readonly database?: Layer.Layer<Rows, Unavailable>
  /** How workers hear of jobs. Default: in memory. */
  readonly queue?: Layer.Layer<Queue, Unavailable>
  /** Where ffmpeg and ffprobe run. Default: here, from PATH. */
  readonly executor?: Layer.Layer<Executor | Prober, Unavailable, Storage>
  /** How URL inputs are fetched. Default: from public https addresses alone. */
  readonly importer?: Layer.Layer<Importer, Unavailable, Storage>
  /** How webhooks are posted. Default: to public https addresses alone. */
  readonly webhooks?: Layer.Layer<Webhooks, Unavailable>
  /** What the defaults above may reach, also when a URL is probed: for tests and networks of one's own. */
  readonly guard?: GuardOptions
}

/**
 * The adapters given, and the embedded default for the others; `runners` are known to the default database. The SQLite driver
 * is loaded only where it is used.
 */
export const services = (
  adapters: Adapters,
  dataDir: string | undefined,
  runners: ReadonlyArray<RunnerToken> = []
): Layer.Layer<Services, Unavailable> => {
  const below = (name: string) => {
    if (dataDir === undefined) throw new Error("dataDir is required unless storage, database and executor are all given")
    return join(resolve(dataDir), name)
  }
  const storage = adapters.storage ?? fileSystem({ root: below("") })
  const database = adapters.database ?? defaultDatabase({ file: below("ffkiln.db"), runners })
  const executor = adapters.executor ?? ffmpeg({ workRoot: below("work"), ...(adapters.guard && { guard: adapters.guard }) })
  const onStorage = Layer.mergeAll(executor, adapters.importer ?? importer(adapters.guard)).pipe(Layer.provideMerge(storage))
  return Layer.mergeAll(onStorage, database, adapters.queue ?? memoryQueue, adapters.webhooks ?? webhooks(adapters.guard), randomIds)
}

const defaultDatabase = (options: SqliteOptions) =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("../../adapters/sqlite/index.js")),
      ({ sqlite }) => sqlite(options)
    )
  )

export const limitsLayer = (limits: Partial<LimitValues>): Layer.Layer<never> => Layer.succeed(Limits, { ...defaultLimits, ...limits })
