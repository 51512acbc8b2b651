import type { SqlClient } from "@effect/sql/SqlClient"
import { Array, Clock, Effect, Option } from "effect"
import type { JobId, OwnerId } from "../../core/ids.js"
import type { NewJob } from "../../core/job.js"
import { Limits } from "../../core/limits.js"
import { SteadyTime } from "../../core/steady-time.js"
import { nowText } from "./database.js"

/** What an owner's idempotency keys mean: a row for each, good for `idempotencySeconds`, whatever becomes of its job. */

/** Makes the key mean this job, unless it still means another one: then that one. The first write of the caller's transaction. */
export const claimKey = (sql: SqlClient, { id, owner }: NewJob, key: string) =>
  Effect.gen(function* () {
    const claimed = yield* sql`
      INSERT INTO ffkiln_idempotency (owner, key, job, created_at) VALUES (${owner}, ${key}, ${id}, ${yield* nowText})
      ON CONFLICT (owner, key) DO UPDATE SET job = excluded.job, created_at = excluded.created_at
        WHERE ffkiln_idempotency.created_at <= ${yield* newestDead}
      RETURNING job`
    if (claimed.length > 0) return Option.none()
    // Not asked for its age again: it was good a moment ago, and this transaction holds it since.
    const rows = yield* sql<{ readonly job: JobId }>`SELECT job FROM ffkiln_idempotency WHERE owner = ${owner} AND key = ${key}`
    return Option.map(Array.head(rows), ({ job }) => job)
  })

/** The job that the key means, if it means one. */
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

/** Keys that were first used then, or before, mean nothing any more. */
const newestDead = Effect.gen(function* () {
  const { idempotencySeconds } = yield* Limits
  return new Date((yield* Clock.currentTimeMillis) - idempotencySeconds * 1000).toISOString()
})
