import { execFileSync, spawnSync } from "node:child_process"
import { chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ended, post, run, serving, start, uploaded } from "./serving.suite.js"

/** No entry of /etc/passwd has this number. */
const user = 12_345

/**
 * Root changes to that user; other users become that user in a namespace. Variables with a home or a name are
 * removed.
 */
const asUnnamed = (command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "env",
  "-u",
  "HOME",
  "-u",
  "USER",
  "-u",
  "LOGNAME",
  ...command
]
const dropped = ["setpriv", "--reuid", `${user}`, "--regid", `${user}`, "--clear-groups"]
const mapped = ["unshare", "--user", `--map-user=${user}`, `--map-group=${user}`]
const mayRead = (file: string) =>
  spawnSync(dropped[0] ?? "", [...dropped.slice(1), "test", "-r", file]).status === 0
const drops = process.getuid?.() === 0 && mayRead(import.meta.filename)
const starter = asUnnamed(drops ? dropped : mapped)

const folder = mkdtempSync(join(tmpdir(), "ffkiln-unnamed-"))
const dataDir = () => {
  const data = mkdtempSync(join(folder, "data-"))
  if (drops) for (const path of [folder, data]) chownSync(path, user, user)
  return data
}
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.runIf(process.platform === "linux")("a user without an entry in /etc/passwd", () => {
  let clip: Buffer
  beforeAll(() => {
    const path = join(folder, "clip.mp4")
    execFileSync("ffmpeg", [
      "-v",
      "error",
      "-f",
      "lavfi",
      "-i",
      "testsrc2=size=64x64:rate=5:duration=1",
      "-pix_fmt",
      "yuv420p",
      path
    ])
    clip = readFileSync(path)
  })

  it("does not exist for Node", () => {
    const [file = "", ...args] = [...starter, process.execPath, "-e", "require('node:os').userInfo()"]
    expect(spawnSync(file, args, { encoding: "utf8" }).stderr).toContain("uv_os_get_passwd")
  })

  it("starts a server that runs tasks", async () => {
    const { url, end } = await serving(dataDir(), [], { FFKILN_SANDBOX: "preferred" }, starter)
    const task = {
      inputs: [{ file_path: await uploaded(url, "clip.mp4", clip) }],
      outputs: [{ file: "copy.mp4", options: ["-c", "copy"] }]
    }
    const { status, body } = await post(url, "/ffmpeg/process", { task })
    expect([status, body.ok]).toEqual([200, true])
    expect(await end("SIGTERM")).toEqual([0, null])
  })

  it("makes doctor check ffmpeg, whose work folder is named after the user", async () => {
    const { code, out, err } = await ended(
      run("doctor", ["--data", dataDir()], { FFKILN_SANDBOX: "preferred", TMPDIR: folder }, starter)
    )
    expect([code, err]).toEqual([0, ""])
    expect(out).toMatch(/^ffmpeg: \d/m)
  })

  it("gets a sentence when a bucket can't be reached", async () => {
    const place = {
      FFKILN_STORAGE: "s3://bucket",
      FFKILN_S3_ENDPOINT: "http://127.0.0.1:1",
      FFKILN_S3_REGION: "us-east-1"
    }
    const keys = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret", FFKILN_SANDBOX: "preferred" }
    const { code, err } = await ended(
      start(["--port", "0", "--data", dataDir()], { ...place, ...keys }, starter)
    )
    expect(code).toBe(1)
    expect(err).toContain("http://127.0.0.1:1")
    expect(err).not.toContain("SystemError")
  })
})
