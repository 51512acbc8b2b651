import { randomUUID } from "node:crypto"
import { Cause, Chunk, Deferred, Effect, Exit, Fiber, type Layer, Option, Stream } from "effect"
import { BlobMissing, FfmpegFailed, RunLimitExceeded } from "../../errors.js"
import { BlobKey, type DirId, FileName } from "../../ids.js"
import { defaultLimits } from "../../limits.js"
import { makePlan, type Plan } from "../../plan.js"
import type { Timeline } from "../../timeline.js"
import { Executor, type RunEvent } from "../executor.js"
import { Storage } from "../storage.js"
import { expect, layer } from "./effect-tests.suite.js"
import { aDirId } from "./samples.suite.js"

export interface ExecutorSuiteOptions {
  /** Plans are run by a real ffmpeg. Otherwise the executor must only copy its first input to each output. */
  readonly ffmpeg: boolean
  /**
   * Progress is reported at intervals and without the output's length, as by a remote executor. Default:
   * false.
   */
  readonly sampled?: boolean
  /** Processes and directories that runs left on this machine. Checked after each test; must be empty. */
  readonly leftovers?: Effect.Effect<ReadonlyArray<string>>
}

type Ports = Executor | Storage

/** The tests of an `Executor`. */
export const executorSuite = <E>(
  name: string,
  ports: Layer.Layer<Ports, E>,
  options: ExecutorSuiteOptions
): void =>
  layer(ports, { excludeTestServices: true })(name, (it) => {
    const leavesNothing = Effect.map(options.leftovers ?? Effect.succeed([]), (left) =>
      expect(left).toEqual([])
    )
    const test = (title: string, program: Effect.Effect<void, unknown, Ports>) =>
      it.effect(title, () => Effect.zipLeft(program, leavesNothing))

    const clip = Effect.runSync(
      Effect.cached(Effect.suspend((): typeof makeClip => (options.ffmpeg ? makeClip : aBlob)))
    )
    /** A plan that copies the clip to each output. */
    const copying = (...outputs: ReadonlyArray<string>) =>
      Effect.map(clip, (blob) =>
        plan({
          inputs: [{ name: FileName("in.mkv"), ...blob }],
          args: [
            "-i",
            "file:in.mkv",
            ...outputs.flatMap((output) => ["-c", "copy", "-f", "matroska", `file:../out/${output}`])
          ],
          outputs
        })
      )

    test(
      "gives progress, then one Finished, last",
      Effect.gen(function* () {
        const events = yield* run(yield* copying("a.mkv"))
        expect(events.map(({ _tag }) => _tag)).toEqual([...events.slice(1).map(() => "Progress"), "Finished"])
        expect(events.length).toBeGreaterThan(1)
      })
    )

    test(
      "stores the outputs under the prefix, in the task's order, and says what the run cost",
      Effect.gen(function* () {
        const given = yield* copying("z.mkv", "a.mkv")
        const { outputs, inputBytes, seconds } = yield* finish(given)
        expect(outputs.map(({ name }) => name)).toEqual(["z.mkv", "a.mkv"])
        expect(outputs.map(({ blob }) => blob.key)).toEqual([
          `${given.outputPrefix}z.mkv`,
          `${given.outputPrefix}a.mkv`
        ])
        const storage = yield* Storage
        for (const { blob } of outputs) {
          const stat = Option.getOrThrow(yield* storage.stat(blob.key))
          expect(blob.bytes).toBe(stat.bytes)
          expect(blob.bytes).toBeGreaterThan(0)
        }
        expect(yield* stored(given)).toEqual([`${given.outputPrefix}a.mkv`, `${given.outputPrefix}z.mkv`])
        expect(inputBytes).toBe((yield* clip).bytes)
        expect(seconds).toBeGreaterThanOrEqual(0)
      })
    )

    test(
      "leaves its inputs as they are",
      Effect.gen(function* () {
        const before = yield* contentOf((yield* clip).key)
        yield* finish(yield* copying("a.mkv"))
        expect((yield* contentOf((yield* clip).key)).equals(before)).toBe(true)
      })
    )

    test(
      "a plan runs as often as it is asked to",
      Effect.gen(function* () {
        const given = yield* copying("a.mkv")
        const first = yield* finish(given)
        const again = yield* finish(given)
        expect(again.outputs.map(({ name, blob }) => [name, blob.bytes])).toEqual(
          first.outputs.map(({ name, blob }) => [name, blob.bytes])
        )
      })
    )

    test(
      "a missing input is BlobMissing, and nothing is stored",
      Effect.gen(function* () {
        const given = yield* copying("a.mkv")
        const gone = { name: FileName("gone.mkv"), key: BlobKey(`${aDirId()}/none/gone.mkv`), bytes: 1 }
        const error = yield* fail({ ...given, inputs: [...given.inputs, gone] })
        expect(error).toBeInstanceOf(BlobMissing)
        expect(yield* stored(given)).toEqual([])
      })
    )

    test(
      "more bytes than allowed end the run, and nothing is stored",
      Effect.gen(function* () {
        const given = yield* copying("a.mkv", "b.mkv")
        const error = yield* fail({
          ...given,
          limits: { ...given.limits, outputBytes: (yield* clip).bytes + 1 }
        })
        expect(error).toBeInstanceOf(RunLimitExceeded)
        expect(error.message).toContain(`${(yield* clip).bytes + 1} bytes`)
        expect(yield* stored(given)).toEqual([])
      })
    )

    test(
      "more files than allowed end the run, and nothing is stored",
      Effect.gen(function* () {
        const given = yield* copying("a.mkv", "b.mkv")
        const error = yield* fail({ ...given, limits: { ...given.limits, outputFiles: 1 } })
        expect(error).toBeInstanceOf(RunLimitExceeded)
        expect(error.message).toContain("1 file")
        expect(yield* stored(given)).toEqual([])
      })
    )

    test(
      "as many bytes and files as allowed are fine",
      Effect.gen(function* () {
        const given = yield* copying("a.mkv", "b.mkv")
        const { outputs } = yield* finish(given)
        const outputBytes = outputs.reduce((sum, { blob }) => sum + blob.bytes, 0)
        expect(
          (yield* finish({ ...given, limits: { ...given.limits, outputBytes, outputFiles: 2 } })).outputs
        ).toHaveLength(2)
      })
    )

    for (const hostile of hostileNames) {
      test(
        `takes and gives a file named ${hostile}`,
        Effect.gen(function* () {
          const given = yield* copying(hostile)
          const { outputs } = yield* finish({
            ...given,
            args: given.args.map((arg) => arg.replace("file:in.mkv", `file:${hostile}`)),
            inputs: given.inputs.map((input) => ({ ...input, name: FileName(hostile) }))
          })
          expect(outputs.map(({ name }) => name)).toEqual([hostile])
          expect(yield* stored(given)).toEqual([`${given.outputPrefix}${hostile}`])
        })
      )
    }

    test(
      "runs side by side do not see each other",
      Effect.gen(function* () {
        const plans = yield* Effect.forEach(["a.mkv", "a.mkv", "b.mkv"], (output) => copying(output))
        const results = yield* Effect.forEach(plans, finish, { concurrency: "unbounded" })
        for (const [index, { outputs }] of results.entries()) {
          const prefix = plans[index]?.outputPrefix
          expect(outputs.map(({ name, blob }) => blob.key === `${prefix}${name}`)).toEqual([true])
        }
      })
    )

    if (!options.ffmpeg) return

    test(
      "progress never goes back and ends near 1 where the length is known",
      Effect.gen(function* () {
        const given = yield* copying("a.mkv")
        // Played twice at its own speed: ffmpeg 7 and later read the first half of a second at once.
        const [slow, looped] = options.sampled
          ? [["-readrate", "0.4"], false]
          : [["-re", "-stream_loop", "1"], true]
        const length = looped ? 2 * clipSeconds : clipSeconds
        const copy = ["-i", "file:in.mkv", "-c", "copy", "-f", "matroska", "file:../out/a.mkv"]
        const timeline = { inputs: [{ ...whole, looped }], outputs: [{ ...whole, length }] }
        const events = yield* run({ ...given, args: [...reporting, ...slow, ...copy], timeline })
        const progress = events.filter((event) => event._tag === "Progress")
        const fractions = progress.map(({ fraction }) => fraction ?? Number.NaN)
        const known = fractions.filter((fraction) => !Number.isNaN(fraction))
        expect(known).toEqual([...known].sort((a, b) => a - b))
        if (options.sampled) {
          expect(known.length).toBeGreaterThan(0)
          return expect(known.every((fraction) => fraction > 0 && fraction <= 1)).toBe(true)
        }
        expect(fractions.length).toBeGreaterThan(2)
        expect(known.length).toBe(fractions.length)
        expect(fractions.at(-1)).toBeGreaterThanOrEqual(0.9)
        expect(fractions.at(-1)).toBeLessThanOrEqual(1)
        expect(fractions[0]).toBeLessThan(0.9)
        expect(progress.at(-1)?.outTimeSeconds).toBeCloseTo(length, 0)
      })
    )

    test(
      "progress has no fraction where the length is unknown",
      Effect.gen(function* () {
        const events = yield* run(
          plan({
            args: ["-f", "lavfi", "-i", "testsrc=d=1", "file:../out/a.mkv"],
            outputs: ["a.mkv"],
            timeline: { inputs: [whole], outputs: [whole] }
          })
        )
        const progress = events.filter((event) => event._tag === "Progress")
        expect(progress.length).toBeGreaterThan(0)
        expect(progress.map(({ fraction }) => fraction).every((fraction) => fraction === null)).toBe(true)
        if (!options.sampled) expect(progress.at(-1)?.outTimeSeconds).toBeGreaterThan(0)
      })
    )

    test(
      "what is stored is the whole of what ffmpeg made",
      Effect.gen(function* () {
        const { outputs } = yield* finish(yield* copying("a.mkv"))
        expect(yield* framesOf(outputs[0]?.blob.key)).toBe(clipSeconds * framesPerSecond)
      })
    )

    test(
      "interrupting the stream ends the run and leaves nothing",
      Effect.gen(function* () {
        const given = plan({ args: endless("a.mkv"), outputs: ["a.mkv"] })
        const begun = yield* Deferred.make<void>()
        const executor = yield* Executor
        const fiber = yield* Effect.fork(
          Stream.runForEach(executor.run(given), () => Deferred.succeed(begun, undefined))
        )
        yield* Deferred.await(begun)
        const exit = yield* Fiber.interrupt(fiber)
        expect(Exit.isInterrupted(exit)).toBe(true)
        expect(yield* stored(given)).toEqual([])
        yield* leavesNothing
      })
    )

    test(
      "a reader that has seen enough ends the run",
      Effect.gen(function* () {
        const given = plan({ args: endless("a.mkv"), outputs: ["a.mkv"] })
        const executor = yield* Executor
        yield* Stream.runDrain(Stream.take(executor.run(given), 1))
        expect(yield* stored(given)).toEqual([])
        yield* leavesNothing
      })
    )

    it.effect("completes where an output makes no file, and counts the others by their numbers", () =>
      Effect.gen(function* () {
        const picture = ["-f", "lavfi", "-i", "testsrc=d=0.2:s=64x64", "-f", "lavfi", "-i", "sine=d=0.2"]
        const alone = yield* finish(
          plan({ args: [...picture, "-f", "null", "file:../out/-"], outputs: [], discarded: [0] })
        )
        expect([alone.outputs, alone.warnings]).toEqual([[], []])
        const empty = ["-ss", "100", "-f", "null", "file:../out/-"]
        const both = yield* finish(
          plan({
            args: [
              ...picture,
              ...empty,
              "-map",
              "0",
              "-map",
              "1",
              "-af",
              "atrim=start=5",
              "file:../out/a.mkv"
            ],
            outputs: ["a.mkv"],
            discarded: [0]
          })
        )
        expect(both.outputs.map(({ name }) => name)).toEqual(["a.mkv"])
        expect(both.warnings).toEqual([
          "output 0, which makes no file, is empty: nothing was encoded",
          'stream 1 (audio) of the output "a.mkv" is empty'
        ])
      })
    )

    for (const { title, args, outputs, says } of refusals) {
      test(
        `publishes nothing when ${title}`,
        Effect.gen(function* () {
          const given = yield* copying("unused")
          const error = yield* fail({
            ...given,
            args: [...reporting, "-i", "file:in.mkv", ...args],
            outputs: outputs.map(FileName)
          })
          expect(error).toBeInstanceOf(FfmpegFailed)
          expect(error.message).toMatch(says)
          expect(error.message).not.toMatch(/0x[0-9a-f]{6}|\/in\/|\.\.\/out|file:/)
          expect(yield* stored(given)).toEqual([])
        })
      )
    }

    for (const { title, args, limits, says } of excesses) {
      test(
        `a run that never ends is ended by ${title}`,
        Effect.gen(function* () {
          const given = plan({ args, outputs: ["a"] })
          const error = yield* fail({ ...given, limits: { ...given.limits, ...limits } })
          expect(error).toBeInstanceOf(RunLimitExceeded)
          expect(error.message).toContain(says)
          expect(yield* stored(given)).toEqual([])
        })
      )
    }

    test(
      "runs a task as core plans it",
      Effect.gen(function* () {
        const source = yield* clip
        const task = {
          directory: aDirId(),
          inputs: [{ name: FileName("it's 100% [in].mkv"), ...source, options: ["-ss", "0.2"] }],
          outputs: [{ name: FileName('-o "ut".mp4'), options: ["-c:v", "mpeg4"], maps: ["[v]"] }],
          filterComplex: "[0:v]hflip[v]"
        }
        const events = yield* run(makePlan(task, "job_1-1", defaultLimits))
        const finished = events.at(-1)
        expect(finished).toMatchObject({
          outputs: [{ name: '-o "ut".mp4' }],
          warnings: [],
          inputBytes: source.bytes
        })
        expect(events.at(-2)).toMatchObject({ _tag: "Progress", ...(!options.sampled && { fraction: 1 }) })
        const frames = yield* framesOf(
          finished?._tag === "Finished" ? finished.outputs[0]?.blob.key : undefined
        )
        // 0.8 s, and a frame more where the sound's first packet moves the start.
        expect([20, 21]).toContain(frames)
      })
    )

    test(
      "every file of a sequence is a result, the named output's first",
      Effect.gen(function* () {
        const given = yield* copying("unused")
        const { outputs } = yield* finish({
          ...given,
          args: [
            ...[...reporting, "-i", "file:in.mkv", "-frames:v", "3", "file:../out/p%d.png"],
            ...[
              "-map",
              "0:v",
              "-c",
              "copy",
              "-f",
              "segment",
              "-segment_time",
              "0.5",
              "-segment_format",
              "matroska",
              "file:../out/a%03d.mkv"
            ]
          ],
          outputs: [FileName("p%d.png"), FileName("a%03d.mkv")]
        })
        expect(outputs.slice(0, 4).map(({ name }) => name)).toEqual([
          "p1.png",
          "p2.png",
          "p3.png",
          "a000.mkv"
        ])
      })
    )

    test(
      "files that came along with a named output follow it",
      Effect.gen(function* () {
        const given = yield* copying("unused")
        const { outputs } = yield* finish({
          ...given,
          args: [
            ...reporting,
            "-i",
            "file:in.mkv",
            "-c",
            "copy",
            "-f",
            "hls",
            "-hls_time",
            "0.5",
            "file:../out/list.m3u8"
          ],
          outputs: [FileName("list.m3u8")]
        })
        expect(outputs[0]?.name).toBe("list.m3u8")
        expect(outputs[1]?.name).toBe("list0.ts")
      })
    )

    test(
      "a stream that got nothing is a warning when others did",
      Effect.gen(function* () {
        const { outputs, warnings } = yield* finish(
          plan({
            args: [
              ...["-f", "lavfi", "-i", "testsrc=d=0.2", "-f", "lavfi", "-i", "sine=d=0.2"],
              ...["-map", "0", "-map", "1", "-af", "atrim=start=5", "file:../out/a.mkv"]
            ],
            outputs: ["a.mkv"]
          })
        )
        expect(outputs).toHaveLength(1)
        expect(warnings).toEqual(['stream 1 (audio) of the output "a.mkv" is empty'])
      })
    )
  })

