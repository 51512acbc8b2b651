import { Effect, Option, TestClock } from "effect"
import type { Origin } from "../../directory.js"
import { LeaseLost } from "../../errors.js"
import { FileName } from "../../ids.js"
import { type Claim, type NewJob, nameTaken } from "../../job.js"
import { defaultLimits, Limits } from "../../limits.js"
import { Directories } from "../directories.js"
import { Jobs } from "../jobs.js"
import { Outbox } from "../outbox.js"
import { describe, expect, it, layer } from "./effect-tests.suite.js"
import {
  aDirectory,
  aFile,
  aJob,
  aJobInDirectory,
  aTask,
  aUsage,
  claimed,
  inSeconds,
  inserted,
  leaseSeconds,
  now,
  outputKey,
  publishedBy,
  type Rows,
  type RowsLayer,
  rowOf,
  started
} from "./samples.suite.js"

/** The results of a job, which are published completely or not at all. */
export const jobPublishSuite = (rows: RowsLayer): void => {
  describe("files", () => fileTests(rows))
  describe("webhooks", () => webhookTests(rows))
}

const startedInDirectory = Effect.flatMap(aJobInDirectory, started)

/** Another job of the same owner and directory. */
const startedIn = (directory: {
  readonly id: NewJob["task"]["directory"]
  readonly owner: NewJob["owner"]
}) => started(aJob({ owner: directory.owner, task: aTask({ directory: directory.id }) }))

