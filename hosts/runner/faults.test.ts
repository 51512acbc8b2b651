import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Chunk, Effect, Exit, Stream } from "effect"
import { execa } from "execa"
import { beforeAll, describe, expect } from "vitest"
import { ffmpegsIn } from "../../adapters/ffmpeg/sandbox/remains.suite.js"
import { fileSystem } from "../../adapters/fs/index.js"
import { sweepOrphans } from "../../core/operations/sweep.js"
import { Runners } from "../../core/ports/runners.js"
import { Storage } from "../../core/ports/storage.js"
import { get, post, type Running, running, serving, until, uploaded } from "../server/serving.suite.js"
import type { Fate } from "./proxy.suite.js"
import { openRemote, publishes, type Remote, runnerName, runnerSecret } from "./remote.suite.js"

/**
 * Each row of "Remote runners" in docs/faults.md: a fault of a real runner process, and the outcome of its
 * job.
 */

const seconds = 4
let clip: Buffer
let expected: Buffer

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "ffkiln-clip-"))
  const ffmpeg = (args: ReadonlyArray<string>) =>
    execa("ffmpeg", ["-nostdin", "-v", "error", ...args], { cwd: folder })
  await ffmpeg(["-f", "lavfi", "-i", `testsrc=s=320x180:r=10:d=${seconds}`, "-c:v", "mjpeg", "in.mkv"])
  // The result of the bare program.
  await ffmpeg(["-i", "in.mkv", "-c", "copy", "-fflags", "+bitexact", "out.mkv"])
  clip = await readFile(join(folder, "in.mkv"))
  expected = await readFile(join(folder, "out.mkv"))
  await rm(folder, { recursive: true })
})

/** A run that takes as long as its clip, so that there is time for faults. */
const copy = (file: string) => ({
  task: {
    inputs: [{ file_path: file, options: ["-re"] }],
    outputs: [{ file: "out.mkv", options: ["-c", "copy", "-fflags", "+bitexact"] }]
  }
})

interface Scene extends Remote {
  readonly job: string
  readonly file: string
}

/** For cases that wait for the end of a lease. */
const short = { lease: 4 }

/** Runs a case with a host, a runner and a submitted job; the lease of a run is short. */
const scene = (
  title: string,
  play: (scene: Scene) => Promise<number>,
  { lease = 8 }: { readonly lease?: number } = {}
) =>
  it.live(title, () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "ffkiln-remote-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
      )
      const remote = yield* openRemote(fileSystem({ root: folder }), {
        leaseSeconds: lease,
        orphanSeconds: 0,
        attempts: 9
      })
      const { api } = remote
      yield* Effect.promise(async () => {
        const file = await api.upload(clip, { file_name: "in.mkv" })
        const { job_id: job } = await api.submit(copy(file.file_path))
        const attempts = await play({ ...remote, job, file: file.file_path })
        await publishes(remote, job, `${file.file_path.split("/")[0]}/out.mkv`, expected)
        // On a busy machine a short lease may end without a fault.
        if (lease === short.lease) expect(await remote.attempts(job)).toBeGreaterThanOrEqual(attempts)
        else expect(await remote.attempts(job)).toBe(attempts)
        // Charged exactly once.
        expect((await api.usage()).usage.jobs).toBe(1)
        await until(async () => (await ffmpegsIn(remote.folder)).length === 0)
        const swept = await api.run(Effect.zipRight(sweepOrphans, blobs))
        expect(Exit.isSuccess(swept) && swept.value).toBe(2)
      })
    }).pipe(Effect.scoped)
  )

const blobs = Effect.flatMap(Storage, (storage) =>
  Effect.map(Stream.runCollect(storage.list("")), Chunk.size)
)

/** Waits until ffmpeg runs. */
const runs = ({ api, job }: Scene) =>
  until(async () => {
    const now = await api.job(job)
    return "progress" in now && Number(now.progress) > 0
  })
const sees = ({ proxy }: Scene, path: RegExp, method = "POST") =>
  until(() => proxy.seen.some((request) => request.method === method && path.test(request.path)))

/** The first matching request gets this fate, all others pass. */
const once = (path: RegExp, fate: Fate, method = "POST") => {
  let met = false
  return (its: string, how: string): Fate => {
    if (met || how !== method || !path.test(its)) return "pass"
    met = true
    return fate
  }
}

