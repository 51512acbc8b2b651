import { createHash, randomUUID } from "node:crypto"
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { ffmpeg5 } from "../../core/policy/ffmpeg-5.js"
import { knownOptions } from "../../core/policy/option-rules.js"
import { type OptionTable, parseTable, printTable, tableVersion } from "../../core/policy/option-table.js"
import { output } from "../process/spawn.js"
import { type Ask, askOptions } from "./ask-options.js"
import { disk, unavailable } from "./disk.js"

export interface OptionTableOptions {
  /** The ffmpeg program: a path, or a name to look for in PATH. */
  readonly ffmpegPath: string
  /** Where a table is kept once it is made, and where ffmpeg runs while it is made. Must be there. */
  readonly folder: string
}

/** Making a table takes some 400 starts of ffmpeg: of 60 ms each where it is linked to many libraries. */
const makingSeconds = 300
const answerSeconds = 20

/**
 * The option table of the installed ffmpeg: the one that comes with ffkiln where that is of its version, else one that is
 * made at the first start, in some seconds, and kept.
 */
export const optionTable = (options: OptionTableOptions): Effect.Effect<OptionTable, Unavailable> =>
  Effect.gen(function* () {
    const { version, build } = yield* versionOf(options)
    if (version === ffmpeg5.version) return ffmpeg5
    const file = join(options.folder, `ffmpeg-options-${build}`)
    return yield* keptTable(file, version, makeOptionTable(options))
  })

/** Makes the table, whatever version this is. */
export const makeOptionTable = (options: OptionTableOptions): Effect.Effect<OptionTable, Unavailable> =>
  Effect.gen(function* () {
    const { version } = yield* versionOf(options)
    const ask = yield* askIn(options)
    return yield* askOptions(ask, version, knownOptions, availableParallelism())
  }).pipe(
    Effect.scoped,
    Effect.timeoutFail({
      duration: makingSeconds * 1000,
      onTimeout: () => unavailable(`ffmpeg did not tell its options within ${makingSeconds} s`)
    })
  )

/** The table that `file` holds, whole and of this version; else the one that `make` gives, which is kept there. */
export const keptTable = (file: string, version: string, make: Effect.Effect<OptionTable, Unavailable>) =>
  Effect.gen(function* () {
    const text = yield* Effect.orElseSucceed(
      disk(`read ${file}`, () => readFile(file, "utf8")),
      () => ""
    )
    const kept = parseTable(text)
    if (kept?.version === version) return kept
    const table = yield* make
    yield* disk(`write ${file}`, () => writeWhole(file, printTable(table)))
    return table
  })

/** `build` stands for this version, its configuration and its libraries: another build may have other options. */
const versionOf = (options: OptionTableOptions) =>
  Effect.gen(function* () {
    const { stdout } = yield* (yield* askIn(options))(["-version"])
    const [, version] = /^ffmpeg version (\S+)/.exec(stdout) ?? []
    if (version === undefined) return yield* unavailable(`${options.ffmpegPath} -version does not tell a version`)
    return { version: tableVersion(version), build: createHash("sha256").update(stdout.trimEnd()).digest("hex").slice(0, 16) }
  }).pipe(Effect.scoped)

/** ffmpeg in a folder of its own, since some options write files as soon as they are read. It is asked by us alone, so needs no sandbox. */
const askIn = ({ ffmpegPath, folder }: OptionTableOptions): Effect.Effect<Ask, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const cwd = yield* Effect.acquireRelease(
      disk(`make a folder in ${folder}`, async () => {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        return mkdtemp(join(folder, "ffmpeg-options-"))
      }),
      (path) => Effect.ignoreLogged(disk(`remove ${path}`, () => rm(path, { recursive: true, force: true, maxRetries: 3 })))
    )
    return (args) =>
      Effect.gen(function* () {
        const { failure, ...written } = yield* Effect.promise((signal) =>
          output(ffmpegPath, args, { cwd, signal, env: askedEnvironment(), seconds: answerSeconds })
        )
        return failure === undefined ? written : yield* unavailable(`${ffmpegPath} does not run`, failure)
      })
  })

const askedEnvironment = (): NodeJS.ProcessEnv => {
  const { FFREPORT: _, AV_LOG_FORCE_COLOR: __, ...environment } = process.env
  return { ...environment, AV_LOG_FORCE_NOCOLOR: "1" }
}

/** Nobody ever reads a part of it. */
const writeWhole = async (file: string, text: string): Promise<void> => {
  const part = `${file}.${randomUUID()}`
  try {
    await writeFile(part, text, { mode: 0o600 })
    await rename(part, file)
  } finally {
    await rm(part, { force: true })
  }
}