const reporting = ["-hide_banner", "-nostdin", "-y", "-v", "verbose", "-nostats", "-progress", "pipe:1"]

const whole = { start: 0, length: null }
const noTimeline: Timeline = { inputs: [], outputs: [] }

const plan = (over: {
  readonly args: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly discarded?: ReadonlyArray<number>
  readonly inputs?: Plan["inputs"]
  readonly timeline?: Timeline
}): Plan => {
  const dir: DirId = aDirId()
  return {
    args: [...reporting, ...over.args],
    inputs: over.inputs ?? [],
    outputs: over.outputs.map((name) => FileName(name)),
    ...(over.discarded && { discarded: over.discarded }),
    outputPrefix: `${dir}/job_${randomUUID()}-1/`,
    timeline: over.timeline ?? noTimeline,
    limits: { seconds: 60, outputBytes: 64 * 1024 * 1024, outputFiles: 100 }
  }
}

const endless = (output: string): ReadonlyArray<string> => [
  ...["-re", "-f", "lavfi", "-i", "testsrc=s=64x64", "-c:v", "mpeg4", "-f", "matroska"],
  `file:../out/${output}`
]

const hostileNames = [
  "-x.mkv",
  "pipe:1",
  "concat:a",
  'it\'s "q" [1].mkv',
  "-",
  "@a;b&c$(d)`e`",
  "\u043f\u0440\u0438\u0432\u0435\u0442 \u{1f3ac}.mkv"
]

