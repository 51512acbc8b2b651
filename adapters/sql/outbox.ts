import type { Fragment } from "@effect/sql/Statement"
import { Array, Effect, Option } from "effect"
import { type JobId, parseJobId } from "../../core/ids.js"
import { Limits } from "../../core/limits.js"
import { type DeliveryRecord, type OutboxShape, replayWindowSeconds } from "../../core/ports/outbox.js"
import { type Database, nowText } from "./database.js"
import { deleteChosen, skipLocked, stateIn } from "./dialect.js"
import { readDelivery, readDeliveryClaim, readTries, writeTries } from "./rows.js"

/**
 * The `Outbox` port. A job has at most one webhook, so the job's id is the row's id. Each change increments
 * `claim`.
 */
export const makeOutbox = ({ sql, run, transaction }: Database): OutboxShape => {
  const pending = stateIn(sql, ["pending"])
  const settled = stateIn(sql, ["delivered", "abandoned"])

  /** Deletes a thousand rows at a time, so that other statements can run in between. */
  const purge: OutboxShape["purge"] = (madeBefore) =>
    deleteChosen(
      sql,
      "ffkiln_outbox",
      "job",
      sql`SELECT job FROM ffkiln_outbox WHERE created_at < ${madeBefore.toISOString()} AND ${settled} LIMIT 1000 ${skipLocked(sql)}`
    ).pipe(
      run("forget old webhooks"),
      Effect.flatMap(({ length }) =>
        length < 1000 ? Effect.succeed(length) : Effect.map(purge(madeBefore), (more) => length + more)
      )
    )

  return {
    claim: (leaseUntil) =>
      Effect.gen(function* () {
        const { webhookConcurrencyPerKey } = yield* Limits
        const [now, until] = [yield* nowText, leaseUntil.toISOString()]
        const leased = sql`FROM ffkiln_outbox AS leased WHERE leased.owner = candidate.owner AND leased.leased_until > ${now}`
        const oldestDue = (condition: Fragment) => sql`
          (SELECT job FROM ffkiln_outbox AS candidate WHERE ${pending} AND due_at <= ${now} AND ${condition}
          ORDER BY due_at, job LIMIT 1 ${skipLocked(sql)})`
        // Two index scans; the second runs only if the first finds nothing. Sorting by the number of leases
        // would read
        // all due rows.
        const rows = yield* sql`
          UPDATE ffkiln_outbox SET attempt = attempt + 1, claim = claim + 1, due_at = ${until}, leased_until = ${until}
          WHERE job = COALESCE(
            ${oldestDue(sql`NOT EXISTS (SELECT 1 ${leased})`)},
            ${oldestDue(sql`(SELECT count(*) ${leased}) < ${webhookConcurrencyPerKey}`)}
          )
          RETURNING job, owner, url, attempt, claim`
        return Option.map(Option.map(Array.head(rows), readDeliveryClaim), withId)
      }).pipe(run("claim a webhook")),

    settle: ({ claim, jobId }, outcome, tried) =>
      Effect.gen(function* () {
        const { webhookTries } = yield* Limits
        const change =
          typeof outcome === "string" ? { state: outcome } : { due_at: outcome.retryAt.toISOString() }
        const rows = yield* sql<{ readonly tries: string }>`
          UPDATE ffkiln_outbox SET claim = claim + 1, leased_until = NULL, ${sql.update(change)} WHERE job = ${jobId} AND claim = ${claim} RETURNING tries`
        for (const { tries } of rows) {
          const newest = [...readTries(tries), tried].slice(-webhookTries)
          yield* sql`UPDATE ffkiln_outbox SET tries = ${writeTries(newest)} WHERE job = ${jobId}`
        }
      }).pipe(transaction("settle a webhook")),

    find: (owner, id) =>
      sql`SELECT * FROM ffkiln_outbox WHERE job = ${jobOf(id)} AND owner = ${owner}`.pipe(
        Effect.map((rows) => Option.map(Array.head(rows), recordOf)),
        run("read a webhook")
      ),

    list: (owner, limit) =>
      sql`SELECT * FROM ffkiln_outbox WHERE owner = ${owner} ORDER BY created_at DESC, job DESC LIMIT ${limit}`.pipe(
        Effect.map((rows) => rows.map(recordOf)),
        run("list webhooks")
      ),

    replay: (owner, id) =>
      Effect.gen(function* () {
        const { webhookReplaysPerKey } = yield* Limits
        const now = yield* nowText
        const windowStart = new Date(Date.parse(now) - replayWindowSeconds * 1000).toISOString()
        const own = sql`job = ${jobOf(id)} AND owner = ${owner}`
        const inWindow = sql`COALESCE(replayed_at, '') > ${windowStart}`
        const isDue = sql`(${pending} AND (due_at <= ${now} OR COALESCE(leased_until, '') > ${now}))`
        const rows = yield* sql`
          UPDATE ffkiln_outbox
          SET state = 'pending', attempt = 0, claim = claim + 1, due_at = ${now}, leased_until = NULL,
            replays = CASE WHEN ${inWindow} THEN replays + 1 ELSE 1 END,
            replayed_at = CASE WHEN ${inWindow} THEN replayed_at ELSE ${now} END
          WHERE ${own} AND NOT ${isDue} AND ${webhookReplaysPerKey} > (
            SELECT COALESCE(SUM(other.replays), 0) FROM ffkiln_outbox AS other
            WHERE other.owner = ${owner} AND other.replayed_at > ${windowStart}
          )
          RETURNING job`
        if (rows.length > 0) return "replayed" as const
        const found = yield* sql<{
          readonly due: number
        }>`SELECT CASE WHEN ${isDue} THEN 1 ELSE 0 END AS due FROM ffkiln_outbox WHERE ${own}`
        const [row] = found
        if (row === undefined) return "unknown" as const
        return row.due === 1 ? ("due" as const) : ("refused" as const)
      }).pipe(run("replay a webhook")),

    purge
  }
}

const withId = <Row extends { readonly jobId: JobId }>(row: Row) => ({ id: `msg_${row.jobId}`, ...row })

/** The job of a delivery's id; an empty text, which is no job's id, for a malformed one. */
const jobOf = (id: string): string =>
  id.startsWith("msg_") ? (parseJobId(id.slice("msg_".length)) ?? "") : ""

const recordOf = (row: unknown): DeliveryRecord => withId(readDelivery(row))
