import type { RequestListener } from "node:http"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream } from "effect"
import { defaultLimits } from "../../core/limits.js"
import { until } from "../../core/ports/suites/samples.suite.js"
import { type Asking, type GuardOptions, makeGuard } from "./guarded.js"
import { type LocalHttps, localHttps, localTcp, localTls, scoped } from "./https.suite.js"

const refusal = { _tag: "UrlRefused", message: "URL is not allowed or not reachable" }

const whole = (options: GuardOptions, url: string, asking?: Asking, limits = defaultLimits) =>
  Effect.gen(function* () {
    const answer = yield* makeGuard(options, limits).request(url, asking)
    const body = Buffer.concat(Chunk.toReadonlyArray(yield* Stream.runCollect(answer.body)))
    return { status: answer.status, headers: answer.headers, url: answer.url.href, body: body.toString() }
  }).pipe(Effect.scoped)

const untilClosed = (server: LocalHttps) => until(Effect.sync(() => server.connections() === 0))

/** A server with this handler, and the requests that it received, oldest first. */
const serving = (handler: RequestListener) =>
  Effect.gen(function* () {
    const asked: Array<{
      readonly url: string | undefined
      readonly headers: Record<string, unknown>
      readonly method: string | undefined
    }> = []
    const server = yield* scoped(() =>
      localHttps((request, response) => {
        asked.push({ url: request.url, headers: request.headers, method: request.method })
        handler(request, response)
      })
    )
    return { ...server, asked }
  })

describe("a request of the guard", () => {
  it.scopedLive("names the host, connects to the checked address and asks for uncompressed bytes", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const { status, body, url } = yield* whole(server.guard, `${server.url}/a%20b.mp4?x=1#part`)
      expect({ status, body, url }).toEqual({
        status: 200,
        body: "bytes",
        url: `${server.url}/a%20b.mp4?x=1#part`
      })
      expect(server.asked).toEqual([
        {
          url: "/a%20b.mp4?x=1",
          method: "GET",
          headers: {
            host: `media.example.com:${server.port}`,
            connection: "close",
            accept: "*/*",
            "accept-encoding": "identity",
            "user-agent": "ffkiln"
          }
        }
      ])
      expect(server.dialed).toEqual(["127.0.0.1"])
      yield* untilClosed(server)
    })
  )

  it.scopedLive("verifies the certificate of an address, and of a name without its trailing dot", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      expect(yield* whole(server.guard, `https://127.0.0.1:${server.port}/`)).toMatchObject({ status: 200 })
      expect(yield* whole(server.guard, `https://media.example.com.:${server.port}/`)).toMatchObject({
        status: 200
      })
    })
  )

  it.scopedLive("resolves by the system and connects by TCP by default", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const { ca = "", ports = [] } = server.guard
      const options = {
        ca,
        ports,
        allowHost: (host: string) => host === "localhost",
        allowAddress: (a: string) => a === "127.0.0.1" || a === "::1"
      }
      // The certificate is not for this name: the handshake fails, after lookup and connection.
      expect(yield* Effect.flip(whole(options, `https://localhost:${server.port}/`))).toMatchObject(refusal)
      expect(yield* whole(options, `https://127.0.0.1:${server.port}/`)).toMatchObject({ status: 200 })
    })
  )

  it.scopedLive("ignores proxies and certificate settings of the environment", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const before = { ...process.env }
      const names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "NODE_TLS_REJECT_UNAUTHORIZED"] as const
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          for (const name of names) process.env[name] = "http://127.0.0.1:9"
          process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"
        }),
        () =>
          Effect.sync(() => {
            for (const name of names) delete process.env[name]
            Object.assign(process.env, before)
          })
      )
      expect(yield* whole(server.guard, server.url)).toMatchObject({ status: 200 })
      const { ca: _, ...trusting } = server.guard
      expect(yield* Effect.flip(whole(trusting, server.url))).toMatchObject(refusal)
    })
  )
})

