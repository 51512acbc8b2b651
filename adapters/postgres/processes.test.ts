import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Option, Redacted, TestClock } from "effect"
import { JobId, OwnerId } from "../../core/ids.js"
import { Accounts } from "../../core/ports/accounts.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Outbox } from "../../core/ports/outbox.js"
import { aJob, inSeconds, roomy, rowOf } from "../../core/ports/suites/samples.suite.js"
import { together } from "../sql/processes.suite.js"
import { postgres } from "./index.js"
import { ask, temporaryDatabase } from "./temporary.suite.js"

const program = join(import.meta.dirname, "process.suite.ts")

it.scopedLive("three processes end 300 jobs between them: none twice, none lost", () =>
  Effect.gen(function* () {
    const url = yield* temporaryDatabase
    const jobs = Array.from({ length: 300 }, () => aJob())
    yield* Effect.provide(
      Effect.flatMap(Jobs, (table) =>
        Effect.forEach(jobs, (job) => table.insert(job, roomy), { concurrency: 10 })
      ),
      postgres({ url })
    )
    const ended = yield* together(program, [url], 3)
    expect([...ended].sort()).toEqual(jobs.map(({ id }) => id).sort())
    expect(
      yield* ask(
        url,
        "SELECT state, attempt, count(*)::int AS count FROM ffkiln_jobs GROUP BY state, attempt"
      )
    ).toEqual([{ state: "failed", attempt: "1", count: 300 }])
  })
)

const migrations = (url: string) =>
  ask<{ readonly migration_id: number }>(url, "SELECT migration_id FROM ffkiln_migrations ORDER BY 1")

it.scopedLive("ten processes open one empty database at once: each migration runs once, and all work", () =>
  Effect.gen(function* () {
    const url = yield* temporaryDatabase
    expect(yield* together(program, [url], 10)).toEqual([])
    const ids = (yield* migrations(url)).map(({ migration_id }) => migration_id)
    expect(ids).toEqual(ids.map((_, index) => index + 1))
    expect(ids.length).toBeGreaterThan(1)
    const job = aJob()
    yield* Effect.provide(
      Effect.flatMap(Jobs, (jobs) => jobs.insert(job, roomy)),
      postgres({ url })
    )
  })
)

/** The database that the first version left, in Postgres' words: the tables that others refer to come first. */
const released = () => {
  const statements = readFileSync(join(import.meta.dirname, "../sqlite/released-0001.sql"), "utf8")
    .replaceAll(/\bSTRICT\b/g, "")
    .replaceAll(/^(\s+\w+) TEXT\b/gm, '$1 TEXT COLLATE "C"')
    .replaceAll(/^(\s+\w+) INTEGER\b/gm, "$1 BIGINT")
    .replaceAll(/^(\s+\w+) REAL\b/gm, "$1 DOUBLE PRECISION")
    .replaceAll("created_at datetime", "created_at timestamptz")
    .split(/;\n/)
    .filter((statement) => !statement.includes("ffkiln_migration_lock"))
  const late = statements.filter((statement) => /ffkiln_job_inputs/.test(statement))
  return [...statements.filter((statement) => !late.includes(statement)), ...late].join(";\n")
}

it.scoped("ten processes open an older database at once: what it held reads as it did, and goes on", () =>
  Effect.gen(function* () {
    const url = yield* temporaryDatabase
    yield* ask(url, released())
    yield* ask(
      url,
      "UPDATE ffkiln_jobs SET state = 'cancelled', finished_at = '2026-11-20T10:00:09.000Z' WHERE id = 'job_waiting'"
    )
    expect(yield* together(program, [url], 10)).toEqual([])
    yield* TestClock.setTime(new Date("2026-11-20T10:30:00.000Z"))
    yield* Effect.gen(function* () {
      const owner = OwnerId("key_JxMDj1VrICFrWa6YGxMLzd")
      const states = {
        job_completed: "completed",
        job_failed: "failed",
        job_cancelled: "cancelled",
        job_running: "processing"
      }
      for (const [id, state] of Object.entries(states))
        expect((yield* rowOf({ owner, id: JobId(id) })).state).toBe(state)
      const [accounts, jobs, outbox] = [yield* Accounts, yield* Jobs, yield* Outbox]
      expect(
        yield* accounts.identify(Redacted.make(`${owner}:pcuK_Ly8yNrti_LrgJLGP-ZkHnwLNDn0TaE757oKmnA`))
      ).toBe(owner)
      expect(yield* accounts.account(owner)).toMatchObject({
        month: "2026-11",
        jobs: 3,
        probes: 1,
        liveJobs: 1
      })
      expect((yield* outbox.list(owner, 10)).map(({ jobId }) => jobId)).toEqual([
        "job_forgotten",
        "job_failed",
        "job_completed"
      ])
      expect(yield* jobs.reclaim(yield* inSeconds(0))).toBe(1)
      expect(Option.getOrThrow(yield* jobs.claim(yield* inSeconds(60)))).toMatchObject({
        id: "job_running",
        attempt: 2
      })
    }).pipe(Effect.provide(postgres({ url })))
  })
)

it.scopedLive("a database of a newer version is refused, told why, and left as it was", () =>
  Effect.gen(function* () {
    const url = yield* temporaryDatabase
    yield* Effect.provide(Effect.void, postgres({ url }))
    const next = (yield* migrations(url)).length + 1
    yield* ask(url, `INSERT INTO ffkiln_migrations (migration_id, name) VALUES (${next}, 'of_tomorrow')`)
    const error = yield* Effect.flip(Effect.provide(Effect.void, postgres({ url })))
    expect(error.what).toContain(`a newer version of ffkiln brought it to migration ${next}`)
    expect(yield* migrations(url)).toHaveLength(next)
  })
)
