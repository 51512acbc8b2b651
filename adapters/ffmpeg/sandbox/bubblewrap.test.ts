import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { chmod, chown, mkdir, readdir, readFile, readlink, rm } from "node:fs/promises"
import { availableParallelism, tmpdir } from "node:os"
import { basename, join } from "node:path"
import { it } from "@effect/vitest"
import { Deferred, Effect, Either, Fiber, Layer, Option, Stream } from "effect"
import { afterAll, beforeAll, describe, expect } from "vitest"
import { BlobKey, FileName } from "../../../core/ids.js"
import { defaultLimits, Limits, type LimitValues } from "../../../core/limits.js"
import type { Plan } from "../../../core/plan.js"
import { Executor } from "../../../core/ports/executor.js"
import { Storage } from "../../../core/ports/storage.js"
import { memoryStorage } from "../../memory/storage.js"
import { type FfmpegOptions, ffmpeg } from "../index.js"
import { attacks, copyOf, layOut, type Prey, untouched } from "./attacks.suite.js"
import { openSandbox } from "./bubblewrap.js"
import { adapters, bundled, core, runAs } from "./bundle.suite.js"
import { launch } from "./launch.js"
import { ffmpegsIn, processesIn, remainsOf } from "./remains.suite.js"
import { readHardLimits, resourceLimits } from "./rlimits.js"
import { sandboxedWays, type Way, ways } from "./ways.suite.js"
import { openWorkRoot, workDirectory } from "./work-directory.js"

const linux = process.platform === "linux"
const isRoot = process.getuid?.() === 0

const folder = mkdtempSync(join(tmpdir(), "sandbox-"))
let prey: Prey
beforeAll(async () => {
  prey = await layOut()
  await chmod(folder, 0o755)
})
afterAll(async () => {
  await prey.close()
  rmSync(folder, { recursive: true })
})

const layer = (options: FfmpegOptions, limits: Partial<LimitValues> = {}) =>
  ffmpeg(options).pipe(
    Layer.provideMerge(memoryStorage),
    Layer.provide(Layer.succeed(Limits, { ...defaultLimits, ...limits }))
  )

const plan = (args: ReadonlyArray<string>, outputs: ReadonlyArray<string> = []): Plan => ({
  args: ["-hide_banner", "-nostdin", "-y", "-v", "verbose", "-nostats", "-progress", "pipe:1", ...args],
  inputs: [],
  outputs: outputs.map(FileName),
  outputPrefix: "dir_1/job_1-1/",
  timeline: { inputs: [], outputs: [] },
  limits: { seconds: 60, outputBytes: 1e8, outputFiles: 100 }
})

const run = (given: Plan) => Effect.flatMap(Executor, (executor) => Stream.runLast(executor.run(given)))

/** What is to come of an attack: had it brought nothing, it would have failed. */
const outputsOf = (args: ReadonlyArray<string>) => (args.at(-1) ?? "").match(/(?<=^file:\.\.\/out\/).*/) ?? []

/** A run of somebody else, with a file of theirs, for as long as `use` takes; the path of that file. */
const besideNeighbour = <A, E, R>(workRoot: string, use: (file: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const content = Buffer.from(prey.secret)
    const key = (yield* storage.write(neighbourKey, Stream.make(content), content.length)).key
    const begun = yield* Deferred.make<void>()
    const endless = plan(
      ["-re", "-f", "lavfi", "-i", "testsrc=s=64x64", "-c:v", "mpeg4", "-f", "matroska", "file:../out/n"],
      ["n"]
    )
    const given = { ...endless, inputs: [{ name: FileName("private.txt"), key, bytes: content.length }] }
    const executor = yield* Executor
    const neighbour = yield* Effect.fork(
      Stream.runForEach(executor.run(given), () => Deferred.succeed(begun, undefined))
    )
    yield* Effect.raceFirst(Deferred.await(begun), Fiber.join(neighbour))
    const [work = ""] = yield* Effect.promise(() => readdir(workRoot))
    const result = yield* use(join(workRoot, work, "in", "private.txt"))
    expect(Option.isNone(yield* Fiber.poll(neighbour))).toBe(true)
    yield* Fiber.interrupt(neighbour)
    return result
  })

