import { execFile, execFileSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, symlinkSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  authorization,
  get,
  post,
  processesUnder,
  running,
  runsUnder,
  serving,
  start,
  until,
  uploaded
} from "./serving.suite.js"

const run = promisify(execFile)

/** A PATH with everything that ffmpeg needs, except bubblewrap. */
const withoutBubblewrap = mkdtempSync(join(tmpdir(), "ffkiln-path-"))
for (const name of ["ffmpeg", "ffprobe", "setpriv", "prlimit"]) {
  symlinkSync(
    execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(),
    join(withoutBubblewrap, name)
  )
}
afterAll(() => rm(withoutBubblewrap, { recursive: true }))

let folder: string
let clip: Buffer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln server "))
  const sources = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=2 -f lavfi -i sine=duration=2".split(
    " "
  )
  await run("ffmpeg", [
    "-v",
    "error",
    ...sources,
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
    join(folder, "clip.mp4")
  ])
  clip = await readFile(join(folder, "clip.mp4"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const dataDir = async () => mkdtemp(join(folder, "data "))

/** In real time, so that a kill interrupts it. */
const slow = (input: string, index: number) => ({
  task: {
    inputs: [{ file_path: input, options: ["-re"] }],
    outputs: [{ file: `out-${index}.mp4`, options: ["-c", "copy"] }]
  }
})

const thumbnail = (input: string) => ({
  task: { inputs: [{ file_path: input }], outputs: [{ file: "frame.jpg", options: ["-frames:v", "1"] }] }
})

const terminal = async (url: string, id: string) => {
  await until(async () => ["completed", "failed"].includes((await get(url, `/job/${id}`)).body.status))
  return (await get(url, `/job/${id}`)).body
}

describe("a start", () => {
  it("makes the first key once, and prints it as a header", async () => {
    const data = join(await dataDir(), "not", "there yet")
    const first = await serving(data, [], { FFKILN_API_KEYS: "" })
    expect(first.lines[0]).toMatch(/^sandbox: bubblewrap /)
    const header = /Authorization: (Basic \S+)$/.exec(first.lines[1] ?? "")?.[1] ?? ""
    const call = (url: string) =>
      fetch(`${url}/directory`, { method: "POST", headers: { authorization: header } })
    expect((await call(first.url)).status).toBe(200)
    expect(await first.end("SIGTERM")).toEqual([0, null])
    const second = await serving(data, [], { FFKILN_API_KEYS: "" })
    expect(second.lines).toEqual([first.lines[0], `ffkiln listening on ${second.url}`])
    expect((await call(second.url)).status).toBe(200)
    expect((await fetch(`${second.url}/health`)).status).toBe(200)
    expect(await second.end("SIGINT")).toEqual([0, null])
  })

  const sentences: ReadonlyArray<
    readonly [number, string, ReadonlyArray<string>, Record<string, string>, RegExp]
  > = [
    [
      2,
      "a wrong argument",
      ["--port", "x"],
      {},
      /^ffkiln: --port must be a whole number from 0 to 65535, not "x"\n$/
    ],
    [
      2,
      "a wrong limit",
      [],
      { FFKILN_LIMIT_RUN_SECONDS: "soon" },
      /^ffkiln: FFKILN_LIMIT_RUN_SECONDS must be .*\n$/
    ],
    [
      2,
      "an unknown option",
      ["--prot", "1"],
      {},
      /^ffkiln: unknown option '--prot' \(Did you mean --port\?\): see ffkiln serve --help\n$/
    ],
    [
      2,
      "an unknown setting",
      [],
      { FFKILN_PREFFIX: "/v1" },
      /^ffkiln: FFKILN_PREFFIX is no setting: did you mean FFKILN_PREFIX\?\n$/
    ],
    [
      1,
      "a missing sandbox",
      [],
      { PATH: withoutBubblewrap, FFKILN_SANDBOX_KIND: "bubblewrap" },
      /^ffkiln: .*bubblewrap is missing: install it.* or set .*FFKILN_SANDBOX.*\n$/
    ],
    [1, "no ffmpeg", [], { FFMPEG_PATH: "/nowhere/ffmpeg" }, /^ffkiln: ffkiln cannot start: .*ffmpeg.*\n$/],
    [1, "a data directory that is a file", ["--data", "/dev/null/data"], {}, /^ffkiln: .*\n$/]
  ]
  it.each(sentences)(
    "exits with %i after one sentence about %s",
    async (code, _, args, environment, sentence) => {
      const child = start(["--port", "0", "--data", await dataDir(), ...args], environment)
      let errors = ""
      child.stderr.on("data", (piece) => {
        errors += piece
      })
      expect(await once(child, "close")).toEqual([code, null])
      expect(errors).toMatch(sentence)
    }
  )

  it("on a port in use ends in one sentence", async () => {
    const taken = createServer().listen(0, "127.0.0.1")
    await once(taken, "listening")
    const { port } = taken.address() as AddressInfo
    const child = start(["--port", `${port}`, "--data", await dataDir()])
    let errors = ""
    child.stderr.on("data", (piece) => {
      errors += piece
    })
    expect((await once(child, "close"))[0]).toBe(1)
    expect(errors).toMatch(/^ffkiln: cannot listen on 127\.0\.0\.1 port \d+: EADDRINUSE\n$/)
    taken.close()
  })

  describe("with an unknown build of ffmpeg", () => {
    /** ffmpeg as another build, which runs the script before it responds. */
    const otherBuild = async (name: string, script: string) => {
      const path = join(folder, name)
      const version = `if [ "$1" = -version ]; then ffmpeg -version | sed '1s/version [^ ]*/version 5.2.3-${name}/'; exit; fi`
      await writeFile(path, `#!/bin/sh\n${version}\n${script}\nexec ffmpeg "$@"\n`, { mode: 0o755 })
      return { FFMPEG_PATH: path, FFKILN_SANDBOX: "off", XDG_CACHE_HOME: join(folder, `cache ${name}`) }
    }
    const reading = "reading the options of ffmpeg 5.2, once for this build"

    it("prints that it reads the options of ffmpeg, once for all data directories", async () => {
      const environment = await otherBuild("other", "")
      for (const lines of [1, 0]) {
        const server = await serving(await dataDir(), [], environment)
        expect(server.lines.filter((line) => line === reading)).toHaveLength(lines)
        expect(await server.end("SIGTERM")).toEqual([0, null])
      }
      expect(await readdir(join(environment.XDG_CACHE_HOME, "ffkiln"))).toHaveLength(1)
    })

    it.each(["serve", "worker"])(
      "exits on SIGTERM while it reads them, and leaves no files: %s",
      async (command) => {
        const data = await dataDir()
        const environment = await otherBuild(`slow-${command}`, "sleep 600")
        const { end } = await running(
          command,
          ["--data", data, ...(command === "serve" ? ["--port", "0"] : [])],
          /^reading /,
          environment
        )
        expect(await end("SIGTERM")).toEqual([0, null])
        expect(await readdir(join(data, "work"))).toEqual([])
      }
    )
  })
})

describe("settings", () => {
  it("FFKILN_PREFIX serves the same routes there and at the root; signed URLs use the mount of the request", async () => {
    const server = await serving(await dataDir(), [], { FFKILN_PREFIX: "/v1" })
    const prefixed = `${server.url}/v1`
    const path = await uploaded(prefixed, "in.mp4", clip)
    for (const base of [server.url, prefixed]) {
      const { body } = await get(base, `/file/download/${path}`)
      expect(body.download.url.startsWith(`${base}/blob/`)).toBe(true)
      expect((await (await fetch(body.download.url)).arrayBuffer()).byteLength).toBe(clip.length)
    }
    expect((await get(prefixed, "/nothing")).status).toBe(404)
    expect((await get(server.url, "/v2/health")).status).toBe(404)
    expect(await server.end("SIGTERM")).toEqual([0, null])
  })

  it("FFKILN_PUBLIC_URL precedes the prefix", async () => {
    const server = await serving(await dataDir(), [], {
      FFKILN_PREFIX: "/v1",
      FFKILN_PUBLIC_URL: "https://media.example.com/"
    })
    const urls = await Promise.all(
      ["", "/v1"].map(
        async (path) => (await post(server.url + path, "/file", { file_name: "a" })).body.upload.url
      )
    )
    expect(urls).toEqual([
      expect.stringMatching(/^https:\/\/media\.example\.com\/blob\//),
      expect.stringMatching(/^https:\/\/media\.example\.com\/v1\/blob\//)
    ])
    expect(await server.end("SIGTERM")).toEqual([0, null])
  })

  it("FFKILN_LEGACY_RUN=off disables the deprecated endpoint", async () => {
    const call = async (url: string) => {
      const form = new FormData()
      form.append("video", new Blob([clip as Uint8Array<ArrayBuffer>]), "in.mp4")
      form.append(
        "command",
        JSON.stringify({
          inputs: [{ file_path: "video" }],
          outputs: [{ file: "a.jpg", options: ["-frames:v", "1"] }]
        })
      )
      const reply = await fetch(`${url}/ffmpeg/run`, {
        method: "POST",
        headers: { authorization },
        body: form
      })
      return [reply.status, await reply.json()]
    }
    const on = await serving(await dataDir())
    expect(await call(on.url)).toMatchObject([200, { ok: true, result: [{ file_name: "a.jpg" }] }])
    expect(await on.end("SIGTERM")).toEqual([0, null])
    const off = await serving(await dataDir(), [], { FFKILN_LEGACY_RUN: "off" })
    expect(await call(off.url)).toEqual([
      404,
      { ok: false, error: expect.stringContaining("use POST /ffmpeg/process") }
    ])
    expect(await off.end("SIGTERM")).toEqual([0, null])
  })

  it.each([
    ["abandon", "failed"],
    ["continue", "completed"]
  ])("FFKILN_ON_DISCONNECT=%s: the job of a disconnected client has %s", async (choice, status) => {
    const data = await dataDir()
    const server = await serving(data, [], { FFKILN_ON_DISCONNECT: choice })
    const input = await uploaded(server.url, "in.mp4", clip)
    const disconnected = new AbortController()
    const body = JSON.stringify(slow(input, 0))
    const call = fetch(`${server.url}/ffmpeg/process`, {
      method: "POST",
      headers: { authorization },
      body,
      signal: disconnected.signal
    })
    await until(() => runsUnder(data).length > 0)
    disconnected.abort()
    await expect(call).rejects.toThrow()
    await until(() => runsUnder(data).length === 0)
    const [dir] = input.split("/")
    const output = async () => (await get(server.url, `/file/${dir}/out-0.mp4`)).status
    if (status === "completed") await until(async () => (await output()) === 200)
    // Another job runs to its end: anything that the abandoned one still published would be there by now.
    expect((await post(server.url, "/ffmpeg/process", thumbnail(input))).status).toBe(200)
    expect(await output()).toBe(status === "completed" ? 200 : 404)
    expect(await server.end("SIGTERM")).toEqual([0, null])
  })

  it("the job of a client that closed only its sending side continues, and the client gets its result", async () => {
    const data = await dataDir()
    const server = await serving(data)
    const input = await uploaded(server.url, "in.mp4", clip)
    const body = JSON.stringify(slow(input, 0))
    const socket = connect({ port: Number(new URL(server.url).port), host: "127.0.0.1", allowHalfOpen: true })
    socket.end(
      `POST /ffmpeg/process HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    )
    const received = (await socket.toArray()).join("")
    expect(received).toMatch(
      /^(HTTP\/1\.1 102 Processing\r\n\r\n)+HTTP\/1\.1 200 OK\r\n[\s\S]*"file_name":"out-0\.mp4"/
    )
    expect(await server.end("SIGTERM")).toEqual([0, null])
  })

  it("a webhook to a refused address is a 400, and no job is made", async () => {
    const server = await serving(await dataDir(), ["--slots", "0"])
    const input = await uploaded(server.url, "in.mp4", clip)
    for (const host of ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "169.254.169.254", "2130706433"]) {
      const reply = await post(server.url, "/ffmpeg/process/async", {
        ...thumbnail(input),
        webhook_url: `https://${host}/hook`
      })
      expect([host, reply.status, reply.body]).toEqual([
        host,
        400,
        { ok: false, error: expect.stringContaining("webhook_url") }
      ])
    }
    expect((await get(server.url, "/webhook/delivery")).body.deliveries).toEqual([])
    expect(await server.end("SIGTERM")).toEqual([0, null])
  })
})

describe("SIGTERM", () => {
  it("lets a running job finish and responds to its caller", async () => {
    const data = await dataDir()
    const server = await serving(data)
    const input = await uploaded(server.url, "in.mp4", clip)
    const call = post(server.url, "/ffmpeg/process", slow(input, 0))
    await until(() => runsUnder(data).length > 0)
    const ended = server.end("SIGTERM")
    expect((await call).body.ok).toBe(true)
    expect(await ended).toEqual([0, null])
  })

  it("releases jobs that do not finish in time, and the next start finishes them", async () => {
    const data = await dataDir()
    const server = await serving(data, ["--slots", "2"], { FFKILN_LIMIT_DRAIN_SECONDS: "1" })
    const input = await uploaded(server.url, "in.mp4", clip)
    const long = (index: number) => ({
      task: {
        ...slow(input, index).task,
        inputs: [{ file_path: input, options: ["-re", "-stream_loop", "3"] }]
      }
    })
    const ids = [(await post(server.url, "/ffmpeg/process/async", long(0))).body.job_id]
    const waiting = post(server.url, "/ffmpeg/process", long(1))
    await until(() => runsUnder(data).length === 2)
    ids.push((await post(server.url, "/ffmpeg/process/async", slow(input, 2))).body.job_id)
    expect(await server.end("SIGTERM")).toEqual([0, null])
    expect(processesUnder(data)).toEqual([])
    // The waiting caller got the job's id, and its job continues too.
    const waited = await waiting
    expect([waited.status, waited.body.error]).toEqual([
      503,
      expect.stringContaining(waited.headers.get("x-job-id") ?? "no id")
    ])
    ids.push(waited.headers.get("x-job-id"))

    const again = await serving(data)
    for (const id of ids) expect((await terminal(again.url, id)).status).toBe("completed")
    expect(await again.end("SIGTERM")).toEqual([0, null])
    expect(await readdir(join(data, "work"))).toEqual([])
  })
})

describe("kill -9", () => {
  it("during ten jobs loses none: the next start finishes all, complete, and nothing is left", async () => {
    const data = await dataDir()
    const server = await serving(data)
    const input = await uploaded(server.url, "in.mp4", clip)
    const accepted = await Promise.all(
      Array.from({ length: 10 }, (_, index) => post(server.url, "/ffmpeg/process/async", slow(input, index)))
    )
    const ids = accepted.map(({ body }) => body.job_id as string)
    await until(async () =>
      (await Promise.all(ids.map((id) => get(server.url, `/job/${id}`)))).some(
        ({ body }) => body.status === "completed"
      )
    )
    expect(await server.end("SIGKILL")).toEqual([null, "SIGKILL"])
    // The kernel ends ffmpeg with its parent.
    await until(() => processesUnder(data).length === 0)

    const again = await serving(data)
    const [dir] = input.split("/")
    for (const [index, id] of ids.entries()) {
      const job = await terminal(again.url, id)
      expect(job.status).toBe("completed")
      const bytes = Buffer.from(await (await fetch(job.result[0].download_url)).arrayBuffer())
      expect(bytes.length).toBe(job.result[0].size_bytes)
      const file = join(folder, "result.mp4")
      await writeFile(file, bytes)
      const { stdout } = await run("ffprobe", [
        "-v",
        "error",
        "-show_entries",
        "format=duration",
        "-of",
        "csv=p=0",
        file
      ])
      expect(Number(stdout)).toBeCloseTo(2, 0)
      expect((await get(again.url, `/file/${dir}/out-${index}.mp4`)).body.file_info.file_size).toBe(
        bytes.length
      )
    }
    expect(await again.end("SIGTERM")).toEqual([0, null])
    expect(await readdir(join(data, "work"))).toEqual([])
    expect(await readdir(join(data, "tmp"))).toEqual([])
    expect(processesUnder(data)).toEqual([])
  })
})
