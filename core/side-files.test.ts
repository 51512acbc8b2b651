import { describe, expect, it } from "vitest"
import { FileName } from "./ids.js"
import { filesWritten, writerOf, writtenTwice } from "./side-files.js"
import type { SideFile } from "./task.js"

/** An output as its file and its options, as a plan gets them. */
const problem = (outputs: ReadonlyArray<string>, made: ReadonlyArray<SideFile> = []) =>
  writtenTwice(outputsOf(outputs), made)
const side = (name: string, by: string): SideFile => ({ name: FileName(name), by })

const fragments = "-f hls -hls_segment_type fmp4"

const outputsOf = (texts: ReadonlyArray<string>) =>
  texts.map((text) => {
    const [name = "", ...options] = text.split(" ")
    return { name: FileName(name), options, maps: [] }
  })

describe("two outputs that would write one file", () => {
  it.each<[string, string, file: string, option: string]>([
    [`a.m3u8 ${fragments}`, `b.m3u8 ${fragments}`, "init.mp4", "-hls_fmp4_init_filename"],
    [
      "a.m3u8 -hls_segment_type fmp4",
      `b.m3u8 ${fragments} -hls_fmp4_init_filename init.mp4`,
      "init.mp4",
      "-hls_fmp4_init_filename"
    ],
    [`a.m3u8 ${fragments}`, "init.mp4", "init.mp4", "as its file"],
    ["a.m3u8", "a.m3u", "a%d.ts", "-hls_segment_filename"],
    ["a.m3u8 -hls_flags single_file", "a.ts", "a.ts", "as its file"],
    [
      "a.m3u8 -hls_segment_filename file:../out/p%03d.ts",
      "b.m3u8 -hls_segment_filename file:../out/p%d.ts",
      "p%d.ts",
      "-hls_segment_filename"
    ],
    ["1.m3u8", "11.m3u8", "11%d.ts", "-hls_segment_filename"],
    ["a.m3u8 -master_pl_name main.m3u8", "b.m3u8 -master_pl_name main.m3u8", "main.m3u8", "-master_pl_name"],
    ["a.mpd", "b.mpd", "init-stream$RepresentationID$.$ext$", "-init_seg_name"],
    [
      "a.mpd -init_seg_name a-$RepresentationID$",
      "b.mpd -init_seg_name b-$RepresentationID$",
      "chunk-stream$RepresentationID$-$Number%05d$.$ext$",
      "-media_seg_name"
    ],
    [
      "a.mpd -single_file 1 -single_file_name x",
      "b.mpd -single_file 1 -single_file_name x",
      "x",
      "-single_file_name"
    ],
    [
      "a%d.ts -f segment -segment_list file:../out/l.csv",
      "b%d.ts -f segment -segment_list file:../out/l.csv",
      "l.csv",
      "-segment_list"
    ],
    ["a%d.png", "a7.png", "a7.png", "as its file"],
    ["a%03d.png", "a%d.png", "a%d.png", "as its file"]
  ])("%s and %s", (one, other, file, option) => {
    const [[first], [second]] = [one.split(" "), other.split(" ")]
    const message = problem([one, other])
    expect(message).toContain(`output "${first}" and output "${second}" both write "${file}"`)
    expect(message).toContain(option)
    expect(problem([one])).toBeUndefined()
    expect(problem([other])).toBeUndefined()
  })

  it.each([
    ["master.m3u8 -f hls -master_pl_name master.m3u8", "master.m3u8", "with -master_pl_name"],
    ["s%d.ts -f segment -segment_list file:../out/s0.csv", undefined, undefined],
    ["s%d.ts -f segment -segment_list file:../out/s0.ts", "s0.ts", "with -segment_list"],
    ["d.mpd -init_seg_name d.mpd", "d.mpd", "with -init_seg_name"],
    ["a.m3u8 -hls_flags single_file", undefined, undefined],
    ["a.mpd -single_file 1", undefined, undefined]
  ])("is told of an output that would write over its own file: %s", (output, file, rename) => {
    const [name] = output.split(" ")
    expect(problem([output])).toBe(
      file && `output "${name}" would write "${file}" over its own file: set another name ${rename}`
    )
  })

  it("is reported for inputs and graphs too", () => {
    const twice = [
      side("transforms.trf", "task.filter_complex"),
      side("transforms.trf", "task.outputs[0].options: the value of -vf")
    ]
    expect(problem(["a.mp4"], twice)).toBe(
      'task.filter_complex and task.outputs[0].options: the value of -vf both write "transforms.trf": set another name there in one of them'
    )
    expect(
      problem(["font.ttf"], [side("font.ttf", "task.inputs[0].options: -dump_attachment:t:0")])
    ).toContain('both write "font.ttf"')
  })
})

