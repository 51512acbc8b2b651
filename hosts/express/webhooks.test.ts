import { createHmac } from "node:crypto"
import type { IncomingHttpHeaders, RequestListener } from "node:http"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type LocalHttps, localHttps } from "../../adapters/net/https.suite.js"
import { bobKey, clip, type Host, startHost } from "./host.suite.js"

/** Webhooks end to end: a real job, and a real HTTPS receiver that tests can make misbehave. */

interface Arrival {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let host: Host
let receiver: LocalHttps
let input: string
let arrived: Array<Arrival> = []
/** The receiver's handler. Default: 200. */
let answer: RequestListener
const taken: RequestListener = (_, response) => void response.writeHead(200).end("thanks")

beforeAll(async () => {
  receiver = await localHttps(async (request, response) => {
    const { headers, method = "", url = "" } = request
    const body = await text(request)
    arrived.push({ method, path: url, headers, body })
    answer(request, response)
  })
  host = await startHost({
    guard: receiver.guard,
    limits: { webhookSeconds: 1, webhookPollSeconds: 0.05, connectSeconds: 1 }
  })
  input = await host.uploaded("in.mp4", await clip())
})
afterAll(async () => {
  await host.close()
  await receiver.close()
})
beforeEach(() => {
  arrived = []
  answer = taken
})

const asBob = { authorization: bobKey }
const good = ["-c", "copy"]
const bad = ["-preset", "nonsense"]
let made = 0
/** Runs a task with a webhook to this path, waits for its end, and returns the job's id. */
const ran = async (
  path: string,
  options: ReadonlyArray<string> = good,
  base = receiver.url
): Promise<string> => {
  const task = { inputs: [{ file_path: input }], outputs: [{ file: `out-${++made}.mp4`, options }] }
  const { status, body } = await host.call("POST", "/ffmpeg/process/async", {
    body: { task, webhook_url: `${base}${path}` }
  })
  expect(status).toBe(202)
  await host.ended(body.job_id)
  return body.job_id
}
const at = (path: string) => arrived.filter((one) => one.path === path)
/** The webhook of a job as its owner sees it, once it has `tries` tries. */
const delivery = async (jobId: string, tries = 1) => {
  for (;;) {
    const { body } = await host.call("GET", "/webhook/delivery")
    const found = body.deliveries.find((one: { job_id: string }) => one.job_id === jobId)
    if (found !== undefined && found.tries.length >= tries) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
const replay = (id: string, options = {}) => host.call("POST", `/webhook/delivery/${id}/replay`, options)

/** The signature that a receiver calculates from the secret, according to Standard Webhooks. */
const signature = ({ body, headers }: Arrival, secret: string): string => {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64")
  return `v1,${createHmac("sha256", key).update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`).digest("base64")}`
}

const moment = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)

describe("a webhook", () => {
  it("of a completed job has exactly the reference's body, and valid links", async () => {
    const jobId = await ran("/done")
    await delivery(jobId)
    const [post] = at("/done") as [Arrival]
    const body = JSON.parse(post.body)
    const { body: job } = await host.call("GET", `/job/${jobId}`)
    expect(post.body).toBe(
      JSON.stringify({
        job_id: jobId,
        status: "completed",
        result: [
          {
            file_name: job.result[0].file_name,
            size_bytes: job.result[0].size_bytes,
            download_url: body.result[0].download_url
          }
        ],
        usage: job.usage
      })
    )
    const got = await fetch(body.result[0].download_url)
    expect((await got.arrayBuffer()).byteLength).toBe(job.result[0].size_bytes)
  })

  it("of a failed job has exactly the reference's other body", async () => {
    const jobId = await ran("/failed", bad)
    await delivery(jobId)
    const { body: job } = await host.call("GET", `/job/${jobId}`)
    expect(job.error).toMatch(/^FFmpeg processing error: /)
    expect(at("/failed").map((post) => post.body)).toEqual([
      JSON.stringify({ job_id: jobId, status: "failed", error: job.error })
    ])
  })

  it("is a POST of JSON with a signature that its receiver can verify", async () => {
    const { id } = await delivery(await ran("/signed?x=1"))
    const [post] = at("/signed?x=1") as [Arrival]
    const { body } = await host.call("GET", "/webhook/secret")
    expect(body).toEqual({ ok: true, secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/) })
    expect([post.method, post.headers["content-type"], post.headers["webhook-id"]]).toEqual([
      "POST",
      "application/json",
      id
    ])
    expect(post.headers["webhook-signature"]).toBe(signature(post, body.secret))
    expect(Math.abs(Number(post.headers["webhook-timestamp"]) - Date.now() / 1000)).toBeLessThan(60)
    expect(post.headers).not.toHaveProperty("authorization")
    expect(post.headers).not.toHaveProperty("cookie")
    const theirs = await host.call("GET", "/webhook/secret", asBob)
    expect(theirs.body.secret).not.toBe(body.secret)
    expect(post.headers["webhook-signature"]).not.toBe(signature(post, theirs.body.secret))
  })

  it("is shown to its owner with its try", async () => {
    const jobId = await ran("/shown")
    const shown = await delivery(jobId)
    expect(shown).toEqual({
      id: expect.stringMatching(/^msg_/),
      job_id: jobId,
      url: `${receiver.url}/shown`,
      status: "delivered",
      added_on: moment,
      next_try_on: null,
      tries: [{ on: moment, time_sec: expect.any(Number), status: 200, error: null }]
    })
    const one = await host.call("GET", `/webhook/delivery/${shown.id}`)
    expect([one.status, one.body]).toEqual([200, { ok: true, delivery: shown }])
  })

  it("can't be seen or replayed by another owner", async () => {
    const { id } = await delivery(await ran("/private"))
    const missing = [404, { ok: false, error: "Webhook delivery not found" }]
    for (const [method, path, options] of [
      ["GET", `/webhook/delivery/${id}`, asBob],
      ["POST", `/webhook/delivery/${id}/replay`, asBob],
      ["GET", "/webhook/delivery/msg_none", {}],
      ["POST", "/webhook/delivery/msg_none/replay", {}]
    ] as const) {
      const { status, body } = await host.call(method, path, options)
      expect([status, body], path).toEqual(missing)
    }
    expect((await host.call("GET", "/webhook/delivery", asBob)).body).toEqual({ ok: true, deliveries: [] })
    expect(at("/private")).toHaveLength(1)
  })

  it("is listed, newest first", async () => {
    const ids = [await ran("/a"), await ran("/b")]
    for (const id of ids) await delivery(id)
    const { body } = await host.call("GET", "/webhook/delivery")
    const order = body.deliveries.map((one: { job_id: string }) => one.job_id)
    expect(order.indexOf(ids[1])).toBeLessThan(order.indexOf(ids[0]))
  })
})

describe("a receiver that fails", () => {
  const faults: ReadonlyArray<readonly [string, () => RequestListener, number | null, RegExp]> = [
    ["answers 500", () => (_, response) => void response.writeHead(500).end(), 500, /answered 500/],
    ["answers 404", () => (_, response) => void response.writeHead(404).end(), 404, /answered 404/],
    ["answers 410", () => (_, response) => void response.writeHead(410).end(), 410, /answered 410/],
    ["answers 304", () => (_, response) => void response.writeHead(304).end(), 304, /answered 304/],
    [
      "redirects",
      () => (_, response) => void response.writeHead(302, { location: "/elsewhere" }).end(),
      302,
      /answered 302/
    ],
    [
      "redirects for good",
      () => (_, response) => void response.writeHead(308, { location: "/elsewhere" }).end(),
      308,
      /answered 308/
    ],
    ["hangs", () => () => undefined, null, /did not answer within 1 s/],
    [
      "closes without an answer",
      () => (request) => void request.socket.destroy(),
      null,
      /closed the connection/
    ],
    ["talks nonsense", () => (request) => void request.socket.end("nonsense\r\n\r\n"), null, /./],
    ["answers in the middle of a status", () => (request) => void request.socket.end("HTTP/1.1 2"), null, /./]
  ]
  it.each(faults)(
    "%s: the try is recorded, and a replay delivers the same webhook",
    async (title, fault, status, error) => {
      answer = fault()
      const path = `/${title.replaceAll(" ", "-")}`
      const jobId = await ran(path)
      const failed = await delivery(jobId)
      expect(failed).toMatchObject({
        status: "pending",
        next_try_on: moment,
        tries: [{ status, error: expect.stringMatching(error) }]
      })
      expect(failed.tries[0].error).not.toMatch(/127\.0\.0\.1|ECONN|EPIPE|at .*:\d+/)

      answer = taken
      const replayed = await replay(failed.id)
      expect([replayed.status, replayed.body.delivery.id, replayed.body.delivery.status]).toEqual([
        200,
        failed.id,
        "pending"
      ])
      const delivered = await delivery(jobId, 2)
      expect(delivered).toMatchObject({
        status: "delivered",
        next_try_on: null,
        tries: [{ status }, { status: 200, error: null }]
      })
      const posts = at(path)
      expect(posts.map(({ headers }) => headers["webhook-id"])).toEqual([failed.id, failed.id])
      expect(at("/elsewhere")).toEqual([])
      const { secret } = (await host.call("GET", "/webhook/secret")).body
      for (const post of posts) expect(post.headers["webhook-signature"]).toBe(signature(post, secret))
    }
  )

  it.each<[string, RequestListener, number]>([
    ["an empty 204", (_, response) => void response.writeHead(204).end(), 204],
    ["a 299", (_, response) => void response.writeHead(299).end(), 299],
    ["a body of megabytes", (_, response) => void response.writeHead(200).end(Buffer.alloc(8_000_000)), 200],
    ["a body that never ends", (_, response) => void response.writeHead(200).write("..."), 200]
  ])("%s accepts it", async (_, listener, status) => {
    answer = listener
    const shown = await delivery(await ran("/odd"))
    expect(shown).toMatchObject({ status: "delivered", tries: [{ status, error: null }] })
  })

  it("gets it again automatically after some seconds", async () => {
    let refusals = 1
    answer = (request, response) =>
      refusals-- > 0 ? void response.writeHead(503).end() : taken(request, response)
    const jobId = await ran("/again")
    const failed = await delivery(jobId)
    expect(Date.parse(failed.next_try_on) - Date.parse(failed.tries[0].on)).toBeGreaterThanOrEqual(5000)
    const delivered = await delivery(jobId, 2)
    expect(delivered.tries.map((one: { status: number }) => one.status)).toEqual([503, 200])
    expect(new Set(at("/again").map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([failed.id]))
  })

  it("does not delay other webhooks while it hangs", async () => {
    answer = (request, response) => (request.url === "/hanging" ? undefined : taken(request, response))
    const hanging = await ran("/hanging")
    const others = await Promise.all(Array.from({ length: 5 }, (_, index) => ran(`/quick-${index}`)))
    for (const id of others) expect((await delivery(id)).status).toBe("delivered")
    expect((await delivery(hanging)).status).toBe("pending")
  })

  it("that accepted it can get it again, as often as wanted", async () => {
    const jobId = await ran("/repeat")
    const { id } = await delivery(jobId)
    for (const tries of [2, 3]) {
      await replay(id)
      await delivery(jobId, tries)
    }
    const posts = at("/repeat")
    expect(posts).toHaveLength(3)
    expect(new Set(posts.map(({ headers }) => headers["webhook-id"])).size).toBe(1)
    // The links are new, everything else is the same.
    const withoutLinks = posts
      .map(({ body }) => JSON.parse(body))
      .map((body) => ({
        ...body,
        result: body.result.map((file: object) => ({ ...file, download_url: "" }))
      }))
    expect(withoutLinks[1]).toEqual(withoutLinks[0])
    expect(withoutLinks[2]).toEqual(withoutLinks[0])
  })
})

describe("webhook_url", () => {
  const submit = (webhook_url: unknown) =>
    host.call("POST", "/ffmpeg/process/async", {
      body: {
        task: { inputs: [{ file_path: input }], outputs: [{ file: `out-${++made}.mp4` }] },
        webhook_url
      }
    })

  it.each([
    ["http://hooks.example.com/x", "webhook_url must be an https URL"],
    ["ftp://hooks.example.com/x", "webhook_url must be an https URL"],
    ["hooks.example.com", "webhook_url must be an https URL"],
    ["https://localhost/x", "webhook_url: URL is not allowed or not reachable"],
    ["https://127.0.0.1/x", "webhook_url: URL is not allowed or not reachable"],
    ["https://[::1]/x", "webhook_url: URL is not allowed or not reachable"],
    ["https://10.1.2.3/x", "webhook_url: URL is not allowed or not reachable"],
    ["https://169.254.169.254/x", "webhook_url: URL is not allowed or not reachable"],
    ["https://intranet/x", "webhook_url: URL is not allowed or not reachable"],
    ["https://user:password@hooks.example.com/x", "webhook_url: URL is not allowed or not reachable"],
    ["https://hooks.example.com:8443/x", "webhook_url: URL is not allowed or not reachable"]
  ])("%s is a 400, and no job is made", async (url, error) => {
    const jobs = host.jobs.length
    const dialed = receiver.dialed.length
    const { status, body } = await submit(url)
    expect([status, body]).toEqual([400, { ok: false, error }])
    expect([host.jobs.length, receiver.dialed.length]).toEqual([jobs, dialed])
  })

  it.each([[5], [["https://hooks.example.com"]], [{}]])("%j is a 400 that names the field", async (url) => {
    const { status, body } = await submit(url)
    expect([status, body.error]).toEqual([400, expect.stringContaining("webhook_url")])
  })

  it("with a host that does not resolve is accepted, and its try is recorded", async () => {
    const jobId = await ran("/x", good, `https://gone.invalid:${receiver.port}`)
    const shown = await delivery(jobId)
    expect(shown).toMatchObject({
      status: "pending",
      next_try_on: moment,
      tries: [{ status: null, error: "URL is not allowed or not reachable" }]
    })
  })

  it("is not called for a cancelled job, or for a synchronous one", async () => {
    await using idle = await startHost({
      guard: receiver.guard,
      slots: 0,
      limits: { webhookPollSeconds: 0.05 }
    })
    const file = await idle.uploaded("in.mp4", await clip())
    const task = { inputs: [{ file_path: file }], outputs: [{ file: "out.mp4" }] }
    const webhook_url = `${receiver.url}/never`
    const { body } = await idle.call("POST", "/ffmpeg/process/async", { body: { task, webhook_url } })
    await idle.call("DELETE", `/job/${body.job_id}`)
    expect((await idle.call("GET", "/webhook/delivery")).body.deliveries).toEqual([])
    const sync = {
      task: { inputs: [{ file_path: input }], outputs: [{ file: "sync.mp4", options: good }] },
      webhook_url
    }
    const done = await host.call("POST", "/ffmpeg/process", { body: sync })
    expect(done.status).toBe(200)
    const { deliveries } = (await host.call("GET", "/webhook/delivery")).body
    expect(deliveries.map((one: { job_id: string }) => one.job_id)).not.toContain(
      done.headers.get("x-job-id")
    )
    expect(at("/never")).toEqual([])
  })
})
