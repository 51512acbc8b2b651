import type { Fragment } from "@effect/sql/Statement"
import { Array, Effect, Option } from "effect"
import { Busy, type TooManyRequests } from "../../core/errors.js"
import type { JobId, OwnerId } from "../../core/ids.js"
import { type JobState, tooManyJobs, tooManyWaiting, transitions } from "../../core/job.js"
import { Limits } from "../../core/limits.js"
import { Holder } from "../../core/ports/holder.js"
import type { JobsShape } from "../../core/ports/jobs.js"
import { blobsRead } from "../../core/task.js"
import type { Changes } from "./changes.js"
import { type Database, nowText } from "./database.js"
import { isLive, lockCount, runningJobs, skipLocked, waitsSince, withTurn } from "./dialect.js"
import { rowsPerStatement } from "./directories.js"
import { claimKey } from "./idempotency.js"
import { jobConditions } from "./job-conditions.js"
import { readClaim } from "./rows.js"
import { isForTaker } from "./taker.js"

/** Inserts jobs, and claims them. */
export const makeWaiting = ({ sql, run, transaction }: Database, changes: Changes) => {
  const { from, isDue } = jobConditions(sql)

  /** The number of jobs that match, counted up to `most`. */
  const countUpTo = (most: number, which: Fragment): Fragment =>
    sql`(SELECT count(*) FROM (SELECT 1 FROM ffkiln_jobs WHERE ${which} LIMIT ${most}) AS counted)`

  /** The counts that decide whether another job of the owner is accepted. */
  const occupied = (owner: OwnerId, maxPending: number, pendingJobsPerKey: number): Fragment => sql`
    SELECT ${countUpTo(pendingJobsPerKey, sql`owner = ${owner} AND ${isLive(sql)}`)} AS share,
      ${countUpTo(maxPending, sql`owner = ${owner} AND ${from("claim")}`)} AS waiting_of_owner,
      ${countUpTo(maxPending, from("claim"))} AS waiting_of_all`

  const insert: JobsShape["insert"] = (job, maxPending) =>
    Effect.gen(function* () {
      const first =
        job.idempotencyKey === null ? Option.none() : yield* claimKey(sql, job, job.idempotencyKey)
      if (Option.isSome(first)) return first.value
      yield* lockCount(sql, "ffkiln_jobs")
      const now = yield* nowText
      const { pendingJobsPerKey } = yield* Limits
      const room = occupied(job.owner, maxPending, pendingJobsPerKey)
      const rows = yield* sql`
        WITH room AS MATERIALIZED (${room})
        INSERT INTO ffkiln_jobs
          (id, owner, state, directory, task, tags, needs, priority, webhook_url, base_url, attempt, outputs, warnings, created_at,
          runnable_at)
        SELECT ${job.id}, ${job.owner}, ${"pending" satisfies JobState}, ${job.task.directory}, ${JSON.stringify(job.task)},
          ${JSON.stringify(job.tags)}, ${JSON.stringify(job.needs)}, CAST(${job.priority} AS BIGINT), ${job.webhookUrl}, ${job.baseUrl},
          0, '[]', '[]', ${now}, ${now}
        FROM room WHERE share < ${pendingJobsPerKey} AND waiting_of_all < ${maxPending} AND waiting_of_owner <= ${maxPending} - waiting_of_all
        RETURNING id`
      if (rows.length === 0)
        return yield* refusal(yield* sql<Occupied>`${room}`, maxPending, pendingJobsPerKey)
      const keys = blobsRead(job.task).keys()
      const inputs = Array.fromIterable(keys).map((key) => ({
        job: job.id,
        dir: key.slice(0, key.indexOf("/")),
        key
      }))
      for (const some of Array.chunksOf(inputs, rowsPerStatement))
        yield* sql`INSERT INTO ffkiln_job_inputs ${sql.insert(some)}`
      return job.id
    }).pipe(transaction("insert a job"))

  const { counted, runningOf } = runningJobs(sql, sql`${from("renew")} AND ${isLive(sql)}`)

  const firstInTurn = (now: string, hint: JobId | undefined, isTakers: Fragment) => sql`
    ${counted}
    SELECT id FROM ffkiln_jobs AS candidate WHERE ${isDue(now)} AND ${isTakers}
    ORDER BY priority DESC, ${runningOf}, ${waitsSince(sql)}, CASE WHEN id = ${hint ?? ""} THEN 0 ELSE 1 END, created_at, id
    LIMIT 1 ${skipLocked(sql)}`

  const claim: JobsShape["claim"] = (leaseUntil, hint, taker = {}) =>
    Effect.gen(function* () {
      const { name: holder } = yield* Holder
      const now = yield* nowText
      const isTakers = yield* isForTaker(sql, isDue(now), taker)
      if (isTakers === undefined) return Option.none()
      const claimed = sql`
        UPDATE ffkiln_jobs
        SET state = ${transitions.claim.to}, attempt = attempt + 1, lease_until = ${leaseUntil.toISOString()}, holder = ${holder},
          started_at = ${now}, progress = NULL
        WHERE id = (${firstInTurn(now, hint, isTakers)}) RETURNING id, owner, attempt, task`
      const rows = yield* withTurn(sql, transaction("claim a job"), claimed, now)
      return Option.map(Array.head(rows), readClaim)
    }).pipe(
      run("claim a job"),
      Effect.tap((claimed) => changes.announce(Option.toArray(claimed)))
    )

  const waiting: JobsShape["waiting"] = (limit) =>
    Effect.flatMap(
      nowText,
      (now) => sql<{ readonly id: JobId; readonly priority: number | string }>`
        SELECT id, priority FROM ffkiln_jobs WHERE ${isDue(now)} AND tags = '[]' ORDER BY priority DESC, created_at, id LIMIT ${limit}`
    ).pipe(
      Effect.map((rows) => rows.map(({ id, priority }) => ({ id, priority: Number(priority) }))),
      run("look for waiting jobs")
    )

  return { insert, claim, waiting }
}

/** Counts. Postgres returns them as text. */
type Occupied = Readonly<Record<"share" | "waiting_of_owner" | "waiting_of_all", number | string>>

/** Why a job was not inserted. */
const refusal = (
  [room]: ReadonlyArray<Occupied>,
  maxPending: number,
  pendingJobsPerKey: number
): Busy | TooManyRequests => {
  if (Number(room?.share) >= pendingJobsPerKey) return tooManyJobs(pendingJobsPerKey)
  return Number(room?.waiting_of_all) >= maxPending
    ? new Busy()
    : tooManyWaiting(Number(room?.waiting_of_owner))
}
