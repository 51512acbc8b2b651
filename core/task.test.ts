import { describe, expect, it } from "vitest"
import { outputDirectory } from "./directory.js"
import { DirId, FileName } from "./ids.js"
import { readTask } from "./read-task.suite.js"
import { brokenRule, filesOfOutputs, type Input, type Output, type Task } from "./task.js"

const stored = (path: string): Input => {
  const [dir = "", name = ""] = path.split("/")
  return { source: { _tag: "Stored", dir: DirId(dir), name: FileName(name) }, options: [] }
}
const remote = (url: string): Input => ({ source: { _tag: "Remote", url }, options: [] })

const task = (
  inputs: ReadonlyArray<Input>,
  outputs: ReadonlyArray<string>,
  outputDirectory?: string
): Task => ({
  inputs,
  outputs: outputs.map((name) => ({ name: FileName(name), options: [], maps: [] })),
  filterComplex: null,
  outputDirectory: outputDirectory === undefined ? null : DirId(outputDirectory)
})

const broken = (task: Task) => brokenRule(task, readTask(task).filterComplex)

const url = remote("https://example.com/a.mp4")

describe("brokenRule", () => {
  it.each([
    ["one file", task([stored("d1/a.mp4")], ["b.mp4"])],
    ["two files of one directory", task([stored("d1/a.mp4"), stored("d1/b.mp4")], ["c.mp4"])],
    ["one file twice", task([stored("d1/a.mp4"), stored("d1/a.mp4")], ["c.mp4"])],
    ["a URL alone", task([url], ["a.mp4"])],
    ["a URL beside a file", task([url, stored("d1/b.mp4"), remote("https://example.com/c")], ["a.mp4"])],
    ["outputs elsewhere", task([stored("d1/a.mp4")], ["b.mp4"], "d2")],
    ["an output named like an input of another directory", task([stored("d1/a.mp4")], ["a.mp4"], "d2")],
    ["names that differ in case", task([stored("d1/a.mp4")], ["A.mp4", "b.mp4", "B.mp4"])]
  ])("%s is well", (_, good) => {
    expect(broken(good)).toBeUndefined()
  })

  it.each([
    [
      "two directories",
      task([stored("d1/a.mp4"), stored("d2/b.mp4")], ["c.mp4"]),
      /same directory.*"d1" and "d2"/
    ],
    [
      "two directories behind a URL",
      task([url, stored("d1/a.mp4"), stored("d2/b.mp4")], ["c.mp4"]),
      /"d1" and "d2"/
    ],
    [
      "two directories though the outputs' is named",
      task([stored("d1/a.mp4"), stored("d2/b.mp4")], ["c.mp4"], "d1"),
      /same directory/
    ],
    [
      "one output twice",
      task([stored("d1/a.mp4")], ["b.mp4", "c.mp4", "b.mp4"]),
      /two outputs are named "b.mp4"/
    ],
    ["one output twice, of a URL", task([url], ["b.mp4", "b.mp4"]), /two outputs are named "b.mp4"/],
    [
      "an output named like an input",
      task([stored("d1/a.mp4")], ["a.mp4"]),
      /"a.mp4" is named like an input/
    ],
    [
      "an output named like the second input",
      task([stored("d1/a.mp4"), stored("d1/b.mp4")], ["c.mp4", "b.mp4"]),
      /"b.mp4" is named like/
    ],
    [
      "an output named like an input of the directory that was named",
      task([stored("d1/a.mp4")], ["a.mp4"], "d1"),
      /"a.mp4" is named like/
    ]
  ])("%s is not", (_, bad, reason) => {
    expect(broken(bad)).toMatch(reason)
  })
})

it("an output that makes no file may have any name, more than once", () => {
  const discarded = (name: string): Output => ({
    name: FileName(name),
    options: ["-f", "null"],
    maps: [],
    discarded: true
  })
  const outputs = [discarded("-"), discarded("-"), discarded("a.mp4")]
  expect(broken({ ...task([stored("d1/a.mp4")], []), outputs })).toBeUndefined()
  expect(filesOfOutputs([...outputs, ...task([url], ["b.mp4"]).outputs])).toEqual(["b.mp4"])
})

