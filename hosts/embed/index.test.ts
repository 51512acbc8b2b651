import { execFile } from "node:child_process"
import { createHmac } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises"
import type { IncomingHttpHeaders } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Cause, Effect, Exit, Layer } from "effect"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { fileSystem } from "../../adapters/fs/index.js"
import { memoryDatabase } from "../../adapters/memory/index.js"
import { localHttps } from "../../adapters/net/https.suite.js"
import { Unavailable } from "../../core/errors.js"
import { Jobs } from "../../core/ports/jobs.js"
import { ownerOf } from "../http/auth.js"
import { processesUnder, runsUnder, until } from "../server/serving.suite.js"
import { type Ffkiln, open } from "./index.js"

const run = promisify(execFile)
const root = fileURLToPath(new URL("../..", import.meta.url))

let folder: string
let clip: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln embed "))
  clip = join(folder, "clip.mp4")
  const sources = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=4 -f lavfi -i sine=duration=4".split(
    " "
  )
  await run("ffmpeg", ["-v", "error", ...sources, "-preset", "ultrafast", "-pix_fmt", "yuv420p", clip])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let dataDir: string
let ffkiln: Ffkiln
beforeEach(async () => {
  dataDir = await mkdtemp(join(folder, "data "))
  ffkiln = await open({ dataDir })
})
afterEach(() => ffkiln.close())

const thumbnail = (input: string) => ({
  task: { inputs: [{ file_path: input }], outputs: [{ file: "frame.jpg", options: ["-frames:v", "1"] }] }
})
/** A task of some seconds, to act on while it runs. */
const long = (input: string) => ({
  task: {
    inputs: [{ file_path: input, options: ["-stream_loop", "20"] }],
    outputs: [{ file: "long.mp4", options: ["-vf", "scale=1280:-2", "-t", "60"] }]
  }
})

