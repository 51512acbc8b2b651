import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import { Effect } from "effect"
import { transitions } from "../../core/job.js"

/** All in which SQLite and Postgres differ for us; everything else is one text for both. */

/** Column types. Text compares by bytes everywhere, so that ISO times and ids have one order. */
export const columnTypes = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => ({
      text: 'TEXT COLLATE "C"',
      integer: "BIGINT",
      real: "DOUBLE PRECISION",
      // By default a fifth of the rows must be dead before they are cleaned up: beside a million finished jobs, a claim
      // would pass over the entries of 200,000 that do not wait any more.
      strict: "WITH (autovacuum_vacuum_scale_factor = 0.01)"
    }),
    orElse: () => ({ text: "TEXT", integer: "INTEGER", real: "REAL", strict: "STRICT" })
  })

/** Ends the SELECT that chooses rows for an UPDATE or DELETE: two takers never wait for the same row. SQLite has one writer anyway. */
export const skipLocked = (sql: SqlClient): Fragment =>
  sql.onDialectOrElse({ pg: () => sql.literal("FOR UPDATE SKIP LOCKED"), orElse: () => sql.literal("") })

/**
 * DELETEs what `which` selects by its only column, and returns that. Chosen first, and once: Postgres may run a subquery
 * again for every row it is compared with, and one that skips locked rows then goes past its LIMIT.
 */
export const deleteChosen = <Row extends object>(sql: SqlClient, table: string, column: string, which: Fragment) => sql<Row>`
  WITH chosen AS MATERIALIZED (${which})
  DELETE FROM ${sql(table)} WHERE ${sql(column)} IN (SELECT ${sql(column)} FROM chosen) RETURNING ${sql(column)}`

/** Comes between looking for a row and relying on it: whoever would delete it waits for our commit. SQLite has one writer anyway. */
export const keepLocked = (sql: SqlClient): Fragment =>
  sql.onDialectOrElse({ pg: () => sql.literal("FOR KEY SHARE"), orElse: () => sql.literal("") })

/**
 * Comes between two inserts that both count what is there: the second counts after the first one's commit. A lock of ours
 * and not of the table's, since only those who count need to wait for each other.
 */
export const lockCount = (sql: SqlClient, table: string): Effect.Effect<unknown, SqlError> =>
  sql.onDialectOrElse({
    pg: () => sql`SELECT pg_advisory_xact_lock(hashtext(${table}))`,
    orElse: () => Effect.void
  })

/** What must stand before the migrating transaction; run alone. */
export const prepareMigrations = (sql: SqlClient): Effect.Effect<unknown, SqlError> =>
  sql.onDialectOrElse({
    pg: () => Effect.void,
    orElse: () => sql`CREATE TABLE IF NOT EXISTS ffkiln_migration_lock (id INTEGER PRIMARY KEY)`
  })

/** Begins the migrating transaction: everyone else waits here until it is over. */
export const lockMigrations = (sql: SqlClient, table: string): Effect.Effect<unknown, SqlError> =>
  sql.onDialectOrElse({
    // The migrator finds out whether its table exists by a query that fails, which would spoil the transaction. That the
    // table is made here and not before is on purpose: IF NOT EXISTS fails when two do it at once.
    pg: () =>
      Effect.zipRight(
        sql`SELECT pg_advisory_xact_lock(hashtext(${table}))`,
        sql`CREATE TABLE IF NOT EXISTS ${sql(table)} (migration_id INTEGER PRIMARY KEY, created_at TIMESTAMPTZ NOT NULL DEFAULT now(), name TEXT NOT NULL)`
      ),
    // Deletes nothing, but is a write, and so waits for the write lock; a first statement that reads could not write later.
    orElse: () => sql`DELETE FROM ffkiln_migration_lock`
  })

/** A job in one of these states. Literals, since SQLite uses a partial index only where the query spells out its condition. */
export const stateIn = (sql: SqlClient, states: ReadonlyArray<string>): Fragment =>
  sql.literal(states.length === 1 ? `state = '${states[0]}'` : `state IN (${states.map((state) => `'${state}'`).join(", ")})`)

