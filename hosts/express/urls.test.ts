import type { RequestListener } from "node:http"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type LocalHttps, localHttps } from "../../adapters/net/https.suite.js"
import { aliceKey, clip, type Host, startHost } from "./host.suite.js"

/** URL inputs over real HTTP, downloaded from a real HTTPS server of this machine. */

let host: Host
let web: LocalHttps
/** The handler of each path of the server, which a test may change, and the requests that arrived. */
const pages = new Map<string, RequestListener>()
const requested: Array<string> = []
const maxBytes = 200_000

beforeAll(async () => {
  web = await localHttps((request, response) => {
    requested.push(request.url ?? "")
    const page = pages.get(request.url?.split("?")[0] ?? "")
    if (page === undefined) response.writeHead(404).end("no such page")
    else page(request, response)
  })
  host = await startHost({
    guard: web.guard,
    limits: { uploadBytes: maxBytes, importSeconds: 1, idleSeconds: 2, connectSeconds: 1 }
  })
  const video = await clip()
  pages.set("/clip.mp4", (_, response) =>
    response.writeHead(200, { "content-type": "video/mp4", "content-length": video.length }).end(video)
  )
})
afterAll(async () => {
  await host.close()
  await web.close()
})

const routes = ["/ffmpeg/process", "/ffmpeg/process/async"] as const
const at = (path: string) => `${web.url}${path}`
const copy = (file_path: string, over: object = {}) => ({
  task: { inputs: [{ file_path }], outputs: [{ file: "out.mp4", options: ["-c", "copy"] }], ...over }
})
const directories = async (): Promise<ReadonlyArray<string>> =>
  (await host.call("GET", "/directory")).body.directories.map(({ id }: { id: string }) => id)
const namesIn = async (dir: string) =>
  (await host.call("GET", `/directory/${dir}`)).body.files.map(
    (file: { file_name: string }) => file.file_name
  )
const newDir = async (): Promise<string> =>
  (await host.call("POST", "/directory", { body: {} })).body.directory.id
const times = (path: string) => requested.filter((one) => one === path).length

describe("a URL input", () => {
  it("alone is imported into a directory made for the task, where its outputs go too", async () => {
    const before = await directories()
    const { status, body } = await host.call("POST", "/ffmpeg/process", { body: copy(at("/clip.mp4")) })
    expect([status, body.result[0].file_name]).toEqual([200, "out.mp4"])
    const [dir = ""] = (await directories()).filter((id) => !before.includes(id))
    expect(await namesIn(dir)).toEqual(["clip.mp4", "out.mp4"])
    expect((await host.call("GET", `/file/${dir}/clip.mp4`)).body.file_info).toEqual({
      file_path: `${dir}/clip.mp4`,
      file_type: "video/mp4",
      file_size: (await clip()).length
    })
    expect(body.usage.input_size_gb).toBe(Number(((await clip()).length / 2 ** 30).toFixed(9)))
  })

  it("of an asynchronous task is imported before the 202, so that the URL may end afterwards", async () => {
    await using idle = await startHost({ guard: web.guard, slots: 0 })
    const video = await clip()
    let alive = true
    pages.set("/short-lived.mp4", (_, response) =>
      alive ? response.end(video) : response.writeHead(410).end()
    )
    const { status } = await idle.call("POST", "/ffmpeg/process/async", {
      body: copy(at("/short-lived.mp4"))
    })
    alive = false
    expect([status, times("/short-lived.mp4")]).toEqual([202, 1])
    const [dir] = (await idle.call("GET", "/directory")).body.directories
    expect((await idle.call("GET", `/file/${dir.id}/short-lived.mp4`)).body.file_info.file_size).toBe(
      video.length
    )
  })

  it("of an asynchronous task is the input of its job", async () => {
    const { status, body } = await host.call("POST", "/ffmpeg/process/async", {
      body: copy(at("/clip.mp4?signature=1"))
    })
    expect(status).toBe(202)
    expect((await host.ended(body.job_id)).body).toMatchObject({
      ok: true,
      status: "completed",
      result: [{ file_name: "out.mp4" }]
    })
    expect(times("/clip.mp4?signature=1")).toBe(1)
  })

  it("beside a stored file goes into that file's directory, under a free name", async () => {
    const file = await host.uploaded("clip.mp4", await clip())
    const [dir = ""] = file.split("/")
    const before = await directories()
    const body = {
      task: {
        inputs: [{ file_path: file }, { file_path: at("/clip.mp4") }],
        outputs: [{ file: "clip-2.mp4", options: ["-c", "copy"], maps: ["0:v", "1:a"] }]
      }
    }
    expect((await host.call("POST", "/ffmpeg/process", { body })).status).toBe(200)
    expect((await namesIn(dir)).sort()).toEqual(["clip-2.mp4", "clip-3.mp4", "clip.mp4"])
    expect(await directories()).toEqual(before)
  })

  it("goes to output_dir_id if given", async () => {
    const file = await host.uploaded("in.mp4", await clip())
    const other = await newDir()
    const inputs = [{ file_path: file }, { file_path: at("/clip.mp4") }]
    const { status } = await host.call("POST", "/ffmpeg/process", {
      body: copy("", { inputs, output_dir_id: other })
    })
    expect(status).toBe(200)
    expect((await namesIn(other)).sort()).toEqual(["clip.mp4", "out.mp4"])
    expect(await namesIn(file.split("/")[0] ?? "")).toEqual(["in.mp4"])
  })

  it("used twice is downloaded once and counted once", async () => {
    const url = at("/clip.mp4?twice")
    const inputs = [{ file_path: url }, { file_path: url }]
    const outputs = [{ file: "out.mp4", options: ["-c", "copy"], maps: ["0:v", "1:a"] }]
    const { status, body } = await host.call("POST", "/ffmpeg/process", {
      body: { task: { inputs, outputs } }
    })
    expect([status, times("/clip.mp4?twice")]).toEqual([200, 1])
    expect(body.usage.input_size_gb).toBe(Number(((await clip()).length / 2 ** 30).toFixed(9)))
  })

  it("is no longer downloaded after the waiting client has disconnected", async () => {
    await using patient = await startHost({ guard: web.guard })
    pages.set("/endless", (_, response) => void response.writeHead(200).write("..."))
    const gone = new AbortController()
    const call = fetch(`${patient.url}/ffmpeg/process`, {
      method: "POST",
      headers: { authorization: aliceKey },
      body: JSON.stringify(copy(at("/endless"))),
      signal: gone.signal
    })
    const open = web.connections()
    await expect.poll(() => times("/endless"), { timeout: 10_000 }).toBe(1)
    gone.abort()
    await expect(call).rejects.toThrow()
    await expect.poll(() => web.connections(), { timeout: 10_000 }).toBe(open)
    expect(patient.jobs).toEqual([])
  })

  it("is followed over five redirects, and not over a sixth", async () => {
    const hop = (from: string, to: string) =>
      pages.set(from, (_, response) => response.writeHead(302, { location: to }).end())
    for (let left = 6; left > 0; left--) hop(`/hop-${left}`, left === 1 ? "/clip.mp4" : `/hop-${left - 1}`)
    const dir = await newDir()
    const fetched = await host.call("POST", "/ffmpeg/process", {
      body: copy(at("/hop-5"), { output_dir_id: dir })
    })
    expect(fetched.status).toBe(200)
    const refused = await host.call("POST", "/ffmpeg/process", {
      body: copy(at("/hop-6"), { output_dir_id: await newDir() })
    })
    expect([refused.status, refused.body.ok]).toEqual([400, false])
  })
})

