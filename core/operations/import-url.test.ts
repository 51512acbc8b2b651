import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import type { CheckedTask } from "../checked-task.js"
import { UrlRefused, UrlUnreachable } from "../errors.js"
import { DirId, FileName, type OwnerId } from "../ids.js"
import { Directories } from "../ports/directories.js"
import { Importer } from "../ports/importer.js"
import { Storage } from "../ports/storage.js"
import { anOwner, until } from "../ports/suites/samples.suite.js"
import type { Task } from "../task.js"
import { findJob } from "./await-job.js"
import { createDirectory, listDirectories } from "./directories.js"
import { listFiles, storeFile } from "./files.js"
import { submit } from "./submit.js"
import { bytes, ownerWithFile, taskOn, world } from "./world.suite.js"

const quiet = { webhookUrl: null }
const remote = (url: string) => ({ source: { _tag: "Remote", url }, options: [] }) as const
const output = (text: string) => ({ name: FileName(text), options: [], maps: [] })
const only = (...urls: ReadonlyArray<string>): Partial<Task> => ({ inputs: urls.map(remote) })
const nowhere = DirId("no inputs are stored")

const file = (type: string | null = null, size = 3) => ({ bytes: new Uint8Array(size), type })
const called = (fileName: string, type: string | null = null) => ({ ...file(type), fileName })
const at = (path: string) => `https://media.example/${path}`

const namesIn = (owner: OwnerId, dir: DirId) =>
  Effect.map(listFiles(owner, dir), (files) => files.map(({ name }) => name).sort())
const accepted = (owner: OwnerId, task: CheckedTask) =>
  Effect.flatMap(submit(owner, task, quiet), (id) => findJob(owner, id))

