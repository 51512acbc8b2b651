import { describe, expect, it } from "vitest"
import { goneOptions } from "../moved-options.js"
import { knownOptions } from "../option-rules.js"
import { ffmpeg5 } from "./ffmpeg-5.js"
import { knownTables } from "./known-tables.js"
import { type OptionTable, parseTable, printTable, tableVersion } from "./option-table.js"

describe("a table", () => {
  const small: OptionTable = {
    version: "7.1",
    library: [59, 39],
    build: "0123456789abcdef",
    options: new Map([
      ["ss", { takesValue: true, negatable: false, places: ["input", "output"] }],
      ["autorotate", { takesValue: true, negatable: true, places: ["input"] }],
      ["y", { takesValue: false, negatable: true, places: ["global"] }],
      ["?", { takesValue: true, negatable: false, places: [] }]
    ]),
    avOptions: new Map([
      ["x264-params", { owners: ["private"], directions: ["encode"], text: true }],
      ["flags", { owners: ["codec", "scaler"], directions: ["decode", "encode"], text: false }],
      ["dither_method", { owners: ["scaler"], directions: [], text: false }]
    ]),
    unread: new Set(["srcw"])
  }

  it.each([small, ...knownTables])(
    "of ffmpeg $version is read as it was printed, also as what differs from another",
    (table) => {
      expect(parseTable(printTable(table))).toEqual(table)
      for (const base of [small, ...knownTables])
        expect(parseTable(printTable(table, { base }), { base })).toEqual(table)
    }
  )

  it("that is not whole yet is not taken for one that is", () => {
    const part = printTable(small, { extent: "part" })
    expect(parseTable(part)).toBe(undefined)
    expect(parseTable(part, { extent: "part" })).toEqual(small)
    expect(parseTable(printTable(small), { extent: "part" })).toBe(undefined)
  })

  it("is none when any part of it is missing", () => {
    const whole = printTable(small)
    for (let length = 0; length < whole.length - 1; length++)
      expect(parseTable(whole.slice(0, length))).toBe(undefined)
    const lines = whole.split("\n")
    for (const index of lines.keys()) {
      if (lines[index] !== "")
        expect(parseTable(lines.filter((_, at) => at !== index).join("\n"))).toBe(undefined)
    }
  })
})

describe("the version that decides which table it is", () => {
  it.each([
    ["5.1.9-0+deb12u1", "5.1"],
    ["6.0", "6.0"],
    ["n7.1.1", "7.1"],
    ["7.1-full_build-www.example.com", "7.1"],
    ["8.0_1", "8.0"],
    ["10.2", "10.2"],
    ["N-109741-gbbe95f7353", "N-109741-gbbe95f7353"],
    ["git-2020-05-10", "git-2020-05-10"],
    ["2024-01-01-git-e1c1dc8347-full", "2024-01-01-git-e1c1dc8347-full"]
  ])("of %s is %s", (version, expected) => {
    expect(tableVersion(version)).toBe(expected)
  })
})

describe("the tables that come with ffkiln", () => {
  it("are of builds in the order of time, each another one", () => {
    expect(knownTables.map(({ version }) => version)).toEqual(["4.3", "5.1", "6.1", "7.1", "9.0"])
    expect(knownTables.map(({ library: [major] }) => major)).toEqual([56, 57, 58, 59, 61])
    expect(new Set(knownTables.map(({ build }) => build)).size).toBe(knownTables.length)
  })

  it.each(knownTables)("know no option of the program that nobody judged: $version", ({ options }) => {
    const judged = new Set([...knownOptions, ...goneOptions])
    expect([...options.keys()].filter((name) => !judged.has(name))).toEqual([])
  })
})

describe("the table of ffmpeg 5", () => {
  it("has what its help is wrong about", () => {
    expect(ffmpeg5.options.get("autorotate")).toEqual({
      takesValue: true,
      negatable: true,
      places: ["input"]
    })
    expect(ffmpeg5.options.get("hide_banner")).toMatchObject({ takesValue: false })
    expect(ffmpeg5.options.get("vsync")).toEqual({ takesValue: true, negatable: false, places: ["global"] })
    expect(ffmpeg5.options.get("xerror")).toMatchObject({ takesValue: false })
  })
})
