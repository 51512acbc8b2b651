import { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Option } from "effect"
import { BlobKey, DirId, FileName, JobId, OwnerId } from "../core/ids.js"
import type { NewJob } from "../core/job.js"
import { Jobs } from "../core/ports/jobs.js"
import { interleave, median, quantile } from "./measure.js"
import type { Rows } from "./rows.js"
import type { Run } from "./suites.js"

/**
 * Time until a worker has its claim, including the query for the needs of jobs, while `waitingJobs` jobs
 * wait.
 */
export interface ClaimRow {
  readonly database: Rows["name"]
  /** Finished jobs in the same table. */
  readonly finished: number
  readonly n: number
  readonly medianMs: number
  readonly p95Ms: number
}

const waitingJobs = 100
const owners = 10

/**
 * Measures claims one at a time, alternating between the databases, beside growing numbers of finished jobs.
 * The tables must be empty.
 */
export const claims = async (
  databases: ReadonlyArray<Rows>,
  finished: ReadonlyArray<number>,
  n: number,
  { say, signal }: Run
): Promise<ReadonlyArray<ClaimRow>> => {
  const numbers = sequence()
  for (const { run } of databases) {
    for (let count = 0; count < waitingJobs; count++) await run(insert(numbers))
  }
  const rows: Array<ClaimRow> = []
  let there = 0
  for (const count of finished) {
    say(`claims beside ${count} finished jobs: ${n} on each database`)
    for (const { name, run } of databases) {
      signal.throwIfAborted()
      await run(addFinished(name, there, count))
    }
    there = count
    const times = await interleave(databases, n, ({ run }) => run(claimMillis(numbers)), signal)
    rows.push(...databases.map(({ name }) => claimRow(name, count, times.get(name) ?? [])))
  }
  return rows
}

/** The row of one database from its times in milliseconds. */
export const claimRow = (
  database: Rows["name"],
  finished: number,
  times: ReadonlyArray<number>
): ClaimRow => ({
  database,
  finished,
  n: times.length,
  medianMs: median(times),
  p95Ms: quantile(times, 0.95)
})

/**
 * Milliseconds of a claim. Afterwards the job ends and another one is inserted, so that the same number of
 * jobs waits.
 */
const claimMillis = (numbers: Numbers) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const start = performance.now()
    const claim = yield* jobs.claim(new Date(Date.now() + 60_000), undefined, { meets: () => true })
    const millis = performance.now() - start
    yield* jobs.fail(
      Option.getOrThrow(claim),
      { reason: "input-missing" },
      { seconds: 1, inputBytes: 1, outputBytes: 1 }
    )
    yield* insert(numbers)
    return millis
  })

type Numbers = () => number

const sequence = (): Numbers => {
  let last = 0
  return () => ++last
}

const insert = (numbers: Numbers) => Effect.flatMap(Jobs, (jobs) => jobs.insert(job(numbers()), 1_000_000))

const job = (number: number): NewJob => {
  const directory = DirId(`dir_${number}`)
  return {
    id: JobId(`job_${number}`),
    owner: OwnerId(`owner_${number % owners}`),
    task: {
      directory,
      inputs: [
        {
          name: FileName("input.mp4"),
          key: BlobKey(`${directory}/upload/input.mp4`),
          bytes: 1_000_000,
          options: []
        }
      ],
      outputs: [{ name: FileName("output.mp4"), options: ["-crf", "23", "-preset", "medium"], maps: [] }],
      filterComplex: null
    },
    tags: [],
    needs: ["encoder:libx264", "ffmpeg:5.1"],
    priority: 0,
    webhookUrl: null,
    baseUrl: "https://api.example.com",
    idempotencyKey: null
  }
}

/** Inserts copies of a finished row inside the database, numbered above `there` up to `count`. */
const addFinished = (database: Rows["name"], there: number, count: number) =>
  Effect.gen(function* () {
    if (count === there) return
    const sql = yield* SqlClient
    const [one] = yield* sql<
      Readonly<Record<string, unknown>>
    >`SELECT * FROM ffkiln_jobs WHERE finished_at IS NOT NULL LIMIT 1`
    const columns = Object.keys(one ?? {})
    const values = columns.map((column) => own[column] ?? `one.${column}`)
    yield* sql.unsafe(`
      INSERT INTO ffkiln_jobs (${columns.join(", ")})
      WITH RECURSIVE series(n) AS (SELECT ${there + 1} UNION ALL SELECT n + 1 FROM series WHERE n < ${count})
      SELECT ${values.join(", ")} FROM series CROSS JOIN (SELECT * FROM ffkiln_jobs WHERE id = '${one?.id}') AS one`)
    yield* sql.unsafe(settle[database])
  })

/** Columns in which a copy differs from its original. */
const own: Readonly<Record<string, string>> = {
  id: "'job_old_' || n",
  owner: "'owner_' || (n % 1000)",
  directory: "'dir_old_' || n"
}

/** Maintenance that a server does by itself after such a load; SQLite does it only on request. */
const settle = { Postgres: "ANALYZE ffkiln_jobs", SQLite: "PRAGMA wal_checkpoint(TRUNCATE)" } as const
