import { mkdtempSync, rmSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  allowedProtocols,
  fileMuxers,
  folderMuxers,
  inputDemuxers,
  refusedDemuxers,
  refusedMuxers,
  selfContainedDemuxers
} from "../../core/policy/allowed.js"
import { formatNames } from "./capabilities/parse-lists.js"

/** The formats of the installed ffmpeg: each is judged, and what the product writes it reads back. */

const folder = mkdtempSync(join(tmpdir(), "formats-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ffmpeg = (args: ReadonlyArray<string>) =>
  execa("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args], { cwd: folder, stdin: "ignore" })
const listed = async (option: string) => formatNames((await execa("ffmpeg", ["-hide_banner", option])).stdout)
const namesIn = (fullNames: Iterable<string>) => [...fullNames].flatMap((name) => name.split(","))

describe("every format of the installed ffmpeg is allowed or refused", () => {
  it.each([
    ["-demuxers", [...inputDemuxers, ...refusedDemuxers.keys()]],
    ["-muxers", [...fileMuxers, ...folderMuxers, ...refusedMuxers.keys()]]
  ])("%s", async (option, judged) => {
    const known = new Set(namesIn(judged))
    expect((await listed(option)).filter((name) => !known.has(name))).toEqual([])
  })
})

describe("an output that ffmpeg does not read", () => {
  it("is on the list of docs/formats.md, and has no demuxer", async () => {
    const page = await readFile(new URL("../../docs/formats.md", import.meta.url), "utf8")
    const [, section = ""] = page.split("\n## Outputs that ffmpeg does not read\n")
    const rows = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("| `"))
    const names = rows.flatMap((row) =>
      [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name = ""]) => name)
    )
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter((name) => !fileMuxers.includes(name))).toEqual([])
    const demuxers = await listed("-demuxers")
    expect(names.filter((name) => demuxers.includes(name))).toEqual([])
  })
})

/** What is written, by the file's name, and how. */
const samples: Readonly<Record<string, string>> = {
  "a.lrc": "-map 2:s -c:s text",
  "a.ico": "-map 0:v -s 64x64 -frames:v 1 -c:v bmp -pix_fmt bgra",
  "a.voc": "-map 1:a",
  "a.gxf": "-map 0:v -s 720x576 -c:v mpeg2video -pix_fmt yuv420p",
  "a.wtv": "-map 0:v -c:v mpeg2video",
  "a.latm": "-map 1:a -c:a aac -f latm",
  "a.h261": "-map 0:v -c:v h261",
  "a.h263": "-map 0:v -c:v h263",
  "a.dnxhd": "-map 0:v -s 1280x720 -c:v dnxhd -b:v 90M -pix_fmt yuv422p",
  "a.drc": "-map 0:v -c:v vc2 -strict -1 -f dirac",
  "a.sbc": "-map 1:a -ar 44100 -c:a sbc -b:a 200k",
  "a.g722": "-map 1:a -ar 16000 -c:a g722",
  "a.rm": "-map 1:a -c:a ac3 -ac 2",
  "a.roq": "-map 0:v -s 64x64 -r 30 -c:v roqvideo",
  "a.fits": "-map 0:v -frames:v 1",
  "a.adx": "-map 1:a",
  "a.smjpeg": "-map 0:v -c:v mjpeg -pix_fmt yuvj420p -f smjpeg",
  "a.tco": "-map 1:a -ar 8000 -b:a 6300 -c:a g723_1",
  "a.sox": "-map 1:a",
  "part0.ts": "-map 0:v -c:v mpeg2video -f ssegment -segment_format mpegts",
  "a.jp2": "-map 0:v -frames:v 1 -c:v jpeg2000 -pix_fmt yuv420p",
  "a.j2k": "-map 0:v -frames:v 1 -c:v jpeg2000 -format j2k -pix_fmt yuv420p",
  "a.sgi": "-map 0:v -frames:v 1",
  "a.pcx": "-map 0:v -frames:v 1",
  "a.xbm": "-map 0:v -frames:v 1",
  "a.xwd": "-map 0:v -frames:v 1",
  "a.sun": "-map 0:v -frames:v 1",
  "a.oma": "-map 3:a -c copy",
  "a.sub": "-map 4:s -c copy -f microdvd",
  "a.jss": "-map 5:s -c copy",
  "a.scc": "-map 6:s -c copy",
  "a.dat": "-map 1:a -c:a pcm_s16le -f data"
}

