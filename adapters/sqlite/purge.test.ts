import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Context, Effect, Layer, TestClock } from "effect"
import { Limits } from "../../core/limits.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Outbox } from "../../core/ports/outbox.js"
import { aJob, aTry, endedJob, inSeconds, roomy } from "../../core/ports/suites/samples.suite.js"
import { sqlDatabase } from "../sql/index.js"
import { sqliteClient } from "./client.js"
import { temporaryFile } from "./temporary.suite.js"

const database = Effect.flatMap(temporaryFile, (file) =>
  Layer.build(Layer.provideMerge(sqlDatabase(), sqliteClient(file)))
)

/** Copies the only row of a table; the copies differ in their first column. */
const copies = (table: string, column: string, count: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const columns = yield* sql<{ readonly name: string }>`SELECT name FROM pragma_table_info(${table})`
    const rest = columns.map(({ name }) => name).filter((name) => name !== column)
    yield* sql.unsafe(`
      WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
      INSERT INTO ${table} (${column}, ${rest.join(", ")}) SELECT ${column} || '_' || n, ${rest.join(", ")} FROM ${table}, numbers`)
  })

it.scoped("more than a thousand old jobs, and as many webhooks, are forgotten by one call each", () =>
  Effect.gen(function* () {
    const rows = yield* database
    const [jobs, outbox] = [Context.get(rows, Jobs), Context.get(rows, Outbox)]
    yield* Effect.provide(endedJob(), rows)
    const delivery = yield* Effect.orDie(yield* outbox.claim(yield* inSeconds(30)))
    yield* outbox.settle(delivery, "delivered", yield* aTry())
    yield* Effect.provide(copies("ffkiln_jobs", "id", 2000), rows)
    yield* Effect.provide(copies("ffkiln_outbox", "job", 2000), rows)
    expect(yield* jobs.purge(yield* inSeconds(1))).toBe(2001)
    expect(yield* outbox.purge(yield* inSeconds(1))).toBe(2001)
    expect(yield* outbox.purge(yield* inSeconds(1))).toBe(0)
  })
)

it.scoped("idempotency keys whose time is over go with old jobs, so that their table stays bounded", () =>
  Effect.gen(function* () {
    const rows = yield* database
    const jobs = Context.get(rows, Jobs)
    const { idempotencySeconds } = yield* Limits
    const kept = Effect.map(Context.get(rows, SqlClient)`SELECT key FROM ffkiln_idempotency`, (entries) =>
      entries.map(({ key }) => key)
    )
    yield* jobs.insert(aJob({ idempotencyKey: "old" }), roomy)
    yield* TestClock.adjust("1 millis")
    yield* jobs.insert(aJob({ idempotencyKey: "new" }), roomy)
    yield* TestClock.adjust(`${idempotencySeconds * 1000 - 1} millis`)
    expect(yield* jobs.purge(new Date(0))).toBe(0)
    expect(yield* kept).toEqual(["new"])
    yield* TestClock.adjust("1 millis")
    yield* jobs.purge(new Date(0))
    expect(yield* kept).toEqual([])
  })
)
