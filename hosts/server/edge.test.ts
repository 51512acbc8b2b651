import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { authorization, post, type Serving, serving, until } from "./serving.suite.js"

/** Bytes that reach the server before they are a request, and the log of refused requests. */

const small = {
  FFKILN_LIMIT_HEADER_SECONDS: "1",
  FFKILN_LIMIT_HEADER_BYTES: "4096",
  FFKILN_PREFIX: "/v1"
}

let folder: string
let server: Serving
const others: Array<Serving> = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln-edge-"))
  server = await serving(join(folder, "data"), ["--slots", "0"], small)
})
afterAll(async () => {
  await Promise.all([server, ...others].map((each) => each.end("SIGTERM")))
  await rm(folder, { recursive: true })
})

/** A server with its own settings and data. All are stopped after the tests, also after a failure. */
const another = async (name: string, settings: Readonly<Record<string, string>>): Promise<Serving> => {
  const other = await serving(join(folder, name), ["--slots", "0"], settings)
  others.push(other)
  return other
}

const port = (to: Serving = server) => Number(new URL(to.url).port)

const opened = async (to: Serving = server): Promise<Socket> => {
  const socket = connect(port(to), "127.0.0.1")
  socket.on("error", () => {})
  await once(socket, "connect")
  return socket
}

/** All bytes that the server sends until it closes the connection. */
const answered = async (bytes: string): Promise<string> => {
  const socket = await opened()
  socket.write(bytes, "latin1")
  return (await socket.toArray()).join("")
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** The responses on a connection, in order. Each has a length. */
const answersIn = (bytes: string): ReadonlyArray<Answer> => {
  if (bytes === "") return []
  const end = bytes.indexOf("\r\n\r\n")
  const [first = "", ...lines] = bytes.slice(0, end).split("\r\n")
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)])
  )
  const length = Number(headers["content-length"] ?? 0)
  const body = bytes.slice(end + 4)
  return [
    { status: Number(first.split(" ")[1]), headers, text: body.slice(0, length) },
    ...answersIn(body.slice(length))
  ]
}

const get = (target: string, headers = "") =>
  `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`
const key = `Authorization: ${authorization}\r\n`

/** Checks a refusal: JSON with a sentence, safe headers, and no names of paths or software. */
const expectRefusal = (answer: Answer | undefined, status: number, error: string | RegExp) => {
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
  expect(JSON.parse(answer?.text ?? "")).toEqual({
    ok: false,
    error: typeof error === "string" ? error : expect.stringMatching(error)
  })
  expect(answer?.text).not.toMatch(/node_modules|\.[jt]s\b|\n\s+at |express|node/i)
  expect(answer?.headers).not.toHaveProperty("x-powered-by")
}

const invalid = "This is not a valid HTTP request"
const malformed = "The request's URL is malformed"
const noEndpoint = "No such endpoint"
const tooLarge = "The request's URL and headers are too large: at most 4096 bytes are allowed"
const oneHost = "An HTTP/1.1 request needs one Host header"
const chunked = "Transfer-Encoding: chunked\r\n"

