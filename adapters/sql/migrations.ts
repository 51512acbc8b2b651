import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"
import { type Database, reasonOf } from "./database.js"
import { columnTypes, lockMigrations, prepareMigrations } from "./dialect.js"

const table = "ffkiln_migrations"

/** Migrates the schema. Waits if another host is migrating it. */
export const migrate = ({ sql, run, transaction }: Database): Effect.Effect<void, Unavailable> => {
  const newOnes = Migrator.make({})({ loader: Migrator.fromRecord(migrations), table })
  const upgrade = Effect.all([lockMigrations(sql, table), newOnes, refuseNewer(sql)], { discard: true })
  return run("prepare the migrations")(prepareMigrations(sql)).pipe(
    Effect.zipRight(transaction("bring the database up to date")(upgrade)),
    Effect.provideService(SqlClient, sql),
    Effect.catchAllDefect(unavailable),
    Effect.catchTag("MigrationError", unavailable),
    Effect.mapError((error) => (error.cause === undefined ? error : unavailable(error.cause))),
    Effect.asVoid
  )
}

/**
 * Fails if a newer version has migrated the database, since this version may misread its rows. Changes
 * nothing.
 */
const refuseNewer = (sql: SqlClient) =>
  Effect.gen(function* () {
    const known = Object.keys(migrations).length
    const rows = yield* sql<{
      readonly newest: number
    }>`SELECT MAX(migration_id) AS newest FROM ${sql(table)}`
    const newest = Number(rows[0]?.newest)
    if (newest > known) {
      const what = `could not open the database: a newer version of ffkiln brought it to migration ${newest}, and this version knows ${known}; run the newer version`
      return yield* new Unavailable({ what })
    }
  })

const unavailable = (cause: unknown) =>
  new Unavailable({ what: `could not bring the database up to date: ${reasonOf(cause)}`, cause })

/**
 * Runs statements one by one, since the driver prepares one at a time. Never edit a released migration: add a
 * new one.
 */
const migration = (statements: (types: ReturnType<typeof columnTypes>) => ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.forEach(statements(columnTypes(sql)), (statement) => sql.unsafe(statement), { discard: true })
  )