describe("a failed import makes no job and leaves no file", () => {
  const text = "URL is not allowed or not reachable"
  const answering =
    (status: number, headers = {}): RequestListener =>
    (_, response) =>
      void response.writeHead(status, headers).end("an answer")
  const faults: ReadonlyArray<readonly [string, RequestListener, number, RegExp]> = [
    ["is answered 404", answering(404), 400, /404/],
    ["is answered 403", answering(403), 400, /403/],
    ["is answered 500", answering(500), 502, /answered 500$/],
    ["is answered 503", answering(503), 502, /answered 503$/],
    ["is never answered", () => undefined, 502, /took longer than 1 s$/],
    [
      "breaks off",
      (_, response) => {
        response.writeHead(200, { "content-length": 1000 }).write("a part")
        setImmediate(() => response.destroy())
      },
      502,
      /failed or did not answer in time/
    ],
    [
      "stalls",
      (_, response) => void response.writeHead(200, { "content-length": 1000 }).write("a part"),
      502,
      /took longer than 1 s$/
    ],
    [
      "says that it is too large",
      answering(200, { "content-length": maxBytes + 1 }),
      400,
      /too large: at most 200000 bytes/
    ],
    [
      "is too large",
      (_, response) => void response.writeHead(200).end(Buffer.alloc(maxBytes + 1)),
      400,
      /too large: at most 200000 bytes/
    ],
    ["is compressed", answering(200, { "content-encoding": "gzip" }), 400, /compressed/],
    ["leads to http", answering(302, { location: "http://media.example.com/a.mp4" }), 400, new RegExp(text)],
    [
      "leads to a private host",
      answering(302, { location: "https://10.0.0.1/a.mp4" }),
      400,
      new RegExp(text)
    ],
    ["leads to itself", answering(302, { location: "/fault" }), 400, /redirects too often$/]
  ]

  it.each(faults)("when the URL %s", async (_, page, status, sentence) => {
    pages.set("/fault", page)
    const dir = await newDir()
    const jobs = host.jobs.length
    for (const route of routes) {
      const inputs = [{ file_path: at("/clip.mp4") }, { file_path: at("/fault") }]
      const reply = await host.call("POST", route, { body: copy("", { inputs, output_dir_id: dir }) })
      expect([reply.status, reply.body.ok, Object.keys(reply.body)]).toEqual([status, false, ["ok", "error"]])
      expect(reply.body.error).toMatch(/^task\.inputs\[1\]\.file_path: /)
      expect(reply.body.error).toMatch(sentence)
      expect(reply.body.error).not.toMatch(/127\.0\.0\.1|ECONN|at .*:\d+/)
    }
    expect([await namesIn(dir), host.jobs.length]).toEqual([[], jobs])
  })

  it.each([
    "https://localhost/a.mp4",
    "https://127.0.0.1/a.mp4",
    "https://0x7f.1/a.mp4",
    "https://2130706433/a.mp4",
    "https://10.0.0.1/a.mp4",
    "https://192.168.1.1/a.mp4",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/a.mp4",
    "https://[::ffff:10.0.0.1]/a.mp4",
    "https://intranet/a.mp4",
    "https://printer.local/a.mp4",
    "https://db.internal./a.mp4",
    "https://user:password@media.example.com/a.mp4",
    "https://media.example.com:22/a.mp4",
    "https://unknown.example.org/a.mp4"
  ])("when the URL is %s: the same message for all, and no connection", async (url) => {
    const dialed = web.dialed.length
    for (const route of routes) {
      const reply = await host.call("POST", route, { body: copy(url) })
      expect([reply.status, reply.body]).toEqual([
        400,
        { ok: false, error: `task.inputs[0].file_path: ${text}` }
      ])
    }
    const probe = await host.call("POST", "/ffprobe/analyze", { body: { file_path: url } })
    expect([probe.status, probe.body.ok]).toEqual([400, false])
    expect(probe.body.error).toContain(text)
    expect(web.dialed.length).toBe(dialed)
  })

  it("when it is http, with the name of the field", async () => {
    for (const route of routes) {
      const { status, body } = await host.call("POST", route, {
        body: copy("http://media.example.com/a.mp4")
      })
      const error = "Invalid task format: task.inputs[0].file_path must be an https URL: http is not allowed"
      expect([status, body]).toEqual([400, { ok: false, error }])
    }
    const { status, body } = await host.call("POST", "/ffprobe/analyze", {
      body: { file_path: "http://media.example.com/a.mp4" }
    })
    expect([status, body]).toEqual([
      400,
      { ok: false, error: "file_path must be an https URL: http is not allowed" }
    ])
  })
})

