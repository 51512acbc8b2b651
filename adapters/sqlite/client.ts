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

/**
 * One connection to the file, which is made with its folder if missing. Closing the scope closes the
 * connection.
 */
export const sqliteClient = (file: string): Layer.Layer<SqlClient, Unavailable> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      yield* Effect.tryPromise({
        try: () => mkdir(dirname(file), { recursive: true }),
        catch: (cause) => cannotOpen(file, cause)
      })
      // Before the driver opens the file, which would drop damaged transactions.
      yield* checkLog(file)
      // The driver would switch to WAL with a busy timeout of five seconds; the pragmas below do it with a
      // short one.
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
  // Waiting for a lock blocks the whole process, so the timeout is short. Statements are retried after a
  // delay.
  "busy_timeout = 150",
  "journal_mode = WAL",
  // A commit must survive a power failure. The driver's build lowers the default in WAL mode.
  "synchronous = FULL",
  "foreign_keys = ON"
]

const cannotOpen = (file: string, cause: unknown) =>
  new Unavailable({ what: `could not open ${file} as a SQLite database: ${reasonOf(cause)}`, cause })

/** The driver's message, which the client wraps. */
const reasonOf = (cause: unknown): string =>
  cause instanceof Error
    ? cause.cause instanceof Error
      ? reasonOf(cause.cause)
      : cause.message
    : String(cause)
