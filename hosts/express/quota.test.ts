import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { localHttps } from "../../adapters/net/https.suite.js"
import { bobKey, clip, type Host, startHost } from "./host.suite.js"

/** Quotas and usage of keys over real HTTP. */

let host: Host
beforeAll(async () => {
  host = await startHost()
})
afterAll(() => host.close())

/** Calls with a new key that has this quota. */
const caller = async (quota: Parameters<Host["keyWith"]>[0], on = host) => {
  const authorization = await on.keyWith(quota)
  const call: Host["call"] = (method, path, options) => on.call(method, path, { authorization, ...options })
  const uploaded = async (name: string, bytes: Uint8Array | string): Promise<string> => {
    const { body } = await call("POST", "/file", { body: { file_name: name } })
    await call("PUT", body.upload.url, { body: bytes, authorization: null })
    return body.file.file_path
  }
  return { call, uploaded, ended: (id: string) => on.ended(id, { authorization }) }
}
const copy = (file_path: string, file = "out.mp4") => ({
  task: { inputs: [{ file_path }], outputs: [{ file, options: ["-c", "copy"] }] }
})
const refusal = (error: string) => [403, { ok: false, error }]

describe("an exhausted quota is a 403 that names it", () => {
  it("jobs, asynchronous and synchronous together", async () => {
    const { call, uploaded, ended } = await caller({ jobsPerMonth: 2 })
    const input = await uploaded("in.mp4", await clip())
    const first = await call("POST", "/ffmpeg/process/async", { body: copy(input) })
    expect((await call("POST", "/ffmpeg/process", { body: copy(input, "b.mp4") })).status).toBe(200)
    for (const route of ["/ffmpeg/process", "/ffmpeg/process/async"]) {
      const { status, body } = await call("POST", route, { body: copy(input, "c.mp4") })
      expect([status, body]).toEqual(
        refusal("Quota exceeded: 2 jobs a month are allowed, and they are used or under way")
      )
    }
    // Earlier results can still be downloaded.
    expect((await ended(first.body.job_id)).body.status).toBe("completed")
    expect((await call("POST", "/ffprobe/analyze", { body: { file_path: input } })).status).toBe(200)
    expect((await host.call("GET", "/usage", { authorization: bobKey })).body.usage.jobs).toBe(0)
  })

  it("GB-seconds, of jobs and probes together", async () => {
    const { call, uploaded } = await caller({ gibSecondsPerMonth: 1e-12 })
    const input = await uploaded("in.mp4", Buffer.concat([await clip(), Buffer.alloc(4_000_000)]))
    const probe = await call("POST", "/ffprobe/analyze", { body: { file_path: input } })
    expect(probe.body.usage.gb_sec).toBeGreaterThan(1e-12)
    for (const [route, body] of [
      ["/ffprobe/analyze", { file_path: input }],
      ["/ffmpeg/process", copy(input)],
      ["/ffmpeg/process/async", copy(input)]
    ] as const) {
      const reply = await call("POST", route, { body })
      expect([reply.status, reply.body], route).toEqual(
        refusal("Quota exceeded: 1e-12 GB-seconds a month are allowed, and they are used")
      )
    }
  })

  it("stored bytes, until something is deleted", async () => {
    const { call, uploaded } = await caller({ storedBytes: 100 })
    const file = await uploaded("a.bin", "x".repeat(60))
    // 40 bytes are left, and no upload may have more.
    const { body } = await call("POST", "/file", { body: { file_name: "b.bin" } })
    const large = await call("PUT", body.upload.url, { body: "x".repeat(41), authorization: null })
    expect([large.status, large.body]).toEqual(
      refusal(
        "Quota exceeded: 100 stored bytes are allowed, 60 are stored, and this does not fit: delete files or let directories expire"
      )
    )
    expect((await call("PUT", body.upload.url, { body: "x".repeat(40), authorization: null })).status).toBe(
      200
    )
    const full = refusal(
      "Quota exceeded: 100 stored bytes are allowed, and 100 are stored: delete files or let directories expire"
    )
    for (const [route, json] of [
      ["/file", { file_name: "c.bin" }],
      ["/ffmpeg/process", copy(file)]
    ] as const) {
      const reply = await call("POST", route, { body: json })
      expect([reply.status, reply.body], route).toEqual(full)
    }
    await call("DELETE", `/file/${file}`)
    expect((await call("POST", "/file", { body: { file_name: "c.bin" } })).status).toBe(200)
  })

  it("before a URL is fetched", async () => {
    const web = await localHttps((_, response) => response.end("never"))
    try {
      await using on = await startHost({ guard: web.guard })
      for (const quota of [{ jobsPerMonth: 0 }, { storedBytes: 0 }, { gibSecondsPerMonth: 0 }]) {
        const { call } = await caller(quota, on)
        expect((await call("POST", "/ffmpeg/process/async", { body: copy(`${web.url}/a.mp4`) })).status).toBe(
          403
        )
      }
      const { call } = await caller({ gibSecondsPerMonth: 0 }, on)
      expect(
        (await call("POST", "/ffprobe/analyze", { body: { file_path: `${web.url}/a.mp4` } })).status
      ).toBe(403)
      expect(web.dialed).toEqual([])
    } finally {
      await web.close()
    }
  })
})

