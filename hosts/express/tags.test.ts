import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import express from "express"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Jobs } from "../../core/ports/jobs.js"
import { tagRule } from "../../core/text/tags.js"
import { open } from "../embed/index.js"
import { post, uploaded } from "../server/serving.suite.js"
import { aliceKey, clip, type Host, startHost } from "./host.suite.js"
import { router } from "./index.js"

/** Jobs that only some workers may run, over real HTTP. */

let made = 0
const body = (file_path: string, tags?: unknown) => ({
  task: { inputs: [{ file_path }], outputs: [{ file: `out-${++made}.mp4`, options: ["-c", "copy"] }] },
  ...(tags !== undefined && { tags })
})

describe("the field `tags`", () => {
  let idle: Host
  let input: string
  beforeAll(async () => {
    idle = await startHost({ slots: 0, limits: { syncWaitSeconds: 0.1 } })
    input = await idle.uploaded("in.mp4", await clip())
  })
  afterAll(() => idle.close())

  it.each([
    ["gpu", "tags must be an array"],
    [["gpu", 4], "tags[1] must be a string"],
    [["GPU"], `tags[0] ${tagRule}`],
    [["gpu", ""], `tags[1] ${tagRule}`],
    [Array.from({ length: 9 }, (_, index) => `t${index}`), "tags has 9 items: at most 8 are allowed"]
  ])("%j are a 400, and no job is made", async (tags, error) => {
    const before = idle.jobs.length
    for (const path of ["/ffmpeg/process", "/ffmpeg/process/async"]) {
      const reply = await idle.call("POST", path, { body: body(input, tags) })
      expect([reply.status, reply.body]).toEqual([400, { ok: false, error }])
    }
    expect(idle.jobs).toHaveLength(before)
  })

  it.each(["/ffmpeg/process", "/ffmpeg/process/async", "/ffmpeg/run"])(
    "makes a job of %s for workers with the tags",
    async (path) => {
      const send = async (tags: unknown) => {
        const json = JSON.stringify(body(input, tags))
        const form = new FormData()
        form.set("command", json)
        const headers = { authorization: aliceKey }
        await fetch(idle.url + path, { method: "POST", headers, body: path === "/ffmpeg/run" ? form : json })
        return idle.jobs.at(-1)
      }
      const [free, tagged] = [await send([]), await send(["gpu"])]
      const forAnybody = Effect.runSync(
        await idle.instance.run(Effect.flatMap(Jobs, (jobs) => jobs.waiting(100)))
      ).map(({ id }) => id)
      expect(forAnybody).toContain(free)
      expect(forAnybody).not.toContain(tagged)
      expect((await idle.call("GET", `/job/${tagged}`)).body.status).toBe("pending")
    }
  )

  it("is not a field of the task", async () => {
    const { task } = body(input)
    const reply = await idle.call("POST", "/ffmpeg/process/async", {
      body: { task: { ...task, tags: ["gpu"] } }
    })
    expect([reply.status, reply.body.error]).toEqual([
      400,
      expect.stringContaining("task has fields that are not known: tags")
    ])
  })
})

describe("hosts over one data directory", () => {
  let dataDir: string
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "ffkiln-tags-"))
  })
  afterAll(() => rm(dataDir, { recursive: true, force: true }))

  /** Runs one job at a time; `await using` it. */
  const hostWith = async (...tags: ReadonlyArray<string>) => {
    const ffkiln = await open({ dataDir, slots: 1, tags, limits: { pollSeconds: 0.1 } })
    const server = createServer(express().use(router(ffkiln, { identify: async () => "alice" }))).listen(
      0,
      "127.0.0.1"
    )
    await once(server, "listening")
    const close = async () => {
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      await Promise.all([closed, ffkiln.close()])
    }
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ffkiln,
      [Symbol.asyncDispose]: close
    }
  }
  type Tagged = Awaited<ReturnType<typeof hostWith>>
  const statusOf = async ({ ffkiln }: Tagged, id: string) => (await ffkiln.as("alice").job(id)).status
  const submitted = async ({ url }: Tagged, file: string, tags?: unknown): Promise<string> =>
    (await post(url, "/ffmpeg/process/async", body(file, tags))).body.job_id

  it("a job waits for a host with all of its tags, while others run", async () => {
    await using plain = await hostWith()
    const file = await uploaded(plain.url, "in.mp4", await clip())
    const both = await submitted(plain, file, ["nvenc", "gpu"])
    const first = await submitted(plain, file, ["gpu"])
    const waited = post(plain.url, "/ffmpeg/process", body(file, ["gpu"]))
    // It came last: its host has passed over those that came before.
    const withoutTags = await post(plain.url, "/ffmpeg/process", body(file))
    expect(withoutTags.body).toMatchObject({ ok: true })
    expect([await statusOf(plain, both), await statusOf(plain, first)]).toEqual(["pending", "pending"])

    await using gpu = await hostWith("gpu")
    expect((await waited).body).toMatchObject({
      ok: true,
      result: [{ file_name: expect.stringMatching(/^out-/) }]
    })
    await expect.poll(() => statusOf(plain, first), { timeout: 20_000 }).toBe("completed")
    expect(await statusOf(gpu, both)).toBe("pending")

    await using everything = await hostWith("av1", "nvenc", "gpu")
    await expect.poll(() => statusOf(everything, both), { timeout: 20_000 }).toBe("completed")
  })

  it("a host with tags also runs jobs without tags", async () => {
    await using gpu = await hostWith("gpu")
    const file = await uploaded(gpu.url, "in.mp4", await clip())
    expect((await post(gpu.url, "/ffmpeg/process", body(file))).body).toMatchObject({ ok: true })
    expect((await post(gpu.url, "/ffmpeg/process", body(file, []))).body).toMatchObject({ ok: true })
  })

  it("a job without a suitable worker can be cancelled", async () => {
    await using plain = await hostWith()
    const file = await uploaded(plain.url, "in.mp4", await clip())
    const id = await submitted(plain, file, ["quantum"])
    await plain.ffkiln.as("alice").cancel(id)
    expect(await statusOf(plain, id)).toBe("failed")
  })
})