describe("the guard refuses without a connection", () => {
  it.scopedLive.each([
    ...[
      "https://10.0.0.1",
      "https://0x7f.1",
      "https://[::1]",
      "https://[::ffff:7f00:1]",
      "https://2852039166",
      "https://localhost",
      "https://a.local"
    ],
    ...[
      "http://media.example.com",
      "https://user:pw@media.example.com",
      "https://media.example.com\\.x",
      "not a URL"
    ]
  ])("%s", (start) =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const { allowAddress: _, ...guard } = server.guard
      const url = `${start}:${server.port}/`
      expect(yield* Effect.flip(whole(guard, url))).toMatchObject(refusal)
      expect(yield* Effect.flip(makeGuard(guard, defaultLimits).check(url))).toMatchObject(refusal)
      expect([server.dialed, server.asked]).toEqual([[], []])
    })
  )

  it.scopedLive.each([
    { title: "a private address", answers: ["10.0.0.1"] },
    { title: "a good one and a bad one", answers: ["93.184.216.34", "127.0.0.1"] },
    { title: "a bad one and a good one", answers: ["169.254.169.254", "93.184.216.34"] },
    { title: "a bad one behind many good ones", answers: [...Array(20).fill("93.184.216.34"), "::1"] },
    { title: "a mapped one", answers: ["::ffff:93.184.216.34"] },
    { title: "no address at all", answers: ["media.example.org"] }
  ])("a name with $title", ({ answers }) =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const { allowAddress: _, ...guard } = server.guard
      const mixed = { ...guard, resolve: async () => answers.map((address) => ({ address })) }
      expect(yield* Effect.flip(whole(mixed, server.url))).toMatchObject(refusal)
      expect(yield* Effect.flip(makeGuard(mixed, defaultLimits).check(server.url))).toMatchObject(refusal)
      expect([server.dialed, server.asked]).toEqual([[], []])
    })
  )

  it.scopedLive("a name that does not resolve, although check accepts it", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      for (const resolve of [async () => Promise.reject(new Error("ENOTFOUND")), async () => []]) {
        const guard = { ...server.guard, resolve }
        expect(yield* Effect.flip(whole(guard, server.url))).toMatchObject(refusal)
        yield* makeGuard(guard, defaultLimits).check(server.url)
      }
      expect(server.dialed).toEqual([])
    })
  )

  it.scopedLive("a name whose lookup does not end", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const guard = { ...server.guard, resolve: () => new Promise<never>(() => undefined) }
      const limits = { ...defaultLimits, connectSeconds: 0.05 }
      expect(yield* Effect.flip(whole(guard, server.url, {}, limits))).toMatchObject(refusal)
      yield* makeGuard(guard, limits).check(server.url)
    })
  )
})

