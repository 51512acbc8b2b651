import { describe, expect, it } from "vitest"
import { FileName } from "./ids.js"
import { writtenTwice } from "./side-files.js"
import type { SideFile } from "./task.js"

/** An output as its file and its options, as a plan gets them. */
const problem = (outputs: ReadonlyArray<string>, made: ReadonlyArray<SideFile> = []) =>
  writtenTwice(
    outputs.map((text) => {
      const [name = "", ...options] = text.split(" ")
      return { name: FileName(name), options, maps: [] }
    }),
    made
  )
const side = (name: string, by: string): SideFile => ({ name: FileName(name), by })

const fragments = "-f hls -hls_segment_type fmp4"

describe("two outputs that would write one file", () => {
  it.each<[string, string, file: string, option: string]>([
    [`a.m3u8 ${fragments}`, `b.m3u8 ${fragments}`, "init.mp4", "-hls_fmp4_init_filename"],
    ["a.m3u8 -hls_segment_type fmp4", `b.m3u8 ${fragments} -hls_fmp4_init_filename init.mp4`, "init.mp4", "-hls_fmp4_init_filename"],
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
    ["a.mpd -single_file 1 -single_file_name x", "b.mpd -single_file 1 -single_file_name x", "x", "-single_file_name"],
    ["a%d.ts -f segment -segment_list file:../out/l.csv", "b%d.ts -f segment -segment_list file:../out/l.csv", "l.csv", "-segment_list"],
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
    expect(problem([output])).toBe(file && `output "${name}" would write "${file}" over its own file: set another name ${rename}`)
  })

  it("is told of inputs and graphs as well", () => {
    const twice = [side("transforms.trf", "task.filter_complex"), side("transforms.trf", "task.outputs[0].options: the value of -vf")]
    expect(problem(["a.mp4"], twice)).toBe(
      'task.filter_complex and task.outputs[0].options: the value of -vf both write "transforms.trf": set another name there in one of them'
    )
    expect(problem(["font.ttf"], [side("font.ttf", "task.inputs[0].options: -dump_attachment:t:0")])).toContain('both write "font.ttf"')
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
      problem(Array.from({ length: 64 }, (_, n) => `${name(n)} -f dash -master_pl_name ${name(n + 64)} -segment_list ${name(n + 128)}`))
    }
  })
})
