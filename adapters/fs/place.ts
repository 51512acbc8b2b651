import { lstat, mkdir, open, rename, rmdir } from "node:fs/promises"
import { dirname } from "node:path"
import { errorCode, orCode } from "../blob/index.js"

/**
 * Moves a synced file to a blob's path and replaces an existing one; durable when it returns. Rejects with
 * the system error, such as EXDEV, and then leaves no new folders.
 */
export const moveIntoPlace = async (from: string, to: string): Promise<void> => {
  const slot = dirname(to)
  const dir = dirname(slot)
  const changed = new Set([slot])
  try {
    while ((await rename(from, to).catch(orCode("ENOENT"))) === "ENOENT") {
      // Throws, and so ends the loop, if the source is missing.
      await lstat(from)
      // Otherwise the slot is new, or another process removed it as empty, which can happen again at any
      // time. Node's
      // recursive mkdir fails with ENOTDIR in such a race.
      if ((await mkdir(dir).catch(orCode("EEXIST"))) === undefined) changed.add(dirname(dir))
      if ((await mkdir(slot).catch(orCode("EEXIST", "ENOENT"))) === undefined) changed.add(dir)
    }
  } catch (cause) {
    await removeEmptyFolders(to)
    throw cause
  }
  // Together these share one commit of the file system's journal.
  await Promise.all(Array.from(changed, syncFolder))
}

/** Makes the names in a folder durable. A missing folder is no error: its last blob was removed meanwhile. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path).catch(orCode("ENOENT"))
  if (folder === "ENOENT") return
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Removes the slot and the directory of a blob's path if they are empty. Failures are ignored. */
export const removeEmptyFolders = async (path: string): Promise<void> => {
  const slot = dirname(path)
  for (const folder of [slot, dirname(slot)]) {
    await rmdir(folder).catch((cause) => {
      if (errorCode(cause) === undefined) throw cause
    })
  }
}
