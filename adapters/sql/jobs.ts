import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import { Array, Effect, Option } from "effect"
import { Busy, JobNotFound, JobNotPending, LeaseLost, type TooManyRequests, type Unavailable } from "../../core/errors.js"
import type { DirId, JobId, OwnerId } from "../../core/ids.js"
import {
  type Hold,
  type JobEvent,
  type JobFailure,
  type JobState,
  nameTaken,
  noWorkerFor,
  type OutputFile,
  outputFile,
  statusOf,
  terminalStates,
  tooManyJobs,
  tooManyWaiting,
  transitions
} from "../../core/job.js"
import { Limits } from "../../core/limits.js"
import { Holder } from "../../core/ports/holder.js"
import type { JobsShape } from "../../core/ports/jobs.js"
import { blobsRead } from "../../core/task.js"
import type { Usage } from "../../core/usage.js"
import { charge } from "./accounts.js"
import type { Changes } from "./changes.js"
import { type Database, nowText } from "./database.js"
import { deleteChosen, isLive, lockCount, runningJobs, skipLocked, stateIn, waitsSince, withTurn } from "./dialect.js"
import { type Clash, type Overdrawn, publishFiles, rowsPerStatement } from "./directories.js"
import { claimKey, jobOfKey, purgeKeys } from "./idempotency.js"
import { readClaim, readJob, readTexts } from "./rows.js"
import { isForTaker } from "./taker.js"
import { watchJob } from "./watch.js"

interface Result {
  readonly outputs: ReadonlyArray<OutputFile>
  readonly warnings: ReadonlyArray<string>
  readonly failure: JobFailure | null
  readonly usage: Usage
}

