import { open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { Effect, Either } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import { homeFolder } from "../capabilities/user-cache.js"
import { disk } from "../disk.js"
import { libraryVariable } from "./launch.js"
import { findProgram, type Libraries, librariesOf } from "./libraries.js"

/** The programs that runs start, and what of the file system these need. */
export interface Seen {
  /** Where each program lies, by the name that was looked for. */
  readonly programs: ReadonlyMap<string, string>
  readonly libraries: Libraries
}

export interface SeenOptions {
  /** Names to look for, or paths. */
  readonly programs: ReadonlyArray<string>
  readonly searchPath: string
  readonly libraryPath?: string | undefined
}

/** Left: what is missing, and what to do. `more` are paths of programs that stand before those. */
export const whatRunsSee = (
  workRoot: string,
  options: SeenOptions,
  more: ReadonlyArray<string> = []
): Effect.Effect<Either.Either<Seen, string>, Unavailable> =>
  Effect.gen(function* () {
    const programs = new Map<string, string>()
    for (const name of options.programs) {
      const path = yield* Effect.promise(() => findProgram(name, options.searchPath))
      if (path === undefined) return Either.left(`${name} is not there: install ffmpeg`)
      if (yield* Effect.promise(() => isScript(path)))
        return Either.left(
          `${name} is a script, and the sandbox has no shell to run it: set FFMPEG_PATH and FFPROBE_PATH (ffmpegPath, ffprobePath) to the programs that it starts, and LD_LIBRARY_PATH where it does so`
        )
      programs.set(name, path)
    }
    const libraries = yield* disk("look for shared libraries", () =>
      librariesOf(
        [...new Set([...programs.values(), ...more])],
        libraryVariable(options.libraryPath),
        (folder) => isShared(folder, workRoot)
      )
    )
    return Either.right({ programs, libraries })
  })

/** Whether a program needs an interpreter, which the sandbox does not show. */
const isScript = async (path: string): Promise<boolean> => {
  const file = await open(path).catch(() => undefined)
  try {
    return (await file?.read({ length: 2 }))?.buffer.toString("latin1", 0, 2) === "#!"
  } finally {
    await file?.close()
  }
}

/** Whether a folder holds more than libraries: files of other programs, or those of other runs. */
const isShared = (folder: string, workRoot: string): boolean =>
  ["/", "/tmp", "/var/tmp", "/dev/shm", tmpdir(), homeFolder()].includes(folder) ||
  workRoot.startsWith(`${folder}/`)

/**
 * What fonts, libraries chosen among several, and processors are found by (libx265 makes no threads where it can't see the
 * nodes); systems differ in what they have of it.
 */
export const systemFolders = [
  "/usr/share/fonts",
  "/usr/share/fontconfig",
  "/etc/fonts",
  "/var/cache/fontconfig",
  "/etc/alternatives",
  "/etc/ld.so.cache",
  "/sys/devices/system/node"
]

export const localFonts = "/usr/local/share/fonts"

export const basicDevices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]
