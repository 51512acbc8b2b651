import { Data, Effect, Option } from "effect"
import { type JobNotFound, JobNotPending, LeaseLost, type Unavailable } from "../../errors.js"
import { FileName } from "../../ids.js"
import {
  type Claim,
  type JobEvent,
  type JobState,
  type NewJob,
  next,
  statusOf,
  transitions
} from "../../job.js"
import { Limits } from "../../limits.js"
import { Directories } from "../directories.js"
import { Jobs } from "../jobs.js"
import { expect, layer } from "./effect-tests.suite.js"
import {
  aJob,
  aJobInDirectory,
  aKey,
  anOwner,
  aTask,
  aUsage,
  claimed,
  inSeconds,
  inserted,
  leaseSeconds,
  outputKey,
  publishedBy,
  type RowsLayer,
  rowOf,
  started
} from "./samples.suite.js"

/** All pairs of state and event of `transitions`, the check of the holder, and the last attempt. */
export const jobLifeSuite = (rows: RowsLayer): void =>
  layer(rows)((it) => {
    for (const [route, { state, arrive }] of Object.entries(routes)) {
      for (const event of Object.keys(transitions) as ReadonlyArray<JobEvent>) {
        const target = next(state, event)
        it.effect(
          `${route}: ${event} ${target === undefined ? "changes nothing" : `makes it ${target}`}`,
          () =>
            Effect.gen(function* () {
              const { files } = yield* Directories
              const job = yield* aJobInDirectory
              const claim = yield* arrive(job)
              const before = { job: yield* rowOf(job), files: yield* files(job.task.directory) }
              expect(before.job.state).toBe(state)
              const refusal = yield* refusalOf(send[event](claim))
              const after = { job: yield* rowOf(job), files: yield* files(job.task.directory) }
              if (target === undefined) {
                expect(refusal).toEqual(refusals(state)[event])
                expect(after).toEqual(before)
              } else {
                expect(refusal).toBeUndefined()
                expect(after.job.state).toBe(target)
                expect(after.job.attempt).toBe(
                  event === "claim" ? before.job.attempt + 1 : before.job.attempt
                )
                expect(after.job.finishedAt !== null).toBe(
                  ["completed", "failed", "cancelled"].includes(target)
                )
                expect(after.files.map(({ key }) => key)).toEqual(
                  event === "complete" ? [outputKey(claim, "out.mp4")] : []
                )
              }
            })
        )
      }
    }

    it.effect("the attempt grows with each claim", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const job = aJob()
        yield* inserted(job)
        for (const attempt of [1, 2, 3]) {
          const claim = yield* claimed(job.id)
          expect(claim.attempt).toBe(attempt)
          expect((yield* rowOf(job)).attempt).toBe(attempt)
          yield* jobs.release(claim)
        }
      })
    )

    for (const event of ["renew", "complete", "fail", "release"] as const) {
      it.effect(`${event} by a stale attempt changes nothing of the current one`, () =>
        Effect.gen(function* () {
          const jobs = yield* Jobs
          const stale = yield* started(yield* aJobInDirectory)
          yield* jobs.reclaim(yield* inSeconds(leaseSeconds + 1))
          const current = yield* claimed(stale.id)
          const before = yield* rowOf(stale)
          expect(yield* refusalOf(send[event](stale))).toEqual(new LeaseLost())
          expect(yield* rowOf(stale)).toEqual(before)
          expect(yield* (yield* Directories).files(stale.task.directory)).toEqual([])
          yield* jobs.complete(current, publishedBy(current))
        })
      )
    }

    for (const event of ["renew", "complete", "fail", "release"] as const) {
      it.effect(`${event} of a job that never was is a lost lease`, () =>
        Effect.gen(function* () {
          const { id, owner, task } = aJob()
          expect(yield* refusalOf(send[event]({ id, owner, task, attempt: 1 }))).toEqual(new LeaseLost())
        })
      )
    }

    it.effect("the holder of an abandoned job gets LeaseLost at its next renewal", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const claim = yield* started(aJob())
        yield* jobs.abandon(claim.owner, claim.id)
        expect(yield* refusalOf(send.renew(claim))).toEqual(new LeaseLost())
        expect(yield* refusalOf(send.claim(claim))).toEqual(new NothingToTake())
      })
    )

    it.effect("does not cancel or abandon a job of another owner", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const job = aJob()
        yield* inserted(job)
        expect(yield* Effect.flip(jobs.cancel(anOwner(), job.id))).toMatchObject({ _tag: "JobNotFound" })
        expect(yield* Effect.flip(jobs.cancel(job.owner, aJob().id))).toMatchObject({ _tag: "JobNotFound" })
        yield* jobs.abandon(anOwner(), job.id)
        yield* jobs.abandon(job.owner, aJob().id)
        expect((yield* rowOf(job)).state).toBe("pending")
      })
    )

    for (const event of ["release", "reclaim"] as const) {
      it.effect(`${event} on the last attempt gives the job up`, () =>
        Effect.gen(function* () {
          const { attempts } = yield* Limits
          const job = aJob()
          yield* inserted(job)
          for (let attempt = 1; attempt <= attempts; attempt++) {
            yield* send[event](yield* claimed(job.id))
            const row = yield* rowOf(job)
            expect(row).toMatchObject({ attempt, state: next("processing", event, attempt === attempts) })
            expect(row.failure).toEqual(attempt === attempts ? { reason: "worker-lost" } : null)
          }
        })
      )
    }

    it.effect("a claim carries all that its task reads, and how", () =>
      Effect.gen(function* () {
        const [inputs, files] = [
          [
            {
              name: FileName("list.txt"),
              key: aKey(),
              bytes: 20,
              options: ["-f", "concat"],
              concat: true as const
            },
            {
              name: FileName("a%d.png"),
              key: aKey(),
              bytes: 3,
              options: [],
              pictures: [{ key: aKey(), bytes: 3 }],
              gap: { missing: "a1.png", later: 2 }
            }
          ],
          [
            { name: FileName("a b.srt"), key: aKey(), bytes: 10, subtitles: true as const },
            { name: FileName("own.ttf"), key: aKey(), bytes: 9, font: true as const },
            { name: FileName("pl-0.log"), key: aKey(), bytes: 8, updated: true as const },
            { name: FileName("a.mp4"), key: aKey(), bytes: 0 }
          ]
        ]
        const log = {
          name: "pl-%d.log",
          by: "-passlogfile",
          rename: "there",
          kind: "log",
          updated: true,
          passing: true
        } as const
        const job = aJob({
          task: aTask({ inputs, files, made: [log, { name: "transforms.trf", by: "task.filter_complex" }] })
        })
        expect((yield* started(job)).task).toEqual(job.task)
      })
    )

    it.effect("what ffmpeg said is kept, with what it cost", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        for (const failure of [
          { reason: "ffmpeg", detail: 'no such filter: "scal"\nüñ' },
          { reason: "limit", detail: "it ran longer than 600 seconds" },
          { reason: "input-missing" }
        ] as const) {
          const claim = yield* started(aJob())
          yield* jobs.fail(claim, failure, aUsage)
          expect(yield* rowOf(claim)).toMatchObject({ state: "failed", failure, usage: aUsage, outputs: [] })
        }
      })
    )
  })

