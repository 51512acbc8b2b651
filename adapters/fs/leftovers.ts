import { createHash, randomUUID } from "node:crypto"
import { lstat, readdir, readlink, unlink } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { errorCode, orCode } from "./disk.js"

/** Where a process id means something: containers that share a root have ids of their own. */
const processSpace = async (): Promise<string> => {
  const namespace = await readlink("/proc/self/ns/pid").catch(orCode("ENOENT", "EACCES"))
  return createHash("sha256").update(`${hostname()} ${namespace}`).digest("hex").slice(0, 16)
}

/** Names for unfinished files that tell whose they are: `<process space>.<process id>.<random>`. */
export const temporaryNames = async (tmp: string): Promise<() => string> => {
  const owner = `${await processSpace()}.${process.pid}`
  return () => join(tmp, `${owner}.${randomUUID()}`)
}

const isDead = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch (cause) {
    return errorCode(cause) === "ESRCH"
  }
}

/**
 * Removes what processes left unfinished: at once where its process is known to be dead. Another host's process can't
 * be asked, and ids are used again, so anything goes that has not been written to since `before`.
 */
export const removeLeftovers = async (tmp: string, before: Date): Promise<void> => {
  const here = await processSpace()
  for (const name of await readdir(tmp)) {
    const path = join(tmp, name)
    const [space, pid] = name.split(".")
    const stats = await lstat(path).catch(orCode("ENOENT"))
    if (stats === "ENOENT" || !stats.isFile()) continue
    // Another process that starts beside us may be quicker.
    if (stats.mtime < before || (space === here && isDead(Number(pid)))) await unlink(path).catch(orCode("ENOENT"))
  }
}
