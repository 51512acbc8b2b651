import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"

import { ended, run } from "../server/serving.suite.js"

const folder = mkdtempSync(join(tmpdir(), "ffkiln-doctor-"))
afterAll(() => rmSync(folder, { recursive: true }))

const without = (missing: string) => {
  const path = mkdtempSync(join(folder, missing))
  for (const name of ["ffmpeg", "ffprobe", "setpriv", "prlimit", "bwrap"].filter(
    (name) => name !== missing
  )) {
    symlinkSync(
      execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(),
      join(path, name)
    )
  }
  return path
}

const doctor = (environment: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
  ended(run("doctor", args, environment))

describe.runIf(process.platform === "linux")("ffkiln doctor", () => {
  it("reports what it finds, and leaves no files", async () => {
    const data = join(folder, "not", "there")
    const { code, out, err } = await doctor({}, "--data", data)
    expect([code, err]).toEqual([0, ""])
    expect(out).toMatch(/^node: 2\d\.\S+ on linux/)
    for (const line of [
      /^disk: [\d.]+ GiB free/m,
      /^ffmpeg: \d+\.\S+$/m,
      /^sandbox: bubblewrap [\d.]+; launch: warm$/m,
      /^launch: the shortest run takes \d+ ms, and \d+ ms where it is started anew$/m,
      /^setting: FFKILN_SANDBOX=required: every run has a sandbox$/m,
      /^database: SQLite will make .*ffkiln\.db$/m,
      /^queue: in memory of each process: /m,
      /^storage: files in .*there$/m
    ])
      expect(out).toMatch(line)
    expect(readdirSync(folder)).not.toContain("not")
  })

  it.each([
    ["required", 1, /the server does not start/],
    ["preferred", 0, /serve only callers you trust/],
    ["off", 0, /serve only callers you trust/]
  ])("without bubblewrap, %s: exit code %i, and what to install", async (sandbox, code, verdict) => {
    const found = await doctor({
      PATH: without("bwrap"),
      FFKILN_SANDBOX: sandbox,
      FFKILN_SANDBOX_KIND: "bubblewrap"
    })
    expect([found.code, found.err]).toEqual([code, ""])
    expect(found.out).toMatch(/bubblewrap is missing: install it/)
    expect(found.out).toMatch(verdict)
  })

  it("tells of the sandbox that can be had without bubblewrap", async () => {
    const { code, out } = await doctor({ PATH: without("bwrap") })
    expect(code).toBe(0)
    expect(out).toMatch(
      /^sandbox: Landlock \d+ and seccomp, without bubblewrap \(bubblewrap is missing: install it .*\); launch: warm$/m
    )
    expect(out).toMatch(/^setting: FFKILN_SANDBOX=required: every run has a sandbox$/m)
  })

  it.runIf(process.getuid?.() === 0)(
    "tells of the sandbox that can be had where namespaces are denied, as in a container",
    async () => {
      const denied =
        'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all --inh-caps -all "$@"'
      const starter = ["unshare", "--user", "--map-root-user", "sh", "-c", denied, "sh"]
      const { code, out } = await ended(run("doctor", [], {}, starter))
      expect(code).toBe(0)
      expect(out).toMatch(/^sandbox: Landlock \d+ and seccomp, without bubblewrap \(.*\); launch: warm$/m)
      expect(out).toMatch(/^setting: FFKILN_SANDBOX=required: every run has a sandbox$/m)
    }
  )

  it("tells why each run is started anew", async () => {
    const { code, out } = await doctor({ FFKILN_LAUNCH: "plain" })
    expect(code).toBe(0)
    expect(out).toMatch(/^sandbox: bubblewrap [\d.]+; launch: each run anew \(the launch is set to plain\)$/m)
    expect(out).not.toMatch(/^launch:/m)
  })

  it("recommends the sandbox when it is off but available", async () => {
    const { code, out } = await doctor({ FFKILN_SANDBOX: "off" })
    expect(code).toBe(0)
    expect(out).toMatch(/^sandbox: bubblewrap/m)
    expect(out).toMatch(/set required/)
  })

  it("reports when the capabilities of ffmpeg can't be listed, which does not prevent a start", async () => {
    const path = without("bwrap")
    const ffmpeg = join(path, "ffmpeg")
    const real = readlinkSync(ffmpeg)
    rmSync(ffmpeg)
    writeFileSync(ffmpeg, `#!/bin/sh\ncase "$*" in *-filters*) exit 1;; esac\nexec ${real} "$@"\n`, {
      mode: 0o755
    })
    const { code, out } = await doctor({ PATH: path, FFKILN_SANDBOX: "preferred" })
    expect(code).toBe(0)
    expect(out).toMatch(
      /^ffmpeg: ffmpeg -filters lists nothing that can be read: tasks are accepted even if/m
    )
  })

  it("without ffmpeg: exit code 1, and what to install", async () => {
    const { code, out } = await doctor({ PATH: without("ffmpeg") })
    expect(code).toBe(1)
    expect(out).toMatch(/install ffmpeg/)
  })

  it("reports a wrong setting in one sentence, like the server", async () => {
    const { code, err } = await doctor({ FFKILN_SANDBOX: "maybe" })
    expect([code, err]).toEqual([
      2,
      'ffkiln: FFKILN_SANDBOX must be required or preferred or off, not "maybe"\n'
    ])
  })
})
