import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bobKey, clip, type Host, startHost } from "./host.suite.js"

/** Jobs over real HTTP: cancelling, repeating, equality of both calls, usage. */

let host: Host
/** Accepts jobs and starts none. */
let idle: Host
let input: string
let waiting: string
beforeAll(async () => {
  host = await startHost()
  idle = await startHost({ slots: 0 })
  input = await host.uploaded("in.mp4", await clip())
  waiting = await idle.uploaded("in.mp4", await clip())
})
afterAll(async () => {
  await host.close()
  await idle.close()
})

const asBob = { authorization: bobKey }
let made = 0
/** A task with a unique output name. */
const task = (file_path: string, options: ReadonlyArray<unknown> = ["-c", "copy"], over: object = {}) => ({
  task: { inputs: [{ file_path }], outputs: [{ file: `out-${++made}.mp4`, options }], ...over }
})
const submitted = async (on: Host, body: object): Promise<string> =>
  (await on.call("POST", "/ffmpeg/process/async", { body })).body.job_id
const notFound = [404, { ok: false, error: "Job not found" }]
const conflict = (status: string) => [
  409,
  { ok: false, error: `Cannot cancel job in '${status}' status. Only pending jobs can be cancelled.` }
]
const removed = async (on: Host, id: string | null, options = {}) => {
  const { status, body } = await on.call("DELETE", `/job/${id}`, options)
  return [status, body]
}

describe("DELETE /job/{jobId}", () => {
  it("cancels a pending job, which then is failed; a second call is a 409 with that state", async () => {
    const id = await submitted(idle, task(waiting))
    expect(await removed(idle, id)).toEqual([200, { ok: true, message: "Job cancelled successfully" }])
    const job = await idle.call("GET", `/job/${id}`)
    expect([job.status, job.body]).toEqual([
      200,
      { ok: false, job_id: id, status: "failed", error: "Job was cancelled", cancelled: true }
    ])
    expect(await removed(idle, id)).toEqual(conflict("failed"))
  })

  it("of a running, a completed and a failed job is a 409 with its state", async () => {
    const running = await submitted(host, {
      task: {
        inputs: [{ file_path: input, options: ["-re", "-stream_loop", "3"] }],
        outputs: [{ file: "slow.mp4", options: ["-c", "copy"] }]
      }
    })
    await expect
      .poll(async () => (await host.call("GET", `/job/${running}`)).body.status, { timeout: 10_000 })
      .toBe("processing")
    expect(await removed(host, running)).toEqual(conflict("processing"))
    expect((await host.ended(running)).body.status).toBe("completed")
    expect(await removed(host, running)).toEqual(conflict("completed"))
    const failed = await host.call("POST", "/ffmpeg/process", { body: task(input, ["-preset", "nonsense"]) })
    expect(await removed(host, failed.headers.get("x-job-id"))).toEqual(conflict("failed"))
  })

  it("of an unknown and of another owner's job gives the same 404, and that job stays", async () => {
    const id = await submitted(idle, task(waiting))
    expect(await removed(idle, id, asBob)).toEqual(notFound)
    expect(await removed(idle, "job_none")).toEqual(notFound)
    expect(await removed(idle, "%00")).toEqual(notFound)
    expect((await idle.call("GET", `/job/${id}`)).body.status).toBe("pending")
  })

  it("racing with the start either cancels the job, which never runs, or fails, and the job runs", async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => submitted(host, task(input))))
    const answers = await Promise.all(ids.map((id) => removed(host, id)))
    for (const [index, id] of ids.entries()) {
      const { body } = await host.ended(id)
      if (answers[index]?.[0] === 200) expect(body).toMatchObject({ status: "failed", cancelled: true })
      else expect([answers[index]?.[0], body.status]).toEqual([409, "completed"])
    }
    expect(answers.map(([status]) => status)).toContain(200)
  })
})

