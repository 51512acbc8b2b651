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

/** All services of an instance. */
export type Services = Rows | Storage | Queue | Executor | Prober | Importer | Webhooks | Ids

/**
 * The adapters that can be replaced. Callers that do not use Effect can treat an adapter as an opaque value.
 */
export interface Adapters {
  /** Stores files. Default: a folder, `dataDir`. */
  readonly storage?: Layer.Layer<Storage, Unavailable>
  /** Stores jobs, directories, keys, webhooks and runners. Default: SQLite at `dataDir/ffkiln.db`. */
  readonly database?: Layer.Layer<Rows, Unavailable>
  /** Notifies workers of jobs. Default: in memory. */
  readonly queue?: Layer.Layer<Queue, Unavailable>
  /** Runs ffmpeg and ffprobe. Default: on this machine, from PATH. */
  readonly executor?: Layer.Layer<Executor | Prober, Unavailable, Storage>
  /** Downloads URL inputs. Default: only from public https addresses. */
  readonly importer?: Layer.Layer<Importer, Unavailable, Storage>
  /** Posts webhooks. Default: only to public https addresses. */
  readonly webhooks?: Layer.Layer<Webhooks, Unavailable>
  /**
   * Which addresses the default adapters may connect to, also to probe a URL: for tests and private networks.
   */
  readonly guard?: GuardOptions
}

/**
 * The given adapters, and the defaults for the others. `runners` are the tokens for the default database. The
 * SQLite driver is loaded only when it is used.
 */
export const services = (
  adapters: Adapters,
  dataDir: string | undefined,
  runners: ReadonlyArray<RunnerToken> = []
): Layer.Layer<Services, Unavailable> => {
  const below = (name: string) => {
    if (dataDir === undefined)
      throw new Error("dataDir is required unless storage, database and executor are all given")
    return join(resolve(dataDir), name)
  }
  const storage = adapters.storage ?? fileSystem({ root: below("") })
  const database = adapters.database ?? defaultDatabase({ file: below("ffkiln.db"), runners })
  const executor =
    adapters.executor ?? ffmpeg({ workRoot: below("work"), ...(adapters.guard && { guard: adapters.guard }) })
  const onStorage = Layer.mergeAll(executor, adapters.importer ?? importer(adapters.guard)).pipe(
    Layer.provideMerge(storage)
  )
  return Layer.mergeAll(
    onStorage,
    database,
    adapters.queue ?? memoryQueue,
    adapters.webhooks ?? webhooks(adapters.guard),
    randomIds
  )
}

const defaultDatabase = (options: SqliteOptions) =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("../../adapters/sqlite/index.js")),
      ({ sqlite }) => sqlite(options)
    )
  )

/** The limits as a layer; missing ones have their default. */
export const limitsLayer = (limits: Partial<LimitValues>): Layer.Layer<never> =>
  Layer.succeed(Limits, { ...defaultLimits, ...limits })
