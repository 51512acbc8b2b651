import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { Accounts } from "../../core/ports/accounts.js"
import { Jobs } from "../../core/ports/jobs.js"
import { aJob, roomy } from "../../core/ports/suites/samples.suite.js"
import { together } from "../sql/processes.suite.js"
import { sqliteClient } from "./client.js"
import { sqlite } from "./index.js"
import { temporaryFile } from "./temporary.suite.js"

const program = join(import.meta.dirname, "process.suite.ts")

it.scopedLive("three processes end 300 jobs between them: none twice, none lost", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    const jobs = Array.from({ length: 300 }, () => aJob())
    const insertAll = Effect.flatMap(Jobs, (table) => Effect.forEach(jobs, (job) => table.insert(job, roomy)))
    yield* Effect.provide(insertAll, sqlite({ file }))
    const ended = yield* together(program, [file], 3)
    expect([...ended].sort()).toEqual(jobs.map(({ id }) => id).sort())
    const rows = Effect.flatMap(Jobs, (table) =>
      Effect.forEach(jobs, ({ owner, id }) => Effect.flatMap(table.find(owner, id), Effect.orDie))
    )
    for (const row of yield* Effect.provide(rows, sqlite({ file })))
      expect(row).toMatchObject({ state: "failed", attempt: 1 })
  })
)

it.scopedLive("ten processes open one new file at once: each migration runs once, and all work", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    expect(yield* together(program, [file], 10)).toEqual([])
    const migrations = Effect.flatMap(SqlClient, (sql) => sql`SELECT migration_id FROM ffkiln_migrations`)
    expect(yield* Effect.provide(migrations, sqliteClient(file))).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => ({ migration_id: id }))
    )
    const tables = Effect.gen(function* () {
      const job = aJob()
      yield* (yield* Jobs).insert(job, roomy)
      expect(Option.isSome(yield* (yield* Accounts).issueFirst)).toBe(true)
      expect(Option.isSome(yield* (yield* Jobs).find(job.owner, job.id))).toBe(true)
    })
    yield* Effect.provide(tables, sqlite({ file }))
  })
)
