import { execFileSync } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { startRedis } from "../../scripts/servers/redis.mjs"
import { type Grounds, grounds, makeClip } from "./fleet.suite.js"
import { type Serving, serving, until, working } from "./serving.suite.js"

/**
 * Jobs of one key fail like broken infrastructure, and another key's job arrives while they are retried. With
 * `npm run test:long -- hosts/server/fair-share.test.ts` also on Postgres and Redis with a worker process.
 */

let redis: Awaited<ReturnType<typeof startRedis>>
let ground: Grounds
let clip: Buffer
const started: Array<Serving> = []
beforeAll(async () => {
  redis = await startRedis()
  ground = await grounds(redis.url)
  clip = await makeClip(await ground.folder("clip"))
})
afterAll(async () => {
  await Promise.all(started.map(({ end }) => end("SIGKILL")))
  await ground?.remove()
  await redis?.remove()
})

const own = execFileSync("sh", ["-c", "command -v ffmpeg"], { encoding: "utf8" }).trim()

/** An ffmpeg that is killed from outside whenever it runs one of the failing tasks. */
const stoppedTool = async (folder: string): Promise<string> => {
  const path = join(folder, "stopped-ffmpeg")
  await writeFile(
    path,
    `#!/bin/sh\ncase "$*" in *title=stopped*) kill -TERM $$ ;; esac\nexec ${own} "$@"\n`,
    { mode: 0o755 }
  )
  return path
}

const authorizationOf = (key: string) => `Basic ${Buffer.from(`${key}:secret-of-${key}`).toString("base64")}`

const clientOf = (url: string, key: string) => {
  const ask = async (method: string, path: string, body?: unknown) => {
    const init = { method, headers: { authorization: authorizationOf(key) } }
    const reply = await fetch(url + path, body === undefined ? init : { ...init, body: JSON.stringify(body) })
    // biome-ignore lint/suspicious/noExplicitAny: answers are what the tests look into
    return (await reply.json()) as any
  }
  const upload = async () => {
    const { file, upload } = await ask("POST", "/file", { file_name: "in.mp4" })
    await fetch(upload.url, { method: "PUT", body: new Uint8Array(clip) })
    return file.file_path as string
  }
  return { ask, upload }
}

const task = (input: string, file: string, options: ReadonlyArray<string>) => ({
  task: {
    inputs: [{ file_path: input, options: ["-re", "-t", "1.3"] }],
    outputs: [{ file, options: ["-c", "copy", ...options] }]
  }
})

const places = [
  ["SQLite and the queue in memory", ["sqlite", "local", "file"], 0],
  ["Postgres and Redis with a worker", ["postgres", "redis", "file"], 1]
] as const
const chosen = process.env.FFKILN_TEST_LONG === undefined ? places.slice(0, 1) : places

it.each(chosen)(
  "twelve failing jobs of one key leave slots for another key: %s",
  async (name, kinds, workers) => {
    const settings = {
      ...(await ground.settings(kinds)),
      FFKILN_API_KEYS: "failing:secret-of-failing,other:secret-of-other",
      FFKILN_SANDBOX: "off",
      FFMPEG_PATH: await stoppedTool(await ground.folder("tool"))
    }
    const host = await serving(await ground.folder("host"), ["--slots", workers === 0 ? "2" : "0"], settings)
    started.push(host)
    for (let worker = 0; worker < workers; worker++) {
      started.push(await working(await ground.folder("worker"), ["--slots", "2"], settings))
    }
    const [failing, other] = [clientOf(host.url, "failing"), clientOf(host.url, "other")]
    const [bad, good] = [await failing.upload(), await other.upload()]
    const seconds = async (index: number) => {
      const begun = performance.now()
      const { ok } = await other.ask("POST", "/ffmpeg/process", task(good, `out-${index}.mp4`, []))
      expect(ok).toBe(true)
      return (performance.now() - begun) / 1000
    }
    const alone = await seconds(0)
    const ids: ReadonlyArray<string> = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const { job_id } = await failing.ask(
          "POST",
          "/ffmpeg/process/async",
          task(bad, `out-${index}.mp4`, ["-metadata", "title=stopped"])
        )
        return job_id
      })
    )
    const logs = () => started.map(({ errors }) => errors()).join("")
    await until(() => logs().includes("infrastructure failed during an attempt"))
    const beside = [await seconds(1), await seconds(2), await seconds(3)]
    console.info(
      `${name}: ${alone.toFixed(1)} s alone, ${beside.map((each) => each.toFixed(1)).join(", ")} s beside twelve failing jobs`
    )
    // With delays that hold the slot it would be minutes.
    expect(Math.max(...beside)).toBeLessThan(90)
    const statuses = await Promise.all(ids.map((id) => failing.ask("GET", `/job/${id}`)))
    expect(statuses.some(({ status }) => status === "pending")).toBe(true)
  }
)
