import { Effect, TestClock } from "effect"
import { noQuota } from "../../account.js"
import type { OwnerId } from "../../ids.js"
import { billed, type Usage } from "../../usage.js"
import { Accounts } from "../accounts.js"
import { Jobs } from "../jobs.js"
import { expect, it as plainIt } from "./effect-tests.suite.js"
import {
  aJob,
  anOwner,
  inSeconds,
  inserted,
  leaseSeconds,
  publishedBy,
  type Rows,
  type RowsLayer,
  started
} from "./samples.suite.js"

/** An owner's usage of this month: what counts, for how long, and for whom. */
export const accountsUsageSuite = (rows: RowsLayer): void => {
  const it = (title: string, test: Effect.Effect<void, unknown, Rows>) =>
    plainIt.effect(title, () =>
      Effect.zipRight(TestClock.setTime(new Date("2026-02-28T23:59:59.999Z")), test).pipe(
        Effect.provide(rows)
      )
    )

  it(
    "of an unknown owner is empty",
    Effect.gen(function* () {
      expect(yield* accountOf(anOwner())).toEqual(nothing)
    })
  )

  it(
    "adds up jobs that completed and failed, and probes, for their owner alone",
    Effect.gen(function* () {
      const [jobs, accounts] = [yield* Jobs, yield* Accounts]
      const [owner, other] = [anOwner(), anOwner()]
      const completed = yield* started(aJob({ owner }))
      yield* jobs.complete(completed, { ...publishedBy(completed), usage: usageOf(1) })
      yield* jobs.fail(yield* started(aJob({ owner })), { reason: "input-missing" }, usageOf(2))
      yield* accounts.charge(owner, usageOf(3))
      yield* accounts.charge(other, usageOf(50))
      const all = [1, 2, 3].map(usageOf)
      expect(yield* accountOf(owner)).toEqual({
        ...nothing,
        jobs: 2,
        probes: 1,
        usage: {
          seconds: sum(all.map(({ seconds }) => seconds)),
          inputBytes: sum(all.map(({ inputBytes }) => inputBytes)),
          outputBytes: sum(all.map(({ outputBytes }) => outputBytes))
        },
        gibSeconds: expect.closeTo(sum(all.map((usage) => billed(usage).gibSeconds)), 9)
      })
      expect(yield* accountOf(other)).toMatchObject({ jobs: 0, probes: 1, usage: usageOf(50) })
    })
  )

  it(
    "loses nothing of what is charged at once",
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const owner = anOwner()
      yield* Effect.replicateEffect(
        accounts.charge(owner, { seconds: 1, inputBytes: GiB, outputBytes: 0 }),
        30,
        {
          concurrency: "unbounded"
        }
      )
      expect(yield* accountOf(owner)).toMatchObject({
        probes: 30,
        usage: { seconds: 30, inputBytes: 30 * GiB },
        gibSeconds: 30
      })
    })
  )

  it(
    "is over at midnight UTC: what was used before no longer counts, and jobs that live still do",
    Effect.gen(function* () {
      const [jobs, accounts] = [yield* Jobs, yield* Accounts]
      const owner = anOwner()
      yield* TestClock.setTime(new Date("2026-12-31T23:59:59.999Z"))
      const running = yield* started(aJob({ owner }))
      yield* jobs.fail(yield* started(aJob({ owner })), { reason: "input-missing" }, usageOf(1))
      yield* accounts.charge(owner, usageOf(2))
      expect(yield* accountOf(owner)).toMatchObject({ month: "2026-12", jobs: 1, probes: 1, liveJobs: 1 })
      yield* TestClock.adjust("1 millis")
      expect(yield* accountOf(owner)).toEqual({ ...nothing, month: "2027-01", liveJobs: 1 })
      yield* jobs.fail(running, { reason: "input-missing" }, usageOf(4))
      const { gibSeconds } = billed(usageOf(4))
      expect(yield* accountOf(owner)).toEqual({
        ...nothing,
        month: "2027-01",
        jobs: 1,
        usage: usageOf(4),
        gibSeconds
      })
    })
  )

  it(
    "counts as live the jobs that wait or run, of the owner alone, until they end",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const owner = anOwner()
      const live = Effect.map(accountOf(owner), ({ liveJobs }) => liveJobs)
      const [waiting, unwanted, running] = [aJob({ owner }), aJob({ owner }), aJob({ owner })]
      yield* inserted(waiting)
      yield* inserted(unwanted)
      yield* inserted(aJob())
      expect(yield* live).toBe(2)
      const claim = yield* started(running)
      expect(yield* live).toBe(3)
      yield* jobs.cancel(owner, unwanted.id)
      expect(yield* live).toBe(2)
      yield* jobs.abandon(owner, waiting.id)
      expect(yield* live).toBe(1)
      yield* jobs.complete(claim, publishedBy(claim))
      expect(yield* live).toBe(0)
    })
  )

  it(
    "is charged nothing for jobs that were cancelled, abandoned, given back or lost",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const owner = anOwner()
      const cancelled = aJob({ owner })
      yield* inserted(cancelled)
      yield* jobs.cancel(owner, cancelled.id)
      yield* jobs.abandon(owner, (yield* started(aJob({ owner }))).id)
      const stale = yield* started(aJob({ owner }))
      yield* jobs.release(yield* started(aJob({ owner })))
      expect(yield* jobs.reclaim(yield* inSeconds(leaseSeconds + 1))).toBe(1)
      expect(yield* Effect.flip(jobs.complete(stale, publishedBy(stale)))).toMatchObject({
        _tag: "LeaseLost"
      })
      expect(yield* Effect.flip(jobs.fail(stale, { reason: "input-missing" }, usageOf(1)))).toMatchObject({
        _tag: "LeaseLost"
      })
      expect(yield* accountOf(owner)).toEqual({ ...nothing, liveJobs: 2 })
    })
  )

  it(
    "stays though the jobs are forgotten and the key is revoked",
    Effect.gen(function* () {
      const [jobs, accounts] = [yield* Jobs, yield* Accounts]
      const quota = { ...noQuota, jobsPerMonth: 3 }
      const { id: owner } = yield* accounts.issue({ name: "", quota })
      yield* jobs.fail(yield* started(aJob({ owner })), { reason: "input-missing" }, usageOf(1))
      yield* accounts.revoke(owner)
      expect(yield* jobs.purge(yield* inSeconds(1))).toBe(1)
      expect(yield* accountOf(owner)).toMatchObject({ quota, jobs: 1, usage: usageOf(1) })
    })
  )
}

const accountOf = (owner: OwnerId) => Effect.flatMap(Accounts, (accounts) => accounts.account(owner))

const GiB = 2 ** 30

/** The usage of a run of so many seconds. */
const usageOf = (seconds: number): Usage => ({
  seconds,
  inputBytes: seconds * GiB,
  outputBytes: seconds * 1000
})

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, number) => total + number, 0)

const nothing = {
  quota: noQuota,
  month: "2026-02",
  jobs: 0,
  liveJobs: 0,
  probes: 0,
  usage: { seconds: 0, inputBytes: 0, outputBytes: 0 },
  gibSeconds: 0
}
