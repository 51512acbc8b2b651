import { mkdir } from "node:fs/promises"
import { dirname } from "node:path"
import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlClient } from "@effect/sql/SqlClient"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { Context, Effect, Layer } from "effect"
import { Unavailable } from "../../core/errors.js"
import { makeDatabase } from "../sql/database.js"
import { Medium } from "../sql/medium.js"
import { sqliteMedium } from "./medium.js"
import { checkLog } from "./write-ahead-log.js"

/** One connection to the file, which is made with its folder if it is missing; closed with the scope. */
export const sqliteClient = (file: string): Layer.Layer<SqlClient, Unavailable> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      yield* Effect.tryPromise({ try: () => mkdir(dirname(file), { recursive: true }), catch: (cause) => cannotOpen(file, cause) })
      // Before the driver looks at it, which would drop what it can't read.
      yield* checkLog(file)
      // The driver would switch to WAL while it still blocks five seconds for a lock; below we do that ourselves.
      const open = SqliteClient.make({ filename: file, disableWAL: true })
      const sql = yield* Effect.catchAllDefect(open, (cause) => cannotOpen(file, cause))
      const { run } = yield* Effect.provideService(makeDatabase, SqlClient, sql)
      yield* Effect.forEach(settings, (pragma) => sql.unsafe(`PRAGMA ${pragma}`)).pipe(
        run("set up the database"),
        Effect.mapError(({ cause }) => cannotOpen(file, cause))
      )
      return Context.make(SqlClient, sql as SqlClient).pipe(Context.add(Medium, yield* sqliteMedium(file)))
    })
  ).pipe(Layer.provide(Reactivity.layer))

const settings = [
  // Waiting blocks the whole process, so it is short; what is still locked then is tried again after a pause.
  "busy_timeout = 150",
  "journal_mode = WAL",
  // A commit must survive a power cut. The driver's build lowers this for files in WAL mode.
  "synchronous = FULL",
  "foreign_keys = ON"
]

const cannotOpen = (file: string, cause: unknown) =>
  new Unavailable({ what: `could not open ${file} as a SQLite database: ${reasonOf(cause)}`, cause })

/** The driver's own sentence, which the client wraps. */
const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? (cause.cause instanceof Error ? reasonOf(cause.cause) : cause.message) : String(cause)
