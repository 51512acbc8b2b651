import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { CheckedTask } from "../checked-task.js"
import { type DirId, FileName } from "../ids.js"
import { defaultPolicy, Policy } from "../policy/policy.js"
import { anOwner } from "../ports/suites/samples.suite.js"
import type { NamedFile, Task } from "../task.js"
import { findJob } from "./await-job.js"
import { createDirectory } from "./directories.js"
import { listFiles, registerFile, storeFile } from "./files.js"
import { submit } from "./submit.js"
import { bytes, taskOn, world } from "./world.suite.js"

const name = (text: string) => FileName(text)
const names = (text: string, over: Partial<NamedFile> = {}): NamedFile => ({
  name: name(text),
  by: "task.filter_complex",
  ...over
})
const quiet = { webhookUrl: null }
const web = new Map([
  ["https://files.example/a.srt", { bytes: new TextEncoder().encode("imported"), type: null }]
])
const remote = { source: { _tag: "Remote", url: "https://files.example/a.srt" }, options: [] } as const

/** A directory that holds a few files, and the task that a submission over it leaves. */
const submitted = (task: (dir: DirId, other: DirId) => CheckedTask) =>
  Effect.gen(function* () {
    const owner = anOwner()
    const [{ id: dir }, { id: other }] = [
      yield* createDirectory(owner, null),
      yield* createDirectory(owner, null)
    ]
    const contents = {
      "in.mp4": "film",
      "a.srt": "text",
      "log-0.log": "1",
      "log-0.log.mbtree": "22",
      "log-12.log": "3",
      "log-x.log": "4"
    }
    const lists = {
      "list.txt": "file in.mp4\nfile a.srt\nfile a.srt",
      "long.txt": `${"#".repeat(65_536)}\nfile a.srt`,
      "bad.txt": "file /a"
    }
    for (const [file, text] of Object.entries({ ...contents, ...lists }))
      yield* storeFile(owner, { name: name(file), dir }, bytes(text))
    yield* registerFile(owner, { name: name("later.srt"), dir })
    const result = yield* Effect.either(
      Effect.flatMap(submit(owner, task(dir, other), quiet), (id) => findJob(owner, id))
    )
    return { result, left: yield* listFiles(owner, other), dir, other }
  }).pipe(Effect.provide(world({ web })))

const filesOf = (task: (dir: DirId, other: DirId) => CheckedTask) =>
  Effect.map(submitted(task), ({ result }) => {
    if (result._tag === "Left") throw result.left
    return result.right.task.files?.map((file) => [
      file.name,
      file.bytes,
      ...(file.subtitles ? ["subtitles"] : [])
    ])
  })

const input = (dir: DirId, file: string, concat = false) => ({
  source: { _tag: "Stored" as const, dir, name: name(file) },
  options: [],
  ...(concat && { concat: true as const })
})

describe("files that a task names", () => {
  it.effect("are found in the directory of its inputs, each once", () =>
    Effect.gen(function* () {
      const named = [names("a.srt", { subtitles: true }), names("a.srt"), names("log", { passLog: true })]
      expect(yield* filesOf((dir, other) => taskOn(dir, { named, outputDirectory: other }))).toEqual([
        ["a.srt", 4, "subtitles"],
        ["log-0.log", 1],
        ["log-0.log.mbtree", 2],
        ["log-12.log", 1]
      ])
      expect(yield* filesOf((dir) => taskOn(dir))).toBeUndefined()
    })
  )

  it.effect("are found in the output directory if all inputs are URLs, including imported files", () =>
    Effect.gen(function* () {
      const ofUrl = (outputDirectory: DirId, file: string) =>
        taskOn(outputDirectory, { inputs: [remote], named: [names(file)], outputDirectory })
      expect(yield* filesOf((dir) => ofUrl(dir, "in.mp4"))).toEqual([["in.mp4", 4]])
      expect(yield* filesOf((_, other) => ofUrl(other, "a.srt"))).toEqual([["a.srt", 8]])
    })
  )

  it.effect("may stand in a list that is an input", () =>
    Effect.gen(function* () {
      expect(yield* filesOf((dir) => taskOn(dir, { inputs: [input(dir, "list.txt", true)] }))).toEqual([
        ["in.mp4", 4],
        ["a.srt", 4]
      ])
      expect(yield* filesOf((dir) => taskOn(dir, { inputs: [input(dir, "list.txt")] }))).toBeUndefined()
    })
  )

  const refusals: ReadonlyArray<readonly [string, (dir: DirId) => Partial<Task>, string]> = [
    [
      "a file that is not there",
      () => ({ named: [names("b.srt")] }),
      'task.filter_complex names "b.srt", which is not in "DIR": upload it there first'
    ],
    ["one without its bytes", () => ({ named: [names("later.srt")] }), '"later.srt", which is not in "DIR"'],
    [
      "a log that no pass has made",
      () => ({ named: [names("lo", { passLog: true })] }),
      '"lo", but "DIR" has no "lo-0.log": run the first pass there first'
    ],
    [
      "a list that leads elsewhere",
      (dir) => ({ inputs: [input(dir, "bad.txt", true)] }),
      'task.inputs[0].file_path: the list "bad.txt" is no list that can be used: line 1'
    ],
    [
      "a long list",
      (dir) => ({ inputs: [input(dir, "in.mp4"), input(dir, "long.txt", true)] }),
      'task.inputs[1].file_path: the list "long.txt" is too long'
    ]
  ]
  it.effect.each(refusals)("refuses %s", ([_, over, reason]) =>
    Effect.gen(function* () {
      const { result, dir } = yield* submitted((dir) => taskOn(dir, over(dir)))
      expect(result).toMatchObject({
        _tag: "Left",
        left: { _tag: "InvalidTask", reason: expect.stringContaining(reason.replace("DIR", dir)) }
      })
    })
  )

  it.effect("leaves nothing of a URL that was fetched for a task that is refused", () =>
    Effect.gen(function* () {
      const task = (_: DirId, other: DirId) =>
        taskOn(other, { inputs: [remote], named: [names("b.srt")], outputDirectory: other })
      const { result, left } = yield* submitted(task)
      expect([result._tag, left]).toEqual(["Left", []])
    })
  )

  it.effect("are left to ffmpeg where nothing is refused", () =>
    Effect.gen(function* () {
      const off = Layer.succeed(Policy, { ...defaultPolicy, options: "off" })
      const task = (dir: DirId) =>
        taskOn(dir, { inputs: [input(dir, "bad.txt", true)], named: [names("b.srt"), names("a.srt")] })
      expect(yield* Effect.provide(filesOf(task), off)).toEqual([["a.srt", 4]])
    })
  )
})
