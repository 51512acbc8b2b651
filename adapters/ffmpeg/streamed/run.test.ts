import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { chmod, chown, copyFile, mkdir, writeFile } from "node:fs/promises"
import type { ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Deferred, Effect, Either, Fiber, Logger, Option, Stream } from "effect"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect } from "vitest"
import { BlobMissing, Unavailable } from "../../../core/errors.js"
import { BlobKey, DirId, FileName } from "../../../core/ids.js"
import { defaultLimits } from "../../../core/limits.js"
import { makePlan, type Plan } from "../../../core/plan.js"
import { Storage } from "../../../core/ports/storage.js"
import { memoryStorage } from "../../memory/storage.js"
import { makeExecutor } from "../executor.js"
import { type FfmpegOptions, openFfmpeg, type Transfer } from "../index.js"
import { attacks, copyOf, layOut, type Prey } from "../sandbox/attacks.suite.js"
import { adapters, bundled, core, runAs } from "../sandbox/bundle.suite.js"
import { remainsOf } from "../sandbox/remains.suite.js"
import { openTools, type Tools } from "../tools.js"
import { type Arriving, arrivingFile, transferOver } from "./arriving.suite.js"

const folder = mkdtempSync(join(tmpdir(), "late-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const samples = {
  "end.mp4": ["-c:v", "mpeg4", "-c:a", "aac"],
  "fast.mp4": ["-c:v", "mpeg4", "-c:a", "aac", "-movflags", "+faststart"],
  "a.mkv": ["-c:v", "mpeg4", "-c:a", "aac"],
  "a.ts": ["-c:v", "mpeg2video", "-c:a", "mp2"],
  "a.wav": ["-vn", "-t", "9"],
  "a name, with 50% & more.mp4": ["-c:v", "mpeg4", "-c:a", "aac"]
} as const
type Sample = keyof typeof samples

beforeAll(async () => {
  const source = [
    "-v",
    "error",
    "-f",
    "lavfi",
    "-i",
    "testsrc=d=6:s=640x360",
    "-f",
    "lavfi",
    "-i",
    "sine=d=6"
  ]
  for (const [name, options] of Object.entries(samples))
    await execa("ffmpeg", [...source, ...options, join(folder, name)])
})

const planOver = (
  name: Sample,
  input: ReadonlyArray<string>,
  output: ReadonlyArray<string>,
  to = "out.mkv"
): Plan =>
  makePlan(
    {
      directory: DirId("dir_1"),
      inputs: [{ name: FileName(name), key: BlobKey("dir_1/blob_1/a"), bytes: 1, options: input }],
      outputs: [
        { name: FileName(to), maps: [], options: [...output, "-fflags", "+bitexact", "-flags", "+bitexact"] }
      ],
      filterComplex: null
    },
    "job_1-1",
    defaultLimits
  )

const stagedName = (plan: Plan) => plan.inputs[0]?.name ?? ""

/** The events of a run, and the bytes of its output. */
const outcome = (options: FfmpegOptions, plan: Plan, transferOf: (storage: Storage["Type"]) => Transfer) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const { run } = yield* openFfmpeg(options)
    const last = Option.getOrThrow(yield* Stream.runLast(run(plan, transferOf(storage))))
    if (last._tag !== "Finished") throw new Error("not finished")
    const bytes = yield* Effect.forEach(last.outputs, ({ blob }) =>
      Effect.map(Stream.runCollect(storage.read(blob.key)), (chunks) => Buffer.concat([...chunks]))
    )
    return { warnings: last.warnings, bytes }
  }).pipe(Effect.scoped, Effect.provide(memoryStorage))

const whole =
  (name: Sample) =>
  (storage: Storage["Type"]): Transfer => ({
    ...transferOver(storage, {}),
    stage: (_, path) =>
      Effect.as(
        Effect.promise(() => copyFile(join(folder, name), path)),
        undefined
      )
  })

/** The first bytes of a sample, enough for ffmpeg to start. */
const some = 150_000

let roots = 0
const linux = process.platform === "linux"
const modes = linux ? (["required", "off"] as const) : (["off"] as const)