const neighbourKey = BlobKey("dir_2/blob_2/private.txt")

describe.runIf(linux)("with no policy before it, the sandbox alone", () => {
  it.live.each(ways)(
    "stops every attack; each attack that needs no privileges succeeds without a sandbox: $way",
    ({ way, options }) =>
      Effect.gen(function* () {
        const workRoot = join(folder, way)
        yield* Effect.gen(function* () {
          const before = prey.visits()
          const outcomes = yield* besideNeighbour(workRoot, (file) =>
            Effect.forEach(attacks(prey, file), ({ title, args, worksOpenly }) =>
              Effect.map(Effect.either(run(plan(args, outputsOf(args)))), (result) => ({
                title,
                result,
                worksOpenly
              }))
            )
          )
          const done = outcomes.filter(({ result }) => Either.isRight(result)).map(({ title }) => title)
          if (options.sandbox === "required") {
            expect(done).toEqual([])
            expect(
              outcomes.filter(({ result }) => Either.isLeft(result) && result.left._tag !== "FfmpegFailed")
            ).toEqual([])
            expect(yield* Effect.promise(() => untouched(prey))).toBe(true)
            expect(prey.visits()).toBe(before)
          } else {
            expect(done).toEqual(
              expect.arrayContaining(
                outcomes.filter(({ worksOpenly }) => worksOpenly).map(({ title }) => title)
              )
            )
            expect(yield* Effect.promise(() => untouched(prey))).toBe(false)
            expect(prey.visits()).toBeGreaterThan(before + 3)
            yield* Effect.promise(() => rm(`/dev/shm/${basename(prey.folder)}`))
          }
        }).pipe(Effect.provide(layer({ workRoot, ...options })))
        expect(yield* remainsOf(workRoot)).toEqual([])
      })
  )
})

const nobody = 65_534

describe.runIf(linux && isRoot)("as another user than root", () => {
  it.live.each(sandboxedWays)("the sandbox can be had, and stops every attack: $way", ({ way, options }) =>
    Effect.gen(function* () {
      const workRoot = join(folder, `nobody ${way}`)
      yield* Effect.promise(() => mkdir(workRoot))
      yield* Effect.promise(() => chown(workRoot, nobody, nobody))
      const tried = attacks(prey, prey.canary).map(({ title, args }) => ({
        title,
        plan: plan(args, outputsOf(args))
      }))
      const program = yield* Effect.promise(() =>
        bundled(
          join(folder, `attacker ${way}`),
          `import { Effect, Layer, Stream } from "effect"
           import { Executor } from "${core}/ports/executor.ts"
           import { memoryStorage } from "${adapters}/memory/storage.ts"
           import { ffmpeg } from "${adapters}/ffmpeg/index.ts"
           const run = (executor, { title, plan }) => Effect.map(Effect.either(Stream.runLast(executor.run(plan))), (result) => [title, result.left?._tag ?? "done"])
           const program = Effect.flatMap(Executor, (executor) => Effect.forEach(${JSON.stringify(tried)}, (each) => run(executor, each)))
           const layer = ffmpeg(${JSON.stringify({ workRoot, ...options })}).pipe(Layer.provide(memoryStorage))
           console.log(JSON.stringify([process.getuid(), await Effect.runPromise(Effect.provide(program, layer))]))`
        )
      )
      const visits = prey.visits()
      const { stdout } = yield* Effect.promise(() => runAs(nobody, program))
      expect(JSON.parse(stdout)).toEqual([nobody, tried.map(({ title }) => [title, "FfmpegFailed"])])
      expect(prey.visits()).toBe(visits)
      expect(yield* remainsOf(workRoot)).toEqual([])
    })
  )
})

const failing = (given: Plan, limits: Partial<LimitValues>, { options }: Way) =>
  Effect.flip(run(given)).pipe(
    Effect.provide(layer({ workRoot: join(folder, "limits"), ...options }, limits))
  )

const endlessPicture = ["-f", "lavfi", "-i", "testsrc=s=640x360"]

const picture = () => ["-f", "lavfi", "-i", "testsrc=d=0.2:s=64x64"]

