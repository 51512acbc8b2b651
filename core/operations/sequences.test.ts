import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { type DirId, FileName, type OwnerId } from "../ids.js"
import { Directories, type DirectoriesShape } from "../ports/directories.js"
import { Storage } from "../ports/storage.js"
import { anOwner } from "../ports/suites/samples.suite.js"
import type { Input, NamedFile } from "../task.js"
import { findJob } from "./await-job.js"
import { createDirectory } from "./directories.js"
import { storeFile } from "./files.js"
import { submit } from "./submit.js"
import { bytes, taskOn, world } from "./world.suite.js"

const numbers = { by: "numbers", start: 0, range: 5 } as const
const glob = { by: "glob" } as const

const input = (dir: DirId, name: string, sequence?: Input["sequence"]): Input => ({
  source: { _tag: "Stored", dir, name: FileName(name) },
  options: [],
  ...(sequence && { sequence })
})

const directoryOf = (owner: OwnerId, ...names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { id: dir } = yield* createDirectory(owner, null)
    for (const name of names) yield* storeFile(owner, { name: FileName(name), dir }, bytes("x"))
    return dir
  })

/** Submits the task, and gives what was asked of the rows and how many looks at storage that took. */
const asked = (
  owner: OwnerId,
  dir: DirId,
  inputs: ReadonlyArray<Input>,
  named: ReadonlyArray<NamedFile> = []
) =>
  Effect.gen(function* () {
    const [directories, storage] = [yield* Directories, yield* Storage]
    const searches: Array<Parameters<DirectoriesShape["search"]>[1]> = []
    let [stats, running, most] = [0, 0, 0]
    const search: DirectoriesShape["search"] = (at, which) =>
      Effect.gen(function* () {
        searches.push(which)
        most = Math.max(most, ++running)
        yield* Effect.yieldNow()
        running--
        return yield* directories.search(at, which)
      })
    const stat: typeof storage.stat = (key) =>
      Effect.zipRight(
        Effect.sync(() => void stats++),
        storage.stat(key)
      )
    const noListing = {
      ...directories,
      search,
      files: () => Effect.dieMessage("the whole directory was read")
    }
    const id = yield* submit(owner, taskOn(dir, { inputs, named }), { webhookUrl: null }).pipe(
      Effect.provideService(Directories, noListing),
      Effect.provideService(Storage, { ...storage, stat })
    )
    return { searches, stats, most, task: (yield* findJob(owner, id)).task }
  })

describe("the inputs of a task", () => {
  it.effect(
    "that name one sequence have it looked for once, by what its names begin with, and different ones one after another",
    () =>
      Effect.gen(function* () {
        const owner = anOwner()
        const dir = yield* directoryOf(
          owner,
          "img0.png",
          "img1.png",
          "img2.png",
          "other0.png",
          "a_0.png",
          "aX0.png"
        )
        const many = Array.from({ length: 24 }, () => input(dir, "img%d.png", numbers))
        const { searches, stats, most, task } = yield* asked(owner, dir, [
          ...many,
          input(dir, "a_%d.png", numbers),
          input(dir, "img%d.png", { ...numbers, start: 1 }),
          input(dir, "i*[01].png", glob)
        ])
        expect(searches.map(({ prefix, limit }) => [prefix, limit])).toEqual([
          ["img", 5001],
          ["a_", 5001],
          ["img", 5001],
          ["i", 5001]
        ])
        expect([stats, most]).toEqual([0, 1])
        expect(task.inputs.map(({ pictures }) => pictures?.length)).toEqual([...many.map(() => 3), 1, 2, 2])
      }).pipe(Effect.provide(world()))
  )

  it.effect("are refused where a sequence is too long, however much else lies there", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const dir = yield* directoryOf(
        owner,
        "img.a",
        "img.b",
        "img.c",
        "img0.png",
        "img1.png",
        "img2.png",
        "img3.gif"
      )
      const job = yield* asked(owner, dir, [input(dir, "img%d.gif", { ...numbers, start: 3 })])
      expect(job.task.inputs[0]?.pictures).toHaveLength(1)
      const error = yield* Effect.flip(
        asked(owner, dir, [input(dir, "img3.gif"), input(dir, "img%d.png", numbers)])
      )
      expect(error.message).toBe(
        'Invalid task format: task.inputs[1].file_path: "img%d.png" stands for more than 2 files: no more are allowed'
      )
    }).pipe(Effect.provide(world({ limits: { sequenceFiles: 2 } })))
  )
})

describe("files that a task names", () => {
  it.effect("have fonts and logs looked for once, and no more fonts than may be used", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const dir = yield* directoryOf(
        owner,
        "in.mp4",
        "a.ttf",
        "b.OTF",
        "log-0.log",
        "log-1.log.mbtree",
        "lo-0.log",
        "x.log",
        "x.log.mbtree"
      )
      const name = (text: string, over: Partial<NamedFile>): NamedFile => ({
        name: FileName(text),
        by: "task.filter_complex",
        ...over
      })
      const fonts = [name("fonts", { fonts: true }), name(".", { fonts: true })]
      const logs = [
        name("log", { passLog: true }),
        name("log", { passLog: true }),
        name("x.log", { stats: true })
      ]
      const { searches, most, task } = yield* asked(owner, dir, [input(dir, "in.mp4")], [...fonts, ...logs])
      expect(searches.map(({ prefix, limit }) => [prefix, limit])).toEqual([
        [undefined, 3],
        ["log", undefined]
      ])
      expect(most).toBe(1)
      expect(task.files?.map((file) => file.name)).toEqual(
        ["a.ttf", "b.OTF", "log-0.log", "log-1.log.mbtree", "x.log", "x.log.mbtree"].sort()
      )
      yield* storeFile(owner, { name: FileName("c.ttc"), dir }, bytes("x"))
      const error = yield* Effect.flip(asked(owner, dir, [input(dir, "in.mp4")], fonts))
      expect(error.message).toContain(
        `uses the fonts of "${dir}", which has more than 2: no more are allowed`
      )
    }).pipe(Effect.provide(world({ limits: { fonts: 2 } })))
  )
})
