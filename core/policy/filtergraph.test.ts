import { Either, FastCheck as fc } from "effect"
import { execa } from "execa"
import { describe, expect, it } from "vitest"
import { type Filter, type FilterGraph, parseGraph, printArgs, printGraph, splitArgs } from "./filtergraph.js"

const filter = (name: string, over: Partial<Filter> = {}): Filter => ({
  name,
  instance: null,
  args: null,
  inputs: [],
  outputs: [],
  ...over
})
const graphOf = (...chains: ReadonlyArray<ReadonlyArray<Filter>>): FilterGraph => ({
  scalerFlags: null,
  chains
})
const one = (name: string, over: Partial<Filter> = {}) => graphOf([filter(name, over)])
const read = (text: string) => Either.getOrThrowWith(parseGraph(text), (problem) => new Error(problem))

/**
 * `color` accepts any text for `c`. At log level debug ffmpeg prints the parsed value, even if it then
 * refuses it.
 */
const readings: ReadonlyArray<{ readonly text: string; readonly graph: FilterGraph }> = [
  { text: "color", graph: one("color") },
  { text: " \n\tcolor\r ", graph: one("color") },
  { text: "color=", graph: one("color", { args: "" }) },
  { text: "color = c = red ", graph: one("color", { args: "c = red" }) },
  { text: "color=c=a=b", graph: one("color", { args: "c=a=b" }) },
  { text: "color=c=a b", graph: one("color", { args: "c=a b" }) },
  { text: "color=c='a,b;c[d]'", graph: one("color", { args: "c=a,b;c[d]" }) },
  { text: "color=c=a\\,b\\;c\\[d\\]", graph: one("color", { args: "c=a,b;c[d]" }) },
  { text: "color=c=a\\:s=b", graph: one("color", { args: "c=a:s=b" }) },
  { text: "color=c=a\\\\:b", graph: one("color", { args: "c=a\\:b" }) },
  { text: "color=c='a\\:b'", graph: one("color", { args: "c=a\\:b" }) },
  { text: "color=c='a'\\''b'", graph: one("color", { args: "c=a'b" }) },
  { text: "color=c='a'b'c'", graph: one("color", { args: "c=abc" }) },
  { text: "color=c=\\'a", graph: one("color", { args: "c='a" }) },
  { text: "color=c=a\\ ", graph: one("color", { args: "c=a " }) },
  { text: "color=c='a '  ", graph: one("color", { args: "c=a " }) },
  { text: "color=c=a'b  ", graph: one("color", { args: "c=ab" }) },
  { text: "color=c=a\\", graph: one("color", { args: "c=a\\" }) },
  { text: "color=c='ü\\😀'", graph: one("color", { args: "c=ü\\😀" }) },
  { text: "co'lo'\\r=c=x", graph: one("color", { args: "c=x" }) },
  { text: "color@me=c=x", graph: one("color", { instance: "me", args: "c=x" }) },
  { text: "color@@=c=x", graph: one("color", { instance: "@", args: "c=x" }) },
  { text: "color@a@b=c=x", graph: one("color", { instance: "a@b", args: "c=x" }) },
  {
    text: "sws_flags=bicubic;color=c=x",
    graph: { scalerFlags: "bicubic", chains: [[filter("color", { args: "c=x" })]] }
  },
  {
    text: " sws_flags= a'b\\ ; color=c=x",
    graph: { scalerFlags: " a'b\\ ", chains: [[filter("color", { args: "c=x" })]] }
  }
]

const graphs: ReadonlyArray<{ readonly text: string; readonly graph: FilterGraph }> = [
  ...readings,
  {
    text: "[0:v]scale=1280:720[out]",
    graph: one("scale", { args: "1280:720", inputs: ["0:v"], outputs: ["out"] })
  },
  {
    text: "[0:v] [1:v]overlay=x=(W-w)/2 , format=yuv420p [a] [b];[b]hflip",
    graph: graphOf(
      [
        filter("overlay", { args: "x=(W-w)/2", inputs: ["0:v", "1:v"] }),
        filter("format", { args: "yuv420p", outputs: ["a", "b"] })
      ],
      [filter("hflip", { inputs: ["b"] })]
    )
  },
  { text: "[ a b ][\\]][';[,']null", graph: one("null", { inputs: ["a b", "]", ";[,"] }) },
  { text: "a[x],b", graph: graphOf([filter("a", { outputs: ["x"] }), filter("b")]) },
  { text: "s]c'[,=;'ale", graph: one("s]c[,=;ale") },
  { text: "color@", graph: one("color@") },
  { text: "a;b,", graph: graphOf([filter("a")], [filter("b")]) },
  { text: "a ; ", graph: one("a") },
  { text: "sws_flags", graph: one("sws_flags") },
  { text: "\\sws_flags=x", graph: one("sws_flags", { args: "x" }) },
  { text: "[a]sws_flags=x", graph: one("sws_flags", { args: "x", inputs: ["a"] }) },
  {
    text: "sws_flags=x;sws_flags=y",
    graph: { scalerFlags: "x", chains: [[filter("sws_flags", { args: "y" })]] }
  }
]

