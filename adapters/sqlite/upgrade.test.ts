import { readFileSync } from "node:fs"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Effect, Layer, Option, Redacted, TestClock } from "effect"
import { noQuota } from "../../core/account.js"
import { DirId, FileName, JobId, OwnerId, RunnerName } from "../../core/ids.js"
import { Accounts } from "../../core/ports/accounts.js"
import { Directories } from "../../core/ports/directories.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Outbox } from "../../core/ports/outbox.js"
import { Runners } from "../../core/ports/runners.js"
import { aProcess, aTry, inSeconds, type Rows, rowOf } from "../../core/ports/suites/samples.suite.js"
import { sqliteClient } from "./client.js"
import { sqlite } from "./index.js"
import { temporaryFile } from "./temporary.suite.js"

const owner = OwnerId("key_JxMDj1VrICFrWa6YGxMLzd")
const secret = "pcuK_Ly8yNrti_LrgJLGP-ZkHnwLNDn0TaE757oKmnA"
const dir = DirId("dir_released")

/** A database file of an older version, at the time at which it was written. */
const upgraded = Layer.unwrapScoped(
  Effect.gen(function* () {
    const file = yield* temporaryFile
    const dump = readFileSync(join(import.meta.dirname, "released-0001.sql"), "utf8")
    const statements = ["PRAGMA foreign_keys = OFF", ...dump.split(/;\n/)]
    const write = Effect.flatMap(SqlClient, (sql) =>
      Effect.forEach(statements.slice(0, -1), (statement) => sql.unsafe(statement))
    )
    yield* Effect.provide(write, sqliteClient(file))
    yield* TestClock.setTime(new Date("2026-11-20T10:30:00.000Z"))
    return sqlite({ file })
  })
)

const upgrade = (title: string, test: Effect.Effect<void, unknown, Rows>) =>
  it.effect(`an older database is brought up to date: ${title}`, () => test.pipe(Effect.provide(upgraded)))

upgrade(
  "its jobs read as they did, and go on",
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const states = {
      job_completed: "completed",
      job_failed: "failed",
      job_cancelled: "cancelled",
      job_running: "processing"
    }
    for (const [id, state] of Object.entries(states)) {
      expect(yield* rowOf({ owner, id: JobId(id) })).toMatchObject({
        id,
        owner,
        state,
        baseUrl: "",
        task: { directory: dir }
      })
    }
    expect(yield* rowOf({ owner, id: JobId("job_completed") })).toMatchObject({
      outputs: [{ name: "out.mp4", bytes: 70 }]
    })
    // Older rows have no needs, so any taker may claim them.
    const waiting = yield* Effect.orDie(
      yield* jobs.claim(yield* inSeconds(60), undefined, { meets: (needs) => needs.length === 0 })
    )
    expect(waiting).toMatchObject({ id: "job_waiting", attempt: 1 })
    expect(yield* jobs.reclaim(yield* inSeconds(0))).toBe(1)
    expect((yield* rowOf({ owner, id: JobId("job_running") })).state).toBe("pending")
    const usage = { seconds: 1, inputBytes: 0, outputBytes: 0 }
    yield* jobs.fail(
      yield* Effect.orDie(yield* jobs.claim(yield* inSeconds(60))),
      { reason: "input-missing" },
      usage
    )
    expect(yield* (yield* Outbox).list(owner, 10)).toHaveLength(4)
  })
)

upgrade(
  "the webhooks it owed are delivered, each from where it was",
  Effect.gen(function* () {
    const outbox = yield* Outbox
    const records = yield* outbox.list(owner, 10)
    const pending = { url: "https://example.com/hook", state: "pending", tries: [] }
    expect(records).toEqual([
      { ...pending, ...made("job_forgotten", "10:00:07", "10:00:07") },
      { ...pending, ...made("job_failed", "10:00:04", "10:00:04") },
      { ...pending, ...made("job_completed", "10:00:02", "11:00:00") }
    ])
    const next = Effect.flatMap(inSeconds(30), outbox.claim)
    const first = yield* Effect.orDie(yield* next)
    expect(first).toMatchObject({ id: "msg_job_failed", owner, attempt: 1 })
    yield* outbox.settle(first, "delivered", yield* aTry({ status: 200, error: null }))
    expect(yield* Effect.orDie(yield* next)).toMatchObject({ id: "msg_job_forgotten", attempt: 1 })
    yield* TestClock.adjust("30 minutes")
    yield* Effect.orDie(yield* next)
    const tried = yield* Effect.orDie(yield* next)
    expect(tried).toMatchObject({ id: "msg_job_completed", attempt: 5 })
    yield* outbox.settle(tried, "abandoned", yield* aTry())
    expect(yield* outbox.purge(yield* inSeconds(1))).toBe(2)
  })
)

upgrade(
  "its key still opens, without a quota, and no first one is made",
  Effect.gen(function* () {
    const accounts = yield* Accounts
    expect(yield* accounts.identify(Redacted.make(`${owner}:${secret}`))).toBe(owner)
    const createdAt = new Date("2026-11-20T10:00:00.000Z")
    expect(yield* accounts.keys).toEqual([
      { id: owner, name: "", quota: noQuota, createdAt, revokedAt: null }
    ])
    expect(yield* accounts.issueFirst).toEqual(Option.none())
    expect(yield* accounts.account(owner)).toMatchObject({
      quota: noQuota,
      month: "2026-11",
      jobs: 3,
      probes: 1,
      liveJobs: 2
    })
    yield* accounts.setQuota(owner, { ...noQuota, jobsPerMonth: 7 })
    expect((yield* accounts.account(owner)).quota.jobsPerMonth).toBe(7)
    expect(yield* accounts.revoke(owner)).toBe(true)
  })
)

upgrade(
  "its files are there, and count",
  Effect.gen(function* () {
    const directories = yield* Directories
    expect((yield* directories.files(dir)).map(({ name }) => name).sort()).toEqual([
      "announced.mp4",
      "in.mp4",
      "out.mp4"
    ])
    expect(yield* directories.stored(owner)).toMatchObject({
      bytes: 1070,
      unsized: [{ name: FileName("announced.mp4") }]
    })
  })
)

upgrade(
  "it knows no runner, and takes some",
  Effect.gen(function* () {
    const runners = yield* Runners
    expect(yield* runners.list).toEqual([])
    const runner = RunnerName("desk")
    const secret = yield* runners.issue(runner)
    expect(yield* runners.identify(Redacted.make(`${runner}:${Redacted.value(secret)}`))).toBe(runner)
    yield* runners.seen(runner, aProcess())
    const right = {
      id: JobId("job_running"),
      owner,
      attempt: 1,
      runner,
      directory: dir,
      expiresAt: yield* inSeconds(60)
    }
    expect(yield* runners.unseal(yield* runners.seal(right))).toEqual(right)
    expect(yield* runners.list).toMatchObject([{ name: runner, processes: [{ slots: 2 }] }])
  })
)

const made = (job: string, createdAt: string, nextTryAt: string) => ({
  id: `msg_${job}`,
  jobId: job,
  createdAt: new Date(`2026-11-20T${createdAt}.000Z`),
  nextTryAt: new Date(`2026-11-20T${nextTryAt}.000Z`)
})