describe("POST /ffprobe/analyze of a URL", () => {
  const ranged =
    (content: Buffer): RequestListener =>
    (request, response) => {
      const [, from = "", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? []
      if (from === "")
        return void response
          .writeHead(200, { "content-length": content.length, "accept-ranges": "bytes" })
          .end(content)
      const start = Number(from)
      const end = Math.min(to === "" ? content.length - 1 : Number(to), content.length - 1)
      const headers = {
        "content-range": `bytes ${start}-${end}/${content.length}`,
        "content-length": end - start + 1
      }
      response.writeHead(206, headers).end(content.subarray(start, end + 1))
    }
  const withoutName = (reply: { body: { result: { format: object } } }) => ({
    ...reply.body.result,
    format: { ...reply.body.result.format, filename: undefined }
  })

  it("gives the same report as for the uploaded file, and stores nothing", async () => {
    pages.set("/probe.mp4", ranged(await clip()))
    const file_path = await host.uploaded("probe.mp4", await clip())
    const before = await directories()
    for (const probe of [
      undefined,
      {},
      { format: [], streams: [], chapters: [] },
      { packets: ["pts_time"], select_streams: "v:0" }
    ]) {
      const local = await host.call("POST", "/ffprobe/analyze", { body: { file_path, probe } })
      const remote = await host.call("POST", "/ffprobe/analyze", {
        body: { file_path: at("/probe.mp4"), probe }
      })
      expect([remote.status, Object.keys(remote.body)]).toEqual([200, ["ok", "result", "usage"]])
      expect(withoutName(remote)).toEqual(withoutName(local))
    }
    const named = await host.call("POST", "/ffprobe/analyze", {
      body: { file_path: at("/probe.mp4"), probe: { format: ["filename"] } }
    })
    expect(named.body.result).toEqual({ format: { filename: at("/probe.mp4") } })
    expect(await directories()).toEqual(before)
  })

  it.each<[string, RequestListener, number]>([
    ["404", (_, response) => void response.writeHead(404).end(), 400],
    ["500", (_, response) => void response.writeHead(500).end(), 502],
    ["nothing", () => undefined, 502],
    ["a page that is no media", (_, response) => void response.writeHead(200).end("<html>"), 500]
  ])("that responds %s gives an error", async (_, page, status) => {
    pages.set("/fault", page)
    const reply = await host.call("POST", "/ffprobe/analyze", { body: { file_path: at("/fault") } })
    expect([reply.status, reply.body]).toEqual([status, { ok: false, error: expect.any(String) }])
    expect(reply.body.error).not.toMatch(/127\.0\.0\.1|\/tmp|ECONN/)
  })
})
