import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Exit, Scope } from "effect"
import { Redis } from "ioredis"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Fault, faulty } from "../../adapters/s3/faulty.suite.js"
import { aBucket } from "../../adapters/s3/server.suite.js"
import { testServer } from "../../adapters/servers.suite.js"
import type { DirId } from "../../core/ids.js"
import { startPostgres } from "../../scripts/servers/postgres.mjs"
import { startRedis } from "../../scripts/servers/redis.mjs"
import { processesUnder, until } from "../server/serving.suite.js"
import { submitTo } from "./client.suite.js"
import { type Control, control } from "./control.suite.js"
import { type Host, makeClip, type SetUp, setUp } from "./hosts.suite.js"

/** What happens to jobs when something other than a host fails; docs/faults.md describes the results. */

let engines: Awaited<ReturnType<typeof ownEngines>>
let place: SetUp
let look: Control
let dir: DirId
let api: Host
const workers = new Map<string, Host>()

/** Servers for these tests alone. The bucket is behind a proxy that injects failures. */
const ownEngines = async () => {
  const [postgres, redis, s3] = await Promise.all([startPostgres(), startRedis(), testServer("s3")])
  const scope = Effect.runSync(Scope.make())
  let fault: Fault = "none"
  const way = await Effect.runPromise(
    Scope.extend(
      faulty(s3.endpoint, () => fault),
      scope
    )
  )
  const { accessKeyId, secretAccessKey } = s3
  const bucket = await aBucket(s3)
  return {
    postgres,
    redis,
    storage: { endpoint: way.endpoint, bucket, accessKeyId, secretAccessKey },
    onTheWay: (what: Fault) => {
      fault = what
    },
    remove: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await Promise.all([postgres.remove(), redis.remove()])
    }
  }
}

beforeEach(async () => {
  engines = await ownEngines()
  const { postgres, redis, storage, remove } = engines
  place = await setUp(async () => ({
    kept: { _tag: "Fleet", databaseUrl: postgres.url, redisUrl: redis.url, name: "faults", s3: storage },
    release: remove
  }))
  look = control(place.kept)
  dir = await look.stored("in.mp4", readFileSync(makeClip(place.folder)))
  api = place.host("api", 0)
})

afterEach(async () => {
  workers.clear()
  await look.close()
  await place.remove()
})

const work = (name: string) => void workers.set(name, place.host(name, 1))

let submitted = 0
/** Submits a job until it is accepted, and returns its id. With -re it takes a second. */
const submit = async (
  inputOptions: ReadonlyArray<string> = [],
  outputOptions?: ReadonlyArray<string>
): Promise<string> => {
  const output = `out-${submitted++}.mkv`
  const webhookUrl = `https://hooks.example.com:${place.receiver.port}/`
  const url = await api.url
  let id: string | undefined
  await until(async () => {
    id = await submitTo(url, {
      idempotencyKey: output,
      dir,
      input: "in.mp4",
      output,
      inputOptions,
      webhookUrl,
      ...(outputOptions && { outputOptions })
    })
    return id !== undefined
  })
  return `${id}`
}

const several = (count: number, ...options: Parameters<typeof submit>) =>
  Promise.all(Array.from({ length: count }, () => submit(...options)))

const allOver = async (ids: ReadonlyArray<string>) => {
  for (const id of ids) await until(() => look.isOver(id))
}

/**
 * Checks that each job completed, was charged once, sent webhooks under one id, and left no files. Returns
 * the numbers of attempts.
 */
const settled = async (ids: ReadonlyArray<string>): Promise<ReadonlyArray<number>> => {
  await allOver(ids)
  await until(async () => (await look.account(ids, dir)).undelivered === 0)
  const { jobs, charged, hashes } = await look.account(ids, dir)
  expect(jobs.filter(({ state }) => state !== "completed")).toEqual([])
  expect(charged).toBe(ids.length)
  expect(hashes.size).toBe(ids.length + 1)
  const webhooks = new Map(place.webhooks.map(({ id, job }) => [id, job]))
  expect([...webhooks.values()].sort()).toEqual([...ids].sort())
  for (const host of [api, ...workers.values()]) expect(await host.kill("SIGTERM")).toEqual([0, null])
  expect(processesUnder(place.folder)).toEqual([])
  expect((await look.orphans()).after).toBe(0)
  expect(place.workLeft()).toEqual([])
  return jobs.map(({ attempt }) => attempt)
}

