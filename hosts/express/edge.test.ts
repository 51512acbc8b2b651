import { once } from "node:events"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { request } from "node:http"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { fileSystem } from "../../adapters/fs/index.js"
import { keyGate } from "../http/rate-limit.js"
import { aliceKey, bobKey, type Host, startHost } from "./host.suite.js"

/** Limits on requests, on responses to other origins, and on the duration of a request. */

const task = (path: string) => ({ task: { inputs: [{ file_path: path }], outputs: [{ file: "out.mp4" }] } })

describe("a key's limit", () => {
  it("of requests per minute: a 429 with the time to wait, for this key alone", async () => {
    await using host = await startHost({ slots: 0, gate: keyGate({ perMinute: 1, burst: 3 }) })
    for (let turn = 0; turn < 3; turn++) expect((await host.call("GET", "/directory")).status).toBe(200)
    const refused = await host.call("POST", "/directory", { body: "not even JSON" })
    expect(refused).toMatchObject({
      status: 429,
      body: { ok: false, error: expect.stringMatching(/at most 1 a minute are allowed, try again in \d+ s/) }
    })
    const seconds = Number(refused.headers.get("retry-after"))
    expect(seconds).toBeGreaterThanOrEqual(1)
    expect(seconds).toBeLessThanOrEqual(60)
    expect((await host.call("GET", "/directory", { authorization: bobKey })).status).toBe(200)
    expect((await host.call("GET", "/health")).status).toBe(200)
  })

  it("does not count requests with a wrong key, nor signed URLs", async () => {
    await using host = await startHost({ slots: 0, gate: keyGate({ perMinute: 1, burst: 3 }) })
    const wrong = `Basic ${Buffer.from("alice:guess").toString("base64")}`
    for (let turn = 0; turn < 5; turn++)
      expect((await host.call("GET", "/directory", { authorization: wrong })).status).toBe(401)
    const path = await host.uploaded("a.bin", "bytes")
    const { body } = await host.call("GET", `/file/download/${path}`)
    for (let turn = 0; turn < 5; turn++) expect(await (await fetch(body.download.url)).text()).toBe("bytes")
    expect((await host.call("GET", "/directory")).status).toBe(200)
    expect((await host.call("GET", "/directory")).status).toBe(429)
  })

  it("of concurrent requests counts a synchronous call until it ends", async () => {
    await using host = await startHost({ slots: 0, gate: keyGate({ atOnce: 1 }) })
    const path = await host.uploaded("a.bin", "bytes")
    const gone = new AbortController()
    const waiting = fetch(`${host.url}/ffmpeg/process`, {
      method: "POST",
      headers: { authorization: aliceKey },
      body: JSON.stringify(task(path)),
      signal: gone.signal
    })
    await vi.waitFor(() => expect(host.jobs).toHaveLength(1), 10_000)
    const refused = await host.call("GET", `/job/${host.jobs[0]}`)
    expect(refused).toMatchObject({
      status: 429,
      body: { error: expect.stringContaining("at most 1 at a time are allowed") }
    })
    expect(refused.headers.get("retry-after")).toBe("1")
    expect((await host.call("GET", "/directory", { authorization: bobKey })).status).toBe(200)
    gone.abort()
    await expect(waiting).rejects.toThrow()
    await vi.waitFor(
      async () => expect((await host.call("GET", `/job/${host.jobs[0]}`)).status).toBe(200),
      10_000
    )
  })

  it("of jobs: a 429 while others are still accepted; a full queue for all is a 503", async () => {
    await using host = await startHost({ slots: 0, limits: { pendingJobsPerKey: 2, pendingJobs: 3 } })
    const path = await host.uploaded("a.bin", "bytes")
    const submit = (authorization: string, file: string) =>
      host.call("POST", "/ffmpeg/process/async", { body: task(file), authorization })
    for (let turn = 0; turn < 2; turn++) expect((await submit(aliceKey, path)).status).toBe(202)
    for (const endpoint of ["/ffmpeg/process/async", "/ffmpeg/process"]) {
      const refused = await host.call("POST", endpoint, { body: task(path) })
      expect(refused).toMatchObject({
        status: 429,
        body: {
          ok: false,
          error: expect.stringMatching(/^Too many jobs of this API key wait or run: at most 2 are allowed/)
        }
      })
      expect(refused.headers.get("retry-after")).toBe("5")
    }
    const { body } = await host.call("POST", "/file", { body: { file_name: "b.bin" }, authorization: bobKey })
    await host.call("PUT", body.upload.url, { body: "bytes", authorization: null })
    expect((await submit(bobKey, body.file.file_path)).status).toBe(202)
    expect((await submit(bobKey, body.file.file_path)).status).toBe(503)
    expect((await submit(aliceKey, path)).status).toBe(429)
    await host.call("DELETE", `/job/${host.jobs[0]}`)
    expect((await submit(aliceKey, path)).status).toBe(202)
  })
})

