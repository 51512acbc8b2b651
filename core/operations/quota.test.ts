import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Stream, TestClock } from "effect"
import { noQuota, type Quota } from "../account.js"
import { FileName, type OwnerId } from "../ids.js"
import { Accounts } from "../ports/accounts.js"
import { Directories } from "../ports/directories.js"
import { Jobs } from "../ports/jobs.js"
import { Storage } from "../ports/storage.js"
import { anOwner, aProbeRequest, claimed, publishedBy } from "../ports/suites/samples.suite.js"
import type { Usage } from "../usage.js"
import { analyze } from "./analyze.js"
import { findJob } from "./await-job.js"
import { cancelJob } from "./cancel.js"
import { createDirectory } from "./directories.js"
import { deleteFile, listFiles, receiveFile, registerFile, storeFile } from "./files.js"
import { storedBytes } from "./quota.js"
import { submit } from "./submit.js"
import { sweep } from "./sweep.js"
import { bytes, taskOn, world } from "./world.suite.js"

const quiet = { webhookUrl: null }
const name = FileName("in.mp4")
const GiB = 2 ** 30
const month = "31 days"

/** The owner of a new key with this quota. */
const allowed = (quota: Partial<Quota>) =>
  Effect.gen(function* () {
    return (yield* (yield* Accounts).issue({ name: "", quota: { ...noQuota, ...quota } })).id
  })

/** A directory that holds `in.mp4`, seven bytes. */
const withFile = (owner: OwnerId) =>
  Effect.gen(function* () {
    const { id } = yield* createDirectory(owner, null)
    yield* storeFile(owner, { name, dir: id }, bytes("content"))
    return id
  })

const submitted = (owner: OwnerId) =>
  Effect.flatMap(withFile(owner), (dir) => submit(owner, taskOn(dir), quiet))

const probed = (owner: OwnerId) =>
  Effect.gen(function* () {
    const dir = yield* withFile(owner)
    const probe = aProbeRequest({ sections: { format: "all" } })
    return yield* analyze(owner, { source: { _tag: "Stored", dir, name }, probe })
  })

const refusal = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  call: Effect.Effect<A, E, R>
) => Effect.map(Effect.flip(call), (error) => [error._tag, error.message])

/** One GiB-second. */
const one: Usage = { seconds: 1, inputBytes: GiB, outputBytes: 0 }

describe("jobs a month", () => {
  const spent = [
    "QuotaExceeded",
    "Quota exceeded: 2 jobs a month are allowed, and they are used or under way"
  ]

  it.effect("count from the moment they are accepted, and next month is free again", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ jobsPerMonth: 2 })
      const jobs = yield* Jobs
      const first = yield* submitted(owner)
      yield* submitted(owner)
      expect(yield* refusal(submitted(owner))).toEqual(spent)
      // Running and over, it counts as before.
      const claim = yield* claimed(first)
      expect(yield* refusal(submitted(owner))).toEqual(spent)
      yield* jobs.complete(claim, publishedBy(claim))
      expect(yield* refusal(submitted(owner))).toEqual(spent)
      yield* TestClock.adjust(month)
      // The other one still waits.
      yield* submitted(owner)
      expect(yield* refusal(submitted(owner))).toEqual(spent)
    }).pipe(Effect.provide(world()))
  )

  it.effect("that failed count, that were cancelled do not", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ jobsPerMonth: 2 })
      yield* cancelJob(owner, yield* submitted(owner))
      yield* (yield* Jobs).fail(
        yield* claimed(yield* submitted(owner)),
        { reason: "ffmpeg", detail: "no" },
        one
      )
      yield* submitted(owner)
      expect(yield* refusal(submitted(owner))).toEqual(spent)
    }).pipe(Effect.provide(world()))
  )

  it.effect("are no reason to refuse a probe or a file, nor another owner", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ jobsPerMonth: 0 })
      expect((yield* refusal(submitted(owner)))[0]).toBe("QuotaExceeded")
      yield* probed(owner)
      yield* submitted(yield* allowed({ jobsPerMonth: 1 }))
      yield* submitted(anOwner())
    }).pipe(Effect.provide(world()))
  )
})

