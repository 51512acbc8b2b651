import { Array, Effect, Option } from "effect"
import { JobNotFound, JobNotPending, type Unavailable } from "../../core/errors.js"
import { type JobState, statusOf, terminalStates, transitions } from "../../core/job.js"
import type { JobsShape } from "../../core/ports/jobs.js"
import type { Changes } from "./changes.js"
import { type Database, nowText } from "./database.js"
import { deleteChosen, skipLocked, stateIn } from "./dialect.js"
import { jobOfKey, purgeKeys } from "./idempotency.js"
import { jobConditions, orLeaseLost } from "./job-conditions.js"
import { makeEnding } from "./jobs-ending.js"
import { makeWaiting } from "./jobs-waiting.js"
import { readJob } from "./rows.js"
import { watchJob } from "./watch.js"

export const makeJobs = (database: Database, changes: Changes): JobsShape => {
  const { sql, run } = database
  const { from, held } = jobConditions(sql)

  const find: JobsShape["find"] = (owner, id) =>
    sql`SELECT * FROM ffkiln_jobs WHERE id = ${id} AND owner = ${owner}`.pipe(
      Effect.map((rows) => Option.map(Array.head(rows), readJob)),
      run("read a job")
    )

  const renew: JobsShape["renew"] = (hold, leaseUntil, progress) =>
    sql`UPDATE ffkiln_jobs SET lease_until = ${leaseUntil.toISOString()}, progress = ${progress} WHERE ${held("renew", hold)} RETURNING id`.pipe(
      Effect.flatMap(orLeaseLost),
      run("renew a lease"),
      Effect.zipRight(changes.announce([hold]))
    )

  const cancel: JobsShape["cancel"] = (owner, id) =>
    Effect.gen(function* () {
      const rows = yield* sql`
        UPDATE ffkiln_jobs SET state = ${transitions.cancel.to}, finished_at = ${yield* nowText}
        WHERE id = ${id} AND owner = ${owner} AND ${from("cancel")} RETURNING id`
      if (rows.length > 0) return yield* changes.announce([{ id }])
      const job = yield* find(owner, id)
      if (Option.isNone(job)) return yield* new JobNotFound()
      // The job became pending again between the two statements, so it can be cancelled now.
      if ((transitions.cancel.from as ReadonlyArray<JobState>).includes(job.value.state))
        return yield* cancel(owner, id)
      return yield* new JobNotPending({ status: statusOf(job.value.state) })
    }).pipe(run("cancel a job"))

  const abandon: JobsShape["abandon"] = (owner, id) =>
    Effect.gen(function* () {
      yield* sql`
        UPDATE ffkiln_jobs SET state = ${transitions.abandon.to}, finished_at = ${yield* nowText}, lease_until = NULL
        WHERE id = ${id} AND owner = ${owner} AND ${from("abandon")}`
      yield* changes.announce([{ id }])
    }).pipe(run("abandon a job"))

  return {
    ...makeWaiting(database, changes),
    ...makeEnding(database, changes),
    findRepeated: (owner, key) => run("look for a repeated job")(jobOfKey(sql, owner, key)),
    find,
    watch: watchJob(find, changes),
    renew,
    cancel,
    abandon,
    purge: (finishedBefore) =>
      Effect.zipRight(run("forget old idempotency keys")(purgeKeys(sql)), purgeJobs(database, finishedBefore))
  }
}

/** Deletes a thousand rows at a time, so that other statements can run in between. */
const purgeJobs = (database: Database, finishedBefore: Date): Effect.Effect<number, Unavailable> => {
  const { sql, freeing } = database
  return deleteChosen(
    sql,
    "ffkiln_jobs",
    "id",
    sql`
      SELECT id FROM ffkiln_jobs WHERE finished_at < ${finishedBefore.toISOString()} AND ${stateIn(sql, terminalStates)}
      LIMIT 1000 ${skipLocked(sql)}`
  ).pipe(
    freeing("forget old jobs"),
    Effect.flatMap(({ length }) =>
      length < 1000
        ? Effect.succeed(length)
        : Effect.map(purgeJobs(database, finishedBefore), (more) => length + more)
    )
  )
}
