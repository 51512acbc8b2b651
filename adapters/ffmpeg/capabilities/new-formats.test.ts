import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, describe, expect, it } from "vitest"
import { inputDemuxers } from "../../../core/policy/allowed.js"
import { formatNames } from "./parse-lists.js"

/**
 * Demuxers that are newer than ffmpeg 5.1: each reads a file of its format, and the files that it opens are
 * recorded.
 */

const folder = mkdtempSync(join(tmpdir(), "new-formats-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const le = (bytes: number, value: number) => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer
}
const be = (bytes: number, value: number) => Buffer.from(le(bytes, value)).reverse()
const bytes = (...parts: ReadonlyArray<string | number | Buffer>): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === "string"
        ? Buffer.from(part, "latin1")
        : typeof part === "number"
          ? Buffer.from([part])
          : part
    )
  )
const zeros = (count: number) => Buffer.alloc(count)
const repeated = (count: number, part: Buffer) => Buffer.concat(Array.from({ length: count }, () => part))
/** The name of a file that a demuxer which follows references would open. */
const name = "/etc/passwd"
const wave = bytes(
  "RIFF",
  le(4, 36),
  "WAVEfmt ",
  le(4, 16),
  le(2, 1),
  le(2, 1),
  le(4, 8000),
  le(4, 16000),
  le(2, 2),
  le(2, 16)
)

/** By the demuxer's name. */
const files: Readonly<Record<string, Buffer>> = {
  ac4: repeated(8, bytes(0xac, 0x40, be(2, 8), zeros(8))),
  apac: bytes(
    "APAC",
    le(4, 0),
    "PROFNAD ",
    le(4, 0),
    "PFMT",
    le(4, 14),
    le(2, 1),
    le(2, 1),
    le(4, 8000),
    le(2, 0),
    le(2, 16),
    zeros(2),
    "PAD ",
    zeros(900)
  ),
  apv: bytes(
    be(4, 64),
    "aPv1",
    be(4, 56),
    1,
    be(2, 1),
    0,
    33,
    30,
    0,
    be(3, 16),
    be(3, 16),
    0x22,
    0,
    0,
    zeros(60)
  ),
  bonk: bytes(0, "BONK", 0, le(4, 800), le(4, 8000), 1, 1, 0, le(2, 32), 1, le(2, 512), zeros(600)),
  evc: repeated(4, bytes(be(4, 6), be(2, 0x3200), zeros(4))),
  g728: zeros(2000),
  hdr_pipe: bytes(`#?RADIANCE\n# ${name}\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 8\n`, zeros(64)),
  hxvs: bytes(
    "HXVS",
    le(4, 64),
    le(4, 48),
    zeros(4),
    repeated(4, bytes("HXAF", le(4, 104), le(4, 0), le(4, 0), zeros(104)))
  ),
  iamf: bytes(0xf8, 6, "iamf", 0, 0, 0x00, 4, zeros(4)),
  jpegxl_anim: bytes(0xff, 0x0a, zeros(64)),
  jpegxs_pipe: bytes(0xff, 0x10, 0xff, 0x50, zeros(64)),
  laf: bytes(
    "LIMITLESSHEAD",
    1,
    0,
    le(4, 1),
    zeros(9),
    le(4, 100),
    le(4, 100),
    le(4, 0),
    repeated(4, bytes(1, zeros(200)))
  ),
  lc3: bytes(
    0x1c,
    0xcc,
    le(2, 18),
    le(2, 80),
    le(2, 320),
    le(2, 1),
    le(2, 1000),
    le(2, 0),
    le(4, 800),
    repeated(5, bytes(le(2, 40), zeros(40)))
  ),
  osq: bytes(
    "OSQ ",
    le(4, 48),
    le(2, 1),
    16,
    1,
    le(4, 8000),
    le(2, 512),
    zeros(38),
    wave,
    "data",
    le(4, 0),
    zeros(400)
  ),
  pdv: bytes(
    "Playdate VID",
    zeros(4),
    le(2, 1),
    le(2, 0),
    zeros(2),
    le(2, 0x4120),
    le(2, 16),
    le(2, 16),
    le(4, 1),
    le(4, 16 << 2),
    zeros(64)
  ),
  qoa: bytes("qoaf", be(4, 20), repeated(2, bytes(1, be(3, 8000), be(2, 20), be(2, 32), zeros(24)))),
  rcwt: bytes(0xcc, 0xcc, 0xed, 0, 0, 0, 0, 1, zeros(3), le(6, 100), le(2, 0), le(2, 1), 0xfc, 0x80, 0x80),
  rka: bytes("RKA7", le(4, 800), le(4, 8000), 1, 16, 0, 2, le(4, 120), zeros(100), le(3, 50), le(3, 0)),
  sdns: bytes("SDNS", zeros(4), be(4, 8000), be(4, 1), zeros(0x1000), zeros(2048)),
  usm: bytes("CRID", be(4, 16), name, zeros(5), "@SFV", be(4, 40), zeros(40)),
  vvc: repeated(3, bytes(0, 0, 0, 1, 0, 0x79, zeros(16))),
  wady: bytes("WADY", 0, 1, le(2, 1), le(4, 8000), le(4, 400), le(4, 400), zeros(28), zeros(400)),
  wavarc: bytes(
    name.length,
    name,
    0,
    "0CPY",
    zeros(16),
    wave.subarray(0, 20),
    wave.subarray(20),
    "data",
    le(4, 400),
    zeros(400)
  ),
  webp_anim: bytes(
    "RIFF",
    le(4, 200),
    "WEBPVP8X",
    le(4, 10),
    2,
    zeros(3),
    le(3, 15),
    le(3, 15),
    "ANIM",
    le(4, 6),
    zeros(6),
    "XMP ",
    le(4, 12),
    name,
    0,
    "ANMF",
    le(4, 24),
    zeros(24)
  ),
  xmd: bytes("xmd", 1, le(2, 8000), le(4, 210), zeros(7), zeros(210))
}