describe("the connection", () => {
  const good = "93.184.216.34"

  it.scopedLive("goes to the checked address, even if the name server changes its answer", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const { allowAddress: _, ...guard } = server.guard
      let lookups = 0
      const rebound = { ...guard, resolve: async () => [{ address: lookups++ === 0 ? good : "127.0.0.1" }] }
      expect(yield* whole(rebound, server.url)).toMatchObject({ status: 200 })
      expect({ lookups, dialed: server.dialed }).toEqual({ lookups: 1, dialed: [good] })
      expect(yield* Effect.flip(whole(rebound, server.url))).toMatchObject(refusal)
      expect(server.dialed).toEqual([good])
    })
  )

  it.scopedLive("that reached another address is closed before anything is sent", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const dial: NonNullable<GuardOptions["dial"]> = (address, port) =>
        Object.defineProperty(server.guard.dial?.(address, port) as never, "remoteAddress", {
          value: "127.0.0.2"
        })
      expect(yield* Effect.flip(whole({ ...server.guard, dial }, server.url))).toMatchObject(refusal)
      expect(server.asked).toEqual([])
      yield* untilClosed(server)
    })
  )

  it.scopedLive("goes to the next address when the first is dead, and closes the first", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      // Accepts connections and sends nothing.
      const dead = yield* scoped(() => localTcp(() => undefined))
      const { allowAddress: _, ...guard } = server.guard
      const two: GuardOptions = {
        ...guard,
        resolve: async () => [{ address: "93.184.216.35" }, { address: good }],
        dial: (address, port) => (address === good ? server.guard : dead.guard).dial?.(address, port) as never
      }
      const limits = { ...defaultLimits, connectSeconds: 2 }
      yield* Effect.scoped(Effect.zipRight(makeGuard(two, limits).request(server.url), untilClosed(dead)))
      expect([dead.dialed, server.dialed]).toEqual([["93.184.216.35"], [good]])
    })
  )

  it.scopedLive("is tried at no more than three addresses", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const { allowAddress: _, ca: __, ...guard } = server.guard
      const many = {
        ...guard,
        resolve: async () => [34, 35, 36, 37, 38].map((last) => ({ address: `93.184.216.${last}` }))
      }
      expect(yield* Effect.flip(whole(many, server.url))).toMatchObject(refusal)
      expect(server.dialed).toHaveLength(3)
      yield* untilClosed(server)
    })
  )

  it.scopedLive("with an unknown authority or to a server with another name sends nothing", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => response.end("bytes"))
      const { ca: _, ...trusting } = server.guard
      expect(yield* Effect.flip(whole(trusting, `${server.url}/secret`))).toMatchObject(refusal)
      const elsewhere = { ...server.guard, resolve: async () => [{ address: "127.0.0.1" }] }
      expect(
        yield* Effect.flip(whole(elsewhere, `https://media.example.org:${server.port}/secret`))
      ).toMatchObject(refusal)
      expect(
        yield* Effect.flip(whole(server.guard, `https://a.media.example.com:${server.port}/secret`))
      ).toMatchObject(refusal)
      expect(server.asked).toEqual([])
      yield* untilClosed(server)
    })
  )

  it.scopedLive("that is refused, without TLS or silent gives the same refusal", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.promise(async () => {
        const server = await localHttps(() => undefined)
        await server.close()
        return server
      })
      expect(yield* Effect.flip(whole(closed.guard, closed.url))).toMatchObject(refusal)
      for (const greeting of ["HTTP/1.1 200 OK\r\n\r\n", undefined]) {
        const plain = yield* scoped(() => localTcp((socket) => socket.write(greeting ?? "")))
        const limits = { ...defaultLimits, connectSeconds: greeting === undefined ? 0.2 : 10 }
        expect(yield* Effect.flip(whole(plain.guard, plain.url, {}, limits))).toMatchObject(refusal)
        yield* untilClosed(plain)
      }
    })
  )
})