const migrations = {
  "0001_first": migration(({ text, integer, real, strict }) => [
    `CREATE TABLE ffkiln_jobs (
      id ${text} NOT NULL PRIMARY KEY,
      owner ${text} NOT NULL,
      state ${text} NOT NULL,
      directory ${text} NOT NULL,
      task ${text} NOT NULL,
      priority ${integer} NOT NULL,
      webhook_url ${text},
      attempt ${integer} NOT NULL,
      lease_until ${text},
      holder ${text},
      progress ${real},
      outputs ${text} NOT NULL,
      warnings ${text} NOT NULL,
      usage ${text},
      failure ${text},
      created_at ${text} NOT NULL,
      started_at ${text},
      finished_at ${text}
    ) ${strict}`,
    // Partial indexes, so that finished jobs do not slow down a claim.
    "CREATE INDEX ffkiln_jobs_pending ON ffkiln_jobs (priority DESC, created_at, id) WHERE state = 'pending'",
    "CREATE INDEX ffkiln_jobs_processing ON ffkiln_jobs (lease_until) WHERE state = 'processing'",
    "CREATE INDEX ffkiln_jobs_holders ON ffkiln_jobs (holder) WHERE state = 'processing'",
    "CREATE INDEX ffkiln_jobs_live ON ffkiln_jobs (directory) WHERE state IN ('pending', 'processing')",
    "CREATE INDEX ffkiln_jobs_finished ON ffkiln_jobs (finished_at) WHERE finished_at IS NOT NULL",

    `CREATE TABLE ffkiln_job_inputs (
      job ${text} NOT NULL REFERENCES ffkiln_jobs (id) ON DELETE CASCADE,
      dir ${text} NOT NULL,
      key ${text} NOT NULL,
      PRIMARY KEY (job, key)
    ) ${strict}`,
    "CREATE INDEX ffkiln_job_inputs_key ON ffkiln_job_inputs (dir, key)",

    `CREATE TABLE ffkiln_directories (
      id ${text} NOT NULL PRIMARY KEY,
      owner ${text} NOT NULL,
      ttl_seconds ${integer} NOT NULL,
      created_at ${text} NOT NULL,
      expires_at ${text} NOT NULL
    ) ${strict}`,
    "CREATE INDEX ffkiln_directories_owner ON ffkiln_directories (owner, created_at, id)",
    "CREATE INDEX ffkiln_directories_expires ON ffkiln_directories (expires_at)",

    `CREATE TABLE ffkiln_files (
      dir ${text} NOT NULL,
      name ${text} NOT NULL,
      key ${text} NOT NULL,
      bytes ${integer},
      origin ${text} NOT NULL,
      added_at ${text} NOT NULL,
      PRIMARY KEY (dir, name)
    ) ${strict}`,
    "CREATE INDEX ffkiln_files_key ON ffkiln_files (key)",

    `CREATE TABLE ffkiln_outbox (
      job ${text} NOT NULL PRIMARY KEY,
      owner ${text} NOT NULL,
      url ${text} NOT NULL,
      attempt ${integer} NOT NULL,
      due_at ${text} NOT NULL
    ) ${strict}`,
    "CREATE INDEX ffkiln_outbox_due ON ffkiln_outbox (due_at, job)",

    // `first` is 1 for the first generated key, else null. It is unique, so there is only one such key.
    `CREATE TABLE ffkiln_keys (
      id ${text} NOT NULL PRIMARY KEY,
      secret_hash ${text} NOT NULL,
      first ${integer} UNIQUE,
      created_at ${text} NOT NULL
    ) ${strict}`,

    `CREATE TABLE ffkiln_usage (
      owner ${text} NOT NULL,
      month ${text} NOT NULL,
      jobs ${integer} NOT NULL,
      probes ${integer} NOT NULL,
      seconds ${real} NOT NULL,
      input_bytes ${integer} NOT NULL,
      output_bytes ${integer} NOT NULL,
      gib_seconds ${real} NOT NULL,
      PRIMARY KEY (owner, month)
    ) ${strict}`
  ]),

  "0002_contract": migration(({ text, integer, real, strict }) => [
    `ALTER TABLE ffkiln_jobs ADD COLUMN base_url ${text} NOT NULL DEFAULT ''`,
    "CREATE INDEX ffkiln_jobs_owner_live ON ffkiln_jobs (owner, state) WHERE state IN ('pending', 'processing')",

    // Covers the sum of an owner's stored bytes, and finds rows of unknown size.
    "CREATE INDEX ffkiln_files_bytes ON ffkiln_files (dir, bytes)",

    `CREATE TABLE ffkiln_idempotency (
      owner ${text} NOT NULL,
      key ${text} NOT NULL,
      job ${text} NOT NULL,
      created_at ${text} NOT NULL,
      PRIMARY KEY (owner, key)
    ) ${strict}`,
    "CREATE INDEX ffkiln_idempotency_created ON ffkiln_idempotency (created_at)",

    `ALTER TABLE ffkiln_keys ADD COLUMN name ${text} NOT NULL DEFAULT ''`,
    `ALTER TABLE ffkiln_keys ADD COLUMN revoked_at ${text}`,
    `ALTER TABLE ffkiln_keys ADD COLUMN jobs_per_month ${integer}`,
    `ALTER TABLE ffkiln_keys ADD COLUMN gib_seconds_per_month ${real}`,
    `ALTER TABLE ffkiln_keys ADD COLUMN stored_bytes ${integer}`,

    `CREATE TABLE ffkiln_webhook_secrets (
      owner ${text} NOT NULL PRIMARY KEY,
      secret ${text} NOT NULL
    ) ${strict}`,

    // Settled rows are kept from here on. Each change increments `claim`, so each holder has its own number.
    `ALTER TABLE ffkiln_outbox ADD COLUMN state ${text} NOT NULL DEFAULT 'pending'`,
    `ALTER TABLE ffkiln_outbox ADD COLUMN claim ${integer} NOT NULL DEFAULT 0`,
    `ALTER TABLE ffkiln_outbox ADD COLUMN tries ${text} NOT NULL DEFAULT '[]'`,
    `ALTER TABLE ffkiln_outbox ADD COLUMN created_at ${text} NOT NULL DEFAULT '1970-01-01T00:00:00.000Z'`,
    "UPDATE ffkiln_outbox SET created_at = COALESCE((SELECT finished_at FROM ffkiln_jobs WHERE id = ffkiln_outbox.job), due_at)",
    "DROP INDEX ffkiln_outbox_due",
    "CREATE INDEX ffkiln_outbox_due ON ffkiln_outbox (due_at, job) WHERE state = 'pending'",
    "CREATE INDEX ffkiln_outbox_owner ON ffkiln_outbox (owner, created_at, job)",
    "CREATE INDEX ffkiln_outbox_settled ON ffkiln_outbox (created_at) WHERE state IN ('delivered', 'abandoned')"
  ]),

  "0003_fleet": migration(({ text }) => [
    // The earliest time of a claim, and the tags that a worker must have.
    `ALTER TABLE ffkiln_jobs ADD COLUMN due_at ${text}`,
    `ALTER TABLE ffkiln_jobs ADD COLUMN tags ${text} NOT NULL DEFAULT '[]'`
  ]),

  "0004_runners": migration(({ text, integer, strict }) => [
    // Without an index: a long list does not fit into one on Postgres, and SQLite reads 1000 pending jobs in
    // 0.1 ms, a
    // quarter of the time of the claim itself.
    `ALTER TABLE ffkiln_jobs ADD COLUMN needs ${text} NOT NULL DEFAULT '[]'`,

    `CREATE TABLE ffkiln_runners (
      name ${text} NOT NULL PRIMARY KEY,
      secret_hash ${text} NOT NULL,
      created_at ${text} NOT NULL,
      revoked_at ${text}
    ) ${strict}`,

    // Also for runners that are only in the settings of a host.
    `CREATE TABLE ffkiln_runner_processes (
      runner ${text} NOT NULL,
      id ${text} NOT NULL,
      slots ${integer} NOT NULL,
      running ${text} NOT NULL,
      seen_at ${text} NOT NULL,
      capabilities ${text} NOT NULL,
      PRIMARY KEY (runner, id)
    ) ${strict}`,
    "CREATE INDEX ffkiln_runner_processes_seen ON ffkiln_runner_processes (seen_at)",
    "CREATE INDEX ffkiln_runner_processes_last ON ffkiln_runner_processes (runner, seen_at, id)",

    // Secrets of this database, by purpose.
    `CREATE TABLE ffkiln_secrets (
      name ${text} NOT NULL PRIMARY KEY,
      secret ${text} NOT NULL
    ) ${strict}`
  ]),

  "0005_shares": migration(({ text, strict }) => [
    // When a worker or runner last noted a pending job as runnable; null before that.
    `ALTER TABLE ffkiln_jobs ADD COLUMN runnable_at ${text}`,

    `CREATE TABLE ffkiln_turns (
      owner ${text} NOT NULL PRIMARY KEY,
      claimed_at ${text} NOT NULL
    ) ${strict}`
  ]),

  "0006_webhooks_by_key": migration(({ text, integer }) => [
    // Null while no host delivers it: distinguishes a lease from a retry delay.
    `ALTER TABLE ffkiln_outbox ADD COLUMN leased_until ${text}`,
    "CREATE INDEX ffkiln_outbox_leased ON ffkiln_outbox (owner, leased_until) WHERE leased_until IS NOT NULL",

    // The start of the minute in which replays are counted, and their number in it.
    `ALTER TABLE ffkiln_outbox ADD COLUMN replayed_at ${text}`,
    `ALTER TABLE ffkiln_outbox ADD COLUMN replays ${integer} NOT NULL DEFAULT 0`,
    "CREATE INDEX ffkiln_outbox_replayed ON ffkiln_outbox (owner, replayed_at) WHERE replayed_at IS NOT NULL"
  ]),

  "0007_registrations": migration(({ text }) => [
    // For registrations only: when storage is next checked for their bytes, and when they expire.
    `ALTER TABLE ffkiln_files ADD COLUMN look_at ${text}`,
    `ALTER TABLE ffkiln_files ADD COLUMN ends_at ${text}`,
    "UPDATE ffkiln_files SET look_at = added_at, ends_at = added_at WHERE bytes IS NULL",
    "CREATE INDEX ffkiln_files_registered ON ffkiln_files (look_at) WHERE bytes IS NULL"
  ]),

  "0008_counted_directories": migration(() => [
    // Covers the count of an owner's live directories, and keeps their order.
    "DROP INDEX ffkiln_directories_owner",
    "CREATE INDEX ffkiln_directories_owner ON ffkiln_directories (owner, created_at, id, expires_at)"
  ]),

  "0009_held": migration(({ text, integer, strict }) => [
    // Bytes whose file was deleted or replaced while a live job read them.
    `CREATE TABLE ffkiln_held (
      key ${text} NOT NULL PRIMARY KEY,
      owner ${text} NOT NULL,
      dir ${text} NOT NULL,
      bytes ${integer} NOT NULL
    ) ${strict}`,
    "CREATE INDEX ffkiln_held_owner ON ffkiln_held (owner, bytes)"
  ])
}
