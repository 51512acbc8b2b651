import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import { Effect } from "effect"
import { transitions } from "../../core/job.js"

/** All differences between SQLite and Postgres. All other SQL is the same for both. */

/** Column types. Text is compared by bytes in both, so that ISO times and ids have the same order. */
export const columnTypes = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => ({
      text: 'TEXT COLLATE "C"',
      integer: "BIGINT",
      real: "DOUBLE PRECISION",
      // By default Postgres vacuums when a fifth of the rows is dead: with a million finished jobs, a claim
      // would skip
      // 200,000 dead index entries.
      strict: "WITH (autovacuum_vacuum_scale_factor = 0.01)"
    }),
    orElse: () => ({ text: "TEXT", integer: "INTEGER", real: "REAL", strict: "STRICT" })
  })

/**
 * Ends a SELECT of rows to change, so that concurrent claims skip locked rows. SQLite has only one writer.
 */
export const skipLocked = (sql: SqlClient): Fragment =>
  sql.onDialectOrElse({ pg: () => sql.literal("FOR UPDATE SKIP LOCKED"), orElse: () => sql.literal("") })

/**
 * Deletes the rows whose `column` is among those that `which` selects, and returns them. The selection is
 * materialized: Postgres may run a subquery again for each row, and with SKIP LOCKED it would then exceed its
 * LIMIT.
 */
export const deleteChosen = <Row extends object>(
  sql: SqlClient,
  table: string,
  column: string,
  which: Fragment
) => sql<Row>`
  WITH chosen AS MATERIALIZED (${which})
  DELETE FROM ${sql(table)} WHERE ${sql(column)} IN (SELECT ${sql(column)} FROM chosen) RETURNING ${sql(column)}`

/** Ends a SELECT of a row that must not be deleted before the commit. SQLite has only one writer. */
export const keepLocked = (sql: SqlClient): Fragment =>
  sql.onDialectOrElse({ pg: () => sql.literal("FOR KEY SHARE"), orElse: () => sql.literal("") })

/**
 * Run before an insert that counts rows, so that concurrent ones count after each other's commit. An advisory
 * lock: other statements on the table do not have to wait.
 */
export const lockCount = (sql: SqlClient, table: string): Effect.Effect<unknown, SqlError> =>
  sql.onDialectOrElse({
    pg: () => sql`SELECT pg_advisory_xact_lock(hashtext(${table}))`,
    orElse: () => Effect.void
  })

/** Creates what the migrating transaction needs; runs outside of it. */
export const prepareMigrations = (sql: SqlClient): Effect.Effect<unknown, SqlError> =>
  sql.onDialectOrElse({
    pg: () => Effect.void,
    orElse: () => sql`CREATE TABLE IF NOT EXISTS ffkiln_migration_lock (id INTEGER PRIMARY KEY)`
  })

/** Starts the migrating transaction. Other hosts wait here until it ends. */
export const lockMigrations = (sql: SqlClient, table: string): Effect.Effect<unknown, SqlError> =>
  sql.onDialectOrElse({
    // The migrator checks for its table with a query that may fail, which would abort the transaction. So the
    // table is
    // created here, under the lock: IF NOT EXISTS fails if two hosts run it at the same time.
    pg: () =>
      Effect.zipRight(
        sql`SELECT pg_advisory_xact_lock(hashtext(${table}))`,
        sql`CREATE TABLE IF NOT EXISTS ${sql(table)} (migration_id INTEGER PRIMARY KEY, created_at TIMESTAMPTZ NOT NULL DEFAULT now(), name TEXT NOT NULL)`
      ),
    // Deletes nothing, but takes the write lock. A transaction that starts with a read could not write later.
    orElse: () => sql`DELETE FROM ffkiln_migration_lock`
  })

/**
 * Jobs in one of these states. Literals, since SQLite uses a partial index only if the query has its exact
 * condition.
 */
export const stateIn = (sql: SqlClient, states: ReadonlyArray<string>): Fragment =>
  sql.literal(
    states.length === 1
      ? `state = '${states[0]}'`
      : `state IN (${states.map((state) => `'${state}'`).join(", ")})`
  )

/** True if all texts in the column, a JSON array, are among `texts`. */
export const isAmong = (sql: SqlClient, column: string, texts: ReadonlyArray<string>): Fragment =>
  sql.onDialectOrElse({
    pg: () => sql`CAST(${sql(column)} AS JSONB) <@ CAST(${JSON.stringify(texts)} AS JSONB)`,
    orElse: () =>
      sql`NOT EXISTS (SELECT 1 FROM json_each(${sql(column)}) AS each WHERE each.value NOT IN (SELECT value FROM json_each(${JSON.stringify(texts)})))`
  })

