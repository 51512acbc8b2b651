import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option, TestClock } from "effect"
import type { CheckedTask } from "../checked-task.js"
import { UrlRefused } from "../errors.js"
import { DirId, FileName, type OwnerId } from "../ids.js"
import { Jobs } from "../ports/jobs.js"
import { Queue } from "../ports/queue.js"
import { anOwner, aProbeRequest, aUsage, claimed } from "../ports/suites/samples.suite.js"
import { Webhooks } from "../ports/webhooks.js"
import { analyze } from "./analyze.js"
import { findJob } from "./await-job.js"
import { storeFile } from "./files.js"
import { submit } from "./submit.js"
import { bytes, ownerWithFile, taskOn, world } from "./world.suite.js"

const quiet = { webhookUrl: null }
const name = FileName("in.mp4")
const remote = (url: string) => ({ source: { _tag: "Remote", url }, options: [] }) as const
const output = (text: string) => ({ name: FileName(text), options: [], maps: [] })
const fileOf = (owner: OwnerId) =>
  Effect.map(storeFile(owner, { name, dir: null }, bytes("content")), (file) => ({
    dir: file.dir,
    name: file.name
  }))

describe("submit", () => {
  it.effect("leaves a job with everything decided, and a hint", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const id = yield* submit(owner, taskOn(dir), quiet)
      const job = yield* findJob(owner, id)
      expect(job).toMatchObject({ state: "pending", task: { directory: dir, inputs: [{ name, bytes: 7 }] } })
      expect((yield* Effect.scoped((yield* Queue).take)).id).toBe(id)
    }).pipe(Effect.provide(world()))
  )

  const refusals: ReadonlyArray<
    readonly [string, (dir: DirId, other: DirId) => CheckedTask, string, RegExp]
  > = [
    ["an unknown directory", () => taskOn(DirId("dir_x")), "FileNotFound", /^File not found$/],
    ["a foreign directory", (_, other) => taskOn(other), "FileNotFound", /^File not found$/],
    [
      "a foreign output directory",
      (dir, other) => taskOn(dir, { outputDirectory: other }),
      "DirectoryNotFound",
      /Directory/
    ],
    [
      "an output named like the input",
      (dir) => taskOn(dir, { outputs: [output("in.mp4")] }),
      "InvalidTask",
      /"in.mp4"/
    ],
    [
      "an output named like an upload",
      (dir) => taskOn(dir, { outputs: [output("other.mp4")] }),
      "InvalidTask",
      /"other.mp4" is named like an existing/
    ],
    [
      "a command that no system takes",
      (dir) => taskOn(dir, { outputs: [{ ...output("a"), options: Array(8000).fill("-an") }] }),
      "InvalidTask",
      /makes a command of \d+ arguments, and at most 8000/
    ],
    [
      "two outputs of a name",
      (dir) => taskOn(dir, { outputs: [output("a"), output("a")] }),
      "InvalidTask",
      /two outputs/
    ],
    [
      "a URL that leads nowhere",
      (dir) => taskOn(dir, { inputs: [remote("https://nowhere.example/a.mp4")] }),
      "UrlRefused",
      /URL/
    ]
  ]
  it.effect.each(refusals)("refuses %s, and no job comes of it", ([_, task, tag, message]) =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const { dir: other } = yield* ownerWithFile
      yield* storeFile(owner, { name: FileName("other.mp4"), dir }, bytes("x"))
      const error = yield* Effect.flip(submit(owner, task(dir, other), quiet))
      expect([error._tag, error.message]).toEqual([tag, expect.stringMatching(message)])
      expect(yield* Effect.scoped(Effect.timeoutOption((yield* Queue).take, 0))).toEqual(Option.none())
    }).pipe(Effect.provide(world()))
  )

  it.effect("refuses when the waiting room is full", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      yield* submit(owner, taskOn(dir), quiet)
      expect((yield* Effect.flip(submit(owner, taskOn(dir), quiet)))._tag).toBe("Busy")
    }).pipe(Effect.provide(world({ limits: { pendingJobs: 1 } })))
  )
})

