import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import { Effect } from "effect"
import type { DirId, JobId } from "../../core/ids.js"
import {
  type Hold,
  type JobFailure,
  type JobState,
  nameTaken,
  noWorkerFor,
  type OutputFile,
  outputFile,
  transitions
} from "../../core/job.js"
import { Limits } from "../../core/limits.js"
import { Holder } from "../../core/ports/holder.js"
import type { JobsShape } from "../../core/ports/jobs.js"
import type { Usage } from "../../core/usage.js"
import { charge } from "./accounts.js"
import type { Changes } from "./changes.js"
import { type Database, nowText } from "./database.js"
import { type Clash, type Overdrawn, publishFiles } from "./directories.js"
import { jobConditions, orLeaseLost } from "./job-conditions.js"
import { readTexts } from "./rows.js"
import { isForTaker } from "./taker.js"

interface Result {
  readonly outputs: ReadonlyArray<OutputFile>
  readonly warnings: ReadonlyArray<string>
  readonly failure: JobFailure | null
  readonly usage: Usage
}

/** Ends attempts and jobs. The files, the usage and the webhook of a job are written in one transaction. */
export const makeEnding = ({ sql, run, transaction }: Database, changes: Changes) => {
  const { from, held } = jobConditions(sql)

  /** Ends a job, with everything that belongs to the same transaction. */
  const end = (
    event: "complete" | "fail",
    hold: Hold,
    result: Result,
    publish: (dir: DirId, now: string) => Effect.Effect<void, Clash | Overdrawn | SqlError>
  ) =>
    Effect.gen(function* () {
      const now = yield* nowText
      const ended = yield* sql<{ readonly directory: DirId }>`
        UPDATE ffkiln_jobs
        SET state = ${transitions[event].to}, lease_until = NULL, finished_at = ${now}, outputs = ${JSON.stringify(result.outputs)},
          warnings = ${JSON.stringify(result.warnings)}, usage = ${JSON.stringify(result.usage)},
          failure = ${result.failure === null ? null : JSON.stringify(result.failure)}
        WHERE ${held(event, hold)} RETURNING directory`
      const { directory } = yield* orLeaseLost(ended)
      yield* publish(directory, now)
      yield* charge(sql, hold.owner, "jobs", result.usage)
      yield* oweWebhooks([hold.id], now)
    }).pipe(transaction(`${event} a job`), Effect.zipRight(changes.announce([hold])))

  const complete: JobsShape["complete"] = (hold, { outputs, usage, warnings }) => {
    const result = {
      outputs: outputs.map((output) => outputFile(hold, output)),
      warnings,
      failure: null,
      usage
    }
    return end("complete", hold, result, (dir, now) => publishFiles(sql, hold.owner, dir, outputs, now)).pipe(
      Effect.as(true),
      Effect.catchTags({
        Clash: ({ name }) => Effect.as(fail(hold, nameTaken(name), usage), false),
        Overdrawn: ({ refusal }) => Effect.as(fail(hold, { reason: "limit", detail: refusal }, usage), false)
      })
    )
  }

  const fail = (hold: Hold, failure: JobFailure, usage: Usage) =>
    end("fail", hold, { outputs: [], warnings: [], failure, usage }, () => Effect.void).pipe(
      Effect.catchTags({ Clash: Effect.die, Overdrawn: Effect.die })
    )

  const oweWebhooks = (ids: ReadonlyArray<JobId>, now: string) =>
    sql`
      INSERT INTO ffkiln_outbox (job, owner, url, attempt, due_at, created_at)
      SELECT id, owner, webhook_url, 0, ${now}, ${now} FROM ffkiln_jobs WHERE webhook_url IS NOT NULL AND id IN ${sql.in(ids)}`

  /**
   * Takes jobs from their holders: back to pending, or to failed after the last attempt. Returns these jobs.
   */
  const takeBack = (event: "release" | "reclaim", which: Fragment, until: Date | null = null) =>
    Effect.gen(function* () {
      const { attempts } = yield* Limits
      const now = yield* nowText
      const again = sql`CASE WHEN attempt < ${attempts} THEN`
      const { onLastAttempt, to } = transitions[event]
      const rows = yield* sql<{ readonly id: JobId; readonly state: JobState }>`
        UPDATE ffkiln_jobs
        SET state = ${again} ${to} ELSE ${onLastAttempt} END,
          failure = ${again} NULL ELSE ${JSON.stringify({ reason: "worker-lost" } satisfies JobFailure)} END,
          finished_at = ${again} NULL ELSE ${now} END,
          started_at = ${again} NULL ELSE started_at END,
          due_at = ${until === null ? null : until.toISOString()}, runnable_at = ${now}, lease_until = NULL, progress = NULL
        WHERE ${which} RETURNING id, state`
      const givenUp = rows.filter(({ state }) => state === onLastAttempt)
      if (givenUp.length > 0)
        yield* oweWebhooks(
          givenUp.map(({ id }) => id),
          now
        )
      return rows
    }).pipe(transaction(`${event} a job`), Effect.tap(changes.announce))

  const release: JobsShape["release"] = (hold, until) =>
    Effect.flatMap(takeBack("release", held("release", hold), until), orLeaseLost)

  const reclaim: JobsShape["reclaim"] = (now) =>
    Effect.gen(function* () {
      const { isGone } = yield* Holder
      const holders = yield* run("look for holders")(
        sql<{ readonly holder: string }>`SELECT DISTINCT holder FROM ffkiln_jobs WHERE ${from("reclaim")}`
      )
      const gone = holders.map(({ holder }) => holder).filter(isGone)
      const over = sql`lease_until < ${now.toISOString()}`
      const lost = gone.length === 0 ? over : sql`(${over} OR holder IN ${sql.in(gone)})`
      return (yield* takeBack("reclaim", sql`${from("reclaim")} AND ${lost}`)).length
    })

  /**
   * Pending jobs that no worker or runner has noted as runnable since `before`. Older rows lack
   * `runnable_at`.
   */
  const notRunnableSince = (before: Date) =>
    sql`${from("expire")} AND COALESCE(runnable_at, created_at) < ${before.toISOString()}`

  const markRunnable: JobsShape["markRunnable"] = (taker, before) =>
    Effect.gen(function* () {
      const which = notRunnableSince(before)
      const isTakers = yield* isForTaker(sql, which, taker)
      if (isTakers === undefined) return 0
      const rows =
        yield* sql`UPDATE ffkiln_jobs SET runnable_at = ${yield* nowText} WHERE ${which} AND ${isTakers} RETURNING id`
      return rows.length
    }).pipe(run("note which jobs can be run"))

  const expire: JobsShape["expire"] = (before) =>
    Effect.gen(function* () {
      const { noWorkerSeconds } = yield* Limits
      const now = yield* nowText
      const rows = yield* sql<{ readonly id: JobId; readonly tags: string; readonly needs: string }>`
        UPDATE ffkiln_jobs SET state = ${transitions.expire.to}, finished_at = ${now} WHERE ${notRunnableSince(before)}
        RETURNING id, tags, needs`
      for (const { id, tags, needs } of rows) {
        const failure = noWorkerFor([...readTexts(tags), ...readTexts(needs)], noWorkerSeconds)
        yield* sql`UPDATE ffkiln_jobs SET failure = ${JSON.stringify(failure)} WHERE id = ${id}`
      }
      if (rows.length > 0)
        yield* oweWebhooks(
          rows.map(({ id }) => id),
          now
        )
      return rows
    }).pipe(
      transaction("fail jobs that nobody here can run"),
      Effect.tap(changes.announce),
      Effect.map((rows) => rows.length)
    )

  return { complete, fail, release, reclaim, markRunnable, expire }
}