const problems: ReadonlyArray<readonly [string, string]> = [
  ["", "the name of a filter is missing, at its end"],
  ["''", `the name of a filter is missing, at character 1, before "''"`],
  ["=c", 'the name of a filter is missing, at character 1, before "=c"'],
  ["color,,null", 'the name of a filter is missing, at character 7, before ",null"'],
  ["color;;null", 'the name of a filter is missing, at character 7, before ";null"'],
  ["@x", 'the name of a filter is missing, at character 1, before "@x"'],
  [",color", 'the name of a filter is missing, at character 1, before ",color"'],
  ["sws_flags=x;", "the name of a filter is missing, at its end"],
  ["[]color", 'a label is empty, at character 1, before "[]color"'],
  ["color[ ]", 'a label is empty, at character 6, before "[ ]"'],
  ["color['']", `a label is empty, at character 6, before "['']"`],
  ["[0:v]null[out", 'a "[" has no "]", at character 10, before "[out"'],
  ["null['out]", `a "[" has no "]", at character 5, before "['out]"`],
  ["color=c=red]", 'a "," or ";" is missing, at character 12, before "]"'],
  ["color[a]x", 'a "," or ";" is missing, at character 9, before "x"'],
  [
    "color[a]=c=an argument that comes late",
    'a "," or ";" is missing, at character 9, before "=c=an argument that ..."'
  ],
  ["sws_flags=bicubic", 'sws_flags does not end with ";", at character 11, before "bicubic"']
]

describe("parseGraph", () => {
  it.each(graphs)("$text", ({ text, graph }) => {
    expect(read(text)).toEqual(graph)
    expect(read(printGraph(graph))).toEqual(graph)
  })

  it.each(problems)("%j: %s", (text, problem) => {
    expect(parseGraph(text)).toEqual(Either.left(`is not well-formed: ${problem}`))
  })

  const hostile = fc.oneof(
    fc.fullUnicodeString(),
    fc.string16bits(),
    fc.stringOf(fc.constantFrom(..."[]=,;:@'\\ \n\tab\u0000", "sws_flags=", "\ud800", "😀"), {
      maxLength: 40
    })
  )

  it("never throws, and what it reads it prints so that it reads the same", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const parsed = parseGraph(text)
        if (Either.isRight(parsed)) expect(parseGraph(printGraph(parsed.right))).toEqual(parsed)
        else expect(parsed.left).toMatch(/^is not well-formed: /)
      }),
      { numRuns: 5000 }
    )
  })

  it("reads back any graph that is printed", () => {
    const label = hostile.filter((text) => text !== "")
    const name = label.filter((text) => !text.includes("@"))
    const filters = fc.record({
      name,
      instance: fc.option(label),
      args: fc.option(hostile),
      inputs: fc.array(label, { maxLength: 3 }),
      outputs: fc.array(label, { maxLength: 3 })
    })
    const chains = fc.array(fc.array(filters, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
    const flags = fc.option(hostile.map((text) => text.replaceAll(";", "")))
    fc.assert(
      fc.property(fc.record({ scalerFlags: flags, chains }), (graph) => {
        expect(read(printGraph(graph))).toEqual(graph)
      }),
      { numRuns: 2000 }
    )
  })

  it("takes its time in proportion to the length", () => {
    for (const text of [" ", "[", "'", "\\", "a,", ":", "[a]", "@", " a"].map((part) =>
      part.repeat(65_536 / part.length)
    )) {
      parseGraph(text)
      splitArgs(text)
      splitArgs(`${text}=`)
    }
  })
})

