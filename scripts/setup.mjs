// Prepares a clone: dependencies, ffmpeg, compiled sources. Takes a fraction of a second when everything is
// ready.
import { realpathSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "./setup/build.mjs"
import { dependencies } from "./setup/dependencies.mjs"
import { ffmpeg } from "./setup/ffmpeg.mjs"
import { locked } from "./setup/lock.mjs"
import { native } from "./setup/native.mjs"
import { cache } from "./setup/places.mjs"
import { Problem, report } from "./setup/problem.mjs"
import { sandbox } from "./setup/sandbox.mjs"
import { warm } from "./setup/warm.mjs"

/**
 * `ready` returns, in a fraction of a second, whether there is nothing to do; `prepare` does the work or
 * throws a Problem. It may be killed at any point, and `ready` must then return false. `note` takes the
 * process id of each program that it runs.
 * @typedef {{
 *   readonly ready: () => boolean | Promise<boolean>
 *   readonly prepare: (note: (pid: number) => void) => Promise<void>
 * }} Step
 */

/** Each step needs the ones before it. @type {ReadonlyArray<Step>} */
const always = [dependencies, native, ffmpeg, sandbox, warm, build]

const oldestNode = [20, 19]

const checkNode = () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = oldestNode
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return
  throw new Problem(
    `ffkiln needs Node ${oldestNode.join(".")} or later, but this is ${process.versions.node}: install a newer version`
  )
}

const allReady = async (/** @type {ReadonlyArray<Step>} */ steps) => {
  for (const step of steps) if (!(await step.ready())) return false
  return true
}

/**
 * Runs the steps that are not ready, also those of `more`. Concurrent runs wait for each other.
 * @param {ReadonlyArray<Step>} more
 */
export const setUp = async (more = []) => {
  checkNode()
  const steps = [...always, ...more]
  if (await allReady(steps)) return
  await locked(cache("setup.lock"), async (note) => {
    for (const step of steps) if (!(await step.ready())) await step.prepare(note)
  })
}

if (fileURLToPath(import.meta.url) === realpathSync(process.argv[1] ?? "")) await report(() => setUp())
