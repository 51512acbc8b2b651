import { mkdtempSync, rmSync } from "node:fs"
import { mkdir, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it as effectIt } from "@effect/vitest"
import { Effect } from "effect"
import { execa } from "execa"
import { afterAll, describe, expect, it } from "vitest"
import { RunLimitExceeded } from "../../core/errors.js"
import { FileName } from "../../core/ids.js"
import { commandOf } from "../../core/plan.js"
import { arrange, checkLimits, commonName, judgeOutput, listMade, madeBy, shortfall } from "./outputs.js"

const folder = mkdtempSync(join(tmpdir(), "outputs-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const made = (name: string, bytes = 1) => ({ name: FileName(name), path: `/x/${name}`, bytes })
const namesOf = (files: ReadonlyArray<{ readonly name: string }>) => files.map(({ name }) => name)

effectIt.live("listMade finds regular files and nothing else", () =>
  Effect.gen(function* () {
    yield* Effect.promise(async () => {
      await writeFile(join(folder, "a.mp4"), "1234")
      await writeFile(join(folder, "-b"), "")
      await symlink("/etc/hostname", join(folder, "link"))
      await symlink("a.mp4", join(folder, "inner"))
      await symlink("nowhere", join(folder, "dangling"))
      await mkdir(join(folder, "sub"))
      await writeFile(join(folder, "control\u0007"), "x")
      await execa("mkfifo", [join(folder, "pipe")])
    })
    const found = [...(yield* listMade(folder))].sort((a, b) => (a.name < b.name ? -1 : 1))
    expect(found).toEqual([
      { name: "-b", path: join(folder, "-b"), bytes: 0 },
      { name: "a.mp4", path: join(folder, "a.mp4"), bytes: 4 }
    ])
  })
)

describe("checkLimits", () => {
  const files = [made("a", 60), made("b", 40)]
  effectIt.effect.each([
    { outputBytes: 100, outputFiles: 2, says: undefined },
    { outputBytes: 99, outputFiles: 2, says: "99 bytes" },
    { outputBytes: 100, outputFiles: 1, says: "1 files" }
  ])("$outputBytes bytes, $outputFiles files", ({ says, ...limits }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(checkLimits(files, { seconds: 1, ...limits })).pipe(Effect.option)
      if (says === undefined) return expect(error._tag).toBe("None")
      expect(error).toMatchObject({ _tag: "Some", value: { _tag: new RunLimitExceeded({ limit: "" })._tag } })
      expect(JSON.stringify(error)).toContain(says)
    })
  )
})

it.each([
  [["a", "b"], undefined],
  [["a", "b", "a"], "a"],
  [[], undefined]
] as const)("commonName of %j is %j", (names, common) => {
  expect(commonName(names.map((name) => made(name)))).toBe(common)
})

effectIt.live("names that Unicode takes for one are one", () =>
  Effect.gen(function* () {
    const own = mkdtempSync(join(folder, "unicode-"))
    yield* Effect.promise(() =>
      Promise.all(["\u00e9.ts", "e\u0301.ts"].map((name) => writeFile(join(own, name), "x")))
    )
    expect(commonName(yield* listMade(own))).toBe("\u00e9.ts")
  })
)

describe("filesOf", () => {
  const there = [
    "f001.png",
    "f002.png",
    "f10.png",
    "fx.png",
    "f.png",
    "g%03d.mp4",
    "v0.m3u8",
    "v1.m3u8",
    "50%.png",
    "50%1.png",
    "a+b1.ts",
    "aab1.ts",
    "my-clip-7.png",
    "n1-01.png",
    "n2-01.png",
    "w15.png",
    "w105.png",
    "xena-xena.m3u8",
    "xena-xend.m3u8"
  ]
  it.each([
    { name: "f001.png", is: ["f001.png"] },
    { name: "f%03d.png", is: ["f001.png", "f002.png"] },
    { name: "f%d.png", is: ["f10.png"] },
    { name: "g%03d.mp4", is: ["g%03d.mp4"] },
    { name: "v%v.m3u8", is: ["v0.m3u8", "v1.m3u8"] },
    { name: "50%%%d.png", is: ["50%1.png"] },
    { name: "a+b%d.ts", is: ["a+b1.ts"] },
    { name: "my-clip-%d.png", is: ["my-clip-7.png"] },
    { name: "n%d-%02d.png", is: ["n1-01.png"] },
    { name: "w%d5.png", is: ["w15.png", "w105.png"] },
    { name: "w%d05.png", is: ["w105.png"] },
    { name: "x%v-x%v.m3u8", is: ["xena-xena.m3u8"] },
    { name: `${"%d".repeat(120)}.png`, is: [] },
    { name: "f%999999999d.png", is: [] },
    { name: "%%d.png", is: [] },
    { name: "none.png", is: [] },
    { name: "f?.png", is: [] },
    { name: "h%d.png", is: [] }
  ])("$name", ({ name, is }) => {
    expect(
      namesOf(
        madeBy(
          FileName(name),
          there.map((each) => made(each))
        )
      )
    ).toEqual(is)
  })
})

it("filesOf is not kept busy by a pattern of many numbers", () => {
  const file = made(`${"1".repeat(240)}.jpg`)
  expect(madeBy(FileName(`${"%d".repeat(120)}.png`), Array(1000).fill(file))).toEqual([])
  expect(madeBy(FileName(`${"%v".repeat(120)}.png`), Array(1000).fill(file))).toEqual([])
})

it("arrange puts the named outputs first, in the task's order, then the rest by name and number", () => {
  const files = ["seg10.ts", "p2.png", "list.m3u8", "seg9.ts", "p1.png", "p10.png", "b.mp4"].map((name) =>
    made(name)
  )
  expect(namesOf(arrange(["p%d.png", "list.m3u8", "b.mp4"].map(FileName), files))).toEqual([
    ...["p1.png", "p2.png", "p10.png", "list.m3u8", "b.mp4"],
    ...["seg9.ts", "seg10.ts"]
  ])
})

describe("judge", () => {
  const video = (packets: number) => ({ kind: "video", packets })
  const audio = (packets: number) => ({ kind: "audio", packets })
  const subtitle = (packets: number) => ({ kind: "subtitle", packets })
  it.each([
    { streams: [video(1)], warnings: [] },
    { streams: [video(1), audio(0)], warnings: ['stream 1 (audio) of the output "o.mp4" is empty'] },
    { streams: [video(1), { kind: "attachment", packets: 0 }], warnings: [] },
    { streams: [{ kind: "attachment", packets: 0 }], warnings: [] },
    { streams: [video(1), { kind: "subtitle", packets: 0 }], warnings: [] },
    {
      streams: [subtitle(0)],
      warnings: ['the output "o.mp4" has no line of subtitles: none falls into the part that was asked for']
    },
    {
      streams: [subtitle(0), { kind: "attachment", packets: 0 }],
      warnings: ['the output "o.mp4" has no line of subtitles: none falls into the part that was asked for']
    },
    { streams: [subtitle(0), subtitle(1)], warnings: [] },
    {
      streams: [video(1), { kind: "data", packets: 0 }],
      warnings: ['stream 1 (data) of the output "o.mp4" is empty']
    },
    { streams: [video(0), audio(7)], warnings: ['stream 0 (video) of the output "o.mp4" is empty'] }
  ])("warns of $warnings", ({ streams, warnings }) =>
    expect(judgeOutput(FileName("o.mp4"), streams)).toEqual({ warnings })
  )

  it.each([
    { streams: [] },
    { streams: [video(0)] },
    { streams: [video(0), audio(0)] },
    { streams: [video(0), subtitle(0)] }
  ])("fails: $streams", ({ streams }) => {
    expect(judgeOutput(FileName("o.mp4"), streams)).toMatchObject({
      failure: expect.stringContaining('"o.mp4" is empty')
    })
  })
})

describe("shortfall", () => {
  const outputs = (...lengths: ReadonlyArray<number | null>) =>
    lengths.map((length) => ({ start: 0, length }))
  it.each([
    {
      title: "much too short",
      lengths: [10],
      at: 2.04,
      args: [],
      says: ["the result is 2.0 s long, not 10 s as asked for"]
    },
    { title: "long enough", lengths: [10], at: 9.98, args: [], says: [] },
    { title: "a frame or so too short", lengths: [1], at: 0.2, args: [], says: [] },
    { title: "no length asked for", lengths: [null], at: 2, args: [], says: [] },
    { title: "one of two without a length", lengths: [10, null], at: 2, args: [], says: [] },
    {
      title: "the longest of two",
      lengths: [3, 10],
      at: 3,
      args: [],
      says: ["the result is 3.0 s long, not 10 s as asked for"]
    },
    { title: "a picture", lengths: [10], at: 0.04, args: ["-frames:v", "1"], says: [] },
    { title: "as short as the shortest input", lengths: [10], at: 2, args: ["-shortest"], says: [] },
    { title: "as long as fits", lengths: [10], at: 2, args: ["-fs", "1M"], says: [] }
  ])("$title", ({ lengths, at, args, says }) => {
    expect(
      shortfall({ inputs: [], outputs: outputs(...lengths) }, commandOf({ args, inputs: [] }), at)
    ).toEqual(says)
  })
})
