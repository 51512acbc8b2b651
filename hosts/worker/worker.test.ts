import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startRedis } from "../../scripts/servers/redis.mjs"
import { type Grounds, grounds, health, makeClip, over, thumbnail } from "../server/fleet.suite.js"
import { ended, post, run, type Serving, serving, until, uploaded, working } from "../server/serving.suite.js"

let redis: Awaited<ReturnType<typeof startRedis>>
let ground: Grounds
const started: Array<Serving> = []
beforeAll(async () => {
  redis = await startRedis()
  ground = await grounds(redis.url)
})
afterAll(async () => {
  await Promise.all(started.map(({ end }) => end("SIGKILL")))
  await ground?.remove()
  await redis?.remove()
})

const kept = async (starting: Promise<Serving>) => {
  const running = await starting
  started.push(running)
  return running
}

/** A proxy to a server that can be closed and opened again. */
const way = async (url: string) => {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  let isCut = false
  const listener = createServer((near) => {
    if (isCut) return near.destroy()
    const far = connect(Number(port), hostname)
    for (const [one, other] of [[near, far] as const, [far, near] as const]) {
      open.add(one)
      one
        .on("error", () => {})
        .once("close", () => {
          open.delete(one)
          other.destroy()
        })
      one.pipe(other)
    }
  }).listen(0, "127.0.0.1")
  await once(listener, "listening")
  const through = new URL(url)
  through.hostname = "127.0.0.1"
  through.port = `${(listener.address() as AddressInfo).port}`
  const cut = () => {
    isCut = true
    for (const socket of open) socket.destroy()
  }
  return {
    url: through.href.replace(/\/$/, ""),
    cut,
    mend: () => {
      isCut = false
    },
    close: () => {
      cut()
      listener.close()
    }
  }
}

describe("a worker", () => {
  it("on the data directory of a server, without settings, runs the jobs of that server", async () => {
    const data = await ground.folder("data")
    const [host, worker] = await Promise.all([
      kept(serving(data, ["--slots", "0"], { FFKILN_LIMIT_POLL_SECONDS: "1" })),
      kept(working(data, [], { FFKILN_LIMIT_POLL_SECONDS: "1" }))
    ])
    const input = await uploaded(host.url, "in.mp4", await makeClip(await ground.folder("clip")))
    const { body } = await post(host.url, "/ffmpeg/process/async", thumbnail(input))
    expect((await over(host.url, body.job_id)).status).toBe("completed")
    expect(worker.lines).toEqual([
      expect.stringMatching(/^sandbox: bubblewrap /),
      `health: ${worker.url}`,
      "ffkiln worker ready"
    ])
    expect(await Promise.all([host, worker].map(({ end }) => end("SIGTERM")))).toEqual([
      [0, null],
      [0, null]
    ])
  })

  it("without a port does not listen", async () => {
    const child = run("worker", ["--data", await ground.folder("data")])
    const whole = ended(child)
    child.stdout.on("data", (piece) => {
      if (`${piece}`.includes("ready")) child.kill("SIGINT")
    })
    expect(await whole).toEqual({
      code: 0,
      out: expect.stringMatching(/^sandbox: .*\nffkiln worker ready\n$/),
      err: ""
    })
  })

  it.each<readonly [number, ReadonlyArray<string>, Readonly<Record<string, string>>, RegExp]>([
    [2, ["--slots", "0"], {}, /^ffkiln: --slots must be a whole number from 1 to 1024, not "0"\n$/],
    [2, ["--host", "127.0.0.1"], {}, /^ffkiln: --host needs --port/],
    [2, [], { FFKILN_STORAGE: "bucket" }, /^ffkiln: FFKILN_STORAGE must be file:DIR/],
    [1, ["--data", "/dev/null/data"], {}, /^ffkiln: ffkiln cannot start: .*\n$/],
    [
      1,
      ["--port", "0", "--host", "192.0.2.1"],
      {},
      /^ffkiln: cannot listen on 192\.0\.2\.1 port 0: EADDRNOTAVAIL\n$/
    ]
  ])("exits with %i after one sentence: %j %j", async (exitCode, args, environment, sentence) => {
    const data = args.includes("--data") ? [] : ["--data", await ground.folder("data")]
    const { code, err } = await ended(run("worker", [...args, ...data], environment))
    expect([code, err]).toEqual([exitCode, expect.stringMatching(sentence)])
  })
})

describe("GET /health of a worker", () => {
  const ways = new Map<string, Awaited<ReturnType<typeof way>>>()
  let worker: Serving
  beforeAll(async () => {
    const settings: Record<string, string> = { ...(await ground.settings(["postgres", "redis", "s3"])) }
    for (const [name, variable] of [
      ["database", "FFKILN_DATABASE_URL"],
      ["queue", "FFKILN_REDIS_URL"],
      ["storage", "FFKILN_S3_ENDPOINT"]
    ] as const) {
      const found = await way(settings[variable] ?? "")
      ways.set(name, found)
      settings[variable] = found.url
    }
    worker = await kept(working(await ground.folder("worker"), ["--slots", "3"], settings))
  })
  afterAll(async () => {
    for (const { close } of ways.values()) close()
    await worker?.end("SIGKILL")
  })

  it("is 200 while all services can be reached", async () => {
    expect(await health(worker)).toEqual({ status: 200, body: { ok: true, slots: 3, running: 0 } })
    expect((await fetch(worker.url, { method: "HEAD" })).status).toBe(200)
  })

  it.each(["database", "queue", "storage"])(
    "is 503 while the %s can't be reached, and 200 afterwards",
    async (part) => {
      const { cut, mend } = ways.get(part) ?? expect.fail()
      cut()
      await until(async () => (await health(worker)).status === 503)
      expect(await health(worker)).toEqual({
        status: 503,
        body: { ok: false, error: `Unreachable: ${part}` }
      })
      mend()
      await until(async () => (await health(worker)).status === 200)
    }
  )

  it.each([
    ["GET", ""],
    ["GET", "/docs"],
    ["POST", "/health"]
  ])("is the only endpoint: %s %s is 404", async (method, path) => {
    const reply = await fetch(new URL(path || "/", worker.url), { method })
    expect([reply.status, await reply.json()]).toEqual([
      404,
      { ok: false, error: "Not found: the only endpoint here is GET /health" }
    ])
  })
})