describe("a JSON response with one sentence", () => {
  it.each([
    ["no HTTP at all", "garbage\r\n\r\n", 400, invalid],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, invalid],
    ["a blank in the URL", get("a b"), 400, invalid],
    ["bytes in the URL that are no ASCII", get("/\xe9"), 400, invalid],
    ["an unknown method", "FOO /health HTTP/1.1\r\nHost: x\r\n\r\n", 400, invalid],
    ["a header without a colon", get("/health", "nonsense\r\n"), 400, invalid],
    ["a blank before the colon", get("/health", "Content-Length : 5\r\n"), 400, invalid],
    ["a folded header", get("/health", "A: b\r\n c\r\n"), 400, invalid],
    ["NUL in a header", get("/health", "A: b\0c\r\n"), 400, invalid],
    ["a bare CR", get("/health", "A: b\rc: d\r\n"), 400, invalid],
    [
      "two lengths that differ",
      `${get("/health", "Content-Length: 1\r\nContent-Length: 2\r\n")}ab`,
      400,
      invalid
    ],
    ["two lengths in one", `${get("/health", "Content-Length: 1, 1\r\n")}a`, 400, invalid],
    ["a negative length", get("/health", "Content-Length: -1\r\n"), 400, invalid],
    ["a length with a sign", `${get("/health", "Content-Length: +1\r\n")}a`, 400, invalid],
    ["a length beyond numbers", get("/health", `Content-Length: ${"9".repeat(30)}\r\n`), 400, invalid],
    [
      "a length and chunks",
      `POST /file HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n${chunked}\r\n0\r\n\r\n`,
      400,
      invalid
    ],
    [
      "chunks and a length",
      `POST /file HTTP/1.1\r\nHost: x\r\n${chunked}Content-Length: 5\r\n\r\n0\r\n\r\n`,
      400,
      invalid
    ],
    ["a missing Host", "GET /health HTTP/1.1\r\n\r\n", 400, oneHost],
    ["two Hosts", get("/health", "Host: y\r\n"), 400, oneHost],
    ["a huge URL", get(`/${"a".repeat(5000)}`), 431, tooLarge],
    ["a huge header", get("/health", `A: ${"a".repeat(5000)}\r\n`), 431, tooLarge],
    ["many headers", get("/health", "A: b\r\n".repeat(3000)), 431, tooLarge],
    [
      "an unknown expectation",
      get("/health", "Expect: magic\r\n"),
      417,
      "Expect: only 100-continue can be met"
    ],
    ["a URL without a host", get("http://"), 400, malformed],
    ["an invalid host", get("http://[::1/health"), 400, malformed],
    ["another scheme", get("foo://x"), 400, malformed],
    ["a broken escape in a path", get("/%zz"), 404, noEndpoint],
    ["a broken escape below the prefix", get("/v1/%zz"), 404, noEndpoint],
    [
      "a broken escape in a name",
      get("/file/%E0%A4%A/x", key),
      400,
      "The URL path holds an escape that is not valid UTF-8"
    ],
    ["a server-wide OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, noEndpoint],
    [
      "TRACE",
      "TRACE /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      405,
      "Method not allowed: use GET"
    ],
    ["another host's name in the path", get("//evil.example.com/health"), 404, noEndpoint],
    ["dots in the path", get("/v1/../health"), 404, noEndpoint]
  ])("is sent for %s", async (_, bytes, status, error) => {
    const answers = answersIn(await answered(bytes))
    expect(answers).toHaveLength(1)
    expectRefusal(answers[0], status, error)
  })

  it("is sent for a wrong key, and for a malformed one", async () => {
    for (const value of [
      "Basic dGVzdDpndWVzcw==",
      "Basic",
      "Basic %%%",
      `Basic ${"A".repeat(3000)}`,
      "Digest x"
    ]) {
      const [answer] = answersIn(await answered(get("/directory", `Authorization: ${value}\r\n`)))
      expectRefusal(answer, 401, "Invalid API key")
    }
  })

  it("is not sent for CONNECT", async () => {
    expect(await answered("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("")
  })
})

describe("a slow client", () => {
  const late = "The request's headers did not arrive within 1 seconds: send them at once"

  it.each([
    ["nothing", ""],
    ["half a line", "GET /hea"],
    ["half of the headers", "GET /health HTTP/1.1\r\nHost: x\r\nA: b\r\n"]
  ])("that sends %s gets a 408, and the connection is closed", async (_, bytes) => {
    const answers = answersIn(await answered(bytes))
    expect(answers).toHaveLength(1)
    expectRefusal(answers[0], 408, late)
  })

  it("that sends its headers byte by byte has no more time", async () => {
    const socket = await opened()
    let sent = 0
    socket.write("GET /health HTTP/1.1\r\n")
    const drops = setInterval(() => socket.write(`A${sent++}: b\r\n`), 50)
    const answers = answersIn((await socket.toArray()).join(""))
    clearInterval(drops)
    expectRefusal(answers[0], 408, late)
    expect(sent).toBeGreaterThan(2)
  })

  it("does not delay others", async () => {
    const slow = await Promise.all(Array.from({ length: 50 }, () => opened()))
    for (const socket of slow) socket.write("POST /file HTTP/1.1\r\nHost: x\r\n")
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    for (const socket of slow) expectRefusal(answersIn((await socket.toArray()).join(""))[0], 408, late)
  })
})

describe("one connection", () => {
  it("gets responses to simultaneous requests in order", async () => {
    const paths = ["/health", "/directory", "/nowhere", "/openapi.json", "/health"]
    const bytes = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join("") + get("/usage", key)
    const answers = answersIn(await answered(bytes))
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 200, 200, 200])
    expect(JSON.parse(answers[3]?.text ?? "").openapi).toBe("3.1.0")
    expect(JSON.parse(answers[5]?.text ?? "")).toHaveProperty("usage")
  })

  it("gets responses to twenty waiting requests; the next one is refused, and the connection closed", async () => {
    const keptAlive = `GET /health HTTP/1.1\r\nHost: x\r\n\r\n`
    const statuses = async (count: number) =>
      answersIn(await answered(keptAlive.repeat(count) + get("/health"))).map(({ status }) => status)
    const twenty = Array.from({ length: 20 }, () => 200)
    expect(await statuses(19)).toEqual(twenty)
    expect(await statuses(40)).toEqual([...twenty, 429])
    const flood = await opened()
    const closed = new Promise((resolve) => flood.once("close", resolve))
    flood.resume()
    flood.write(keptAlive.repeat(50_000))
    await closed
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
  })

  it("does not treat an unread body as a request", async () => {
    const inner = `GET /usage HTTP/1.1\r\nHost: x\r\n${key}\r\n`
    const refused = `POST /file HTTP/1.1\r\nHost: x\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`
    const answers = answersIn(await answered(refused + get("/health")))
    expect(answers.map(({ status }) => status)).toEqual([401, 200])
    expect(answers[1]?.text).toBe('{"ok":true}')
  })

  it("ends without additional text in a response when garbage follows a request", async () => {
    const body = JSON.stringify({ file_name: "a.bin" })
    const request = `POST /file HTTP/1.1\r\nHost: x\r\n${key}Content-Length: ${body.length}\r\n\r\n${body}`
    const answers = answersIn(await answered(`${request}garbage\r\n\r\n`))
    // The first one may have a response already; then the garbage gets its own.
    expect(answers.map(({ status }) => status).join()).toMatch(/^(200(,400)?)?$/)
  })

  it("gets 100 Continue for an announced body, only when it is wanted", async () => {
    const { body } = await post(server.url, "/file", { file_name: "a.bin" })
    const socket = await opened()
    socket.write(
      `PUT ${new URL(body.upload.url).pathname} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`
    )
    const [first] = await once(socket, "data")
    expect(`${first}`).toBe("HTTP/1.1 100 Continue\r\n\r\n")
    socket.write("hello")
    const answers = answersIn((await socket.toArray()).join(""))
    expect(answers.map(({ status, text }) => [status, text])).toEqual([[200, '{"ok":true}']])
  })
})

