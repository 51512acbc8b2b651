import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import type { RequestListener } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest"
import { type LocalHttps, localHttps } from "../../adapters/net/https.suite.js"
import { until } from "./serving.suite.js"

/** Webhooks across kill -9: processes on one data directory, and a receiver that keeps running. */

let folder: string
let receiver: LocalHttps
let answer: RequestListener
const taken: RequestListener = (_, response) => void response.writeHead(200).end()
/** The received webhooks: id, job, and whether the receiver accepted them. */
let arrived: Array<{ readonly id: string; readonly job: string; readonly took: boolean }> = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln-hooks-"))
  const sources = "-f lavfi -i testsrc=size=64x48:rate=10:duration=1".split(" ")
  await promisify(execFile)("ffmpeg", [
    "-v",
    "error",
    ...sources,
    "-preset",
    "ultrafast",
    join(folder, "clip.mp4")
  ])
  receiver = await localHttps(async (request, response) => {
    const { job_id: job } = JSON.parse(await text(request))
    arrived.push({ id: String(request.headers["webhook-id"]), job, took: answer === taken })
    answer(request, response)
  })
})
afterAll(async () => {
  await receiver.close()
  await rm(folder, { recursive: true })
})
beforeEach(() => {
  arrived = []
  answer = taken
})

/** The try of a dead host is repeated when its lease ends, after `webhookSeconds` plus `leaseSeconds`. */
const limits = {
  webhookSeconds: 2,
  leaseSeconds: 1,
  webhookPollSeconds: 0.1,
  sweepSeconds: 1,
  attempts: 50,
  pollSeconds: 0.2
}

interface WebhookHost {
  readonly accepted: ReadonlyArray<string>
  readonly ready: Promise<void>
  /** Waits until the condition holds; rejects when the process ends. */
  readonly until: (condition: () => boolean) => Promise<void>
  readonly kill: () => Promise<void>
  /** Stops it like its user would, and returns the states of its webhooks. */
  readonly close: () => Promise<ReadonlyArray<readonly [string, string]>>
}

const startHost = (dataDir: string, jobs: number, over: object = {}): WebhookHost => {
  const settings = {
    dataDir,
    jobs,
    ca: receiver.guard.ca,
    port: receiver.port,
    clip: join(folder, "clip.mp4"),
    limits: { ...limits, ...over }
  }
  const script = fileURLToPath(new URL("webhook-host.mjs", import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
    stdio: ["pipe", "pipe", "inherit"]
  })
  const exit = once(child, "exit")
  const accepted: Array<string> = []
  let states: ReadonlyArray<readonly [string, string]> = []
  const ready = new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      const said = JSON.parse(line)
      if (said.accepted !== undefined) accepted.push(said.accepted)
      if (said.states !== undefined) states = said.states
      if (said.ready) resolve()
    })
    exit.then(() => reject(new Error("the host ended before it was ready")))
  })
  // A host that is killed early is never ready.
  ready.catch(() => undefined)
  const kill = async () => {
    child.kill("SIGKILL")
    await exit
  }
  const close = async () => {
    child.stdin.end()
    await exit
    return states
  }
  const alive = (condition: () => boolean) =>
    until(() => {
      if (child.exitCode !== null) throw new Error(`the host ended with ${child.exitCode}`)
      return condition()
    })
  return { accepted, ready, until: alive, kill, close }
}

const took = (job: string) => arrived.some((one) => one.job === job && one.took)
/** Number of ids for one job: one webhook per job, whichever process sent it. */
const idsOf = (job: string) => new Set(arrived.filter((one) => one.job === job).map(({ id }) => id)).size

it("a kill during deliveries and before others: the next host delivers all, with the same ids", async () => {
  const dataDir = await mkdtemp(join(folder, "data-"))
  answer = () => undefined
  const first = startHost(dataDir, 8, { webhookConcurrency: 3, webhookSeconds: 5 })
  await first.ready
  await first.until(() => arrived.length >= 3)
  await first.kill()
  expect(first.accepted).toHaveLength(8)
  const begun = new Set(arrived.map(({ job }) => job))

  answer = taken
  const second = startHost(dataDir, 0)
  await second.until(() => first.accepted.every(took))
  await second.close()
  for (const job of first.accepted) expect(idsOf(job)).toBe(1)
  for (const job of begun) expect(arrived.filter((one) => one.job === job).length).toBeGreaterThan(1)
})

it("repeated kills at any moment lose none", async () => {
  const dataDir = await mkdtemp(join(folder, "data-"))
  const accepted: Array<string> = []
  for (const killAfter of [0, 1, 2, 3, 5]) {
    const before = arrived.length
    // Every second process is killed during its tries.
    answer = killAfter % 2 === 0 ? () => undefined : taken
    const host = startHost(dataDir, 4)
    await host.until(() => arrived.length >= before + killAfter && host.accepted.length > 0)
    await host.kill()
    accepted.push(...host.accepted)
  }

  answer = taken
  const last = startHost(dataDir, 0)
  await last.until(() => accepted.every(took))
  await until(() => receiver.connections() === 0)
  const states = new Map(await last.close())
  for (const job of accepted) {
    expect(idsOf(job)).toBe(1)
    expect(states.get(job)).toBe("delivered")
  }
})