const always =
  (path: RegExp, fate: Fate, method = "POST") =>
  (its: string, how: string): Fate =>
    how === method && path.test(its) ? fate : "pass"

const kill = (runner: Running) => runner.end("SIGKILL")

/** Kills the runner at a request that is held up; the next runner runs the job. */
const killedAt =
  (path: RegExp, fate: Fate, method = "POST") =>
  async (at: Scene) => {
    at.proxy.handle = always(path, fate, method)
    const first = await at.startRunner()
    await sees(at, path, method)
    await kill(first)
    at.proxy.handle = () => "pass"
    await at.startRunner()
    return 2
  }

describe.concurrent("a runner", () => {
  scene("is killed while it fetches an input", killedAt(/^\/blob\//, { slow: 50_000 }, "GET"), short)

  scene(
    "is killed while ffmpeg runs",
    async (at) => {
      const first = await at.startRunner()
      await runs(at)
      await kill(first)
      await until(async () => (await ffmpegsIn(at.folder)).length === 0)
      await at.startRunner()
      return 2
    },
    short
  )

  scene("is killed while it sends an output", killedAt(/^\/blob\//, { slow: 20_000 }, "PUT"), short)

  scene("is killed when all is sent, before it has said so", killedAt(/\/finished$/, "silence"), short)

  scene(
    "is frozen past its lease and woken",
    async (at) => {
      const first = await at.startRunner()
      await runs(at)
      first.child.kill("SIGSTOP")
      const other = await at.startRunner(["--data", join(at.folder, "other")])
      await until(async () => (await at.attempts(at.job)) === 2)
      first.child.kill("SIGCONT")
      await until(() => /lease lost/.test(first.errors()))
      await until(async () => (await at.api.job(at.job)).status === "completed")
      await kill(first)
      expect(other.child.exitCode).toBeNull()
      return 2
    },
    short
  )

  scene("is asked to stop while it runs, and has time", async (at) => {
    const first = await at.startRunner()
    await runs(at)
    expect(await first.end("SIGTERM")).toEqual([0, null])
    return 1
  })

  scene(
    "is asked to stop while it runs, and has no time",
    async (at) => {
      const first = await at.startRunner([], { FFKILN_LIMIT_DRAIN_SECONDS: "1" })
      await runs(at)
      expect(await first.end("SIGTERM")).toEqual([0, null])
      // Released: the lease lasts as long as the test, so nothing else helps.
      await at.startRunner()
      return 2
    },
    { lease: 60 }
  )

  scene(
    "is revoked while it runs",
    async (at) => {
      const { name, token } = await at.api.runners.make("short-lived")
      const first = await at.startRunner(["--token", token])
      await runs(at)
      await at.api.runners.revoke(name)
      await until(() => first.child.exitCode !== null)
      expect(first.errors()).toMatch(/token/)
      expect(await ffmpegsIn(at.folder)).toEqual([])
      await at.startRunner()
      return 2
    },
    short
  )

  scene("shares its token with another one", async (at) => {
    const runners = [await at.startRunner(), await at.startRunner(["--data", join(at.folder, "other")])]
    const known = await at.api.run(Effect.flatMap(Runners, ({ list }) => list))
    expect(
      Exit.isSuccess(known) && known.value.find(({ name }) => name === runnerName)?.processes.length
    ).toBe(2)
    await until(async () => (await at.api.job(at.job)).status === "completed")
    for (const runner of runners) await kill(runner)
    return 1
  })
})

describe.concurrent("the network", () => {
  const lost = [
    ["a request for work", /\/claim$/, "POST"],
    ["progress", /\/progress$/, "POST"],
    ["the request for upload URLs", /\/outputs$/, "POST"],
    ["an output", /^\/blob\//, "PUT"],
    ["an input", /^\/blob\//, "GET"],
    ["the end of a run", /\/finished$/, "POST"]
  ] as const

  for (const [what, path, method] of lost) {
    scene(`loses ${what} on the way to the host`, async (at) => {
      at.proxy.handle = once(path, "drop request", method)
      await at.startRunner()
      await sees(at, path, method)
      return 1
    })
  }

  for (const [what, path, method] of lost.filter(([what]) => !/^an? (input|request)/.test(what))) {
    scene(`loses the answer to ${what}`, async (at) => {
      at.proxy.handle = once(path, "drop answer", method)
      await at.startRunner()
      await sees(at, path, method)
      return 1
    })
  }

  scene(
    "loses a response with a run",
    async (at) => {
      let met = 0
      // The first claim only announces the runner.
      at.proxy.handle = (path) => (/\/claim$/.test(path) && ++met === 2 ? "drop answer" : "pass")
      await at.startRunner()
      return 2
    },
    short
  )

  scene("cuts an input in the middle", async (at) => {
    at.proxy.handle = once(/^\/blob\//, "cut in the middle", "GET")
    await at.startRunner()
    await sees(at, /^\/blob\//, "GET")
    return 1
  })

  scene("cuts an output in the middle", async (at) => {
    at.proxy.handle = once(/^\/blob\//, "cut in the middle", "PUT")
    await at.startRunner()
    await sees(at, /^\/blob\//, "PUT")
    return 1
  })

  scene("is slow, so that moving files takes longer than a lease", async (at) => {
    at.proxy.handle = (path) => (path.startsWith("/blob/") ? { slow: clip.length / 3 } : "pass")
    await at.startRunner()
    return 1
  })

  scene("is away for less than a lease", async (at) => {
    await at.startRunner()
    await runs(at)
    at.proxy.handle = () => "drop request"
    at.proxy.cut()
    const met = at.proxy.seen.length
    await until(() => at.proxy.seen.length > met)
    at.proxy.handle = () => "pass"
    return 1
  })

  scene(
    "is away for longer than a lease",
    async (at) => {
      const first = await at.startRunner()
      await runs(at)
      at.proxy.handle = () => "silence"
      at.proxy.cut()
      // Without contact it still ends the run that another runner has by now.
      await until(() => /lease lost/.test(first.errors()))
      await until(async () => (await ffmpegsIn(at.folder)).length === 0)
      at.proxy.handle = () => "pass"
      at.proxy.cut()
      return 2
    },
    short
  )
})

describe.concurrent("the host", () => {
  scene("answers 500 to everything for a while", async (at) => {
    await at.startRunner()
    await runs(at)
    const met = at.proxy.seen.length
    at.proxy.handle = () => ({ status: 500 })
    await until(() => at.proxy.seen.length > met + 1)
    at.proxy.handle = () => "pass"
    return 1
  })

  it.live("aborts a run whose caller disconnected", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "ffkiln-remote-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
      )
      const remote = yield* openRemote(fileSystem({ root: folder }))
      yield* Effect.promise(async () => {
        await remote.startRunner()
        const file = await remote.api.upload(clip, { file_name: "in.mkv" })
        const caller = new AbortController()
        const call = remote.api.process(copy(file.file_path), { signal: caller.signal })
        await until(async () => (await ffmpegsIn(remote.folder)).length > 0)
        caller.abort()
        await expect(call).rejects.toThrow()
        await until(async () => (await ffmpegsIn(remote.folder)).length === 0)
        expect(existsSync(remote.folder)).toBe(true)
        expect(remote.runner().child.exitCode).toBeNull()
      })
    }).pipe(Effect.scoped)
  )

  it.live("is killed and started again while a runner runs", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "ffkiln-remote-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
      )
      const settings = {
        FFKILN_RUNNER_TOKENS: `${runnerName}:${runnerSecret}`,
        FFKILN_LIMIT_LEASE_SECONDS: "30"
      }
      const host = (port: string) => serving(join(folder, "host"), ["--slots", "0", "--port", port], settings)
      yield* Effect.promise(async () => {
        let server = await host("0")
        const { url } = server
        const token = `${runnerName}:${runnerSecret}`
        const runner = await running(
          "runner",
          ["--url", url, "--token", token, "--data", join(folder, "runner")],
          /^ffkiln runner ready$/
        )
        try {
          const file = await uploaded(url, "in.mkv", clip)
          const { job_id } = (await post(url, "/ffmpeg/process/async", copy(file))).body
          await until(async () => (await get(url, `/job/${job_id}`)).body.progress > 0)
          await server.end("SIGKILL")
          server = await host(new URL(url).port)
          await until(async () => (await get(url, `/job/${job_id}`)).body.status === "completed")
          // A second start of the run would have to wait for the end of the lease.
          expect((await get(url, `/job/${job_id}`)).body.usage.time_sec).toBeGreaterThanOrEqual(seconds - 1)
          expect(runner.errors()).not.toMatch(/lease lost|run released/)
        } finally {
          await runner.end("SIGKILL")
          await server.end("SIGKILL")
        }
      })
    }).pipe(Effect.scoped)
  )
})