const once = (starts: ReadonlyArray<number>) => expect(starts).toEqual(starts.map(() => 1))

describe("the queue", () => {
  it("Redis is restarted while jobs wait and run", async () => {
    for (const name of ["worker-1", "worker-2"]) work(name)
    const before = await several(6, ["-re"])
    await until(() => look.isOver(before[0] ?? ""))
    await engines.redis.stop("SIGKILL")
    const meanwhile = await several(2)
    await engines.redis.start()
    once(await settled([...before, ...meanwhile, ...(await several(2))]))
  })

  it("Redis is emptied while jobs wait and run", async () => {
    for (const name of ["worker-1", "worker-2"]) work(name)
    const before = await several(6, ["-re"])
    await until(() => look.isOver(before[0] ?? ""))
    const client = new Redis(engines.redis.url)
    await client.flushall()
    await client.quit()
    once(await settled([...before, ...(await several(2))]))
  })

  it("Redis stays away: jobs are accepted and run without it", async () => {
    for (const name of ["worker-1", "worker-2"]) work(name)
    await Promise.all([api.url, ...Array.from(workers.values(), ({ url }) => url)])
    await engines.redis.stop()
    const ids = await several(4)
    await allOver(ids)
    await engines.redis.start()
    once(await settled(ids))
  })
})

describe("the database", () => {
  it("Postgres is restarted while jobs wait and run", async () => {
    for (const name of ["worker-1", "worker-2"]) work(name)
    const before = await several(6, ["-re"])
    await until(() => look.isOver(before[0] ?? ""))
    await engines.postgres.stop()
    await engines.postgres.start()
    once(await settled([...before, ...(await several(2))]))
  })
})

describe("the storage", () => {
  for (const [what, fault] of [
    ["answers 500", "500"],
    ["accepts requests and is silent", "silence"]
  ] as const) {
    it(`S3 ${what} for a while`, async () => {
      work("worker-1")
      const waiting = await several(4, ["-re"])
      await until(async () =>
        (await Promise.all(waiting.map(look.job))).some(({ state }) => state === "processing")
      )
      engines.onTheWay(fault)
      // Until an attempt was released: its requests were retried without success.
      await until(async () => (await Promise.all(waiting.map(look.job))).some(({ attempt }) => attempt > 1))
      engines.onTheWay("none")
      await settled([...waiting, ...(await several(2))])
    })
  }
})

describe("a worker", () => {
  it("is frozen past its lease and woken: another does its job, and it publishes nothing", async () => {
    work("worker-1")
    const [frozen] = workers.values()
    await frozen?.url
    // Far longer than freezing the worker takes.
    const id = await submit(["-re", "-stream_loop", "3"])
    await until(async () => (await look.job(id)).state === "processing")
    frozen?.child.kill("SIGSTOP")
    work("worker-2")
    await allOver([id])
    frozen?.child.kill("SIGCONT")
    // It works again.
    await workers.get("worker-2")?.kill("SIGTERM")
    const next = await submit()
    expect(await settled([id, next])).toEqual([2, 1])
  })

  it.runIf(process.getuid?.() === 0)("has no room in its work folder: others do its jobs", async () => {
    const small = join(place.folder, "worker-1")
    mkdirSync(small)
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=400k", "tmpfs", small])
    try {
      work("worker-1")
      await workers.get("worker-1")?.url
      // 25 pictures of 29 kB each.
      const ids = await several(3, [], ["-c:v", "rawvideo", "-f", "nut"])
      await until(async () => (await Promise.all(ids.map(look.job))).some(({ attempt }) => attempt > 1))
      work("worker-2")
      await settled(ids)
    } finally {
      await workers.get("worker-1")?.kill("SIGKILL")
      execFileSync("umount", ["-l", small])
    }
  })
})
