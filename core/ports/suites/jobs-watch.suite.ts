import { Context, Effect, Fiber, Queue, Stream } from "effect"
import type { Claim, Job, JobState } from "../../job.js"
import { Limits } from "../../limits.js"
import { Jobs } from "../jobs.js"
import { expect, layer, it as plainIt } from "./effect-tests.suite.js"
import {
  aJob,
  anOwner,
  aUsage,
  claimed,
  inSeconds,
  inserted,
  leaseSeconds,
  passOnceSomebodySleeps,
  publishedBy,
  type RowsLayer,
  roomy,
  started,
  type Twins
} from "./samples.suite.js"

/**
 * The test clock does not advance by itself, so that every observed change was notified and not found by
 * polling.
 */
export const jobWatchSuite = (rows: RowsLayer, twins?: Twins): void => {
  layer(rows)((it) => {
    it.scoped("gives the job as it is, then each change at once, and ends with the last", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const job = aJob()
        yield* inserted(job)
        const watcher = yield* watching(job)
        yield* watcher.sees(({ state, attempt }) => state === "pending" && attempt === 0)
        const first = yield* claimed(job.id)
        yield* watcher.sees(({ state, progress }) => state === "processing" && progress === null)
        yield* jobs.renew(first, yield* inSeconds(leaseSeconds), 0.5)
        yield* watcher.sees(({ progress }) => progress === 0.5)
        yield* jobs.release(first)
        yield* watcher.sees(({ state, attempt }) => state === "pending" && attempt === 1)
        yield* claimed(job.id)
        yield* watcher.sees(({ state, attempt }) => state === "processing" && attempt === 2)
        yield* jobs.reclaim(yield* inSeconds(leaseSeconds + 1))
        yield* watcher.sees(({ state, attempt }) => state === "pending" && attempt === 2)
        const last = yield* claimed(job.id)
        yield* jobs.complete(last, publishedBy(last))
        yield* watcher.sees(({ state, outputs }) => state === "completed" && outputs.length === 1)
        yield* watcher.ended
      })
    )

    for (const [state, end] of endings) {
      it.scoped(`ends when the job is ${state}, also for one who comes late`, () =>
        Effect.gen(function* () {
          const jobs = yield* Jobs
          const claim = yield* started(aJob())
          const early = yield* watching(claim)
          yield* early.sees((job) => job.state === "processing")
          yield* end(claim)
          yield* early.sees((job) => job.state === state)
          yield* early.ended
          const late = yield* Stream.runCollect(jobs.watch(claim.owner, claim.id))
          expect(Array.from(late, (job) => job.state)).toEqual([state])
        })
      )
    }

    it.scoped("hears of a cancelled job", () =>
      Effect.gen(function* () {
        const job = aJob()
        yield* inserted(job)
        const watcher = yield* watching(job)
        yield* watcher.sees(({ state }) => state === "pending")
        yield* (yield* Jobs).cancel(job.owner, job.id)
        yield* watcher.sees(({ state }) => state === "cancelled")
        yield* watcher.ended
      })
    )

    it.effect("of a foreign or unknown job there is nothing to watch", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const job = aJob()
        yield* inserted(job)
        for (const [owner, id] of [
          [anOwner(), job.id],
          [job.owner, aJob().id]
        ] as const) {
          expect(yield* Effect.flip(Stream.runDrain(jobs.watch(owner, id)))).toMatchObject({
            _tag: "JobNotFound"
          })
        }
      })
    )

    it.effect("no change falls between the first look and the listening", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        for (let round = 0; round < 50; round++) {
          const claim = yield* started(aJob())
          const watcher = yield* Effect.fork(Stream.runLast(jobs.watch(claim.owner, claim.id)))
          yield* Effect.replicateEffect(Effect.yieldNow(), round % 10)
          yield* jobs.fail(claim, { reason: "input-missing" }, aUsage)
          expect(yield* Fiber.join(watcher)).toMatchObject({ value: { state: "failed" } })
        }
      })
    )

    it.scoped("all watchers of a job hear of it, and those of another do not", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const [claim, other] = [yield* started(aJob()), yield* started(aJob())]
        const watchers = yield* Effect.replicateEffect(watching(claim), 20)
        const bystander = yield* watching(other)
        for (const watcher of [...watchers, bystander])
          yield* watcher.sees(({ state }) => state === "processing")
        yield* jobs.fail(claim, { reason: "input-missing" }, aUsage)
        for (const watcher of watchers) yield* watcher.ended
        yield* jobs.renew(other, yield* inSeconds(leaseSeconds), 0.25)
        expect((yield* bystander.next).progress).toBe(0.25)
      })
    )
  })

  if (twins !== undefined) {
    plainIt.scoped("what another process did is seen by looking again", () =>
      Effect.gen(function* () {
        const [here, there] = yield* twins
        const { watchSeconds } = yield* Limits
        const job = aJob()
        yield* Context.get(here, Jobs).insert(job, roomy)
        const watcher = yield* Effect.provide(watching(job), here)
        yield* watcher.sees(({ state }) => state === "pending")
        const claim = yield* Effect.provide(claimed(job.id), there)
        yield* passOnceSomebodySleeps(watchSeconds)
        yield* watcher.sees(({ state }) => state === "processing")
        yield* Context.get(there, Jobs).complete(claim, publishedBy(claim))
        yield* passOnceSomebodySleeps(watchSeconds)
        yield* watcher.sees(({ state }) => state === "completed")
        yield* watcher.ended
      })
    )
  }
}

/** The ways a running job can end. */
const endings: ReadonlyArray<readonly [JobState, (claim: Claim) => Effect.Effect<unknown, unknown, Jobs>]> = [
  ["completed", (claim) => Effect.flatMap(Jobs, (jobs) => jobs.complete(claim, publishedBy(claim)))],
  [
    "failed",
    (claim) => Effect.flatMap(Jobs, (jobs) => jobs.fail(claim, { reason: "input-missing" }, aUsage))
  ],
  ["cancelled", (claim) => Effect.flatMap(Jobs, (jobs) => jobs.abandon(claim.owner, claim.id))]
]

/**
 * Watches in the background. `sees` skips earlier changes; a change without a notification lets the test time
 * out.
 */
const watching = (job: Pick<Job, "owner" | "id">) =>
  Effect.gen(function* () {
    const seen = yield* Queue.unbounded<Job>()
    const jobs = yield* Jobs
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(jobs.watch(job.owner, job.id), (row) => Queue.offer(seen, row))
    )
    const sees = (expected: (row: Job) => boolean): Effect.Effect<Job> =>
      Effect.flatMap(Queue.take(seen), (row) => (expected(row) ? Effect.succeed(row) : sees(expected)))
    return { next: Queue.take(seen), sees, ended: Effect.orDie(Fiber.join(fiber)) }
  })
