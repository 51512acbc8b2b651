import { symlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Effect, Option, type Scope } from "effect"
import { execa } from "execa"
import { build } from "vite"
import { Accounts } from "../../core/ports/accounts.js"
import { Jobs } from "../../core/ports/jobs.js"
import { aJob, roomy } from "../../core/ports/samples.suite.js"
import { sqliteClient } from "./client.js"
import { sqlite } from "./index.js"
import { temporaryFile } from "./temporary.suite.js"

const here = import.meta.dirname

/** The program of process.suite.ts as one plain file, which finds its packages where we do. */
const program = Effect.gen(function* () {
  const folder = dirname(yield* temporaryFile)
  symlinkSync(join(here, "../../node_modules"), join(folder, "node_modules"))
  yield* Effect.promise(() =>
    build({
      configFile: false,
      logLevel: "silent",
      root: here,
      build: {
        ssr: join(here, "process.suite.ts"),
        outDir: folder,
        emptyOutDir: false,
        rollupOptions: { output: { entryFileNames: "process.mjs" } }
      }
    })
  )
  return join(folder, "process.mjs")
})

interface Child {
  readonly ready: Effect.Effect<void>
  readonly go: Effect.Effect<void>
  /** The lines after `ready`, once it has ended well. */
  readonly lines: Effect.Effect<ReadonlyArray<string>>
}

const start = (script: string, file: string): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => execa("node", [script, file], { reject: false })),
      (child) =>
        Effect.promise(() => {
          child.kill("SIGKILL")
          return child
        })
    ),
    (child) => ({
      ready: Effect.promise(() => new Promise<void>((resolve) => child.stdout.once("data", () => resolve()))),
      go: Effect.sync(() => void child.stdin.write("go\n")),
      lines: Effect.map(
        Effect.promise(() => child),
        ({ exitCode, stderr, stdout }) => {
          expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" })
          return stdout.split("\n").slice(1)
        }
      )
    })
  )

/** Processes that open `file` all at once. */
const together = (file: string, count: number) =>
  Effect.gen(function* () {
    const script = yield* program
    const children = yield* Effect.replicateEffect(start(script, file), count)
    yield* Effect.forEach(children, ({ ready }) => ready, { concurrency: "unbounded" })
    yield* Effect.forEach(children, ({ go }) => go)
    return (yield* Effect.forEach(children, ({ lines }) => lines, { concurrency: "unbounded" })).flat()
  })

it.scopedLive("three processes end 300 jobs between them: none twice, none lost", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    const jobs = Array.from({ length: 300 }, () => aJob())
    const insertAll = Effect.flatMap(Jobs, (table) => Effect.forEach(jobs, (job) => table.insert(job, roomy)))
    yield* Effect.provide(insertAll, sqlite({ file }))
    const ended = yield* together(file, 3)
    expect([...ended].sort()).toEqual(jobs.map(({ id }) => id).sort())
    const rows = Effect.flatMap(Jobs, (table) =>
      Effect.forEach(jobs, ({ owner, id }) => Effect.flatMap(table.find(owner, id), Effect.orDie))
    )
    for (const row of yield* Effect.provide(rows, sqlite({ file }))) expect(row).toMatchObject({ state: "failed", attempt: 1 })
  })
)

it.scopedLive("ten processes open one new file at once: each migration runs once, and all work", () =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    expect(yield* together(file, 10)).toEqual([])
    const migrations = Effect.flatMap(SqlClient, (sql) => sql`SELECT migration_id FROM ffkiln_migrations`)
    expect(yield* Effect.provide(migrations, sqliteClient(file))).toEqual([1, 2, 3].map((id) => ({ migration_id: id })))
    const tables = Effect.gen(function* () {
      const job = aJob()
      yield* (yield* Jobs).insert(job, roomy)
      expect(Option.isSome(yield* (yield* Accounts).issueFirst)).toBe(true)
      expect(Option.isSome(yield* (yield* Jobs).find(job.owner, job.id))).toBe(true)
    })
    yield* Effect.provide(tables, sqlite({ file }))
  })
)
