import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import { transitions } from "../../core/job.js"

/** All in which SQLite and Postgres differ for us; everything else is one text for both. */

/** Column types. Text compares by bytes everywhere, so that ISO times and ids have one order. */
export const columnTypes = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => ({
      text: 'TEXT COLLATE "C"',
      integer: "BIGINT",
      real: "DOUBLE PRECISION",
      strict: ""
    }),
    orElse: () => ({ text: "TEXT", integer: "INTEGER", real: "REAL", strict: "STRICT" })
  })

/** Ends the SELECT that chooses rows for an UPDATE or DELETE: two takers never wait for the same row. SQLite has one writer anyway. */
export const skipLocked = (sql: SqlClient): Fragment =>
  sql.onDialectOrElse({ pg: () => sql.literal("FOR UPDATE SKIP LOCKED"), orElse: () => sql.literal("") })

/** What must stand before the first migration; run alone, outside of any transaction of ours. */
export const prepareMigrations = (sql: SqlClient, table: string) =>
  sql.onDialectOrElse({
    // The migrator finds out whether its table exists by a query that fails, which would spoil our transaction.
    pg: () =>
      sql`CREATE TABLE IF NOT EXISTS ${sql(table)} (migration_id INTEGER PRIMARY KEY, created_at TIMESTAMPTZ NOT NULL DEFAULT now(), name TEXT NOT NULL)`,
    orElse: () => sql`CREATE TABLE IF NOT EXISTS ffkiln_migration_lock (id INTEGER PRIMARY KEY)`
  })

/** First statement of the migrating transaction: everyone else waits here until it is over. */
export const lockMigrations = (sql: SqlClient, table: string) =>
  sql.onDialectOrElse({
    pg: () => sql`SELECT pg_advisory_xact_lock(hashtext(${table}))`,
    // Deletes nothing, but is a write, and so waits for the write lock; a first statement that reads could not write later.
    orElse: () => sql`DELETE FROM ffkiln_migration_lock`
  })

/** A job in one of these states. Literals, since SQLite uses a partial index only where the query spells out its condition. */
export const stateIn = (sql: SqlClient, states: ReadonlyArray<string>): Fragment =>
  sql.literal(states.length === 1 ? `state = '${states[0]}'` : `state IN (${states.map((state) => `'${state}'`).join(", ")})`)

/** A job that may still read its inputs and write its outputs. */
export const isLive = (sql: SqlClient): Fragment => stateIn(sql, transitions.abandon.from)

/** Another connection is writing, or won: the same thing may work a moment later. */
export const isContention = (error: SqlError): boolean => /^SQLITE_(BUSY|LOCKED)|^(40001|40P01|55P03)$/.test(codeOf(error))

/** The statement breaks a rule of the schema: only a bug of ours does that, since expected clashes are handled by ON CONFLICT. */
export const isViolation = (error: SqlError): boolean => /^SQLITE_(CONSTRAINT|MISMATCH)|^23\d{3}$/.test(codeOf(error))

const codeOf = ({ cause }: SqlError): string => (typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "")