const installed = formatNames(execFileSync("ffmpeg", ["-hide_banner", "-demuxers"], { encoding: "utf8" }))

/** What ffprobe opens from the moment it opens its input on, and where it connects to. */
const watched = async (format: string) => {
  const trace = join(folder, "trace")
  const watch = [
    "-f",
    "-qq",
    "-o",
    trace,
    "-e",
    "trace=open,openat,openat2,connect,execve,readlink,stat,newfstatat"
  ]
  const probe = [
    "ffprobe",
    "-v",
    "error",
    "-f",
    format,
    "-show_packets",
    "-show_streams",
    `file:${join(folder, format)}`
  ]
  const { stdout } = await execa("strace", [...watch, ...probe], {
    reject: false,
    cwd: folder,
    timeout: 50_000
  })
  const lines = readFileSync(trace, "utf8").split("\n")
  const from = lines.findIndex((line) => line.includes(`"${join(folder, format)}"`))
  expect(from).toBeGreaterThan(0)
  const opened = lines
    .slice(from)
    .flatMap((line) => /"([^"]*)"/.exec(line)?.[1] ?? (line.includes("connect(") ? line : []))
  return { opened, packets: stdout.split("[PACKET]").length - 1 }
}

/** Formats without a complete sample, which would need an encoder. */
const headersAlone = ["evc", "iamf", "jpegxl_anim", "usm", "vvc", "wavarc"]

/** Files that system libraries open by themselves. */
const systems = /^\/(?:sys|proc|dev)\/|^\/etc\/(?:ld\.so|localtime|nsswitch|fonts)|^\/usr\/(?:share|lib)\/|^$/

describe("a demuxer that came after ffmpeg 5.1", () => {
  it("is allowed, has a sample here, and its reading in docs/formats.md", () => {
    const [, section = ""] = readFileSync(new URL("../../../docs/formats.md", import.meta.url), "utf8").split(
      "\n## Inputs added after 5.1\n"
    )
    const rows = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("| `"))
    const listed = rows.flatMap((row) =>
      [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, format = ""]) => format)
    )
    expect(listed.sort()).toEqual(Object.keys(files).sort())
    expect(listed.filter((format) => !inputDemuxers.includes(format))).toEqual([])
  })

  it.each(Object.keys(files).filter((format) => installed.includes(format)))(
    "%s opens its own file alone",
    async (format) => {
      writeFileSync(join(folder, format), files[format] ?? "")
      const { opened, packets } = await watched(format)
      if (!headersAlone.includes(format)) expect(packets).toBeGreaterThan(0)
      expect([...new Set(opened)].filter((path) => !systems.test(path))).toEqual([join(folder, format)])
    }
  )
})
