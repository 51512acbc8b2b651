import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { CheckedTask } from "../checked-task.js"
import type { Origin } from "../directory.js"
import { blobKey, type DirId, FileName } from "../ids.js"
import { Directories } from "../ports/directories.js"
import { Storage } from "../ports/storage.js"
import { anOwner } from "../ports/suites/samples.suite.js"
import type { Input, SideFile } from "../task.js"
import { createDirectory } from "./directories.js"
import { listFiles } from "./files.js"
import { submit } from "./submit.js"
import { bytes, taskOn, world } from "./world.suite.js"

const web = new Map([
  ["https://files.example/a0.ts", { bytes: new TextEncoder().encode("imported"), type: null }]
])

/** The result of a submission to a directory with these files, given by name and origin. */
const submitted = (files: Readonly<Record<string, Origin>>, task: (dir: DirId) => CheckedTask) =>
  Effect.gen(function* () {
    const owner = anOwner()
    const { id: dir } = yield* createDirectory(owner, null)
    for (const [text, origin] of Object.entries({ "in.mp4": "upload", ...files } as Record<string, Origin>)) {
      const key = blobKey(dir, `slot-${text.length}`, FileName(text))
      yield* (yield* Storage).write(key, bytes(text), 1000)
      yield* (yield* Directories).keepFile(owner, {
        dir,
        name: FileName(text),
        key,
        bytes: text.length,
        origin,
        addedAt: new Date(0)
      })
    }
    const result = yield* Effect.either(submit(owner, task(dir), { webhookUrl: null }))
    const reason =
      result._tag === "Left"
        ? result.left.message.replace("Invalid task format: ", "").replaceAll(dir, "DIR")
        : undefined
    return { reason, names: (yield* listFiles(owner, dir)).map(({ name }) => name) }
  }).pipe(Effect.provide(world({ web })))

const output = (text: string) => {
  const [name = "", ...options] = text.split(" ")
  return { name: FileName(name), options, maps: [] }
}
const input = (dir: DirId, name: string, over: Partial<Input> = {}): Input => ({
  ...{ source: { _tag: "Stored", dir, name: FileName(name) }, options: [] },
  ...over
})
const made = (name: string, over: Partial<SideFile> = {}): SideFile => ({
  name,
  by: "task.filter_complex",
  ...over
})
const numbers = { by: "numbers", start: 0, range: 5 } as const

describe("a file that has to stay", () => {
  const refusals: ReadonlyArray<
    readonly [string, Readonly<Record<string, Origin>>, (dir: DirId) => CheckedTask, string]
  > = [
    [
      "an output",
      { "out.mp4": "import" },
      (dir) => taskOn(dir),
      'output "out.mp4" is named like an existing file of "DIR": choose another file name or delete that file first'
    ],
    [
      "a segment of a playlist",
      { "a7.ts": "upload" },
      (dir) => taskOn(dir, { outputs: [output("a.m3u8")] }),
      'output "a.m3u8" would write "a7.ts", which is an existing file of "DIR": set another name with -hls_segment_filename, or delete that file first'
    ],
    [
      "a picture of a sequence",
      { "p003.png": "upload" },
      (dir) => taskOn(dir, { outputs: [output("p%03d.png")] }),
      'output "p%03d.png" would write "p003.png", which is an existing file of "DIR": set another name as its file, or delete that file first'
    ],
    [
      "what a filter makes",
      { "transforms.trf": "upload" },
      (dir) => taskOn(dir, { made: [made("transforms.trf")] }),
      'task.filter_complex would write "transforms.trf", which is an existing file of "DIR": set another name there, or delete that file first'
    ],
    [
      "a log",
      { "pl-2.log": "upload" },
      (dir) => taskOn(dir, { made: [made("pl-%d.log", { rename: "with -passlogfile" })] }),
      "set another name with -passlogfile, or delete that file first"
    ],
    [
      "a log that is written anew",
      { "pl-0.log": "upload" },
      (dir) => taskOn(dir, { made: [made("pl-%d.log", { updated: true })] }),
      'would write "pl-0.log", which is an existing file of "DIR": use pass 2, which reads the log and leaves it as it is, or delete that file first'
    ],
    [
      "an input that an earlier task made",
      { "mid.mkv": "output" },
      (dir) => taskOn(dir, { inputs: [input(dir, "mid.mkv")], made: [made("mid.mkv")] }),
      'task.filter_complex would write "mid.mkv", which is an input of the task: set another name there'
    ],
    [
      "a picture of an input that an earlier task made",
      { "p0.png": "output", "p1.png": "output" },
      (dir) =>
        taskOn(dir, { inputs: [input(dir, "p%d.png", { sequence: numbers })], outputs: [output("p1.png")] }),
      'output "p1.png" is named like an input of the task: choose another file name'
    ]
  ]
  it.effect.each(refusals)("is not written over by %s", ([_, files, task, reason]) =>
    Effect.gen(function* () {
      const before = ["in.mp4", ...Object.keys(files)]
      const { reason: said, names } = yield* submitted(files, task)
      expect(said).toContain(reason)
      expect(new Set(names)).toEqual(new Set(before))
    })
  )

  const allowed: ReadonlyArray<
    readonly [string, Readonly<Record<string, Origin>>, (dir: DirId) => CheckedTask]
  > = [
    [
      "what an earlier task made",
      { "a0.ts": "output" },
      (dir) => taskOn(dir, { outputs: [output("a.m3u8")] })
    ],
    [
      "a log of an earlier pass",
      { "pl-0.log": "output" },
      (dir) => taskOn(dir, { made: [made("pl-%d.log", { updated: true })] })
    ],
    [
      "pictures before those that are made",
      { "p1.png": "upload" },
      (dir) => taskOn(dir, { outputs: [output("p%d.png -start_number 2")] })
    ],
    [
      "pictures behind them",
      { "p2.png": "upload" },
      (dir) => taskOn(dir, { outputs: [output("p%d.png -frames:v 1")] })
    ],
    [
      "a name that reads as a pattern",
      { "p2.mp4": "upload" },
      (dir) => taskOn(dir, { outputs: [output("p%d.mp4")] })
    ],
    [
      "a name that is gone at the end",
      { "l.temp": "upload" },
      (dir) => taskOn(dir, { made: [made("l.temp", { passing: true })] })
    ]
  ]
  it.effect.each(allowed)("is no one else's reason: %s", ([_, files, task]) =>
    Effect.gen(function* () {
      expect((yield* submitted(files, task)).reason).toBeUndefined()
    })
  )

  it.effect("is fetched under a name that nothing is written to", () =>
    Effect.gen(function* () {
      const remote: Input = { source: { _tag: "Remote", url: "https://files.example/a0.ts" }, options: [] }
      const { reason, names } = yield* submitted({}, (dir) =>
        taskOn(dir, { inputs: [remote], outputs: [output("a.m3u8")], outputDirectory: dir })
      )
      expect([reason, names]).toEqual([undefined, ["in.mp4", "a0-2.ts"]])
    })
  )
})
