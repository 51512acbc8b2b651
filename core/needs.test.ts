import { Either, FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { DirId, FileName } from "./ids.js"
import { type Capabilities, meets, needsOf, offered, unmet } from "./needs.js"
import { inputFormats, outputFormats } from "./policy/allowed.js"
import { readFilters } from "./policy/filters.js"
import { readOptions } from "./policy/options.js"
import { defaultPolicy } from "./policy/policy.js"
import { someCapabilities } from "./ports/suites/samples.suite.js"
import { readTask } from "./read-task.suite.js"
import type { Task } from "./task.js"

const words = (text: string) => text.split(" ").filter((word) => word !== "")

const task = (
  input: ReadonlyArray<string>,
  output: ReadonlyArray<string>,
  filterComplex: string | null = null
): Task => ({
  inputs: [{ source: { _tag: "Stored", dir: DirId("d"), name: FileName("in.mp4") }, options: input }],
  outputs: [{ name: FileName("out.mp4"), options: output, maps: [] }],
  filterComplex,
  outputDirectory: null
})

describe("what a task needs", () => {
  it.each<readonly [string, string, string | null, string]>([
    ["", "", null, ""],
    ["", "-c copy -map 0", null, ""],
    ["", "-c:v libx264 -c:a aac", null, "encoder:aac encoder:libx264"],
    ["", "-vcodec libx265 -acodec copy -scodec mov_text", null, "encoder:libx265 encoder:mov_text"],
    ["", "-codec:v:0 libx264 -c:v:1 copy", null, "encoder:libx264"],
    ["-c:v h264 -f mov", "-f mp4", null, "decoder:h264 demuxer:mov muxer:mp4"],
    ["", "-vf scale=320:-2,fps=10 -af volume=2", null, "filter:fps filter:scale filter:volume"],
    ["", "-filter:v hue=s=0", null, "filter:hue"],
    ["", "-vf drawtext=text='scale,crop\\:x'", null, "filter:drawtext"],
    [
      "",
      "",
      "[0:v]split[a][b];[a]crop=2:2[c];[b][c]overlay@top[v]",
      "filter:crop filter:overlay filter:split"
    ],
    ["", "-c:v libx264 -c:v libx264", "[0:v]scale=2:2", "encoder:libx264 filter:scale"]
  ])("%j before the input and %j before the output, with %j", (input, output, graph, needs) => {
    expect(needsOf(readTask(task(words(input), words(output), graph)))).toEqual(
      [...words(needs), "ffmpeg:5.1"].sort()
    )
  })

  it("is the same list however it is said", () => {
    const [one, other] = [words("-c:v libx264 -c:a aac"), words("-acodec aac -vcodec libx264")]
    expect(needsOf(readTask(task([], one)))).toEqual(needsOf(readTask(task([], other))))
  })
})

describe("what a machine offers", () => {
  const hardware = ["h264_nvenc", "hevc_vaapi"]

  it("is all that it lists, and of hardware only what was tried", () => {
    const capabilities = someCapabilities({
      encoders: ["libx264", ...hardware],
      hardware: ["h264_nvenc"],
      filters: ["scale"]
    })
    expect([...offered(capabilities)].sort()).toEqual(
      words("decoder:h264 demuxer:mov encoder:h264_nvenc encoder:libx264 ffmpeg:5.1 filter:scale muxer:mp4")
    )
  })

  it.each([
    ["5.1.9-0+deb12u1", "5.1"],
    ["n5.1.2", "5.1"],
    ["7.0", "7.0"],
    ["N-113007-g8d24a28d06", "N-113007-g8d24a28d06"]
  ])("version %s is that of the option table %s", (version, table) => {
    expect(offered(someCapabilities({ version })).has(`ffmpeg:${table}`)).toBe(true)
  })

  it("is enough where nothing is missing", () => {
    const offer = offered(someCapabilities())
    expect(meets(offer, [])).toBe(true)
    expect(meets(offer, ["encoder:libx264", "ffmpeg:5.1"])).toBe(true)
    expect(meets(offer, ["encoder:libx264", "encoder:libx265"])).toBe(false)
  })
})

describe("why nobody could run it", () => {
  const [one, other] = [
    someCapabilities({ encoders: ["libx264"] }),
    someCapabilities({ encoders: ["h264_nvenc"], hardware: ["h264_nvenc"] })
  ]
  const offers = [one, other].map(offered)
  it.each<readonly [string, string | undefined]>([
    ["", undefined],
    ["encoder:libx264", undefined],
    ["encoder:h264_nvenc filter:scale", undefined],
    [
      "encoder:av1_nvenc filter:scale",
      'no machine here has the encoder "av1_nvenc": use another, or add a runner that has it'
    ],
    [
      "encoder:x filter:y",
      'no machine here has the encoder "x", the filter "y": use another, or add a runner that has it'
    ],
    ["ffmpeg:7.1", 'no machine here has ffmpeg "7.1": use another, or add a runner that has it'],
    [
      "encoder:libx264 encoder:h264_nvenc",
      'no machine here has all of the encoder "libx264", the encoder "h264_nvenc": split the task, or add a runner that has them'
    ]
  ])("%s", (needs, reason) => {
    expect(unmet(words(needs), offers)).toBe(reason)
  })

  it("refuses every need if no machine is known", () => {
    expect(unmet(["encoder:libx264"], [])).toContain("no machine here has")
  })
})

/** An ffmpeg that has all that may be asked for. */
const full = (over: Partial<Capabilities>): Capabilities => ({
  ...someCapabilities({ version: "5.1.9", muxers: [...outputFormats], demuxers: [...inputFormats] }),
  ...over
})

const codecName = fc.stringMatching(/^(lib)?[a-z][a-z0-9]{1,8}(_[a-z0-9]{1,4})?$/)
const anOption = (formats: ReadonlySet<string>): fc.Arbitrary<ReadonlyArray<string>> =>
  fc.oneof(
    fc.tuple(
      fc.constantFrom("-c", "-c:v", "-c:a:0", "-codec:s", "-vcodec", "-acodec"),
      fc.oneof(codecName, fc.constant("copy"))
    ),
    fc.tuple(fc.constant("-f"), fc.constantFrom(...formats)),
    fc.tuple(fc.constantFrom("-ss", "-t"), fc.constant("1.5"))
  )
const aGraph = fc
  .array(fc.constantFrom("scale=320:-2", "crop=2:2:0:0", "hflip", "fps=10", "format=yuv420p"), {
    minLength: 1,
    maxLength: 4
  })
  .map((filters) => filters.join(","))

describe("needs of whatever is accepted", () => {
  it("are offered by an ffmpeg that lists all it names, and by none that lacks one of them", () => {
    const someOptions = (formats: ReadonlySet<string>) =>
      fc.array(anOption(formats), { maxLength: 4 }).map((pairs) => pairs.flat())
    const tasks = fc.record({
      input: someOptions(inputFormats),
      output: someOptions(outputFormats),
      graph: aGraph,
      vf: aGraph
    })
    let accepted = 0
    fc.assert(
      fc.property(tasks, ({ input, output, graph, vf }) => {
        const options = [...output, "-filter:a", vf]
        const judged = [
          readOptions(input, "input", defaultPolicy),
          readOptions(options, "output", defaultPolicy),
          readFilters(graph, defaultPolicy)
        ]
        fc.pre(judged.every((one) => Either.isRight<unknown, unknown>(one)))
        accepted++
        const value = (items: ReadonlyArray<string>, name: RegExp) =>
          items.filter((_, index) => name.test(items[index - 1] ?? ""))
        const codec = /^-(c|codec|vcodec|acodec)(:|$)/
        const capabilities = full({
          encoders: value(output, codec),
          decoders: value(input, codec),
          filters: words("scale crop hflip fps format")
        })
        const needs = needsOf(readTask(task(input, options, graph)))
        expect(unmet(needs, [offered(capabilities)])).toBeUndefined()
        for (const need of needs) {
          const without = new Set([...offered(capabilities)].filter((offer) => offer !== need))
          expect(meets(without, needs)).toBe(false)
        }
      })
    )
    expect(accepted).toBeGreaterThan(20)
  })
})