const refusals: ReadonlyArray<{
  readonly title: string
  readonly args: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly says: RegExp
}> = [
  {
    title: "an option is unknown",
    args: ["-crff", "3", "file:../out/a.mkv"],
    outputs: ["a.mkv"],
    says: /unknown option: -crff/
  },
  {
    title: "one output of two fails midway",
    args: [
      "-c",
      "copy",
      "file:../out/a.mkv",
      "-vf",
      "scale=33:33,format=yuv420p",
      "-c:v",
      "libx264",
      "file:../out/b.mp4"
    ],
    outputs: ["a.mkv", "b.mp4"],
    says: /even width and height/
  },
  {
    title: "nothing is left after the cut",
    args: ["-ss", "100", "file:../out/a.mkv"],
    outputs: ["a.mkv"],
    says: /"a\.mkv" is empty.*-ss/
  },
  {
    title: "no picture is left after the cut",
    args: ["-ss", "100", "-frames:v", "1", "file:../out/a.jpg"],
    outputs: ["a.jpg"],
    says: /(?:"a\.jpg"|an output) is empty.*-ss/
  },
  {
    title: "many frames go to one picture",
    args: ["file:../out/a.jpg"],
    outputs: ["a.jpg"],
    says: /-frames:v 1/
  },
  {
    title: "no file comes of an output",
    args: ["-f", "null", "file:../out/a.mkv"],
    outputs: ["a.mkv"],
    says: /the output "a\.mkv" was not created/
  }
]