describe("connections beyond the limit", () => {
  const answeredOn = async (socket: Socket) => {
    socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    await once(socket, "data")
  }
  const closed = (socket: Socket) =>
    new Promise<void>((resolve) => void socket.resume().once("close", () => resolve()))
  let few: Serving
  beforeAll(async () => {
    few = await another("few", { FFKILN_LIMIT_CONNECTIONS: "3", FFKILN_LIMIT_STALLED_SECONDS: "1" })
  })

  it("replace the connection that has been idle the longest", async () => {
    const [first, ...others] = await Promise.all(Array.from({ length: 3 }, () => opened(few)))
    for (const socket of [first, ...others]) await answeredOn(socket as Socket)
    const left = closed(first as Socket)
    const extra = await opened(few)
    await answeredOn(extra)
    await left
    for (const socket of [...others, extra]) {
      expect(socket.destroyed).toBe(false)
      socket.destroy()
    }
  })

  it("replace those with incomplete headers, however many there are", async () => {
    const slow: Array<Socket> = []
    for (let count = 0; count < 20; count++) {
      const socket = await opened(few)
      socket.write("GET /health HTTP/1.1\r\n")
      slow.push(socket)
    }
    expect((await fetch(`${few.url}/health`, { headers: { connection: "close" } })).status).toBe(200)
    for (const socket of slow) socket.destroy()
  })

  it("replace those that are stalled in a body, after a while", async () => {
    const stalled: Array<Socket> = []
    for (let count = 0; count < 3; count++) {
      const socket = await opened(few)
      socket.write(`POST /directory HTTP/1.1\r\nHost: x\r\n${key}Content-Length: 50\r\n\r\n{`)
      stalled.push(socket)
    }
    await until(
      async () =>
        (await fetch(`${few.url}/health`, { headers: { connection: "close" } }).catch(() => undefined))
          ?.status === 200
    )
    for (const socket of stalled) socket.destroy()
  })
})

