import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Host, startHost } from "./host.suite.js"

/**
 * Files beside inputs and outputs: sequences of pictures, files of muxers and filters, fonts. Compared with
 * bare ffmpeg where possible.
 */

let host: Host
let folder: string
let dir: string
const upload = async (name: string, bytes: Uint8Array | string) => {
  const path = await host.uploaded(name, bytes, dir)
  dir ??= path.slice(0, path.indexOf("/"))
}
const ffmpeg = (...args: ReadonlyArray<string>) =>
  execa("ffmpeg", ["-v", "error", "-y", ...args], { cwd: folder, stdin: "ignore", stripFinalNewline: false })

beforeAll(async () => {
  host = await startHost()
  folder = await mkdtemp(join(tmpdir(), "ffkiln-bare-"))
  await ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.9", "-start_number", "0", "img%03d.png")
  await rm(join(folder, "img006.png"))
  await ffmpeg(
    "-f",
    "lavfi",
    "-i",
    "testsrc2=s=64x48:r=10:d=1",
    "-f",
    "lavfi",
    "-i",
    "sine=d=1",
    "-c:v",
    "mpeg4",
    "-g",
    "5",
    "-c:a",
    "aac",
    "clip.mp4"
  )
  const font = (await execa("fc-match", ["-f", "%{file}", "DejaVu Sans"])).stdout
  await writeFile(join(folder, "own.ttf"), await readFile(font))
  await ffmpeg(
    "-i",
    "clip.mp4",
    "-attach",
    "own.ttf",
    "-metadata:s:t",
    "mimetype=font/ttf",
    "-c",
    "copy",
    "font.mkv"
  )
  await writeFile(join(folder, "a.srt"), "1\n00:00:00,000 --> 00:00:00,900\nHello\n")
  const pictures = [0, 1, 2, 3, 4, 5, 7, 8].map((number) => `img00${number}.png`)
  for (const name of [...pictures, "clip.mp4", "own.ttf", "font.mkv", "a.srt"])
    await upload(name, await readFile(join(folder, name)))
})
afterAll(async () => {
  await host.close()
  await rm(folder, { recursive: true, force: true })
})

interface Asked {
  readonly file: string
  readonly options?: ReadonlyArray<string>
}
const run = (inputs: ReadonlyArray<Asked>, outputs: ReadonlyArray<Asked>) =>
  host.call("POST", "/ffmpeg/process", {
    body: {
      task: { inputs: inputs.map(({ file, ...rest }) => ({ file_path: `${dir}/${file}`, ...rest })), outputs }
    }
  })
/** The names of a task's results, and the text of one of them. */
const made = async (inputs: ReadonlyArray<Asked>, outputs: ReadonlyArray<Asked>) => {
  const { body } = await run(inputs, outputs)
  expect(body).toMatchObject({ ok: true })
  const results: ReadonlyArray<{ file_name: string; download_url: string }> = body.result
  const names = results.map(({ file_name }) => file_name)
  const text = async (name: string) => (await fetch(results[names.indexOf(name)]?.download_url ?? "")).text()
  return { names, text }
}
const frames = ["-f", "framecrc", "-bitexact"]

