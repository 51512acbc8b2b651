import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, expect, it } from "vitest"
import { fileMuxers } from "../../../core/policy/allowed.js"
import { explain } from "./explain.js"

/** Copies streams into every muxer of the installed ffmpeg. Each refusal must be explained in a sentence. */

const folder = mkdtempSync(join(tmpdir(), "muxer-refusals-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const video = ["-f", "lavfi", "-i", "testsrc=d=0.2:s=64x48:r=10"]
const sound = ["-f", "lavfi", "-i", "sine=d=0.2"]
const words = ["-f", "srt", "-i", "words.srt"]
const sources: Readonly<Record<string, ReadonlyArray<string>>> = {
  "video.mkv": [...video, "-c:v", "mpeg4"],
  "sound.wav": sound,
  "words.mkv": [...words, "-c:s", "srt"],
  "all.mkv": [
    ...video,
    ...sound,
    ...words,
    "-map",
    "0",
    "-map",
    "1",
    "-map",
    "2",
    "-c:v",
    "mpeg4",
    "-c:a",
    "flac",
    "-c:s",
    "srt"
  ]
}
beforeAll(() => {
  writeFileSync(join(folder, "words.srt"), "1\n00:00:00,000 --> 00:00:00,200\nhello\n")
  mkdirSync(join(folder, "out"))
  const maker = process.env.FFKILN_TEST_SAMPLES_FFMPEG ?? "ffmpeg"
  for (const [name, args] of Object.entries(sources))
    execFileSync(maker, ["-v", "error", "-nostdin", ...args, name], { cwd: folder })
})

const known = execFileSync("ffmpeg", ["-hide_banner", "-muxers"], { encoding: "utf8" })
  .split("\n")
  .flatMap((line) => /^ *D?Ed? +(\S+)/.exec(line)?.[1] ?? [])
  .filter((name) => fileMuxers.includes(name))
/** All of them with `npm run test:long`. */
const chosen =
  process.env.FFKILN_TEST_LONG === "1"
    ? known
    : known.filter((name) => ["adts", "flac", "mp3", "ogg", "wav", "webm"].includes(name))

it.each(chosen.flatMap((muxer) => Object.keys(sources).map((input) => [muxer, input] as const)))(
  "%s says in words why it does not take %s, or takes it",
  async (muxer, input) => {
    const args = [
      "-hide_banner",
      "-nostdin",
      "-y",
      "-v",
      "verbose",
      "-i",
      input,
      "-map",
      "0",
      "-c",
      "copy",
      "-f",
      muxer,
      `out/${muxer}`
    ]
    const ffmpeg = spawn("ffmpeg", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] })
    const [log, [code, signal]] = await Promise.all([text(ffmpeg.stderr), once(ffmpeg, "close")])
    if (code === 0) return
    const reason = explain(
      "ffmpeg",
      { ended: { code, signal }, log: log.split("\n") },
      { work: { path: folder }, inputs: [] }
    )
    expect(reason).not.toMatch(/^ffmpeg |\(null\)|""|undefined|^"av_interleaved/)
  }
)
