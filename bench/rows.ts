import { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Layer, ManagedRuntime } from "effect"
import pg from "pg"
import { postgresClient } from "../adapters/postgres/client.js"
import { postgres } from "../adapters/postgres/index.js"
import { sqlDatabase } from "../adapters/sql/index.js"
import { sqliteClient } from "../adapters/sqlite/client.js"
import type { Jobs } from "../core/ports/jobs.js"

/** The jobs table, opened in this process through the Jobs port and as plain SQL. */
export interface Rows {
  readonly name: "SQLite" | "Postgres"
  readonly run: <A, E>(effect: Effect.Effect<A, E, Jobs | SqlClient>) => Promise<A>
  readonly close: () => Promise<void>
}

/** Opens the SQLite file at the path `file`. */
export const sqliteRows = (file: string): Rows =>
  opened("SQLite", Layer.provideMerge(sqlDatabase(), sqliteClient(file)))

/** Opens the Postgres database at `url`. */
export const postgresRows = (url: string): Rows => {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  // Without a listener an error event would end this process when the server stops.
  pool.on("error", () => {})
  const rows = opened("Postgres", Layer.merge(postgres({ pool }), postgresClient(pool)))
  return { ...rows, close: () => rows.close().then(() => pool.end()) }
}

const opened = (name: Rows["name"], layer: Layer.Layer<Jobs | SqlClient, unknown>): Rows => {
  const runtime = ManagedRuntime.make(layer)
  return { name, run: (effect) => runtime.runPromise(effect), close: () => runtime.dispose() }
}

/** When a job was created, started and finished, in milliseconds since 1970. */
export interface Times {
  readonly created: number
  readonly started: number
  readonly finished: number
}

/** The times of a job that has ended; undefined before. Rejects when the job failed. */
export const timesOf = (job: string): Effect.Effect<Times | undefined, unknown, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const [row] = yield* sql<Readonly<Record<"state" | "created_at" | "started_at" | "finished_at", string>>>`
      SELECT state, created_at, started_at, finished_at FROM ffkiln_jobs WHERE id = ${job} AND finished_at IS NOT NULL`
    if (row === undefined) return undefined
    if (row.state !== "completed") return yield* Effect.fail(new Error(`the job ${job} is ${row.state}`))
    const [created, started, finished] = [row.created_at, row.started_at, row.finished_at].map((text) =>
      Date.parse(text)
    )
    return { created, started, finished } as Times
  })
