import type { SqlClient } from "@effect/sql/SqlClient"
import type { Fragment } from "@effect/sql/Statement"
import { Array, Effect, Option, Redacted } from "effect"
import { noQuota, type Quota } from "../../core/account.js"
import { InvalidApiKey } from "../../core/errors.js"
import { OwnerId } from "../../core/ids.js"
import type { AccountsShape, ApiKey } from "../../core/ports/accounts.js"
import { splitCredential } from "../../core/text/api-key.js"
import { billed, type Usage } from "../../core/usage.js"
import { hashSecret, newKeyId, newSecret, newWebhookSecret, sameSecret } from "../crypto/index.js"
import { type Database, nowText } from "./database.js"
import { isLive } from "./dialect.js"
import { readAccount, readKey } from "./rows.js"

/** The `Accounts` port. `fixed` keys are always valid, beside those of the table. */
export const makeAccounts = ({ sql, run }: Database, fixed: ReadonlyArray<ApiKey>): AccountsShape => {
  const fixedHashes = new Map(fixed.map(({ id, secret }): [string, string] => [id, hashSecret(secret)]))
  // An unknown id is compared as well, so that the response time does not show which ids exist.
  const nobody = hashSecret(newSecret())

  const hashOf = (id: string) =>
    Effect.map(
      sql<{
        readonly secret_hash: string
      }>`SELECT secret_hash FROM ffkiln_keys WHERE id = ${id} AND revoked_at IS NULL`,
      (rows) =>
        fixedHashes.get(id) ??
        Option.match(Array.head(rows), { onNone: () => nobody, onSome: (row) => row.secret_hash })
    )

  const newKey = (): ApiKey => ({ id: newKeyId(), secret: newSecret() })

  const insert = ({ id, secret }: ApiKey, name: string, quota: Quota, first: number | null, when: Fragment) =>
    Effect.flatMap(
      nowText,
      (now) => sql`
        INSERT INTO ffkiln_keys (id, secret_hash, name, first, created_at, jobs_per_month, gib_seconds_per_month, stored_bytes)
        SELECT ${id}, ${hashSecret(secret)}, ${name}, CAST(${first} AS BIGINT), ${now}, CAST(${quota.jobsPerMonth} AS BIGINT),
          CAST(${quota.gibSecondsPerMonth} AS DOUBLE PRECISION), CAST(${quota.storedBytes} AS BIGINT) WHERE ${when}
        ON CONFLICT DO NOTHING RETURNING id`
    )

  const secretOf = (owner: OwnerId) =>
    Effect.map(
      sql<{ readonly secret: string }>`SELECT secret FROM ffkiln_webhook_secrets WHERE owner = ${owner}`,
      (rows) => Option.map(Array.head(rows), ({ secret }) => Redacted.make(secret))
    )

  return {
    identify: (credential) =>
      Effect.gen(function* () {
        const { id, secret } = splitCredential(Redacted.value(credential)) ?? { id: "", secret: "" }
        const right = sameSecret(hashSecret(Redacted.make(secret)), yield* hashOf(id))
        return right ? OwnerId(id) : yield* new InvalidApiKey()
      }).pipe(run("check an API key")),

    issue: ({ name, quota }) =>
      Effect.suspend(() => {
        const key = newKey()
        return Effect.as(insert(key, name, quota, null, sql`1 = 1`), key)
      }).pipe(run("store an API key")),

    issueFirst: Effect.suspend(() => {
      const key = newKey()
      // If two hosts saw an empty table, the unique column `first` lets only one insert succeed.
      const made = insert(key, "", noQuota, 1, sql`NOT EXISTS (SELECT 1 FROM ffkiln_keys)`)
      return fixed.length > 0
        ? Effect.succeedNone
        : Effect.map(made, (rows) => Option.as(Array.head(rows), key))
    }).pipe(run("store the first API key")),

    keys: sql`SELECT * FROM ffkiln_keys ORDER BY created_at, id`.pipe(
      Effect.map((rows) => rows.map(readKey)),
      run("list API keys")
    ),

    revoke: (id) =>
      Effect.gen(function* () {
        const rows =
          yield* sql`UPDATE ffkiln_keys SET revoked_at = ${yield* nowText} WHERE id = ${id} AND revoked_at IS NULL RETURNING id`
        return rows.length > 0
      }).pipe(run("revoke an API key")),

    setQuota: (id, { gibSecondsPerMonth, jobsPerMonth, storedBytes }) =>
      sql`
        UPDATE ffkiln_keys
        SET jobs_per_month = ${jobsPerMonth}, gib_seconds_per_month = ${gibSecondsPerMonth}, stored_bytes = ${storedBytes}
        WHERE id = ${id} RETURNING id`.pipe(
        Effect.map((rows) => rows.length > 0),
        run("set a quota")
      ),

    account: (owner) =>
      Effect.gen(function* () {
        const month = monthOf(yield* nowText)
        const rows = yield* sql`
          SELECT jobs_per_month, gib_seconds_per_month, stored_bytes,
            COALESCE(jobs, 0) AS jobs, COALESCE(probes, 0) AS probes, COALESCE(seconds, 0) AS seconds,
            COALESCE(input_bytes, 0) AS input_bytes, COALESCE(output_bytes, 0) AS output_bytes, COALESCE(gib_seconds, 0) AS gib_seconds,
            (SELECT count(*) FROM ffkiln_jobs WHERE owner = ${owner} AND ${isLive(sql)}) AS live_jobs
          FROM (SELECT 1) AS asked
            LEFT JOIN ffkiln_keys AS known ON known.id = ${owner}
            LEFT JOIN ffkiln_usage AS used ON used.owner = ${owner} AND used.month = ${month}`
        return readAccount({ ...rows[0], month })
      }).pipe(run("read an account")),

    charge: (owner, usage) => charge(sql, owner, "probes", usage).pipe(run("charge usage")),

    webhookSecret: (owner) =>
      Effect.gen(function* () {
        const known = yield* secretOf(owner)
        if (Option.isSome(known)) return known.value
        // Of two concurrent first calls one stores its secret, and both read that one.
        yield* sql`
          INSERT INTO ffkiln_webhook_secrets (owner, secret) VALUES (${owner}, ${Redacted.value(newWebhookSecret())})
          ON CONFLICT DO NOTHING`
        return yield* Effect.orDie(yield* secretOf(owner))
      }).pipe(run("read a webhook secret"))
  }
}