/** A request with headers that `fetch` does not send. */
const asked = async (host: Host, method: string, path: string, headers: Record<string, string>) => {
  const call = request(path.startsWith("http") ? path : host.url + path, { method, headers, agent: false })
  call.end()
  const [response] = await once(call, "response")
  return { status: response.statusCode, headers: response.headers, text: (await response.toArray()).join("") }
}

describe("pages of other origins", () => {
  const app = "https://app.example.com"
  const page = { origin: app }
  const preflight = {
    origin: app,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization"
  }

  it("may read nothing by default", async () => {
    await using host = await startHost({ slots: 0 })
    const asking = await asked(host, "OPTIONS", "/file", preflight)
    expect(asking).toMatchObject({ status: 405, headers: { allow: "POST" } })
    for (const { headers } of [asking, await asked(host, "GET", "/health", page)]) {
      expect(
        Object.keys(headers).filter((name) => name.startsWith("access-control") || name === "vary")
      ).toEqual([])
    }
  })

  it("that are allowed may call with a key and read responses, failures and downloads", async () => {
    await using host = await startHost({ slots: 0, corsOrigins: ["https://other.example.com", app] })
    const asking = await asked(host, "OPTIONS", "/file/dir/name", preflight)
    expect(asking).toMatchObject({
      status: 204,
      text: "",
      headers: {
        "access-control-allow-origin": app,
        "access-control-allow-methods": "GET, DELETE",
        "access-control-allow-headers":
          "Authorization, Content-Type, Idempotency-Key, Range, If-Range, If-None-Match",
        "access-control-max-age": "600",
        vary: "Origin"
      }
    })
    const path = await host.uploaded("a.bin", "bytes")
    const { body } = await host.call("GET", `/file/download/${path}`)
    const answers = [
      await asked(host, "GET", "/directory", { ...page, authorization: aliceKey }),
      await asked(host, "GET", "/directory", page),
      await asked(host, "GET", "/nowhere", page),
      await asked(host, "OPTIONS", "/nowhere", preflight),
      await asked(host, "OPTIONS", "/file", page),
      await asked(host, "GET", body.download.url, page)
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 404, 405, 200])
    for (const { headers } of [...answers, asking]) {
      expect(headers).toMatchObject({ "access-control-allow-origin": app, vary: "Origin" })
      expect(headers["access-control-expose-headers"]).toMatch(/X-Job-Id, Retry-After/)
      expect(headers).not.toHaveProperty("access-control-allow-credentials")
    }
  })

  it("that are allowed may send all headers that the browser asks for", async () => {
    await using host = await startHost({ slots: 0, corsOrigins: [app] })
    const asking = "authorization, cache-control,X-Requested-With , cache-control, bad name, \u00e9"
    const { headers } = await asked(host, "OPTIONS", "/file", {
      ...preflight,
      "access-control-request-headers": asking
    })
    expect(headers["access-control-allow-headers"]).toBe(
      "Authorization, Content-Type, Idempotency-Key, Range, If-Range, If-None-Match, cache-control, x-requested-with"
    )
  })

  it.each([
    "https://evil.example.com",
    `${app}.evil.com`,
    `${app}:8443`,
    "http://app.example.com",
    "null",
    "*",
    app.toUpperCase(),
    ""
  ])("of %j, which is not allowed, may not", async (origin) => {
    await using host = await startHost({ slots: 0, corsOrigins: [app] })
    for (const { headers } of [
      await asked(host, "OPTIONS", "/file", { ...preflight, origin }),
      await asked(host, "GET", "/health", { origin })
    ]) {
      expect(headers).not.toHaveProperty("access-control-allow-origin")
      expect(headers.vary).toBe("Origin")
    }
  })

  it("of every origin may if set, and never with cookies", async () => {
    await using host = await startHost({ slots: 0, corsOrigins: "*" })
    for (const { headers } of [
      await asked(host, "OPTIONS", "/file", preflight),
      await asked(host, "GET", "/health", page)
    ]) {
      expect(headers).toMatchObject({ "access-control-allow-origin": "*" })
      expect(headers).not.toHaveProperty("access-control-allow-credentials")
      expect(headers).not.toHaveProperty("vary")
    }
  })
})