/** Whether everything in the column, a JSON array of texts, is among these. */
export const isAmong = (sql: SqlClient, column: string, texts: ReadonlyArray<string>): Fragment =>
  sql.onDialectOrElse({
    pg: () => sql`CAST(${sql(column)} AS JSONB) <@ CAST(${JSON.stringify(texts)} AS JSONB)`,
    orElse: () =>
      sql`NOT EXISTS (SELECT 1 FROM json_each(${sql(column)}) AS each WHERE each.value NOT IN (SELECT value FROM json_each(${JSON.stringify(texts)})))`
  })

/** Whether the column's text is one of these: one parameter, and one statement, however many they are. */
export const isOneOf = (sql: SqlClient, column: string, texts: ReadonlyArray<string>): Fragment =>
  sql.onDialectOrElse({
    pg: () => sql`${sql(column)} = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST(${JSON.stringify(texts)} AS JSONB))))`,
    orElse: () => sql`${sql(column)} IN (SELECT value FROM json_each(${JSON.stringify(texts)}))`
  })

/** A job that may still read its inputs and write its outputs. */
export const isLive = (sql: SqlClient): Fragment => stateIn(sql, transitions.abandon.from)

/**
 * How many jobs of a candidate's owner run, `counted` being what stands before the SELECT that asks for it. SQLite counts
 * for each candidate: with 1000 of them that takes 0.6 ms, and an index of its own made it no faster. Postgres plans that
 * by figures of a time when nothing ran, and read all that runs for each: 23,000 pages with 1000 candidates and 200 that
 * run, against 1300 where it counts once for all owners.
 */
export const runningJobs = (sql: SqlClient, isRunning: Fragment): { readonly counted: Fragment; readonly runningOf: Fragment } =>
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
 * Takes down that the owner of each row of `claimed`, an UPDATE that returns `owner`, has had a turn at `now`. Postgres does
 * both in one statement. SQLite allows no UPDATE in a WITH, so that there it takes a transaction, which has one write more.
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
      sql<Rows[number]>`WITH claimed AS (${claimed}), turn AS (${turn(sql`SELECT owner, ${now} FROM claimed`)}) SELECT * FROM claimed`,
    orElse: () =>
      inTransaction(
        Effect.tap(sql<Rows[number]>`${claimed}`, ([first]) =>
          first === undefined ? Effect.void : turn(sql`VALUES (${first.owner}, ${now})`)
        )
      )
  })
}

/** Since when a candidate waits for its turn: since it came, or since its owner last had one. */
export const waitsSince = (sql: SqlClient): Fragment => {
  const lastTurn = sql`COALESCE((SELECT claimed_at FROM ffkiln_turns AS turn WHERE turn.owner = candidate.owner), '')`
  return sql.onDialectOrElse({ pg: () => sql`GREATEST(created_at, ${lastTurn})`, orElse: () => sql`max(created_at, ${lastTurn})` })
}

/**
 * Another connection is writing, or won: the same thing may work a moment later. So it may where Postgres says that the
 * statement was cancelled (57014): who gives up a call asks for that, which may come late and meet the next call.
 */
export const isContention = (error: SqlError): boolean => /^SQLITE_(BUSY|LOCKED)|^(40001|40P01|55P03|57014)$/.test(codeOf(error))

/** The disk has no room for what is written. SQLite says of its shared memory that it can't be written, as of a broken disk. */
export const isFull = (error: SqlError): boolean => /^(SQLITE_(FULL|IOERR)|53100$)/.test(codeOf(error))

/** The statement breaks a rule of the schema: only a bug of ours does that, since expected clashes are handled by ON CONFLICT. */
export const isViolation = (error: SqlError): boolean => /^SQLITE_(CONSTRAINT|MISMATCH)|^23\d{3}$/.test(codeOf(error))

const codeOf = ({ cause }: SqlError): string => (typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "")
