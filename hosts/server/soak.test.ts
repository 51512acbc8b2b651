import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { Effect, Layer, Redacted } from "effect"
import express from "express"
import { expect, it } from "vitest"
import { memoryExecutor, memoryProber } from "../../adapters/memory/index.js"
import { sqlite } from "../../adapters/sqlite/index.js"
import { deepestRoot, shallow } from "../../core/fibers/fiber-depth.suite.js"
import { OwnerId, RunnerName } from "../../core/ids.js"
import { defaultLimits } from "../../core/limits.js"
import { Webhooks } from "../../core/ports/webhooks.js"
import { authorizationHeader } from "../../core/text/api-key.js"
import { services } from "../embed/layers.js"
import { startInstance } from "../embed/runtime.js"
import { heapMegabytes } from "../embed/soak.suite.js"
import { router } from "../express/index.js"
import { drain, listen, originOf } from "./listener.js"

/**
 * Thousands of requests of all kinds on one server, over real HTTP, with rows in SQLite and bytes in files;
 * functions replace ffmpeg, ffprobe and the receivers of webhooks. Finished jobs are removed after a moment,
 * so any growth is a leak. `npm run test:long -- hosts/server/soak.test.ts` sends 10,000 of them, `npm test`
 * 300.
 */
const long = process.env.FFKILN_TEST_LONG !== undefined
const [early, late] = long ? [1000, 10_000] : [100, 300]

/** Longer than a busy machine takes between two requests of a client, or to write a file. */
const kept = 10

const limits = {
  ...defaultLimits,
  ...{ jobSeconds: kept, deliverySeconds: kept, idempotencySeconds: kept, orphanSeconds: kept },
  ...{
    sweepSeconds: 0.5,
    orphanSweepSeconds: 0.5,
    runnerWaitSeconds: 1,
    webhookPollSeconds: 0.1,
    webhookConcurrency: 2
  }
}

const key = { id: OwnerId("alice"), secret: Redacted.make("secret-of-alice") }
const runner = { name: RunnerName("machine"), secret: Redacted.make("secret-of-machine") }
const alice = { authorization: authorizationHeader("alice", "secret-of-alice") }
const machine = { authorization: authorizationHeader("machine", "secret-of-machine") }
const withoutKey = { authorization: "" }

/** Receivers that respond at once, within a time limit like the real ones. */
const receivers = Layer.succeed(Webhooks, {
  check: () => Effect.void,
  post: () => Effect.orDie(Effect.timeout(Effect.as(Effect.yieldNow(), 200), "1 minute"))
})

const startServer = async (dataDir: string) => {
  const database = sqlite({ file: join(dataDir, "ffkiln.db"), keys: [key], runners: [runner] })
  const executor = Layer.mergeAll(memoryExecutor(), memoryProber())
  const instance = await startInstance(services({ database, executor, webhooks: receivers }, dataDir), {
    limits,
    slots: 2
  })
  const server = await listen(
    express().use(router(instance)),
    { host: "127.0.0.1", port: 0, slots: 2 },
    limits
  )
  return { url: originOf(server, "127.0.0.1"), close: () => drain(server, instance.close) }
}

interface Reply {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are what the rounds look into
  readonly body: any
}

type Call = (
  status: number,
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>
) => Promise<Reply>

