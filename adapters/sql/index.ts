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
  /** Keys that hold beside the stored ones, for hosts that bring their own. With any, no first key is made. */
  readonly keys?: ReadonlyArray<ApiKey>
  /** Runners whose tokens hold beside the stored ones, unless a stored runner of the same name was revoked. */
  readonly runners?: ReadonlyArray<RunnerToken>
}

/**
 * The row ports over one SQL database, whose schema is brought up to date first. Tables are named `ffkiln_...`.
 * A port's call never joins a transaction it is made in: it is durable when it returns, whatever its caller does then.
 * `changes` may tell other hosts as well.
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