describe("an idempotency key", () => {
  const keyed = (idempotencyKey: string) => ({ ...quiet, idempotencyKey })
  const hints = Effect.gen(function* () {
    const { take } = yield* Queue
    let count = 0
    while (Option.isSome(yield* Effect.scoped(Effect.timeoutOption(take, 0)))) count++
    return count
  })

  it.effect("gives the first job for a day, whatever became of it, and a new one after that", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const first = yield* submit(owner, taskOn(dir), keyed("a"))
      expect(yield* submit(owner, taskOn(dir), keyed("a"))).toBe(first)
      yield* (yield* Jobs).fail(yield* claimed(first), { reason: "input-missing" }, aUsage)
      // Nothing of the second body is looked at: what was accepted is accepted.
      yield* TestClock.adjust("86399 seconds")
      expect(yield* submit(owner, taskOn(DirId("dir_gone")), keyed("a"))).toBe(first)
      yield* TestClock.adjust("1 seconds")
      const { dir: later } = yield* fileOf(owner)
      const second = yield* submit(owner, taskOn(later), keyed("a"))
      expect(second).not.toBe(first)
      expect((yield* findJob(owner, second)).state).toBe("pending")
    }).pipe(Effect.provide(world()))
  )

  it.effect("is its owner's own, and another key is another job", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const other = yield* ownerWithFile
      const ids = [
        yield* submit(owner, taskOn(dir), keyed("a")),
        yield* submit(other.owner, taskOn(other.dir), keyed("a")),
        yield* submit(owner, taskOn(dir), keyed("b")),
        yield* submit(owner, taskOn(dir), quiet),
        yield* submit(owner, taskOn(dir), quiet)
      ]
      expect(new Set(ids).size).toBe(5)
    }).pipe(Effect.provide(world()))
  )

  it.effect("sent twenty times at once makes one job", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const submissions = Array.from({ length: 20 }, () => submit(owner, taskOn(dir), keyed("a")))
      const ids = yield* Effect.all(submissions, { concurrency: "unbounded" })
      expect(new Set(ids).size).toBe(1)
      expect(yield* hints).toBe(1)
    }).pipe(Effect.provide(world()))
  )

  it.effect("is not spent by a submission that was refused", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      yield* Effect.flip(submit(owner, taskOn(DirId("dir_none")), keyed("a")))
      const first = yield* submit(owner, taskOn(dir), quiet)
      yield* Effect.flip(submit(owner, taskOn(dir), keyed("a")))
      yield* claimed(first)
      expect((yield* findJob(owner, yield* submit(owner, taskOn(dir), keyed("a")))).state).toBe("pending")
    }).pipe(Effect.provide(world({ limits: { pendingJobs: 1 } })))
  )
})

describe("a webhook", () => {
  const checked = (check: Webhooks["Type"]["check"]) =>
    Layer.succeed(Webhooks, { check, post: () => Effect.succeed(200) })

  it.effect("is asked about before the job is accepted, and a refusal names the field", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const refused = yield* Effect.flip(submit(owner, taskOn(dir), { webhookUrl: "https://10.0.0.1/hook" }))
      expect([refused._tag, refused.message]).toEqual([
        "UrlRefused",
        "webhook_url: URL is not allowed or not reachable"
      ])
      expect(yield* Effect.scoped(Effect.timeoutOption((yield* Queue).take, 0))).toEqual(Option.none())
      const job = yield* findJob(
        owner,
        yield* submit(owner, taskOn(dir), {
          webhookUrl: "https://a.example/hook",
          baseUrl: "https://b.example"
        })
      )
      expect(job).toMatchObject({ webhookUrl: "https://a.example/hook", baseUrl: "https://b.example" })
    }).pipe(
      Effect.provide(checked((url) => (url.includes("a.example") ? Effect.void : new UrlRefused({})))),
      Effect.provide(world())
    )
  )
})

describe("analyze", () => {
  const probe = aProbeRequest({ sections: { format: "all" } })

  it.effect("gives the sections asked for, under the name the caller uses", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const { result, usage } = yield* analyze(owner, { source: { _tag: "Stored", dir, name }, probe })
      expect(result).toEqual({ format: { filename: `${dir}/in.mp4`, size: "7" } })
      expect(usage.inputBytes).toBe(7)
      expect(
        (yield* Effect.flip(analyze(anOwner(), { source: { _tag: "Stored", dir, name }, probe })))._tag
      ).toBe("FileNotFound")
    }).pipe(Effect.provide(world()))
  )
})