/** Inputs of formats that ffmpeg can copy, and has no encoder for. */
const copied: Readonly<Record<string, string | Uint8Array>> = {
  // Two frames of ATRAC3 of 192 bytes behind its header.
  "in.oma": Buffer.concat([
    Buffer.from("EA3\x01\x00\x60\xff\xff", "latin1"),
    Buffer.alloc(24),
    Buffer.from([0, 0, 0x20, 0x18]),
    Buffer.alloc(60),
    Buffer.alloc(384, 1)
  ]),
  "in.sub": "{0}{25}hello\n{30}{50}again\n{60}{70}more\n{80}{90}end\n",
  "in.jss": "#T100\n0:00:00.00 0:00:01.00 D hello\n",
  "in.scc":
    "Scenarist_SCC V1.0\n\n00:00:00:00\t9420 9420 94ae 94ae c8e5 942f 942f\n\n00:00:01:00\t942c 942c\n"
}

/** Options without which a file of no marks and no known ending is not read. */
const toRead: Readonly<Record<string, ReadonlyArray<string>>> = { "a.dat": ["-f", "data"] }

const read = async (name: string) => {
  const guard = [
    "-protocol_whitelist",
    allowedProtocols,
    "-format_whitelist",
    selfContainedDemuxers.join(",")
  ]
  const { stdout } = await execa(
    "ffprobe",
    [
      "-v",
      "error",
      ...guard,
      "-show_entries",
      "stream=codec_type",
      "-of",
      "csv=p=0",
      ...(toRead[name] ?? []),
      "-i",
      `file:${name}`
    ],
    {
      cwd: folder
    }
  )
  return stdout.trim()
}

describe("what is written is read back", () => {
  beforeAll(async () => {
    for (const [name, content] of Object.entries({
      ...copied,
      "in.srt": "1\n00:00:00,100 --> 00:00:00,900\nhello\n"
    }))
      await writeFile(join(folder, name), content)
    const made = [
      "-f",
      "lavfi",
      "-i",
      "testsrc2=s=352x288:r=25:d=0.2",
      "-f",
      "lavfi",
      "-i",
      "sine=d=0.5",
      "-i",
      "in.srt"
    ]
    const outputs = Object.entries(samples).flatMap(([name, options]) => [
      ...options.split(" "),
      name.replace("part0", "part%d")
    ])
    await ffmpeg([...made, ...Object.keys(copied).flatMap((name) => ["-i", name]), ...outputs])
  })

  it.each(Object.keys(samples))("%s", async (name) => {
    expect(await read(name)).toMatch(/^(video|audio|subtitle|data)/)
  })
})

describe("a drawing that is an input", () => {
  const red = "red.png"
  const refers = (inside: string) =>
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="32" height="32"><rect width="32" height="32" fill="white"/>${inside}</svg>`

  /** The distinct colours of the picture, as RRGGBB. */
  const colours = async (content: string) => {
    await writeFile(join(folder, "drawing.svg"), content)
    const { stdout } = await execa(
      "ffmpeg",
      ["-v", "error", "-i", "file:drawing.svg", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
      {
        ...{ cwd: folder, stdin: "ignore", encoding: "buffer" }
      }
    )
    return [...new Set(Buffer.from(stdout).toString("hex").match(/.{6}/g))]
  }

  beforeAll(async () => {
    await ffmpeg(["-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1", red])
    await writeFile(
      join(folder, "red.svg"),
      '<svg xmlns="http://www.w3.org/2000/svg"><rect id="r" width="32" height="32" fill="red"/></svg>'
    )
    await writeFile(join(folder, "red.css"), "rect{fill:red}")
  })

  it.each([
    ["a picture beside it", () => `<image href="${red}" width="32" height="32"/>`],
    ["a picture by its path", () => `<image xlink:href="file://${folder}/${red}" width="32" height="32"/>`],
    [
      "a part of another drawing",
      () => `<use href="red.svg#r"/><use xlink:href="file://${folder}/red.svg#r"/>`
    ],
    [
      "a style sheet",
      () => `<style>@import url("red.css"); @import url("file://${folder}/red.css");</style>`
    ],
    [
      "a picture for a filter",
      () => `<filter id="f"><feImage href="${red}"/></filter><rect width="0" height="0" filter="url(#f)"/>`
    ]
  ])("draws nothing of %s", async (_, inside) => {
    expect(await colours(refers(inside()))).toEqual(["ffffff"])
  })

  it("draws what it holds itself", async () => {
    const { stdout } = await execa(
      "ffmpeg",
      ["-v", "error", "-i", red, "-f", "image2pipe", "-c:v", "copy", "-"],
      {
        cwd: folder,
        encoding: "buffer"
      }
    )
    const data = `data:image/png;base64,${Buffer.from(stdout).toString("base64")}`
    expect(await colours(refers(`<image href="${data}" width="32" height="32"/>`))).not.toContain("ffffff")
  })
})
