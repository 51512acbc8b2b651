import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import { Jobs } from "../../core/ports/jobs.js"
import { aJob, passOnceSomebodySleeps, roomy } from "../../core/ports/suites/samples.suite.js"
import { makeDatabase } from "../sql/database.js"
import { sqliteClient } from "./client.js"
import { sqlite } from "./index.js"
import { temporaryFile } from "./temporary.suite.js"

for (const [pragma, value] of Object.entries({
  journal_mode: "wal",
  synchronous: 2,
  foreign_keys: 1,
  busy_timeout: 150
})) {
  it.scoped(`${pragma} is ${value}, on a new file and on one that is opened again`, () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const inForce = Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`CREATE TABLE IF NOT EXISTS some (thing TEXT)`
        return (yield* sql.unsafe(`PRAGMA ${pragma}`).values)[0]?.[0]
      }).pipe(Effect.provide(sqliteClient(file)))
      expect(yield* inForce).toBe(value)
      expect(yield* inForce).toBe(value)
    })
  )
}

const spoiled: ReadonlyArray<readonly [string, (file: string) => string, RegExp]> = [
  ["a file below what is no folder", () => join("/dev/null", "rows.db"), /ENOTDIR|EEXIST/],
  ["a folder", (file) => dirname(file), /unable to open database file/],
  [
    "a file that is no database",
    (file) => {
      writeFileSync(file, "ID3 and then some seconds of music, more than a header is long. ".repeat(100))
      return file
    },
    /file is not a database/
  ]
]

for (const [what, make, reason] of spoiled) {
  it.scoped(`${what} is unavailable, and the log is told which and why`, () =>
    Effect.gen(function* () {
      const path = make(yield* temporaryFile)
      const error = yield* Effect.flip(Layer.build(sqlite({ file: path })))
      expect(error._tag).toBe("Unavailable")
      expect(error.what).toContain(path)
      expect(error.what).toMatch(reason)
      expect(error.cause).toBeDefined()
    })
  )
}

it.scoped("a file that is no database is left as it was", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    const content = "not a database ".repeat(1000)
    writeFileSync(file, content)
    yield* Effect.flip(Layer.build(sqlite({ file })))
    expect(readFileSync(file, "utf8")).toBe(content)
    expect(existsSync(`${file}-wal`)).toBe(false)
  })
)

it.scoped("another program's tables stay, and ours come beside them", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    const theirs = Effect.flatMap(SqlClient, (sql) => sql`SELECT id FROM jobs`.values)
    yield* Effect.flatMap(SqlClient, (sql) => sql`CREATE TABLE jobs AS SELECT 7 AS id`).pipe(
      Effect.provide(sqliteClient(file))
    )
    yield* Effect.flatMap(Jobs, (jobs) => jobs.insert(aJob(), roomy)).pipe(Effect.provide(sqlite({ file })))
    expect(yield* theirs.pipe(Effect.provide(sqliteClient(file)))).toEqual([[7]])
  })
)

it.scoped("the end of the scope lets go of the file", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    const scope = yield* Scope.make()
    const rows = yield* Layer.buildWithScope(sqlite({ file }), scope)
    yield* Context.get(rows, Jobs).insert(aJob(), roomy)
    // SQLite removes its side files only when the last connection closes.
    expect(existsSync(`${file}-wal`)).toBe(true)
    yield* Scope.close(scope, Exit.void)
    expect(existsSync(`${file}-wal`)).toBe(false)
    expect(existsSync(`${file}-shm`)).toBe(false)
  })
)

/** Two connections to one file; the second holds a write transaction until it is released. */
const besideAWriter = Effect.gen(function* () {
  const file = yield* temporaryFile
  const jobs = Context.get(yield* Layer.build(sqlite({ file })), Jobs)
  const other = Context.get(yield* Layer.build(sqliteClient(file)), SqlClient)
  const [writing, done] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
  const write = Effect.zipRight(
    other`DELETE FROM ffkiln_jobs`,
    Effect.zipRight(Deferred.succeed(writing, undefined), Deferred.await(done))
  )
  const writer = yield* Effect.forkScoped(other.withTransaction(write))
  yield* Deferred.await(writing)
  return { jobs, letGo: Effect.zipRight(Deferred.succeed(done, undefined), Fiber.join(writer)) }
})

it.scoped("a file that another connection is writing to is waited for", () =>
  Effect.gen(function* () {
    const { jobs, letGo } = yield* besideAWriter
    const job = aJob()
    const insert = yield* Effect.fork(jobs.insert(job, roomy))
    // The first attempt found the file locked, and the next one follows after a delay.
    yield* passOnceSomebodySleeps(0)
    expect(yield* jobs.find(job.owner, job.id)).toMatchObject({ _tag: "None" })
    yield* letGo
    yield* TestClock.adjust("1 seconds")
    yield* Fiber.join(insert)
    expect(yield* jobs.find(job.owner, job.id)).toMatchObject({ _tag: "Some" })
  })
)

it.scoped("but not for ever", () =>
  Effect.gen(function* () {
    const { jobs, letGo } = yield* besideAWriter
    yield* Effect.forkScoped(Effect.forever(passOnceSomebodySleeps(1)))
    const error = yield* Effect.flip(jobs.insert(aJob(), roomy))
    expect(error).toMatchObject({
      _tag: "Unavailable",
      what: "could not insert a job",
      cause: { cause: { code: "SQLITE_BUSY" } }
    })
    yield* letGo
    yield* jobs.insert(aJob(), roomy)
  })
)

it.scoped("the file's folder is made", () =>
  Effect.gen(function* () {
    const file = join(dirname(yield* temporaryFile), "not", "there yet", "rows.db")
    yield* Layer.build(sqlite({ file }))
    expect(existsSync(file)).toBe(true)
  })
)

it.scoped("a COMMIT that fails is undone, and the connection goes on", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    const { sql, transaction } = yield* Effect.provide(makeDatabase, yield* Layer.build(sqliteClient(file)))
    yield* sql`CREATE TABLE parent (id INTEGER PRIMARY KEY)`
    yield* sql`CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)`
    const orphan = sql`INSERT INTO child (parent) VALUES (1)`
    const exit = yield* Effect.exit(transaction("store a child")(orphan))
    expect(exit).toMatchObject({
      cause: { _tag: "Die", defect: { cause: { code: "SQLITE_CONSTRAINT_FOREIGNKEY" } } }
    })
    yield* transaction("store both")(Effect.zipRight(orphan, sql`INSERT INTO parent (id) VALUES (1)`))
    expect(yield* sql`SELECT * FROM child`).toHaveLength(1)
  })
)
