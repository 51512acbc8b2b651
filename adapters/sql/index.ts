import type { SqlClient } from "@effect/sql/SqlClient"
import { Context, Effect, Layer, type Scope } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { Accounts, type ApiKey } from "../../core/ports/accounts.js"
import { Directories } from "../../core/ports/directories.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Outbox } from "../../core/ports/outbox.js"
import type { Rows } from "../../core/ports/rows.js"
import { Runners, type RunnerToken } from "../../core/ports/runners.js"
import { makeAccounts } from "./accounts.js"
import { type Changes, makeChanges } from "./changes.js"
import { makeDatabase } from "./database.js"
import { makeDirectories } from "./directories.js"
import { makeJobs } from "./jobs.js"
import { migrate } from "./migrations.js"
import { makeOutbox } from "./outbox.js"
import { makeRunners } from "./runners.js"

export interface SqlDatabaseOptions {
  /** API keys that are valid beside the stored ones. If there are any, no first key is generated. */
  readonly keys?: ReadonlyArray<ApiKey>
  /**
   * Runners whose tokens are valid beside the stored ones, unless a stored runner of the same name was
   * revoked.
   */
  readonly runners?: ReadonlyArray<RunnerToken>
}

/**
 * The row ports in one SQL database. Migrates the schema first; tables are named `ffkiln_...`. A call of a
 * port never joins a transaction of its caller, and is durable when it returns. `changes` may notify other
 * hosts as well.
 */
export const sqlDatabase = (
  options: SqlDatabaseOptions = {},
  changes: Effect.Effect<Changes, never, Scope.Scope> = makeChanges
): Layer.Layer<Rows, Unavailable, SqlClient> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const database = yield* makeDatabase
      yield* migrate(database)
      return Context.make(Jobs, makeJobs(database, yield* changes)).pipe(
        Context.add(Directories, makeDirectories(database)),
        Context.add(Outbox, makeOutbox(database)),
        Context.add(Accounts, makeAccounts(database, options.keys ?? [])),
        Context.add(Runners, makeRunners(database, options.runners ?? []))
      )
    })
  )
