import { execFileSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Fiber, Logger } from "effect"
import { afterAll, describe, expect } from "vitest"
import { ffmpeg5 } from "../../../core/policy/tables/ffmpeg-5.js"
import { knownTables, nearestTables } from "../../../core/policy/tables/known-tables.js"
import { type OptionTable, parseTable, printTable } from "../../../core/policy/tables/option-table.js"
import { remainsOf } from "../sandbox/remains.suite.js"
import { openWorkRoot } from "../sandbox/work-directory.js"
import { type Build, buildOf } from "../versions.js"
import { makeOptionTable, type OptionTableOptions, optionTable } from "./option-table.js"
import { cacheFolders } from "./user-cache.js"

const folder = mkdtempSync(join(tmpdir(), "option-table-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const workRoot = join(folder, "work")

/** An ffmpeg that runs a script first. */
const program = (name: string, script: string) => {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\nexec ffmpeg "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

const installed = buildOf(execFileSync("ffmpeg", ["-version"], { encoding: "utf8" })) as Build
/** A build like the installed one, for which there is no table. */
const other = (build: string): Build => ({ ...installed, version: "5.2", build })

const tableOf = (options: Omit<OptionTableOptions, "root">) =>
  Effect.flatMap(openWorkRoot(workRoot), (root) => optionTable({ ...options, root }))

const runs = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").length : 0)
const counting = (file: string) => `printf x >> '${file}'`

/** The table of the installed ffmpeg under another name. */
const renamed = ({ version, build }: Build): string => printTable({ ...ffmpeg5, version, build })

it.live("a build that a table comes along for is asked nothing", () =>
  Effect.gen(function* () {
    const folders = [join(folder, "listed")]
    for (const table of knownTables) {
      const { version, library, build } = table
      expect(
        yield* tableOf({ ffmpegPath: join(folder, "missing"), build: { version, library, build }, folders })
      ).toBe(table)
    }
    expect(existsSync(folders[0] ?? "")).toBe(false)
  })
)

it.live("another build is asked about what differs from its neighbour, once", () =>
  Effect.gen(function* () {
    const kept = join(folder, "kept")
    const asked = join(folder, "asked")
    const lines: Array<string> = []
    const build = other("0123456789abcdef")
    const options = {
      ffmpegPath: program("later", counting(asked)),
      build,
      folders: [kept],
      onProgress: (line: string) => void lines.push(line)
    }
    expect(printTable(yield* tableOf(options))).toBe(renamed(build))
    expect(readdirSync(kept)).toEqual(["ffmpeg-options-0123456789abcdef"])
    // The help text, and all names at once; the latter again if the nearest table has a name that this build
    // lacks.
    expect(runs(asked)).toBeLessThan(10)
    expect(lines).toEqual(["reading the options of ffmpeg 5.2, once for this build"])
    rmSync(asked)
    expect(printTable(yield* tableOf(options))).toBe(renamed(build))
    expect(runs(asked)).toBe(0)
    expect(lines).toHaveLength(1)
    expect(yield* remainsOf(workRoot)).toEqual([])
  })
)

if (process.env.FFKILN_TEST_LONG !== undefined) {
  it.live(
    "asked about everything, the installed ffmpeg tells the table that comes along",
    () =>
      Effect.gen(function* () {
        const root = yield* openWorkRoot(workRoot)
        const made = yield* makeOptionTable({ ffmpegPath: "ffmpeg", build: installed, root }, { known: [] })
        expect(printTable(made)).toBe(printTable({ ...ffmpeg5, build: installed.build }))
      }),
    600_000
  )
}

it.live.each([
  {
    what: "a program that is missing",
    path: () => join(folder, "missing"),
    reason: /^could not start .* \(ENOENT\)/
  },
  {
    what: "an ffmpeg without help",
    path: () => program("mute", "exit"),
    reason: /^ffmpeg -h full lists no options/
  },
  {
    what: "an ffmpeg that fails on the way",
    path: () => program("broken", 'case "$*" in *debug*) exit 1;; esac'),
    reason: /does not tell how/
  }
])("$what is taken for its neighbour, with a warning, and nothing is kept", ({ what, path, reason }) =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => void warnings.push([message].flat().join(" ")))
    )
    const folders = [join(folder, what)]
    const table = yield* Effect.provide(tableOf({ ffmpegPath: path(), build: other(what), folders }), logger)
    expect(table).toBe(ffmpeg5)
    expect(warnings).toEqual([expect.stringMatching(reason)])
    expect(warnings[0]).toMatch(/: options are read as ffmpeg 5\.1 reads them$/)
    expect(readdirSync(folders[0] ?? "")).toEqual([])
    expect(yield* remainsOf(workRoot)).toEqual([])
  })
)

