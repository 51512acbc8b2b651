import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Schedule, Scope, Stream } from "effect"
import { execa } from "execa"
import { afterAll, describe } from "vitest"
import { FfmpegFailed, ProbeFailed, RunLimitExceeded, Unavailable } from "../../../core/errors.js"
import { BlobKey, FileName } from "../../../core/ids.js"
import { defaultLimits, Limits, type LimitValues } from "../../../core/limits.js"
import type { Plan } from "../../../core/plan.js"
import { Executor } from "../../../core/ports/executor.js"
import { Prober } from "../../../core/ports/prober.js"
import { Storage } from "../../../core/ports/storage.js"
import { aProbeRequest } from "../../../core/ports/suites/samples.suite.js"
import { memoryStorage } from "../../memory/storage.js"
import { type FfmpegOptions, ffmpeg } from "../index.js"
import { adapters, bundled, core } from "./bundle.suite.js"
import { ffmpegsIn, processesIn, remainsOf } from "./remains.suite.js"
import { ways } from "./ways.suite.js"

const folder = mkdtempSync(join(tmpdir(), "ffmpeg-life-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let roots = 0
/** A disk of that size, while the scope is open. */
const smallDisk = (size: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const path = `${aRoot()}-disk`
      await mkdir(path)
      await execa("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path])
      return path
    }),
    (path) => Effect.promise(() => execa("umount", ["-l", path]))
  )

/** A work root for one test. */
const aRoot = () => join(folder, `work-${++roots}`)

const openedAs = (options: FfmpegOptions, limits: Partial<LimitValues> = {}) =>
  ffmpeg(options).pipe(
    Layer.provideMerge(memoryStorage),
    Layer.provide(Layer.succeed(Limits, { ...defaultLimits, ...limits }))
  )

const plan = (args: ReadonlyArray<string>, seconds = 60): Plan => ({
  args: ["-hide_banner", "-nostdin", "-y", "-v", "verbose", "-nostats", "-progress", "pipe:1", ...args],
  inputs: [],
  outputs: [FileName("a.mkv")],
  outputPrefix: "dir_1/job_1-1/",
  timeline: { inputs: [], outputs: [] },
  limits: { seconds, outputBytes: 1e9, outputFiles: 10 }
})

const endless = plan(["-re", "-f", "lavfi", "-i", "testsrc=s=64x64", "-c:v", "mpeg4", "file:../out/a.mkv"])

/** The run, once its first progress has been seen. */
const begin = (given: Plan) =>
  Effect.gen(function* () {
    const executor = yield* Executor
    const begun = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(
      Stream.runForEach(executor.run(given), () => Deferred.succeed(begun, undefined))
    )
    yield* Effect.raceFirst(Deferred.await(begun), Fiber.join(fiber))
    return fiber
  })

const until = <A>(what: Effect.Effect<A>, good: (value: A) => boolean) =>
  Effect.repeat(what, { until: good, schedule: Schedule.spaced("20 millis") })

describe.each(ways)("ffmpeg's life, $way", ({ way, options: confinement, warm }) => {
  const opened = (options: FfmpegOptions, limits?: Partial<LimitValues>) =>
    openedAs({ ...confinement, ...options }, limits)
  const sandboxed = confinement.sandbox === "required"

  it.live("the process sees its work directory, a short environment and nothing of ours", () =>
    Effect.gen(function* () {
      const workRoot = aRoot()
      yield* Effect.gen(function* () {
        const fiber = yield* begin(endless)
        const [work = ""] = yield* Effect.promise(() => readdir(workRoot))
        // Where the run's own user is the group, it may pass through.
        expect((yield* Effect.promise(() => stat(join(workRoot, work)))).mode & 0o767).toBe(0o700)
        const [pid = "", ...others] = yield* Effect.promise(() => ffmpegsIn(workRoot))
        expect(others).toEqual([])
        const environment = yield* Effect.promise(() => readFile(`/proc/${pid}/environ`, "utf8"))
        const variables = environment.split("\0").filter((entry) => entry !== "")
        expect(variables.map((entry) => entry.split("=")[0]).sort()).toEqual([
          "HOME",
          "LANG",
          "PATH",
          // bubblewrap's own, and the same for all: /in.
          ...(sandboxed && !warm ? ["PWD"] : [])
        ])
        expect(variables).toContain(`HOME=${sandboxed ? "/tmp" : join(workRoot, work)}`)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(opened({ workRoot })))
    })
  )

  it.live("leaves no listener on this process", () =>
    Effect.gen(function* () {
      const listeners = () =>
        ["exit", "beforeExit", "SIGTERM", "SIGINT", "SIGHUP", "uncaughtException"].map((event) =>
          process.listenerCount(event)
        )
      const before = listeners()
      yield* Effect.gen(function* () {
        const fiber = yield* begin(endless)
        expect(listeners()).toEqual(before)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(opened({ workRoot: aRoot() })))
      expect(listeners()).toEqual(before)
    })
  )

  it.live("closing the layer ends what runs, and the run is told so", () =>
    Effect.gen(function* () {
      const workRoot = aRoot()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(opened({ workRoot }), scope)
      const fiber = yield* Effect.provide(begin(endless), context)
      yield* Scope.close(scope, Exit.void)
      expect(yield* remainsOf(workRoot)).toEqual([])
      expect(yield* Effect.flip(Fiber.join(fiber))).toBeInstanceOf(Unavailable)
      const late = yield* Effect.flip(Effect.provide(begin(endless), context))
      expect(late).toBeInstanceOf(Unavailable)
    })
  )

  it.live("a process that ignores SIGTERM is killed", () =>
    Effect.gen(function* () {
      const workRoot = aRoot()
      const stuck = plan(
        ["-f", "lavfi", "-i", "aevalsrc=exprs='while(1,0)'", "-t", "1", "file:../out/a.mkv"],
        0.5
      )
      const error = yield* Effect.provide(
        Effect.flip(begin(stuck)),
        opened({ workRoot }, { killSeconds: 0.3 })
      )
      expect(error).toBeInstanceOf(RunLimitExceeded)
      expect(yield* remainsOf(workRoot)).toEqual([])
    })
  )

  for (const { signal, is } of [
    { signal: "SIGTERM", is: Unavailable },
    { signal: "SIGKILL", is: FfmpegFailed }
  ] as const) {
    it.live(`${signal} from outside is ${is.name}`, () =>
      Effect.gen(function* () {
        const workRoot = aRoot()
        yield* Effect.gen(function* () {
          const fiber = yield* begin(endless)
          const [pid] = yield* Effect.promise(() => ffmpegsIn(workRoot))
          process.kill(Number(pid), signal)
          expect(yield* Effect.flip(Fiber.join(fiber))).toBeInstanceOf(is)
        }).pipe(Effect.provide(opened({ workRoot })))
        expect(yield* remainsOf(workRoot)).toEqual([])
      })
    )
  }

  const unaccounted = (...args: ReadonlyArray<string>) =>
    Effect.flatMap(Executor, (executor) =>
      Stream.runLast(
        executor.run({ ...endless, args: ["-v", "error", "-f", "lavfi", "-i", "testsrc=d=0.2", ...args] })
      )
    ).pipe(Effect.flatten)

  it.live("judges by probing where the log has no account of the outputs", () =>
    Effect.gen(function* () {
      expect(yield* unaccounted("file:../out/a.mkv")).toMatchObject({ _tag: "Finished", warnings: [] })
      const empty = yield* Effect.flip(unaccounted("-ss", "5", "-f", "mp4", "file:../out/a.mkv"))
      expect(empty).toMatchObject({
        _tag: "FfmpegFailed",
        reason: expect.stringContaining('"a.mkv" is empty')
      })
      expect(yield* unaccounted("-f", "framemd5", "file:../out/a.mkv")).toMatchObject({
        warnings: ['the output "a.mkv" could not be checked: ffprobe does not read it']
      })
    }).pipe(Effect.provide(opened({ workRoot: aRoot() })))
  )

  for (const { title, size, args } of [
    { title: "noticed on the way", size: "400k", args: ["-f", "rawvideo"] },
    // Here ffmpeg 5.1 ends with status 0.
    { title: "noticed when the file is closed", size: "8k", args: ["-c:v", "mpeg4", "-f", "matroska"] }
  ]) {
    it.scopedLive.runIf(process.getuid?.() === 0)(`a full disk ${title} is Unavailable`, () =>
      Effect.gen(function* () {
        const disk = yield* smallDisk(size)
        const executor = yield* Effect.map(
          Layer.build(opened({ workRoot: join(disk, "work") })),
          Context.get(Executor)
        )
        const full = plan(["-f", "lavfi", "-i", "testsrc=d=1", ...args, "file:../out/a.mkv"])
        const error = yield* Effect.flip(Stream.runDrain(executor.run(full)))
        expect(error).toMatchObject({
          _tag: "Unavailable",
          what: "no space left on the disk of the work directories"
        })
      })
    )
  }

  it.live("a device that is full is no full disk", () =>
    Effect.gen(function* () {
      const executor = yield* Executor
      const full = plan(["-f", "lavfi", "-i", "testsrc=d=1", "-f", "rawvideo", "file:/dev/full"])
      expect(yield* Effect.flip(Stream.runDrain(executor.run(full)))).toMatchObject({
        _tag: "FfmpegFailed",
        reason: expect.stringContaining("No space left on device")
      })
    }).pipe(Effect.provide(opened({ workRoot: aRoot() })))
  )

  for (const option of ["ffmpegPath", "ffprobePath"] as const) {
    it.live(`says what to do when there is no program at ${option}`, () =>
      Effect.gen(function* () {
        const workRoot = aRoot()
        const error = yield* Effect.flip(
          Effect.scoped(Layer.build(opened({ workRoot, [option]: "/nowhere/program" })))
        )
        expect(error).toBeInstanceOf(Unavailable)
        expect(error.what).toContain("/nowhere/program")
        expect(error.what).toContain(option)
        expect(yield* remainsOf(workRoot)).toEqual([])
      })
    )
  }

  it.live("a work root that is a file is Unavailable", () =>
    Effect.gen(function* () {
      const workRoot = aRoot()
      yield* Effect.promise(() => writeFile(workRoot, ""))
      expect(yield* Effect.flip(Effect.scoped(Layer.build(opened({ workRoot }))))).toBeInstanceOf(Unavailable)
    })
  )

  it.live("when our process is killed, ffmpeg is gone, and the next start removes what it left", () =>
    Effect.gen(function* () {
      const workRoot = aRoot()
      const program = yield* Effect.promise(() => bundle(way, { workRoot, ...confinement }))
      const parent = execa("node", [program], { reject: false, stderr: "inherit" })
      yield* Effect.addFinalizer(() =>
        Effect.promise(async () => {
          parent.kill("SIGKILL")
          await parent
          // Only when the test has failed is there one.
          for (const pid of await processesIn(workRoot)) process.kill(Number(pid), "SIGKILL")
        })
      )
      yield* Effect.promise(() => once(parent.stdout, "data"))
      expect(yield* Effect.promise(() => ffmpegsIn(workRoot))).toHaveLength(1)
      expect(parent.kill("SIGKILL")).toBe(true)
      yield* Effect.promise(() => parent)
      yield* until(
        Effect.promise(() => processesIn(workRoot)),
        (processes) => processes.length === 0
      )
      expect(yield* Effect.promise(() => readdir(workRoot))).toHaveLength(1)
      yield* Effect.scoped(Layer.build(opened({ workRoot })))
      expect(yield* Effect.promise(() => readdir(workRoot))).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("a start leaves the work of living processes alone", () =>
    Effect.gen(function* () {
      const workRoot = aRoot()
      yield* Effect.gen(function* () {
        const fiber = yield* begin(endless)
        yield* Effect.scoped(Layer.build(opened({ workRoot })))
        expect(yield* Effect.promise(() => readdir(workRoot))).toHaveLength(1)
        expect(yield* Effect.promise(() => ffmpegsIn(workRoot))).toHaveLength(1)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(opened({ workRoot })))
    })
  )
})

describe("ffprobe's limits", () => {
  const request = aProbeRequest({ sections: { format: "all" } })
  const probe = Effect.gen(function* () {
    const storage = yield* Storage
    const prober = yield* Prober
    const content = yield* Effect.promise(() => readFile(yuv))
    const key = BlobKey("dir_1/blob_1/a.y4m")
    yield* storage.write(key, Stream.make(content), content.length)
    return yield* prober.probe({ _tag: "Blob", key, name: FileName("a.y4m"), bytes: content.length }, request)
  })
  const yuv = join(folder, "a.y4m")

  for (const { title, limits, is, says } of [
    { title: "a long report", limits: { probeReportBytes: 50 }, is: ProbeFailed, says: "fewer fields" },
    {
      title: "a long probe",
      limits: { probeSeconds: 0.001 },
      is: RunLimitExceeded,
      says: "FFprobe analysis failed: the probe took longer than 0.001 s"
    }
  ]) {
    it.live(`${title} is ${is.name}`, () =>
      Effect.gen(function* () {
        yield* Effect.promise(() => writeFile(yuv, `YUV4MPEG2 W2 H2 F25:1\nFRAME\n${"x".repeat(6)}`))
        const workRoot = aRoot()
        const error = yield* Effect.provide(Effect.flip(probe), openedAs({ workRoot }, limits))
        expect(error).toBeInstanceOf(is)
        expect(error.message).toContain(says)
        expect(yield* remainsOf(workRoot)).toEqual([])
      })
    )
  }
})

/** A program that runs `endless` and writes a word when it has begun. */
const bundle = (way: string, options: FfmpegOptions): Promise<string> =>
  bundled(
    join(folder, `bundle ${way}`),
    `import { Effect, Layer, Stream } from "effect"
     import { Executor } from "${core}/ports/executor.ts"
     import { memoryStorage } from "${adapters}/memory/storage.ts"
     import { ffmpeg } from "${adapters}/ffmpeg/index.ts"
     const program = Effect.flatMap(Executor, (executor) => Stream.runForEach(executor.run(${JSON.stringify(endless)}), () => Effect.sync(() => console.log("running"))))
     Effect.runPromise(Effect.provide(program, ffmpeg(${JSON.stringify(options)}).pipe(Layer.provide(memoryStorage), Layer.provideMerge(memoryStorage))))`
  )
