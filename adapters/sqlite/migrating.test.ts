import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, TestClock } from "effect"
import { Jobs } from "../../core/ports/jobs.js"
import { aJob, passOnceSomebodySleeps, roomy } from "../../core/ports/suites/samples.suite.js"
import { sqliteClient } from "./client.js"
import { sqlite } from "./index.js"
import { temporaryFile } from "./temporary.suite.js"

it.scoped(
  "a process that starts while another one migrates waits for it, and does not go on without tables",
  () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      // The state of the file for a moment: the migrator's tables exist, and the first migration is running.
      yield* Layer.build(sqlite({ file }))
      const other = Context.get(yield* Layer.build(sqliteClient(file)), SqlClient)
      const tables = yield* other<{
        readonly name: string
      }>`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%migration%'`
      yield* other`PRAGMA foreign_keys = OFF`
      yield* Effect.forEach(tables, ({ name }) => other`DROP TABLE ${other(name)}`)
      yield* other`DELETE FROM ffkiln_migrations`
      const [writing, done] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const work = other`DELETE FROM ffkiln_migration_lock`.pipe(
        Effect.zipRight(Deferred.succeed(writing, undefined)),
        Effect.zipRight(Deferred.await(done))
      )
      const writer = yield* Effect.forkScoped(other.withTransaction(work))
      yield* Deferred.await(writing)

      const opening = yield* Effect.forkScoped(Layer.build(sqlite({ file })))
      yield* passOnceSomebodySleeps(0)
      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(writer)
      yield* TestClock.adjust("2 seconds")
      const rows = yield* Fiber.join(opening)
      yield* Context.get(rows, Jobs).insert(aJob(), roomy)
    })
)

it.scoped("a database is opened again with what it held, and no migration runs twice", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    const job = aJob()
    yield* Effect.provide(
      Effect.flatMap(Jobs, (jobs) => jobs.insert(job, roomy)),
      sqlite({ file })
    )
    const read = (sql: string) =>
      Effect.flatMap(SqlClient, (client) => client.unsafe(sql)).pipe(Effect.provide(sqliteClient(file)))
    const before = yield* read("SELECT * FROM ffkiln_migrations")
    const again = yield* Layer.build(sqlite({ file }))
    expect(yield* Context.get(again, Jobs).find(job.owner, job.id)).toMatchObject({
      _tag: "Some",
      value: { id: job.id, task: job.task }
    })
    expect(yield* read("SELECT * FROM ffkiln_migrations")).toEqual(before)
  })
)

it.scoped("a database of a newer version is refused, told why, and left as it was", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    yield* Effect.provide(Effect.void, sqlite({ file }))
    const read = (sql: string) =>
      Effect.flatMap(SqlClient, (client) => client.unsafe<{ readonly id?: number }>(sql)).pipe(
        Effect.provide(sqliteClient(file))
      )
    const [newest] = yield* read("SELECT MAX(migration_id) AS id FROM ffkiln_migrations")
    const next = Number(newest?.id) + 1
    yield* read(`INSERT INTO ffkiln_migrations (migration_id, name) VALUES (${next}, 'of_tomorrow')`)
    const before = yield* read("SELECT * FROM sqlite_master")
    const error = yield* Effect.flip(Layer.build(sqlite({ file })))
    expect(error._tag).toBe("Unavailable")
    expect(error.what).toBe(
      `could not open the database: a newer version of ffkiln brought it to migration ${next}, and this version knows ${next - 1}; run the newer version`
    )
    expect(yield* read("SELECT * FROM sqlite_master")).toEqual(before)
    yield* read(`DELETE FROM ffkiln_migrations WHERE migration_id = ${next}`)
    yield* Layer.build(sqlite({ file }))
  })
)
