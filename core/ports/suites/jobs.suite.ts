import { Effect, Option, TestClock } from "effect"
import type { JobId } from "../../ids.js"
import { Limits } from "../../limits.js"
import { Holder } from "../holder.js"
import { Jobs } from "../jobs.js"
import { describe, expect, it, layer } from "./effect-tests.suite.js"
import { jobExpireSuite } from "./jobs-expire.suite.js"
import { jobLifeSuite } from "./jobs-life.suite.js"
import { jobNeedsSuite } from "./jobs-needs.suite.js"
import { jobPublishSuite } from "./jobs-publish.suite.js"
import { jobRepeatSuite } from "./jobs-repeat.suite.js"
import { jobTurnSuite } from "./jobs-turn.suite.js"
import { jobWatchSuite } from "./jobs-watch.suite.js"
import {
  aJob,
  anOwner,
  aUsage,
  claimed,
  inSeconds,
  inserted,
  leaseSeconds,
  now,
  publishedBy,
  type RowsLayer,
  roomy,
  rowOf,
  started,
  type Twins
} from "./samples.suite.js"

/**
 * The tests of `Jobs`. Each build of `rows` is an empty database. With `twins`, if the adapter supports them,
 * a watcher must observe the changes of another process.
 */
export const jobsSuite = (name: string, rows: RowsLayer, twins?: Twins): void => {
  describe(name, () => {
    describe("rows", () => rowTests(rows))
    describe("life", () => jobLifeSuite(rows))
    describe("claims", () => claimTests(rows))
    describe("needs", () => jobNeedsSuite(rows))
    describe("turns", () => jobTurnSuite(rows))
    describe("jobs that no worker can run", () => jobExpireSuite(rows))
    describe("leases", () => leaseTests(rows))
    describe("waiting room", () => waitingRoomTests(rows))
    describe("repetition", () => jobRepeatSuite(rows, twins))
    describe("publishing", () => jobPublishSuite(rows))
    describe("watch", () => jobWatchSuite(rows, twins))
    describe("purge", () => purgeTests(rows))
  })
}

const rowTests = (rows: RowsLayer) =>
  layer(rows)((it) => {
    it.effect("a new job is found as it was given", () =>
      Effect.gen(function* () {
        const job = aJob({
          webhookUrl: "https://example.com/done?a=1&b=ü",
          baseUrl: "https://api.example.com/v1/ü",
          priority: 3
        })
        const { priority: _, tags: __, needs: ___, idempotencyKey: ____, ...given } = job
        expect(yield* inserted(job)).toEqual({
          ...given,
          state: "pending",
          attempt: 0,
          progress: null,
          outputs: [],
          warnings: [],
          usage: null,
          failure: null,
          createdAt: yield* now,
          startedAt: null,
          finishedAt: null
        })
        yield* (yield* Jobs).abandon(job.owner, job.id)
      })
    )

    it.effect("does not find unknown jobs and those of other owners", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const job = aJob()
        yield* inserted(job)
        expect(yield* jobs.find(anOwner(), job.id)).toEqual(Option.none())
        expect(yield* jobs.find(job.owner, aJob().id)).toEqual(Option.none())
      })
    )

    it.effect("a claim has the task, and the row has the time of its start", () =>
      Effect.gen(function* () {
        const job = aJob()
        const before = yield* inserted(job)
        yield* TestClock.adjust("5 seconds")
        const claim = yield* claimed(job.id)
        expect(claim).toEqual({ id: job.id, owner: job.owner, attempt: 1, task: job.task })
        expect(yield* rowOf(job)).toEqual({
          ...before,
          state: "processing",
          attempt: 1,
          startedAt: yield* now
        })
      })
    )

    it.effect("progress is written as given, and forgotten when the job is given back", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const claim = yield* started(aJob())
        for (const progress of [0, 0.25, 1, null, 0.5]) {
          yield* jobs.renew(claim, yield* inSeconds(leaseSeconds), progress)
          expect((yield* rowOf(claim)).progress).toBe(progress)
        }
        yield* jobs.release(claim)
        expect((yield* rowOf(claim)).progress).toBeNull()
        const again = yield* claimed(claim.id)
        yield* jobs.renew(again, yield* inSeconds(leaseSeconds), 0.9)
        yield* jobs.reclaim(yield* inSeconds(leaseSeconds + 1))
        expect((yield* rowOf(claim)).progress).toBeNull()
      })
    )
  })

