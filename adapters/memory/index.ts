import { Layer } from "effect"
import type { Accounts, ApiKey } from "../../core/ports/accounts.js"
import type { Directories } from "../../core/ports/directories.js"
import type { Jobs } from "../../core/ports/jobs.js"
import type { Outbox } from "../../core/ports/outbox.js"
import { memoryAccounts } from "./accounts.js"
import { memoryDirectories } from "./directories.js"
import { memoryJobs } from "./jobs.js"
import { memoryOutbox } from "./outbox.js"
import { State } from "./state.js"

export { memoryExecutor } from "./executor.js"
export { type MemoryFile, memoryImporter } from "./importer.js"
export { memoryProber } from "./prober.js"
export { memoryQueue } from "./queue.js"
export { memoryStorage } from "./storage.js"
export { type MemoryWebhooksOptions, memoryWebhooks } from "./webhooks.js"

export interface MemoryDatabaseOptions {
  /** API keys that are good from the start. */
  readonly keys?: ReadonlyArray<ApiKey>
}

/** All rows in memory, gone with the process: the readable reference of what the row ports promise. */
export const memoryDatabase = (options: MemoryDatabaseOptions = {}): Layer.Layer<Jobs | Directories | Outbox | Accounts> =>
  Layer.mergeAll(memoryJobs, memoryDirectories, memoryOutbox, memoryAccounts(options.keys ?? [])).pipe(
    Layer.provide(Layer.fresh(State.layer))
  )
