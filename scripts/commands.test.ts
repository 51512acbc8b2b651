import { execFile, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { readdirSync, rmSync } from "node:fs"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { beforeAll, describe, expect, it } from "vitest"
import { cache, place } from "./setup/places.mjs"

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const command = (script: string, env: NodeJS.ProcessEnv = {}) =>
  new Promise<Ended>((resolve) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 2 ** 24 }
    execFile(process.execPath, [place("scripts", script)], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    )
  })

beforeAll(async () => expect(await command("setup.mjs")).toMatchObject({ code: 0 }), 600_000)

describe("set-up", () => {
  it("does and prints nothing the second time", async () => {
    expect(await command("setup.mjs")).toEqual({ code: 0, stdout: "", stderr: "" })
  })

  it("prints what to install when ffmpeg is missing and can't be installed", async () => {
    const { code, stderr } = await command("setup.mjs", {
      PATH: place("docs"),
      FFMPEG_PATH: "",
      FFPROBE_PATH: ""
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^ffmpeg and ffprobe are needed: install them \(.+\), or set FFMPEG_PATH and FFPROBE_PATH\n$/
    )
  })

  it.each(["FFMPEG_PATH", "FFPROBE_PATH"])("prints that %s names no program", async (variable) => {
    const { code, stderr } = await command("setup.mjs", { [variable]: place("package.json") })
    expect(code).toBe(1)
    expect(stderr).toBe(
      `${variable} is set to "${place("package.json")}", which is not an executable program\n`
    )
  })
})

describe("quickstart", () => {
  /** Data of servers that were not removed; other quickstarts may run at the same time. */
  const data = () => readdirSync(cache("quickstart")).filter((name) => name.startsWith("data-"))

  it("prints each call with its response and ends with the result", async () => {
    rmSync(cache("quickstart", "compressed.mp4"), { force: true })
    // Settings for another server must not affect it.
    const { code, stdout, stderr } = await command("quickstart.mjs", {
      FFKILN_API_KEYS: "me:mine",
      FFKILN_PUBLIC_URL: "http://example.invalid"
    })
    expect(`${code} ${stderr}`).toBe("0 ")
    expect(stdout.match(/^# .*$/gm)).toEqual([
      "# Start a server",
      "# Register a file",
      "# Upload it",
      "# Process it",
      "# Look at the result",
      "# Ask for a download link",
      "# Download it"
    ])
    expect(stdout.match(/^curl /gm)).toHaveLength(6)
    expect(stdout.match(/^HTTP \d+$/gm)).toEqual(Array.from({ length: 6 }, () => "HTTP 200"))
    expect(stdout).toMatch(/^Input [\d.]+ MiB, output [\d.]+ MiB: .*compressed\.mp4$/m)
    const args = [
      "-v",
      "error",
      "-show_entries",
      "stream=codec_name,width,height",
      "-of",
      "csv=p=0",
      cache("quickstart", "compressed.mp4")
    ]
    expect(execFileSync(process.env.FFPROBE_PATH || "ffprobe", args, { encoding: "utf8" })).toBe(
      "h264,1280,720\naac\n"
    )
  })

  it("removes its server and data when it is stopped in the middle", async () => {
    const before = readdirSync(cache("quickstart"))
    const child = spawn(process.execPath, [place("scripts", "quickstart.mjs")], {
      stdio: ["ignore", "pipe", "pipe"]
    })
    const exit = once(child, "exit")
    const stderr = text(child.stderr)
    let url = ""
    for await (const line of createInterface(child.stdout)) {
      url ||= /^ffkiln listening on (\S+)$/.exec(line)?.[1] ?? ""
      if (line === "# Upload it") child.kill("SIGTERM")
    }
    expect(await exit).toEqual([128 + 15, null])
    expect(await stderr).toMatch(/stopped by SIGTERM\n$/)
    expect(url).not.toBe("")
    await expect(fetch(url)).rejects.toThrow()
    expect(data().filter((name) => !before.includes(name))).toEqual([])
  })
})