describe("Idempotency-Key", () => {
  const keyed = (key: string, body: object = task(waiting), options = {}) =>
    idle.call("POST", "/ffmpeg/process/async", { body, headers: { "idempotency-key": key }, ...options })

  it("returns the first job when repeated, also with another body, and after it was cancelled", async () => {
    const first = await keyed("order-1")
    const again = await keyed("order-1", task(waiting, ["-an"]))
    expect([again.status, again.body]).toEqual([202, first.body])
    await removed(idle, first.body.job_id)
    expect((await keyed("order-1")).body).toEqual(first.body)
    expect((await keyed("order-2")).body).not.toEqual(first.body)
  })

  it("is separate for each owner", async () => {
    const { body: dir } = await idle.call("POST", "/file", { body: { file_name: "in.mp4" }, ...asBob })
    await idle.call("PUT", dir.upload.url, { body: await clip(), authorization: null })
    const [mine, theirs] = [await keyed("shared"), await keyed("shared", task(dir.file.file_path), asBob)]
    expect([mine.status, theirs.status]).toEqual([202, 202])
    expect(mine.body.job_id).not.toBe(theirs.body.job_id)
  })

  it("makes one job from twenty requests at once", async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => keyed("at-once")))
    expect(new Set(replies.map(({ body }) => body.job_id)).size).toBe(1)
  })

  it.each(["", "a b", "x".repeat(256), "\u00e9"])("of %j is a 400", async (key) => {
    const { status, body } = await keyed(key)
    expect([status, body]).toEqual([
      400,
      { ok: false, error: "The Idempotency-Key header must be 1 to 255 visible ASCII characters" }
    ])
  })

  it("accepts any visible ASCII", async () => {
    expect((await keyed(`"'{}\\/:;,.~!${"x".repeat(200)}`)).status).toBe(202)
  })
})

describe("the synchronous call", () => {
  it("equals the asynchronous one with a wait", async () => {
    const body = task(input, ["-crf", "30"], { output_dir_id: undefined })
    const sync = await host.call("POST", "/ffmpeg/process", { body })
    const id = await submitted(host, body)
    const async = await host.ended(id)
    expect(sync.headers.get("x-job-id")).toMatch(/^job_/)
    expect(async.body).toMatchObject({ ok: true, job_id: id, status: "completed" })
    const shape = (reply: typeof sync) =>
      reply.body.result.map((file: object) => ({ ...file, download_url: "" }))
    expect(shape(async)).toEqual(shape(sync))
    expect(Object.keys(async.body.usage)).toEqual(Object.keys(sync.body.usage))
    const looked = await host.call("GET", `/job/${sync.headers.get("x-job-id")}`)
    expect([looked.body.usage, shape(looked)]).toEqual([sync.body.usage, shape(sync)])
  })

  it("has no id in its headers without a job", async () => {
    const reply = await host.call("POST", "/ffmpeg/process", { body: {} })
    expect([reply.status, reply.headers.get("x-job-id")]).toEqual([400, null])
  })

  it("has no webhook: unknown fields are ignored at the top, and refused in the task", async () => {
    const open = await host.call("POST", "/ffmpeg/process", {
      body: { ...task(input), webhook_url: "http://x", note: 1 }
    })
    expect(open.status).toBe(200)
    for (const route of ["/ffmpeg/process", "/ffmpeg/process/async"]) {
      const { status, body } = await host.call("POST", route, { body: task(input, [], { note: 1 }) })
      expect([status, body.error]).toEqual([400, expect.stringMatching(/^Invalid task format: .*task.*note/)])
    }
  })

  it("returns a new valid download URL at each request", async () => {
    const sync = await host.call("POST", "/ffmpeg/process", { body: task(input) })
    const looks = [sync]
    while (looks.length < 3) {
      // A URL contains its expiry: requests within one millisecond get the same URL.
      await new Promise((resolve) => setTimeout(resolve, 2))
      looks.push(await host.call("GET", `/job/${sync.headers.get("x-job-id")}`))
    }
    const urls = looks.map(({ body }) => body.result[0].download_url)
    expect(new Set(urls).size).toBe(3)
    for (const url of urls)
      expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(sync.body.result[0].size_bytes)
  })
})