it.live("what was asked is kept when the start is ended, and not asked again", () =>
  Effect.gen(function* () {
    const [kept, asked, held] = [join(folder, "part"), join(folder, "part-asked"), join(folder, "part-held")]
    const build = other("fedcba9876543210")
    const options = new Map([...ffmpeg5.options].filter(([name]) => !/^[ab]/.test(name)))
    const near: OptionTableOptions["near"] = [{ ...ffmpeg5, options }]
    // ffmpeg stops answering after the first group of names.
    const hold = `if [ ! -e '${held}' ] && grep -q '^so far' ${kept}/*; then touch '${held}'; exec sleep 600; fi`
    const ffmpegPath = program("parted", `echo "$*" >> '${asked}'\n${hold}`)
    const table = tableOf({ ffmpegPath, build, near, folders: [kept] })
    const asking = yield* Effect.fork(table)
    yield* Effect.promise(() => expect.poll(() => existsSync(held), { timeout: 50_000 }).toBe(true))
    yield* Fiber.interrupt(asking)
    const part = parseTable(readFileSync(join(kept, `ffmpeg-options-${build.build}`), "utf8"), {
      extent: "part"
    })
    expect(part?.options.size).toBeLessThan(ffmpeg5.options.size)
    rmSync(asked)
    expect(printTable(yield* table)).toBe(renamed(build))
    const alone = readFileSync(asked, "utf8").matchAll(/debug -(\w+)(?: 1)? -i missing$/gm)
    expect([...alone].filter(([, name = ""]) => part?.options.has(name))).toEqual([])
  })
)

describe("a table that is kept", () => {
  const build = other("00112233445566aa")
  const file = `ffmpeg-options-${build.build}`

  it.live("is made again where the file is damaged, or of another build", () =>
    Effect.gen(function* () {
      const kept = mkdtempSync(join(folder, "damaged-"))
      const asked = join(folder, "damaged-asked")
      const table = tableOf({ ffmpegPath: program("damaging", counting(asked)), build, folders: [kept] })
      yield* table
      const whole = readFileSync(join(kept, file), "utf8")
      for (const text of [
        "",
        whole.slice(0, -5),
        whole.replace(" crf ", " "),
        `x${whole}`,
        printTable(ffmpeg5)
      ]) {
        writeFileSync(join(kept, file), text)
        rmSync(asked)
        expect(printTable(yield* table)).toBe(renamed(build))
        expect(runs(asked)).toBeGreaterThan(0)
        expect(readFileSync(join(kept, file), "utf8")).toBe(whole)
      }
    })
  )

  it.live("lies in the first folder that can be used; where none can, the table is made all the same", () =>
    Effect.gen(function* () {
      const [taken, good] = [join(folder, "a-file"), join(folder, "good")]
      writeFileSync(taken, "")
      const table = (...folders: ReadonlyArray<string>) => tableOf({ ffmpegPath: "ffmpeg", build, folders })
      expect(printTable(yield* table(join(taken, "below"), "/dev/null", good))).toBe(renamed(build))
      expect(readdirSync(good)).toEqual([file])
      expect(printTable(yield* table(join(taken, "below"), "/dev/null"))).toBe(renamed(build))
    })
  )

  it.live.runIf(process.getuid?.() === 0)("is not taken from a folder of another user", () =>
    Effect.gen(function* () {
      const foreign = join(folder, "foreign")
      mkdirSync(foreign)
      const misleading: OptionTable = {
        ...ffmpeg5,
        ...build,
        options: new Map([...ffmpeg5.options].slice(0, 3))
      }
      writeFileSync(join(foreign, file), printTable(misleading))
      chownSync(foreign, 12_345, 12_345)
      expect(printTable(yield* tableOf({ ffmpegPath: "ffmpeg", build, folders: [foreign] }))).toBe(
        renamed(build)
      )
    })
  )

  it("has its place by the XDG rules, and below the folder for temporary files where there is no home", () => {
    const temporary = join(tmpdir(), `ffkiln-${process.getuid?.() ?? -1}-cache`)
    expect(cacheFolders({ XDG_CACHE_HOME: "/caches", HOME: "/home/me" })).toEqual([
      "/caches/ffkiln",
      temporary
    ])
    expect(cacheFolders({ XDG_CACHE_HOME: "relative", HOME: "/home/me" })[0]).toBe("/home/me/.cache/ffkiln")
    expect(cacheFolders({}).at(-1)).toBe(temporary)
  })

  it("starts from the table that is nearest in time", () => {
    const nearest = (library: OptionTable["library"]) => nearestTables(library)[0].version
    // 4.4, 5.0, 6.0, 7.0, 8.0, and a build after all of them.
    expect(
      [
        [56, 70] as const,
        [57, 17] as const,
        [58, 2] as const,
        [59, 8] as const,
        [60, 8] as const,
        [70, 0] as const
      ].map(nearest)
    ).toEqual(["4.3", "5.1", "6.1", "7.1", "7.1", "9.0"])
    expect(nearestTables([57, 28]).map(({ version }) => version)).toHaveLength(knownTables.length)
  })
})

it.live("ffmpeg does not run on when the start is ended, and nothing of it is left", () =>
  Effect.gen(function* () {
    const started = join(folder, "started")
    const ffmpegPath = program(
      "slow",
      `echo $$ > '${started}.new'; mv '${started}.new' '${started}'; exec sleep 600`
    )
    const asking = yield* Effect.fork(
      tableOf({ ffmpegPath, build: other("slow"), folders: [join(folder, "slow-kept")] })
    )
    yield* Effect.promise(() => expect.poll(() => existsSync(started), { timeout: 30_000 }).toBe(true))
    const pid = Number(readFileSync(started, "utf8"))
    expect(isRunning(pid)).toBe(true)
    yield* Fiber.interrupt(asking)
    // The process is signalled at once, and disappears when it is reaped.
    yield* Effect.promise(() => expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false))
    expect(yield* remainsOf(workRoot)).toEqual([])
  })
)

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