describe("a URL input", () => {
  it.effect("is fetched into a directory of its own before the job is accepted", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const job = yield* accepted(owner, taskOn(nowhere, only(at("a.mp4"))))
      expect(job.task.inputs).toMatchObject([{ name: "a.mp4", bytes: 3 }])
      expect((yield* listDirectories(owner)).map(({ id }) => id)).toEqual([job.task.directory])
      const row = yield* (yield* Directories).file(job.task.directory, FileName("a.mp4"))
      expect(Option.getOrThrow(row)).toMatchObject({ origin: "import", bytes: 3 })
    }).pipe(Effect.provide(world({ web: new Map([[at("a.mp4"), file()]]) })))
  )

  it.effect("beside stored inputs goes into their directory, and into the one named for the outputs", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const { id: other } = yield* createDirectory(owner, null)
      const inputs = [...taskOn(dir).inputs, remote(at("a.mp4"))]
      yield* accepted(owner, taskOn(dir, { inputs }))
      expect([yield* namesIn(owner, dir), yield* namesIn(owner, other)]).toEqual([["a.mp4", "in.mp4"], []])
      const job = yield* accepted(owner, taskOn(dir, { inputs, outputDirectory: other }))
      expect(job.task.inputs.map(({ name }) => name)).toEqual(["in.mp4", "a.mp4"])
      expect([yield* namesIn(owner, dir), yield* namesIn(owner, other)]).toEqual([
        ["a.mp4", "in.mp4"],
        ["a.mp4"]
      ])
    }).pipe(Effect.provide(world({ web: new Map([[at("a.mp4"), file()]]) })))
  )

  const names: ReadonlyArray<readonly [string, string | null, string]> = [
    ["clip.mp4?token=x#t=1", null, "clip.mp4"],
    ["deep/er/clip.mp4", "video/webm", "clip.mp4"],
    ["a%20b.mp4", null, "a b.mp4"],
    ["caf%C3%A9.mp4", null, "café.mp4"],
    ["cafe%CC%81.mp4", null, "café.mp4"],
    ["a%2Fb%5Cc.mp4", null, "a_b_c.mp4"],
    ["a%00%0Ab.mp4", null, "a__b.mp4"],
    ["%2e%2e", null, "input"],
    ["bad%FFescape.mp4", null, "bad%FFescape.mp4"],
    ["", "video/mp4", "input.mp4"],
    ["clip", "video/mp4", "clip.mp4"],
    ["clip", "audio/mpeg", "clip.mp3"],
    ["clip", "application/x-unheard-of", "clip"],
    ["clip", "audio/x-m4a", "clip.m4a"],
    ["clip", "audio/mp3", "clip.mp3"],
    ["v1. first take", "video/mp4", "v1. first take.mp4"],
    ["clip", null, "clip"],
    ["in.mp4", null, "in-2.mp4"],
    ["out.mp4", null, "out-2.mp4"],
    ["-x.mp4", null, "-x.mp4"]
  ]
  it.effect.each<readonly [string, string, string | null, string]>([
    ["file?id=7", "holiday.mov", "video/mp4", "holiday.mov"],
    ["clip.mp4", "caf\u00e9", "audio/x-m4a", "caf\u00e9.m4a"],
    ["clip.mp4", "../../etc/x.mp3", null, "x.mp3"],
    ["clip.mp4", "C:\\films\\x.avi", null, "x.avi"],
    ["clip.mp4", "..", null, "input"],
    ["clip.mp4", "a\u0000b.mp4", null, "a_b.mp4"],
    ["clip.mp4", "in.mp4", null, "in-2.mp4"]
  ])("%s that its server calls %j, of type %s, is named %s", ([path, fileName, type, name]) =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const job = yield* accepted(owner, taskOn(dir, { ...only(at(path)), outputDirectory: dir }))
      expect(job.task.inputs.map((input) => input.name)).toEqual([name])
    }).pipe(Effect.provide(world({ web: new Map([[at(path), called(fileName, type)]]) })))
  )

  it.effect.each(names)("%s of type %s is named %s", ([path, type, name]) =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const job = yield* accepted(owner, taskOn(dir, { ...only(at(path)), outputDirectory: dir }))
      expect(job.task.inputs.map((input) => input.name)).toEqual([name])
      expect(yield* namesIn(owner, dir)).toEqual(["in.mp4", name].sort())
    }).pipe(Effect.provide(world({ web: new Map([[at(path), file(type)]]) })))
  )

  const long = at(`${"%C3%A9".repeat(300)}.mp4`)
  it.effect("of a long name is cut to one that fits and keeps its extension, also with a number", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      for (const _ of [1, 2]) yield* accepted(owner, taskOn(dir, { ...only(long), outputDirectory: dir }))
      const names = (yield* namesIn(owner, dir)).filter((name) => name !== "in.mp4")
      expect(names).toEqual([
        expect.stringMatching(/^é{90,}-2\.mp4$/),
        expect.stringMatching(/^é{90,}\.mp4$/)
      ])
      for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
    }).pipe(Effect.provide(world({ web: new Map([[long, file()]]) })))
  )

  it.effect("named twice is fetched once; two of one name get two", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const fetched: Array<string> = []
      const counting = Layer.effect(
        Importer,
        Effect.map(Importer, (importer) => ({
          import: (url, key, max) =>
            Effect.zipRight(
              Effect.sync(() => fetched.push(url)),
              importer.import(url, key, max)
            )
        }))
      )
      const task = taskOn(dir, {
        ...only(at("a.mp4"), at("b/a.mp4"), at("a.mp4")),
        outputs: [output("a-2.mp4")],
        outputDirectory: dir
      })
      const job = yield* Effect.provide(accepted(owner, task), counting)
      expect([...fetched].sort()).toEqual([at("a.mp4"), at("b/a.mp4")])
      expect(job.task.inputs.map(({ bytes }) => bytes)).toEqual([3, 4, 3])
      expect(new Set(job.task.inputs.map(({ name }) => name))).toEqual(new Set(["a.mp4", "a-3.mp4"]))
      expect(job.task.inputs[0]).toEqual(job.task.inputs[2])
    }).pipe(
      Effect.provide(
        world({
          web: new Map([
            [at("a.mp4"), file()],
            [at("b/a.mp4"), file(null, 4)]
          ])
        })
      )
    )
  )
})

