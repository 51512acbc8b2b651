import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { expect, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { afterAll } from "vitest"
import { BlobKey, DirId, FileName } from "../../../core/ids.js"
import { defaultLimits, Limits } from "../../../core/limits.js"
import { makePlan, tooLong } from "../../../core/plan.js"
import { Executor } from "../../../core/ports/executor.js"
import { Storage } from "../../../core/ports/storage.js"
import type { ResolvedTask } from "../../../core/task.js"
import { memoryStorage } from "../../memory/storage.js"
import { ffmpeg } from "../index.js"

/** Text of a caller, of any length, must not turn a failed run into one that is retried. */

const folder = mkdtempSync(join(tmpdir(), "tenant-text-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const picture = promisify(execFile)(
  "ffmpeg",
  [..."-v error -f lavfi -i testsrc=s=64x48:d=0.2:r=10 -c:v mpeg4 -f matroska -".split(" ")],
  {
    encoding: "buffer"
  }
)

/** Two pictures for one name: fails once the filters have printed. */
const twoPictures = (filters: string): Partial<ResolvedTask> => ({
  outputs: [{ name: FileName("a.jpg"), options: ["-vf", filters], maps: [] }]
})

const printing = (text: string) => twoPictures(`metadata=mode=add:key=k:value='${text}',metadata=mode=print`)

const taskOver = (over: Partial<ResolvedTask>) =>
  Effect.gen(function* () {
    const key = BlobKey("dir_1/blob_1/in.mkv")
    const storage = yield* Storage
    const { stdout } = yield* Effect.promise(() => picture)
    yield* storage.write(key, Stream.make(stdout), stdout.length)
    return {
      directory: DirId("dir_1"),
      inputs: [{ name: FileName("in.mkv"), key, bytes: stdout.length, options: [] }],
      outputs: [],
      filterComplex: null,
      ...over
    } satisfies ResolvedTask
  })

const failureOf = (over: Partial<ResolvedTask>) =>
  Effect.gen(function* () {
    const task = yield* taskOver(over)
    const { run } = yield* Executor
    return yield* Effect.flip(Stream.runDrain(run(makePlan(task, "job_1-1", defaultLimits))))
  })

const words = {
  "a full disk": "y\\: No space left on device",
  "a disk quota": "y\\: Disk quota exceeded",
  "a stop": "Exiting normally, received signal 15.",
  "a limit of time": "Exiting normally, received signal 24.",
  "a limit of size": "y\\: File too large",
  "a lost input": "[http @ 0x1] Stream ends prematurely at 1, should be 2",
  "a starter": "bwrap\\: no"
}
const breaks = {
  "in a line": "",
  "after a newline": "x\n",
  "after a carriage return": "x\r",
  "after an escape": "x\u001b[2K\r"
}
const texts = Object.entries(words).flatMap(([what, text]) =>
  Object.entries(breaks).map(([where, before]) => [`${what} ${where}`, before + text] as const)
)
/** All combinations with `npm run test:long`; otherwise each word and each line break once. */
const chosen =
  process.env.FFKILN_TEST_LONG === "1"
    ? texts
    : texts.filter((_, index) => index % 5 === 0 || index % 4 === 1)

const ports = ffmpeg({ workRoot: join(folder, "work") }).pipe(
  Layer.provideMerge(memoryStorage),
  Layer.provide(Layer.succeed(Limits, defaultLimits))
)

layer(ports, { excludeTestServices: true })("a caller's text", (it) => {
  it.effect.each(chosen)("that speaks of %s", ([, text]) =>
    Effect.map(failureOf(printing(text)), (error) => {
      if (error._tag !== "FfmpegFailed") return expect.fail(`${error._tag} ${JSON.stringify(error)}`)
      expect(error.reason).toMatch(/^several frames for one picture/)
      expect(error.reason).not.toMatch(/(?!\n)\p{Cc}/u)
    })
  )

  it.effect("may be as many arguments as are allowed", () =>
    Effect.gen(function* () {
      const given = Array.from({ length: 3950 }, () => ["-metadata", "a=b"]).flat()
      const task = yield* taskOver({
        outputs: [{ name: FileName("a.mkv"), options: ["-c", "copy", ...given], maps: [] }]
      })
      const plan = makePlan(task, "job_1-2", defaultLimits)
      expect(plan.args.length).toBeGreaterThan(defaultLimits.commandArguments - 100)
      expect(tooLong(task, defaultLimits)).toBeUndefined()
      const { run } = yield* Executor
      yield* Stream.runDrain(run(plan))
    })
  )

  it.effect.each([
    ["one argument of 192 KiB", /longer together/, [`drawtext=text=${"x".repeat(192 * 1024)}`]],
    [
      "40 arguments of 100 KiB",
      /longer together/,
      Array.from({ length: 40 }, () => `drawtext=text=${"x".repeat(100 * 1024)}`)
    ],
    [
      "more outputs than a run may open",
      /longer together|limit openFiles/,
      Array.from({ length: 3100 }, () => "null")
    ],
    ["a NUL", /NUL character/, ["drawtext=text=a\0b"]]
  ] as const)("that no program can be given: %s", ([, reason, graphs]) =>
    Effect.map(
      failureOf({
        outputs: graphs.map((graph, index) => ({
          name: FileName(`${index}.mp4`),
          options: ["-vf", graph],
          maps: []
        }))
      }),
      (error) => expect(error).toMatchObject({ _tag: "FfmpegFailed", reason: expect.stringMatching(reason) })
    )
  )
})