type Step<A> = Effect.Effect<A, unknown, Jobs | Directories>

/** How a job gets into each state. Returns its last claim, or one with attempt 0 if it was never claimed. */
const routes: Readonly<
  Record<string, { readonly state: JobState; readonly arrive: (job: NewJob) => Step<Claim> }>
> = {
  pending: {
    state: "pending",
    arrive: (job) => Effect.as(inserted(job), { id: job.id, owner: job.owner, task: job.task, attempt: 0 })
  },
  processing: { state: "processing", arrive: started },
  "pending again": {
    state: "pending",
    arrive: (job) => Effect.tap(started(job), (claim) => send.release(claim))
  },
  "processing again": {
    state: "processing",
    arrive: (job) =>
      Effect.flatMap(started(job), (claim) => Effect.zipRight(send.release(claim), claimed(job.id)))
  },
  completed: {
    state: "completed",
    arrive: (job) => Effect.tap(started(job), (claim) => send.complete(claim))
  },
  failed: { state: "failed", arrive: (job) => Effect.tap(started(job), (claim) => send.fail(claim)) },
  cancelled: {
    state: "cancelled",
    arrive: (job) =>
      Effect.zipRight(
        inserted(job),
        Effect.tap(Effect.succeed({ ...job, attempt: 0 }), (claim) => send.cancel(claim))
      )
  },
  "abandoned while it ran": {
    state: "cancelled",
    arrive: (job) => Effect.tap(started(job), (claim) => send.abandon(claim))
  }
}

/**
 * How each event is caused. Succeeds if it took effect or was ignored as specified; fails if it was refused.
 */
const send: {
  readonly [E in JobEvent]: (
    claim: Claim
  ) => Effect.Effect<unknown, JobNotFound | JobNotPending | LeaseLost | NothingToTake | Unavailable, Jobs>
} = {
  claim: ({ id }) =>
    Effect.gen(function* () {
      const claim = yield* (yield* Jobs).claim(yield* inSeconds(leaseSeconds), id)
      // Earlier tests may have left waiting jobs.
      if (Option.isNone(claim) || claim.value.id !== id) return yield* new NothingToTake()
    }),
  renew: (claim) =>
    Effect.flatMap(Jobs, (jobs) =>
      Effect.flatMap(inSeconds(2 * leaseSeconds), (until) => jobs.renew(claim, until, 0.5))
    ),
  complete: (claim) => Effect.flatMap(Jobs, (jobs) => jobs.complete(claim, publishedBy(claim))),
  fail: (claim) =>
    Effect.flatMap(Jobs, (jobs) => jobs.fail(claim, { reason: "ffmpeg", detail: "it said no" }, aUsage)),
  release: (claim) => Effect.flatMap(Jobs, (jobs) => jobs.release(claim)),
  reclaim: () => Effect.flatMap(Jobs, (jobs) => Effect.flatMap(inSeconds(10 * leaseSeconds), jobs.reclaim)),
  cancel: ({ owner, id }) => Effect.flatMap(Jobs, (jobs) => jobs.cancel(owner, id)),
  abandon: ({ owner, id }) => Effect.flatMap(Jobs, (jobs) => jobs.abandon(owner, id)),
  expire: () => Effect.flatMap(Jobs, (jobs) => Effect.flatMap(inSeconds(10 * leaseSeconds), jobs.expire))
}

class NothingToTake extends Data.TaggedError("NothingToTake") {}

/** The error of a refused event; undefined if it is ignored silently. */
const refusals = (state: JobState): { readonly [E in JobEvent]: unknown } => ({
  claim: new NothingToTake(),
  renew: new LeaseLost(),
  complete: new LeaseLost(),
  fail: new LeaseLost(),
  release: new LeaseLost(),
  reclaim: undefined,
  cancel: new JobNotPending({ status: statusOf(state) }),
  abandon: undefined,
  expire: undefined
})

const refusalOf = <E, R>(event: Effect.Effect<unknown, E, R>): Effect.Effect<E | undefined, never, R> =>
  Effect.match(event, { onFailure: (error) => error, onSuccess: () => undefined })
