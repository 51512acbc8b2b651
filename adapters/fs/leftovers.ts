import { randomUUID } from "node:crypto"
import { lstat, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { Limits } from "../../core/limits.js"
import { endless, jitteredPause } from "../../core/loop.js"
import { SteadyTime } from "../../core/steady-time.js"
import { onDisk, orCode } from "../blob/index.js"
import { isGone, thisProcess } from "../process/index.js"
import { partsPrefix } from "./parts.js"

/** Names for unfinished files that tell whose they are: `<process>.<random>`. */
export const temporaryNames = (tmp: string): (() => string) => {
  const owner = thisProcess()
  return () => join(tmp, `${owner}.${randomUUID()}`)
}

/**
 * Removes what processes left unfinished: at once where its process is known to be dead. Another host's process can't
 * be asked, and an upload in parts is nobody's own, so anything goes that has not been written to since `before`.
 */
export const removeLeftovers = async (tmp: string, before: Date): Promise<void> => {
  for (const name of await readdir(tmp)) {
    const path = join(tmp, name)
    const [owner = ""] = name.split(".")
    const stats = await lstat(path).catch(orCode("ENOENT"))
    if (stats === "ENOENT" || !(stats.isFile() || (stats.isDirectory() && name.startsWith(partsPrefix)))) continue
    // Another process beside us may be quicker, or a part may come meanwhile: that folder is not empty in the end, and stays.
    if (stats.mtime < before || isGone(owner)) await rm(path, { recursive: true, force: true }).catch(orCode("ENOTEMPTY"))
  }
}

/** Does so as often as orphans are looked for: an upload in parts that nobody joins has no process that will be gone. */
export const sweepLeftovers = (tmp: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { orphanSweepSeconds, orphanSeconds } = yield* Limits
    const pass = Effect.gen(function* () {
      const before = new Date((yield* (yield* SteadyTime).now) - orphanSeconds * 1000)
      yield* onDisk("sweep", () => removeLeftovers(tmp, before))
    })
    const next = Effect.zipRight(jitteredPause(orphanSweepSeconds), pass)
    yield* endless(Effect.catchAll(next, (error) => Effect.logWarning("unfinished files stay until the next sweep", error)))
  })
