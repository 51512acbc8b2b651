import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Either, Fiber } from "effect"
import { afterAll, describe, expect } from "vitest"
import { ffmpeg5 } from "../../core/policy/ffmpeg-5.js"
import { printTable } from "../../core/policy/option-table.js"
import { keptTable, optionTable } from "./option-table.js"

const folder = mkdtempSync(join(tmpdir(), "option-table-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** ffmpeg, but for what the script does before it. */
const program = (name: string, script: string) => {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\nexec ffmpeg "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

it.live(
  "another version is asked about every option, once; asked of this ffmpeg, it is the table that comes along, exactly",
  () =>
    Effect.gen(function* () {
      const kept = join(folder, "kept")
      const runs = join(folder, "runs")
      const version = "ffmpeg -version | sed '1s/version [^ ]*/version 5.2.3-strange/'"
      const ffmpegPath = program("later", `echo >> '${runs}'\nif [ "$1" = -version ]; then ${version}; exit; fi`)
      const table = optionTable({ ffmpegPath, folder: kept })
      expect(printTable(yield* table)).toBe(printTable({ ...ffmpeg5, version: "5.2" }))
      expect(readdirSync(kept)).toEqual([expect.stringMatching(/^ffmpeg-options-[0-9a-f]{16}$/)])
      writeFileSync(runs, "")
      expect(printTable(yield* table)).toBe(printTable({ ...ffmpeg5, version: "5.2" }))
      expect(readFileSync(runs, "utf8")).toBe("\n")
    }),
  300_000
)

it.live("this version needs no making", () =>
  Effect.gen(function* () {
    const own = join(folder, "own")
    expect(yield* optionTable({ ffmpegPath: "ffmpeg", folder: own })).toBe(ffmpeg5)
    expect(readdirSync(own)).toEqual([])
  })
)

it.live.each([
  { what: "a program that is missing", path: () => join(folder, "missing"), reason: / does not run$/ },
  { what: "a program that is no ffmpeg", path: () => program("hello", "echo hello; exit"), reason: / -version does not tell a version$/ },
  {
    what: "an ffmpeg without help",
    path: () => program("mute", 'echo "ffmpeg version 7.0"; exit'),
    reason: /^ffmpeg -h full lists no options$/
  }
])("$what has no table, and leaves nothing", ({ path, reason }) =>
  Effect.gen(function* () {
    const none = join(folder, "none")
    const asked = yield* Effect.either(optionTable({ ffmpegPath: path(), folder: none }))
    expect(asked).toMatchObject(Either.left({ _tag: "Unavailable", what: expect.stringMatching(reason) }))
    expect(readdirSync(none)).toEqual([])
  })
)

it.live("ffmpeg does not run on when nobody waits for its table any more", () =>
  Effect.gen(function* () {
    const started = join(folder, "started")
    const ffmpegPath = program("slow", `echo $$ > '${started}.new'; mv '${started}.new' '${started}'; exec sleep 600`)
    const asking = yield* Effect.fork(optionTable({ ffmpegPath, folder: join(folder, "slow-kept") }))
    yield* Effect.promise(() => expect.poll(() => existsSync(started)).toBe(true))
    const pid = Number(readFileSync(started, "utf8"))
    expect(isRunning(pid)).toBe(true)
    yield* Fiber.interrupt(asking)
    // Signalled at once, and gone as soon as it is reaped.
    yield* Effect.promise(() => expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false))
    expect(readdirSync(join(folder, "slow-kept"))).toEqual([])
  })
)

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("a table that is kept", () => {
  const other = { ...ffmpeg5, version: "6.1" }
  let made = 0
  const make = Effect.sync(() => {
    made++
    return other
  })

  it.live("is made once, and made again where the file is damaged, of another version, or gone", () =>
    Effect.gen(function* () {
      const kept = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(folder, "kept-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const file = join(kept, "table")
      const table = keptTable(file, "6.1", make)
      for (const expected of [1, 1, 1]) {
        expect(printTable(yield* table)).toBe(printTable(other))
        expect(made).toBe(expected)
      }
      const whole = readFileSync(file, "utf8")
      const damaged = [
        "",
        whole.slice(0, -5),
        whole.slice(0, whole.length / 2),
        whole.replace(" crf ", " "),
        `x${whole}`,
        printTable(ffmpeg5)
      ]
      for (const [index, text] of damaged.entries()) {
        writeFileSync(file, text)
        expect(printTable(yield* table)).toBe(printTable(other))
        expect(made).toBe(index + 2)
        expect(readFileSync(file, "utf8")).toBe(whole)
      }
      rmSync(file)
      yield* table
      expect(made).toBe(damaged.length + 2)
      expect(readdirSync(kept)).toEqual(["table"])
    }).pipe(Effect.scoped)
  )
})
