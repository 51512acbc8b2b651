import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { authorizationHeader } from "../../core/text/api-key.js"
import { aliceKey, bobKey, clip, type Host, startHost } from "./host.suite.js"

/** The endpoints compared with the published reference, over real HTTP. */

let host: Host
let dir: string
beforeAll(async () => {
  host = await startHost()
  const path = await host.uploaded("input.mp4", await clip())
  dir = path.split("/")[0] as string
})
afterAll(() => host.close())

const form = { "content-type": "application/x-www-form-urlencoded" }
const task = (over: object = {}) => ({
  task: {
    inputs: [{ file_path: `${dir}/input.mp4` }],
    outputs: [{ file: "out.mp4", options: ["-crf", "28"] }],
    ...over
  }
})
const usage = {
  time_sec: expect.any(Number),
  input_size_gb: expect.any(Number),
  output_size_gb: expect.any(Number),
  gb_sec: expect.any(Number)
}
const refusal = { ok: false, error: expect.stringMatching(/^\S.*\S$/s) }

describe("published reference", () => {
  it("GET /health needs no key", async () => {
    expect(await host.call("GET", "/health", { authorization: null })).toMatchObject({
      status: 200,
      body: { ok: true }
    })
  })

  it.each([
    ["an empty body", undefined, 86400],
    ["{}", {}, 86400],
    ["a ttl", { ttl: 3600 }, 3600]
  ])("POST /directory with %s", async (_, body, ttl) => {
    const reply = await host.call("POST", "/directory", { body })
    expect(reply.status).toBe(200)
    expect(reply.body).toEqual({
      ok: true,
      directory: { id: expect.stringMatching(/^dir_[A-Za-z0-9]{16,}$/), ttl }
    })
  })

  it("registers, uploads, describes and downloads a file with the curl samples", async () => {
    const registered = await host.call("POST", "/file", { body: '{"file_name":"video.mp4"}', headers: form })
    expect(registered.status).toBe(200)
    const { file, upload } = registered.body
    expect(registered.body).toEqual({
      ok: true,
      file: {
        dir_id: expect.stringMatching(/^dir_/),
        file_name: "video.mp4",
        file_path: `${file.dir_id}/video.mp4`,
        added_on: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      },
      upload: {
        url: expect.stringContaining(`${host.url}/blob/`),
        method: "PUT",
        headers: {},
        expiresInSeconds: 300
      }
    })
    expect((await host.call("GET", `/file/${file.file_path}`)).status).toBe(404)

    const content = await clip()
    const put = await host.call("PUT", upload.url, { body: content, headers: form, authorization: null })
    expect(put).toMatchObject({ status: 200, body: { ok: true } })

    const info = await host.call("GET", `/file/${file.file_path}`)
    expect(info.body).toEqual({
      ok: true,
      file_info: { file_path: file.file_path, file_type: "video/mp4", file_size: content.length }
    })

    const { body } = await host.call("GET", `/file/download/${file.file_path}`)
    expect(body).toEqual({
      ok: true,
      download: {
        url: expect.stringContaining(`${host.url}/blob/`),
        method: "GET",
        expiresInSeconds: 300,
        file_path: file.file_path,
        file_size: content.length,
        file_type: "video/mp4"
      }
    })
    const download = await fetch(body.download.url)
    expect(Buffer.from(await download.arrayBuffer()).equals(content)).toBe(true)
    expect(
      await host.call("POST", "/file", { body: { file_name: "video.mp4", dir_id: file.dir_id } })
    ).toMatchObject({
      status: 400,
      body: refusal
    })
  })

  it("POST /ffmpeg/process waits for the result and returns the job's id", async () => {
    const reply = await host.call("POST", "/ffmpeg/process", { body: JSON.stringify(task()), headers: form })
    expect(reply.body).toEqual({
      ok: true,
      result: [
        {
          file_name: "out.mp4",
          size_bytes: expect.any(Number),
          download_url: expect.stringContaining(`${host.url}/blob/`)
        }
      ],
      usage
    })
    expect(reply.status).toBe(200)
    const [result] = reply.body.result
    const download = await fetch(result.download_url)
    expect((await download.arrayBuffer()).byteLength).toBe(result.size_bytes)
    const job = await host.call("GET", `/job/${reply.headers.get("x-job-id")}`)
    expect(job.body).toEqual({
      ok: true,
      job_id: reply.headers.get("x-job-id"),
      status: "completed",
      result: [{ ...result, download_url: expect.any(String) }],
      usage: reply.body.usage
    })
  })

  it("POST /ffmpeg/process/async returns 202 at once; GET /job has the result", async () => {
    const { status, body } = await host.call("POST", "/ffmpeg/process/async", {
      body: task({ outputs: [{ file: "async.mp4" }] })
    })
    expect(status).toBe(202)
    expect(body).toEqual({ ok: true, job_id: expect.stringMatching(/^job_/) })
    const done = await vi.waitFor(async () => {
      const job = await host.call("GET", `/job/${body.job_id}`)
      expect(job.body.status).toBe("completed")
      return job
    }, 30_000)
    expect(done.status).toBe(200)
    expect(done.body).toEqual({
      ok: true,
      job_id: body.job_id,
      status: "completed",
      result: [expect.objectContaining({ file_name: "async.mp4" })],
      usage
    })
  })

  it("a failed task is a 500 for the waiting caller, and a 200 with ok false in GET /job", async () => {
    const reply = await host.call("POST", "/ffmpeg/process", {
      body: task({ outputs: [{ file: "bad.mp4", options: ["-preset", "nonsense"] }] })
    })
    expect(reply.status).toBe(500)
    expect(reply.body).toEqual({ ok: false, error: expect.stringMatching(/^FFmpeg processing failed: /) })
    const id = reply.headers.get("x-job-id")
    const job = await host.call("GET", `/job/${id}`)
    expect(job.status).toBe(200)
    expect(job.body).toEqual({
      ok: false,
      job_id: id,
      status: "failed",
      error: reply.body.error.replace("processing failed", "processing error")
    })
  })

  it("POST /ffprobe/analyze", async () => {
    const probe = {
      format: ["duration", "size"],
      streams: ["codec_name", "width", "height"],
      select_streams: "v:0"
    }
    const { status, body } = await host.call("POST", "/ffprobe/analyze", {
      body: { file_path: `${dir}/input.mp4`, probe }
    })
    expect(status).toBe(200)
    expect(body).toEqual({
      ok: true,
      result: {
        format: { duration: expect.any(String), size: String((await clip()).length) },
        streams: [{ codec_name: "h264", width: 64, height: 48 }]
      },
      usage
    })
    const whole = await host.call("POST", "/ffprobe/analyze", { body: { file_path: `${dir}/input.mp4` } })
    expect(whole.body.result.format.filename).toBe(`${dir}/input.mp4`)
    expect(whole.body.result.streams).toHaveLength(2)
  })
})

