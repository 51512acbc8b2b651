import { execFile } from "node:child_process"
import { createReadStream } from "node:fs"
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Cause, Effect, Exit, Layer } from "effect"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { fileSystem } from "../../adapters/fs/index.js"
import { memoryDatabase } from "../../adapters/memory/index.js"
import { Unavailable } from "../../core/errors.js"
import { Jobs } from "../../core/ports/jobs.js"
import { processesUnder, until } from "../server/serving.suite.js"
import { type Ffkiln, open } from "./index.js"

const run = promisify(execFile)
const root = fileURLToPath(new URL("../..", import.meta.url))

let folder: string
let clip: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln embed "))
  clip = join(folder, "clip.mp4")
  const sources = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=4 -f lavfi -i sine=duration=4".split(" ")
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
/** Some seconds of work, so that it can be met in the middle. */
const long = (input: string) => ({
  task: {
    inputs: [{ file_path: input, options: ["-stream_loop", "20"] }],
    outputs: [{ file: "long.mp4", options: ["-vf", "scale=1280:-2", "-t", "60"] }]
  }
})

describe("the Promise API", () => {
  it("takes a file, bytes or a stream, and gives the bodies of the HTTP API", async () => {
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
    expect(result).toEqual([{ file_name: "frame.jpg", size_bytes: expect.any(Number), download_url: expect.stringMatching(/^\/blob\//) }])
    expect(usage.time_sec).toBeGreaterThan(0)
    await ffkiln.save(`${file.dir_id}/frame.jpg`, join(dataDir, "frame.jpg"))
    expect((await stat(join(dataDir, "frame.jpg"))).size).toBe(result[0]?.size_bytes)
    const pieces = []
    for await (const piece of ffkiln.read(`${file.dir_id}/frame.jpg`)) pieces.push(piece)
    expect(Buffer.concat(pieces)).toEqual(await readFile(join(dataDir, "frame.jpg")))
    const probed = await ffkiln.analyze({ file_path: file.file_path, probe: { format: ["duration"] } })
    expect(probed.result).toEqual({ format: { duration: expect.stringMatching(/^4\./) } })
  })

  it("runs a submitted task, to be asked for by its id", async () => {
    const { file_path } = await ffkiln.upload(clip)
    const { job_id } = await ffkiln.submit(thumbnail(file_path))
    await until(async () => (await ffkiln.job(job_id)).status === "completed")
    expect(await ffkiln.job(job_id)).toMatchObject({ ok: true, job_id, status: "completed", result: [{ file_name: "frame.jpg" }] })
  })

  it("tells progress that only grows", async () => {
    const { file_path } = await ffkiln.upload(clip)
    const told: Array<number> = []
    const brisk = {
      task: { inputs: [{ file_path, options: ["-stream_loop", "9", "-t", "30"] }], outputs: [{ file: "brisk.mp4" }] }
    }
    await ffkiln.process(brisk, { onProgress: (fraction) => void (fraction !== null && told.push(fraction)) })
    expect(told.length).toBeGreaterThan(1)
    expect(told).toEqual([...told].sort((a, b) => a - b))
    expect(told.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true)
    expect(told.at(-1)).toBe(1)
  })

  it("ends the work when the signal aborts, in the words of the abort", async () => {
    const { file_path } = await ffkiln.upload(clip)
    const abort = new AbortController()
    const call = ffkiln.process(long(file_path), { signal: abort.signal })
    await until(() => processesUnder(dataDir).length === 1)
    abort.abort(new Error("changed my mind"))
    await expect(call).rejects.toThrow("changed my mind")
    await until(() => processesUnder(dataDir).length === 0)
    await until(async () => (await readdir(join(dataDir, "work"))).length === 0)
    await expect(ffkiln.process(long(file_path), { signal: abort.signal })).rejects.toThrow("changed my mind")
  })

  it("rejects with the error itself", async () => {
    await expect(ffkiln.file("dir_x/a.mp4")).rejects.toMatchObject({ _tag: "FileNotFound", message: "File not found" })
    await expect(ffkiln.file("no slash")).rejects.toMatchObject({ _tag: "FileNotFound" })
    await expect(ffkiln.upload(join(folder, "missing.mp4"))).rejects.toThrow(/source can't be read/)
    const { file_path } = await ffkiln.upload(clip)
    const broken = { task: { inputs: [{ file_path }], outputs: [{ file: "a.mp4", options: ["-vf", "nonsense"] }] } }
    await expect(ffkiln.process(broken)).rejects.toMatchObject({ _tag: "FfmpegFailed", message: expect.stringMatching(/nonsense/) })
    await expect(ffkiln.process({ task: { inputs: [], outputs: [] } })).rejects.toThrow(/Invalid task format: task.inputs/)
  })

  it("keeps owners apart", async () => {
    const { file_path } = await ffkiln.as("ann").upload(clip)
    expect((await ffkiln.as("ann").file(file_path)).ok).toBe(true)
    await expect(ffkiln.as("bob").file(file_path)).rejects.toMatchObject({ _tag: "FileNotFound" })
    await expect(ffkiln.file(file_path)).rejects.toMatchObject({ _tag: "FileNotFound" })
  })
})

describe("close", () => {
  it("leaves no process, timer, socket, handle or temporary file: a program ends by itself after it", async () => {
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
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program, data, clip], { cwd: root })
    expect(stdout).toBe("StillRunning\n")
    expect(processesUnder(data)).toEqual([])
    expect([await readdir(join(data, "work")), await readdir(join(data, "tmp"))]).toEqual([[], []])
  })

  it("refuses calls that come later", async () => {
    const own = await open({ dataDir: await mkdtemp(join(folder, "closed ")) })
    await own.close()
    await expect(own.createDirectory()).rejects.toBeInstanceOf(Unavailable)
  })

  it("is one, however often it is asked for", async () => {
    const own = await open({ dataDir: await mkdtemp(join(folder, "twice ")) })
    expect(own.close()).toBe(own.close())
    await own.close()
  })
})

describe("open", () => {
  it("starts two instances side by side on one folder, each of which sees the other's files", async () => {
    const other = await open({ dataDir })
    const { file_path } = await ffkiln.upload(clip)
    expect((await other.process(thumbnail(file_path))).ok).toBe(true)
    await other.close()
    expect((await ffkiln.process(thumbnail(file_path))).ok).toBe(true)
  })

  it("takes adapters, and needs no folder where all that keep something are given", async () => {
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

  it("says what is missing", async () => {
    const database = Layer.fail(new Unavailable({ what: "no database at the other end" })) as unknown as ReturnType<typeof memoryDatabase>
    await expect(open({ dataDir, database })).rejects.toThrow("ffkiln cannot start: no database at the other end")
  })

  it("runs Effect programs over the same services, and never rejects", async () => {
    const exit = await ffkiln.run(Effect.flatMap(Jobs, () => Effect.dieMessage("a bug")))
    expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
  })
})