/** The month of a time in column format, such as `2026-11`. */
const monthOf = (now: string): string => now.slice(0, "2026-11".length)

/** Adds to the owner's usage of the month (UTC), in the caller's transaction if there is one. */
export const charge = (sql: SqlClient, owner: OwnerId, what: "jobs" | "probes", usage: Usage) =>
  Effect.gen(function* () {
    const row = {
      owner,
      month: monthOf(yield* nowText),
      jobs: what === "jobs" ? 1 : 0,
      probes: what === "probes" ? 1 : 0,
      seconds: usage.seconds,
      input_bytes: usage.inputBytes,
      output_bytes: usage.outputBytes,
      // Rounded as in the response to the caller, so that the sum of all responses is the bill.
      gib_seconds: billed(usage).gibSeconds
    }
    yield* sql`
      INSERT INTO ffkiln_usage ${sql.insert(row)}
      ON CONFLICT (owner, month) DO UPDATE SET
        jobs = ffkiln_usage.jobs + excluded.jobs, probes = ffkiln_usage.probes + excluded.probes,
        seconds = ffkiln_usage.seconds + excluded.seconds, input_bytes = ffkiln_usage.input_bytes + excluded.input_bytes,
        output_bytes = ffkiln_usage.output_bytes + excluded.output_bytes, gib_seconds = ffkiln_usage.gib_seconds + excluded.gib_seconds`
  })
