import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { testServer } from "../../adapters/servers.suite.js"
import { startRedis } from "../../scripts/servers/redis.mjs"
import { type Grounds, grounds } from "./fleet.suite.js"
import { ended, run } from "./serving.suite.js"

/** Messages of commands about services that are misconfigured or unreachable. */

let redis: Awaited<ReturnType<typeof startRedis>>
let forgetful: Awaited<ReturnType<typeof startRedis>>
let ground: Grounds
beforeAll(async () => {
  ;[redis, forgetful] = await Promise.all([startRedis(), startRedis({ "maxmemory-policy": "allkeys-lru" })])
  ground = await grounds(redis.url)
})
afterAll(async () => {
  await Promise.all([ground?.remove(), redis?.remove(), forgetful?.remove()])
})

type Environment = Readonly<Record<string, string>>

/** A port of this machine without a listener. */
const closedPort = async () => {
  const listener = createServer().listen(0, "127.0.0.1")
  await once(listener, "listening")
  const { port } = listener.address() as AddressInfo
  listener.close()
  return port
}

const changed = (url: string, change: (url: URL) => void) => {
  const copy = new URL(url)
  change(copy)
  return copy.href
}

const nowhere = async (scheme: string, rest = "") =>
  `${scheme}://ann:hunter2@127.0.0.1:${await closedPort()}${rest}`

/** Name, settings, and the message in doctor's line. The message of a server has a prefix. */
const broken: ReadonlyArray<readonly [string, () => Promise<Environment>, RegExp]> = [
  [
    "no Postgres",
    async () => ({ FFKILN_DATABASE_URL: await nowhere("postgres", "/rows") }),
    /could not connect to postgres:\/\/ann@127\.0\.0\.1:\d+\/rows: .*ECONNREFUSED/
  ],
  [
    "no such database",
    async () => ({
      FFKILN_DATABASE_URL: changed((await testServer("postgres")).url, (url) => {
        url.pathname = "nowhere"
      })
    }),
    /could not connect to postgres:\/\/.*\/nowhere: database "nowhere" does not exist/
  ],
  [
    "a file that can't be made",
    async () => ({ FFKILN_DATABASE_URL: "sqlite:/dev/null/rows.db" }),
    /\/dev\/null.*/
  ],
  [
    "no Redis",
    async () => ({ FFKILN_REDIS_URL: await nowhere("redis") }),
    /could not connect to Redis at 127\.0\.0\.1:\d+: .*ECONNREFUSED/
  ],
  [
    "a wrong password of Redis",
    async () => ({
      FFKILN_REDIS_URL: changed(redis.url, (url) => {
        url.password = "hunter2"
      })
    }),
    /could not connect to Redis at 127\.0\.0\.1:\d+: WRONGPASS .*/
  ],
  [
    "a Redis that evicts keys",
    async () => ({ FFKILN_REDIS_URL: forgetful.url }),
    /maxmemory-policy is "allkeys-lru".*: set maxmemory-policy to "noeviction"/
  ],
  [
    "no S3 server",
    async () => ({
      FFKILN_STORAGE: "s3://media",
      FFKILN_S3_ENDPOINT: `http://127.0.0.1:${await closedPort()}`,
      AWS_ACCESS_KEY_ID: "ann",
      AWS_SECRET_ACCESS_KEY: "hunter2"
    }),
    /the S3 server at http:\/\/127\.0\.0\.1:\d+ can't be reached \(ECONNREFUSED\): check the endpoint/
  ],
  [
    "no such bucket",
    async () => ({ ...(await ground.settings(["sqlite", "local", "s3"])), FFKILN_STORAGE: "s3://nowhere" }),
    /has no bucket "nowhere": create it/
  ],
  [
    "no credentials of S3",
    async () => ({
      FFKILN_STORAGE: "s3://media",
      FFKILN_S3_ENDPOINT: `http://127.0.0.1:${await closedPort()}`
    }),
    /no credentials were found: set AWS_ACCESS_KEY_ID/
  ],
  ["a folder that can't be made", async () => ({ FFKILN_STORAGE: "file:/dev/null/files" }), /.+/]
]

const data = async () => ["--data", await ground.folder("data")]

