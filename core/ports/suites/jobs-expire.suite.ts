import { Effect, Option, TestClock } from "effect"
import { Jobs } from "../jobs.js"
import { Outbox } from "../outbox.js"
import { expect, it as plainIt } from "./effect-tests.suite.js"
import {
  aJob,
  anOwner,
  inSeconds,
  inserted,
  leaseSeconds,
  now,
  type Rows,
  type RowsLayer,
  roomy,
  rowOf,
  started
} from "./samples.suite.js"

/** Waiting jobs that no worker or runner can run. */
export const jobExpireSuite = (rows: RowsLayer): void => {
  const it = (title: string, test: Effect.Effect<void, unknown, Rows>) =>
    plainIt.effect(title, () => test.pipe(Effect.provide(rows)))
  const expire = Effect.flatMap(Jobs, (jobs) => Effect.flatMap(now, jobs.expire))

  it(
    "fail with what they ask for, and owe their webhook; their owner has the place again",
    Effect.gen(function* () {
      const [jobs, outbox] = [yield* Jobs, yield* Outbox]
      const job = aJob({
        tags: ["gpu"],
        needs: ["encoder:h264_nvenc"],
        webhookUrl: "https://example.com/hook"
      })
      yield* jobs.insert(job, 1)
      yield* TestClock.adjust("1 seconds")
      expect(yield* expire).toBe(1)
      expect(yield* rowOf(job)).toMatchObject({
        state: "failed",
        attempt: 0,
        finishedAt: yield* now,
        failure: {
          reason: "no-worker",
          detail: 'no worker or runner with all of "gpu", "encoder:h264_nvenc" was available for 3600 s'
        }
      })
      expect(Option.map(yield* outbox.claim(yield* inSeconds(60)), ({ jobId }) => jobId)).toEqual(
        Option.some(job.id)
      )
      expect(yield* expire).toBe(0)
      yield* jobs.insert(aJob({ owner: job.owner }), 1)
    })
  )

  it(
    "stay while a taker marks them as runnable, by tags, needs and owners",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const owner = anOwner()
      const [plain, tagged, needy] = [aJob(), aJob({ tags: ["gpu"] }), aJob({ owner, needs: ["filter:a"] })]
      yield* Effect.forEach([plain, tagged, needy], inserted)
      yield* TestClock.adjust("1 seconds")
      const before = yield* now
      expect(
        yield* jobs.markRunnable({ tags: ["other"], meets: (needs) => needs.length === 0 }, before)
      ).toBe(1)
      expect(yield* jobs.markRunnable({ tags: ["gpu", "other"], except: [owner] }, before)).toBe(1)
      expect(yield* jobs.markRunnable({ tags: ["gpu"], meets: () => false }, before)).toBe(0)
      expect(yield* expire).toBe(1)
      const states = Effect.forEach([plain, tagged, needy], (job) =>
        Effect.map(rowOf(job), ({ state }) => state)
      )
      expect(yield* states).toEqual(["pending", "pending", "failed"])
      yield* TestClock.adjust("1 seconds")
      expect(yield* expire).toBe(2)
    })
  )

  it(
    "are noted once in a while: who was noted since a time is not noted again",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* inserted(aJob())
      expect(yield* jobs.markRunnable({}, yield* now)).toBe(0)
      yield* TestClock.adjust("1 seconds")
      expect(yield* jobs.markRunnable({}, yield* now)).toBe(1)
      expect(yield* jobs.markRunnable({}, yield* now)).toBe(0)
    })
  )

  it(
    "are those that wait: what runs stays, and what was given back waits anew",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [running, back] = [yield* started(aJob()), yield* started(aJob())]
      yield* TestClock.adjust("1 seconds")
      yield* jobs.release(back)
      expect(yield* expire).toBe(0)
      yield* TestClock.adjust("1 seconds")
      expect(yield* expire).toBe(1)
      expect([(yield* rowOf(running)).state, (yield* rowOf(back)).state]).toEqual(["processing", "failed"])
      yield* jobs.reclaim(yield* inSeconds(leaseSeconds + 1))
      expect(yield* expire).toBe(0)
      yield* jobs.insert(aJob(), roomy)
    })
  )
}
