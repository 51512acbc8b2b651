// Makes a clone ready to run: dependencies, ffmpeg, compiled sources. Does nothing, quickly, where all is right.
import { realpathSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "./setup/build.mjs"
import { dependencies } from "./setup/dependencies.mjs"
import { ffmpeg } from "./setup/ffmpeg.mjs"
import { locked } from "./setup/lock.mjs"
import { native } from "./setup/native.mjs"
import { cache } from "./setup/places.mjs"
import { Problem, report } from "./setup/problem.mjs"

/**
 * `ready` says whether there is nothing to do, in a fraction of a second; `prepare` makes it so or throws a Problem.
 * It may be killed at any point and must not look ready then. `note` takes the process id of whatever it runs.
 * @typedef {{
 *   readonly ready: () => boolean | Promise<boolean>
 *   readonly prepare: (note: (pid: number) => void) => Promise<void>
 * }} Step
 */

/** Each needs the ones before it. @type {ReadonlyArray<Step>} */
const steps = [dependencies, native, ffmpeg, build]

const oldestNode = [20, 19]

const checkNode = () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = oldestNode
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return
  throw new Problem(`ffkiln needs Node ${oldestNode.join(".")} or later, and this is ${process.versions.node}: install a newer one`)
}

const allReady = async () => {
  for (const step of steps) if (!(await step.ready())) return false
  return true
}

/** Brings the folder up to date; two at once take turns. */
export const setUp = async () => {
  checkNode()
  if (await allReady()) return
  await locked(cache("setup.lock"), async (note) => {
    for (const step of steps) if (!(await step.ready())) await step.prepare(note)
  })
}

if (fileURLToPath(import.meta.url) === realpathSync(process.argv[1] ?? "")) await report(setUp)