describe("with a service that can't be used", () => {
  it.each(broken)("%s: a server exits with one sentence and exit code 1", async (_, settings, sentence) => {
    const { code, out, err } = await ended(run("serve", ["--port", "0", ...(await data())], await settings()))
    expect(err).toMatch(/^ffkiln: ffkiln cannot start: [^\n]+\n$/)
    expect(err).toMatch(sentence)
    expect(code).toBe(1)
    expect(out + err).not.toContain("hunter2")
    expect(out).not.toContain("listening")
  })

  it.each(
    broken.filter(([name]) =>
      ["no Postgres", "a Redis that evicts keys", "no S3 server", "a folder that can't be made"].includes(
        name
      )
    )
  )("%s: doctor prints one line about it and exits with 1", async (_, settings, sentence) => {
    const { code, out, err } = await ended(run("doctor", await data(), await settings()))
    expect([code, err]).toEqual([1, ""])
    const checks = out.split("\n").filter((line) => /^(database|queue|storage): /.test(line))
    expect(checks).toHaveLength(3)
    expect(checks.filter((line) => line.includes(": cannot be used: "))).toEqual([
      expect.stringMatching(sentence)
    ])
    expect(out).not.toContain("hunter2")
  })

  it("a worker and the keys commands print the same", async () => {
    const settings = { FFKILN_DATABASE_URL: await nowhere("postgres", "/rows") }
    const worker = await ended(run("worker", await data(), settings))
    expect([worker.code, worker.err]).toEqual([
      1,
      expect.stringMatching(/^ffkiln: ffkiln cannot start: could not connect to [^\n]+\n$/)
    ])
    const keys = await ended(run("keys", ["list"], settings))
    expect([keys.code, keys.err]).toEqual([
      1,
      expect.stringMatching(/^ffkiln: the keys can't be reached: could not connect to [^\n]+\n$/)
    ])
    expect(worker.err + keys.err).not.toContain("hunter2")
  })
})

describe("a package that is not installed", () => {
  /** Simulates that npm did not install these. */
  const without = (...names: ReadonlyArray<string>) => {
    const hook = `export const resolve = (name, context, next) => {
      if (${JSON.stringify(names)}.some((each) => name === each || name.startsWith(each + "/")))
        throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" })
      return next(name, context)
    }`
    const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
    // Node 20 has only `register`; later versions warn of it.
    const install = `import module from "node:module"
      if (module.registerHooks) module.registerHooks(await import(${JSON.stringify(url(hook))}))
      else module.register(${JSON.stringify(url(hook))})`
    return { NODE_OPTIONS: `--import=${url(install)}` }
  }

  it.each<readonly [string, Environment, string]>([
    ["better-sqlite3", {}, "SQLite needs what is not installed here: npm install @effect/sql-sqlite-node"],
    [
      "pg",
      { FFKILN_DATABASE_URL: "postgres://127.0.0.1/rows" },
      "Postgres needs what is not installed here: npm install @effect/sql-pg pg"
    ],
    [
      "bullmq",
      { FFKILN_REDIS_URL: "redis://127.0.0.1" },
      "Redis needs what is not installed here: npm install bullmq ioredis"
    ],
    [
      "@aws-sdk/client-s3",
      { FFKILN_STORAGE: "s3://media" },
      "S3 storage needs what is not installed here: npm install @aws-sdk/client-s3 @aws-sdk/s3-request-presigner"
    ]
  ])("%s is named in one sentence", async (name, settings, sentence) => {
    const { code, err } = await ended(
      run("serve", ["--port", "0", ...(await data())], { ...settings, ...without(name) })
    )
    expect([code, err]).toEqual([1, `ffkiln: ffkiln cannot start: ${sentence}\n`])
  })

  it("@bull-board/express is named when the dashboard needs it", async () => {
    const settings = {
      FFKILN_REDIS_URL: redis.url,
      FFKILN_ADMIN_KEY: "0123456789abcdef",
      ...without("@bull-board/express")
    }
    const { code, err } = await ended(run("serve", ["--port", "0", ...(await data())], settings))
    expect([code, err]).toEqual([
      1,
      "ffkiln: ffkiln cannot start: FFKILN_ADMIN_KEY needs what is not installed here: npm install @bull-board/api @bull-board/express\n"
    ])
  })

  it("is not reported when nothing needs it", async () => {
    const child = run(
      "worker",
      await data(),
      without("pg", "bullmq", "ioredis", "@aws-sdk/client-s3", "@bull-board/api")
    )
    child.stdout.on("data", (piece) => {
      if (`${piece}`.includes("ready")) child.kill("SIGTERM")
    })
    expect(await ended(child)).toMatchObject({ code: 0, err: "" })
  })
})