describe("GB-seconds a month", () => {
  const spent = ["QuotaExceeded", "Quota exceeded: 2 GB-seconds a month are allowed, and they are used"]

  it.effect(
    "are those of jobs that completed or failed and of probes; then jobs and probes are refused until next month",
    () =>
      Effect.gen(function* () {
        const owner = yield* allowed({ gibSecondsPerMonth: 2 })
        yield* (yield* Jobs).fail(
          yield* claimed(yield* submitted(owner)),
          { reason: "ffmpeg", detail: "no" },
          one
        )
        yield* probed(owner)
        const claim = yield* claimed(yield* submitted(owner))
        yield* (yield* Jobs).complete(claim, { ...publishedBy(claim), usage: one })
        expect(yield* refusal(submitted(owner))).toEqual(spent)
        expect(yield* refusal(probed(owner))).toEqual(spent)
        yield* registerFile(owner, { name, dir: null })
        yield* TestClock.adjust(month)
        yield* submitted(owner)
        yield* probed(owner)
      }).pipe(Effect.provide(world()))
  )

  it.effect("a probe is charged, as its answer says", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({})
      const { usage } = yield* probed(owner)
      expect(yield* (yield* Accounts).account(owner)).toMatchObject({ probes: 1, jobs: 0, usage })
    }).pipe(Effect.provide(world()))
  )
})

