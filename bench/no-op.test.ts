import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { accountReader } from "../adapters/ffmpeg/log/stream-counts.js"
import { noOpTool } from "./no-op.js"
import { argvOf, thumbnail } from "./workloads.js"

let folder: string
let tool: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ffkiln no-op "))
  tool = await noOpTool(folder, "ffmpeg")
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("the no-op tool has ffmpeg's version", () => {
  const [first] = execFileSync("ffmpeg", ["-version"], { encoding: "utf8" }).split("\n")
  expect(execFileSync(tool, ["-version"], { encoding: "utf8" })).toBe(`${first}\n`)
})

it("the no-op tool makes the output of a task, and prints what ffmpeg would print", () => {
  for (const name of ["in", "out"]) mkdirSync(join(folder, name))
  const { status, stderr } = spawnSync(tool, argvOf(thumbnail, "clip.mp4", 3).args, {
    cwd: join(folder, "in"),
    encoding: "utf8"
  })
  expect(status).toBe(0)
  expect(readFileSync(join(folder, "out", "frame-3.jpg"), "utf8")).not.toBe("")
  const { line, account } = accountReader()
  for (const each of stderr.split("\n")) line(each)
  expect(account().outputs).toEqual(new Map([[0, [{ kind: "video", packets: 1 }]]]))
})