describe("usage", () => {
  const digits = (value: number) => Number(value.toFixed(9))

  it("is in GiB and seconds, and gb_sec can be calculated from the other values", async () => {
    const { body } = await host.call("POST", "/ffmpeg/process", { body: task(input, ["-crf", "30"]) })
    const { gb_sec, input_size_gb, output_size_gb, time_sec } = body.usage
    expect(input_size_gb).toBe(digits((await clip()).length / 2 ** 30))
    expect(output_size_gb).toBe(digits(body.result[0].size_bytes / 2 ** 30))
    expect(time_sec).toBeGreaterThan(0)
    expect(gb_sec).toBe(digits((input_size_gb + output_size_gb) * time_sec))
  })

  it("counts a file that is two inputs once", async () => {
    const twice = {
      task: {
        inputs: [{ file_path: input }, { file_path: input }],
        outputs: [{ file: "twice.mp4", maps: ["0:v", "1:a"] }]
      }
    }
    const { body } = await host.call("POST", "/ffmpeg/process", { body: twice })
    expect(body.usage.input_size_gb).toBe(digits((await clip()).length / 2 ** 30))
  })

  it("of several outputs is the sum, with outputs in the order of the task", async () => {
    const outputs = [
      { file: "b.mp4", options: ["-an"] },
      { file: "a.mp3" },
      { file: "c.png", options: ["-frames:v", "1"] }
    ]
    const { body } = await host.call("POST", "/ffmpeg/process", {
      body: { task: { inputs: [{ file_path: input }], outputs } }
    })
    expect(body.result.map((file: { file_name: string }) => file.file_name)).toEqual([
      "b.mp4",
      "a.mp3",
      "c.png"
    ])
    const bytes = body.result.reduce((sum: number, file: { size_bytes: number }) => sum + file.size_bytes, 0)
    expect(body.usage.output_size_gb).toBe(digits(bytes / 2 ** 30))
  })
})

describe("task fields", () => {
  it.each<[string, object]>([
    [
      "empty lists and texts equal missing ones",
      { inputs: [{ options: [] }], outputs: [{ options: [], maps: [] }], filter_complex: "" }
    ],
    ["numbers are options", { outputs: [{ options: ["-crf", 30, "-t", 0.5] }] }],
    ["what people paste is dropped", { outputs: [{ options: ["-y", "-hide_banner", "-nostdin", "-an"] }] }]
  ])("accepts that %s", async (_, over) => {
    const { task: base } = task(input, [])
    const merged = Object.fromEntries(
      Object.entries({ ...base, ...over }).map(([name, value]) => [
        name,
        Array.isArray(value)
          ? value.map((item) => ({ ...(base[name as "inputs"]?.[0] ?? {}), ...item }))
          : value
      ])
    )
    const reply = await host.call("POST", "/ffmpeg/process", { body: { task: merged } })
    expect([reply.status, reply.body.ok]).toEqual([200, true])
  })

  it.each<[ReadonlyArray<unknown>, RegExp]>([
    [["-crf 23"], /"-crf 23".*"-crf", "23"/],
    [["-crf", null], /task\.outputs\[0\]\.options/],
    [["-crf", ["23"]], /task\.outputs\[0\]\.options/],
    [["bare"], /"?bare"?/],
    [["-i", "x"], /-i/],
    [["-report"], /-report/],
    [["-progress", "x"], /-progress/],
    [["-protocol_whitelist", "http"], /-protocol_whitelist/]
  ])("options %j are a 400 with an explanation", async (options, sentence) => {
    const jobs = host.jobs.length
    const { status, body } = await host.call("POST", "/ffmpeg/process", { body: task(input, options) })
    expect([status, body.error]).toEqual([400, expect.stringMatching(/^Invalid task format: /)])
    expect(body.error).toMatch(sentence)
    expect(host.jobs.length).toBe(jobs)
  })

  it.each<[string, unknown]>([
    ["no inputs", { inputs: [], outputs: [{ file: "a.mp4" }] }],
    ["no outputs", { inputs: [{ file_path: "d/a.mp4" }], outputs: [] }],
    ["inputs that are no list", { inputs: {}, outputs: [{ file: "a.mp4" }] }],
    ["a file path without a directory", { inputs: [{ file_path: "a.mp4" }], outputs: [{ file: "a.mp4" }] }],
    ["a file path of null", { inputs: [{ file_path: null }], outputs: [{ file: "a.mp4" }] }]
  ])("%s is a 400 with the words of the reference", async (_, wrong) => {
    const { status, body } = await host.call("POST", "/ffmpeg/process", { body: { task: wrong } })
    expect([status, body.error]).toEqual([
      400,
      expect.stringMatching(/^Invalid task format: task\.(in|out)puts/)
    ])
  })
})
