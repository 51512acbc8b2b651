import { statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { Effect, Either } from "effect"
import { examine } from "../../adapters/ffmpeg/index.js"
import { limitsLayer } from "../embed/layers.js"
import { ffmpegSettings } from "../settings/adapters.js"
import { type HostOptions, readSettings, type Settings } from "../settings/config.js"
import type { Environment } from "../settings/setting.js"
import { lookAtPlaces } from "./places.js"

/** `ffkiln doctor`: what a server with these settings would find on this machine, and what would make it better. 1 when it would not start. */
export const doctor = async (options: HostOptions, environment: Environment): Promise<number> => {
  const settings = readSettings(options, environment)
  console.log(
    `node: ${process.versions.node} on ${process.platform} ${process.arch}, ${process.getuid?.() === 0 ? "as root" : "not as root"}`
  )
  console.log(`disk: ${await freeSpace(settings.dataDir)} free for the data directory`)
  const places = await lookAtPlaces(settings)
  for (const { line } of places) console.log(line)
  const runs = await ffmpegRuns(settings)
  return runs && places.every(({ fine }) => fine) ? 0 : 1
}

/** Tells what ffmpeg there is and how it is shut in: whether a server would start with that. */
const ffmpegRuns = async (settings: Settings): Promise<boolean> => {
  const { workRoot: _, ...options } = ffmpegSettings(settings)
  const look = (mode: typeof settings.sandbox) =>
    Effect.runPromise(Effect.either(examine({ ...options, sandbox: mode })).pipe(Effect.provide(limitsLayer(settings.limits))))
  // What could be had is of interest also where nobody asks for it.
  const found = await look("preferred")
  if (Either.isLeft(found)) {
    console.log(`ffmpeg: ${found.left.what}`)
    return false
  }
  const { version, sandboxed, description, hole, silence } = found.right
  console.log(`ffmpeg: ${/^ff\w+ version (\S+)/.exec(version)?.[1] ?? version}`)
  if (hole !== undefined) console.log(`ffmpeg: ${hole}`)
  if (silence !== undefined) console.log(`ffmpeg: ${silence}: no task is refused for want of a codec or filter, and the server asks again`)
  console.log(description)
  console.log(`setting: FFKILN_SANDBOX=${settings.sandbox}: ${verdict[settings.sandbox](sandboxed)}`)
  return sandboxed || settings.sandbox !== "required"
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