describe("an import that fails", () => {
  const refusals = [
    [
      "too large",
      new UrlRefused({ reason: "the file is too large" }),
      "UrlRefused",
      "task.inputs[1].file_path: the file is too large"
    ],
    [
      "refused",
      new UrlRefused({}),
      "UrlRefused",
      "task.inputs[1].file_path: URL is not allowed or not reachable"
    ],
    [
      "unreachable",
      new UrlUnreachable({}),
      "UrlUnreachable",
      "task.inputs[1].file_path: The URL could not be fetched: its server failed or did not answer in time"
    ]
  ] as const
  it.effect.each(refusals)(
    "because it is %s takes the others with it, and no job comes of it",
    ([_, error, tag, message]) =>
      Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const storage = yield* Storage
        let good: Parameters<typeof storage.stat>[0] | undefined
        // The one that fails does so only once the other is there.
        const directories = yield* Directories
        const added = Effect.map(directories.file(dir, FileName("good.mp4")), Option.isSome)
        const web = Layer.succeed(Importer, {
          import: (url, key) => {
            if (!url.endsWith("good.mp4"))
              return Effect.zipRight(until(Effect.orDie(added)), Effect.fail(error))
            good = key
            return Effect.map(Effect.orDie(storage.write(key, bytes("good"), 10)), (blob) => ({
              blob,
              type: null,
              fileName: null
            }))
          }
        })
        const task = taskOn(dir, { ...only(at("good.mp4"), at("bad.mp4")), outputDirectory: dir })
        const failed = yield* Effect.flip(Effect.provide(submit(owner, task, quiet), web))
        expect([failed._tag, failed.message]).toEqual([tag, message])
        expect(yield* namesIn(owner, dir)).toEqual(["in.mp4"])
        expect(good !== undefined && Option.isNone(yield* storage.stat(good))).toBe(true)
      }).pipe(Effect.provide(world()))
  )
})

describe("what was imported for a job that is not accepted goes again", () => {
  const web = new Map([[at("a.mp4"), file()]])

  it.effect("when the waiting room is full", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const error = yield* Effect.flip(
        submit(owner, taskOn(dir, { ...only(at("a.mp4")), outputDirectory: dir }), quiet)
      )
      expect(error._tag).toBe("Busy")
      expect(yield* namesIn(owner, dir)).toEqual(["in.mp4"])
    }).pipe(Effect.provide(world({ web, limits: { pendingJobs: 0 } })))
  )

  it.effect("when the same submission came at once and was faster", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const task = taskOn(dir, { ...only(at("a.mp4")), outputDirectory: dir })
      const both = Array.from({ length: 5 }, () => submit(owner, task, { ...quiet, idempotencyKey: "k" }))
      const ids = yield* Effect.all(both, { concurrency: "unbounded" })
      const job = yield* findJob(owner, ids[0] as (typeof ids)[number])
      expect(new Set(ids)).toEqual(new Set([job.id]))
      expect(yield* namesIn(owner, dir)).toEqual(
        ["in.mp4", ...job.task.inputs.map(({ name }) => name)].sort()
      )
      const read = yield* Stream.runCollect((yield* Storage).read(job.task.inputs[0]?.key as never))
      expect(Buffer.concat([...read]).length).toBe(3)
    }).pipe(Effect.provide(world({ web })))
  )

  it.effect("when a later check refuses: nothing is fetched before all that can be refused is", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      yield* storeFile(owner, { name: FileName("taken.mp4"), dir }, bytes("x"))
      const never = Layer.succeed(Importer, { import: () => Effect.dieMessage("fetched") })
      const tasks = [
        taskOn(dir, { inputs: [...taskOn(dir).inputs, remote(at("a.mp4"))], outputs: [output("taken.mp4")] }),
        taskOn(dir, { ...only(at("a.mp4")), outputDirectory: DirId("dir_none") }),
        taskOn(DirId("dir_none"), { inputs: [...taskOn(DirId("dir_none")).inputs, remote(at("a.mp4"))] })
      ]
      for (const task of tasks) {
        const error = yield* Effect.flip(Effect.provide(submit(owner, task, quiet), never))
        expect(["InvalidTask", "DirectoryNotFound", "FileNotFound"]).toContain(error._tag)
      }
    }).pipe(Effect.provide(world({ web })))
  )
})
