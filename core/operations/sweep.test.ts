import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Scope, TestClock } from "effect"
import { FileName } from "../ids.js"
import { Directories } from "../ports/directories.js"
import { Jobs } from "../ports/jobs.js"
import { Outbox } from "../ports/outbox.js"
import { Runners } from "../ports/runners.js"
import { Storage } from "../ports/storage.js"
import {
  aKey,
  anOwner,
  aProcess,
  aRunnerName,
  aTry,
  aUsage,
  claimed,
  inSeconds,
  passOnceSomebodySleeps,
  publishedBy,
  someCapabilities,
  until
} from "../ports/suites/samples.suite.js"
import { findJob } from "./await-job.js"
import { createDirectory } from "./directories.js"
import { describeFile, listFiles, storeFile } from "./files.js"
import { submit } from "./submit.js"
import { sweep, sweeper, sweepOrphans } from "./sweep.js"
import { bytes, ownerWithFile, taskOn, world } from "./world.suite.js"

const quiet = { webhookUrl: null }
const day = 86_400

const has = (key: Parameters<Storage["Type"]["stat"]>[0]) =>
  Effect.flatMap(Storage, (storage) => Effect.map(storage.stat(key), Option.isSome))

describe("a job that only a runner can run", () => {
  it.effect("stays while the runner was heard of, and fails when it has been silent for too long", () =>
    Effect.gen(function* () {
      const runners = yield* Runners
      const runner = aRunnerName()
      yield* runners.issue(runner)
      const { owner, dir } = yield* ownerWithFile
      yield* Layer.build(sweeper)
      const id = yield* submit(owner, taskOn(dir), { ...quiet, tags: ["gpu"] })
      const state = Effect.map(findJob(owner, id), ({ state }) => state)
      for (let hour = 0; hour < 3; hour++) {
        yield* runners.seen(runner, aProcess({ capabilities: someCapabilities({ tags: ["gpu"] }) }))
        for (let pass = 0; pass < 6; pass++) yield* TestClock.adjust("10 minutes")
      }
      expect(yield* state).toBe("pending")
      for (let pass = 0; pass < 15; pass++) yield* TestClock.adjust("10 minutes")
      expect(yield* state).toBe("failed")
    }).pipe(Effect.scoped, Effect.provide(world({ limits: { sweepSeconds: 300, noWorkerSeconds: 3600 } })))
  )

  it.effect("gets all of its time again when the host was away", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const id = yield* submit(owner, taskOn(dir), { ...quiet, tags: ["gpu"] })
      const state = Effect.map(findJob(owner, id), ({ state }) => state)
      yield* TestClock.adjust("1 days")
      yield* Layer.build(sweeper)
      for (let pass = 0; pass < 5; pass++) yield* TestClock.adjust("10 minutes")
      expect(yield* state).toBe("pending")
      for (let pass = 0; pass < 3; pass++) yield* TestClock.adjust("10 minutes")
      expect(yield* state).toBe("failed")
    }).pipe(Effect.scoped, Effect.provide(world({ limits: { sweepSeconds: 300, noWorkerSeconds: 3600 } })))
  )
})

