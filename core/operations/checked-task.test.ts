import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { type CheckedTask, seal } from "../checked-task.js"
import { checkTask, type TaskRequest } from "../contract/check-task.js"
import type { DirId } from "../ids.js"
import { defaultPolicy, Policy } from "../policy/policy.js"
import { Queue } from "../ports/queue.js"
import { readTask } from "../read-task.suite.js"
import type { Task } from "../task.js"
import { findJob, processTask } from "./await-job.js"
import { submit } from "./submit.js"
import { ownerWithFile, taskOn, world } from "./world.suite.js"

const quiet = { webhookUrl: null }

const request = (dir: DirId, over: Partial<TaskRequest> = {}): TaskRequest => ({
  inputs: [{ source: { _tag: "Stored", dir, name: "in.mp4" }, options: [] }],
  outputs: [{ name: "out.mp4", options: [], maps: [] }],
  filterComplex: null,
  outputDirectory: null,
  ...over
})

const inputWith = (...options: ReadonlyArray<string>) => ({
  inputs: [{ source: { _tag: "Stored", dir: "dir_a", name: "in.mp4" }, options }] as TaskRequest["inputs"]
})
const outputWith = (...options: ReadonlyArray<string>) => ({
  outputs: [{ name: "out.mp4", options, maps: [] }]
})
const reading = (source: unknown) => ({
  inputs: [{ source, options: [] }] as unknown as TaskRequest["inputs"]
})
const named = (name: unknown) => ({ outputs: [{ name: name as string, options: [], maps: [] }] })

/** An array that gives other items each time it is read. */
const changing = (...reads: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  let read = 0
  return new Proxy([] as Array<string>, {
    get: (_, key) => {
      const items = reads[Math.min(read, reads.length - 1)] ?? []
      if (key === Symbol.iterator) {
        read++
        return items[Symbol.iterator].bind(items)
      }
      const value = Reflect.get(items, key)
      return typeof value === "function" ? value.bind(items) : value
    }
  })
}

describe("checkTask", () => {
  const refused: ReadonlyArray<readonly [string, Partial<TaskRequest>, RegExp]> = [
    ["-report", outputWith("-report"), /task\.outputs\[0\]\.options: option -report is not allowed/],
    [
      "-report before an input",
      inputWith("-report"),
      /task\.inputs\[0\]\.options: option -report is not allowed/
    ],
    ["-nope", outputWith("-nope"), /option -nope is not known/],
    [
      "-attach of a path",
      outputWith("-attach", "/etc/hostname"),
      /the value of -attach must be the name of a file/
    ],
    ["-f lavfi", inputWith("-f", "lavfi"), /the value of -f must be a format of files/],
    [
      "movie in a graph",
      { filterComplex: "movie=/etc/hostname[v]" },
      /the filter "movie", which is not allowed/
    ],
    ["movie in -vf", outputWith("-vf", "movie=x"), /the filter "movie", which is not allowed/],
    [
      "a second output",
      outputWith("-c", "copy", "/tmp/second.mkv"),
      /"\/tmp\/second.mkv" is neither an option nor/
    ],
    ["a second input", outputWith("-i", "/etc/hostname"), /option -i is not allowed/],
    [
      "an encoder's file",
      outputWith("-c:v", "libx264", "-x264-params", "cqm=/etc/hostname"),
      /it must be flat or jvt/
    ],
    [
      "a map of a file",
      { outputs: [{ name: "a.mp4", options: [], maps: ["0:v:/etc/hostname"] }] },
      /task\.outputs\[0\]\.maps\[0\] must be/
    ],
    ["an output outside", named("../../escape.jpg"), /task\.outputs\[0\]\.file must not contain slashes/],
    ["an output that is a folder", named(".."), /task\.outputs\[0\]\.file must not be/],
    ["a name that is an object", named(new String("out.mp4")), /task\.outputs\[0\]\.file must be a string/],
    [
      "an input outside",
      reading({ _tag: "Stored", dir: "dir_a", name: "../../x" }),
      /task\.inputs\[0\]\.file_path names a file that/
    ],
    [
      "an input of a path",
      reading({ _tag: "Stored", dir: "/etc", name: "hostname" }),
      /task\.inputs\[0\]\.file_path must be/
    ],
    [
      "an address for a directory",
      reading({ _tag: "Stored", dir: "https:", name: "/host/x" }),
      /task\.inputs\[0\]\.file_path must be/
    ],
    [
      "a path for a URL",
      reading({ _tag: "Remote", url: "/etc/hostname" }),
      /task\.inputs\[0\]\.file_path must be/
    ],
    [
      "a file URL",
      reading({ _tag: "Remote", url: "file:///etc/hostname" }),
      /task\.inputs\[0\]\.file_path must be/
    ],
    ["plain http", reading({ _tag: "Remote", url: "http://host/x" }), /http is not allowed/],
    ["no source", reading(null), /task\.inputs\[0\]\.file_path must be/],
    ["a directory that is none", { outputDirectory: "../x" }, /task\.output_dir_id must be/],
    [
      "options that are text",
      { outputs: [{ name: "a", options: "-report" as never, maps: [] }] },
      /options must be/
    ],
    [
      "an option that is an object",
      outputWith({ toString: () => "-report" } as never),
      /task\.outputs\[0\]\.options\[0\] must be/
    ],
    ["nothing at all", { inputs: undefined as never }, /task\.inputs is required/]
  ]
  it.effect.each(refused)("refuses %s with a sentence", ([_, over, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(checkTask(request("dir_a" as DirId, over)))
      expect(error.message).toMatch(message)
    })
  )

  it.effect.each([null, undefined, 1, "task", []])("refuses %j", (value) =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(checkTask(value as never))).message).toMatch(/^.*\btask\b/)
    })
  )

  it.effect("gives what the HTTP API would make of it, in which nothing can be changed", () =>
    Effect.gen(function* () {
      const options = ["-c:v", "libx264", "-y"]
      const outputs = [{ name: "out.mp4", options, maps: ["0:v"] }]
      const asked = request("dir_a" as DirId, { outputs, filterComplex: "  ", outputDirectory: "dir_b" })
      const task = yield* checkTask(asked)
      const found = {
        inputs: [{ source: { _tag: "Stored", dir: "dir_a", name: "in.mp4" }, options: [] }],
        outputs: [{ name: "out.mp4", options: ["-c:v", "libx264"], maps: ["0:v"] }],
        filterComplex: null,
        outputDirectory: "dir_b"
      }
      expect(task).toEqual(found)
      options.push("-report")
      outputs.push({ name: "../../escape.jpg", options: [], maps: [] })
      expect(task).toEqual(found)
      const writable = task as unknown as {
        inputs: Array<{ options: Array<string>; source: { name: string } }>
        filterComplex: string
      }
      expect(() => writable.inputs[0]?.options.push("-report")).toThrow(TypeError)
      expect(() => writable.inputs.pop()).toThrow(TypeError)
      expect(() => Object.assign(writable.inputs[0]?.source ?? {}, { name: "../x" })).toThrow(TypeError)
      expect(() => Object.assign(writable, { filterComplex: "movie=x" })).toThrow(TypeError)
      expect(() => Object.setPrototypeOf(writable, { named: [] })).toThrow(TypeError)
    })
  )

  it.effect("judges what it keeps, whatever a second read would give", () =>
    Effect.gen(function* () {
      const options = changing(["-c", "copy"], ["-report"])
      const task = yield* checkTask(
        request("dir_a" as DirId, {
          outputs: [{ name: "out.mp4", options, maps: changing([], ["-report"]) }]
        })
      )
      expect(task.outputs).toEqual([{ name: "out.mp4", options: ["-c", "copy"], maps: [] }])
      const reads = ["out.mp4", "../../escape.jpg"]
      const turning = {
        ...{ options: [], maps: [] },
        get name() {
          return reads.shift() ?? "../x"
        }
      }
      expect((yield* checkTask(request("dir_a" as DirId, { outputs: [turning] }))).outputs[0]?.name).toBe(
        "out.mp4"
      )
    })
  )

  it.effect("derives what else a task names, and takes no one's word for it", () =>
    Effect.gen(function* () {
      const claimed = {
        ...request("dir_a" as DirId, outputWith("-attach", "cover.jpg")),
        named: [{ name: "../../x", by: "nobody" }]
      }
      expect((yield* checkTask(claimed)).named).toEqual([
        { name: "cover.jpg", by: "task.outputs[0].options: -attach" }
      ])
    })
  )
})

