import { randomUUID } from "node:crypto"
import { readFile, rename, rm, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { Clock, Effect, type Scope } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import { defaultLimits } from "../../../core/limits.js"
import { knownOptions } from "../../../core/policy/option-rules.js"
import { knownTables, nearestTables } from "../../../core/policy/tables/known-tables.js"
import {
  type Extent,
  type OptionTable,
  parseTable,
  printTable
} from "../../../core/policy/tables/option-table.js"
import { unavailable } from "../disk.js"
import { launch, plainLauncher } from "../sandbox/launch.js"
import { resourceLimits } from "../sandbox/rlimits.js"
import { type WorkRoot, workDirectory } from "../sandbox/work-directory.js"
import { type SearchEnvironment, searchPaths } from "../search-paths.js"
import type { Build } from "../versions.js"
import { type Ask, type AskOptions, askOptions } from "./ask-options.js"
import { type CacheFolders, cacheFolders, usableFolder } from "./user-cache.js"

export interface OptionTableOptions {
  /** The ffmpeg program: a path, or a name to look for in PATH. */
  readonly ffmpegPath: string
  /** Version and build of that ffmpeg. */
  readonly build: Build
  /** The environment in which ffmpeg is found and run. Default: that of this process. */
  readonly environment?: SearchEnvironment | undefined
  /** Work directories for the runs that read the options. */
  readonly root: WorkRoot
  /** Where tables are cached. Default: `cacheFolders()`. */
  readonly folders?: CacheFolders
  /** Tables to start from, the nearest first. Default: those that come with ffkiln. */
  readonly near?: typeof knownTables
  /** Called with a line of text while reading the options takes long. */
  readonly onProgress?: ((line: string) => void) | undefined
}

/** Timeout of one run. Loading ffmpeg's two hundred libraries takes several seconds on a busy machine. */
const answerSeconds = 60
/** Interval between two lines of progress. */
const progressSeconds = 5

/**
 * The option table of the installed ffmpeg: the one that ffkiln ships for exactly this build, else a cached
 * one, else a new one. A new one starts from the table of the nearest version and asks ffmpeg about the
 * differences. If ffmpeg does not answer, the table of the nearest version is used.
 */
export const optionTable = (options: OptionTableOptions): Effect.Effect<OptionTable> =>
  Effect.gen(function* () {
    const {
      build,
      folders = cacheFolders(),
      near = nearestTables(build.library),
      onProgress = () => {}
    } = options
    const listed = knownTables.find((table) => table.build === build.build)
    if (listed !== undefined) return listed
    const name = `ffmpeg-options-${build.build}`
    const whole = yield* keptTable(folders, name, build, "whole")
    if (whole !== undefined) return whole
    onProgress(`reading the options of ffmpeg ${build.version}, once for this build`)
    const part = yield* keptTable(folders, name, build, "part")
    let told = yield* Clock.currentTimeMillis
    const table = yield* makeOptionTable(options, {
      known: [...(part === undefined ? [] : [part]), ...near],
      onGrowth: (soFar, left) =>
        Effect.gen(function* () {
          yield* keep(folders, name, printTable(soFar, { extent: "part" }))
          const now = yield* Clock.currentTimeMillis
          if (now - told < progressSeconds * 1000) return
          told = now
          onProgress(`reading the options of ffmpeg ${build.version}: ${left} left`)
        })
    })
    yield* keep(folders, name, printTable(table))
    return table
  }).pipe(
    Effect.catchTag("Unavailable", ({ what }) => {
      const [neighbour] = options.near ?? nearestTables(options.build.library)
      return Effect.as(
        Effect.logWarning(`${what}: options are read as ffmpeg ${neighbour.version} reads them`),
        neighbour
      )
    })
  )

/** Makes a table by asking ffmpeg about every option that `known` does not have. */
export const makeOptionTable = (
  options: Pick<OptionTableOptions, "ffmpegPath" | "build" | "root">,
  given: Pick<AskOptions, "known" | "onGrowth">
): Effect.Effect<OptionTable, Unavailable> =>
  Effect.gen(function* () {
    const ask = yield* askIn(options)
    const { version, library, build } = options.build
    return yield* askOptions(
      ask,
      { version, library, build },
      { names: knownOptions, concurrency: availableParallelism(), ...given }
    )
  }).pipe(Effect.scoped)

const keptTable = (folders: CacheFolders, name: string, { build }: Build, extent: Extent) =>
  Effect.promise(async () => {
    for (const candidate of folders) {
      const folder = await usableFolder(candidate)
      const text = folder === undefined ? "" : await readFile(join(folder, name), "utf8").catch(() => "")
      const table = parseTable(text, { extent })
      if (table?.build === build) return table
    }
    return undefined
  })

/**
 * Writes the text to the first folder that accepts it. If none does, the next start makes the table again.
 */
const keep = (folders: CacheFolders, name: string, text: string) =>
  Effect.promise(async () => {
    for (const candidate of folders) {
      const folder = await usableFolder(candidate)
      const isKept = folder !== undefined && (await replaceFile(join(folder, name), text))
      if (isKept) return
    }
  })

/** Replaces a file atomically, so that no process reads a part of it. Returns false if that failed. */
const replaceFile = async (file: string, text: string): Promise<boolean> => {
  const part = `${file}.${randomUUID()}`
  try {
    await writeFile(part, text, { mode: 0o600 })
    await rename(part, file)
    return true
  } catch {
    return false
  } finally {
    await rm(part, { force: true }).catch(() => {})
  }
}

/**
 * Runs ffmpeg in a work directory, since some options write files as soon as they are parsed. It needs no
 * sandbox: no caller's data is involved.
 */
const askIn = ({
  ffmpegPath,
  root,
  environment
}: Omit<OptionTableOptions, "build">): Effect.Effect<Ask, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const work = yield* workDirectory(root)
    const { searchPath, libraryPath } = searchPaths(environment)
    const launcher = plainLauncher(searchPath, libraryPath)
    const limits = resourceLimits(defaultLimits, answerSeconds)
    return (args) =>
      Effect.gen(function* () {
        const [out, err]: readonly [Array<Uint8Array>, Array<Uint8Array>] = [[], []]
        const onStdout = (chunk: Uint8Array) => void out.push(chunk)
        const onStderr = (chunk: Uint8Array) => void err.push(chunk)
        const end = yield* launch(
          { program: ffmpegPath, args, work, limits },
          { launcher, killSeconds: 1, onStdout, onStderr }
        )
        yield* end
        return { stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
      }).pipe(
        Effect.scoped,
        Effect.timeoutFail({
          duration: answerSeconds * 1000,
          onTimeout: () => unavailable(`${ffmpegPath} does not answer within ${answerSeconds} s`)
        })
      )
  })