/**
 * True if the column is one of `texts`. They are one parameter, so the statement is the same for any number
 * of them.
 */
export const isOneOf = (sql: SqlClient, column: string, texts: ReadonlyArray<string>): Fragment =>
  sql.onDialectOrElse({
    pg: () =>
      sql`${sql(column)} = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST(${JSON.stringify(texts)} AS JSONB))))`,
    orElse: () => sql`${sql(column)} IN (SELECT value FROM json_each(${JSON.stringify(texts)}))`
  })

/** A job that may still read its inputs and write its outputs. */
export const isLive = (sql: SqlClient): Fragment => stateIn(sql, transitions.abandon.from)

/**
 * The number of running jobs of a candidate's owner; `counted` goes before the SELECT. SQLite counts for each
 * candidate, which takes 0.6 ms for 1000 of them; an index did not help. On Postgres, whose statistics may be
 * from a time without running jobs, that read all running jobs for each candidate: 23,000 pages for 1000
 * candidates and 200 running jobs. Counting once for all owners reads 1300.
 */
export const runningJobs = (
  sql: SqlClient,
  isRunning: Fragment
): { readonly counted: Fragment; readonly runningOf: Fragment } =>
  sql.onDialectOrElse({
    pg: () => ({
      counted: sql`WITH running AS MATERIALIZED (SELECT owner, count(*) AS jobs FROM ffkiln_jobs WHERE ${isRunning} GROUP BY owner)`,
      runningOf: sql`COALESCE((SELECT jobs FROM running WHERE running.owner = candidate.owner), 0)`
    }),
    orElse: () => ({
      counted: sql.literal(""),
      runningOf: sql`(SELECT count(*) FROM ffkiln_jobs AS running WHERE running.owner = candidate.owner AND ${isRunning})`
    })
  })

type Rows = ReadonlyArray<{ readonly owner: string }>

/**
 * Runs `claimed`, an UPDATE that returns `owner`, and records that these owners had a turn at `now`. Postgres
 * does both in one statement. SQLite allows no UPDATE in a WITH clause, so it needs a transaction with one
 * more write.
 */
export const withTurn = <E>(
  sql: SqlClient,
  inTransaction: (claim: Effect.Effect<Rows, SqlError>) => Effect.Effect<Rows, E>,
  claimed: Fragment,
  now: string
): Effect.Effect<Rows, E | SqlError> => {
  const turn = (owners: Fragment) => sql`
    INSERT INTO ffkiln_turns (owner, claimed_at) ${owners} ON CONFLICT (owner) DO UPDATE SET claimed_at = excluded.claimed_at`
  return sql.onDialectOrElse({
    pg: (): Effect.Effect<Rows, E | SqlError> =>
      sql<
        Rows[number]
      >`WITH claimed AS (${claimed}), turn AS (${turn(sql`SELECT owner, ${now} FROM claimed`)}) SELECT * FROM claimed`,
    orElse: () =>
      inTransaction(
        Effect.tap(sql<Rows[number]>`${claimed}`, ([first]) =>
          first === undefined ? Effect.void : turn(sql`VALUES (${first.owner}, ${now})`)
        )
      )
  })
}

/** Since when a candidate waits: since its creation, or since its owner's last turn if that is later. */
export const waitsSince = (sql: SqlClient): Fragment => {
  const lastTurn = sql`COALESCE((SELECT claimed_at FROM ffkiln_turns AS turn WHERE turn.owner = candidate.owner), '')`
  return sql.onDialectOrElse({
    pg: () => sql`GREATEST(created_at, ${lastTurn})`,
    orElse: () => sql`max(created_at, ${lastTurn})`
  })
}

/**
 * Whether a retry may succeed because another connection was writing. This includes cancelled statements on
 * Postgres (57014): an interrupted call sends a cancel request, which may arrive late and hit the next call.
 */
export const isContention = (error: SqlError): boolean =>
  /^SQLITE_(BUSY|LOCKED)|^(40001|40P01|55P03|57014)$/.test(codeOf(error))

/**
 * Whether the disk is full. SQLite reports an I/O error if its shared memory file can't grow, as for a broken
 * disk.
 */
export const isFull = (error: SqlError): boolean => /^(SQLITE_(FULL|IOERR)|53100$)/.test(codeOf(error))

/**
 * Whether a statement violates a constraint. That is a bug, since expected conflicts are handled by ON
 * CONFLICT.
 */
export const isViolation = (error: SqlError): boolean =>
  /^SQLITE_(CONSTRAINT|MISMATCH)|^23\d{3}$/.test(codeOf(error))

const codeOf = ({ cause }: SqlError): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""