describe("errors", () => {
  const challenge = 'Basic realm="ffkiln", charset="UTF-8"'

  it.each([
    ["no key", null],
    ["a malformed key", "Basic !!!"],
    ["another scheme", "Digest abc"],
    ["an unknown key", authorizationHeader("mallory", "alice-secret")],
    ["a wrong secret", authorizationHeader("alice", "wrong")]
  ])("%s gives the same 401", async (_, authorization) => {
    const reply = await host.call("GET", `/job/job_x`, { authorization })
    expect([reply.status, reply.body, reply.headers.get("www-authenticate")]).toEqual([
      401,
      { ok: false, error: "Invalid API key" },
      challenge
    ])
  })

  it("accepts a key as Bearer", async () => {
    expect(
      (await host.call("POST", "/directory", { authorization: aliceKey.replace("Basic", "Bearer") })).status
    ).toBe(200)
  })

  it.each([
    [
      "compressed",
      { "content-encoding": "gzip" },
      /^The request body has a Content-Encoding header \(gzip\): send its bytes as they are/
    ],
    [
      "a form with files",
      { "content-type": "multipart/form-data; boundary=x" },
      /^The request body is a multipart form: send a JSON object/
    ]
  ])("a body labelled as %s is a 400 with an explanation", async (_, headers, error) => {
    const reply = await host.call("POST", "/file", { body: "--x", headers })
    expect([reply.status, reply.body]).toEqual([400, { ok: false, error: expect.stringMatching(error) }])
  })

  it.each<[string, string, string, unknown, number, string]>([
    ["bad JSON", "POST", "/file", "{", 400, "The request body is not valid JSON"],
    ["no body", "POST", "/file", undefined, 400, "The request body is empty: send a JSON object"],
    ["blank body", "POST", "/ffmpeg/process", " ", 400, "The request body is empty: send a JSON object"],
    ["a list", "POST", "/file", "[]", 400, "The request body must be a JSON object"],
    ["null", "POST", "/directory", "null", 400, "The request body must be a JSON object"],
    [
      "bad UTF-8",
      "POST",
      "/file",
      new Uint8Array([0x22, 0xff, 0x22]),
      400,
      "The request body is not valid UTF-8: send a JSON object"
    ],
    ["a missing field", "POST", "/file", {}, 400, "file_name is required"],
    [
      "a wrong name",
      "POST",
      "/file",
      { file_name: "a/b" },
      400,
      "file_name must not contain slashes or backslashes"
    ],
    [
      "a short ttl",
      "POST",
      "/directory",
      { ttl: 1 },
      400,
      "ttl must be a whole number of seconds from 60 to 2592000"
    ],
    [
      "an unknown directory",
      "POST",
      "/file",
      { file_name: "a", dir_id: "dir_none" },
      404,
      "Directory not found"
    ],
    ["no task", "POST", "/ffmpeg/process", {}, 400, "Invalid task format: task is required"],
    ["no task, async", "POST", "/ffmpeg/process/async", {}, 400, "Invalid task format: task is required"],
    [
      "a bad webhook",
      "POST",
      "/ffmpeg/process/async",
      { task: { inputs: [{ file_path: "d/a" }], outputs: [{ file: "b" }] }, webhook_url: "http://x" },
      400,
      "webhook_url must be an https URL"
    ],
    [
      "frames of everything",
      "POST",
      "/ffprobe/analyze",
      { file_path: "d/a", probe: { frames: [] } },
      400,
      'probe.frames and probe.packets require probe.select_streams, for example "v:0"'
    ],
    ["an unknown file", "GET", "/file/dir_none/a.mp4", undefined, 404, "File not found"],
    ["an unknown download", "GET", "/file/download/dir_none/a.mp4", undefined, 404, "File not found"],
    ["an unknown job", "GET", "/job/job_none", undefined, 404, "Job not found"],
    ["a job of no possible name", "GET", "/job/a%00b", undefined, 404, "Job not found"],
    ["an unknown route", "GET", "/nothing/here", undefined, 404, "No such endpoint"],
    ["the root", "GET", "/", undefined, 404, "No such endpoint"],
    ["a wrong method", "GET", "/ffmpeg/process", undefined, 405, "Method not allowed: use POST"],
    [
      "a forged URL",
      "GET",
      "/blob/forged",
      undefined,
      403,
      "Download URL expired or invalid: request a new one"
    ],
    ["a forged upload", "PUT", "/blob/forged", "x", 403, "Upload URL expired or invalid: request a new one"],
    [
      "a bad escape",
      "GET",
      "/file/dir_x/%E0%A4%A",
      undefined,
      400,
      "The URL path holds an escape that is not valid UTF-8"
    ]
  ])("%s: %s %s", async (_, method, path, body, status, error) => {
    const reply = await host.call(method, path, { body })
    expect([reply.status, reply.body]).toEqual([status, { ok: false, error }])
    expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8")
  })

  it.each(["a%2Fb.mp4", "a%5Cb.mp4", "%00", "%2e%2e%2f", "..%2f..%2fetc%2fpasswd", "%FF", "%"])(
    "the name %s is a 4xx with JSON",
    async (name) => {
      for (const path of [
        `/file/${dir}/${name}`,
        `/file/${name}/a.mp4`,
        `/file/download/${dir}/${name}`,
        `/job/${name}`,
        `/blob/${name}`
      ]) {
        const { status, body } = await host.call("GET", path)
        expect(status).toBeGreaterThanOrEqual(400)
        expect(status).toBeLessThan(500)
        expect(body).toEqual(refusal)
      }
    }
  )

  it("a wrong method gets the allowed methods", async () => {
    expect((await host.call("DELETE", "/blob/x")).headers.get("allow")).toBe("GET, PUT")
  })

  it("another owner's resources give the same errors as unknown ones", async () => {
    const asBob = { authorization: bobKey }
    const job = await host.call("POST", "/ffmpeg/process/async", {
      body: task({ outputs: [{ file: "mine.mp4" }] })
    })
    const pairs = [
      [`/file/${dir}/input.mp4`, "/file/dir_none/input.mp4"],
      [`/file/download/${dir}/input.mp4`, "/file/download/dir_none/input.mp4"],
      [`/job/${job.body.job_id}`, "/job/job_none"]
    ]
    for (const [theirs = "", none = ""] of pairs) {
      const [a, b] = [await host.call("GET", theirs, asBob), await host.call("GET", none, asBob)]
      expect([a.status, a.body]).toEqual([b.status, b.body])
      expect(a.status).toBe(404)
    }
    expect(
      (await host.call("POST", "/file", { body: { file_name: "a", dir_id: dir }, ...asBob })).status
    ).toBe(404)
    expect((await host.call("POST", "/ffmpeg/process", { body: task(), ...asBob })).status).toBe(404)
  })

  it("a JSON body over the limit is a 413, with and without a Content-Length", async () => {
    await using small = await startHost({ limits: { jsonBytes: 1000 }, slots: 0 })
    const long = JSON.stringify({ file_name: "x".repeat(2000) })
    const streamed = await fetch(`${small.url}/file`, {
      method: "POST",
      headers: { authorization: aliceKey },
      body: new Blob([long]).stream(),
      duplex: "half"
    })
    const counted = await small.call("POST", "/file", { body: long })
    const body = { ok: false, error: "The request body is too large: at most 1000 bytes are allowed" }
    expect([streamed.status, await streamed.json()]).toEqual([413, body])
    expect([counted.status, counted.body]).toEqual([413, body])
  })

  it("a full queue is a 503 with Retry-After, a wait timeout is a 503 with the job's id", async () => {
    await using full = await startHost({ limits: { pendingJobs: 1, syncWaitSeconds: 1 }, slots: 0 })
    const path = await full.uploaded("a.mp4", await clip())
    const body = { task: { inputs: [{ file_path: path }], outputs: [{ file: "b.mp4" }] } }
    const waited = await full.call("POST", "/ffmpeg/process", { body })
    expect(waited.status).toBe(503)
    expect(waited.body.error).toContain(`GET /job/${waited.headers.get("x-job-id")}`)
    expect((await full.call("GET", `/job/${waited.headers.get("x-job-id")}`)).body.status).toBe("pending")
    const busy = await full.call("POST", "/ffmpeg/process/async", { body })
    expect([busy.status, busy.headers.get("retry-after"), busy.body]).toEqual([503, "5", refusal])
  })

  it("a job without a worker is pending", async () => {
    await using idle = await startHost({ slots: 0 })
    const path = await idle.uploaded("a.mp4", await clip())
    const { body } = await idle.call("POST", "/ffmpeg/process/async", {
      body: { task: { inputs: [{ file_path: path }], outputs: [{ file: "b.mp4" }] } }
    })
    expect((await idle.call("GET", `/job/${body.job_id}`)).body).toEqual({
      ok: true,
      job_id: body.job_id,
      status: "pending"
    })
  })
})