describe("redirects", () => {
  const redirecting = (to: (port: number) => string | undefined, status = 302) =>
    Effect.gen(function* () {
      const ports: Array<number> = []
      const server = yield* serving((request, response) => {
        const place = request.url === "/start" ? to(ports[0] ?? 0) : undefined
        place === undefined
          ? response.end(`at ${request.url}`)
          : response.writeHead(status, { location: place }).end("moved")
      })
      ports.push(server.port)
      return server
    })

  it.scopedLive.each([301, 302, 303, 307, 308])(
    "%i is followed with the guard's own headers only",
    (status) =>
      Effect.gen(function* () {
        const server = yield* redirecting((port) => `//other.example.com:${port}/end?x`, status)
        const answer = yield* whole(server.guard, `${server.url}/start`, {
          redirects: 1,
          headers: { range: "bytes=0-1" }
        })
        expect(answer).toMatchObject({
          status: 200,
          body: "at /end?x",
          url: `https://other.example.com:${server.port}/end?x`
        })
        expect(server.asked.map(({ headers }) => headers.range)).toEqual(["bytes=0-1", "bytes=0-1"])
        expect(server.asked[1]?.headers.host).toBe(`other.example.com:${server.port}`)
        yield* untilClosed(server)
      })
  )

  it.scopedLive("close the connection before the next request, even if the server keeps sending", () =>
    Effect.gen(function* () {
      const server = yield* serving(({ url }, response) => {
        response.writeHead(url === "/start" ? 302 : 200, { location: "/end" }).write("and")
      })
      const there = makeGuard(server.guard, defaultLimits).request(`${server.url}/start`, { redirects: 1 })
      yield* Effect.scoped(Effect.zipRight(there, until(Effect.sync(() => server.connections() === 1))))
      expect(server.asked.map(({ url }) => url)).toEqual(["/start", "/end"])
    })
  )

  it.scopedLive("may be UTF-8", () =>
    Effect.gen(function* () {
      const server = yield* redirecting(() => Buffer.from("/ö", "utf8").toString("latin1"))
      expect(yield* whole(server.guard, `${server.url}/start`, { redirects: 1 })).toMatchObject({
        body: "at /%C3%B6"
      })
    })
  )

  it.scopedLive.each([
    { title: "to http", to: (port: number) => `http://media.example.com:${port}/` },
    { title: "to this machine", to: (port: number) => `https://[::1]:${port}/` },
    { title: "to this machine in another spelling", to: (port: number) => `https://0x7f.2:${port}/` },
    { title: "to the metadata service", to: () => "https://169.254.169.254/latest" },
    {
      title: "to a name that resolves to nothing",
      to: (port: number) => `https://media.example.org:${port}/`
    },
    { title: "to a name of an inner network", to: (port: number) => `https://localhost:${port}/` },
    { title: "with credentials", to: (port: number) => `https://user:pw@media.example.com:${port}/` },
    { title: "to another port", to: () => "https://media.example.com:444/" },
    { title: "to a file", to: () => "file:///etc/hostname" },
    { title: "to text that is no URL", to: () => "https://[" },
    { title: "by backslashes", to: (port: number) => `\\\\127.0.0.1:${port}\\` }
  ])("$title are refused", ({ to }) =>
    Effect.gen(function* () {
      const server = yield* redirecting(to)
      expect(yield* Effect.flip(whole(server.guard, `${server.url}/start`, { redirects: 5 }))).toMatchObject(
        refusal
      )
      expect(server.dialed).toEqual(["127.0.0.1"])
      yield* untilClosed(server)
    })
  )

  it.scopedLive("are followed up to the limit, also in a circle", () =>
    Effect.gen(function* () {
      const server = yield* redirecting(() => "/start")
      expect(yield* whole(server.guard, `${server.url}/start`, { redirects: 5 })).toMatchObject({
        status: 302,
        body: "moved"
      })
      expect(server.asked).toHaveLength(6)
      expect(yield* whole(server.guard, `${server.url}/start`)).toMatchObject({ status: 302, body: "moved" })
      expect(server.asked).toHaveLength(7)
    })
  )

  it.scopedLive("are checked again at each hop", () =>
    Effect.gen(function* () {
      const server = yield* redirecting((port) => `https://inner.example.com:${port}/`)
      const { allowAddress: _, ...guard } = server.guard
      const resolve = async (host: string) => [
        { address: host.startsWith("inner") ? "10.0.0.1" : "93.184.216.34" }
      ]
      expect(
        yield* Effect.flip(whole({ ...guard, resolve }, `${server.url}/start`, { redirects: 5 }))
      ).toMatchObject(refusal)
      expect(server.dialed).toEqual(["93.184.216.34"])
    })
  )
})

/** A server that sends exactly these bytes over its connection. */
const saying = (text: string, then: "end" | "wait" = "end") =>
  scoped(() =>
    localTls((socket) => {
      socket.once("data", () => {
        socket.write(text)
        if (then === "end") socket.end()
      })
    })
  )

const soon = { ...defaultLimits, idleSeconds: 0.3 }