describe("a sequence of pictures", () => {
  it.each([
    ["img%03d.png", ""],
    ["img%03d.png", "-framerate 5"],
    ["img%03d.png", "-start_number 3 -f image2"],
    ["img%03d.png", "-pattern_type sequence -start_number 7"],
    ["*.png", "-pattern_type glob"],
    ["img00[2-5].*", "-f image2 -pattern_type glob -framerate 2"],
    ["i*g00?.{jpg,png}", "-f image2 -pattern_type glob"]
  ])("%s with %s is read as by ffmpeg", async (file, text) => {
    const options = text.split(" ").filter((item) => item !== "")
    const { stdout } = await ffmpeg(...options, "-i", file, ...frames, "-")
    const result = await made([{ file, options }], [{ file: "frames.crc", options: frames }])
    expect(await result.text("frames.crc")).toBe(stdout)
  })

  it("warns of a picture that can't be decoded", async () => {
    await upload("odd-1.png", await readFile(join(folder, "img002.png")))
    await upload("odd-2.png", Buffer.from("no picture at all"))
    await upload("odd-3.png", await readFile(join(folder, "img003.png")))
    const { body } = await run([{ file: "odd-%d.png" }], [{ file: "odd.mkv" }])
    expect(body).toMatchObject({
      ok: true,
      warnings: ["a picture of a sequence could not be decoded: the result lacks it"]
    })
  })

  it("warns of a gap with the name of the first missing picture, and not when all are read", async () => {
    const { body } = await run([{ file: "img%03d.png" }], [{ file: "gap.mkv" }])
    const warning =
      'the sequence "img%03d.png" ends before "img006.png", which is missing: 2 pictures with later numbers are not in the result'
    expect(body).toMatchObject({ ok: true, warnings: [warning] })
    const whole = await run(
      [{ file: "img%03d.png", options: ["-start_number", "7"] }],
      [{ file: "whole.mkv" }]
    )
    expect([whole.body.ok, whole.body.warnings]).toEqual([true, undefined])
  })

  it("is a file of exactly its name if there is one", async () => {
    await upload("one%03d.png", await readFile(join(folder, "img002.png")))
    await upload("one001.png", await readFile(join(folder, "img003.png")))
    const { stdout } = await ffmpeg("-i", "img002.png", ...frames, "-")
    const result = await made([{ file: "one%03d.png" }], [{ file: "one.crc", options: frames }])
    expect(await result.text("one.crc")).toBe(stdout)
  })

  it.each([
    [
      ["none%03d.png"],
      ': task.inputs[0].file_path: no file is named "none%03d.png", nor as a picture of that sequence, such as "none000.png"'
    ],
    [
      ["none%d.png", "-start_number", "7"],
      ': task.inputs[0].file_path: no file is named "none%d.png", nor as a picture of that sequence, such as "none7.png"'
    ],
    [
      ["*.webp", "-pattern_type", "glob"],
      ': task.inputs[0].file_path: no file is named "*.webp", and none fits it as a pattern'
    ],
    [["*.png"], ""],
    [["img%03d.png", "-pattern_type", "none"], ""]
  ])(
    "is not found without a match, and the error names the pattern: %j",
    async ([file = "", ...options], hint) => {
      const { status, body } = await run([{ file, options }], [{ file: "x.mp4" }])
      expect([status, body.error]).toEqual([404, `File not found${hint}`])
    }
  )

  it.each([
    ["img%03d.png", "-framerate abc", "img%03d.png: Invalid argument"],
    ["img00?.png", "-pattern_type glob -framerate abc", "img00?.png: Invalid argument"],
    ["a.s%dt", "", "no known codec"]
  ])("that fails is called by its own name: %s with %s", async (file, text, says) => {
    if (file === "a.s%dt") await upload("a.s0t", "no picture")
    const { status, body } = await run(
      [{ file, options: text.split(" ").filter((item) => item !== "") }],
      [{ file: "x.mp4" }]
    )
    expect([status, body.error]).toEqual([500, expect.stringContaining(says)])
    expect(body.error).not.toMatch(/picture-\d|input-\d/)
  })

  it("reports where it starts", async () => {
    await upload("far10-10.png", await readFile(join(folder, "img002.png")))
    const says = async (file: string, ...options: ReadonlyArray<string>) => {
      const { status, body } = await run([{ file, options }], [{ file: "x.mp4" }])
      return [status, body.error.replace(/^.* begin at /, "")]
    }
    expect(await says("far10-%d.png")).toEqual([400, `10: add "-start_number", "10" to the input's options`])
    expect(await says("img%03d.png", "-start_number", "20")).toEqual([
      400,
      `0: change the value of "-start_number" in the input's options to "0"`
    ])
  })
})