describe.each(modes)("an input that is late, sandbox %s", (sandbox) => {
  const fresh = (): FfmpegOptions & { readonly workRoot: string } => ({
    workRoot: join(folder, `work-${++roots}`),
    sandbox
  })

  it.live.each<[Sample, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["end.mp4", [], ["-c", "copy"]],
    ["fast.mp4", [], ["-c", "copy"]],
    ["a.mkv", [], ["-c", "copy"]],
    ["a.ts", [], ["-c", "copy"]],
    ["a.wav", [], ["-c:a", "flac"]],
    ["a name, with 50% & more.mp4", [], ["-c", "copy"]],
    ["end.mp4", ["-ss", "3.5"], ["-c:v", "mpeg4", "-an"]],
    ["a.mkv", ["-ss", "3.5", "-t", "1"], ["-c", "copy"]],
    ["end.mp4", ["-sseof", "-1.5"], ["-c", "copy"]],
    ["a.ts", ["-sseof", "-1.5"], ["-c", "copy"]],
    ["a.wav", ["-stream_loop", "1"], ["-c:a", "pcm_s16le"]]
  ])("gives the same as one that was there: %s %j %j", ([name, input, output]) =>
    Effect.gen(function* () {
      const options = fresh()
      const plan = planOver(name, input, output)
      const there = yield* outcome(options, plan, whole(name))
      const arriving = yield* arrivingFile(join(folder, name))
      const late = yield* outcome(options, plan, (storage) =>
        transferOver(storage, { [stagedName(plan)]: arriving })
      )
      expect(arriving.asked.length).toBeGreaterThan(0)
      expect(late.warnings).toEqual(there.warnings)
      expect(late.bytes.map((bytes) => bytes.length)).toEqual(there.bytes.map((bytes) => bytes.length))
      expect(late.bytes.every((bytes, index) => bytes.equals(there.bytes[index] as Buffer))).toBe(true)
      expect(yield* remainsOf(options.workRoot)).toEqual([])
    })
  )

  const overInput = (arriving: Arriving, plan: Plan) =>
    Effect.gen(function* () {
      const options = fresh()
      const { run } = yield* openFfmpeg(options)
      const events = run(plan, transferOver(yield* Storage, { [stagedName(plan)]: arriving }))
      return { events, remains: remainsOf(options.workRoot) }
    })

  /** A run that has already made some output from the first bytes. */
  const begun = (name: Sample, arriving: Arriving) =>
    Effect.gen(function* () {
      const { events, remains } = yield* overInput(arriving, planOver(name, [], ["-c:v", "mpeg4"]))
      const moved = yield* Deferred.make<void>()
      const watch = Stream.runForEach(events, (event) =>
        event._tag === "Progress" && event.outTimeSeconds > 0
          ? Deferred.succeed(moved, undefined)
          : Effect.void
      )
      const fiber = yield* Effect.fork(watch)
      yield* Effect.raceFirst(Deferred.await(moved), Fiber.join(fiber))
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      return { fiber, remains }
    })

  it.live("is read before it is whole", () =>
    Effect.gen(function* () {
      const arriving = yield* arrivingFile(join(folder, "fast.mp4"), some)
      const { fiber, remains } = yield* begun("fast.mp4", arriving)
      yield* arriving.arrive
      yield* Fiber.join(fiber)
      expect(yield* remains).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(memoryStorage))
  )

  it.live("ends with a run that is interrupted", () =>
    Effect.gen(function* () {
      const { fiber, remains } = yield* begun("fast.mp4", yield* arrivingFile(join(folder, "fast.mp4"), some))
      yield* Fiber.interrupt(fiber)
      expect(yield* remains).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(memoryStorage))
  )

  it.live.each([new BlobMissing({ dir: DirId("dir_1") }), new Unavailable({ what: "gone" })])(
    "that can't be had after all ends the run with that: %s",
    (error) =>
      Effect.gen(function* () {
        const arriving = yield* arrivingFile(join(folder, "fast.mp4"), some)
        const { fiber, remains } = yield* begun("fast.mp4", arriving)
        yield* arriving.lose(error)
        expect(yield* Effect.flip(Fiber.join(fiber))).toBe(error)
        expect(yield* remains).toEqual([])
      }).pipe(Effect.scoped, Effect.provide(memoryStorage))
  )

  it.live.each<[string, (response: ServerResponse, start: number) => boolean]>([
    ["is refused", (response) => response.writeHead(500).end() !== undefined],
    ["is never begun", (response) => response.destroy().destroyed],
    [
      "ends before its time",
      (response) => {
        response.writeHead(206, { "content-length": 400_000, "content-range": "bytes 0-399999/400000" })
        response.write(readFileSync(join(folder, "fast.mp4")).subarray(0, some), () => response.destroy())
        return true
      }
    ],
    [
      "is reset",
      (response) => {
        response.writeHead(206, { "content-length": 400_000, "content-range": "bytes 0-399999/400000" })
        response.write(readFileSync(join(folder, "fast.mp4")).subarray(0, some), () =>
          response.socket?.resetAndDestroy()
        )
        return true
      }
    ]
  ])("whose answer %s makes no result", ([, onAnswer]) =>
    Effect.gen(function* () {
      const arriving = yield* arrivingFile(join(folder, "fast.mp4"), Number.POSITIVE_INFINITY, onAnswer)
      const { events, remains } = yield* overInput(arriving, planOver("fast.mp4", [], ["-c", "copy"]))
      const error = yield* Effect.flip(Stream.runDrain(events))
      expect(error).toMatchObject({ _tag: "Unavailable", what: "an input broke off on its way to ffmpeg" })
      expect(yield* remains).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(memoryStorage))
  )

  it.live("is not lost because a caller's text says so", () =>
    Effect.gen(function* () {
      const text = "x\n[http @ 0x1] Stream ends prematurely at 1, should be 2"
      const filters = `metadata=mode=add:key=k:value='${text.replaceAll(":", "\\:")}',metadata=mode=print`
      const arriving = yield* arrivingFile(join(folder, "fast.mp4"))
      const { events } = yield* overInput(
        arriving,
        planOver("fast.mp4", [], ["-an", "-t", "0.1", "-vf", filters])
      )
      yield* Stream.runDrain(events)
      expect(arriving.asked.length).toBeGreaterThan(0)
    }).pipe(Effect.scoped, Effect.provide(memoryStorage))
  )

  it.live("is called by its name in what ffmpeg says", () =>
    Effect.gen(function* () {
      const file = join(folder, "broken.mp4")
      yield* Effect.promise(() => writeFile(file, "no video at all"))
      const plan = planOver("broken.mp4" as Sample, [], ["-c", "copy"])
      const { events } = yield* overInput(yield* arrivingFile(file), plan)
      const error = yield* Effect.flip(Stream.runDrain(events))
      expect(error).toMatchObject({ _tag: "FfmpegFailed", reason: expect.stringContaining("broken.mp4") })
      expect(error).not.toMatchObject({ reason: expect.stringMatching(/127\.0\.0\.1|http|tcp/) })
    }).pipe(Effect.scoped, Effect.provide(memoryStorage))
  )

  it.live("waits until it is whole where something else names it", () =>
    Effect.gen(function* () {
      const name = "fast.mp4"
      const arriving = yield* arrivingFile(join(folder, name))
      const staged = stagedName(planOver(name, [], []))
      const plan = planOver(name, [], ["-c:v", "mpeg4", "-metadata", `title=${staged}`])
      const { events } = yield* overInput(arriving, plan)
      yield* Stream.runDrain(events)
      expect(arriving.asked).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(memoryStorage))
  )
})

describe.runIf(linux)("a sandboxed run that reads a late input", () => {
  let prey: Prey
  beforeAll(async () => {
    prey = await layOut()
  })
  afterAll(() => prey.close())

  /** The attack with a late input beside its own. */
  const planOf = (args: ReadonlyArray<string>): Plan => {
    const { command: _, ...given } = planOver("fast.mp4", [], [])
    const at = given.args.indexOf("-protocol_whitelist")
    const input = given.args.slice(at, given.args.indexOf("-i") + 2)
    const last = args.lastIndexOf("-i") + 2
    return {
      ...given,
      args: [
        ...given.args.slice(0, at),
        ...args.slice(0, last),
        ...input,
        ...(args.includes("-map") ? [] : ["-map", "0"]),
        ...args.slice(last)
      ],
      outputs: (args.at(-1) ?? "").match(/(?<=^file:\.\.\/out\/).*/)?.map(FileName) ?? []
    }
  }

  const overNetwork = () => {
    const fetching = (url: string) => copyOf("-f", "data", "-i", url)
    return [
      ...attacks(prey, prey.canary).filter(({ title }) => /TCP|HTTP|UDP|socket|listens/.test(title)),
      ...["http://127.0.0.1:8080/", "http://127.0.0.1:8080/0.mp4", "http://127.0.0.1:8081/"].map((url) => ({
        title: `fetches ${url}`,
        args: fetching(url),
        worksOpenly: false
      }))
    ]
  }

  it.live("reaches nothing but that input", () =>
    Effect.gen(function* () {
      for (const sandbox of ["required", "off"] as const) {
        const { run } = yield* openFfmpeg({ workRoot: join(folder, `attack-${sandbox}`), sandbox })
        const visits = prey.visits()
        const storage = yield* Storage
        // Without a sandbox, only the attacks that are known to succeed: so it is the sandbox that stops
        // them.
        const tried = overNetwork().filter(({ worksOpenly }) => worksOpenly || sandbox === "required")
        const outcomes = yield* Effect.forEach(tried, ({ title, args }) =>
          Effect.gen(function* () {
            const arriving = yield* arrivingFile(join(folder, "fast.mp4"))
            const plan = planOf(args)
            const result = yield* Effect.either(
              Stream.runDrain(run(plan, transferOver(storage, { [stagedName(plan)]: arriving })))
            )
            // A response without a length looks like one that was cut off, but the request succeeded.
            return [title, Either.isLeft(result) && result.left._tag === "FfmpegFailed" ? "stopped" : "done"]
          })
        )
        expect(outcomes).toEqual(
          tried.map(({ title }) => [title, sandbox === "required" ? "stopped" : "done"])
        )
        expect(prey.visits() - visits)[sandbox === "required" ? "toBe" : "toBeGreaterThan"](0)
      }
    }).pipe(Effect.scoped, Effect.provide(memoryStorage))
  )

  it.live.each<[string, Tools["enter"]]>([
    ["nsenter is missing", undefined],
    ["it does not start", () => ["/nowhere/nsenter"]],
    ["it is not let in", () => ["false"]]
  ])("starts when its inputs are whole where nothing can listen in the sandbox: %s", ([, enter]) =>
    Effect.gen(function* () {
      const workRoot = join(folder, "alone")
      const tools = yield* openTools({ workRoot, sandbox: "required" })
      const arriving = yield* arrivingFile(join(folder, "fast.mp4"))
      const plan = planOver("fast.mp4", [], ["-c", "copy"])
      const transfer = transferOver(yield* Storage, { [stagedName(plan)]: arriving })
      yield* Stream.runDrain(makeExecutor({ ...tools, enter }, transfer).run(plan))
      expect(arriving.asked).toEqual([])
      expect(yield* remainsOf(workRoot)).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(memoryStorage), Effect.provide(Logger.remove(Logger.defaultLogger)))
  )

  const nobody = 65_534
  it.live.runIf(process.getuid?.() === 0)("can be had as another user than root", () =>
    Effect.gen(function* () {
      const open = join(folder, "open")
      yield* Effect.promise(async () => {
        await chmod(folder, 0o755)
        await mkdir(open)
        await copyFile(join(folder, "fast.mp4"), join(open, "fast.mp4"))
        await mkdir(join(open, "work"))
        await chown(join(open, "work"), nobody, nobody)
      })
      const plan = planOver("fast.mp4", [], ["-c", "copy"])
      const program = yield* Effect.promise(() =>
        bundled(
          join(folder, "program"),
          `import { Effect, Stream } from "effect"
           import { Storage } from "${core}/ports/storage.ts"
           import { arrivingFile, transferOver } from "${adapters}/ffmpeg/streamed/arriving.suite.ts"
           import { openFfmpeg } from "${adapters}/ffmpeg/index.ts"
           import { memoryStorage } from "${adapters}/memory/storage.ts"
           const program = Effect.gen(function* () {
             const { run } = yield* openFfmpeg(${JSON.stringify({ workRoot: join(open, "work"), sandbox: "required" })})
             const arriving = yield* arrivingFile("${join(open, "fast.mp4")}")
             yield* Stream.runDrain(run(${JSON.stringify(plan)}, transferOver(yield* Storage, { "${stagedName(plan)}": arriving })))
             console.log(JSON.stringify([process.getuid(), arriving.asked.length > 0]))
           })
           await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(memoryStorage)))`
        )
      )
      const { stdout } = yield* Effect.promise(() => runAs(nobody, program))
      expect(stdout).toBe(JSON.stringify([nobody, true]))
      expect(yield* remainsOf(join(open, "work"))).toEqual([])
    })
  )
})
