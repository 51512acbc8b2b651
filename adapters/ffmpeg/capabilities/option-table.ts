import { randomUUID } from "node:crypto"
import { readFile, rename, rm, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { Clock, Effect, type Scope } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import { defaultLimits } from "../../../core/limits.js"
import { knownOptions } from "../../../core/policy/option-rules.js"
import { knownTables, nearestTables } from "../../../core/policy/tables/known-tables.js"
import { type Extent, type OptionTable, parseTable, printTable } from "../../../core/policy/tables/option-table.js"
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
  /** What that ffmpeg says of itself. */
  readonly build: Build
  /** What it is looked for by, and asked with. Default: that of this process. */
  readonly environment?: SearchEnvironment | undefined
  /** Where ffmpeg runs while it is asked. */
  readonly root: WorkRoot
  /** Where tables are kept. Default: `cacheFolders()`. */
  readonly folders?: CacheFolders
  /** Tables to start from, the nearest first. Default: those that come with ffkiln. */
  readonly near?: typeof knownTables
  /** Told in a line what is being done, when that may take a while. */
  readonly onProgress?: ((line: string) => void) | undefined
}

/** On a busy machine a start of ffmpeg, with its two hundred libraries, has taken some seconds. */
const answerSeconds = 60
/** Between two lines of progress. */
const progressSeconds = 5

/**
 * The option table of the installed ffmpeg: one that comes with ffkiln where that is of this very build, else one that was
 * kept, else one that is made from the table of its neighbour by asking about what differs. Where ffmpeg does not answer,
 * it is the neighbour's.
 */
export const optionTable = (options: OptionTableOptions): Effect.Effect<OptionTable> =>
  Effect.gen(function* () {
    const { build, folders = cacheFolders(), near = nearestTables(build.library), onProgress = () => {} } = options
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
      return Effect.as(Effect.logWarning(`${what}: options are read as ffmpeg ${neighbour.version} reads them`), neighbour)
    })
  )

/** Makes the table by asking about everything that `known` does not tell. */
export const makeOptionTable = (
  options: Pick<OptionTableOptions, "ffmpegPath" | "build" | "root">,
  given: Pick<AskOptions, "known" | "onGrowth">
): Effect.Effect<OptionTable, Unavailable> =>
  Effect.gen(function* () {
    const ask = yield* askIn(options)
    const { version, library, build } = options.build
    return yield* askOptions(ask, { version, library, build }, { names: knownOptions, concurrency: availableParallelism(), ...given })
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

/** Keeps the text in the first folder that takes it. Where none does, the next start makes it again. */
const keep = (folders: CacheFolders, name: string, text: string) =>
  Effect.promise(async () => {
    for (const candidate of folders) {
      const folder = await usableFolder(candidate)
      const isKept = folder !== undefined && (await replaceFile(join(folder, name), text))
      if (isKept) return
    }
  })

/** Replaces a file at once, so that no reader finds a part of it. Whether that was possible. */
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

/** ffmpeg in a folder of its own, since some options write files as soon as they are read. No caller's data is near, so it needs no sandbox. */
const askIn = ({ ffmpegPath, root, environment }: Omit<OptionTableOptions, "build">): Effect.Effect<Ask, Unavailable, Scope.Scope> =>
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
        const end = yield* launch({ program: ffmpegPath, args, work, limits }, { launcher, killSeconds: 1, onStdout, onStderr })
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
