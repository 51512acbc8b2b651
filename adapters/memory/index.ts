import { Layer } from "effect"
import type { ApiKey } from "../../core/ports/accounts.js"
import type { Rows } from "../../core/ports/rows.js"
import type { RunnerToken } from "../../core/ports/runners.js"
import { memoryAccounts } from "./accounts.js"
import { memoryDirectories } from "./directories.js"
import { memoryJobs } from "./jobs.js"
import { memoryOutbox } from "./outbox.js"
import { memoryRunners } from "./runners.js"
import { State } from "./state.js"

export { memoryExecutor } from "./executor.js"
export { type MemoryFile, memoryImporter } from "./importer.js"
export { memoryProber } from "./prober.js"
export { memoryQueue } from "./queue.js"
export { memoryStorage } from "./storage.js"
export { type MemoryWebhooksOptions, memoryWebhooks } from "./webhooks.js"

export interface MemoryDatabaseOptions {
  /** API keys that are valid from the start. */
  readonly keys?: ReadonlyArray<ApiKey>
  /**
   * Runners whose tokens are valid beside the issued ones, unless an issued runner of the same name was
   * revoked.
   */
  readonly runners?: ReadonlyArray<RunnerToken>
}

/** All rows in memory, lost when the process ends. The readable reference implementation of the row ports. */
export const memoryDatabase = (options: MemoryDatabaseOptions = {}): Layer.Layer<Rows> =>
  Layer.mergeAll(
    memoryJobs,
    memoryDirectories,
    memoryOutbox,
    memoryAccounts(options.keys ?? []),
    memoryRunners(options.runners ?? [])
  ).pipe(Layer.provide(Layer.fresh(State.layer)))
