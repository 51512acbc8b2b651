import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))

const sources = ["core", "adapters", "hosts"]
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file))
  )
  .filter(
    (file) => file.endsWith(".ts") && !/\.(test|suite)\.ts$/.test(file) && file !== "core/fibers/loop.ts"
  )

/**
 * Loops around effects that are not of core/fibers/loop.ts. A `retry` must say where it ends, by `upTo` or `times`.
 */
const otherLoops = (text: string): ReadonlyArray<string> => [
  ...[
    ...text.matchAll(/\bEffect\.(forever|repeat|repeatN|repeatOrElse|schedule|scheduleFrom|iterate|loop)\b/g)
  ].map(([found]) => found),
  ...[...text.matchAll(/\bStream\.(repeat|repeatEffect|repeatEffectWithSchedule|tick|fromSchedule)\b/g)].map(
    ([found]) => found
  ),
  ...[...text.matchAll(/\b(?:while \((?:true|!?\(?yield\*)|for \(;;\)|\bdo \{)/g)].map(([found]) => found),
  ...(/\bEffect\.retry\b/.test(text) && !/\bSchedule\.upTo\b|\btimes:/.test(text)
    ? ["Effect.retry without an end"]
    : [])
]

/** What is bounded by the bytes of one file. */
const bounded: ReadonlySet<string> = new Set(["adapters/ffmpeg/probe-url/matroska.ts"])

describe("loops around effects are those of core/fibers/loop.ts", () => {
  it.each(sources.filter((file) => !bounded.has(file)))("%s", (file) => {
    expect(otherLoops(readFileSync(join(root, file), "utf8"))).toEqual([])
  })

  it.each([
    "Effect.forever(turn)",
    "turn.pipe(Effect.repeat(Schedule.spaced(1)))",
    "while (true) {",
    "while (!(yield* Deferred.isDone(stopping))) {",
    "for (;;) {",
    "Effect.retry(ask)",
    "Stream.repeatEffect(ask)"
  ])("finds %s", (text) => {
    expect(otherLoops(text)).toHaveLength(1)
  })
})
