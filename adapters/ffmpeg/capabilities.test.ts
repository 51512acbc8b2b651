import { mkdtempSync, rmSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Ref } from "effect"
import { execa } from "execa"
import { afterAll, describe, expect } from "vitest"
import { Abilities, meets, offered } from "../../core/needs.js"
import { Policy } from "../../core/policy/policy.js"
import { memoryStorage } from "../memory/storage.js"
import { once } from "./capabilities.js"
import { ffmpeg, openFfmpeg } from "./index.js"
import { remainsOf } from "./remains.suite.js"

const folder = mkdtempSync(join(tmpdir(), "capabilities-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const workRoot = join(folder, "work")

/** An ffmpeg that differs from the installed one as a shell script says, which ends by `real "$@"` where it does not. */
const altered = (name: string, script: string) =>
  Effect.promise(async () => {
    const { stdout } = await execa("sh", ["-c", "command -v ffmpeg"])
    await writeFile(join(folder, name), `#!/bin/sh\nreal() { exec ${stdout} "$@"; }\n${script}\nreal "$@"\n`, { mode: 0o755 })
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
      const needs = "encoder:mpeg4 encoder:aac encoder:flac encoder:libx264 encoder:h264 encoder:hevc encoder:mp3 encoder:mov_text".split(
        " "
      )
      const others = "decoder:h264 filter:scale filter:overlay filter:anullsrc muxer:mp4 muxer:null muxer:ssegment demuxer:mov demuxer:m4a"
      expect([...needs, ...others.split(" ")].filter((need) => !meets(offered(found), [need]))).toEqual([])
      expect(meets(offered(found), ["encoder:h264_nvenc"])).toBe(false)
      expect(meets(offered(found), ["encoder:="])).toBe(false)
      expect(yield* remainsOf(workRoot)).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("is asked once for all, and not before somebody wants to know", () =>
    Effect.gen(function* () {
      const asked = join(folder, "asked")
      const ffmpegPath = yield* altered("counting", `echo "$@" >> ${asked}`)
      const { capabilities } = yield* openFfmpeg({ workRoot, ffmpegPath, sandbox: "off" })
      const times = Effect.promise(async () => (await execa("grep", ["-c", "encoders", asked], { reject: false })).stdout)
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
      const asked = Effect.flatMap(Abilities, ({ own }) => Effect.zip(own, own))
      expect(yield* Effect.provide(asked, layer).pipe(Effect.provide(collecting(lines)))).toEqual([null, null])
      expect(lines.filter((line) => line.includes("does not tell what it can do"))).toHaveLength(1)
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

  it.live("is tried by name: one that works, one that is listed alone, one that ends well without a picture", () =>
    Effect.gen(function* () {
      const translate = `case "$*" in
        *hevc_nvenc*) exit 0;;
        *-c:v\\ h264_nvenc*) for arg; do shift; [ "$arg" = h264_nvenc ] && arg=libx264; set -- "$@" "$arg"; done;;
      esac`
      const ffmpegPath = yield* altered("card", translate)
      const { capabilities } = yield* openFfmpeg({ workRoot, ffmpegPath, hardware: true, sandbox: "off" })
      const found = yield* capabilities
      expect(found.hardware).toEqual(["h264_nvenc"])
      expect(found.encoders).toContain("hevc_nvenc")
      expect(["encoder:h264_nvenc", "encoder:hevc_nvenc"].map((need) => meets(offered(found), [need]))).toEqual([true, false])
    }).pipe(Effect.scoped)
  )

  it.live.each([true, false])("may be used by tasks where it is on: %s", (hardware) =>
    Effect.gen(function* () {
      expect((yield* Policy).hardware).toBe(hardware)
    }).pipe(Effect.provide(ffmpeg({ workRoot, hardware }).pipe(Layer.provide(memoryStorage))))
  )
})

it.live("what runs once for all goes on when the first who wanted it leaves", () =>
  Effect.gen(function* () {
    const runs = yield* Ref.make(0)
    const latch = yield* Effect.makeLatch(false)
    const shared = yield* once(
      Effect.zipRight(
        Ref.update(runs, (count) => count + 1),
        Effect.as(latch.await, "done")
      )
    )
    const first = yield* Effect.fork(shared)
    yield* Effect.yieldNow()
    yield* Fiber.interrupt(first)
    yield* latch.open
    expect(yield* shared).toBe("done")
    expect(yield* Ref.get(runs)).toBe(1)
  }).pipe(Effect.scoped)
)
