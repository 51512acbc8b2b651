import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Context, Effect, Layer, TestClock } from "effect"
import { Accounts } from "../../core/ports/accounts.js"
import { Jobs } from "../../core/ports/jobs.js"
import { aJob, anOwner, inSeconds, leaseSeconds, publishedBy, started } from "../../core/ports/samples.suite.js"
import { reportUsage, type Usage } from "../../core/usage.js"
import { sqlDatabase } from "../sql/index.js"
import { sqliteClient } from "./client.js"
import { temporaryFile } from "./temporary.suite.js"

const database = Effect.flatMap(temporaryFile, (file) => Layer.build(Layer.provideMerge(sqlDatabase(), sqliteClient(file))))

const GiB = 2 ** 30
const usage: Usage = { seconds: 2, inputBytes: GiB, outputBytes: GiB / 2 }

it.scoped("jobs, failed ones too, and probes are added up by owner and month", () =>
  Effect.gen(function* () {
    const rows = yield* database
    const sql = Context.get(rows, SqlClient)
    const [jobs, accounts] = [Context.get(rows, Jobs), Context.get(rows, Accounts)]
    const [owner, other] = [anOwner(), anOwner()]
    const claimOf = (who: typeof owner) => Effect.provide(started(aJob({ owner: who })), rows)
    const account = sql`SELECT month, jobs, probes, seconds, input_bytes, output_bytes, gib_seconds FROM ffkiln_usage WHERE owner = ${owner} ORDER BY month`

    yield* TestClock.setTime(new Date("2026-12-31T23:59:59.999Z"))
    const completed = yield* claimOf(owner)
    yield* jobs.complete(completed, { ...publishedBy(completed), usage })
    yield* jobs.fail(yield* claimOf(owner), { reason: "input-missing" }, usage)
    yield* accounts.charge(owner, usage)
    yield* accounts.charge(other, usage)
    const { gb_sec } = reportUsage(usage)
    expect(gb_sec).toBe(3)
    const december = {
      month: "2026-12",
      jobs: 2,
      probes: 1,
      seconds: 6,
      input_bytes: 3 * GiB,
      output_bytes: 1.5 * GiB,
      gib_seconds: 3 * gb_sec
    }
    expect(yield* account).toEqual([december])

    yield* TestClock.adjust("1 millis")
    yield* accounts.charge(owner, usage)
    const january = { month: "2027-01", jobs: 0, probes: 1, seconds: 2, input_bytes: GiB, output_bytes: GiB / 2, gib_seconds: gb_sec }
    expect(yield* account).toEqual([december, january])
  })
)

it.scoped("an attempt that lost its lease, or was given back, costs nothing", () =>
  Effect.gen(function* () {
    const rows = yield* database
    const jobs = Context.get(rows, Jobs)
    const stale = yield* Effect.provide(started(aJob()), rows)
    yield* jobs.reclaim(yield* inSeconds(leaseSeconds + 1))
    expect(yield* Effect.flip(jobs.complete(stale, publishedBy(stale)))).toMatchObject({ _tag: "LeaseLost" })
    expect(yield* Effect.flip(jobs.fail(stale, { reason: "input-missing" }, usage))).toMatchObject({ _tag: "LeaseLost" })
    yield* jobs.release(yield* Effect.provide(started(aJob()), rows))
    expect(yield* Context.get(rows, SqlClient)`SELECT * FROM ffkiln_usage`).toEqual([])
  })
)
