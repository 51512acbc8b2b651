import type { SqlClient } from "@effect/sql/SqlClient"
import type { Fragment } from "@effect/sql/Statement"
import { Array, Effect, Option, Redacted } from "effect"
import { splitCredential } from "../../core/api-key.js"
import { InvalidApiKey } from "../../core/errors.js"
import { OwnerId } from "../../core/ids.js"
import type { AccountsShape, ApiKey } from "../../core/ports/accounts.js"
import { reportUsage, type Usage } from "../../core/usage.js"
import { hashSecret, newKeyId, newSecret, sameSecret } from "../crypto/index.js"
import { type Database, nowText } from "./database.js"

/** `fixed` are keys that hold beside those of the table, whatever it says. */
export const makeAccounts = ({ sql, run }: Database, fixed: ReadonlyArray<ApiKey>): AccountsShape => {
  const fixedHashes = new Map(fixed.map(({ id, secret }): [string, string] => [id, hashSecret(secret)]))
  // An unknown id is compared as well, so that the time of the answer does not tell which ids exist.
  const nobody = hashSecret(newSecret())

  const hashOf = (id: string) =>
    Effect.map(
      sql<{ readonly secret_hash: string }>`SELECT secret_hash FROM ffkiln_keys WHERE id = ${id}`,
      (rows) => fixedHashes.get(id) ?? Option.match(Array.head(rows), { onNone: () => nobody, onSome: (row) => row.secret_hash })
    )

  const newKey = (): ApiKey => ({ id: newKeyId(), secret: newSecret() })

  const insert = ({ id, secret }: ApiKey, first: number | null, when: Fragment) =>
    Effect.flatMap(
      nowText,
      (now) => sql`
        INSERT INTO ffkiln_keys (id, secret_hash, first, created_at)
        SELECT ${id}, ${hashSecret(secret)}, CAST(${first} AS BIGINT), ${now} WHERE ${when}
        ON CONFLICT DO NOTHING RETURNING id`
    )

  return {
    identify: (credential) =>
      Effect.gen(function* () {
        const { id, secret } = splitCredential(Redacted.value(credential)) ?? { id: "", secret: "" }
        const right = sameSecret(hashSecret(Redacted.make(secret)), yield* hashOf(id))
        return right ? OwnerId(id) : yield* new InvalidApiKey()
      }).pipe(run("check an API key")),

    issue: Effect.suspend(() => {
      const key = newKey()
      return Effect.as(insert(key, null, sql`1 = 1`), key)
    }).pipe(run("store an API key")),

    issueFirst: Effect.suspend(() => {
      const key = newKey()
      // Two hosts that both saw an empty table meet at `first`, which is unique.
      const made = Effect.map(insert(key, 1, sql`NOT EXISTS (SELECT 1 FROM ffkiln_keys)`), (rows) => Option.as(Array.head(rows), key))
      return fixed.length > 0 ? Effect.succeedNone : made
    }).pipe(run("store the first API key")),

    /** Nobody has a quota yet: the usage table is what one would be checked against. */
    allow: () => Effect.void,

    charge: (owner, usage) => charge(sql, owner, "probes", usage).pipe(run("charge usage"))
  }
}

/** Adds to the owner's account of the month (UTC), in the caller's transaction if there is one. */
export const charge = (sql: SqlClient, owner: OwnerId, what: "jobs" | "probes", usage: Usage) =>
  Effect.gen(function* () {
    const row = {
      owner,
      month: (yield* nowText).slice(0, "2026-11".length),
      jobs: what === "jobs" ? 1 : 0,
      probes: what === "probes" ? 1 : 0,
      seconds: usage.seconds,
      input_bytes: usage.inputBytes,
      output_bytes: usage.outputBytes,
      // As the caller was told, so that the sum of all replies is the bill.
      gib_seconds: reportUsage(usage).gb_sec
    }
    yield* sql`
      INSERT INTO ffkiln_usage ${sql.insert(row)}
      ON CONFLICT (owner, month) DO UPDATE SET
        jobs = ffkiln_usage.jobs + excluded.jobs, probes = ffkiln_usage.probes + excluded.probes,
        seconds = ffkiln_usage.seconds + excluded.seconds, input_bytes = ffkiln_usage.input_bytes + excluded.input_bytes,
        output_bytes = ffkiln_usage.output_bytes + excluded.output_bytes, gib_seconds = ffkiln_usage.gib_seconds + excluded.gib_seconds`
  })