const excesses: ReadonlyArray<{
  readonly title: string
  readonly args: ReadonlyArray<string>
  readonly limits: Partial<LimitValues>
  readonly says: RegExp
  readonly onlyInside?: true
}> = [
  {
    title: "processor time",
    args: [...endlessPicture, "-f", "null", "-"],
    limits: { cpuPercent: 1, runSeconds: 60 / availableParallelism() },
    says: /more than 1 s of processor time/
  },
  {
    title: "processor time in an expression that never ends",
    args: ["-f", "lavfi", "-i", "aevalsrc=exprs='while(1,0)'", "-t", "1", "file:../out/a.mkv"],
    limits: { cpuPercent: 1, runSeconds: 60 / availableParallelism() },
    says: /more than 1 s of processor time/
  },
  {
    title: "the size of a file",
    args: [...endlessPicture, "-f", "rawvideo", "file:../out/a"],
    limits: { fileBytes: 5_000_000 },
    says: /larger than 5000000 bytes/
  },
  {
    title: "memory",
    args: [...picture(), "-vf", "scale=12000:12000", "-frames:v", "1", "file:../out/a.png"],
    limits: { memoryBytes: 600_000_000 },
    says: /not enough memory/
  },
  {
    title: "open files",
    args: [
      ...picture(),
      ...Array.from({ length: 30 }, (_, index) => ["-c:v", "mpeg4", `file:../out/${index}.mkv`]).flat()
    ],
    limits: { openFiles: 20 },
    says: /Too many open files/
  },
  {
    title: "processes",
    args: [...picture(), "-c:v", "libx264", "-threads", "16", "file:../out/a.mkv"],
    limits: { processes: 3 },
    // Of its libraries' threads ffmpeg says no more.
    says: /encoder could not be started/,
    onlyInside: true
  }
]

/** Where the kernel counts the processes of a run apart from others. */
const isCounted = ({ options }: Way) =>
  options.sandbox === "required" && (isRoot || options.sandboxKind === "bubblewrap")

describe.runIf(linux).each(ways)("a run that exceeds its limits, $way", (way) => {
  for (const { title, args, limits, says } of excesses.filter(
    ({ onlyInside }) => isCounted(way) || !onlyInside
  )) {
    it.live(`of ${title} ends and says so`, () =>
      Effect.gen(function* () {
        const error = yield* failing(plan(args), limits, way)
        expect(error.message).toMatch(says)
        expect(yield* remainsOf(join(folder, "limits"))).toEqual([])
      })
    )
  }
})

