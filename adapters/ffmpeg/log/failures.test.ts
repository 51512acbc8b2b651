import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { execa } from "execa"
import { afterAll } from "vitest"
import { defaultLimits, Limits } from "../../../core/limits.js"
import { Executor } from "../../../core/ports/executor.js"
import { Storage } from "../../../core/ports/storage.js"
import { memoryStorage } from "../../memory/storage.js"
import { ffmpeg } from "../index.js"
import { buildOf } from "../versions.js"
import { keyOf, planOf, sources, texts, titleOf } from "./failing-tasks.suite.js"
import { failingWith, lacking, recordedBy, recordedFiles } from "./recorded-failures.suite.js"

/** What callers read when their tasks fail, from real runs. */

const folder = mkdtempSync(join(tmpdir(), "failures-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Makes the inputs once, and returns their lengths. */
const stored = Effect.gen(function* () {
  const storage = yield* Storage
  const contents = new Map<string, Uint8Array>(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)])
  )
  for (const [name, args] of Object.entries(sources)) {
    const path = join(folder, name)
    contents.set(
      name,
      yield* Effect.promise(() =>
        execa(process.env.FFKILN_TEST_SAMPLES_FFMPEG || "ffmpeg", ["-v", "error", ...args, path], {
          stdin: "ignore"
        }).then(() => readFile(path))
      )
    )
  }
  contents.set("cut.mp4", contents.get("clip.mp4")?.subarray(0, 2000) ?? new Uint8Array())
  yield* Effect.forEach(contents, ([name, content]) =>
    storage.write(keyOf(name), Stream.make(content), content.length)
  )
  return new Map(Array.from(contents, ([name, content]) => [name, content.length]))
})

const { version = "" } = buildOf(execFileSync("ffmpeg", ["-version"], { encoding: "utf8" })) ?? {}
const recorded = recordedFiles.includes(`${version}.txt`) ? recordedBy(`${version}.txt`) : new Map()

const workRoot = join(folder, "work")
const ports = ffmpeg({ workRoot }).pipe(
  Layer.provideMerge(memoryStorage),
  Layer.provide(Layer.succeed(Limits, defaultLimits))
)

layer(ports, { excludeTestServices: true })("a failure says what to do", (it) => {
  const inputBytes = Effect.runSync(Effect.cached(stored))
  it.effect.each(failingWith(recorded).map((each) => [titleOf(each), each] as const))("%s", ([, each]) =>
    Effect.gen(function* () {
      const { says, shows } = each
      const bytes = yield* inputBytes
      const plan = planOf(each, (name) => bytes.get(name) ?? expect.fail(name))
      const executor = yield* Executor
      const error = yield* Effect.flip(Stream.runDrain(executor.run(plan)))
      if (error._tag !== "FfmpegFailed") return expect.fail(`${error._tag} ${JSON.stringify(error)}`)
      if (lacking[version]?.test(error.reason)) return
      const [sentence, ...lines] = error.reason.split("\n")
      expect(sentence, error.reason).toEqual(typeof says === "string" ? says : expect.stringMatching(says))
      expect(lines.join("\n")).toContain(shows ?? "")
      expect(lines.length).toBeLessThanOrEqual(4)
      for (const ours of [folder, "/tmp", "/usr", "../out", " file:", "'file:", "@ 0x"])
        expect(error.reason).not.toContain(ours)
    })
  )
})
