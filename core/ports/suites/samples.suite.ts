import { Clock, type Context, Effect, type Layer, type Scope, TestClock, TestServices } from "effect"
import type { Directory, StoredFile } from "../../directory.js"
import { type BlobKey, blobKey, DirId, FileName, JobId, OwnerId, RunnerName } from "../../ids.js"
import type { Claim, Job, NewJob } from "../../job.js"
import type { Capabilities } from "../../needs.js"
import { outputSlot } from "../../plan.js"
import type { ProbeRequest } from "../../probe.js"
import type { ResolvedTask } from "../../task.js"
import type { Usage } from "../../usage.js"
import { Directories } from "../directories.js"
import { Jobs, type Published } from "../jobs.js"
import type { Try } from "../outbox.js"
import type { Rows } from "../rows.js"
import type { RunnerProcess } from "../runners.js"

export type { Rows } from "../rows.js"

/**
 * Each build must be a new empty database. Suites build it once for most tests, and again for tests that
 * count rows.
 */
export type RowsLayer = Layer.Layer<Rows, unknown>

/** Two instances on one empty database, as in two processes. */
export type Twins = Effect.Effect<
  readonly [Context.Context<Rows>, Context.Context<Rows>],
  unknown,
  Scope.Scope
>

const random = () => crypto.randomUUID().replaceAll("-", "")

export const anOwner = () => OwnerId(`key_${random()}`)
export const aJobId = () => JobId(`job_${random()}`)
export const aDirId = () => DirId(`dir_${random()}`)
export const aSlot = () => `blob_${random()}`
export const aRunnerName = () => RunnerName(`box_${random()}`)
export const aKey = (dir: DirId = aDirId(), name = "a.mp4") => blobKey(dir, aSlot(), FileName(name))

export const now = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis))
export const inSeconds = (seconds: number) =>
  Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis + seconds * 1000))

/** A probe request with only the fields of `over`. */
export const aProbeRequest = (over: Partial<ProbeRequest> = {}): ProbeRequest => ({
  sections: {},
  selectStreams: null,
  readIntervals: null,
  countFrames: false,
  countPackets: false,
  analyzeMicroseconds: null,
  probeBytes: null,
  ...over
})

/** A task that reads one stored file of its directory and creates `out.mp4`. */
export const aTask = (over: Partial<ResolvedTask> = {}): ResolvedTask => {
  const directory = over.directory ?? aDirId()
  return {
    directory,
    inputs: [
      { name: FileName("in.mp4"), key: aKey(directory, "in.mp4"), bytes: 1000, options: ["-ss", "1"] }
    ],
    outputs: [{ name: FileName("out.mp4"), options: ["-crf", "23"], maps: ["0:v"] }],
    filterComplex: null,
    ...over
  }
}

export const aJob = (over: Partial<NewJob> = {}): NewJob => ({
  id: aJobId(),
  owner: anOwner(),
  task: aTask(),
  tags: [],
  needs: [],
  priority: 0,
  webhookUrl: null,
  baseUrl: "https://api.example.com",
  idempotencyKey: null,
  ...over
})

export const aUsage: Usage = { seconds: 1.5, inputBytes: 1000, outputBytes: 70 }

/** The result of a run of `claim`: one blob of 70 bytes for each name, in the slot of the attempt. */
export const publishedBy = (claim: Claim, ...names: ReadonlyArray<string>): Published => ({
  outputs: (names.length === 0 ? ["out.mp4"] : names).map((name) => ({
    name: FileName(name),
    blob: { key: outputKey(claim, name), bytes: 70, modifiedAt: new Date(0) }
  })),
  usage: aUsage,
  warnings: []
})

export const outputKey = (claim: Pick<Claim, "id" | "attempt" | "task">, name: string): BlobKey =>
  blobKey(claim.task.directory, outputSlot(claim), FileName(name))

export const aDirectory = (over: Partial<Directory> = {}): Effect.Effect<Directory> =>
  Effect.map(now, (createdAt) => ({ id: aDirId(), owner: anOwner(), ttlSeconds: 3600, createdAt, ...over }))