describe("stored bytes", () => {
  const full = (stored: number) => [
    "QuotaExceeded",
    `Quota exceeded: 10 stored bytes are allowed, and ${stored} are stored: delete files or let directories expire`
  ]

  it.effect("that are used up refuse new files and jobs until something is deleted", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ storedBytes: 10 })
      const dir = yield* withFile(owner)
      yield* submit(owner, taskOn(dir), quiet)
      yield* storeFile(owner, { name: FileName("b"), dir }, bytes("123"))
      expect(yield* refusal(registerFile(owner, { name: FileName("c"), dir }))).toEqual(full(10))
      expect(yield* refusal(storeFile(owner, { name: FileName("c"), dir }, bytes("1")))).toEqual(full(10))
      expect(yield* refusal(submit(owner, taskOn(dir), quiet))).toEqual(full(10))
      yield* deleteFile(owner, dir, FileName("b"))
      yield* registerFile(owner, { name: FileName("c"), dir })
    }).pipe(Effect.provide(world()))
  )

  const doesNotFit = (stored: number, coming = "") => [
    "QuotaExceeded",
    `Quota exceeded: 10 stored bytes are allowed, ${stored} are stored${coming}, and this does not fit: delete files or let directories expire`
  ]

  it.effect("that are left bound the next upload, which leaves nothing", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ storedBytes: 10 })
      const dir = yield* withFile(owner)
      const { file } = yield* registerFile(owner, { name: FileName("b"), dir })
      for (const announced of [null, 4]) {
        expect(yield* refusal(receiveFile(owner, file.key, bytes("1234"), announced))).toEqual(doesNotFit(7))
      }
      expect(yield* refusal(storeFile(owner, { name: FileName("c"), dir }, bytes("1234")))).toEqual(
        doesNotFit(7)
      )
      expect((yield* listFiles(owner, dir)).map((found) => found.name)).toEqual([name])
      expect(yield* Stream.runCount((yield* Storage).list(`${dir}/`))).toBe(1)
      yield* receiveFile(owner, file.key, bytes("123"), 3)
      // The same file again replaces its own bytes.
      yield* receiveFile(owner, file.key, bytes("321"), null)
      expect(yield* storedBytes(owner)).toBe(10)
    }).pipe(Effect.provide(world()))
  )

  it.effect("are reserved: uploads under way at one time can't pass them together", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ storedBytes: 10 })
      const dir = yield* withFile(owner)
      const { file } = yield* registerFile(owner, { name: FileName("b"), dir })
      const other = yield* registerFile(owner, { name: FileName("c"), dir })
      const begun = yield* Deferred.make<void>()
      const slow = Stream.concat(
        bytes("12"),
        Stream.fromEffectOption(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
      )
      const first = yield* Effect.fork(receiveFile(owner, file.key, slow, 2))
      yield* Deferred.await(begun)
      expect(yield* refusal(receiveFile(owner, other.file.key, bytes("12"), 2))).toEqual(
        doesNotFit(7, ", 2 more are being uploaded")
      )
      yield* Fiber.interrupt(first)
      yield* receiveFile(owner, other.file.key, bytes("12"), 2)
      expect(yield* storedBytes(owner)).toBe(9)
    }).pipe(Effect.provide(world()))
  )

  it.effect(
    "of a deleted input count while a job reads it, and are removed by the next sweep after that",
    () =>
      Effect.gen(function* () {
        const owner = yield* allowed({ storedBytes: 10 })
        const dir = yield* withFile(owner)
        const job = yield* submit(owner, taskOn(dir), quiet)
        yield* deleteFile(owner, dir, name)
        const more = storeFile(owner, { name: FileName("b"), dir }, bytes("1234"))
        expect(yield* refusal(more)).toEqual(doesNotFit(7))
        yield* sweep
        expect(yield* storedBytes(owner)).toBe(7)
        yield* cancelJob(owner, job)
        yield* sweep
        expect(yield* Stream.runCount((yield* Storage).list(`${dir}/`))).toBe(0)
        yield* more
        expect(yield* storedBytes(owner)).toBe(4)
      }).pipe(Effect.provide(world()))
  )

  it.effect("bound outputs: the job fails with the reason, and keeps nothing", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ storedBytes: 10 })
      const claim = yield* claimed(yield* submitted(owner))
      expect(yield* (yield* Jobs).complete(claim, publishedBy(claim))).toBe(false)
      const job = yield* findJob(owner, claim.id)
      expect([job.state, job.failure]).toEqual(["failed", { reason: "limit", detail: doesNotFit(7)[1] }])
      expect(yield* storedBytes(owner)).toBe(7)
    }).pipe(Effect.provide(world()))
  )

  it.effect("count uploads by what storage has, and their size is settled once no URL can change it", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ storedBytes: 100 })
      const storage = yield* Storage
      const directories = yield* Directories
      const { file } = yield* registerFile(owner, { name, dir: null })
      const sizeInRow = Effect.map(
        directories.file(file.dir, name),
        (found) => Option.getOrThrow(found).bytes
      )
      expect(yield* storedBytes(owner)).toBe(0)
      yield* storage.write(file.key, bytes("12345"), 100)
      expect(yield* storedBytes(owner)).toBe(5)
      // A URL may have been given out right before the upload: it lives as long as this.
      yield* TestClock.adjust("300 seconds")
      expect([yield* storedBytes(owner), yield* sizeInRow]).toEqual([5, null])
      yield* storage.write(file.key, bytes("123456"), 100)
      expect([yield* storedBytes(owner), yield* sizeInRow]).toEqual([6, null])
      yield* TestClock.adjust("301 seconds")
      expect([yield* storedBytes(owner), yield* sizeInRow]).toEqual([6, 6])
      expect([yield* storedBytes(owner), yield* storedBytes(anOwner())]).toEqual([6, 0])
    }).pipe(Effect.provide(world()))
  )

  it.effect("count outputs, and what expired until it is swept", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ storedBytes: 1000 })
      const claim = yield* claimed(yield* submitted(owner))
      yield* (yield* Jobs).complete(claim, publishedBy(claim))
      expect(yield* storedBytes(owner)).toBe(77)
      yield* TestClock.adjust("86400 seconds")
      expect(yield* storedBytes(owner)).toBe(77)
      yield* sweep
      expect(yield* storedBytes(owner)).toBe(0)
    }).pipe(Effect.provide(world()))
  )

  const url = "https://media.example/a.mp4"
  const web = new Map([[url, { bytes: new Uint8Array(4), type: null }]])
  const importing = { inputs: [{ source: { _tag: "Remote", url }, options: [] }] } as const

  it.effect("that are left cap what is imported, and used up ones refuse it", () =>
    Effect.gen(function* () {
      const owner = yield* allowed({ storedBytes: 10 })
      const dir = yield* withFile(owner)
      const task = taskOn(dir, { ...importing, outputDirectory: dir })
      expect(yield* refusal(submit(owner, task, quiet))).toEqual(doesNotFit(7))
      yield* storeFile(owner, { name: FileName("b"), dir }, bytes("123"))
      expect(yield* refusal(submit(owner, task, quiet))).toEqual(full(10))
      yield* deleteFile(owner, dir, name)
      yield* submit(owner, task, quiet)
      expect(yield* storedBytes(owner)).toBe(7)
    }).pipe(Effect.provide(world({ web })))
  )
})
