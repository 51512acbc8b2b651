import { Either, FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { ordinaryGraphs, refusedGraphs } from "./filter-lists.suite.js"
import { fileRule, whyForbidden } from "./filter-rules.js"
import { parseGraph, printGraph } from "./filtergraph.js"
import { readFilters } from "./filters.js"
import { namesAPlace } from "./option-rules.js"
import { defaultPolicy } from "./policy.js"
import { filters5 } from "./tables/filters-5.js"

const read = (graph: string, over: Partial<typeof defaultPolicy> = {}) =>
  readFilters(graph, { ...defaultPolicy, ...over })
const readGraph = (graph: string, over: Partial<typeof defaultPolicy> = {}) =>
  Either.getOrThrowWith(read(graph, over), (problem) => new Error(problem))
const files = (graph: string) => readGraph(graph).files
const refusal = (graph: string) =>
  Either.getOrThrowWith(Either.flip(read(graph)), () => new Error(`accepted: ${graph}`))

describe("an ordinary graph", () => {
  it.each(ordinaryGraphs)("%s", (graph) => {
    expect(read(graph)).toEqual(Either.right(expect.anything()))
  })
})

describe("a graph that is refused", () => {
  it.each(refusedGraphs)("%s: %s", (graph, reason) => {
    expect(refusal(graph)).toContain(reason)
  })

  const forbidden = [...filters5.keys()].filter((name) => whyForbidden(name, false) !== undefined)

  it("names each forbidden filter, in any place and spelling", () => {
    expect(forbidden.length).toBeGreaterThan(75)
    for (const name of forbidden) {
      const escaped = [...name].map((letter) => `\\${letter}`).join("")
      for (const spelled of [name, `${name}@it`, `'${name}'`, escaped, ` ${name} `, `'${name}@it'`]) {
        for (const graph of [
          spelled,
          `${spelled}=1`,
          `null,${spelled}`,
          `[a]${spelled}[b];null`,
          `sws_flags=x;${spelled}`
        ]) {
          expect(refusal(graph)).toContain(`names the filter "${name}", which is not allowed`)
        }
      }
    }
  })

  it.each([
    [
      "curves=plot=b",
      'sets "plot" of the filter "curves", which is not allowed: it names files, so leave it out'
    ],
    [
      "subtitles=/home/me/a.srt",
      'sets "filename" of the filter "subtitles" to "/home/me/a.srt": it must be the name of a file of the task\'s directory, without ":", "|" and "%"; write "a.srt"'
    ],
    [
      "drawtext=text=x:fontfile=/usr/share/fonts/a.ttf",
      'sets "fontfile" of the filter "drawtext" to "/usr/share/fonts/a.ttf": it must be the name of a file of the task\'s directory, without ":", "|" and "%"; write "a.ttf", or set font=Family, as in font=Serif, for a font of the system'
    ],
    [
      "subtitles=a:fontsdir=/usr/share/fonts",
      'sets "fontsdir" of the filter "subtitles" to "/usr/share/fonts": it must be "." or one word, which stands for the fonts of the task\'s directory: upload them there'
    ],
    [
      "movie=a",
      'names the filter "movie", which is not allowed: list the picture or the sound as another input of the task'
    ]
  ])("says what would do: %s", (graph, message) => {
    expect(refusal(graph)).toBe(message)
  })

  it("is repeated in small part only", () => {
    const flood = "x".repeat(30_000)
    for (const graph of [
      flood,
      `movie@${flood}`,
      `subtitles=/${flood}`,
      `scale=${flood}_file=1`,
      `a${flood}=1`,
      `scale=1:1${flood}[`
    ]) {
      expect(refusal(graph).length).toBeLessThan(400)
    }
  })
})

describe("files that filters read", () => {
  it.each([
    ["subtitles=subs.srt", ["subs.srt"], true],
    ["ass=f=subs.ass", ["subs.ass"], true],
    ["subtitles='it'\\\\\\''s a (1), [b]; ü.srt'", ["it's a (1), [b]; ü.srt"], true],
    ["drawtext=a.ttf:x:b.txt", ["a.ttf", "b.txt"], false],
    ["drawtext=textfile=b.txt,lut3d=c.cube;null,lut1d=file=d.cube", ["b.txt", "c.cube", "d.cube"], false],
    ["curves=psfile=-e.acv", ["-e.acv"], false]
  ])("%s: %s", (graph, names, subtitles) => {
    expect(files(graph)).toEqual(names.map((name) => ({ name, subtitles })))
    expect(readGraph(graph, { options: "off" }).files).toEqual(
      names.map((name) => ({ name, subtitles: false }))
    )
    expect(readGraph(graph).graph).toBe(graph)
  })

  it("are empty for a graph without file names", () => {
    expect(files("scale=1:1,metadata=print:file=-,drawtext=text=a.txt")).toEqual([])
  })
})

describe("a graph that is changed", () => {
  it.each<
    [
      graph: string,
      given: string,
      over: {
        readonly made?: ReadonlyArray<string>
        readonly files?: ReadonlyArray<string>
        readonly fonts?: true
      }
    ]
  >([
    ["scale=w=160:-2", "scale=w=160:h=-2", {}],
    ["[0:v] scale=w=160:-2 , hflip [v]", "[0:v]scale=w=160:h=-2,hflip[v]", {}],
    ["scale=1:1:threads=99", "scale=w=1:h=1:threads=16", {}],
    ["uspp=3:threads=99", "uspp=3:threads=16", {}],
    ["vidstabdetect", "vidstabdetect=result=../out/transforms.trf", { made: ["transforms.trf"] }],
    [
      "vidstabdetect=shakiness=5:result='my shakes.trf'",
      "vidstabdetect=shakiness=5:result=../out/my shakes.trf",
      { made: ["my shakes.trf"] }
    ],
    ["vidstabdetect=a.trf", "vidstabdetect=result=../out/a.trf", { made: ["a.trf"] }],
    [
      "vidstabtransform=smoothing=10,unsharp",
      "vidstabtransform=smoothing=10:input=transforms.trf,unsharp",
      { files: ["transforms.trf"] }
    ],
    ["vidstabtransform=input=a.trf", "vidstabtransform=input=a.trf", { files: ["a.trf"] }],
    ["arnndn=m=std.rnnn", "arnndn=m=std.rnnn", { files: ["std.rnnn"] }],
    ["deshake", "deshake", {}],
    ["deshake=filename=motion.log", "deshake=filename=../out/motion.log", { made: ["motion.log"] }],
    [
      "subtitles=a.srt:fontsdir=.",
      "subtitles=filename=a.srt:fontsdir=%fonts",
      { files: ["a.srt"], fonts: true }
    ],
    ["ass=a.ass:fontsdir=fonts", "ass=filename=a.ass:fontsdir=%fonts", { files: ["a.ass"], fonts: true }]
  ])("%s becomes %s", (graph, given, { made = [], files = [], fonts = false }) => {
    const { parsed, ...changed } = readGraph(graph)
    expect(parsed).toEqual(parseGraph(changed.graph))
    expect({ ...changed, files: changed.files.map(({ name }) => name) }).toEqual({
      graph: given,
      made,
      files,
      fonts
    })
  })
})

describe("the table", () => {
  it("has a rule for each option of an allowed filter that looks like the name of a file", () => {
    // Looked at: these are words or numbers.
    const judged = (
      "afwtdn.profile ametadata.key bs2b.profile ebur128.framelog hwmap.derive_device hwupload.derive_device hwupload_cuda.device metadata.key " +
      "transpose.dir transpose_opencl.dir transpose_vaapi.dir transpose_vulkan.dir"
    ).split(" ")
    const open = [...filters5]
      .filter(([name]) => whyForbidden(name, true) === undefined)
      .flatMap(([name, { names }]) =>
        [...names]
          .filter((key) => namesAPlace(key) && fileRule(name, key) === undefined)
          .map((key) => `${name}.${key}`)
      )
    expect(open.sort()).toEqual(judged)
  })
})

describe("where hardware may be used", () => {
  it.each(["scale_cuda=640:360", "hwupload", "hwupload_cuda,scale_npp=1:1", "vpp_qsv=w=640"])(
    "%s passes",
    (graph) => {
      expect(Either.isRight(read(graph, { hardware: true }))).toBe(!graph.includes("npp"))
    }
  )

  it.each(["program_opencl=source=x", "libplacebo", "movie=x"])("%s does not", (graph) => {
    expect(Either.isLeft(read(graph, { hardware: true }))).toBe(true)
  })
})

describe("where nothing is refused", () => {
  it("every graph passes", () => {
    for (const [graph] of refusedGraphs) expect(Either.isRight(read(graph, { options: "off" }))).toBe(true)
  })
})

describe("any graph", () => {
  const numRuns = process.env.FFKILN_TEST_LONG === undefined ? 50_000 : 1_000_000
  const graphs = [
    ...ordinaryGraphs,
    ...refusedGraphs.map(([graph]) => graph).filter((graph) => graph.length < 1000)
  ]
  const part = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...graphs) },
    { weight: 3, arbitrary: fc.constantFrom(...filters5.keys(), "movie", "nosuch") },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        ..."[]=,;:@'\\ /%",
        "f=",
        "file=/x",
        "textfile",
        "=a.srt",
        "sws_flags=",
        "null",
        "w=1e9"
      )
    },
    { weight: 1, arbitrary: fc.fullUnicodeString({ maxLength: 6 }) }
  )

  it("is read without a throw; what is accepted means the same when it is printed, and names plain files alone", {
    timeout: 600_000
  }, () => {
    let right = 0
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), fc.constantFrom("", ",", ";", " "), (parts, between) => {
        const graph = parts.join(between)
        const result = read(graph)
        if (Either.isLeft(result)) return void expect(result.left).toMatch(/^(names|sets|has|is) /)
        right++
        const parsed = Either.getOrThrow(parseGraph(graph))
        const again = Either.getOrThrow(read(printGraph(parsed)))
        expect({ ...again, graph: "" }).toEqual({ ...result.right, graph: "" })
        expect(Either.map(parseGraph(again.graph), printGraph)).toEqual(
          Either.map(parseGraph(result.right.graph), printGraph)
        )
        for (const { name } of parsed.chains.flat()) expect(whyForbidden(name, false)).toBeUndefined()
        for (const { name } of result.right.files) expect(name).toMatch(/^(?!\.\.?$)[^/\\:|%\0]+$/)
      }),
      { numRuns }
    )
    expect(right).toBeGreaterThan(numRuns / 20)
  })
})
