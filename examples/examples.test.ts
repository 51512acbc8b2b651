import { execFile, spawn } from "node:child_process"
import { createHmac, randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const run = promisify(execFile)
const example = (name: string) => fileURLToPath(new URL(name, import.meta.url))

let folder: string
const inFolder = (name: string) => join(folder, name)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln examples "))
  const sources = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=3 -f lavfi -i sine=duration=3".split(
    " "
  )
  await run("ffmpeg", ["-v", "error", ...sources, "-pix_fmt", "yuv420p", inFolder("input.mp4")])
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const probe = async (path: string) => {
  const { stdout } = await run("ffprobe", [
    "-v",
    "error",
    "-show_streams",
    "-show_format",
    "-of",
    "json",
    path
  ])
  return JSON.parse(stdout) as {
    streams: ReadonlyArray<Record<string, unknown>>
    format: Record<string, string>
  }
}

describe("examples, run unchanged with the built package", () => {
  it("library.mjs makes a smaller video and prints its progress", async () => {
    const { stdout, stderr } = await run(
      process.execPath,
      [example("library.mjs"), "input.mp4", "output.mp4"],
      { cwd: folder }
    )
    expect(stderr).toBe("")
    expect(stdout).toMatch(/progress/)
    const { streams, format } = await probe(inFolder("output.mp4"))
    expect(streams.map(({ codec_name, width, height }) => [codec_name, width, height])).toEqual([
      ["h264", 320, 180],
      ["aac", undefined, undefined]
    ])
    expect(Number(format.duration)).toBeCloseTo(3, 0)
  })

  it("library.mjs is short, and the README shows exactly its text", async () => {
    const program = (await readFile(example("library.mjs"), "utf8")).trim()
    expect(program.split("\n").length).toBeLessThan(20)
    expect(await readFile(example("../README.md"), "utf8")).toContain(`\`\`\`js\n${program}\n\`\`\``)
  })

  it("remote-runner.mjs makes a smaller video on a runner", async () => {
    const { stdout, stderr } = await run(
      process.execPath,
      [example("remote-runner.mjs"), "input.mp4", "by-runner.mp4"],
      { cwd: folder }
    )
    expect(stderr).toBe("")
    expect(stdout).toMatch(/^a runner with ffmpeg \d/)
    expect(
      (await probe(inFolder("by-runner.mp4"))).streams.map(({ codec_name, width }) => [codec_name, width])
    ).toEqual([
      ["h264", 320],
      ["aac", undefined]
    ])
  })

  it("webhook-receiver.mjs accepts only webhooks with a valid signature", async () => {
    const key = randomBytes(32)
    const child = spawn(process.execPath, [example("webhook-receiver.mjs")], {
      env: { ...process.env, PORT: "0", WEBHOOK_SECRET: `whsec_${key.toString("base64")}` },
      stdio: ["ignore", "pipe", "inherit"]
    })
    const exited = once(child, "exit")
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    try {
      const url = `${(await lines.next()).value}`.replace("listening on ", "")
      const body = JSON.stringify({ job_id: "job_1", status: "completed" })
      const send = async (sent: string, secondsAgo: number, signer = key) => {
        const seconds = `${Math.floor(Date.now() / 1000) - secondsAgo}`
        const signature = createHmac("sha256", signer).update(`wh_1.${seconds}.${body}`).digest("base64")
        const headers = {
          "webhook-id": "wh_1",
          "webhook-timestamp": seconds,
          "webhook-signature": `v1,old v1,${signature}`
        }
        return (await fetch(url, { method: "POST", headers, body: sent })).status
      }
      expect(await send(`${body} `, 0)).toBe(401)
      expect(await send(body, 3600)).toBe(401)
      expect(await send(body, 0, randomBytes(32))).toBe(401)
      expect((await fetch(url, { method: "POST", body })).status).toBe(401)
      expect(await send(body, 0)).toBe(204)
      expect((await lines.next()).value).toBe("job_1 completed")
    } finally {
      child.kill("SIGTERM")
      await exited
    }
  })

  it("webhook-receiver.mjs contains the code in docs/webhooks.md", async () => {
    const lines = (text: string) => text.split("\n").filter((line) => line !== "" && !line.startsWith("/**"))
    const program = await readFile(example("webhook-receiver.mjs"), "utf8")
    const shown = program.slice(program.indexOf("const secret"), program.indexOf("const server"))
    const page = await readFile(example("../docs/webhooks.md"), "utf8")
    const [, block = ""] = /```js\n(const secret[\s\S]*?)```/.exec(page) ?? []
    expect(lines(block)).toEqual(lines(shown))
  })

  it("effect-program.mjs makes a thumbnail", async () => {
    const { stdout, stderr } = await run(
      process.execPath,
      [example("effect-program.mjs"), "input.mp4", "frame.jpg"],
      { cwd: folder }
    )
    expect(stderr).toBe("")
    expect(stdout).toMatch(/completed/)
    const { streams } = await probe(inFolder("frame.jpg"))
    expect(streams.map(({ codec_name, width }) => [codec_name, width])).toEqual([["mjpeg", 640]])
  })

  it("express-app.mjs serves the API behind the application's own login", async () => {
    const child = spawn(process.execPath, [example("express-app.mjs")], {
      cwd: folder,
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"]
    })
    const exited = once(child, "exit")
    try {
      const [line] = (await once(createInterface(child.stdout), "line")) as [string]
      const base = line.replace("listening on ", "")
      const call = async (path: string, session: string, init: RequestInit = {}) =>
        fetch(`${base}/media${path}`, { ...init, headers: { cookie: `session=${session}` } })
      const post = async (path: string, session: string, body: unknown) =>
        (await call(path, session, { method: "POST", body: JSON.stringify(body) })).json() as Promise<
          Record<string, never>
        >

      expect(await (await fetch(base)).text()).toBe("an application of its own")
      expect((await call("/directory", "stranger", { method: "POST" })).status).toBe(401)

      const { file, upload } = (await post("/file", "cookie-of-ann", { file_name: "in.mp4" })) as unknown as {
        file: { file_path: string }
        upload: { url: string }
      }
      expect(upload.url.startsWith(`${base}/media/blob/`)).toBe(true)
      const bytes = await readFile(inFolder("input.mp4"))
      expect((await fetch(upload.url, { method: "PUT", body: bytes })).status).toBe(200)

      const task = {
        inputs: [{ file_path: file.file_path }],
        outputs: [{ file: "sound.mp3", options: ["-vn"] }]
      }
      expect((await post("/ffmpeg/process", "cookie-of-bob", { task })).ok).toBe(false)
      const { result } = (await post("/ffmpeg/process", "cookie-of-ann", { task })) as unknown as {
        result: ReadonlyArray<{ download_url: string }>
      }
      const sound = await fetch(result[0]?.download_url ?? "")
      expect(sound.headers.get("content-type")).toBe("audio/mpeg")
      await writeFile(inFolder("sound.mp3"), Buffer.from(await sound.arrayBuffer()))
      expect((await probe(inFolder("sound.mp3"))).streams.map(({ codec_name }) => codec_name)).toEqual([
        "mp3"
      ])
    } finally {
      child.kill("SIGTERM")
      expect((await exited)[0]).toBe(0)
    }
  })
})