describe("files written beside outputs", () => {
  const copy = ["-c", "copy"]

  it.each<[string, Asked, ReadonlyArray<string>]>([
    [
      "a master playlist",
      {
        file: "a.m3u8",
        options: [...copy, "-master_pl_name", "main.m3u8", "-hls_base_url", "https://cdn.example.com/a/"]
      },
      ["a.m3u8", "a0.ts", "main.m3u8"]
    ],
    [
      "a named init file",
      {
        file: "b.m3u8",
        options: [...copy, "-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "first part.mp4"]
      },
      ["b.m3u8", "b0.m4s", "first part.mp4"]
    ],
    [
      "a list of segments",
      {
        file: "c%d.ts",
        options: [
          ...copy,
          "-f",
          "segment",
          "-segment_list",
          "list.csv",
          "-segment_list_entry_prefix",
          "media/"
        ]
      },
      ["c0.ts", "list.csv"]
    ],
    [
      "parts of a manifest",
      {
        file: "d.mpd",
        options: [
          ...copy,
          "-init_seg_name",
          "i$RepresentationID$.$ext$",
          "-media_seg_name",
          "m$RepresentationID$-$Number%03d$.m4s"
        ]
      },
      ["d.mpd", "i0.m4s", "i1.m4s", "m0-001.m4s", "m1-001.m4s"]
    ]
  ])("%s is a result", async (_, output, names) => {
    const result = await made([{ file: "clip.mp4" }], [output])
    // A slow machine may cut more segments; all others are there.
    expect(result.names).toEqual(expect.arrayContaining([...names]))
    const text = await result.text(output.file.includes("%") ? "list.csv" : output.file)
    expect(text).not.toMatch(/\.\.\/out|file:\.\./)
  })

  it("an extracted attachment is a result", async () => {
    const input = { file: "font.mkv", options: ["-dump_attachment:t:0", "taken out.ttf"] }
    const result = await made([input], [{ file: "copy.mp4", options: [...copy, "-map", "0:v"] }])
    expect(result.names).toEqual(["copy.mp4", "taken out.ttf"])
  })

  it("two playlists do not share a file", async () => {
    const options = [...copy, "-hls_segment_type", "fmp4"]
    const reply = await run(
      [{ file: "clip.mp4" }],
      [
        { file: "e.m3u8", options },
        { file: "f.m3u8", options }
      ]
    )
    expect([reply.status, reply.body.error]).toEqual([
      400,
      expect.stringContaining(
        'output "e.m3u8" and output "f.m3u8" both write "init.mp4": set another name with -hls_fmp4_init_filename'
      )
    ])
    const own = [...options, "-hls_fmp4_init_filename", "f-init.mp4"]
    const result = await made(
      [{ file: "clip.mp4" }],
      [
        { file: "e.m3u8", options },
        { file: "f.m3u8", options: own }
      ]
    )
    expect(result.names).toEqual(expect.arrayContaining(["init.mp4", "f-init.mp4"]))
  })
})

describe("a file written beside an output", () => {
  const copy = ["-c", "copy"]

  it.each<[string, Asked, Asked, string]>([
    [
      "h0.ts",
      { file: "clip.mp4" },
      { file: "h.m3u8", options: copy },
      'output "h.m3u8" would write "h0.ts", which is an existing file'
    ],
    [
      "font.mkv",
      { file: "font.mkv", options: ["-dump_attachment:t", "font.mkv"] },
      { file: "i.mp4" },
      "which is an input of the task"
    ],
    [
      "mine-0.log",
      { file: "clip.mp4" },
      { file: "j.mp4", options: ["-pass", "1", "-passlogfile", "mine"] },
      "-passlogfile would write"
    ],
    ["j002.png", { file: "clip.mp4" }, { file: "j%03d.png" }, 'output "j%03d.png" would write "j002.png"']
  ])(
    "does not replace an upload, which is refused before the run: %s",
    async (name, input, output, reason) => {
      if (name !== "font.mkv") await upload(name, "mine")
      const reply = await run([input], [output])
      expect([reply.status, reply.body.error]).toEqual([400, expect.stringContaining(reason)])
    }
  )

  it("may contain statistics of the encoder", async () => {
    const result = await made(
      [{ file: "clip.mp4" }],
      [{ file: "k.mp4", options: ["-an", "-vstats_file", "k stats.log"] }]
    )
    expect(result.names).toEqual(["k.mp4", "k stats.log"])
    expect((await result.text("k stats.log")).trim().split("\n")).toHaveLength(10)
  })
})

it("subtitles cut to a part without a line equal those of bare ffmpeg, with a warning", async () => {
  const options = ["-ss", "2", "-t", "1"]
  await ffmpeg("-i", "a.srt", ...options, "cut.srt", ...options, "cut.vtt")
  const { body } = await run(
    [{ file: "a.srt" }],
    [
      { file: "cut.srt", options },
      { file: "cut.vtt", options }
    ]
  )
  expect(body).toMatchObject({
    ok: true,
    warnings: [
      expect.stringContaining('"cut.srt" has no line of subtitles'),
      expect.stringContaining('"cut.vtt"')
    ]
  })
  const texts = await Promise.all(
    body.result.map(async (file: { download_url: string }) => (await fetch(file.download_url)).text())
  )
  expect(texts).toEqual([
    await readFile(join(folder, "cut.srt"), "utf8"),
    await readFile(join(folder, "cut.vtt"), "utf8")
  ])
})

describe("filters with files", () => {
  it("say which part of a text they cannot read, as a warning where ffmpeg goes on without it", async () => {
    await upload("title.txt", Buffer.from("100% of\nits own signs\n"))
    const titled = (more: string) =>
      run(
        [{ file: "clip.mp4" }],
        [{ file: "title.mkv", options: ["-vf", `drawtext=fontfile=own.ttf:textfile=title.txt${more}`] }]
      )
    const { body } = await titled("")
    expect(body.ok ? body.warnings[0] : body.error).toContain(
      'the filter "drawtext" cannot read its text at "% of"'
    )
    const literal = await titled(":expansion=none")
    expect([literal.body.ok, literal.body.warnings]).toEqual([true, undefined])
  })

  it("stabilize a film in two passes, the first of which stores its file", async () => {
    const first = await made(
      [{ file: "clip.mp4" }],
      [{ file: "first.mp4", options: ["-an", "-vf", "vidstabdetect=shakiness=5"] }]
    )
    expect(first.names).toEqual(["first.mp4", "transforms.trf"])
    const second = await made(
      [{ file: "clip.mp4" }],
      [{ file: "second.crc", options: ["-an", "-vf", "vidstabtransform=smoothing=5", ...frames] }]
    )
    await ffmpeg("-i", "clip.mp4", "-an", "-vf", "vidstabdetect=shakiness=5", "-f", "null", "-")
    const { stdout } = await ffmpeg(
      "-i",
      "clip.mp4",
      "-an",
      "-vf",
      "vidstabtransform=smoothing=5",
      ...frames,
      "-"
    )
    expect(await second.text("second.crc")).toBe(stdout)
  })

  it.each(["deshake", "scale=w=32:-2"])("%s", async (graph) => {
    const { stdout } = await ffmpeg(
      "-i",
      "clip.mp4",
      "-an",
      "-vf",
      graph.replace(":-2", ":h=-2"),
      ...frames,
      "-"
    )
    const result = await made(
      [{ file: "clip.mp4" }],
      [{ file: "g.crc", options: ["-an", "-vf", graph, ...frames] }]
    )
    expect(await result.text("g.crc")).toBe(stdout)
  })

  it.each([".", "fonts"])("draw subtitles with the fonts of the directory: fontsdir=%s", async (word) => {
    const graph = (fontsdir: string) => `subtitles=a.srt:fontsdir=${fontsdir}`
    const { stdout } = await ffmpeg("-i", "clip.mp4", "-an", "-vf", graph("."), ...frames, "-")
    const result = await made(
      [{ file: "clip.mp4" }],
      [{ file: "s.crc", options: ["-an", "-vf", graph(word), ...frames] }]
    )
    expect(await result.text("s.crc")).toBe(stdout)
  })
})