describe("every response", () => {
  let host: Host
  let download: string
  beforeAll(async () => {
    host = await startHost({
      slots: 0,
      limits: { pendingJobs: 1, jsonBytes: 1000 },
      gate: keyGate({ atOnce: 100 })
    })
    const { body } = await host.call(
      "GET",
      `/file/download/${await host.uploaded("a.html", "<script>alert(1)</script>")}`
    )
    download = body.download.url
  })
  afterAll(() => host.close())

  it.each([
    ["health", 200, "GET", "/health", {}],
    ["a listing", 200, "GET", "/directory", { authorization: aliceKey }],
    ["no key", 401, "GET", "/directory", {}],
    ["nothing there", 404, "GET", "/%zz", {}],
    ["a broken escape", 400, "GET", "/job/%zz", { authorization: aliceKey }],
    ["a wrong method", 405, "GET", "/file", {}],
    ["a missing body", 400, "POST", "/file", { authorization: aliceKey }],
    ["the document", 200, "GET", "/openapi.json", {}],
    ["a forged signature", 403, "GET", "/blob/forged/a.html", {}]
  ] as ReadonlyArray<readonly [string, number, string, string, Record<string, string>]>)(
    "%s (%i) is not cached, not sniffed, not framed and sends no referrer",
    async (_, status, method, path, headers) => {
      const answer = await asked(host, method, path, headers)
      expect(answer).toMatchObject({
        status,
        headers: {
          "content-type": "application/json; charset=utf-8",
          "cache-control": "no-store",
          "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
          "referrer-policy": "no-referrer",
          "x-content-type-options": "nosniff",
          "x-frame-options": "DENY"
        }
      })
      expect(answer.text).not.toMatch(/node_modules|\.[jt]s:\d|\n\s+at /)
    }
  )

  it("downloads and the documentation have their own policies", async () => {
    const others = {
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY"
    }
    for (const range of [{}, { range: "bytes=0-1" }, { range: "bytes=99-" }]) {
      expect((await asked(host, "GET", download, range)).headers).toMatchObject(others)
    }
    expect((await asked(host, "GET", download, {})).headers["content-security-policy"]).toBe(
      "default-src 'none'; sandbox"
    )
    const docs = await asked(host, "GET", "/docs", {})
    expect(docs.headers).toMatchObject({
      ...others,
      "content-security-policy": expect.stringContaining("frame-ancestors 'none'")
    })
  })
})

// Each waits ten seconds for the end of its connection, so they run concurrently.
describe.concurrent("a slow client", () => {
  let host: Host
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ffkiln-edge-"))
    host = await startHost({ slots: 0, storage: fileSystem({ root: folder }), limits: { idleSeconds: 2 } })
  })
  afterAll(async () => {
    await host.close()
    await rm(folder, { recursive: true })
  })

  const tooSlow = {
    ok: false,
    error: "The request body arrived too slowly: almost nothing for 2 seconds, send it again"
  }
  const key = `Authorization: ${aliceKey}\r\n`
  const multipart =
    'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n\r\n--b\r\nContent-Disposition: form-data; name="video"; filename="v"\r\n\r\nhalf'

  it.each([
    ["no byte of a JSON body", `POST /file HTTP/1.1\r\nHost: x\r\n${key}Content-Length: 50\r\n\r\n`],
    ["half a JSON body", `POST /file HTTP/1.1\r\nHost: x\r\n${key}Content-Length: 50\r\n\r\n{"file_name":`],
    [
      "half a chunk",
      `POST /file HTTP/1.1\r\nHost: x\r\n${key}Transfer-Encoding: chunked\r\n\r\n50\r\n{"file`
    ],
    ["half a form", `POST /ffmpeg/run HTTP/1.1\r\nHost: x\r\n${key}${multipart}`]
  ])("that sends %s gets a response, and the connection ends", async (what, bytes) => {
    const socket = connect(host.port, "127.0.0.1")
    socket.write(bytes)
    const text = (await socket.toArray()).join("")
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    if (!what.includes("form")) expect(JSON.parse(text.slice(text.indexOf("{")))).toEqual(tooSlow)
  })

  it("in the middle of an upload leaves no files", async () => {
    const { body } = await host.call("POST", "/file", { body: { file_name: "a.bin" } })
    const socket = connect(host.port, "127.0.0.1")
    socket.write(
      `PUT ${new URL(body.upload.url).pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n${"x".repeat(50_000)}`
    )
    const text = (await socket.toArray()).join("")
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(text).toContain(tooSlow.error)
    expect(await readdir(join(folder, "tmp"))).toEqual([])
    expect((await host.call("GET", `/file/${body.file.file_path}`)).status).toBe(404)
  })

  it("that does not read its download loses the connection", async () => {
    await using impatient = await startHost({ slots: 0, limits: { unreadSeconds: 1 } })
    // More than the buffers of both ends.
    const path = await impatient.uploaded("big.bin", new Uint8Array(64 * 1024 * 1024))
    const { body } = await impatient.call("GET", `/file/download/${path}`)
    const connected = once(impatient.server, "connection")
    const socket = connect(impatient.port, "127.0.0.1")
    socket.on("error", () => {})
    socket.write(`GET ${new URL(body.download.url).pathname} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const [accepted] = await connected
    await once(accepted, "close")
    let received = 0
    socket.on("data", (piece) => {
      received += piece.length
    })
    await once(socket, "close")
    expect(received).toBeGreaterThan(0)
    expect(received).toBeLessThan(64 * 1024 * 1024)
  })
})