const claimTests = (rows: RowsLayer) => {
  it.effect(
    "of owners with as much running, the first is the highest priority, then the oldest, then the first by id",
    () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((letter) => ({
          ...aJob(),
          id: `job_${letter}` as ReturnType<typeof aJob>["id"]
        }))
        yield* inserted({ ...aJob(), ...d, priority: 0 })
        yield* TestClock.adjust("1 millis")
        yield* inserted({ ...aJob(), ...c, priority: 0 })
        yield* inserted({ ...aJob(), ...b, priority: 0 })
        yield* inserted({ ...aJob(), ...e, priority: 2 })
        yield* TestClock.adjust("1 hours")
        yield* inserted({ ...aJob(), ...a, priority: 10 })
        const order: Array<string> = []
        for (let turn = 0; turn < 6; turn++) {
          const claim = yield* jobs.claim(yield* inSeconds(leaseSeconds))
          order.push(Option.match(claim, { onNone: () => "none", onSome: ({ id }) => id }))
        }
        expect(order).toEqual(["job_a", "job_e", "job_d", "job_b", "job_c", "none"])
      }).pipe(Effect.provide(rows))
  )

  it.effect(
    "once its owner had a turn the hinted job goes before older ones, and when it does not wait the next in turn is taken",
    () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const owner = anOwner()
        const [first, older, wanted] = [aJob({ owner }), aJob({ owner }), aJob({ owner })]
        yield* inserted(first)
        yield* inserted(older)
        yield* TestClock.adjust("1 hours")
        yield* inserted(wanted)
        yield* claimed(first.id)
        const takenWith = (hint: JobId) =>
          Effect.map(
            Effect.flatMap(inSeconds(leaseSeconds), (until) => jobs.claim(until, hint)),
            Option.map(({ id }) => id)
          )
        expect(yield* takenWith(wanted.id)).toEqual(Option.some(wanted.id))
        expect(yield* takenWith(wanted.id)).toEqual(Option.some(older.id))
        expect(yield* takenWith(aJob().id)).toEqual(Option.none())
      }).pipe(Effect.provide(rows))
  )

  it.effect("lists waiting jobs by highest priority, then by age, up to the limit", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      expect(yield* jobs.waiting(9)).toEqual([])
      const [first, second, urgent, running] = [aJob(), aJob(), aJob({ priority: 7 }), aJob({ priority: 9 })]
      yield* started(running)
      for (const job of [first, second, urgent]) {
        yield* inserted(job)
        yield* TestClock.adjust("1 hours")
      }
      yield* inserted(aJob({ tags: ["gpu"] }))
      const told = [urgent, first, second].map(({ id, priority }) => ({ id, priority }))
      expect(yield* jobs.waiting(9)).toEqual(told)
      expect(yield* jobs.waiting(2)).toEqual(told.slice(0, 2))
    }).pipe(Effect.provide(rows))
  )

  it.effect("one that was released until later does not wait before that", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const job = aJob()
      yield* jobs.release(yield* started(job), yield* inSeconds(30))
      const take = Effect.flatMap(inSeconds(leaseSeconds), (until) => jobs.claim(until, job.id))
      yield* TestClock.adjust("29 seconds")
      expect([yield* take, yield* jobs.waiting(1)]).toEqual([Option.none(), []])
      yield* TestClock.adjust("1 seconds")
      expect(yield* jobs.waiting(1)).toMatchObject([{ id: job.id }])
      expect(yield* take).toMatchObject({ value: { id: job.id, attempt: 2 } })
      yield* jobs.reclaim(yield* inSeconds(leaseSeconds + 1))
      expect(yield* take).toMatchObject({ value: { id: job.id, attempt: 3 } })
    }).pipe(Effect.provide(rows))
  )

  it.effect(
    "jobs that ask for tags go to workers that have them all, and those that ask for none to everybody",
    () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const both = aJob({ tags: ["gpu", 'odd "tag"'], priority: 3 })
        const [one, none] = [aJob({ tags: ["gpu"], priority: 2 }), aJob({ priority: 1 })]
        yield* Effect.forEach([both, one, none], inserted)
        const takenBy = (...tags: ReadonlyArray<string>) =>
          Effect.map(
            Effect.flatMap(inSeconds(leaseSeconds), (until) => jobs.claim(until, both.id, { tags })),
            Option.map(({ id }) => id)
          )
        expect(yield* takenBy()).toEqual(Option.some(none.id))
        expect(yield* takenBy()).toEqual(Option.none())
        expect(yield* takenBy("cpu", 'odd "tag"')).toEqual(Option.none())
        expect(yield* takenBy("gpu")).toEqual(Option.some(one.id))
        expect(yield* takenBy("cpu", 'odd "tag"', "gpu")).toEqual(Option.some(both.id))
      }).pipe(Effect.provide(rows))
  )

  it.effect("of many claimers of one job exactly one wins", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (let round = 0; round < 20; round++) {
        const job = aJob()
        yield* inserted(job)
        const until = yield* inSeconds(leaseSeconds)
        const claims = yield* Effect.all(
          [jobs.claim(until, job.id), jobs.claim(until), jobs.claim(until, job.id), jobs.claim(until)],
          {
            concurrency: "unbounded"
          }
        )
        expect(claims.filter(Option.isSome)).toHaveLength(1)
        expect((yield* rowOf(job)).attempt).toBe(1)
      }
    }).pipe(Effect.provide(rows))
  )

  it.effect("many claimers of many jobs take each once", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const all = Array.from({ length: 40 }, () => aJob())
      yield* Effect.forEach(all, inserted, { concurrency: "unbounded" })
      const taken: Array<string> = []
      const claimer = Effect.gen(function* () {
        while (true) {
          const claim = yield* jobs.claim(yield* inSeconds(leaseSeconds))
          if (Option.isNone(claim)) return
          taken.push(claim.value.id)
        }
      })
      yield* Effect.replicateEffect(claimer, 8, { concurrency: "unbounded" })
      expect(taken.sort()).toEqual(all.map(({ id }) => id).sort())
    }).pipe(Effect.provide(rows))
  )

  it.effect("of concurrent cancel and claim exactly one succeeds, and the other fails", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (let round = 0; round < 20; round++) {
        const job = aJob()
        yield* inserted(job)
        const cancel = Effect.either(jobs.cancel(job.owner, job.id))
        const claim = Effect.flatMap(inSeconds(leaseSeconds), (until) => jobs.claim(until, job.id))
        const { cancelled, claimed } = yield* Effect.all(
          round % 2 === 0 ? { cancelled: cancel, claimed: claim } : { claimed: claim, cancelled: cancel },
          {
            concurrency: "unbounded"
          }
        )
        if (Option.isSome(claimed))
          expect(cancelled).toMatchObject({
            _tag: "Left",
            left: { _tag: "JobNotPending", status: "processing" }
          })
        else expect(cancelled._tag).toBe("Right")
        expect((yield* rowOf(job)).state).toBe(Option.isSome(claimed) ? "processing" : "cancelled")
      }
    }).pipe(Effect.provide(rows))
  )
}