describe("outputs beside each other", () => {
  it.each([
    ["a.m3u8", "b.m3u8"],
    ["720p.m3u8", "1080p.m3u8"],
    [`a.m3u8 ${fragments}`, `b.m3u8 ${fragments} -hls_fmp4_init_filename b.mp4`],
    [`a.m3u8 ${fragments} -hls_flags single_file`, `b.m3u8 ${fragments} -hls_flags single_file`],
    ["a.mpd -init_seg_name a$RepresentationID$ -media_seg_name a$RepresentationID$-$Number$", "b.mpd"],
    ["a%d.png", "b%d.png"],
    ["a%d.png", "a1x.png"],
    ["a1.png", "a2.png"],
    ["a1x%d.png", "a2x%d.png"],
    ["a%%d.png", "a5.png"],
    ["a.mp4", "a.webm"],
    ["v%v.m3u8 -var_stream_map", "w%v.m3u8"]
  ])("%s and %s", (...outputs) => {
    expect(problem(outputs)).toBeUndefined()
  })

  it("are compared soon, however many and long", { timeout: 20_000 }, () => {
    for (const name of [
      (n: number) => `${"a".repeat(230)}${n}x%d`,
      (n: number) => `${"%d1".repeat(70)}${n}`,
      (n: number) => `${"%d".repeat(100)}${n}x`
    ]) {
      problem(
        Array.from(
          { length: 64 },
          (_, n) => `${name(n)} -f dash -master_pl_name ${name(n + 64)} -segment_list ${name(n + 128)}`
        )
      )
    }
  })
})

describe("what may write a file of some name", () => {
  it.each<[string, writes: ReadonlyArray<string>, not: ReadonlyArray<string>]>([
    ["a.mp4", ["a.mp4"], ["b.mp4", "a.mp4.temp"]],
    ["a%d.mp4", ["a%d.mp4"], ["a1.mp4"]],
    ["a%03d.png", ["a001.png", "a1000.png", "a%03d.png"], ["a000.png", "a1.png", "a0001.png", "ax.png"]],
    ["a%d.png -start_number 5", ["a5.png"], ["a4.png"]],
    ["a%d.png -start_number 5 -frames:v 2", ["a5.png", "a6.png"], ["a4.png", "a7.png"]],
    ["a%d.png -vframes 1", ["a1.png"], ["a2.png"]],
    ["a%d.png -update 1", ["a%d.png"], ["a1.png"]],
    ["a%d.png -frame_pts 1", ["a0.png"], []],
    ["a%d.webp -f webp", ["a%d.webp"], ["a1.webp"]],
    ["a%d.ts -f segment", ["a0.ts"], ["a.ts"]],
    ["a%d.ts -f segment -segment_start_number 7", ["a7.ts"], ["a6.ts"]],
    ["a.m3u8", ["a.m3u8", "a0.ts", "a12.ts"], ["a00.ts", "a.ts"]],
    ["a.m3u8 -start_number 3", ["a3.ts"], ["a2.ts"]],
    ["v%v.m3u8 -hls_segment_filename file:../out/s%v-%03d.ts", ["vlow.m3u8", "slow-000.ts"], ["low.m3u8"]],
    [
      "a.m3u8 -hls_segment_type fmp4 -master_pl_name m.m3u8",
      ["init.mp4", "a0.m4s", "m.m3u8"],
      ["init_0.mp4"]
    ],
    ["a.mpd", ["init-stream0.m4s", "chunk-stream1-00042.m4s"], ["init-stream.m4s"]]
  ])("%s", (output, writes, not) => {
    const writer = writerOf(filesWritten(outputsOf([output]), []))
    expect(writes.filter((name) => writer(FileName(name)) === undefined)).toEqual([])
    expect(not.filter((name) => writer(FileName(name)) !== undefined)).toEqual([])
  })

  it("is not reported for a discarded output or a temporary name", () => {
    const [output] = outputsOf(["a.mp4"]) as [ReturnType<typeof outputsOf>[number]]
    const writer = writerOf(
      filesWritten([{ ...output, discarded: true }], [{ ...side("a.log.temp", "-x"), passing: true }])
    )
    expect([writer(FileName("a.mp4")), writer(FileName("a.log.temp"))]).toEqual([undefined, undefined])
  })

  it("is found soon, however many names and patterns", { timeout: 20_000 }, () => {
    const outputs = outputsOf(
      Array.from(
        { length: 64 },
        (_, n) => `${"%d1".repeat(4)}${n}.png -f dash -segment_list ${"a".repeat(200)}$x$${n}`
      )
    )
    const writer = writerOf(filesWritten(outputs, []))
    for (let n = 0; n < 5000; n++) writer(FileName(`${"1".repeat(240)}${n}`))
  })
})
