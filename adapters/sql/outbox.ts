import { Array, Effect, Option } from "effect"
import type { Delivery, OutboxShape } from "../../core/ports/outbox.js"
import { type Database, nowText } from "./database.js"
import { skipLocked } from "./dialect.js"
import { readDelivery } from "./rows.js"

/** Webhooks that are owed: a job ends once and owes one, so its id names the row; what is settled is gone. */
export const makeOutbox = ({ sql, run }: Database): OutboxShape => ({
  claim: (leaseUntil) =>
    Effect.gen(function* () {
      const rows = yield* sql`
        UPDATE ffkiln_outbox SET attempt = attempt + 1, due_at = ${leaseUntil.toISOString()}
        WHERE job = (
          SELECT job FROM ffkiln_outbox WHERE due_at <= ${yield* nowText} ORDER BY due_at, job LIMIT 1 ${skipLocked(sql)}
        )
        RETURNING job, owner, url, attempt`
      return Option.map(Array.head(rows), (row): Delivery => {
        const delivery = readDelivery(row)
        return { ...delivery, id: `msg_${delivery.jobId}` }
      })
    }).pipe(run("claim a webhook")),

  settle: ({ attempt, jobId }, outcome) =>
    (typeof outcome === "string"
      ? sql`DELETE FROM ffkiln_outbox WHERE job = ${jobId} AND attempt = ${attempt}`
      : sql`UPDATE ffkiln_outbox SET due_at = ${outcome.retryAt.toISOString()} WHERE job = ${jobId} AND attempt = ${attempt}`
    ).pipe(Effect.asVoid, run("settle a webhook"))
})
