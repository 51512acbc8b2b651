import { Array, Effect, Option } from "effect"
import { type JobId, parseJobId } from "../../core/ids.js"
import { Limits } from "../../core/limits.js"
import type { DeliveryRecord, OutboxShape } from "../../core/ports/outbox.js"
import { type Database, nowText } from "./database.js"
import { deleteChosen, skipLocked, stateIn } from "./dialect.js"
import { readDelivery, readDeliveryClaim, readTries, writeTries } from "./rows.js"

/** A job ends once and owes one webhook, so its id names the row. Whatever is done to a row moves its `claim` on. */
export const makeOutbox = ({ sql, run, transaction }: Database): OutboxShape => {
  const pending = stateIn(sql, ["pending"])
  const settled = stateIn(sql, ["delivered", "abandoned"])

  /** Thousand by thousand, so that others get their turn of the database in between. */
  const purge: OutboxShape["purge"] = (madeBefore) =>
    deleteChosen(
      sql,
      "ffkiln_outbox",
      "job",
      sql`SELECT job FROM ffkiln_outbox WHERE created_at < ${madeBefore.toISOString()} AND ${settled} LIMIT 1000 ${skipLocked(sql)}`
    ).pipe(
      run("forget old webhooks"),
      Effect.flatMap(({ length }) => (length < 1000 ? Effect.succeed(length) : Effect.map(purge(madeBefore), (more) => length + more)))
    )

  return {
    claim: (leaseUntil) =>
      Effect.gen(function* () {
        const rows = yield* sql`
          UPDATE ffkiln_outbox SET attempt = attempt + 1, claim = claim + 1, due_at = ${leaseUntil.toISOString()}
          WHERE job = (
            SELECT job FROM ffkiln_outbox WHERE ${pending} AND due_at <= ${yield* nowText} ORDER BY due_at, job LIMIT 1 ${skipLocked(sql)}
          )
          RETURNING job, owner, url, attempt, claim`
        return Option.map(Option.map(Array.head(rows), readDeliveryClaim), withId)
      }).pipe(run("claim a webhook")),

    settle: ({ claim, jobId }, outcome, tried) =>
      Effect.gen(function* () {
        const { webhookTries } = yield* Limits
        const change = typeof outcome === "string" ? { state: outcome } : { due_at: outcome.retryAt.toISOString() }
        const rows = yield* sql<{ readonly tries: string }>`
          UPDATE ffkiln_outbox SET claim = claim + 1, ${sql.update(change)} WHERE job = ${jobId} AND claim = ${claim} RETURNING tries`
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
        const rows = yield* sql`
          UPDATE ffkiln_outbox SET state = 'pending', attempt = 0, claim = claim + 1, due_at = ${yield* nowText}
          WHERE job = ${jobOf(id)} AND owner = ${owner} RETURNING job`
        return rows.length > 0
      }).pipe(run("replay a webhook")),

    purge
  }
}

const withId = <Row extends { readonly jobId: JobId }>(row: Row) => ({ id: `msg_${row.jobId}`, ...row })

/** Empty, which names no job, where the id is none that we made. */
const jobOf = (id: string): string => (id.startsWith("msg_") ? (parseJobId(id.slice("msg_".length)) ?? "") : "")

const recordOf = (row: unknown): DeliveryRecord => withId(readDelivery(row))
