import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { BlobKey, DirId, FileName } from "./ids.js"
import { defaultLimits } from "./limits.js"
import { atUrls, type CommandFacts, commandOf, makePlan, placeOf, tooLong } from "./plan.js"
import type { ResolvedInput, ResolvedTask } from "./task.js"
import { seconds } from "./timeline.js"

const input = (name: string, options: ReadonlyArray<string> = [], slot = name): ResolvedInput => ({
  name: FileName(name),
  key: BlobKey(`dir_a/${slot}/${name}`),
  bytes: 5,
  options
})

const task = (over: Partial<ResolvedTask> = {}): ResolvedTask => ({
  directory: DirId("dir_a"),
  inputs: [input("in.mp4")],
  outputs: [{ name: FileName("out.mp4"), options: [], maps: [] }],
  filterComplex: null,
  ...over
})

const planOf = (over: Partial<ResolvedTask> = {}) => makePlan(task(over), "job_1-2", defaultLimits)

/** The arguments without the guard before each input and the fixed ones at the start. */
const spoken = (args: ReadonlyArray<string>) => {
  const rest = args.slice(args.indexOf("pipe:1") + 1)
  return rest.flatMap((arg, index) => {
    const guarded = ["-protocol_whitelist", "-format_whitelist", "-max_pixels"]
    return guarded.includes(arg) || guarded.includes(rest[index - 1] ?? "") ? [] : [arg]
  })
}