const excesses: ReadonlyArray<{
  readonly title: string
  readonly args: ReadonlyArray<string>
  readonly limits: Partial<Plan["limits"]>
  readonly says: string
}> = [
  { title: "its time", args: endless("a"), limits: { seconds: 0.5 }, says: "longer than 0.5 s" },
  {
    title: "its bytes",
    args: ["-f", "lavfi", "-i", "testsrc=s=64x64", "-f", "rawvideo", "file:../out/a"],
    limits: { outputBytes: 1_000_000 },
    says: "1000000 bytes"
  },
  {
    title: "its files",
    args: ["-f", "lavfi", "-i", "testsrc=s=64x64", "-c:v", "png", "-f", "image2", "file:../out/a%d"],
    limits: { outputFiles: 20 },
    says: "20 files"
  }
]

const clipSeconds = 1
const framesPerSecond = 25

/** One second of video and audio, created by the executor itself. */
const makeClip: Effect.Effect<{ readonly key: BlobKey; readonly bytes: number }, unknown, Ports> = Effect.gen(
  function* () {
    const { outputs } = yield* finish(
      plan({
        args: [
          ...[
            "-f",
            "lavfi",
            "-i",
            `testsrc=d=${clipSeconds}:s=64x64:r=${framesPerSecond}`,
            "-f",
            "lavfi",
            "-i",
            `sine=d=${clipSeconds}`
          ],
          ...["-c:v", "mpeg4", "-g", "5", "-c:a", "aac", "file:../out/clip.mkv"]
        ],
        outputs: ["clip.mkv"]
      })
    )
    const [clip] = outputs
    if (clip === undefined) return yield* Effect.dieMessage("the clip was not made")
    return { key: clip.blob.key, bytes: clip.blob.bytes }
  }
)