describe("the Promise API", () => {
  it("runs a task on a sequence of pictures, by the user's pattern", async () => {
    await run("ffmpeg", [
      "-v",
      "error",
      "-i",
      clip,
      "-vf",
      "scale=32:-2",
      "-frames:v",
      "3",
      join(dataDir, "img%02d.png")
    ])
    const { dir_id } = await ffkiln.upload(join(dataDir, "img01.png"))
    for (const name of ["img02.png", "img03.png"]) await ffkiln.upload(join(dataDir, name), { dir_id })
    const frames = ["-f", "framecrc", "-bitexact"]
    const outputs = [{ file: "out.crc", options: frames }]
    await ffkiln.process({ task: { inputs: [{ file_path: `${dir_id}/img%02d.png` }], outputs } })
    const pieces: Array<Uint8Array> = []
    for await (const piece of ffkiln.read(`${dir_id}/out.crc`)) pieces.push(piece)
    const { stdout } = await run("ffmpeg", [
      "-v",
      "error",
      "-i",
      join(dataDir, "img%02d.png"),
      ...frames,
      "-"
    ])
    expect(Buffer.concat(pieces).toString()).toBe(stdout)
    const none = ffkiln.process({ task: { inputs: [{ file_path: `${dir_id}/pic%02d.png` }], outputs } })
    await expect(none).rejects.toThrow(
      'no file is named "pic%02d.png", nor as a picture of that sequence, such as "pic00.png"'
    )
  })

  it("accepts a file, bytes or a stream, and returns the bodies of the HTTP API", async () => {
    const bytes = await readFile(clip)
    const file = await ffkiln.upload(clip)
    expect(file).toEqual({
      dir_id: expect.any(String),
      file_name: "clip.mp4",
      file_path: `${file.dir_id}/clip.mp4`,
      added_on: expect.any(String)
    })
    await ffkiln.upload(bytes, { file_name: "bytes.mp4", dir_id: file.dir_id })
    await ffkiln.upload(createReadStream(clip), { file_name: "stream.mp4", dir_id: file.dir_id })
    for (const name of ["clip.mp4", "bytes.mp4", "stream.mp4"]) {
      expect((await ffkiln.file(`${file.dir_id}/${name}`)).file_info.file_size).toBe(bytes.length)
    }
    const { result, usage } = await ffkiln.process(thumbnail(file.file_path))
    expect(result).toEqual([
      {
        file_name: "frame.jpg",
        size_bytes: expect.any(Number),
        download_url: expect.stringMatching(/^\/blob\//)
      }
    ])
    expect(usage.time_sec).toBeGreaterThan(0)
    await ffkiln.save(`${file.dir_id}/frame.jpg`, join(dataDir, "frame.jpg"))
    expect((await stat(join(dataDir, "frame.jpg"))).size).toBe(result[0]?.size_bytes)
    const pieces = []
    for await (const piece of ffkiln.read(`${file.dir_id}/frame.jpg`)) pieces.push(piece)
    expect(Buffer.concat(pieces)).toEqual(await readFile(join(dataDir, "frame.jpg")))
    const probed = await ffkiln.analyze({ file_path: file.file_path, probe: { format: ["duration"] } })
    expect(probed.result).toEqual({ format: { duration: expect.stringMatching(/^4\./) } })
  })

  it("runs a submitted task, and returns its result by id", async () => {
    const { file_path } = await ffkiln.upload(clip)
    const { job_id } = await ffkiln.submit(thumbnail(file_path))
    await until(async () => (await ffkiln.job(job_id)).status === "completed")
    expect(await ffkiln.job(job_id)).toMatchObject({
      ok: true,
      job_id,
      status: "completed",
      result: [{ file_name: "frame.jpg" }]
    })
  })

  it("runs a task with tags on an instance that has them", async () => {
    const { file_path } = await ffkiln.upload(clip)
    const { job_id } = await ffkiln.submit({ ...thumbnail(file_path), tags: ["gpu"] })
    await ffkiln.process({
      task: { inputs: [{ file_path }], outputs: [{ file: "later.jpg", options: ["-frames:v", "1"] }] }
    })
    expect((await ffkiln.job(job_id)).status).toBe("pending")
    const other = await open({ dataDir, slots: 1, tags: ["gpu", "av1"], limits: { pollSeconds: 0.1 } })
    try {
      await until(async () => (await ffkiln.job(job_id)).status === "completed")
    } finally {
      await other.close()
    }
    await expect(open({ dataDir, tags: ["gpu", "AV1"] })).rejects.toThrow(
      /^ffkiln cannot start: tags\[1\] must be 1 to 32 /
    )
  })

  it("reports progress that only grows", async () => {
    const { file_path } = await ffkiln.upload(clip)
    const reported: Array<number> = []
    const brisk = {
      task: {
        inputs: [{ file_path, options: ["-stream_loop", "9", "-t", "30"] }],
        outputs: [{ file: "brisk.mp4" }]
      }
    }
    await ffkiln.process(brisk, {
      onProgress: (fraction) => void (fraction !== null && reported.push(fraction))
    })
    expect(reported.length).toBeGreaterThan(1)
    expect(reported).toEqual([...reported].sort((a, b) => a - b))
    expect(reported.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true)
    expect(reported.at(-1)).toBe(1)
  })

  it("ends the work when the signal aborts, and rejects with its reason", async () => {
    const { file_path } = await ffkiln.upload(clip)
    const abort = new AbortController()
    const call = ffkiln.process(long(file_path), { signal: abort.signal })
    await until(() => runsUnder(dataDir).length === 1)
    abort.abort(new Error("changed my mind"))
    await expect(call).rejects.toThrow("changed my mind")
    await until(() => runsUnder(dataDir).length === 0)
    await until(async () => (await readdir(join(dataDir, "work"))).length === 0)
    await expect(ffkiln.process(long(file_path), { signal: abort.signal })).rejects.toThrow("changed my mind")
  })

  it("rejects with the error itself", async () => {
    await expect(ffkiln.file("dir_x/a.mp4")).rejects.toMatchObject({
      _tag: "FileNotFound",
      message: "File not found"
    })
    await expect(ffkiln.file("no slash")).rejects.toMatchObject({ _tag: "FileNotFound" })
    await expect(ffkiln.upload(join(folder, "missing.mp4"))).rejects.toThrow(/source can't be read/)
    const { file_path } = await ffkiln.upload(clip)
    const broken = {
      task: { inputs: [{ file_path }], outputs: [{ file: "a.mp4", options: ["-vf", "crop=9000:9000"] }] }
    }
    await expect(ffkiln.process(broken)).rejects.toMatchObject({
      _tag: "FfmpegFailed",
      message: expect.stringMatching(/crop/)
    })
    await expect(ffkiln.process({ task: { inputs: [], outputs: [] } })).rejects.toThrow(
      /Invalid task format: task.inputs/
    )
  })

  it("keeps owners apart", async () => {
    const { file_path } = await ffkiln.as("ann").upload(clip)
    expect((await ffkiln.as("ann").file(file_path)).ok).toBe(true)
    await expect(ffkiln.as("bob").file(file_path)).rejects.toMatchObject({ _tag: "FileNotFound" })
    await expect(ffkiln.file(file_path)).rejects.toMatchObject({ _tag: "FileNotFound" })
  })
})

describe("the rest of the API", () => {
  it("lists directories and their files, and deletes one", async () => {
    const ann = ffkiln.as("ann")
    const { directory } = await ann.createDirectory({ ttl: 600 })
    const { file_path } = await ann.upload(clip, { dir_id: directory.id })
    expect((await ann.directories()).directories).toEqual([
      { id: directory.id, ttl: 600, added_on: expect.any(String) }
    ])
    expect((await ann.files(directory.id)).files).toEqual([
      { file_name: "clip.mp4", added_on: expect.any(String) }
    ])
    await expect(ffkiln.files(directory.id)).rejects.toMatchObject({ _tag: "DirectoryNotFound" })
    await expect(ffkiln.deleteFile(file_path)).rejects.toMatchObject({ _tag: "FileNotFound" })
    expect(await ann.deleteFile(file_path)).toEqual({ ok: true, deleted: { file_path } })
    expect((await ann.files(directory.id)).files).toEqual([])
    await expect(ann.file(file_path)).rejects.toMatchObject({ _tag: "FileNotFound" })
  })

  it("cancels a waiting job, returns the first job for a repeated key, and counts usage", async () => {
    const idle = await open({ dataDir, slots: 0 })
    const { file_path } = await idle.upload(clip)
    const first = await idle.submit(thumbnail(file_path), { idempotencyKey: "once" })
    expect(await idle.submit(thumbnail(file_path), { idempotencyKey: "once" })).toEqual(first)
    const other = await idle.submit(thumbnail(file_path), { idempotencyKey: "twice" })
    expect(other.job_id).not.toBe(first.job_id)
    await expect(idle.submit(thumbnail(file_path), { idempotencyKey: "" })).rejects.toMatchObject({
      _tag: "InvalidRequest"
    })
    expect(await idle.as("ann").usage()).toMatchObject({ usage: { jobs: 0, stored_bytes: 0 } })
    await expect(idle.as("ann").cancel(other.job_id)).rejects.toMatchObject({ _tag: "JobNotFound" })
    await idle.close()
    await until(async () => (await ffkiln.job(first.job_id)).status === "completed")
    await expect(ffkiln.cancel(first.job_id)).rejects.toMatchObject({ _tag: "JobNotPending" })
    await until(async () => (await ffkiln.usage()).usage.jobs === 2)
    expect((await ffkiln.usage()).usage.stored_bytes).toBeGreaterThan((await stat(clip)).size)
  })

  it("cancels only waiting jobs", async () => {
    const idle = await open({ dataDir: await mkdtemp(join(folder, "idle ")), slots: 0 })
    const { file_path } = await idle.upload(clip)
    const { job_id } = await idle.submit(thumbnail(file_path))
    expect(await idle.cancel(job_id)).toEqual({ ok: true, message: "Job cancelled successfully" })
    expect(await idle.job(job_id)).toMatchObject({ ok: false, status: "failed", cancelled: true })
    await idle.close()
  })

  it("posts a webhook to its own network if options allow that, signed by the owner's secret, and posts it again", async () => {
    const received: Array<{ headers: IncomingHttpHeaders; body: string }> = []
    const receiver = await localHttps(async (request, response) => {
      received.push({ headers: request.headers, body: await text(request) })
      response.writeHead(204).end()
    })
    const webhook_url = `${receiver.url}/hook`
    const own = await open({ dataDir: await mkdtemp(join(folder, "hook ")), guard: receiver.guard })
    const { file_path } = await own.upload(clip)
    const { job_id } = await own.submit({ ...thumbnail(file_path), webhook_url })
    await until(async () => (await own.deliveries()).deliveries[0]?.status === "delivered")
    const [delivery] = (await own.deliveries()).deliveries
    expect(delivery).toMatchObject({ job_id, url: webhook_url, tries: [{ status: 204, error: null }] })
    const id = delivery?.id ?? ""
    expect((await own.replay(id)).delivery).toMatchObject({ id, status: "pending" })
    await until(async () => (await own.delivery(id)).delivery.tries.length === 2)
    await expect(own.as("ann").delivery(id)).rejects.toMatchObject({ _tag: "DeliveryNotFound" })
    await expect(own.as("ann").replay(id)).rejects.toMatchObject({ _tag: "DeliveryNotFound" })
    const { secret } = await own.webhookSecret()
    for (const { headers, body } of received) {
      const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`
      const key = Buffer.from(secret.replace("whsec_", ""), "base64")
      expect(headers["webhook-signature"]).toBe(
        `v1,${createHmac("sha256", key).update(signed).digest("base64")}`
      )
      expect(JSON.parse(body)).toMatchObject({ job_id, status: "completed" })
    }
    expect(received.map(({ headers }) => headers["webhook-id"])).toEqual([id, id])
    await own.close()
    await receiver.close()
  })

  it("refuses a webhook to its own network by default", async () => {
    const { file_path } = await ffkiln.upload(clip)
    const hook = ffkiln.submit({ ...thumbnail(file_path), webhook_url: "https://127.0.0.1/hook" })
    await expect(hook).rejects.toMatchObject({
      _tag: "UrlRefused",
      message: expect.stringContaining("webhook_url")
    })
  })
})

describe("keys", () => {
  it("are made, listed, limited and revoked by the instance, and not by its clients", async () => {
    expect(await ffkiln.keys.list()).toEqual([])
    const { id, authorization, webhookSecret } = await ffkiln.keys.make({
      name: "tv",
      quota: { jobsPerMonth: 1 }
    })
    const identify = (header: string) => ffkiln.run(ownerOf(header))
    expect(await identify(authorization)).toEqual(Exit.succeed(id))
    expect((await ffkiln.as(id).webhookSecret()).secret).toBe(webhookSecret)

    const { file_path } = await ffkiln.as(id).upload(clip)
    await ffkiln.as(id).process(thumbnail(file_path))
    await expect(ffkiln.as(id).process(thumbnail(file_path))).rejects.toMatchObject({ _tag: "QuotaExceeded" })
    expect(await ffkiln.keys.setQuota(id, { jobsPerMonth: null, storedBytes: 1 })).toBe(true)
    await expect(ffkiln.as(id).upload(clip, { file_name: "b.mp4" })).rejects.toMatchObject({
      _tag: "QuotaExceeded"
    })
    expect(await ffkiln.keys.list()).toEqual([
      {
        id,
        name: "tv",
        quota: { jobsPerMonth: null, gibSecondsPerMonth: null, storedBytes: 1 },
        createdAt: expect.any(Date),
        revokedAt: null,
        used: {
          month: expect.stringMatching(/^\d{4}-\d\d$/),
          jobs: 1,
          gibSeconds: expect.any(Number),
          storedBytes: expect.any(Number)
        }
      }
    ])

    expect(await ffkiln.keys.revoke(id)).toBe(true)
    expect(await ffkiln.keys.revoke(id)).toBe(false)
    expect(Exit.isFailure(await identify(authorization))).toBe(true)
    expect((await ffkiln.keys.list())[0]?.revokedAt).toBeInstanceOf(Date)
    expect(await ffkiln.keys.setQuota("nobody", {})).toBe(false)
    expect(ffkiln.as(id)).not.toHaveProperty("keys")
  })

  it.each([
    [{ jobsPerMonth: -1 }, "quota.jobsPerMonth must be a whole number of 0 or more, or null for no quota"],
    [{ storedBytes: 1.5 }, "quota.storedBytes must be a whole number"],
    [{ gibSecondsPerMonth: Number.NaN }, "quota.gibSecondsPerMonth must be a number"],
    [{ jobsPerMonth: "3" as unknown as number }, "quota.jobsPerMonth"]
  ])("refuse a quota of %j", async (quota, message) => {
    await expect(ffkiln.keys.make({ quota })).rejects.toMatchObject({
      _tag: "InvalidRequest",
      message: expect.stringContaining(message)
    })
    expect(await ffkiln.keys.list()).toEqual([])
  })
})

describe("close", () => {
  it("leaves no process, timer, socket, handle or temporary file: the program then exits by itself", async () => {
    const data = await mkdtemp(join(folder, "closing "))
    const program = `
      import { open } from "ffkiln"
      const ffkiln = await open({ dataDir: process.argv[1], limits: { drainSeconds: 1 } })
      const { file_path } = await ffkiln.upload(process.argv[2])
      const task = ${JSON.stringify(long("INPUT").task)}
      task.inputs[0].file_path = file_path
      await ffkiln.submit({ task })
      const waiting = ffkiln.process({ task }).catch(({ _tag }) => _tag)
      await ffkiln.close()
      console.log(await waiting)`
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program, data, clip], {
      cwd: root
    })
    expect(stdout).toBe("StillRunning\n")
    expect(processesUnder(data)).toEqual([])
    expect([await readdir(join(data, "work")), await readdir(join(data, "tmp"))]).toEqual([[], []])
  })

  it("refuses later calls", async () => {
    const own = await open({ dataDir: await mkdtemp(join(folder, "closed ")) })
    await own.close()
    await expect(own.createDirectory()).rejects.toBeInstanceOf(Unavailable)
  })

  it("returns the same promise for every call", async () => {
    const own = await open({ dataDir: await mkdtemp(join(folder, "twice ")) })
    expect(own.close()).toBe(own.close())
    await own.close()
  })
})

describe("open", () => {
  it("starts two instances on one folder, each of which sees the other's files", async () => {
    const other = await open({ dataDir })
    const { file_path } = await ffkiln.upload(clip)
    expect((await other.process(thumbnail(file_path))).ok).toBe(true)
    await other.close()
    expect((await ffkiln.process(thumbnail(file_path))).ok).toBe(true)
  })

  it("accepts adapters, and needs no folder when all storing ones are given", async () => {
    const own = await open({
      storage: fileSystem({ root: await mkdtemp(join(folder, "given ")) }),
      database: memoryDatabase(),
      executor: (await import("../../adapters/ffmpeg/index.js")).ffmpeg()
    })
    const { file_path } = await own.upload(clip)
    expect((await own.process(thumbnail(file_path))).ok).toBe(true)
    await own.close()
    await expect(open({})).rejects.toThrow(/dataDir is required/)
  })

  it("reports what is missing", async () => {
    const database = Layer.fail(
      new Unavailable({ what: "no database at the other end" })
    ) as unknown as ReturnType<typeof memoryDatabase>
    await expect(open({ dataDir, database })).rejects.toThrow(
      "ffkiln cannot start: no database at the other end"
    )
  })

  it("runs Effect programs on the same services, and never rejects", async () => {
    const exit = await ffkiln.run(Effect.flatMap(Jobs, () => Effect.dieMessage("a bug")))
    expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
  })
})
