import type { SqlClient } from "@effect/sql/SqlClient"
import { Array, Clock, Effect, Option } from "effect"
import { SteadyTime } from "../../core/fibers/steady-time.js"
import type { JobId, OwnerId } from "../../core/ids.js"
import type { NewJob } from "../../core/job.js"
import { Limits } from "../../core/limits.js"
import { nowText } from "./database.js"

/** Idempotency keys: each has a row that is valid for `idempotencySeconds`, independent of its job. */

/**
 * Binds the key to this job, or returns the job that it is still bound to. The first write of the caller's
 * transaction.
 */
export const claimKey = (sql: SqlClient, { id, owner }: NewJob, key: string) =>
  Effect.gen(function* () {
    const claimed = yield* sql`
      INSERT INTO ffkiln_idempotency (owner, key, job, created_at) VALUES (${owner}, ${key}, ${id}, ${yield* nowText})
      ON CONFLICT (owner, key) DO UPDATE SET job = excluded.job, created_at = excluded.created_at
        WHERE ffkiln_idempotency.created_at <= ${yield* newestDead}
      RETURNING job`
    if (claimed.length > 0) return Option.none()
    // The age is not checked again: the row was valid just now, and this transaction has locked it.
    const rows = yield* sql<{
      readonly job: JobId
    }>`SELECT job FROM ffkiln_idempotency WHERE owner = ${owner} AND key = ${key}`
    return Option.map(Array.head(rows), ({ job }) => job)
  })

/** The job that the key is bound to, if any. */
export const jobOfKey = (sql: SqlClient, owner: OwnerId, key: string) =>
  Effect.gen(function* () {
    const rows = yield* sql<{ readonly job: JobId }>`
      SELECT job FROM ffkiln_idempotency WHERE owner = ${owner} AND key = ${key} AND created_at > ${yield* newestDead}`
    return Option.map(Array.head(rows), ({ job }) => job)
  })

export const purgeKeys = (sql: SqlClient) =>
  Effect.gen(function* () {
    const { idempotencySeconds } = yield* Limits
    const dead = new Date((yield* (yield* SteadyTime).now) - idempotencySeconds * 1000).toISOString()
    return yield* sql`DELETE FROM ffkiln_idempotency WHERE created_at <= ${dead}`
  })

/** Keys that were first used at this time or before have expired. */
const newestDead = Effect.gen(function* () {
  const { idempotencySeconds } = yield* Limits
  return new Date((yield* Clock.currentTimeMillis) - idempotencySeconds * 1000).toISOString()
})