describe.runIf(linux)("a process in the sandbox", () => {
  it.live.each(sandboxedWays)(
    "has no privileges, a user that is not ours, and namespaces of its own: $way",
    ({ way, options }) =>
      Effect.gen(function* () {
        const workRoot = join(folder, `status ${way}`)
        yield* Effect.gen(function* () {
          yield* besideNeighbour(workRoot, () =>
            Effect.promise(async () => {
              const [pid = "none", ...others] = await ffmpegsIn(workRoot)
              expect(others).toEqual([])
              const namespaces = ["mnt", "net", "pid", "ipc", "uts", "cgroup", ...(isRoot ? [] : ["user"])]
              for (const kind of options.sandboxKind === "landlock" ? [] : namespaces) {
                expect(await readlink(`/proc/${pid}/ns/${kind}`)).not.toBe(
                  await readlink(`/proc/self/ns/${kind}`)
                )
              }
              const status = await readFile(`/proc/${pid}/status`, "utf8")
              const field = (name: string) => new RegExp(`^${name}:\\t(.*)$`, "m").exec(status)?.[1]?.trim()
              for (const name of ["CapInh", "CapPrm", "CapEff", "CapAmb"])
                expect([name, Number(`0x${field(name)}`)]).toEqual([name, 0])
              expect([field("NoNewPrivs"), field("Seccomp"), field("Groups")]).toEqual([
                "1",
                "2",
                isRoot ? "" : field("Groups")
              ])
              if (isRoot) expect(new Set(field("Uid")?.split("\t"))).not.toContain("0")
              expect(
                (await readFile(`/proc/${pid}/limits`, "utf8")).match(
                  /Max (address space|file size|open files|core file size) .*/g
                )
              ).toEqual([
                expect.stringMatching(/file size +2147483648 /),
                expect.stringMatching(/core file size +0 +0 /),
                expect.stringMatching(/open files +256 /),
                expect.stringMatching(/address space +17179869184 /)
              ])
            })
          )
        }).pipe(Effect.provide(layer({ workRoot, ...options })))
      })
  )

  it.live.each(sandboxedWays)(
    "shows a run no variable of the server in the environment of the first process: $way",
    ({ way, options, warm }) =>
      Effect.gen(function* () {
        const args = copyOf("-f", "data", "-i", "file:/proc/1/environ")
        const tried = yield* Effect.either(run(plan(args, ["a"])))
        // Under root that is another user's, and where it is kept loaded nothing that a run may read; else ffmpeg's own.
        if (isRoot || warm)
          return expect(tried).toMatchObject({
            left: { _tag: "FfmpegFailed", message: expect.stringContaining("Permission denied") }
          })
        const bytes = Buffer.concat([
          ...(yield* Stream.runCollect((yield* Storage).read(BlobKey("dir_1/job_1-1/a"))))
        ])
        expect(bytes.toString().split("\0").filter(Boolean).sort()).toEqual([
          "HOME=/tmp",
          "LANG=C.UTF-8",
          "PATH=/usr/bin:/bin",
          "PWD=/in"
        ])
      }).pipe(Effect.provide(layer({ workRoot: join(folder, `memory ${way}`), ...options })))
  )

  it.live.each(sandboxedWays)(
    "leaves nothing when it is ended, not even for others to reap: $way",
    ({ way, options, warm }) =>
      Effect.gen(function* () {
        const workRoot = join(folder, `ended ${way}`)
        const processes = yield* besideNeighbour(workRoot, () =>
          Effect.promise(() => processesIn(workRoot))
        ).pipe(Effect.provide(layer({ workRoot, ...options })))
        // bubblewrap outside, under root also inside, and ffmpeg; or ffmpeg alone.
        expect(processes).toHaveLength(warm ? 1 : isRoot ? 3 : 2)
        expect(processes.filter((id) => existsSync(`/proc/${id}`))).toEqual([])
      })
  )

  // The programs are shown to it for this test alone.
  it.live("can make no namespace and no socket, and sees no shell", () =>
    Effect.gen(function* () {
      const limits = resourceLimits(defaultLimits, 60)
      const root = yield* openWorkRoot(join(folder, "calls"))
      const options = {
        programs: ["unshare", "curl", "ffmpeg"],
        searchPath: process.env.PATH ?? "",
        hostLimits: readHardLimits(),
        temporaryBytes: 1e6
      }
      const { launcher, root: ours } = Either.getOrThrow(yield* openSandbox(root, options))
      const ended = (program: string, ...args: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          let words = ""
          const work = yield* workDirectory(ours)
          const onStderr = (chunk: Uint8Array) => {
            words += Buffer.from(chunk)
          }
          const end = yield* launch(
            { program, args, work, limits },
            { launcher, killSeconds: 2, onStdout: () => {}, onStderr }
          )
          return [Either.map(yield* Effect.either(end), ({ code }) => code === 0), words] as const
        }).pipe(Effect.scoped)
      expect(yield* ended("curl", "--version")).toEqual([Either.right(true), ""])
      for (const namespace of ["--user", "--net", "--mount", "--pid"]) {
        expect(yield* ended("unshare", namespace, "/usr/bin/curl", "--version")).toEqual([
          Either.right(false),
          expect.stringContaining("Operation not permitted")
        ])
      }
      const before = prey.visits()
      for (const where of [
        [`http://127.0.0.1:${prey.port}/`],
        ["--unix-socket", prey.socket, "http://localhost/"],
        ["--abstract-unix-socket", "any", "http://localhost/"]
      ]) {
        expect((yield* ended("curl", "-s", ...where))[0]).toEqual(Either.right(false))
      }
      expect(prey.visits()).toBe(before)
      for (const shell of ["/bin/sh", "/usr/bin/bash", "/usr/bin/env", "/usr/bin/node"]) {
        expect((yield* ended(shell, "-c", "true"))[0]).toMatchObject(Either.left({ _tag: "Unavailable" }))
      }
    }).pipe(Effect.scoped)
  )
})