const fileTests = (rows: RowsLayer) =>
  layer(rows)((it) => {
    it.effect("a completed job has its outputs in order, usage and warnings, and each output is a file", () =>
      Effect.gen(function* () {
        const [jobs, directories] = [yield* Jobs, yield* Directories]
        const claim = yield* startedInDirectory
        yield* TestClock.adjust("2 seconds")
        const published = {
          ...publishedBy(claim, "z.m3u8", "b0.ts", "a'\"%_ü.ts"),
          warnings: ["output 0 is shorter than asked"]
        }
        yield* jobs.complete(claim, published)
        const addedAt = yield* now
        expect(yield* rowOf(claim)).toMatchObject({
          state: "completed",
          outputs: published.outputs.map(({ name, blob }) => ({ name, bytes: blob.bytes })),
          usage: aUsage,
          warnings: published.warnings,
          failure: null,
          finishedAt: addedAt
        })
        for (const { name, blob } of published.outputs) {
          expect(yield* directories.file(claim.task.directory, name)).toEqual(
            Option.some({
              dir: claim.task.directory,
              name,
              key: blob.key,
              bytes: blob.bytes,
              origin: "output",
              addedAt
            })
          )
        }
        expect(yield* directories.files(claim.task.directory)).toHaveLength(3)
      })
    )

    it.effect(
      "an earlier output of the same name is replaced, and nothing refers to its bytes any more",
      () =>
        Effect.gen(function* () {
          const [jobs, directories] = [yield* Jobs, yield* Directories]
          const first = yield* startedInDirectory
          yield* jobs.complete(first, publishedBy(first, "out.mp4", "other.mp4"))
          const second = yield* startedIn({ id: first.task.directory, owner: first.owner })
          yield* jobs.complete(second, publishedBy(second, "out.mp4"))
          const files = yield* directories.files(first.task.directory)
          const keyOf = (name: string) => files.filter((file) => file.name === name).map(({ key }) => key)
          expect(keyOf("out.mp4")).toEqual([outputKey(second, "out.mp4")])
          expect(keyOf("other.mp4")).toEqual([outputKey(first, "other.mp4")])
          expect(
            yield* directories.unreferenced([outputKey(first, "out.mp4"), outputKey(first, "other.mp4")])
          ).toEqual([outputKey(first, "out.mp4")])
        })
    )

    it.effect("two jobs that end at once under one name leave one file", () =>
      Effect.gen(function* () {
        const [jobs, directories] = [yield* Jobs, yield* Directories]
        const first = yield* startedInDirectory
        const second = yield* startedIn({ id: first.task.directory, owner: first.owner })
        yield* Effect.all(
          [jobs.complete(first, publishedBy(first)), jobs.complete(second, publishedBy(second))],
          {
            concurrency: "unbounded"
          }
        )
        expect(yield* directories.files(first.task.directory)).toHaveLength(1)
        expect([(yield* rowOf(first)).state, (yield* rowOf(second)).state]).toEqual([
          "completed",
          "completed"
        ])
      })
    )

    for (const [what, origin, bytes] of [
      ["an upload", "upload", 5],
      ["a registered upload", "upload", null],
      ["an import", "import", 5]
    ] as ReadonlyArray<readonly [string, Origin, number | null]>) {
      it.effect(
        `${what} that took an output's name stays, and the job fails without publishing anything`,
        () =>
          Effect.gen(function* () {
            const [jobs, directories] = [yield* Jobs, yield* Directories]
            const earlier = yield* startedInDirectory
            yield* jobs.complete(earlier, publishedBy(earlier, "first.mp4"))
            const claim = yield* startedIn({ id: earlier.task.directory, owner: earlier.owner })
            const taken = yield* aFile({
              dir: claim.task.directory,
              name: FileName("taken.mp4"),
              origin,
              bytes
            })
            yield* directories.addFile(taken)
            const before = yield* directories.files(claim.task.directory)
            yield* jobs.complete(claim, publishedBy(claim, "first.mp4", "taken.mp4", "new.mp4"))
            expect(yield* rowOf(claim)).toMatchObject({
              state: "failed",
              failure: nameTaken(taken.name),
              usage: aUsage,
              outputs: [],
              finishedAt: yield* now
            })
            expect(yield* directories.files(claim.task.directory)).toEqual(before)
            expect(yield* Effect.flip(jobs.renew(claim, yield* inSeconds(leaseSeconds), null))).toEqual(
              new LeaseLost()
            )
          })
      )
    }

    it.effect(
      "outputs that do not fit into their directory fail the job, and those that replace others always fit",
      () =>
        Effect.gen(function* () {
          const [jobs, directories] = [yield* Jobs, yield* Directories]
          const first = yield* startedInDirectory
          const { directory } = first.task
          const next = Effect.suspend(() => startedIn({ id: directory, owner: first.owner }))
          expect(yield* jobs.complete(first, publishedBy(first, "a", "b"))).toBe(true)
          const second = yield* next
          expect(yield* jobs.complete(second, publishedBy(second, "b", "c", "d"))).toBe(false)
          const detail =
            "the outputs do not fit into their directory: at most 3 are allowed, delete some or use another directory"
          expect(yield* rowOf(second)).toMatchObject({
            state: "failed",
            failure: { reason: "limit", detail },
            usage: aUsage,
            outputs: []
          })
          expect((yield* directories.files(directory)).map(({ key }) => key)).toEqual([
            outputKey(first, "a"),
            outputKey(first, "b")
          ])
          const third = yield* next
          expect(yield* jobs.complete(third, publishedBy(third, "b", "c"))).toBe(true)
          const fourth = yield* next
          expect(yield* jobs.complete(fourth, publishedBy(fourth, "a", "b", "c"))).toBe(true)
          expect(yield* directories.files(directory)).toHaveLength(3)
        }).pipe(
          Effect.provide(rows),
          Effect.provideService(Limits, { ...defaultLimits, filesPerDirectory: 3 })
        )
    )

    it.effect("outputs that lead their owner past the files of all directories fail the job", () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const first = yield* startedInDirectory
        expect(yield* jobs.complete(first, publishedBy(first, "a", "b"))).toBe(true)
        const other = yield* aDirectory({ owner: first.owner })
        yield* (yield* Directories).create(other)
        const second = yield* startedIn(other)
        expect(yield* jobs.complete(second, publishedBy(second, "c", "d"))).toBe(false)
        const detail =
          "the outputs do not fit among the files of this API key: at most 3 are allowed in all its directories, delete some or try again when directories have expired"
        expect(yield* rowOf(second)).toMatchObject({
          state: "failed",
          failure: { reason: "limit", detail },
          outputs: []
        })
      }).pipe(Effect.provide(rows), Effect.provideService(Limits, { ...defaultLimits, filesPerKey: 3 }))
    )

    it.effect("a directory that expired meanwhile still takes the outputs", () =>
      Effect.gen(function* () {
        const [jobs, directories] = [yield* Jobs, yield* Directories]
        const directory = yield* aDirectory({ ttlSeconds: 60 })
        yield* directories.create(directory)
        const claim = yield* startedIn(directory)
        yield* TestClock.adjust("61 seconds")
        yield* jobs.complete(claim, publishedBy(claim))
        expect((yield* rowOf(claim)).state).toBe("completed")
        expect(yield* directories.files(directory.id)).toHaveLength(1)
      })
    )

    it.effect("without its directory a job completes, and no file row keeps the bytes", () =>
      Effect.gen(function* () {
        const [jobs, directories] = [yield* Jobs, yield* Directories]
        const claim = yield* started(aJob())
        yield* jobs.complete(claim, publishedBy(claim))
        expect(yield* rowOf(claim)).toMatchObject({
          state: "completed",
          outputs: [{ name: "out.mp4", bytes: 70 }]
        })
        expect(yield* directories.files(claim.task.directory)).toEqual([])
        expect(yield* directories.unreferenced([outputKey(claim, "out.mp4")])).toEqual([
          outputKey(claim, "out.mp4")
        ])
      })
    )

    it.effect("a completion that comes twice publishes once", () =>
      Effect.gen(function* () {
        const [jobs, directories] = [yield* Jobs, yield* Directories]
        const claim = yield* startedInDirectory
        const complete = Effect.either(jobs.complete(claim, publishedBy(claim)))
        const results = yield* Effect.all([complete, complete, complete], { concurrency: "unbounded" })
        expect(results.filter(({ _tag }) => _tag === "Right")).toHaveLength(1)
        expect(yield* directories.files(claim.task.directory)).toHaveLength(1)
      })
    )
  })

