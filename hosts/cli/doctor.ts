import { statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { Effect, Either } from "effect"
import { examine } from "../../adapters/ffmpeg/index.js"
import { limitsLayer } from "../embed/layers.js"
import { ffmpegSettings } from "../settings/adapters.js"
import { type HostOptions, readSettings, type Settings } from "../settings/config.js"
import type { Environment } from "../settings/setting.js"
import { lookAtPlaces } from "./places.js"

/**
 * `ffkiln doctor`: reports what a server with these settings would find on this machine. The exit code is 1
 * when the server would not start.
 */
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

/**
 * Prints the version of ffmpeg and the state of the sandbox. Returns whether a server would start with them.
 */
const ffmpegRuns = async (settings: Settings): Promise<boolean> => {
  const { workRoot: _, ...options } = ffmpegSettings(settings)
  const look = (mode: typeof settings.sandbox) =>
    Effect.runPromise(
      Effect.either(examine({ ...options, sandbox: mode })).pipe(Effect.provide(limitsLayer(settings.limits)))
    )
  // Looks for a sandbox even when the setting is `off`, so that the report can recommend it.
  const found = await look("preferred")
  if (Either.isLeft(found)) {
    console.log(`ffmpeg: ${found.left.what}`)
    return false
  }
  const { version, sandboxed, description, hole, silence, shortest } = found.right
  console.log(`ffmpeg: ${/^ff\w+ version (\S+)/.exec(version)?.[1] ?? version}`)
  if (hole !== undefined) console.log(`ffmpeg: ${hole}`)
  if (silence !== undefined)
    console.log(
      `ffmpeg: ${silence}: tasks are accepted even if ffmpeg lacks a codec or filter, and the server retries the query`
    )
  console.log(description)
  if (shortest !== undefined)
    console.log(
      `launch: the shortest run takes ${shortest.warm.toFixed(0)} ms, and ${shortest.anew.toFixed(0)} ms where it is started anew`
    )
  console.log(`setting: FFKILN_SANDBOX=${settings.sandbox}: ${verdict[settings.sandbox](sandboxed)}`)
  return sandboxed || settings.sandbox !== "required"
}

const unsafe = "ffmpeg runs without a sandbox: serve only callers you trust"

const verdict = {
  required: (works: boolean) => (works ? "every run has a sandbox" : "the server does not start"),
  preferred: (works: boolean) =>
    works ? "every run has a sandbox; set required to refuse to start without one" : unsafe,
  off: (works: boolean) => (works ? `${unsafe}, or set required, since a sandbox is available here` : unsafe)
} as const

/** Free space of the disk that holds the folder, or that will hold it. */
const freeSpace = async (folder: string): Promise<string> => {
  try {
    const { bavail, bsize } = await statfs(folder)
    return `${((bavail * bsize) / 1024 ** 3).toFixed(1)} GiB`
  } catch {
    return dirname(folder) === folder ? "an unknown amount" : freeSpace(dirname(folder))
  }
}