describe("a client that disconnects", () => {
  const endless = (path: string) => ({
    task: {
      inputs: [{ file_path: path, options: ["-re", "-stream_loop", "-1"] }],
      outputs: [{ file: "endless.mkv", options: ["-c", "copy"] }]
    }
  })
  const leave = async (left: Host) => {
    const path = await left.uploaded("a.mp4", await clip())
    const gone = new AbortController()
    const reply = fetch(`${left.url}/ffmpeg/process`, {
      method: "POST",
      headers: { authorization: aliceKey },
      body: JSON.stringify(endless(path)),
      signal: gone.signal
    })
    const id = await vi.waitFor(() => {
      expect(left.jobs).toHaveLength(1)
      return left.jobs[0] as string
    }, 10_000)
    await vi.waitFor(
      async () => expect((await left.call("GET", `/job/${id}`)).body.status).toBe("processing"),
      10_000
    )
    gone.abort()
    await expect(reply).rejects.toThrow()
    return id
  }

  it("ends its job", async () => {
    await using left = await startHost()
    const id = await leave(left)
    const expected = { ok: false, job_id: id, status: "failed", error: "Job was cancelled", cancelled: true }
    await vi.waitFor(
      async () => expect((await left.call("GET", `/job/${id}`)).body).toEqual(expected),
      20_000
    )
  })

  it("leaves its job running when the host is set so", async () => {
    await using left = await startHost({ onDisconnect: "continue", limits: { runSeconds: 3 } })
    const id = await leave(left)
    // Nothing but its own limit ends the job.
    await vi.waitFor(
      async () => expect((await left.call("GET", `/job/${id}`)).body.status).toBe("failed"),
      20_000
    )
    expect((await left.call("GET", `/job/${id}`)).body.error).not.toContain("cancelled")
  })
})
