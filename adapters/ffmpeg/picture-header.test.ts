import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { pictureSize, pictureSizeOf } from "./picture-header.js"

const folder = mkdtempSync(join(tmpdir(), "picture-header-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("the size in the header of a picture that ffmpeg made", () => {
  it.each(["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp", "lossless.webp"])("%s", async (name) => {
    const more = name.startsWith("lossless") ? ["-lossless", "1"] : []
    const source = ["-f", "lavfi", "-i", "testsrc=s=130x58", "-frames:v", "1", ...more]
    execFileSync(
      process.env.FFKILN_TEST_SAMPLES_FFMPEG ?? "ffmpeg",
      ["-v", "error", "-nostdin", ...source, name],
      { cwd: folder }
    )
    expect(await pictureSizeOf(join(folder, name))).toEqual({ width: 130, height: 58 })
  })

  it.each([
    "",
    "no picture at all",
    "\x89PNG\r\n\x1a\n",
    "\xff\xd8\xff",
    "\xff\xd8\xff\xe0\0\0",
    "GIF89a\0\0\0\0",
    "BM",
    "RIFF....WEBPVP8 "
  ])("no size in %j", (text) => expect(pictureSize(Buffer.from(text, "latin1"))).toBeUndefined())
})