export const aFile = (over: Partial<StoredFile> = {}): Effect.Effect<StoredFile> =>
  Effect.map(now, (addedAt) => {
    const dir = over.dir ?? aDirId()
    const name = over.name ?? FileName("a.mp4")
    return { dir, name, key: aKey(dir, name), bytes: 1000, origin: "upload", addedAt, ...over }
  })

/** The capabilities of a minimal ffmpeg. */
export const someCapabilities = (over: Partial<Capabilities> = {}): Capabilities => ({
  version: "5.1.9",
  encoders: ["libx264", "aac"],
  decoders: ["h264"],
  filters: ["scale"],
  muxers: ["mp4"],
  demuxers: ["mov"],
  hardware: [],
  cores: 4,
  tags: [],
  ...over
})

export const aProcess = (over: Partial<RunnerProcess> = {}): RunnerProcess => ({
  id: random(),
  slots: 2,
  running: [],
  capabilities: someCapabilities(),
  ...over
})

/** A new job with a live directory of its owner. */
export const aJobInDirectory = Effect.gen(function* () {
  const { id, owner } = yield* Effect.tap(aDirectory(), (directory) =>
    Effect.flatMap(Directories, ({ create }) => create(directory))
  )
  return aJob({ owner, task: aTask({ directory: id }) })
})

/** More waiting jobs than any test inserts. */
export const roomy = 1_000_000
export const leaseSeconds = 60

/** Inserts the job and returns its row. */
export const inserted = (job: NewJob) =>
  Effect.gen(function* () {
    yield* (yield* Jobs).insert(job, roomy)
    return yield* rowOf(job)
  })

/** Claims this job, which must be pending. Other jobs that earlier tests left are released and skipped. */
export const claimed = (
  id: JobId,
  except: ReadonlyArray<OwnerId> = []
): Effect.Effect<Claim, unknown, Jobs> =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const claim = yield* Effect.orDie(yield* jobs.claim(yield* inSeconds(leaseSeconds), id, { except }))
    if (claim.id === id) return claim
    if (except.includes(claim.owner))
      return yield* Effect.dieMessage(`it was the turn of ${claim.id}, not of ${id}`)
    yield* jobs.release(claim)
    return yield* claimed(id, [...except, claim.owner])
  })

/** Inserts and claims the job. */
export const started = (job: NewJob) => Effect.zipRight(inserted(job), claimed(job.id))

/** The job's row, which must exist. */
export const rowOf = (job: {
  readonly owner: OwnerId
  readonly id: JobId
}): Effect.Effect<Job, unknown, Jobs> =>
  Effect.gen(function* () {
    return yield* Effect.orDie(yield* (yield* Jobs).find(job.owner, job.id))
  })

/** Waits in real time until the condition holds, at most until the test's timeout. */
export const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (holds) =>
    holds
      ? Effect.void
      : Effect.zipRight(TestServices.provideLive(Effect.sleep("1 millis")), until(condition))
  )

/** Advances the test clock by `seconds` once a fiber sleeps, so that no fiber registers too late. */
export const passOnceSomebodySleeps = (seconds: number) =>
  Effect.zipRight(
    until(Effect.map(TestClock.sleeps(), (sleeps) => sleeps.length > 0)),
    TestClock.adjust(`${seconds} seconds`)
  )

/** A failed job whose webhook is due. */
export const endedJob = (over: Partial<NewJob> = {}) =>
  Effect.gen(function* () {
    const job = aJob({ webhookUrl: "https://example.com/hook?x=ü", ...over })
    yield* (yield* Jobs).fail(yield* started(job), { reason: "input-missing" }, aUsage)
    return job
  })

/** A try now with the response status 500. */
export const aTry = (over: Partial<Try> = {}): Effect.Effect<Try> =>
  Effect.map(now, (at) => ({ at, seconds: 0.25, status: 500, error: "the receiver answered 500", ...over }))

/**
 * Runs the effects concurrently and switches every few steps; otherwise each would end before the next
 * starts. Starting and yielding take steps too (with fewer than ten no effect makes progress). An SQL
 * statement takes far more than sixteen.
 */
export const interleaved = <A, E, R>(
  effects: ReadonlyArray<Effect.Effect<A, E, R>>
): Effect.Effect<Array<A>, E, R> =>
  Effect.withMaxOpsBeforeYield(Effect.all(effects, { concurrency: "unbounded" }), 16)