const leaseTests = (rows: RowsLayer) => {
  it.effect("a job is taken back only when its lease ended before, and counted", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [first, second] = [yield* started(aJob()), yield* started(aJob())]
      yield* inserted(aJob())
      const end = yield* inSeconds(leaseSeconds)
      yield* jobs.renew(second, yield* inSeconds(2 * leaseSeconds), null)
      expect(yield* jobs.reclaim(end)).toBe(0)
      expect(yield* jobs.reclaim(new Date(end.getTime() + 1))).toBe(1)
      expect((yield* rowOf(first)).state).toBe("pending")
      expect((yield* rowOf(second)).state).toBe("processing")
      expect(yield* jobs.reclaim(new Date(end.getTime() + leaseSeconds * 1000 + 1))).toBe(1)
      expect((yield* rowOf(second)).state).toBe("pending")
    }).pipe(Effect.provide(rows))
  )

  it.effect("reclaims the jobs of a holder that is gone at once, and no others", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const as = (name: string) =>
        Effect.provideService(Holder, { name, isGone: (other: string) => other === "dead" })
      const [lost, kept] = [yield* as("dead")(started(aJob())), yield* as("alive")(started(aJob()))]
      expect(yield* as("alive")(jobs.reclaim(yield* now))).toBe(1)
      expect([(yield* rowOf(lost)).state, (yield* rowOf(kept)).state]).toEqual(["pending", "processing"])
      const again = Option.getOrThrow(yield* as("alive")(jobs.claim(yield* inSeconds(leaseSeconds), lost.id)))
      expect(again.attempt).toBe(2)
      expect(yield* as("alive")(jobs.reclaim(yield* now))).toBe(0)
    }).pipe(Effect.provide(rows))
  )

  it.effect("a renewal may also shorten a lease", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const claim = yield* started(aJob())
      yield* jobs.renew(claim, yield* inSeconds(1), null)
      expect(yield* jobs.reclaim(yield* inSeconds(2))).toBe(1)
    }).pipe(Effect.provide(rows))
  )

  it.effect("sweeps that meet take each job back once", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* Effect.replicateEffect(
        Effect.suspend(() => started(aJob())),
        10
      )
      const later = yield* inSeconds(leaseSeconds + 1)
      const counts = yield* Effect.replicateEffect(jobs.reclaim(later), 4, { concurrency: "unbounded" })
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10)
    }).pipe(Effect.provide(rows))
  )

  it.effect("a job that was taken back is claimed in its old place of the row", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const old = yield* started(aJob())
      yield* TestClock.adjust("1 seconds")
      yield* inserted(aJob())
      yield* jobs.release(old)
      const next = yield* jobs.claim(yield* inSeconds(leaseSeconds))
      expect(Option.map(next, ({ id, attempt }) => ({ id, attempt }))).toEqual(
        Option.some({ id: old.id, attempt: 2 })
      )
    }).pipe(Effect.provide(rows))
  )
}

