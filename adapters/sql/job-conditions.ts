import type { SqlClient } from "@effect/sql/SqlClient"
import type { Fragment } from "@effect/sql/Statement"
import { Array, Effect, Option } from "effect"
import { LeaseLost } from "../../core/errors.js"
import { type Hold, type JobEvent, transitions } from "../../core/job.js"
import { stateIn } from "./dialect.js"

/** SQL conditions for the jobs that an event may change, from the states in core/job.ts. */
export const jobConditions = (sql: SqlClient) => {
  /** The states that `event` may start from. */
  const from = (event: JobEvent): Fragment => stateIn(sql, transitions[event].from)

  /** The fence: the job, if the holder's attempt is still the current one. */
  const held = (event: JobEvent, { id, attempt }: Hold): Fragment =>
    sql`id = ${id} AND attempt = ${attempt} AND ${from(event)}`

  const isDue = (now: string): Fragment => sql`${from("claim")} AND (due_at IS NULL OR due_at <= ${now})`

  return { from, held, isDue }
}

/** The row that the holder of a job changed; fails with LeaseLost if there is none. */
export const orLeaseLost = <Row>(rows: ReadonlyArray<Row>): Effect.Effect<Row, LeaseLost> =>
  Option.match(Array.head(rows), { onNone: () => new LeaseLost(), onSome: Effect.succeed })
