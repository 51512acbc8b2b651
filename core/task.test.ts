import { describe, expect, it } from "vitest"
import { outputDirectory } from "./directory.js"
import { DirId, FileName } from "./ids.js"
import { brokenRule, type Input, type Task } from "./task.js"

const stored = (path: string): Input => {
  const [dir = "", name = ""] = path.split("/")
  return { source: { _tag: "Stored", dir: DirId(dir), name: FileName(name) }, options: [] }
}
const remote = (url: string): Input => ({ source: { _tag: "Remote", url }, options: [] })

const task = (inputs: ReadonlyArray<Input>, outputs: ReadonlyArray<string>, outputDirectory?: string): Task => ({
  inputs,
  outputs: outputs.map((name) => ({ name: FileName(name), options: [], maps: [] })),
  filterComplex: null,
  outputDirectory: outputDirectory === undefined ? null : DirId(outputDirectory)
})

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
    expect(brokenRule(good)).toBeUndefined()
  })

  it.each([
    ["two directories", task([stored("d1/a.mp4"), stored("d2/b.mp4")], ["c.mp4"]), /same directory.*"d1" and "d2"/],
    ["two directories behind a URL", task([url, stored("d1/a.mp4"), stored("d2/b.mp4")], ["c.mp4"]), /"d1" and "d2"/],
    ["two directories though the outputs' is named", task([stored("d1/a.mp4"), stored("d2/b.mp4")], ["c.mp4"], "d1"), /same directory/],
    ["one output twice", task([stored("d1/a.mp4")], ["b.mp4", "c.mp4", "b.mp4"]), /two outputs are named "b.mp4"/],
    ["one output twice, of a URL", task([url], ["b.mp4", "b.mp4"]), /two outputs are named "b.mp4"/],
    ["an output named like an input", task([stored("d1/a.mp4")], ["a.mp4"]), /"a.mp4" is named like an input/],
    ["an output named like the second input", task([stored("d1/a.mp4"), stored("d1/b.mp4")], ["c.mp4", "b.mp4"]), /"b.mp4" is named like/],
    ["an output named like an input of the directory that was named", task([stored("d1/a.mp4")], ["a.mp4"], "d1"), /"a.mp4" is named like/]
  ])("%s is not", (_, bad, reason) => {
    expect(brokenRule(bad)).toMatch(reason)
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