export const makeJobs = ({ sql, run, transaction, freeing }: Database, changes: Changes): JobsShape => {
  /** The states `event` may start from, as job.ts has them. */
  const from = (event: JobEvent): Fragment => stateIn(sql, transitions[event].from)

  /** The job, while no later attempt than the holder's has it. */
  const held = (event: JobEvent, { id, attempt }: Hold): Fragment => sql`id = ${id} AND attempt = ${attempt} AND ${from(event)}`

  /** How many jobs are such, counted no further than `most`. */
  const countUpTo = (most: number, which: Fragment): Fragment =>
    sql`(SELECT count(*) FROM (SELECT 1 FROM ffkiln_jobs WHERE ${which} LIMIT ${most}) AS counted)`

  /** What decides whether one more job of the owner may wait. */
  const occupied = (owner: OwnerId, maxPending: number, pendingJobsPerKey: number): Fragment => sql`
    SELECT ${countUpTo(pendingJobsPerKey, sql`owner = ${owner} AND ${isLive(sql)}`)} AS share,
      ${countUpTo(maxPending, sql`owner = ${owner} AND ${from("claim")}`)} AS waiting_of_owner,
      ${countUpTo(maxPending, from("claim"))} AS waiting_of_all`

  const insert: JobsShape["insert"] = (job, maxPending) =>
    Effect.gen(function* () {
      const first = job.idempotencyKey === null ? Option.none() : yield* claimKey(sql, job, job.idempotencyKey)
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
      if (rows.length === 0) return yield* refusal(yield* sql<Occupied>`${room}`, maxPending, pendingJobsPerKey)
      const keys = blobsRead(job.task).keys()
      const inputs = Array.fromIterable(keys).map((key) => ({ job: job.id, dir: key.slice(0, key.indexOf("/")), key }))
      for (const some of Array.chunksOf(inputs, rowsPerStatement)) yield* sql`INSERT INTO ffkiln_job_inputs ${sql.insert(some)}`
      return job.id
    }).pipe(transaction("insert a job"))

  const find: JobsShape["find"] = (owner, id) =>
    sql`SELECT * FROM ffkiln_jobs WHERE id = ${id} AND owner = ${owner}`.pipe(
      Effect.map((rows) => Option.map(Array.head(rows), readJob)),
      run("read a job")
    )

  const { counted, runningOf } = runningJobs(sql, sql`${from("renew")} AND ${isLive(sql)}`)

  const isDue = (now: string): Fragment => sql`${from("claim")} AND (due_at IS NULL OR due_at <= ${now})`

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

  const renew: JobsShape["renew"] = (hold, leaseUntil, progress) =>
    sql`UPDATE ffkiln_jobs SET lease_until = ${leaseUntil.toISOString()}, progress = ${progress} WHERE ${held("renew", hold)} RETURNING id`.pipe(
      Effect.flatMap(orLeaseLost),
      run("renew a lease"),
      Effect.zipRight(changes.announce([hold]))
    )

  /** Ends the job that is held, with all that must appear together with its end. */
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
    const result = { outputs: outputs.map((output) => outputFile(hold, output)), warnings, failure: null, usage }
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

  /** Takes jobs from their holders: back to waiting, or given up after the last attempt. Which they were. */
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

  const cancel: JobsShape["cancel"] = (owner, id) =>
    Effect.gen(function* () {
      const rows = yield* sql`
        UPDATE ffkiln_jobs SET state = ${transitions.cancel.to}, finished_at = ${yield* nowText}
        WHERE id = ${id} AND owner = ${owner} AND ${from("cancel")} RETURNING id`
      if (rows.length > 0) return yield* changes.announce([{ id }])
      const job = yield* find(owner, id)
      if (Option.isNone(job)) return yield* new JobNotFound()
      // It came back to waiting between the two statements: then it can be cancelled after all.
      if ((transitions.cancel.from as ReadonlyArray<JobState>).includes(job.value.state)) return yield* cancel(owner, id)
      return yield* new JobNotPending({ status: statusOf(job.value.state) })
    }).pipe(run("cancel a job"))

  const abandon: JobsShape["abandon"] = (owner, id) =>
    Effect.gen(function* () {
      yield* sql`
        UPDATE ffkiln_jobs SET state = ${transitions.abandon.to}, finished_at = ${yield* nowText}, lease_until = NULL
        WHERE id = ${id} AND owner = ${owner} AND ${from("abandon")}`
      yield* changes.announce([{ id }])
    }).pipe(run("abandon a job"))

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

  /** Waiting jobs that nobody has noted as runnable since then. Older rows have no such time. */
  const notRunnableSince = (before: Date) => sql`${from("expire")} AND COALESCE(runnable_at, created_at) < ${before.toISOString()}`

  const markRunnable: JobsShape["markRunnable"] = (taker, before) =>
    Effect.gen(function* () {
      const which = notRunnableSince(before)
      const isTakers = yield* isForTaker(sql, which, taker)
      if (isTakers === undefined) return 0
      const rows = yield* sql`UPDATE ffkiln_jobs SET runnable_at = ${yield* nowText} WHERE ${which} AND ${isTakers} RETURNING id`
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

  /** A thousand at a time, so that others get their turn of the database in between. */
  const purgeJobs = (finishedBefore: Date): Effect.Effect<number, Unavailable> =>
    deleteChosen(
      sql,
      "ffkiln_jobs",
      "id",
      sql`
        SELECT id FROM ffkiln_jobs WHERE finished_at < ${finishedBefore.toISOString()} AND ${stateIn(sql, terminalStates)}
        LIMIT 1000 ${skipLocked(sql)}`
    ).pipe(
      freeing("forget old jobs"),
      Effect.flatMap(({ length }) =>
        length < 1000 ? Effect.succeed(length) : Effect.map(purgeJobs(finishedBefore), (more) => length + more)
      )
    )

  return {
    insert,
    findRepeated: (owner, key) => run("look for a repeated job")(jobOfKey(sql, owner, key)),
    find,
    watch: watchJob(find, changes),
    claim,
    waiting,
    renew,
    complete,
    fail,
    release: (hold, until) => Effect.flatMap(takeBack("release", held("release", hold), until), orLeaseLost),
    cancel,
    abandon,
    reclaim,
    markRunnable,
    expire,
    purge: (finishedBefore) => Effect.zipRight(run("forget old idempotency keys")(purgeKeys(sql)), purgeJobs(finishedBefore))
  }
}

/** Counts, which are text on Postgres. */
type Occupied = Readonly<Record<"share" | "waiting_of_owner" | "waiting_of_all", number | string>>

/** Why a job was not inserted. */
const refusal = ([room]: ReadonlyArray<Occupied>, maxPending: number, pendingJobsPerKey: number): Busy | TooManyRequests => {
  if (Number(room?.share) >= pendingJobsPerKey) return tooManyJobs(pendingJobsPerKey)
  return Number(room?.waiting_of_all) >= maxPending ? new Busy() : tooManyWaiting(Number(room?.waiting_of_owner))
}

const orLeaseLost = <Row>(rows: ReadonlyArray<Row>): Effect.Effect<Row, LeaseLost> =>
  Option.match(Array.head(rows), { onNone: () => new LeaseLost(), onSome: Effect.succeed })