describe("makePlan", () => {
  it("lists the indexes of the outputs that write no file", () => {
    const output = (name: string, discarded?: true) => ({
      name: FileName(name),
      options: [],
      maps: [],
      ...(discarded && { discarded })
    })
    const plan = planOf({ outputs: [output("-", true), output("a.mp4"), output("-", true)] })
    expect([plan.outputs, plan.discarded, planOf().discarded]).toEqual([["a.mp4"], [0, 2], undefined])
    expect(spoken(plan.args).slice(-3)).toEqual(["file:../out/-", "file:../out/a.mp4", "file:../out/-"])
  })

  it("puts inputs, graph, maps, options and outputs in ffmpeg's order", () => {
    const plan = planOf({
      inputs: [input("in.mp4", ["-ss", "1"]), input("logo.png")],
      outputs: [
        { name: FileName("a.mp4"), options: ["-crf", "23"], maps: ["[v]", "0:a"] },
        { name: FileName("-b.mp3"), options: ["-vn"], maps: [] }
      ],
      filterComplex: "[0:v][1:v]overlay[v]"
    })
    expect(spoken(plan.args)).toEqual(
      "-ss 1 -i file:input-0.mp4 -i file:input-1.png -filter_complex [0:v][1:v]overlay[v] -map [v] -map 0:a -crf 23 file:../out/a.mp4 -vn file:../out/-b.mp3".split(
        " "
      )
    )
    expect(plan.outputs).toEqual(["a.mp4", "-b.mp3"])
    expect(plan.outputPrefix).toBe("dir_a/job_1-2/")
  })

  it.each([
    [{ name: "part%03d.ts", use: "write", opened: "url" }, "file:../out/part%03d.ts"],
    [{ name: "main.m3u8", use: "write", opened: "beside" }, "main.m3u8"],
    [{ name: "log", use: "write", opened: "path" }, "../out/log"],
    [{ name: "log", use: "read", opened: "path" }, "log"],
    [{ name: "log", use: "update", opened: "path" }, "../out/log"],
    [{ name: "cover.jpg", use: "read", opened: "path" }, "cover.jpg"]
  ] as const)("knows where a file lies that an option names: %j", ({ name, use, opened }, place) => {
    expect(placeOf({ name: FileName(name), use, opened })).toBe(place)
  })

  it("stages pictures of a sequence in their order, under names that nothing else fits", () => {
    const blob = (slot: string) => ({ key: BlobKey(`dir_a/${slot}/x.png`), bytes: 3 })
    const pictures = [blob("2"), blob("1")]
    const sequence = (name: string, options: ReadonlyArray<string>) => ({
      ...input(name, options),
      ...blob("2"),
      pictures
    })
    const files = [
      { name: FileName("picture-0-00000.png"), key: BlobKey("dir_a/f/picture-0-00000.png"), bytes: 7 }
    ]
    const plan = planOf({
      inputs: [
        sequence("a%d.png", ["-start_number", "7"]),
        sequence("*.*", ["-f", "image2"]),
        input("in.mp4")
      ],
      files
    })
    expect(plan.inputs.map(({ name, key }) => [name, key])).toEqual([
      ["picture-0-00000.png", "dir_a/f/picture-0-00000.png"],
      ["input-0.mp4", "dir_a/in.mp4/in.mp4"],
      ["picture-0-x-00000.png", "dir_a/2/x.png"],
      ["picture-0-x-00001.png", "dir_a/1/x.png"]
    ])
    expect(plan.inputs.map(({ givenName }) => givenName)).toEqual([undefined, "in.mp4", "x.png", "x.png"])
    expect(plan.sequences).toEqual([{ pattern: "picture-0-x-%05d.png", givenName: "a%d.png" }])
    const own = "-pattern_type sequence -start_number 0 -i file:picture-0-x-%05d.png"
    expect(spoken(plan.args).join(" ")).toContain(
      `-start_number 7 -f image2 ${own} -f image2 ${own} -i file:input-0.mp4`
    )
  })

  it("stages files that are named elsewhere under just those names, and no blob twice", () => {
    const file = (name: string, slot = name) => ({
      name: FileName(name),
      key: BlobKey(`dir_a/${slot}/${name}`),
      bytes: 7
    })
    const files = [{ ...file("in.srt"), subtitles: true as const }, file("in.mkv")]
    const plan = planOf({ inputs: [input("in.srt", [], "other"), input("in.mkv"), input("in.mp4")], files })
    expect(plan.inputs.map(({ name, key, bytes, subtitles }) => [name, key, bytes, subtitles])).toEqual([
      ["in.srt", "dir_a/in.srt/in.srt", 7, true],
      ["in.mkv", "dir_a/in.mkv/in.mkv", 7, undefined],
      ["input-0.srt", "dir_a/other/in.srt", 5, undefined],
      ["input-1.mp4", "dir_a/in.mp4/in.mp4", 5, undefined]
    ])
    expect(spoken(plan.args).filter((arg) => arg.startsWith("file:"))).toEqual([
      "file:input-0.srt",
      "file:in.mkv",
      "file:input-1.mp4",
      "file:../out/out.mp4"
    ])
  })

  it("lets a list open what it lists, and no other input", () => {
    const { args } = planOf({
      inputs: [input("a"), { ...input("list.txt", ["-f", "concat"]), concat: true }, input("b")]
    })
    const lists = args.flatMap((arg, index) =>
      args[index - 1] === "-format_whitelist" ? [arg.split(",")] : []
    )
    expect(lists.map((demuxers) => demuxers.includes("concat"))).toEqual([false, true, false])
  })

  it("guards every input after the caller's options, so that the guard wins", () => {
    const { args } = planOf({ inputs: [input("a", ["-f", "mov"]), input("b")] })
    for (const at of args.flatMap((arg, index) => (arg === "-i" ? [index] : []))) {
      expect(args.slice(at - 6, at)).toEqual([
        "-protocol_whitelist",
        "file",
        "-format_whitelist",
        expect.any(String),
        "-max_pixels",
        "268435456"
      ])
    }
  })

  it("bounds the pixels of a picture by the limit", () => {
    const { args } = makePlan(task({}), "job_1-2", { ...defaultLimits, maxPixels: 10 })
    expect(args[args.indexOf("-max_pixels") + 1]).toBe("10")
  })

  it("stages a blob once, under a generated name that differs from named files", () => {
    const files = [{ name: FileName("input-1.png"), key: BlobKey("dir_a/named/input-1.png"), bytes: 7 }]
    const { inputs, args } = planOf({
      inputs: [input("a%03d.png"), input("a%03d.png"), input("a_03d.png", [], "other")],
      files
    })
    expect(inputs.map(({ name, givenName }) => [name, givenName])).toEqual([
      ["input-1.png", undefined],
      ["input-0.png", "a%03d.png"],
      ["input-2.png", "a_03d.png"]
    ])
    expect(spoken(args).filter((arg) => arg.startsWith("file:"))).toEqual([
      "file:input-0.png",
      "file:input-0.png",
      "file:input-2.png",
      "file:../out/out.mp4"
    ])
  })

  it.each([
    { options: [], window: { start: 0, length: null } },
    { options: ["-ss", "00:00:10", "-t", "5"], window: { start: 10, length: 5 } },
    { options: ["-ss", "10", "-to", "15"], window: { start: 10, length: 5 } },
    { options: ["-to", "15", "-t", "3"], window: { start: 0, length: 3 } },
    { options: ["-t", "9", "-t", "3"], window: { start: 0, length: 3 } },
    { options: ["-sseof", "-4"], window: { start: 0, length: 4 } },
    { options: ["-stream_loop", "-1", "-t", "4"], window: { start: 0, length: 4, looped: true } },
    { options: ["-loop", "0"], window: { start: 0, length: null } },
    { options: ["-r:v", "5"], window: { start: 0, length: null, looped: true } },
    { options: ["-itsscale", "3"], window: { start: 0, length: null, looped: true } }
  ])("reads the window of $options", ({ options, window }) => {
    expect(planOf({ inputs: [input("a", options)] }).timeline.inputs).toEqual([window])
  })

  const output = (...options: ReadonlyArray<string>) => ({
    outputs: [{ name: FileName("out.mp4"), options, maps: [] }]
  })
  it.each([
    { filterComplex: "[0:v][1:v]concat=n=2:v=1:a=0[v]" },
    output("-vf", "setpts=3*PTS"),
    output("-filter:v:0", "setpts=3*PTS"),
    output("-af", "atempo=0.5")
  ])("knows no length where a filter changes it: %j", (over) => {
    const { timeline } = planOf({ ...over, inputs: [input("a", ["-t", "5"])] })
    expect(timeline.inputs).toEqual([{ start: 0, length: null, looped: true }])
  })

  it("takes no other option's value for a graph", () => {
    expect(planOf(output("-metadata", "atempo=0.5")).timeline.inputs).toEqual([{ start: 0, length: null }])
  })
})

