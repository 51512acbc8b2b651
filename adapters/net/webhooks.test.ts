import { createHmac } from "node:crypto"
import type { IncomingHttpHeaders, RequestListener } from "node:http"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { execa } from "execa"
import { describe } from "vitest"
import { defaultLimits, Limits, type LimitValues } from "../../core/limits.js"
import type { Delivery } from "../../core/ports/outbox.js"
import { aJobId, anOwner, until } from "../../core/ports/suites/samples.suite.js"
import { Receiver, webhooksSuite } from "../../core/ports/suites/webhooks.suite.js"
import { Webhooks } from "../../core/ports/webhooks.js"
import type { GuardOptions } from "./guarded.js"
import { localHttps, localTcp, localTls, scoped } from "./https.suite.js"
import { webhooks } from "./webhooks.js"

interface Post {
  readonly method: string | undefined
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A receiver that records requests and responds with `respond`. */
const receiving = (respond: RequestListener) =>
  Effect.gen(function* () {
    const posts: Array<Post> = []
    const server = yield* scoped(() =>
      localHttps(async (request, response) => {
        const pieces: Array<Buffer> = []
        for await (const piece of request) pieces.push(piece)
        const { method, url: path = "", headers } = request
        posts.push({ method, path, headers, body: Buffer.concat(pieces).toString() })
        respond(request, response)
      })
    )
    return { ...server, posts }
  })

webhooksSuite(
  "https webhooks",
  Layer.unwrapScoped(
    Effect.map(
      receiving(({ url }, response) => response.writeHead(url === "/yes" ? 202 : 500).end()),
      ({ url, guard, posts }) =>
        Layer.merge(
          webhooks(guard),
          Layer.succeed(Receiver, {
            accepting: `${url}/yes`,
            refusing: `${url}/no`,
            received: Effect.sync(() =>
              posts.map(({ path, headers, body }) => ({
                url: `${url}${path}`,
                id: `${headers["webhook-id"]}`,
                body
              }))
            )
          })
        )
    )
  )
)

const key = Buffer.from("a key of thirty-two bytes, or so.")
const secret = Redacted.make(`whsec_${key.toString("base64")}`)
const body = JSON.stringify({ job_id: "job_1", status: "failed", error: 'ünïcode "quoted" \u2028' })

const aDelivery = (url: string): Delivery => ({
  id: "msg_job_1",
  jobId: aJobId(),
  owner: anOwner(),
  url,
  attempt: 1,
  claim: 1
})

const posting = (guard: GuardOptions, url: string, over: Partial<LimitValues> = {}) =>
  Effect.flatMap(Webhooks, ({ post }) => post(aDelivery(url), body, secret)).pipe(
    Effect.provide(Layer.provide(webhooks(guard), Layer.succeed(Limits, { ...defaultLimits, ...over })))
  )

/** Verifies a webhook as its receiver would, by the specification alone. */
const verifies = ({ headers, body }: Post) => {
  const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`
  return (
    headers["webhook-signature"] ===
    `v1,${createHmac("sha256", key).update(content, "utf8").digest("base64")}`
  )
}

describe("a webhook", () => {
  it.scopedLive("is a POST of JSON with three signature headers", () =>
    Effect.gen(function* () {
      const server = yield* receiving((_, response) => response.end("thanks"))
      const before = Math.floor(Date.now() / 1000)
      expect(yield* posting(server.guard, `${server.url}/hook?x=1`)).toBe(200)
      const [post] = server.posts as [Post]
      expect(server.posts).toHaveLength(1)
      expect(post).toMatchObject({ method: "POST", path: "/hook?x=1", body })
      expect(post.headers).toEqual({
        host: `media.example.com:${server.port}`,
        connection: "close",
        accept: "*/*",
        "accept-encoding": "identity",
        "user-agent": "ffkiln",
        "content-type": "application/json",
        "content-length": `${Buffer.byteLength(body)}`,
        "webhook-id": "msg_job_1",
        "webhook-timestamp": expect.stringMatching(/^\d{10}$/),
        "webhook-signature": expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/)
      })
      expect(Number(post.headers["webhook-timestamp"])).toBeGreaterThanOrEqual(before)
      expect(Number(post.headers["webhook-timestamp"])).toBeLessThanOrEqual(Date.now() / 1000)
      expect(verifies(post)).toBe(true)
      expect(verifies({ ...post, body: body.replace("failed", "completed") })).toBe(false)
    })
  )

  it.scopedLive("has the signature that openssl computes", () =>
    Effect.gen(function* () {
      const server = yield* receiving((_, response) => response.end())
      yield* posting(server.guard, server.url)
      const [post] = server.posts as [Post]
      const { stdout } = yield* Effect.promise(() =>
        execa(
          "openssl",
          ["dgst", "-sha256", "-mac", "HMAC", "-macopt", `hexkey:${key.toString("hex")}`, "-hex"],
          {
            input: `msg_job_1.${post.headers["webhook-timestamp"]}.${body}`
          }
        )
      )
      const hex = stdout.split("= ")[1] ?? ""
      expect(post.headers["webhook-signature"]).toBe(`v1,${Buffer.from(hex, "hex").toString("base64")}`)
    })
  )

  it.scopedLive.each([200, 201, 202, 204, 299])("is delivered by a response of %i", (status) =>
    Effect.gen(function* () {
      const server = yield* receiving((_, response) => response.writeHead(status).end())
      expect(yield* posting(server.guard, server.url)).toBe(status)
    })
  )

  it.scopedLive.each([300, 301, 302, 303, 307, 308, 304, 400, 401, 404, 410, 429, 500, 502, 503, 999])(
    "is rejected by a response of %i, and follows no redirect",
    (status) =>
      Effect.gen(function* () {
        const server = yield* receiving((_, response) =>
          response.writeHead(status, { location: "/elsewhere" }).end()
        )
        const error = yield* Effect.flip(posting(server.guard, server.url))
        expect(error).toMatchObject({
          _tag: "WebhookRejected",
          status,
          reason: `The receiver answered ${status}, not 2xx`
        })
        expect(server.posts).toHaveLength(1)
        yield* until(Effect.sync(() => server.connections() === 0))
      })
  )

  it.scopedLive.each([
    { title: "hangs up", text: "" },
    { title: "speaks something else", text: "220 smtp ready\r\n" },
    { title: "breaks off in its headers", text: "HTTP/1.1 200 OK\r\nx" },
    { title: "changes the protocol", text: "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" }
  ])("is rejected by a receiver that $title", ({ text }) =>
    Effect.gen(function* () {
      const server = yield* scoped(() => localTls((socket) => socket.once("data", () => socket.end(text))))
      expect(yield* Effect.flip(posting(server.guard, server.url))).toMatchObject({
        _tag: "WebhookRejected",
        status: null
      })
    })
  )

  it.scopedLive("is rejected by a receiver that never responds, and its connection is closed", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() => localTls(() => undefined))
      const error = yield* Effect.flip(posting(server.guard, server.url, { webhookSeconds: 0.3 }))
      expect(error).toMatchObject({
        _tag: "WebhookRejected",
        status: null,
        reason: "The receiver did not answer within 0.3 s"
      })
      yield* until(Effect.sync(() => server.connections() === 0))
    })
  )

  it.scopedLive("is delivered to a receiver that sends 200 and never ends its response", () =>
    Effect.gen(function* () {
      const hanging = yield* receiving((_, response) => response.writeHead(200).write("and"))
      expect(yield* posting(hanging.guard, hanging.url, { webhookSeconds: 1 })).toBe(200)
      yield* until(Effect.sync(() => hanging.connections() === 0))
    })
  )

  it.scopedLive("reads no more than 64 KiB of the response", () =>
    Effect.gen(function* () {
      let sent = 0
      const server = yield* receiving((_, response) => {
        const piece = Buffer.alloc(65_536)
        const more = () => {
          do sent += piece.length
          while (!response.destroyed && response.write(piece))
        }
        response.on("drain", more)
        more()
      })
      expect(yield* posting(server.guard, server.url)).toBe(200)
      yield* until(Effect.sync(() => server.connections() === 0))
      // The exact number depends on the buffers of the system.
      expect(sent).toBeLessThan(50_000_000)
    })
  )

  it.scopedLive("is delivered when the body of the response breaks off", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localTls((socket) =>
          socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"))
        )
      )
      expect(yield* posting(server.guard, server.url)).toBe(200)
    })
  )

  it.scopedLive("to an unreachable address is refused without details of the destination", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() => localTcp((socket) => socket.destroy()))
      const text = "URL is not allowed or not reachable"
      expect(yield* Effect.flip(posting(server.guard, server.url))).toMatchObject({
        _tag: "UrlRefused",
        message: text
      })
      const inner = { ...server.guard, resolve: async () => [{ address: "10.0.0.1" }] }
      expect(yield* Effect.flip(posting(inner, server.url))).toMatchObject({
        _tag: "UrlRefused",
        message: text
      })
      const unknown = { ...server.guard, resolve: async () => Promise.reject(new Error("ENOTFOUND")) }
      expect(yield* Effect.flip(posting(unknown, server.url))).toMatchObject({
        _tag: "UrlRefused",
        message: text
      })
      expect(server.dialed).toEqual(["127.0.0.1"])
    })
  )

  it.scopedLive("that is interrupted closes its connection", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() => localTls(() => undefined))
      const fiber = yield* Effect.fork(posting(server.guard, server.url))
      yield* until(Effect.sync(() => server.connections() === 1))
      yield* Fiber.interrupt(fiber)
      yield* until(Effect.sync(() => server.connections() === 0))
    })
  )
})

describe("a check", () => {
  it.scopedLive("accepts names that resolve to allowed addresses or not at all, and refuses all others", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() => localTcp((socket) => socket.destroy()))
      const checking = (url: string, answers?: ReadonlyArray<string>) => {
        const resolve = async () => {
          if (answers === undefined) throw new Error("ENOTFOUND")
          return answers.map((address) => ({ address }))
        }
        const { allowAddress: _, ...guard } = server.guard
        return Effect.flatMap(Webhooks, ({ check }) => Effect.either(check(url))).pipe(
          Effect.map(({ _tag }) => _tag),
          Effect.provide(webhooks({ ...guard, resolve, ports: [443] }))
        )
      }
      expect(yield* checking("https://hooks.example.com/a", ["93.184.216.34", "2606:4700::1111"])).toBe(
        "Right"
      )
      expect(yield* checking("https://hooks.example.com/a")).toBe("Right")
      expect(yield* checking("https://hooks.example.com/a", [])).toBe("Right")
      expect(yield* checking("https://93.184.216.34/a")).toBe("Right")
      expect(yield* checking("https://hooks.example.com/a", ["93.184.216.34", "192.168.0.1"])).toBe("Left")
      expect(yield* checking("https://hooks.example.com/a", ["fd00::1"])).toBe("Left")
      for (const url of [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://a.internal/",
        "https://a.com:444/",
        "http://a.com/"
      ]) {
        expect(yield* checking(url, ["93.184.216.34"])).toBe("Left")
      }
      expect(server.dialed).toEqual([])
    })
  )
})