describe("a task that was not checked", () => {
  const alike: ReadonlyArray<readonly [string, (task: CheckedTask) => unknown]> = [
    ["plain data", (task) => ({ ...task })],
    ["a clone", structuredClone],
    ["what JSON makes of it", (task) => JSON.parse(JSON.stringify(task))],
    ["an heir", (task) => Object.create(task)],
    ["a proxy", (task) => new Proxy(task, {})],
    [
      "a copy with every property",
      (task) => Object.defineProperties({}, Object.getOwnPropertyDescriptors(task))
    ],
    ["one with a mark", (task) => ({ ...task, checked: true, _tag: "CheckedTask" })],
    ["null", () => null],
    ["a word", () => "task"]
  ]
  it.effect.each(alike)("is refused: %s", ([_, make]) =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const fake = make(yield* checkTask(request(dir))) as CheckedTask
      for (const call of [submit(owner, fake, quiet), Effect.asVoid(processTask(owner, fake, quiet))]) {
        const error = yield* Effect.flip(call)
        expect([error._tag, error.message]).toEqual([
          "InvalidTask",
          expect.stringContaining("pass it to checkTask")
        ])
      }
      expect(yield* Effect.scoped(Effect.timeoutOption((yield* Queue).take, 0))).toEqual(Option.none())
    }).pipe(Effect.provide(world()))
  )

  it.effect("does not compile", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const task: Task = { ...taskOn(dir) }
      // @ts-expect-error a task that was not checked
      const submitted = submit(owner, task, quiet)
      // @ts-expect-error a task that was not checked
      const processed = processTask(owner, task, quiet)
      for (const call of [Effect.asVoid(submitted), Effect.asVoid(processed)])
        expect((yield* Effect.flip(call))._tag).toBe("InvalidTask")
    }).pipe(Effect.provide(world()))
  )

  it.effect("includes one that was checked for another ffmpeg, or under laxer rules", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const task = { ...taskOn(dir) }
      const others = [
        { ...defaultPolicy, table: { ...defaultPolicy.table } },
        { ...defaultPolicy, options: "off" as const },
        { ...defaultPolicy, hardware: true }
      ]
      for (const policy of others) {
        const error = yield* Effect.flip(submit(owner, seal(task, readTask(task, policy)), quiet))
        expect(error.message).toContain("check it where it is submitted")
        expect(
          yield* Effect.provideService(
            submit(owner, seal(task, readTask(task, policy)), quiet),
            Policy,
            policy
          )
        ).toMatch(/^job_/)
      }
    }).pipe(Effect.provide(world()))
  )

  it.effect("is not one that was", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const id = yield* submit(owner, yield* checkTask(request(dir, outputWith("-c", "copy"))), quiet)
      expect((yield* findJob(owner, id)).task.outputs).toEqual([
        { name: "out.mp4", options: ["-c", "copy"], maps: [] }
      ])
    }).pipe(Effect.provide(world()))
  )
})