const aBlob: typeof makeClip = Effect.gen(function* () {
  const storage = yield* Storage
  const content = Buffer.from("no film, but bytes")
  return yield* storage.write(BlobKey(`${aDirId()}/blob_1/in.mkv`), Stream.make(content), content.length)
})

const run = (given: Plan) =>
  Effect.flatMap(Executor, (executor) => Stream.runCollect(executor.run(given))).pipe(
    Effect.map((events): ReadonlyArray<RunEvent> => Chunk.toReadonlyArray(events))
  )

const finish = (given: Plan) =>
  Effect.flatMap(run(given), (events) => {
    const last = events.at(-1)
    return last?._tag === "Finished" ? Effect.succeed(last) : Effect.dieMessage("the run did not finish")
  })

/** The expected error of a run. */
const fail = (given: Plan) =>
  Effect.flatMap(Effect.exit(run(given)), (exit) =>
    Option.match(Exit.isFailure(exit) ? Cause.failureOption(exit.cause) : Option.none(), {
      onSome: (error) => Effect.succeed(error),
      onNone: () => Effect.dieMessage(`the run did not fail as it should: ${JSON.stringify(exit)}`)
    })
  )

const stored = (given: Plan) =>
  Effect.flatMap(Storage, (storage) => Stream.runCollect(storage.list(given.outputPrefix))).pipe(
    Effect.map((blobs) => Array.from(blobs, ({ key }): string => key).sort())
  )

const contentOf = (key: BlobKey) =>
  Effect.flatMap(Storage, (storage) => Stream.runCollect(storage.read(key))).pipe(
    Effect.map((chunks) => Buffer.concat(Chunk.toArray(chunks)))
  )

/** Decodes and counts all video frames. */
const framesOf = (key: BlobKey | undefined) =>
  Effect.gen(function* () {
    if (key === undefined) return 0
    const { outputs } = yield* finish(
      plan({
        inputs: [{ name: FileName("in"), key, bytes: 0 }],
        args: ["-xerror", "-i", "file:in", "-map", "0:v", "-f", "framecrc", "file:../out/frames"],
        outputs: ["frames"]
      })
    )
    const [frames] = outputs
    const lines = frames === undefined ? "" : (yield* contentOf(frames.blob.key)).toString()
    return lines.split("\n").filter((line) => /^\d/.test(line)).length
  })
