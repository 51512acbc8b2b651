import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { execa } from "execa"
import { beforeAll, describe, expect } from "vitest"
import { ffmpegsIn } from "../../adapters/ffmpeg/sandbox/remains.suite.js"
import { fileSystem } from "../../adapters/fs/index.js"
import { until } from "../server/serving.suite.js"
import { openRemote, publishes, type Remote } from "./remote.suite.js"

/**
 * Outputs that are so large that they are uploaded while ffmpeg still writes them: some 100 MiB within five
 * seconds.
 */

let clip: Buffer
let expected: Buffer
const raw = ["-c:v", "rawvideo", "-fflags", "+bitexact", "-flags:v", "+bitexact"]

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "ffkiln-clip-"))
  const ffmpeg = (args: ReadonlyArray<string>) =>
    execa("ffmpeg", ["-nostdin", "-v", "error", ...args], { cwd: folder })
  await ffmpeg([
    "-f",
    "lavfi",
    "-i",
    "testsrc=s=640x360:r=60:d=5",
    "-c:v",
    "mjpeg",
    "-pix_fmt",
    "yuvj420p",
    "in.mkv"
  ])
  await ffmpeg(["-i", "in.mkv", ...raw, "out.mkv"])
  clip = await readFile(join(folder, "in.mkv"))
  expected = await readFile(join(folder, "out.mkv"))
  await rm(folder, { recursive: true })
})

interface Scene extends Remote {
  readonly job: string
}

const scene = (title: string, attempts: number, play: (scene: Scene) => Promise<void>) =>
  it.live(title, () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "ffkiln-remote-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
      )
      const remote = yield* openRemote(fileSystem({ root: folder }), { leaseSeconds: 8 })
      const { api } = remote
      yield* Effect.promise(async () => {
        const { file_path } = await api.upload(clip, { file_name: "in.mkv" })
        const task = {
          inputs: [{ file_path, options: ["-re"] }],
          outputs: [{ file: "out.mkv", options: raw }]
        }
        const { job_id: job } = await api.submit({ task })
        await play({ ...remote, job })
        await publishes(remote, job, `${file_path.split("/")[0]}/out.mkv`, expected)
        expect(await remote.attempts(job)).toBe(attempts)
      })
    }).pipe(Effect.scoped)
  )

const countOf = ({ proxy }: Remote, method: string, path: RegExp) =>
  proxy.seen.filter((request) => request.method === method && path.test(request.path)).length
const isSending = (remote: Remote) => until(() => countOf(remote, "PUT", /^\/blob\//) > 0)
const parts = () => Math.ceil(expected.length / (16 * 1024 * 1024))

describe.concurrent("a large output", () => {
  scene(
    "is on its way before it is whole, and what ffmpeg completes at the end comes once more",
    1,
    async (at) => {
      await at.startRunner()
      await isSending(at)
      expect((await ffmpegsIn(at.folder)).length).toBe(1)
      await until(() => countOf(at, "POST", /\/finished$/) > 0)
      expect(countOf(at, "POST", /\/outputs$/)).toBeGreaterThan(1)
      // Its first part is complete only with the length of the file.
      expect(countOf(at, "PUT", /^\/blob\//)).toBe(parts() + 1)
    }
  )

  scene("is sent anew when a part of it may have arrived or not", 1, async (at) => {
    let met = false
    at.proxy.handle = (path, method) => {
      if (met || method !== "PUT" || !/^\/blob\//.test(path)) return "pass"
      met = true
      return "drop answer"
    }
    await at.startRunner()
    await until(() => countOf(at, "POST", /\/finished$/) > 0)
    expect(countOf(at, "PUT", /^\/blob\//)).toBeGreaterThan(parts())
  })

  scene("is another runner's affair when the first is killed on its way", 2, async (at) => {
    const first = await at.startRunner()
    await isSending(at)
    await first.end("SIGKILL")
    await at.startRunner()
  })
})
