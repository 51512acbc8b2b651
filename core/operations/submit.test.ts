import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, TestClock } from "effect"
import { type BlobKey, DirId, FileName } from "../ids.js"
import { Directories } from "../ports/directories.js"
import { Queue } from "../ports/queue.js"
import { anOwner } from "../ports/samples.suite.js"
import { Storage } from "../ports/storage.js"
import type { Task } from "../task.js"
import { analyze } from "./analyze.js"
import { findJob } from "./await-job.js"
import { createDirectory } from "./directories.js"
import { describeFile, registerFile, storeFile } from "./files.js"
import { submit } from "./submit.js"
import { bytes, ownerWithFile, taskOn, world } from "./world.suite.js"

const quiet = { webhookUrl: null }
const name = FileName("in.mp4")
const remote = (url: string) => ({ source: { _tag: "Remote", url }, options: [] }) as const
const output = (text: string) => ({ name: FileName(text), options: [], maps: [] })

describe("files", () => {
  it.effect("a registration is there once its bytes are, and may be asked for again before", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { file } = yield* registerFile(owner, { name, dir: null })
      const missing = yield* Effect.flip(describeFile(owner, file.dir, name))
      expect(missing.message).toMatch(/not been uploaded/)
      const again = yield* registerFile(owner, { name, dir: file.dir })
      expect(again.file.key).toBe(file.key)
      yield* (yield* Storage).write(file.key, bytes("12345"), 5)
      expect((yield* describeFile(owner, file.dir, name)).bytes).toBe(5)
      expect((yield* Effect.flip(registerFile(owner, { name, dir: file.dir })))._tag).toBe("NameTaken")
      expect((yield* Effect.flip(describeFile(anOwner(), file.dir, name))).message).toBe("File not found")
    }).pipe(Effect.provide(world()))
  )

  it.effect("two registrations at once agree on the place", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { id } = yield* createDirectory(owner, null)
      const both = yield* Effect.all([registerFile(owner, { name, dir: id }), registerFile(owner, { name, dir: id })], { concurrency: 2 })
      expect(new Set(both.map(({ file }) => file.key)).size).toBe(1)
    }).pipe(Effect.provide(world()))
  )

  it.effect("a directory is gone the moment it expires", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { id } = yield* createDirectory(owner, 60)
      yield* storeFile(owner, { name, dir: id }, bytes("x"))
      yield* TestClock.adjust("60 seconds")
      expect((yield* Effect.flip(describeFile(owner, id, name)))._tag).toBe("FileNotFound")
      expect((yield* Effect.flip(registerFile(owner, { name, dir: id })))._tag).toBe("DirectoryNotFound")
    }).pipe(Effect.provide(world()))
  )
})

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

  const refusals: ReadonlyArray<readonly [string, (dir: DirId, other: DirId) => Task, string, RegExp]> = [
    ["an unknown directory", () => taskOn(DirId("dir_x")), "FileNotFound", /^File not found$/],
    ["a foreign directory", (_, other) => taskOn(other), "FileNotFound", /^File not found$/],
    ["a foreign output directory", (dir, other) => taskOn(dir, { outputDirectory: other }), "DirectoryNotFound", /Directory/],
    ["an output named like the input", (dir) => taskOn(dir, { outputs: [output("in.mp4")] }), "InvalidTask", /"in.mp4"/],
    [
      "an output named like an upload",
      (dir) => taskOn(dir, { outputs: [output("other.mp4")] }),
      "InvalidTask",
      /"other.mp4" is named like an existing/
    ],
    ["two outputs of a name", (dir) => taskOn(dir, { outputs: [output("a"), output("a")] }), "InvalidTask", /two outputs/],
    ["a URL that leads nowhere", (dir) => taskOn(dir, { inputs: [remote("https://nowhere.example/a.mp4")] }), "UrlRefused", /URL/]
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

  const url = "https://media.example/a%20b.mp4?x=1"
  const web = new Map([[url, { bytes: new Uint8Array(3), type: "video/mp4" }]])

  it.effect("fetches a URL once into a directory of its own, beside the outputs", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const task = taskOn(DirId("unused"), { inputs: [remote(url), remote(url)], outputs: [output("a b.mp4")] })
      const job = yield* findJob(owner, yield* submit(owner, task, quiet))
      expect(job.task.inputs.map((input) => [input.name, input.bytes])).toEqual([
        ["a b-2.mp4", 3],
        ["a b-2.mp4", 3]
      ])
      expect(new Set<BlobKey>(job.task.inputs.map(({ key }) => key)).size).toBe(1)
      const file = yield* (yield* Directories).file(job.task.directory, FileName("a b-2.mp4"))
      expect(Option.getOrThrow(file)).toMatchObject({ origin: "import", bytes: 3 })
    }).pipe(Effect.provide(world({ web })))
  )

  it.effect("fetches a URL beside stored inputs into their directory", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const job = yield* findJob(owner, yield* submit(owner, taskOn(dir, { inputs: [...taskOn(dir).inputs, remote(url)] }), quiet))
      expect([job.task.directory, job.task.inputs.map((input) => input.name)]).toEqual([dir, ["in.mp4", "a b.mp4"]])
    }).pipe(Effect.provide(world({ web })))
  )
})

describe("analyze", () => {
  const probe = {
    sections: { format: "all" },
    selectStreams: null,
    readIntervals: null,
    countFrames: false,
    analyzeMicroseconds: null,
    probeBytes: null
  } as const

  it.effect("gives the sections asked for, under the name the caller uses", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const { result, usage } = yield* analyze(owner, { source: { _tag: "Stored", dir, name }, probe })
      expect(result).toEqual({ format: { filename: `${dir}/in.mp4`, size: "7" } })
      expect(usage.inputBytes).toBe(7)
      expect((yield* Effect.flip(analyze(anOwner(), { source: { _tag: "Stored", dir, name }, probe })))._tag).toBe("FileNotFound")
    }).pipe(Effect.provide(world()))
  )
})
