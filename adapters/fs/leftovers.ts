import { randomUUID } from "node:crypto"
import { lstat, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { endless, jitteredPause } from "../../core/fibers/loop.js"
import { SteadyTime } from "../../core/fibers/steady-time.js"
import { Limits } from "../../core/limits.js"
import { onDisk, orCode } from "../blob/index.js"
import { isGone, thisProcess } from "../process/index.js"
import { partsPrefix } from "./parts.js"

/** Makes names for unfinished files that contain their process: `<process>.<random>`. */
export const temporaryNames = (tmp: string): (() => string) => {
  const owner = thisProcess()
  return () => join(tmp, `${owner}.${randomUUID()}`)
}

/**
 * Removes unfinished files: at once if their process is known to be dead, else if they were last written
 * before `before`. Processes of other hosts can't be checked, and uploads in parts belong to no process.
 */
export const removeLeftovers = async (tmp: string, before: Date): Promise<void> => {
  for (const name of await readdir(tmp)) {
    const path = join(tmp, name)
    const [owner = ""] = name.split(".")
    const stats = await lstat(path).catch(orCode("ENOENT"))
    if (stats === "ENOENT" || !(stats.isFile() || (stats.isDirectory() && name.startsWith(partsPrefix))))
      continue
    // ENOTEMPTY: a part arrived meanwhile, so the folder stays. Another process may also remove it first.
    if (stats.mtime < before || isGone(owner))
      await rm(path, { recursive: true, force: true }).catch(orCode("ENOTEMPTY"))
  }
}

/**
 * Removes unfinished files at the interval of the orphan sweep, since an abandoned upload in parts has no
 * process that ends.
 */
export const sweepLeftovers = (tmp: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { orphanSweepSeconds, orphanSeconds } = yield* Limits
    const pass = Effect.gen(function* () {
      const before = new Date((yield* (yield* SteadyTime).now) - orphanSeconds * 1000)
      yield* onDisk("sweep", () => removeLeftovers(tmp, before))
    })
    const next = Effect.zipRight(jitteredPause(orphanSweepSeconds), pass)
    yield* endless(
      Effect.catchAll(next, (error) => Effect.logWarning("unfinished files stay until the next sweep", error))
    )
  })
