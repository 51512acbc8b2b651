import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { Effect, Exit, Scope } from "effect"
import { type LocalHttps, localHttps } from "../../adapters/net/https.suite.js"
import { databaseOn } from "../../adapters/postgres/temporary.suite.js"
import { aBucket } from "../../adapters/s3/server.suite.js"
import { testServer } from "../../adapters/servers.suite.js"
import type { LimitValues } from "../../core/limits.js"
import type { Kept } from "./kept.suite.js"
import type { Moment } from "./moments.suite.js"
import type { Process } from "./process.suite.js"

/** Hosts as processes on one set-up, which can be killed and replaced. */

const script = fileURLToPath(new URL("../../dist/test-programs/crash-process.js", import.meta.url))

/** Limits that keep waits after a crash short. */
export const brisk: Partial<LimitValues> = {
  leaseSeconds: 3,
  renewSeconds: 1,
  sweepSeconds: 1,
  pollSeconds: 0.5,
  watchSeconds: 0.5,
  webhookSeconds: 2,
  webhookPollSeconds: 0.2,
  retrySeconds: 0.2,
  drainSeconds: 10,
  attempts: 50
}

export interface Host {
  readonly child: ChildProcess
  /** Its URL, once it is ready. Rejects when the host ends before. */
  readonly url: Promise<string>
  /** Exit code and signal, once it has ended. */
  readonly over: Promise<readonly [number | null, NodeJS.Signals | null]>
  readonly kill: (signal: NodeJS.Signals) => Promise<readonly [number | null, NodeJS.Signals | null]>
}

export interface SetUp {
  readonly kept: Kept
  readonly receiver: LocalHttps
  /** The received webhooks: id and job. */
  readonly webhooks: ReadonlyArray<{ readonly id: string; readonly job: string }>
  /** Starts a host. `name` is its work folder, which a replacement can use again. */
  readonly host: (
    name: string,
    slots: number,
    more?: { readonly killAt?: Moment; readonly limits?: Partial<LimitValues> }
  ) => Host
  /** Names of the files in the work folders of hosts. */
  readonly workLeft: () => ReadonlyArray<string>
  readonly folder: string
  readonly remove: () => Promise<void>
}

export const setUps = {
  "SQLite, memory and files": async (folder: string) => ({
    kept: { _tag: "Small", folder } satisfies Kept,
    release: async () => {}
  }),
  "Postgres, Redis and S3": async () => {
    const [postgres, redis, s3] = await Promise.all([
      testServer("postgres"),
      testServer("redis"),
      testServer("s3")
    ])
    const scope = Effect.runSync(Scope.make())
    const databaseUrl = await Effect.runPromise(Scope.extend(databaseOn(postgres.url), scope))
    const { endpoint, accessKeyId, secretAccessKey } = s3
    const kept: Kept = {
      _tag: "Fleet",
      databaseUrl,
      redisUrl: redis.url,
      name: `crash-${randomUUID()}`,
      s3: { endpoint, accessKeyId, secretAccessKey, bucket: await aBucket(s3) }
    }
    return { kept, release: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
  }
} as const

/** Not in the system's temporary directory: SQLite's syncs need the real time of a disk. */
const cache = fileURLToPath(new URL("../../.cache/", import.meta.url))

export const setUp = async (
  make: (folder: string) => Promise<{ readonly kept: Kept; readonly release: () => Promise<void> }>
): Promise<SetUp> => {
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, "crash-"))
  const webhooks: Array<{ readonly id: string; readonly job: string }> = []
  const receiver = await localHttps(async (request, response) => {
    const { job_id: job } = JSON.parse(await text(request))
    webhooks.push({ id: String(request.headers["webhook-id"]), job })
    response.writeHead(200).end()
  })
  const { kept, release } = await make(folder)
  const hosts = new Set<Host>()
  const host: SetUp["host"] = (name, slots, more = {}) => {
    const settings: Process = {
      kept,
      workRoot: join(folder, name),
      slots,
      limits: { ...brisk, ...more.limits },
      receiver: { ca: `${receiver.guard.ca}`, port: receiver.port },
      ...(more.killAt && { killAt: more.killAt })
    }
    const started = launch(settings)
    hosts.add(started)
    void started.over.then(() => hosts.delete(started))
    return started
  }
  const remove = async () => {
    await Promise.all([...hosts].map((each) => each.kill("SIGKILL")))
    await receiver.close()
    await release()
    rmSync(folder, { recursive: true, force: true })
  }
  const workLeft = () =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
      /^[^/]+\/work\/[^/]+\/.+/.test(path)
    )
  return { kept, receiver, webhooks, host, workLeft, folder, remove }
}

const launch = (settings: Process): Host => {
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "pipe"]
  })
  let errors = ""
  child.stderr.on("data", (piece) => {
    errors = `${errors}${piece}`.slice(-4000)
  })
  const over = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>
  const url = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", (line) => resolve(JSON.parse(line).url))
    over.then(([code, signal]) =>
      reject(new Error(`a host ended with ${code ?? signal} before it was ready: ${errors}`))
    )
  })
  // A host that is killed early is never ready.
  url.catch(() => undefined)
  const kill = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return over
  }
  return { child, url, over, kill }
}

/** Makes a clip of one second. */
export const makeClip = (folder: string): string => {
  const clip = join(folder, "clip.mp4")
  const picture =
    "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -preset ultrafast -pix_fmt yuv420p".split(" ")
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...picture, clip])
  return clip
}