describe("a response", () => {
  it.scopedLive.each([
    { title: "of a length", text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes" },
    {
      title: "in chunks",
      text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nby\r\n3;x=y\r\ntes\r\n0\r\n\r\n"
    },
    { title: "that ends with its connection", text: "HTTP/1.1 200 OK\r\n\r\nbytes" },
    { title: "of an old server", text: "HTTP/1.0 200 OK\r\n\r\nbytes" },
    {
      title: "after announcements",
      text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes"
    },
    {
      title: "with more than it announced",
      text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes and more"
    }
  ])("$title is read whole", ({ text }) =>
    Effect.gen(function* () {
      const server = yield* saying(text)
      expect(yield* whole(server.guard, server.url)).toMatchObject({ status: 200, body: "bytes" })
      yield* untilClosed(server)
    })
  )

  it.scopedLive.each([
    { title: "shorter than announced", text: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbytes" },
    { title: "cut off in a chunk", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nbytes" },
    {
      title: "without its last chunk",
      text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n"
    },
    {
      title: "with a broken chunk",
      text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbytes\r\n"
    },
    {
      title: "of two lengths",
      text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nbytes"
    },
    {
      title: "of a length and in chunks",
      text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n0\r\n\r\n"
    },
    { title: "of a negative length", text: "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nbytes" },
    { title: "that is no HTTP", text: "SSH-2.0-OpenSSH\r\n\r\n" },
    { title: "of nothing", text: "" },
    { title: "of half a header", text: "HTTP/1.1 200 OK\r\nContent-Le" },
    { title: "of announcements only", text: "HTTP/1.1 100 Continue\r\n\r\n" },
    {
      title: "that changes the protocol",
      text: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes"
    },
    { title: "with too many headers", text: `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}\r\nbytes` },
    { title: "with too long a header", text: `HTTP/1.1 200 OK\r\nx: ${"y".repeat(20_000)}\r\n\r\nbytes` }
  ])("$title gives UrlUnreachable", ({ text }) =>
    Effect.gen(function* () {
      const server = yield* saying(text)
      expect(yield* Effect.flip(whole(server.guard, server.url))).toMatchObject({ _tag: "UrlUnreachable" })
      yield* untilClosed(server)
    })
  )

  it.scopedLive.each([
    { title: "nothing", text: "" },
    { title: "half of its headers", text: "HTTP/1.1 200 OK\r\nx: " },
    { title: "half of its body", text: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbytes" },
    { title: "a chunk", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n" }
  ])("that stops after $title fails after the idle time", ({ text }) =>
    Effect.gen(function* () {
      const server = yield* saying(text, "wait")
      expect(yield* Effect.flip(whole(server.guard, server.url, {}, soon))).toMatchObject({
        _tag: "UrlUnreachable"
      })
      yield* untilClosed(server)
    })
  )

  it.scopedLive("with endless headers fails, even if each line arrives in time", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localTls((socket) => {
          socket.write("HTTP/1.1 200 OK\r\n")
          const timer = setInterval(() => socket.write("x: y\r\n"), 10)
          socket.on("close", () => clearInterval(timer))
        })
      )
      expect(yield* Effect.flip(whole(server.guard, server.url, {}, soon))).toMatchObject({
        _tag: "UrlUnreachable"
      })
      yield* untilClosed(server)
    })
  )

  it.scopedLive("without an end is read only on demand", () =>
    Effect.gen(function* () {
      const server = yield* serving((_, response) => {
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        }
        response.on("drain", more)
        more()
      })
      const bytes = yield* Effect.gen(function* () {
        const { body } = yield* makeGuard(server.guard, defaultLimits).request(server.url)
        return yield* Stream.runFold(Stream.take(body, 100), 0, (sum, piece) => sum + piece.length)
      }).pipe(Effect.scoped)
      expect(bytes).toBeGreaterThan(100)
      yield* untilClosed(server)
    })
  )

  it.scopedLive.each(["before its headers", "within its body"] as const)(
    "that is interrupted %s closes its connection",
    (when) =>
      Effect.gen(function* () {
        const server = yield* saying(
          when === "before its headers" ? "" : "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbytes",
          "wait"
        )
        let pieces = 0
        const fiber = yield* Effect.gen(function* () {
          const { body } = yield* makeGuard(server.guard, defaultLimits).request(server.url)
          yield* Stream.runForEach(body, () => Effect.sync(() => pieces++))
        }).pipe(Effect.scoped, Effect.fork)
        yield* until(
          Effect.sync(() => server.connections() === 1 && (when === "before its headers" || pieces === 1))
        )
        yield* Fiber.interrupt(fiber)
        yield* untilClosed(server)
      })
  )
})