describe("a directory that expires", () => {
  it.effect("goes with all others of its time in one sweep, also where they are empty", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      for (let made = 0; made < 35; made++) yield* createDirectory(owner, 60)
      yield* TestClock.adjust("60 seconds")
      yield* sweep
      // None is left for the next pass of the statement.
      expect(yield* (yield* Directories).dropExpired(yield* inSeconds(0), 100)).toEqual({
        directories: 0,
        keys: []
      })
    }).pipe(Effect.provide(world()))
  )

  it.effect("goes with its bytes at the next sweep", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { id } = yield* createDirectory(owner, 60)
      const { key } = yield* storeFile(owner, { name: FileName("a.mp4"), dir: id }, bytes("x"))
      yield* TestClock.adjust("59 seconds")
      yield* sweep
      expect(yield* has(key)).toBe(true)
      yield* TestClock.adjust("1 seconds")
      yield* sweep
      expect(yield* has(key)).toBe(false)
    }).pipe(Effect.provide(world()))
  )

  it.effect(
    "while a job uses it: 404 for new calls at once, and the bytes stay until the job has ended",
    () =>
      Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const { key } = yield* describeFile(owner, dir, FileName("in.mp4"))
        const id = yield* submit(owner, taskOn(dir), quiet)
        yield* TestClock.adjust(`${day} seconds`)
        expect((yield* Effect.flip(listFiles(owner, dir))).message).toBe("Directory not found")
        for (const call of [
          Effect.asVoid(submit(owner, taskOn(dir), quiet)),
          Effect.asVoid(describeFile(owner, dir, FileName("in.mp4")))
        ]) {
          expect((yield* Effect.flip(call)).message).toBe("File not found")
        }

        yield* Effect.zipRight(sweep, sweepOrphans)
        const claim = yield* claimed(id)
        yield* Effect.zipRight(sweep, sweepOrphans)
        expect(yield* has(key)).toBe(true)

        yield* (yield* Jobs).complete(claim, publishedBy(claim))
        expect((yield* findJob(owner, id)).state).toBe("completed")
        yield* sweep
        expect(yield* has(key)).toBe(false)
      }).pipe(Effect.provide(world()))
  )

  it.effect("more of them than one batch go in one sweep", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const storage = yield* Storage
      const kept = yield* Effect.forEach(Array.from({ length: 120 }), () =>
        Effect.gen(function* () {
          const { id } = yield* createDirectory(owner, 60)
          return (yield* storeFile(owner, { name: FileName("a"), dir: id }, bytes("x"))).key
        })
      )
      yield* TestClock.adjust("60 seconds")
      yield* sweep
      expect(yield* Effect.filter(kept, (key) => Effect.map(storage.stat(key), Option.isSome))).toEqual([])
    }).pipe(Effect.provide(world()))
  )
})

describe("bytes that nothing refers to", () => {
  it.effect("go once they are a day old, and no sooner", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const { key } = yield* describeFile(owner, dir, FileName("in.mp4"))
      const orphan = aKey()
      yield* (yield* Storage).write(orphan, bytes("left behind"), 100)
      yield* TestClock.adjust(`${day - 1} seconds`)
      yield* sweepOrphans
      expect(yield* has(orphan)).toBe(true)
      yield* TestClock.adjust("2 seconds")
      yield* sweepOrphans
      expect([yield* has(orphan), yield* has(key)]).toEqual([false, true])
    }).pipe(Effect.provide(world()))
  )
})

describe("what is remembered", () => {
  it.effect("a job for a month after its end, a settled webhook for a month, one that is owed for ever", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const jobs = yield* Jobs
      const outbox = yield* Outbox
      const ids = yield* Effect.forEach(
        ["https://a.example/settled", "https://a.example/owed"],
        (webhookUrl) => submit(owner, taskOn(dir), { webhookUrl })
      )
      for (const id of ids) yield* jobs.fail(yield* claimed(id), { reason: "input-missing" }, aUsage)
      const delivery = Option.getOrThrow(yield* outbox.claim(yield* inSeconds(60)))
      yield* outbox.settle(delivery, "delivered", yield* aTry())

      yield* TestClock.adjust(`${30 * day} seconds`)
      yield* sweep
      expect([
        (yield* outbox.list(owner, 10)).length,
        (yield* findJob(owner, ids[0] as (typeof ids)[number])).state
      ]).toEqual([2, "failed"])

      yield* TestClock.adjust("1 seconds")
      yield* sweep
      expect((yield* outbox.list(owner, 10)).map(({ state }) => state)).toEqual(["pending"])
      for (const id of ids) expect((yield* Effect.flip(findJob(owner, id))).message).toBe("Job not found")
    }).pipe(Effect.provide(world()))
  )
})

it.effect("the sweeper sweeps at once and then again and again, until its layer ends", () =>
  Effect.gen(function* () {
    const owner = anOwner()
    const scope = yield* Scope.make()
    yield* Layer.buildWithScope(sweeper, scope)
    const expiring = (ttl: number) =>
      Effect.gen(function* () {
        const { id } = yield* createDirectory(owner, ttl)
        return (yield* storeFile(owner, { name: FileName("a"), dir: id }, bytes("x"))).key
      })
    const keys = [yield* expiring(60), yield* expiring(120)]
    for (const key of keys) {
      yield* passOnceSomebodySleeps(80)
      yield* until(Effect.map(has(key), (there) => !there))
    }
    const later = yield* expiring(60)
    yield* Scope.close(scope, Exit.void)
    yield* TestClock.adjust("1 days")
    expect(yield* has(later)).toBe(true)
  }).pipe(Effect.provide(world()))
)