const waitingRoomTests = (rows: RowsLayer) => {
  it.effect("a full waiting room refuses until a job leaves it; running jobs do not count", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [first, second, third] = [aJob(), aJob(), aJob()]
      yield* jobs.insert(first, 2)
      yield* jobs.insert(second, 2)
      expect(yield* Effect.flip(jobs.insert(third, 2))).toMatchObject({ _tag: "Busy" })
      expect(yield* jobs.find(third.owner, third.id)).toEqual(Option.none())
      yield* claimed(first.id)
      yield* jobs.insert(third, 2)
      yield* jobs.cancel(second.owner, second.id)
      yield* jobs.insert(aJob(), 2)
      expect(yield* Effect.flip(jobs.insert(aJob(), 2))).toMatchObject({ _tag: "Busy" })
      yield* jobs.insert(aJob(), 3)
    }).pipe(Effect.provide(rows))
  )

  it.effect("of 20 inserts at once 5 fit into a room of 5", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const inserts = Array.from({ length: 20 }, () => Effect.either(jobs.insert(aJob(), 5)))
      const results = yield* Effect.all(inserts, { concurrency: "unbounded" })
      expect(results.filter(({ _tag }) => _tag === "Right")).toHaveLength(5)
    }).pipe(Effect.provide(rows))
  )
}

const purgeTests = (rows: RowsLayer) =>
  it.effect("forgets jobs that ended before a time, and none that live", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [completed, failed, cancelled, pending, running] = [aJob(), aJob(), aJob(), aJob(), aJob()]
      const { attempts } = yield* Limits
      expect(attempts).toBeGreaterThan(1)
      const claim = yield* started(completed)
      yield* jobs.complete(claim, publishedBy(claim))
      yield* jobs.fail(yield* started(failed), { reason: "input-missing" }, aUsage)
      yield* inserted(cancelled)
      yield* jobs.cancel(cancelled.owner, cancelled.id)
      yield* inserted(pending)
      yield* started(running)
      const ended = yield* now
      yield* TestClock.adjust("1 seconds")
      const later = yield* started(aJob())
      yield* jobs.fail(later, { reason: "input-missing" }, aUsage)

      expect(yield* jobs.purge(ended)).toBe(0)
      expect(yield* jobs.purge(new Date(ended.getTime() + 1))).toBe(3)
      for (const gone of [completed, failed, cancelled])
        expect(yield* jobs.find(gone.owner, gone.id)).toEqual(Option.none())
      for (const kept of [pending, running, later])
        expect(Option.isSome(yield* jobs.find(kept.owner, kept.id))).toBe(true)
      expect(yield* jobs.purge(yield* inSeconds(1))).toBe(1)
      yield* jobs.insert(aJob(), roomy)
    }).pipe(Effect.provide(rows))
  )
