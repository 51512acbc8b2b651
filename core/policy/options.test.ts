import { Either, FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { changedLists, listOf, ordinaryLists, refusedLists } from "./option-lists.suite.js"
import { knownOptions, whyRefused } from "./option-rules.js"
import { optionArgs, type ParsedOptions, readOptions } from "./options.js"
import { someItems } from "./options.suite.js"
import { defaultPolicy } from "./policy.js"

const places = ["input", "output"] as const
type Place = (typeof places)[number]

const read = (
  items: ReadonlyArray<string>,
  place: Place = "output",
  over: Partial<typeof defaultPolicy> = {}
) => readOptions(items, place, { ...defaultPolicy, ...over })
const accepted = (text: string, place: Place = "output"): ParsedOptions =>
  Either.getOrThrowWith(read(listOf(text), place), (problem) => new Error(problem))
const refusal = (items: ReadonlyArray<string>, place: Place = "output") =>
  Either.getOrThrowWith(Either.flip(read(items, place)), () => new Error(`accepted: ${items.join(" ")}`))

const dropped = /^-(?:y|n|hide_banner|stats|noy|non|nohide_banner|nostats|nostdin)(?::.*)?$/
const droppedWithValue = /^-(?:v|loglevel)(?::.*)?$/
/** A list without what is dropped; right for ordinary lists, where no value looks like that. */
const kept = (items: ReadonlyArray<string>) =>
  items.filter(
    (item, at) =>
      !dropped.test(item) && !droppedWithValue.test(item) && !droppedWithValue.test(items[at - 1] ?? "")
  )

describe.each(places)("an ordinary list for an %s", (place) => {
  it.each(ordinaryLists[place])("%s", (text) => {
    expect(optionArgs(accepted(text, place).options)).toEqual(kept(listOf(text)))
  })
})

describe("a list that is changed", () => {
  it.each(changedLists)("for an %s: %s becomes %s", (place, text, given) => {
    expect(optionArgs(accepted(text, place).options)).toEqual(listOf(given))
  })
})

describe.each(places)("a list for an %s that is refused", (place) => {
  it.each(refusedLists[place])("%s: %s", (text, reason) => {
    expect(refusal(listOf(text), place)).toContain(reason)
  })
})

describe("a refused name", () => {
  const names = knownOptions.filter((name) => whyRefused(name, false) !== undefined)

  it.each(names)("%s, in each spelling and place", (name) => {
    for (const item of [
      `-${name}`,
      `-${name}:v`,
      `-${name}:v:0`,
      `-${name}:`,
      `-no${name}`,
      `-no${name}:a`,
      `-${name}:m:a:b`
    ]) {
      // The one that is dropped: people paste it to get just what the server does.
      if (/^-nostdin/.test(item)) continue
      for (const place of places) {
        for (const list of [[item, "1"], ["-t", "1", item, "1"], [item]])
          expect(refusal(list, place)).toContain(`option ${item} is not allowed: `)
      }
    }
  })

  it("is refused also where a table has it as an option of the program", () => {
    const table = {
      ...defaultPolicy.table,
      options: new Map(names.map((name) => [name, { takesValue: true, negatable: true, places: places }]))
    }
    for (const name of names) expect(Either.isLeft(read([`-${name}`, "1"], "output", { table }))).toBe(true)
  })
})

describe("an option of a later ffmpeg", () => {
  const command = { takesValue: true, negatable: false, places }
  const text = { owners: ["format" as const], directions: ["encode" as const], text: true }
  const { options, avOptions } = defaultPolicy.table
  const table = {
    ...defaultPolicy.table,
    version: "9.0",
    options: new Map([...options, ["new_thing", command]]),
    avOptions: new Map([
      ...avOptions,
      ["new_log", text],
      ["new_filename", text],
      ["x265-stats", { ...text, owners: ["private" as const] }],
      ["x270_stats", { ...text, owners: ["private" as const] }],
      ["new_outdir", text],
      ["new_table", text],
      ["key_pem", text],
      ["new-params", { ...text, owners: ["private" as const] }],
      ["new_mode", text],
      ["new_list", { ...text, text: false }]
    ])
  }

  it.each(["-x265-stats", "-x265-stats:v:0", "-x270_stats", "-new_outdir", "-new_table", "-key_pem"])(
    "%s names a file",
    (name) => {
      expect(read([name, "x"], "output", { table })).toEqual(
        Either.left(expect.stringContaining(`option ${name} is not allowed`))
      )
    }
  )

  it("has no list of parameters that was not reviewed", () => {
    expect(read(["-new-params", "crf=20"], "output", { table })).toEqual(
      Either.left(expect.stringContaining("cannot be checked"))
    )
  })

  it.each(["-new_thing", "-new_log", "-new_filename"])("%s is refused until it is looked at", (name) => {
    expect(read([name, "1"], "output", { table })).toEqual(
      Either.left(expect.stringContaining(`option ${name} is not allowed`))
    )
  })

  it.each(["-new_mode", "-new_list"])("%s is allowed: it says of no place", (name) => {
    expect(Either.isRight(read([name, "1"], "output", { table }))).toBe(true)
  })
})

describe("what is read", () => {
  it("is each option with its specifier and its value", () => {
    const option = { file: null, graph: false }
    expect(
      accepted("-c:v:0 libx264 -an -noautoscale -vf hflip -y -metadata:s:a:0 language=eng").options
    ).toEqual([
      { ...option, item: "-c:v:0", name: "c", specifier: "v:0", value: "libx264" },
      { ...option, item: "-an", name: "an", specifier: null, value: null },
      { ...option, item: "-noautoscale", name: "noautoscale", specifier: null, value: null },
      { ...option, item: "-vf", name: "vf", specifier: null, value: "hflip", graph: true },
      { ...option, item: "-metadata:s:a:0", name: "metadata", specifier: "s:a:0", value: "language=eng" }
    ])
  })

  it.each([
    [
      "-attach cover.jpg",
      { name: "cover.jpg", use: "read", shape: "file", opened: "path" },
      ["-attach", "/in/cover.jpg"]
    ],
    [
      "-pass 1 -passlogfile log",
      { name: "log", use: "write", shape: "prefix", opened: "path" },
      ["-pass", "1", "-passlogfile", "/in/log"]
    ],
    [
      "-passlogfile:v log -pass:v 2",
      { name: "log", use: "read", shape: "prefix", opened: "path" },
      ["-passlogfile:v", "/in/log", "-pass:v", "2"]
    ],
    [
      "-pass 1 -passlogfile log -pass 2",
      { name: "log", use: "read", shape: "prefix", opened: "path" },
      ["-pass", "1", "-passlogfile", "/in/log", "-pass", "2"]
    ],
    [
      "-pass 3 -passlogfile log",
      { name: "log", use: "update", shape: "prefix", opened: "path" },
      ["-pass", "3", "-passlogfile", "/in/log"]
    ],
    [
      "-segment_list a.csv",
      { name: "a.csv", use: "write", shape: "file", opened: "url" },
      ["-segment_list", "/in/a.csv"]
    ],
    [
      "-init_seg_name i-$RepresentationID$.mp4",
      { name: "i-$RepresentationID$.mp4", use: "write", shape: "pattern", opened: "beside" },
      ["-init_seg_name", "/in/i-$RepresentationID$.mp4"]
    ],
    [
      "-hls_segment_filename p%03d.ts",
      { name: "p%03d.ts", use: "write", shape: "pattern", opened: "url" },
      ["-hls_segment_filename", "/in/p%03d.ts"]
    ]
  ])("%s names a file, which is put where it lies", (text, file, args) => {
    const { options, files } = accepted(text)
    expect(files).toEqual([file])
    expect(optionArgs(options, ({ name }) => `/in/${name}`)).toEqual(args)
    expect(optionArgs(options)).toEqual(listOf(text))
  })

  it("names files as they are stored, and keeps what was written", () => {
    const { options, files } = accepted("-attach e\u0301.jpg")
    expect(files).toEqual([{ name: "\u00e9.jpg", use: "read", shape: "file", opened: "path" }])
    expect(optionArgs(options)).toEqual(["-attach", "e\u0301.jpg"])
  })

  it("takes hardware where the operator has it, and no device even then", () => {
    for (const list of ["-hwaccel auto", "-c:v h264_cuvid", "-hwaccel cuda -hwaccel_output_format cuda"]) {
      expect(Either.isRight(read(listOf(list), "input", { hardware: true }))).toBe(true)
    }
    expect(Either.isLeft(read(["-hwaccel_device", "0"], "input", { hardware: true }))).toBe(true)
  })

  it("is everything as it stands where nothing is refused", () => {
    const lists = places.flatMap((place) => refusedLists[place].map(([text]) => listOf(text)))
    for (const list of lists)
      expect(optionArgs(Either.getOrThrow(read(list, "output", { options: "off" })).options)).toEqual(list)
    expect(
      Either.getOrThrow(read(["-progress", "x", "-report", "y"], "output", { options: "off" })).options
    ).toMatchObject([
      { item: "-progress", value: "x" },
      { item: "-report", value: null },
      { item: "y", value: null }
    ])
  })

  it("repeats little of a long item", () => {
    const flood = "x".repeat(30_000)
    for (const list of [
      [flood],
      [`-${flood}`],
      [`-crf ${flood}`],
      [`-crf=${flood}`],
      ["-f", flood],
      ["-x264-params", `${flood}file=1`]
    ]) {
      expect(refusal(list).length).toBeLessThan(400)
    }
  })
})

describe("any list", () => {
  const numRuns = process.env.FFKILN_TEST_LONG === undefined ? 50_000 : 1_000_000

  /** Numbers above their limit, and lists of names of one demuxer. */
  const isChanged = (item: string, given = "") =>
    (["16", "100000"].includes(given) && Number(item) > Number(given)) ||
    (item.includes(",") && item.split(",")[0] === given)

  it("is read without a throw; what is accepted is written back as it was, but for what is changed, and read alike again", {
    timeout: 600_000
  }, () => {
    let right = 0
    fc.assert(
      fc.property(fc.array(someItems, { maxLength: 4 }), fc.constantFrom(...places), (parts, place) => {
        const items = parts.flat()
        const result = read(items, place)
        if (Either.isLeft(result)) return void expect(result.left).toMatch(/^(option|the value of|") ?/)
        right++
        const args = optionArgs(result.right.options)
        let at = 0
        for (const item of items) if (item === args[at] || isChanged(item, args[at])) at++
        expect(at).toBe(args.length)
        expect(read(args, place)).toEqual(result)
        const named = result.right.options.filter(({ file }) => file !== null)
        expect(result.right.files).toHaveLength(named.length)
      }),
      { numRuns }
    )
    expect(right).toBeGreaterThan(numRuns / 20)
  })
})
