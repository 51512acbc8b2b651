import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startRedis } from "../../scripts/servers/redis.mjs"
import { type Grounds, grounds, health, type Kinds, makeClip, over, slow, thumbnail } from "./fleet.suite.js"
import {
  ended,
  get,
  post,
  run,
  runsUnder,
  type Serving,
  serving,
  until,
  uploaded,
  working
} from "./serving.suite.js"

/**
 * API hosts without slots and workers without an API, as processes that share services but no folder of their
 * own.
 */

let redis: Awaited<ReturnType<typeof startRedis>>
let ground: Grounds
let clip: Buffer
beforeAll(async () => {
  redis = await startRedis()
  ground = await grounds(redis.url)
  clip = await makeClip(await ground.folder("clip"))
})
/** All started processes, also those of failed tests. */
const started: Array<Serving> = []
afterAll(async () => {
  await Promise.all(started.map(({ end }) => end("SIGKILL")))
  await ground?.remove()
  await redis?.remove()
})

type Environment = Readonly<Record<string, string>>
const aHost = async (settings: Environment) => {
  const host = await serving(await ground.folder("host"), ["--slots", "0"], settings)
  started.push(host)
  return host
}
type Worker = Awaited<ReturnType<typeof aWorker>>
const aWorker = async (settings: Environment) => {
  const data = await ground.folder("worker")
  const worker = { ...(await working(data, ["--slots", "1"], settings)), runs: () => runsUnder(data).length }
  started.push(worker)
  return worker
}

const pairs = (["sqlite", "postgres"] as const).flatMap((database) =>
  (["local", "redis"] as const).map((queue): readonly [Kinds[0], Kinds[1]] => [database, queue])
)

const gracefully = [0, null]

// Two at a time: more of these processes would slow each other's responses too much.
describe.each(pairs)("a server without slots and a worker on %s with a %s queue", (database, queue) => {
  it.concurrent.each(["file", "s3"] as const)("and %s storage run a job together", async (storage) => {
    const settings = await ground.settings([database, queue, storage])
    const [host, worker] = await Promise.all([aHost(settings), aWorker(settings)])
    const input = await uploaded(host.url, "in.mp4", clip)
    const accepted = await post(host.url, "/ffmpeg/process/async", thumbnail(input))
    const job = await over(host.url, accepted.body.job_id)
    expect(job).toMatchObject({ status: "completed", result: [{ file_name: "frame.jpg" }] })
    const bytes = Buffer.from(await (await fetch(job.result[0].download_url)).arrayBuffer())
    expect([bytes.length, bytes.toString("hex", 0, 3)]).toEqual([job.result[0].size_bytes, "ffd8ff"])
    expect((await post(host.url, "/ffprobe/analyze", { file_path: input })).body.ok).toBe(true)
    await until(async () => (await health(worker)).body.running === 0)
    expect(await health(worker)).toEqual({ status: 200, body: { ok: true, slots: 1, running: 0 } })
    expect(await Promise.all([host, worker].map(({ end }) => end("SIGTERM")))).toEqual([
      gracefully,
      gracefully
    ])
    expect([host.errors(), worker.errors()]).toEqual(["", ""])
  })
})

describe("two servers and two workers on Postgres, Redis and S3", () => {
  let settings: Environment
  let hosts: readonly [Serving, Serving]
  let workers: ReadonlyArray<Worker>
  beforeAll(async () => {
    // No poll finds a job or its end: everything depends on notifications.
    const byNotification = {
      FFKILN_LIMIT_POLL_SECONDS: "600",
      FFKILN_LIMIT_WATCH_SECONDS: "600",
      FFKILN_LIMIT_DRAIN_SECONDS: "60"
    }
    settings = { ...(await ground.settings(["postgres", "redis", "s3"])), ...byNotification }
    const [one, other, ...both] = await Promise.all([
      aHost(settings),
      aHost(settings),
      aWorker(settings),
      aWorker(settings)
    ])
    hosts = [one, other]
    workers = both
  })

  it("a synchronous call on either gets its response though others run it, and each server sees the other's files", async () => {
    const input = await uploaded(hosts[0].url, "in.mp4", clip)
    const calls = await Promise.all(
      hosts.map(({ url }, index) => post(url, "/ffmpeg/process", slow(input, `out-${index}`)))
    )
    for (const { status, body } of calls)
      expect([status, body.ok, (await fetch(body.result[0].download_url)).status]).toEqual([200, true, 200])
    const [dir] = input.split("/")
    for (const { url } of hosts) {
      const names = (await get(url, `/directory/${dir}`)).body.files.map(
        ({ file_name }: { readonly file_name: string }) => file_name
      )
      expect(names.sort()).toEqual(["in.mp4", "out-0.mp4", "out-1.mp4"])
    }
  })

  it("a key works on both servers at once, and on none after its revocation", async () => {
    const keys = async (...args: ReadonlyArray<string>) => {
      const { code, out, err } = await ended(run("keys", args, settings))
      expect([code, err]).toEqual([0, ""])
      return out
    }
    const out = await keys("make", "--name", "both")
    const [, id = "", header = ""] =
      /^id: (\S+)\nheader, shown only now: Authorization: (Basic \S+)\n/.exec(out) ?? []
    const answers = () =>
      Promise.all(
        hosts.map(({ url }) =>
          fetch(`${url}/directory`, { headers: { authorization: header } }).then(({ status }) => status)
        )
      )
    expect(await answers()).toEqual([200, 200])
    expect(await keys("list")).toContain(`${id}  both`)
    await keys("revoke", id)
    expect(await answers()).toEqual([401, 401])
  })

  it("a worker that receives SIGTERM finishes its jobs and reports that, and the other one continues", async () => {
    const [host] = hosts
    const input = await uploaded(host.url, "in.mp4", clip)
    const submit = async (name: string, loops: number) =>
      (await post(host.url, "/ffmpeg/process/async", slow(input, name, loops))).body.job_id
    const long = await submit("long", 1)
    await until(() => workers.some(({ runs }) => runs() > 0))
    const [leaving, staying] = [...workers].sort((one, other) => other.runs() - one.runs()) as [
      Worker,
      Worker
    ]
    await until(async () => (await health(leaving)).body.running === 1)
    const end = leaving.end("SIGTERM")
    await until(async () => (await health(leaving)).status === 503)
    expect(await health(leaving)).toEqual({
      status: 503,
      body: { ok: false, error: "The worker is stopping: it finishes its current jobs and takes no new ones" }
    })
    const later = await Promise.all([1, 2].map((index) => submit(`later-${index}`, 0)))
    expect(await end).toEqual(gracefully)
    // It was not released: no other worker ran it, and its result is there when its worker has ended.
    expect((await get(host.url, `/job/${long}`)).body.status).toBe("completed")
    for (const id of later) expect((await over(host.url, id)).status).toBe("completed")
    expect(leaving.runs()).toBe(0)
    expect((await health(staying)).status).toBe(200)
  })
})
