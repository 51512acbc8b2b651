import { mkdtempSync, rmSync } from "node:fs"
import { rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Ref, TestClock } from "effect"
import { execa } from "execa"
import { afterAll, describe, expect } from "vitest"
import { Abilities, meets, offered } from "../../../core/needs.js"
import { Policy } from "../../../core/policy/policy.js"
import { memoryStorage } from "../../memory/storage.js"
import { ffmpeg, openFfmpeg } from "../index.js"
import { remainsOf } from "../sandbox/remains.suite.js"
import { shared } from "./capabilities.js"

const folder = mkdtempSync(join(tmpdir(), "capabilities-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const workRoot = join(folder, "work")

/** An ffmpeg with a shell script around the installed one; the script ends with `real "$@"`. */
const altered = (name: string, script: string) =>
  Effect.promise(async () => {
    const { stdout } = await execa("sh", ["-c", "command -v ffmpeg"])
    await writeFile(
      join(folder, name),
      `#!/bin/sh\nreal() { exec ${stdout} "$@"; }\n${script}\nreal "$@"\n`,
      { mode: 0o755 }
    )
    return join(folder, name)
  })

const collecting = (lines: Array<string>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ message }) => void lines.push([message].flat().join(" ")))
  )

describe("what this ffmpeg can do", () => {
  it.live("is what it says itself, and more than enough for ordinary tasks", () =>
    Effect.gen(function* () {
      const { capabilities } = yield* openFfmpeg({ workRoot })
      const found = yield* capabilities
      expect(found).toMatchObject({ hardware: [], tags: [] })
      expect(found.cores).toBeGreaterThan(0)
      const needs =
        "encoder:mpeg4 encoder:aac encoder:flac encoder:libx264 encoder:h264 encoder:hevc encoder:mp3 encoder:mov_text".split(
          " "
        )
      const others =
        "decoder:h264 filter:scale filter:overlay filter:anullsrc muxer:mp4 muxer:null muxer:ssegment demuxer:mov demuxer:m4a"
      expect([...needs, ...others.split(" ")].filter((need) => !meets(offered(found), [need]))).toEqual([])
      expect(meets(offered(found), ["encoder:h264_nvenc"])).toBe(false)
      expect(meets(offered(found), ["encoder:="])).toBe(false)
      expect(yield* remainsOf(workRoot)).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("are asked once, when first used", () =>
    Effect.gen(function* () {
      const asked = join(folder, "asked")
      const ffmpegPath = yield* altered("counting", `echo "$@" >> ${asked}`)
      const { capabilities } = yield* openFfmpeg({ workRoot, ffmpegPath, sandbox: "off" })
      const times = Effect.promise(
        async () => (await execa("grep", ["-c", "encoders", asked], { reject: false })).stdout
      )
      expect(yield* times).toBe("0")
      yield* Effect.all([capabilities, capabilities], { concurrency: 2 })
      yield* capabilities
      expect(yield* times).toBe("1")
    }).pipe(Effect.scoped)
  )

  it.live("is null, with a warning, where it does not tell: then nothing is refused", () =>
    Effect.gen(function* () {
      const ffmpegPath = yield* altered("mute", `case "$*" in *-filters*) exit 0;; esac`)
      const lines: Array<string> = []
      const layer = ffmpeg({ workRoot, ffmpegPath, sandbox: "off" }).pipe(Layer.provide(memoryStorage))
      const asked = Effect.flatMap(Abilities, ({ own }) => Effect.all([own, own], { concurrency: 2 }))
      expect(yield* Effect.provide(asked, layer).pipe(Effect.provide(collecting(lines)))).toEqual([
        null,
        null
      ])
      expect(lines.filter((line) => line.includes("does not tell what it can do"))).toHaveLength(1)
    })
  )

  it.live("is known soon after a listing that failed", () =>
    Effect.gen(function* () {
      const broken = join(folder, "broken")
      yield* Effect.promise(() => writeFile(broken, ""))
      const ffmpegPath = yield* altered(
        "recovering",
        `[ -e ${broken} ] && case "$*" in *-filters*) exit 1;; esac`
      )
      const layer = ffmpeg({ workRoot, ffmpegPath, sandbox: "off" }).pipe(Layer.provide(memoryStorage))
      const found = Effect.gen(function* () {
        const { own } = yield* Abilities
        expect(yield* own).toBe(null)
        yield* Effect.promise(() => rm(broken))
        return yield* Effect.repeat(Effect.delay(own, "50 millis"), { until: (known) => known !== null })
      })
      const known = yield* Effect.provide(found, layer).pipe(Effect.provide(collecting([])))
      expect(known?.has("filter:scale")).toBe(true)
    })
  )
})

describe("hardware", () => {
  it.live("counts where an encoder made a picture; the operator hears of none", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const { capabilities } = yield* openFfmpeg({ workRoot, hardware: true })
      expect((yield* Effect.provide(capabilities, collecting(lines))).hardware).toEqual([])
      expect(lines.join()).toContain("no encoder of it works here")
      expect(yield* remainsOf(workRoot)).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live(
    "is tried by name: one that works, one that is listed alone, one that ends well without a picture",
    () =>
      Effect.gen(function* () {
        const translate = `case "$*" in
        *-encoders*) (real "$@") | grep -v _nvenc; printf ' V....D %s card\\n' h264_nvenc hevc_nvenc; exit;;
        *hevc_nvenc*) exit 0;;
        *-c:v\\ h264_nvenc*) for arg; do shift; [ "$arg" = h264_nvenc ] && arg=libx264; set -- "$@" "$arg"; done;;
      esac`
        const ffmpegPath = yield* altered("card", translate)
        const { capabilities } = yield* openFfmpeg({ workRoot, ffmpegPath, hardware: true, sandbox: "off" })
        const found = yield* capabilities
        expect(found.hardware).toEqual(["h264_nvenc"])
        expect(found.encoders).toContain("hevc_nvenc")
        expect(
          ["encoder:h264_nvenc", "encoder:hevc_nvenc"].map((need) => meets(offered(found), [need]))
        ).toEqual([true, false])
      }).pipe(Effect.scoped)
  )

  it.live.each([true, false])("may be used by tasks where it is on: %s", (hardware) =>
    Effect.gen(function* () {
      expect((yield* Policy).hardware).toBe(hardware)
    }).pipe(Effect.provide(ffmpeg({ workRoot, hardware }).pipe(Layer.provide(memoryStorage))))
  )
})

describe("what is shared", () => {
  const counting = (outcome: (run: number) => Effect.Effect<string, string>) =>
    Effect.gen(function* () {
      const runs = yield* Ref.make(0)
      const effect = yield* shared(
        Effect.flatMap(
          Ref.updateAndGet(runs, (count) => count + 1),
          outcome
        )
      )
      return { effect, runs: Ref.get(runs) }
    })

  it.effect("runs once for all callers, and goes on when the first caller is interrupted", () =>
    Effect.gen(function* () {
      const latch = yield* Effect.makeLatch(false)
      const { effect, runs } = yield* counting(() => Effect.as(latch.await, "done"))
      const first = yield* Effect.fork(effect)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* latch.open
      expect(yield* Effect.all([effect, effect], { concurrency: 2 })).toEqual(["done", "done"])
      yield* TestClock.adjust("1 day")
      expect(yield* effect).toBe("done")
      expect(yield* runs).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.effect("runs again after a failure, with pauses that double up to a minute", () =>
    Effect.gen(function* () {
      const { effect, runs } = yield* counting((run) =>
        run < 12 ? Effect.fail(`failure ${run}`) : Effect.succeed("done")
      )
      for (const [index, pause] of [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60].entries()) {
        const failure = `failure ${index + 1}`
        expect(yield* Effect.all([Effect.flip(effect), Effect.flip(effect)], { concurrency: 2 })).toEqual([
          failure,
          failure
        ])
        yield* TestClock.adjust(pause * 1000 - 1)
        expect(yield* Effect.flip(effect)).toBe(failure)
        expect(yield* runs).toBe(index + 1)
        yield* TestClock.adjust(1)
      }
      expect(yield* Effect.all([effect, effect], { concurrency: 2 })).toEqual(["done", "done"])
      expect(yield* runs).toBe(12)
    }).pipe(Effect.scoped)
  )

  it.effect("runs again after a defect", () =>
    Effect.gen(function* () {
      const { effect } = yield* counting((run) =>
        run === 1 ? Effect.dieMessage("a bug") : Effect.succeed("done")
      )
      expect((yield* Effect.exit(effect))._tag).toBe("Failure")
      yield* TestClock.adjust("1 second")
      expect(yield* effect).toBe("done")
    }).pipe(Effect.scoped)
  )
})