describe("labels of the filter graph", () => {
  const output = (
    name: string,
    maps: ReadonlyArray<string> = [],
    options: ReadonlyArray<string> = []
  ): Output => ({
    name: FileName(name),
    maps,
    options
  })
  const labelled = (filterComplex: string | null, ...outputs: ReadonlyArray<Output>): Task => ({
    ...task([stored("d1/a.mp4")], []),
    filterComplex,
    outputs
  })

  it.each([
    ["no graph", labelled(null, output("b.mp4", ["0:v", "0:a?"]))],
    ["no label", labelled("[0:v]hflip", output("b.mp4"))],
    ["a label that is mapped", labelled("[0:v]hflip[v]", output("b.mp4", ["0:a", "[v]"]))],
    [
      "a label that is mapped among the options",
      labelled("[0:v]hflip[v]", output("b.mp4", [], ["-map", "[v]", "-an"]))
    ],
    ["blanks and quotes in labels", labelled("[0:v]hflip[ 'v' ]", output("b.mp4", ["[v ]"]))],
    ["a map as ffmpeg takes it too", labelled("[0:v]split[a][b]", output("b.mp4", ["-[a]", "[b],0"]))],
    [
      "labels for two outputs",
      labelled("[0:v]split[a][b]", output("b.mp4", ["[a]"]), output("c.mp4", ["[b]"]))
    ],
    [
      "labels that filters take, before and after",
      labelled("[x]hflip,vflip[out];[0:v]split[a][x];[a]nullsink", output("b.mp4", ["[out]"]))
    ],
    ["a label made twice, and mapped twice", labelled("[0:v]split[a][a]", output("b.mp4", ["[a]", "[a]"]))],
    ["a separator too many", labelled("[0:v]hflip[v];", output("b.mp4", ["[v]"]))]
  ])("%s is well", (_, good) => {
    expect(broken(good)).toBeUndefined()
  })

  it.each<[string, Task, string]>([
    [
      "the reference's own sample",
      labelled("[0:v]scale=1280:720[out]", output("output.mp4", ["0:v", "0:a"])),
      'task.filter_complex makes [out], but no output takes it: add "maps": ["[out]"] to the output that should have it'
    ],
    [
      "a label that only looks mapped",
      labelled("[0:v]hflip[v]", output("b.mp4", [], ["-metadata", "[v]"])),
      "makes [v], but no output"
    ],
    [
      "one that an output calls by another name",
      labelled("[0:v]hflip[out]", output("b.mp4", ["[oot]"])),
      "an output maps [oot], but task.filter_complex makes no such label: it makes [out], which no output takes"
    ],
    [
      "one of two",
      labelled("[0:v]split[a][b]", output("b.mp4", ["[a]"])),
      "makes [b], but no output takes it"
    ],
    [
      "one of two alike",
      labelled("[0:v]split[a][a]", output("b.mp4", ["[a]"])),
      "makes [a], but no output takes it"
    ],
    [
      "a label in the middle of a chain",
      labelled("[0:v]hflip[a],vflip", output("b.mp4")),
      "makes [a], but no output takes it"
    ],
    [
      "a label mapped twice",
      labelled("[0:v]hflip[v]", output("b.mp4", ["[v]"]), output("c.mp4", ["[v]"])),
      "an output maps [v], but"
    ],
    [
      "a label that a filter takes",
      labelled("[0:v]hflip[v];[v]vflip", output("b.mp4", ["[v]"])),
      "something else takes it already"
    ],
    [
      "a label of another spelling",
      labelled("[0:v]hflip", output("b.mp4", ["[V]"])),
      "an output maps [V], but"
    ],
    [
      "a label without a graph",
      labelled(null, output("b.mp4", ["[v]"])),
      "there is no task.filter_complex that makes it"
    ],
    [
      "a malformed graph",
      labelled("[0:v]hflip[v", output("b.mp4")),
      'task.filter_complex is not well-formed: a "[" has no "]", at character 11'
    ]
  ])("%s is not", (_, bad, reason) => {
    expect(broken(bad)).toContain(reason)
  })
})

describe("outputDirectory", () => {
  it.each([
    ["the one that was named", task([stored("d1/a.mp4")], ["b.mp4"], "d2"), "d2"],
    ["the one that was named, for URLs too", task([url], ["b.mp4"], "d2"), "d2"],
    ["else the inputs' own", task([stored("d1/a.mp4"), stored("d1/c.mp4")], ["b.mp4"]), "d1"],
    ["that of the first stored input behind a URL", task([url, stored("d1/a.mp4")], ["b.mp4"]), "d1"],
    ["none yet for URLs alone", task([url], ["b.mp4"]), undefined]
  ])("is %s", (_, given, expected) => {
    expect(outputDirectory(given)).toBe(expected)
  })
})
