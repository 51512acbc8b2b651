import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import {
  fileMuxers,
  folderMuxers,
  inputDemuxers,
  refusedDemuxers,
  refusedMuxers
} from "../core/policy/allowed.js"

/** docs/formats.md lists the formats that the policy has. */

const page = readFileSync(new URL("formats.md", import.meta.url), "utf8")

const section = (title: string) => {
  const from = page.indexOf(`\n## ${title}\n`)
  const to = page.indexOf("\n## ", from + 1)
  return from < 0 ? "" : page.slice(from, to < 0 ? undefined : to)
}

/** The names of the list in a section, which stands in a block of its own. */
const listed = (title: string) => /```\n([\s\S]*?)\n```/.exec(section(title))?.[1]?.split(/\s+/)

const refused = (title: string) =>
  section(title)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .flatMap(([, names = "", reason]) => names.split(" ").map((name) => [name.replaceAll("`", ""), reason]))

describe("docs/formats.md", () => {
  it.each([
    ["Inputs", inputDemuxers],
    ["Outputs of one file", fileMuxers],
    ["Outputs of several files", folderMuxers]
  ])("%s: the list is the policy's", (title, names) => {
    expect(listed(title)).toEqual(names)
  })

  it.each([
    ["Refused inputs", refusedDemuxers],
    ["Refused outputs", refusedMuxers]
  ])("%s: the table is the policy's", (title, reasons) => {
    expect(refused(title)).toEqual([...reasons])
  })
})