describe("tooLong", () => {
  const limits = { ...defaultLimits, commandArguments: 100, commandBytes: 200_000 }
  const output = (options: ReadonlyArray<string>, maps: ReadonlyArray<string> = []) => ({
    name: FileName("a"),
    options,
    maps
  })

  it.each([
    ["an ordinary task", {}, undefined],
    [
      "many options",
      { outputs: [output(Array(101).fill("-an"))] },
      /makes a command of \d+ arguments, and at most 100 are allowed/
    ],
    ["many maps", { outputs: [output([], Array(50).fill("0"))] }, /makes a command of \d+ arguments/],
    [
      "options of many inputs",
      { inputs: Array(60).fill({ options: ["-an"] }) },
      /makes a command of \d+ arguments/
    ],
    [
      "bytes, not characters",
      { outputs: [output(Array(3).fill("\u3042".repeat(25_000)))] },
      /have \d+ bytes together, and at most 200000/
    ],
    ["a graph", { filterComplex: "x".repeat(128 * 1024 - 1) }, undefined],
    ["one too long", { filterComplex: "x".repeat(128 * 1024) }, /longer than 131071 bytes/]
  ] as const)("%s", (_, over, says) => {
    const said = tooLong({ ...task(), ...over }, limits)
    if (says === undefined) expect(said).toBeUndefined()
    else expect(said).toMatch(says)
  })

  it("never takes a command for shorter than it is", () => {
    const long = task({
      inputs: [input(`${"x".repeat(251)}.mp4`)],
      files: [{ name: FileName("y".repeat(255)), key: BlobKey("a/b/c"), bytes: 1 }]
    })
    const { args } = makePlan(long, "job_1-1", defaultLimits)
    const bytes = args.reduce((sum, arg) => sum + Buffer.byteLength(arg) + 1, 0)
    expect(tooLong(long, { ...defaultLimits, commandBytes: bytes - 1 })).toBeDefined()
    expect(tooLong(long, { ...defaultLimits, commandArguments: args.length - 1 })).toBeDefined()
    expect(tooLong(long, { ...defaultLimits, commandArguments: args.length })).toBeUndefined()
  })
})

describe("seconds", () => {
  it.each([
    ["10", 10],
    [".5", 0.5],
    ["-1.5", -1.5],
    ["200ms", 0.2],
    ["200000us", 0.2],
    ["01:30", 90],
    ["1:02:03.5", 3723.5],
    ["-00:10", -10],
    ["abc", null],
    ["", null],
    [undefined, null]
  ])("%s is %s", (text, value) => {
    expect(seconds(text)).toBe(value)
  })

  it("never throws, and gives a number or null", () => {
    fc.assert(fc.property(fc.string(), (text) => [null, Number(seconds(text))].includes(seconds(text))))
  })
})

