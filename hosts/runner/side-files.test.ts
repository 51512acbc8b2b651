import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Scope } from "effect"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { fileSystem } from "../../adapters/fs/index.js"
import { until } from "../server/serving.suite.js"
import { openRemote, type Remote } from "./remote.suite.js"

/**
 * Files beside inputs and outputs, with a real runner process: fonts, sequences of pictures, lists and logs.
 * Compared with bare ffmpeg.
 */

const scope = Effect.runSync(Scope.make())
const inScope = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>) =>
  Effect.runPromise(Scope.extend(effect, scope))
let folder: string
let remote: Remote
let dir: string

const ffmpeg = (...args: ReadonlyArray<string>) =>
  execa("ffmpeg", ["-v", "error", "-y", ...args], { cwd: folder, stdin: "ignore", stripFinalNewline: false })
const frames = ["-f", "framecrc", "-bitexact"]
const bare = async (...args: ReadonlyArray<string>) => (await ffmpeg(...args, ...frames, "-")).stdout

const upload = async (name: string) => {
  const { dir_id } = await remote.api.upload(join(folder, name), {
    file_name: name,
    ...(dir !== undefined && { dir_id: dir })
  })
  dir ??= dir_id
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln-bare-"))
  remote = await inScope(openRemote(fileSystem({ root: join(folder, "stored") })))
  await remote.startRunner(["--slots", "2"])
  await ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.5", "-start_number", "0", "img%03d.png")
  await ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=1", "-c:v", "mpeg4", "clip.mp4")
  await writeFile(join(folder, "a.srt"), "1\n00:00:00,000 --> 00:00:00,900\nmmiill\n")
  await writeFile(join(folder, "list.txt"), "file ./clip.mp4\nfile clip.mp4\n")
  // A font that no system has: a font of the system under another name.
  const font = await readFile(
    (await execa("fc-match", ["-f", "%{file}", "DejaVu Sans Mono"])).stdout,
    "latin1"
  )
  const renamed = font.replaceAll("D\0e\0j\0a\0V\0u", "Q\0e\0j\0a\0V\0u").replaceAll("DejaVu", "QejaVu")
  await writeFile(join(folder, "own.ttf"), renamed, "latin1")
  const pictures = [0, 1, 2, 3, 4].map((number) => `img00${number}.png`)
  for (const name of ["clip.mp4", "a.srt", "list.txt", "own.ttf", ...pictures]) await upload(name)
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await rm(folder, { recursive: true, force: true })
})

interface Asked {
  readonly file: string
  readonly options?: ReadonlyArray<string>
}
/** Runs a task on the runner and returns its outcome. */
const run = async ({ file, ...rest }: Asked, output: Asked) => {
  const task = { inputs: [{ file_path: `${dir}/${file}`, ...rest }], outputs: [output] }
  const { job_id } = await remote.api.submit({ task })
  await until(async () => ["completed", "failed"].includes((await remote.api.job(job_id)).status))
  return remote.api.job(job_id)
}
const textOf = async (name: string) => {
  const pieces: Array<Uint8Array> = []
  for await (const piece of remote.api.read(`${dir}/${name}`)) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}
const made = async (input: Asked, options: ReadonlyArray<string> = []) => {
  expect(await run(input, { file: "frames.crc", options: [...options, ...frames] })).toMatchObject({
    status: "completed"
  })
  return textOf("frames.crc")
}

describe("on a runner", () => {
  it.each([
    ["img%03d.png", ""],
    ["img%03d.png", "-start_number 2 -framerate 5"],
    ["i*.png", "-pattern_type glob -framerate 2"]
  ])("the sequence %s with %s is read as by ffmpeg", async (file, text) => {
    const options = text.split(" ").filter((item) => item !== "")
    expect(await made({ file, options })).toBe(await bare(...options, "-i", file))
  })

  it("a sequence that fails has the caller's name in the message", async () => {
    const job = await run({ file: "img%03d.png", options: ["-framerate", "abc"] }, { file: "x.mp4" })
    expect(job).toMatchObject({
      status: "failed",
      error: expect.stringContaining("\nimg%03d.png: Invalid argument")
    })
    expect(JSON.stringify(job)).not.toMatch(/picture-\d/)
  })

  it("a sequence that ends at a gap has a warning", async () => {
    await remote.api.upload(join(folder, "img000.png"), { dir_id: dir, file_name: "gap0.png" })
    await remote.api.upload(join(folder, "img002.png"), { dir_id: dir, file_name: "gap2.png" })
    expect(await run({ file: "gap%d.png" }, { file: "gap.mkv" })).toMatchObject({
      status: "completed",
      warnings: [
        expect.stringContaining('ends before "gap1.png", which is missing: 1 picture with a later number')
      ]
    })
  })

  it("subtitles are drawn with a font of the directory", async () => {
    const graph = (more: string) => `subtitles=a.srt${more}:force_style='FontName=QejaVu Sans Mono'`
    const own = await bare("-i", "clip.mp4", "-vf", graph(":fontsdir=."))
    expect(own).not.toBe(await bare("-i", "clip.mp4", "-vf", graph("")))
    expect(await made({ file: "clip.mp4" }, ["-vf", graph(":fontsdir=.")])).toBe(own)
    expect(await made({ file: "clip.mp4" }, ["-vf", graph(":fontsdir=fonts")])).toBe(own)
  })

  it("text is drawn with a font of the directory, by its file", async () => {
    const graph = "drawtext=fontfile=own.ttf:text=mmiill:fontsize=20"
    expect(await made({ file: "clip.mp4" }, ["-vf", graph])).toBe(await bare("-i", "clip.mp4", "-vf", graph))
  })

  it("a list joins files of its folder", async () => {
    const expected = await bare("-f", "concat", "-safe", "0", "-i", "list.txt")
    expect(await made({ file: "list.txt", options: ["-f", "concat"] })).toBe(expected)
  })

  it("the third pass writes a new log, whatever the names of the outputs, and the second pass reads the old one", async () => {
    const x264 = ["-an", "-c:v", "libx264", "-threads", "1", "-b:v", "40k", "-passlogfile", "pl", "-pass"]
    const logs: Array<string> = []
    for (const pass of ["1", "3", "2"]) {
      const job = await run({ file: "clip.mp4" }, { file: `pass-${pass}.mp4`, options: [...x264, pass] })
      expect(job).toMatchObject({ status: "completed" })
      logs.push(await textOf("pl-0.log"))
      await ffmpeg("-i", "clip.mp4", ...x264, pass, `bare-${pass}.mp4`)
      await remote.api.save(`${dir}/pass-${pass}.mp4`, join(folder, "ours.mp4"))
      expect(await bare("-i", "ours.mp4", "-c", "copy")).toBe(
        await bare("-i", `bare-${pass}.mp4`, "-c", "copy")
      )
    }
    expect(logs[1]).not.toBe(logs[0])
    expect(logs[2]).toBe(logs[1])
  })
})
