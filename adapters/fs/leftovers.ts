import { randomUUID } from "node:crypto"
import { lstat, readdir, unlink } from "node:fs/promises"
import { join } from "node:path"
import { isGone, thisProcess } from "../process/index.js"
import { orCode } from "./disk.js"

/** Names for unfinished files that tell whose they are: `<process>.<random>`. */
export const temporaryNames = (tmp: string): (() => string) => {
  const owner = thisProcess()
  return () => join(tmp, `${owner}.${randomUUID()}`)
}

/**
 * Removes what processes left unfinished: at once where its process is known to be dead. Another host's process can't
 * be asked, so anything goes that has not been written to since `before`.
 */
export const removeLeftovers = async (tmp: string, before: Date): Promise<void> => {
  for (const name of await readdir(tmp)) {
    const path = join(tmp, name)
    const [owner = ""] = name.split(".")
    const stats = await lstat(path).catch(orCode("ENOENT"))
    if (stats === "ENOENT" || !stats.isFile()) continue
    // Another process that starts beside us may be quicker.
    if (stats.mtime < before || isGone(owner)) await unlink(path).catch(orCode("ENOENT"))
  }
}