describe("GET /usage", () => {
  it("is the sum of the usage in all responses, with the quota", async () => {
    const { call, uploaded } = await caller({
      jobsPerMonth: 10,
      gibSecondsPerMonth: 5.5,
      storedBytes: 2 ** 40
    })
    const input = await uploaded("in.mp4", await clip())
    const done = await call("POST", "/ffmpeg/process", { body: copy(input) })
    const again = await call("POST", "/ffmpeg/process", { body: copy(input, "b.mp4") })
    const probe = await call("POST", "/ffprobe/analyze", { body: { file_path: input } })
    const sum = (field: string) =>
      [done, again, probe].reduce((total, { body }) => total + body.usage[field], 0)
    const stored = (await clip()).length + done.body.result[0].size_bytes + again.body.result[0].size_bytes
    const { status, body } = await call("GET", "/usage")
    expect(status).toBe(200)
    expect(body).toEqual({
      ok: true,
      usage: {
        month: new Date().toISOString().slice(0, 7),
        jobs: 2,
        probes: 1,
        time_sec: expect.closeTo(sum("time_sec"), 2),
        input_size_gb: expect.closeTo(sum("input_size_gb"), 8),
        output_size_gb: expect.closeTo(sum("output_size_gb"), 8),
        gb_sec: expect.closeTo(sum("gb_sec"), 8),
        stored_bytes: stored
      },
      quota: { jobs_per_month: 10, gb_sec_per_month: 5.5, stored_bytes: 2 ** 40 }
    })
  })

  it("counts failed jobs, and has null for unlimited quotas", async () => {
    const { call, uploaded } = await caller({})
    const input = await uploaded("in.mp4", await clip())
    const failing = {
      task: { inputs: [{ file_path: input }], outputs: [{ file: "x.mp4", options: ["-preset", "nonsense"] }] }
    }
    expect((await call("POST", "/ffmpeg/process", { body: failing })).status).toBe(500)
    const { body } = await call("GET", "/usage")
    expect(body.usage).toMatchObject({ jobs: 1, probes: 0, output_size_gb: 0 })
    expect(body.usage.time_sec).toBeGreaterThan(0)
    expect(body.usage.input_size_gb).toBeGreaterThan(0)
    expect(body.quota).toEqual({ jobs_per_month: null, gb_sec_per_month: null, stored_bytes: null })
  })

  it("of an unused key is all zeros", async () => {
    const { call } = await caller({})
    const { usage } = (await call("GET", "/usage")).body
    expect(usage).toEqual({
      ...usage,
      jobs: 0,
      probes: 0,
      time_sec: 0,
      input_size_gb: 0,
      output_size_gb: 0,
      gb_sec: 0,
      stored_bytes: 0
    })
  })
})