const guard = ["-protocol_whitelist", "file", "-format_whitelist", "mov,mp4", "-max_pixels", "1"]
const opened = (name: string) => [...guard, "-i", `file:${name}`]
const staged = (name: string) => ({ name: FileName(name), key: BlobKey(`dir_1/blob_1/${name}`), bytes: 1 })

describe("inputs that nothing but -i reads", () => {
  it.each<[string, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["one", [...opened("a.mp4"), "file:../out/b.mp4"], ["a.mp4"]],
    ["two", [...opened("a.mp4"), ...opened("b.mp4"), "file:../out/c.mp4"], ["a.mp4", "b.mp4"]],
    ["one named like an output", [...opened("a.mp4"), "file:../out/a.mp4"], ["a.mp4"]],
    [
      "one that a filter reads too",
      [...opened("a.mp4"), ...opened("b.mp4"), "-vf", "movie=a.mp4", "file:../out/c.mp4"],
      ["b.mp4"]
    ],
    [
      "one whose name is escaped there",
      [...opened("it's.mp4"), "-vf", "movie=it\\\\\\'s.mp4", "file:../out/c.mp4"],
      []
    ],
    ["one that is quoted there", [...opened("a b.mp4"), "-vf", "movie='a b.mp4'", "file:../out/c.mp4"], []],
    [
      "none where a list may name any",
      ["-format_whitelist", "mov,mp4,concat", "-i", "file:list.txt", ...opened("a.mp4"), "file:../out/c.mp4"],
      []
    ]
  ])("%s", (_, args, expected) => {
    const inputs = ["a.mp4", "b.mp4", "it's.mp4", "a b.mp4", "list.txt"].map(staged)
    expect(commandOf({ args, inputs }).streamable).toEqual(expected)
  })

  it("not one that must hold subtitles", () => {
    expect(
      commandOf({ args: opened("a.srt"), inputs: [{ ...staged("a.srt"), subtitles: true }] }).streamable
    ).toEqual([])
  })
})

const urls = new Map([[FileName("a.mp4"), "http://127.0.0.1:1/x/0.mp4"]])

describe("the command over HTTP", () => {
  it("differs in what opens those inputs, and in nothing else", () => {
    const args = [
      "-ss",
      "1",
      ...opened("a.mp4"),
      ...opened("b.mp4"),
      "-metadata",
      "title=file:a.mp4",
      "file:../out/a.mp4"
    ]
    expect(atUrls({ args }, urls)).toEqual([
      ...["-ss", "1", ...guard, "-protocol_whitelist", "http,tcp", "-i", "http://127.0.0.1:1/x/0.mp4"],
      ...[...opened("b.mp4"), "-metadata", "title=file:a.mp4", "file:../out/a.mp4"]
    ])
  })

  it("replaces an input as often as it is read", () => {
    const args = atUrls({ args: [...opened("a.mp4"), ...opened("a.mp4")] }, urls)
    expect(args.filter((arg) => arg === "http://127.0.0.1:1/x/0.mp4")).toHaveLength(2)
    expect(args).not.toContain("file:a.mp4")
  })
})

describe("the facts of a command", () => {
  it.each<readonly [string, ReadonlyArray<string>, object]>([
    ["what each -i opens", ["-i", "file:a.mp4", "-i", "file:p-%05d.png"], { reads: ["a.mp4", "p-%05d.png"] }],
    ["a first pass", ["-pass", "1"], { firstPass: true }],
    ["a third pass of one stream", ["-pass:v", "3"], { firstPass: true }],
    ["a second pass", ["-pass", "2"], { firstPass: false }],
    ["an end before the length", ["-t", "5", "-frames:v", "1"], { endsEarly: true }],
    ["a beginning that is written last", ["-movflags", "+faststart"], { rewritten: true }],
    ["nothing of it", ["-t", "5"], { reads: [], firstPass: false, endsEarly: false, rewritten: false }]
  ])("tell %s", (_, args, facts) => {
    expect(commandOf({ args, inputs: [] })).toMatchObject(facts)
  })

  it("are those that a plan carries, and are read where it has none", () => {
    const { command, ...plain } = planOf({
      outputs: [{ name: FileName("o.mp4"), options: ["-movflags", "faststart"], maps: [] }]
    })
    expect(command).toMatchObject({ reads: ["input-0.mp4"], streamable: ["input-0.mp4"], rewritten: true })
    expect(commandOf(plain)).toEqual(command)
    expect(commandOf({ ...plain, command: { ...command, firstPass: true } as CommandFacts }).firstPass).toBe(
      true
    )
  })
})