describe("a client that closes its sending side after the request", () => {
  /** All bytes after the half-close. */
  const halfClosed = async (bytes: string, to: Serving = server) => {
    const socket = connect({ port: port(to), host: "127.0.0.1", allowHalfOpen: true })
    socket.end(bytes, "latin1")
    return (await socket.toArray()).join("")
  }
  const body = JSON.stringify({ file_name: "half.bin" })

  it.each([
    ["a GET", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", [200]],
    ["HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n", [200]],
    [
      "a request with a body",
      `POST /file HTTP/1.1\r\nHost: x\r\n${key}Content-Length: ${body.length}\r\n\r\n${body}`,
      [200]
    ],
    [
      "several requests at once",
      `GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /usage HTTP/1.1\r\nHost: x\r\n${key}\r\n`,
      [200, 200]
    ]
  ])("gets its response: %s", async (_, bytes, statuses) => {
    const answers = answersIn(await halfClosed(bytes))
    expect(answers.map(({ status }) => status)).toEqual(statuses)
  })

  it.each([
    ["nothing", ""],
    ["half of the headers", "GET /health HTTP/1.1\r\nHost: x\r\n"],
    ["half of a body", `POST /file HTTP/1.1\r\nHost: x\r\n${key}Content-Length: 50\r\n\r\n{`]
  ])("sends no request, and the connection ends at once, after %s", async (_, bytes) => {
    expect(answersIn(await halfClosed(bytes)).every(({ status }) => status === 400)).toBe(true)
  })
})

describe("settings", () => {
  it("the root and the prefix share a key's rate limit, and pages of one origin are allowed", async () => {
    const app = "https://app.example.com"
    const held = await another("held", {
      FFKILN_PREFIX: "/v1",
      FFKILN_RATE_LIMIT: "1",
      FFKILN_RATE_BURST: "2",
      FFKILN_CORS_ORIGIN: app
    })
    const asked = (path: string) => fetch(held.url + path, { headers: { authorization, origin: app } })
    expect([(await asked("/usage")).status, (await asked("/v1/usage")).status]).toEqual([200, 200])
    for (const path of ["/usage", "/v1/usage"]) {
      const refused = await asked(path)
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0)
      expect(refused.headers.get("access-control-allow-origin")).toBe(app)
    }
  })
})

describe("the log", () => {
  it("of failures of every kind contains no key, signature or body", async () => {
    const data = join(folder, "logged")
    const logged = await another("logged", { FFKILN_SECRET: "signing-secret-of-test" })
    let written = ""
    listen(logged.child, (text) => {
      written += text
    })
    const register = async () =>
      (await post(logged.url, "/file", { file_name: "private-name.bin" })).body.upload.url as string
    const upload = await register()
    const token = new URL(upload).pathname.split("/")[2] ?? ""

    // Refusals of all kinds.
    const guess = Buffer.from("test:guess-of-a-secret").toString("base64")
    for (const header of [`Basic ${guess}`, `Bearer ${guess}`, "Basic broken-credential"]) {
      expect((await fetch(`${logged.url}/usage`, { headers: { authorization: header } })).status).toBe(401)
    }
    expect((await fetch(`${logged.url}/blob/${token}x/a`)).status).toBe(403)
    expect((await post(logged.url, "/ffmpeg/process", { task: { secret_field_of_body: 1 } })).status).toBe(
      400
    )
    const socket = connect(port(logged), "127.0.0.1")
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\n${key}nonsense\r\n\r\n`)
    await socket.toArray()

    // Infrastructure failures are logged: the folder of unfinished uploads is a file now.
    await rename(join(data, "tmp"), join(data, "elsewhere"))
    await writeFile(join(data, "tmp"), "")
    expect(
      (await fetch(upload, { method: "PUT", body: "bytes-of-body", headers: { authorization } })).status
    ).toBe(503)
    await until(() => written.includes("unavailable"))
    await rm(join(data, "tmp"))
    await logged.end("SIGTERM")

    const all = written + logged.lines.join("\n")
    for (const secret of [
      "secret-of-test",
      "signing-secret-of-test",
      authorization.split(" ")[1] ?? "",
      "guess-of-a-secret",
      guess,
      "broken-credential",
      token,
      token.split(".")[1] ?? token,
      "bytes-of-body",
      "secret_field_of_body"
    ]) {
      expect(secret.length).toBeGreaterThan(8)
      expect(all).not.toContain(secret)
    }
  })

  it("of the settings at the start contains no secret", async () => {
    const started = await another("start", { FFKILN_SECRET: "signing-secret-of-test" })
    await started.end("SIGTERM")
    expect(started.lines.join("\n")).not.toMatch(/secret-of-test/)
    expect(started.lines.join("\n")).toContain("listening")
  })
})

const listen = ({ stdout, stderr }: ChildProcess, hear: (text: string) => void) => {
  for (const stream of [stdout, stderr]) stream?.on("data", (piece) => hear(`${piece}`))
}