describe("splitArgs", () => {
  it.each<[string, ReadonlyArray<readonly [string | null, string]>]>([
    ["", []],
    [
      "1280:720",
      [
        [null, "1280"],
        [null, "720"]
      ]
    ],
    [
      "x=1:y=2",
      [
        ["x", "1"],
        ["y", "2"]
      ]
    ],
    [
      "10: y = 2 : z=3 ",
      [
        [null, "10"],
        ["y", "2"],
        ["z", "3"]
      ]
    ],
    [":", [[null, ""]]],
    ["a:", [[null, "a"]]],
    [
      "::b",
      [
        [null, ""],
        [null, ""],
        [null, "b"]
      ]
    ],
    ["text=a\\:b", [["text", "a:b"]]],
    [
      "text='a:b':x=1",
      [
        ["text", "a:b"],
        ["x", "1"]
      ]
    ],
    ["text='it'\\''s'", [["text", "it's"]]],
    ["text=a=b", [["text", "a=b"]]],
    ["a b=c", [[null, "a b=c"]]],
    ["'x'=1", [[null, "x=1"]]],
    ["=1", [["", "1"]]],
    ["/text=x", [["/text", "x"]]],
    ["x264-params=a", [["x264-params", "a"]]],
    ["enable='between(t,1,2)'", [["enable", "between(t,1,2)"]]]
  ])("%j", (args, split) => {
    const expected = split.map(([key, value]) => ({ key, value }))
    expect(splitArgs(args)).toEqual(expected)
    // One empty value is written as nothing at all.
    if (args !== ":") expect(splitArgs(printArgs(expected))).toEqual(expected)
  })

  it("reads a value without a key after one with a key", () => {
    expect(splitArgs("w=10:20")).toEqual([
      { key: "w", value: "10" },
      { key: null, value: "20" }
    ])
  })

  it("never throws, and gives back what was escaped", () => {
    const pairs = fc.array(fc.record({ key: fc.stringMatching(/^[a-z0-9_./-]*$/), value: fc.string16bits() }))
    fc.assert(
      fc.property(pairs, (given) => {
        const args = given
          .map(({ key, value }) => `${key}=${Array.from(value, (each) => `\\${each}`).join("")}`)
          .join(":")
        expect(splitArgs(args)).toEqual(given)
        expect(splitArgs(printArgs(given))).toEqual(given)
      })
    )
    fc.assert(fc.property(fc.fullUnicodeString(), (args) => void splitArgs(args)))
  })
})

describe("ffmpeg itself", () => {
  /** What ffmpeg makes of a graph: its log up to the moment in which it would need an output. */
  const log = async (graph: string) => {
    const { stderr } = await execa(
      "ffmpeg",
      ["-hide_banner", "-nostdin", "-v", "debug", "-filter_complex", graph],
      {
        reject: false,
        stdin: "ignore"
      }
    )
    return stderr
  }
  const settings = (text: string) =>
    [...text.matchAll(/Setting '(.*)' to value '(.*)'$/gm)].map(([, key, value]) => ({ key, value }))

  it.each(readings.filter(({ graph }) => graph.chains[0]?.[0]?.args))(
    "reads $text alike, and what is printed",
    async ({ text, graph }) => {
      const args = graph.chains[0]?.[0]?.args ?? ""
      const expected = splitArgs(args).map(({ key, value }) => ({ key: key ?? "size", value }))
      for (const each of [text, printGraph(graph)]) expect(settings(await log(each))).toEqual(expected)
    }
  )

  it.each(problems)("refuses %j", async (text) => {
    expect(await log(text)).toMatch(
      /No such filter: '|Bad \(empty\?\) label|Mismatched '\['|not terminated|Unable to parse graph|garbage/
    )
  })

  it.each([
    ["text='it'\\''s a'", "it's a"],
    ["text=a\\:b c=d", "a:b c=d"],
    ["text='a\\:b'", "a\\:b"],
    [" text = x ", "x"],
    ["text=x\\ ", "x "]
  ])("splits %j alike", async (args, value) => {
    expect(splitArgs(args)).toEqual([{ key: "text", value }])
    expect(
      settings(await log(printGraph(graphOf([filter("color")], [filter("drawtext", { args })]))))
    ).toEqual([{ key: "text", value }])
  })
})
