import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, describe, expect, it } from "vitest"
import { processesUnder, until } from "../server/serving.suite.js"
import { copying, submitTo } from "./client.suite.js"
import { type Control, control } from "./control.suite.js"
import { type Host, makeClip, type SetUp, setUp, setUps } from "./hosts.suite.js"

/**
 * `kill -9` at random moments under load. Each killed process is replaced by another one with the same name.
 */

const kills = process.env.FFKILN_TEST_LONG ? 200 : 6
/** Number of clients that submit and wait at the same time. */
const clients = 6

const hosts = {
  "SQLite, memory and files": { host: 2 },
  "Postgres, Redis and S3": { "api-1": 0, "api-2": 0, "worker-1": 1, "worker-2": 1, "worker-3": 1 }
} as const

/** Random numbers from a seed, which is printed. */
const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

describe.each(Object.entries(setUps))("%s", (name, make) => {
  let place: SetUp
  let look: Control
  afterEach(async () => {
    await look.close()
    await place.remove()
  })

  it(
    `loses nothing in ${kills} kills`,
    async () => {
      place = await setUp(make)
      look = control(place.kept)
      const clip = makeClip(place.folder)
      const dir = await look.stored("in.mp4", readFileSync(clip))
      const seed = Math.floor(Math.random() * 2 ** 32)
      const next = random(seed)

      const running = new Map<string, Host>()
      const slots = new Map<string, number>(Object.entries(hosts[name as keyof typeof hosts]))
      const begin = (host: string) => running.set(host, place.host(host, slots.get(host) ?? 1))
      for (const host of slots.keys()) begin(host)
      const apis = [...slots.keys()].filter((host) => slots.size === 1 || host.startsWith("api"))

      const accepted: Array<string> = []
      let submissions = 0
      let enough = false
      const client = async () => {
        while (!enough) {
          const output = `out-${submissions++}.mp4`
          const id = await accept(output)
          accepted.push(id)
          await until(() => look.isOver(id))
        }
      }
      /** Repeats the submission until it is accepted, as a user without a response would. */
      const accept = async (output: string): Promise<string> => {
        while (true) {
          const api = running.get(apis[Math.floor(next() * apis.length)] ?? "")
          const url = await api?.url.catch(() => undefined)
          const webhookUrl = `https://hooks.example.com:${place.receiver.port}/`
          const id =
            url && (await submitTo(url, { idempotencyKey: output, dir, input: "in.mp4", output, webhookUrl }))
          if (id) return id
          await sleep(100)
        }
      }
      const load = Promise.all(Array.from({ length: clients }, client))

      const names = [...slots.keys()]
      for (let kill = 0; kill < kills; kill++) {
        const host = names[Math.floor(next() * names.length)] ?? ""
        // Most hosts are working by then, some are still starting.
        if (next() < 0.8) await running.get(host)?.url
        await sleep(next() * 1500)
        await running.get(host)?.kill("SIGKILL")
        begin(host)
      }
      enough = true
      await load
      await until(async () => (await look.account(accepted, dir)).undelivered === 0)

      const { jobs, hashes, charged } = await look.account(accepted, dir)
      expect(jobs.filter(({ state }) => state !== "completed")).toEqual([])
      expect(charged).toBe(accepted.length)
      const whole = join(place.folder, "whole.mp4")
      execFileSync("ffmpeg", ["-v", "error", "-i", clip, ...copying, whole])
      const expected = createHash("sha256").update(readFileSync(whole)).digest("hex")
      for (const { outputs } of jobs) expect(outputs.map(({ name }) => hashes.get(name))).toEqual([expected])
      expect(hashes.size).toBe(accepted.length + 1)
      const webhooks = new Map(place.webhooks.map(({ id, job }) => [id, job]))
      expect([...webhooks.values()].sort()).toEqual([...accepted].sort())

      await until(() => processesUnder(place.folder).length === 0)
      for (const host of running.values()) {
        await host.url
        expect(await host.kill("SIGTERM")).toEqual([0, null])
      }
      const orphans = await look.orphans()
      expect(orphans.after).toBe(0)
      expect(place.workLeft()).toEqual([])
      const starts = jobs.reduce((sum, { attempt }) => sum + attempt, 0)
      console.log(
        `${name}: ${kills} kills (seed ${seed}), ${accepted.length} jobs accepted and completed in ${starts} starts, ` +
          `${place.webhooks.length} webhooks for ${webhooks.size} jobs, ${orphans.before} orphan blobs swept, 0 left`
      )
    },
    kills * 15_000 + 600_000
  )
})
