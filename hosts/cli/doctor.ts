import { statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { Effect, Either, Layer } from "effect"
import { examine } from "../../adapters/ffmpeg/index.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import { readSettings } from "../server/config.js"
import { ffmpegSettings } from "../server/main.js"

/** `ffkiln doctor`: what a server with these settings would find on this machine, and what would make it better. 1 when it would not start. */
export const doctor = async (args: ReadonlyArray<string>, environment: Readonly<Record<string, string | undefined>>): Promise<number> => {
  const settings = readSettings(args, environment)
  console.log(
    `node: ${process.versions.node} on ${process.platform} ${process.arch}, ${process.getuid?.() === 0 ? "as root" : "not as root"}`
  )
  console.log(`disk: ${await freeSpace(settings.dataDir)} free for the data directory`)
  const { workRoot: _, ...options } = ffmpegSettings(settings)
  const limits = Layer.succeed(Limits, { ...defaultLimits, ...settings.limits })
  const look = (mode: typeof settings.sandbox) =>
    Effect.runPromise(Effect.either(examine({ ...options, sandbox: mode })).pipe(Effect.provide(limits)))
  // What could be had is of interest also where nobody asks for it.
  const found = await look("preferred")
  if (Either.isLeft(found)) {
    console.log(`ffmpeg: ${found.left.what}`)
    return 1
  }
  const { version, sandboxed, description, hole } = found.right
  console.log(`ffmpeg: ${/^ff\w+ version (\S+)/.exec(version)?.[1] ?? version}`)
  if (hole !== undefined) console.log(`ffmpeg: ${hole}`)
  console.log(description)
  console.log(`setting: FFKILN_SANDBOX=${settings.sandbox}: ${verdict[settings.sandbox](sandboxed)}`)
  return settings.sandbox === "required" && !sandboxed ? 1 : 0
}

const unsafe = "runs are not shut in: serve only callers you trust"

const verdict = {
  required: (works: boolean) => (works ? "every run is shut in" : "the server does not start"),
  preferred: (works: boolean) => (works ? "every run is shut in; required would refuse to start should that change" : unsafe),
  off: (works: boolean) => (works ? `${unsafe}, though a sandbox can be had here: set required` : unsafe)
} as const

/** Of the disk that a folder is on or will be. */
const freeSpace = async (folder: string): Promise<string> => {
  try {
    const { bavail, bsize } = await statfs(folder)
    return `${((bavail * bsize) / 1024 ** 3).toFixed(1)} GiB`
  } catch {
    return dirname(folder) === folder ? "an unknown amount" : freeSpace(dirname(folder))
  }
}