const webhookTests = (rows: RowsLayer) => {
  for (const [ending, { owes, end }] of Object.entries(endings)) {
    for (const webhookUrl of ["https://example.com/hook", null]) {
      const count = owes && webhookUrl !== null ? 1 : 0
      it.effect(
        `${count === 0 ? "none" : "one"} is owed for a job with ${webhookUrl === null ? "no" : "a"} URL that ${ending}`,
        () =>
          Effect.gen(function* () {
            const job = { ...(yield* aJobInDirectory), webhookUrl }
            yield* inserted(job)
            yield* end(job)
            const owed = yield* owedNow
            expect(owed.map(({ jobId, owner, url, attempt }) => ({ jobId, owner, url, attempt }))).toEqual(
              Array.from({ length: count }, () => ({
                jobId: job.id,
                owner: job.owner,
                url: webhookUrl,
                attempt: 1
              }))
            )
          }).pipe(Effect.provide(rows))
      )
    }
  }
}

const owedNow = Effect.gen(function* () {
  const outbox = yield* Outbox
  const until = yield* inSeconds(60)
  const owed = []
  while (true) {
    const delivery = yield* outbox.claim(until)
    if (Option.isNone(delivery)) return owed
    owed.push(delivery.value)
  }
})

const withClaim = (job: NewJob, act: (claim: Claim) => Effect.Effect<unknown, unknown, Rows>) =>
  Effect.flatMap(claimed(job.id), act)

const timesUntilLast = (job: NewJob, act: (claim: Claim) => Effect.Effect<unknown, unknown, Rows>) =>
  Effect.flatMap(Limits, ({ attempts }) => Effect.replicateEffect(withClaim(job, act), attempts))

/** The ways a job stops running, and whether a webhook is due. */
const endings: Readonly<
  Record<
    string,
    { readonly owes: boolean; readonly end: (job: NewJob) => Effect.Effect<unknown, unknown, Rows> }
  >
> = {
  completes: {
    owes: true,
    end: (job) =>
      withClaim(job, (claim) => Effect.flatMap(Jobs, (jobs) => jobs.complete(claim, publishedBy(claim))))
  },
  fails: {
    owes: true,
    end: (job) =>
      withClaim(job, (claim) =>
        Effect.flatMap(Jobs, (jobs) => jobs.fail(claim, { reason: "input-missing" }, aUsage))
      )
  },
  "fails for a taken name": {
    owes: true,
    end: (job) =>
      Effect.gen(function* () {
        yield* (yield* Directories).addFile(
          yield* aFile({ dir: job.task.directory, name: FileName("out.mp4") })
        )
        const claim = yield* claimed(job.id)
        yield* (yield* Jobs).complete(claim, publishedBy(claim))
      })
  },
  "was released": {
    owes: false,
    end: (job) => withClaim(job, (claim) => Effect.flatMap(Jobs, (jobs) => jobs.release(claim)))
  },
  "was released on its last attempt": {
    owes: true,
    end: (job) => timesUntilLast(job, (claim) => Effect.flatMap(Jobs, (jobs) => jobs.release(claim)))
  },
  "was taken back": { owes: false, end: (job) => withClaim(job, () => takeBack) },
  "was taken back on its last attempt": { owes: true, end: (job) => timesUntilLast(job, () => takeBack) },
  "was cancelled": {
    owes: false,
    end: (job) => Effect.flatMap(Jobs, (jobs) => jobs.cancel(job.owner, job.id))
  },
  "was abandoned while it waited": {
    owes: false,
    end: (job) => Effect.flatMap(Jobs, (jobs) => jobs.abandon(job.owner, job.id))
  },
  "was abandoned while it ran": {
    owes: false,
    end: (job) => withClaim(job, () => Effect.flatMap(Jobs, (jobs) => jobs.abandon(job.owner, job.id)))
  },
  "was completed by a holder that had lost it": {
    owes: false,
    end: (job) =>
      withClaim(job, (claim) =>
        Effect.zipRight(
          takeBack,
          Effect.flatMap(Jobs, (jobs) => Effect.flip(jobs.complete(claim, publishedBy(claim))))
        )
      )
  },
  "was failed by a holder that had lost it": {
    owes: false,
    end: (job) =>
      withClaim(job, (claim) =>
        Effect.zipRight(
          takeBack,
          Effect.flatMap(Jobs, (jobs) => Effect.flip(jobs.fail(claim, { reason: "input-missing" }, aUsage)))
        )
      )
  }
}

const takeBack = Effect.flatMap(Jobs, (jobs) => Effect.flatMap(inSeconds(leaseSeconds + 1), jobs.reclaim))
