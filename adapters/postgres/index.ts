import { Effect, Layer } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { JobId } from "../../core/ids.js"
import type { Rows } from "../../core/ports/rows.js"
import { type Changes, makeChanges } from "../sql/changes.js"
import { type SqlDatabaseOptions, sqlDatabase } from "../sql/index.js"
import { openChannel } from "./channel.js"
import { postgresClient } from "./client.js"
import { openPool, type PostgresServer } from "./pool.js"

export type { PostgresServer } from "./pool.js"
export { postgresQueue } from "./queue.js"

export type PostgresOptions = SqlDatabaseOptions & PostgresServer

/**
 * The row ports in one Postgres database, version 12 or later. The user needs the right to make tables in the
 * first schema of the search path. Any number of hosts may share it. Unavailable if it can't be reached.
 */
export const postgres = (options: PostgresOptions): Layer.Layer<Rows, Unavailable> =>
  Layer.unwrapScoped(
    Effect.map(openPool(options), (pool) =>
      Layer.provide(sqlDatabase(options, changesOn(pool)), postgresClient(pool))
    )
  )

/** Notifies the watchers on all hosts of each change. */
const changesOn = (pool: Parameters<typeof openChannel>[0]) =>
  Effect.gen(function* () {
    const here: Changes = yield* makeChanges
    const { tell } = yield* openChannel(pool, "ffkiln_changes", (id) => here.announce([{ id: JobId(id) }]))
    return {
      ...here,
      announce: (jobs) => Effect.zipRight(here.announce(jobs), tell(jobs.map(({ id }) => id)))
    } satisfies Changes
  })