/** All requests of a client's session; `name` is unique. */
const round = async (call: Call, dir: string, name: string) => {
  const registered = await call(200, "POST", "/file", { dir_id: dir, file_name: `${name}.mp4` })
  const { file_path } = registered.body.file
  await call(200, "PUT", registered.body.upload.url, Buffer.from("content"), withoutKey)
  const task = { inputs: [{ file_path }], outputs: [{ file: `${name}-out.mp4` }] }

  const hook = { task, webhook_url: "https://a.example/hook" }
  const { body: accepted } = await call(202, "POST", "/ffmpeg/process/async", hook, {
    "idempotency-key": name
  })
  await call(202, "POST", "/ffmpeg/process/async", hook, { "idempotency-key": name })
  let job = await call(200, "GET", `/job/${accepted.job_id}`)
  while (["pending", "processing"].includes(job.body.status))
    job = await call(200, "GET", `/job/${accepted.job_id}`)
  const { body: made } = await call(200, "POST", "/ffmpeg/process", { task })
  await call(200, "GET", made.result[0].download_url, undefined, withoutKey)
  await call(200, "POST", "/ffprobe/analyze", { file_path })

  for (const listing of [
    "/directory",
    `/directory/${dir}`,
    `/file/${file_path}`,
    "/usage",
    "/webhook/delivery",
    "/health"
  ]) {
    await call(200, "GET", listing)
  }

  await call(400, "POST", "/ffmpeg/process", { task: { ...task, outputs: [{ file: "../out.mp4" }] } })
  await call(400, "POST", "/ffmpeg/process", "{")
  await call(401, "GET", "/directory", undefined, withoutKey)
  await call(404, "GET", `/job/job_${"x".repeat(22)}`)
  await call(404, "GET", `/no/${name}`)
  await call(400, "POST", "/file", { dir_id: dir, file_name: `${name}.mp4` })

  for (const path of [file_path, `${dir}/${name}-out.mp4`]) await call(200, "DELETE", `/file/${path}`)
}

/** The capabilities of a runner that can run none of these tasks. */
const stranger = {
  ...{ process: "one", slots: 1, free: 1, running: [] },
  capabilities: {
    version: "0",
    encoders: [],
    decoders: [],
    filters: [],
    muxers: [],
    demuxers: [],
    hardware: [],
    cores: 1,
    tags: []
  }
}

const exchange = async (
  agent: Agent,
  url: string,
  method: string,
  body: unknown,
  headers: OutgoingHttpHeaders
): Promise<Reply> => {
  const sending = request(url, { agent, method, headers })
  sending.end(
    body === undefined || typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)
  )
  const [response] = (await once(sending, "response")) as [IncomingMessage]
  const answer = await text(response)
  return {
    status: response.statusCode ?? 0,
    body: response.headers["content-type"]?.includes("json") ? JSON.parse(answer) : answer
  }
}

it(
  `live heap and FiberRefs after ${late} requests equal those after ${early}`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "ffkiln-soak-"))
    const { url, close } = await startServer(folder)
    const agent = new Agent({ keepAlive: true })
    let sent = 0
    const call: Call = async (status, method, path, body, headers = {}) => {
      sent++
      const reply = await exchange(agent, new URL(path, url).href, method, body, { ...alice, ...headers })
      expect(reply.status, `${method} ${path}: ${JSON.stringify(reply.body)}`).toBe(status)
      return reply
    }

    // Requests that stay open, one after the other, beside all others.
    let polling = true
    const poll = async () => {
      while (polling) await exchange(agent, `${url}/runner/v1/claim`, "POST", stranger, machine)
    }
    const polls = poll()

    const dir: string = (await call(200, "POST", "/directory", {})).body.directory.id
    let rounds = 0
    let deepest = 0
    const client = async (count: number) => {
      while (sent < count) {
        await round(call, dir, `file-${++rounds}`)
        deepest = Math.max(deepest, Effect.runSync(deepestRoot))
      }
    }
    /** Both values once `count` requests have responses, and their jobs are removed. */
    const markAt = async (count: number) => {
      deepest = 0
      await Promise.all([client(count), client(count)])
      const isKept = async () => {
        const { deliveries } = (await call(200, "GET", "/webhook/delivery")).body
        return deliveries.length > 0
      }
      while (await isKept()) await new Promise((resolve) => setTimeout(resolve, 200))
      return { heap: await heapMegabytes(), deepest }
    }
    try {
      const first = await markAt(early)
      const last = await markAt(late)
      console.info(
        `after ${early} and ${late} requests: ${first.heap.toFixed(2)} and ${last.heap.toFixed(2)} MB of live heap,`,
        `FiberRefs ${first.deepest} and ${last.deepest} deep`
      )
      expect(last.heap).toBeLessThan(first.heap * (long ? 1.05 : 1.3))
      expect(last.deepest).toBeLessThan(shallow)
    } finally {
      polling = false
      await polls
      agent.destroy()
      await close()
      await rm(folder, { recursive: true, force: true })
    }
  },
  long ? 3_600_000 : 240_000
)
