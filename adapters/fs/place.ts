import { lstat, mkdir, open, rename, rmdir } from "node:fs/promises"
import { dirname } from "node:path"
import { errorCode, orCode } from "../blob/index.js"

/**
 * Moves a file, already synced, to a blob's path, replacing what is there; durable when it returns. Rejects with the
 * system's error, EXDEV among them, and then leaves no new folder behind.
 */
export const moveIntoPlace = async (from: string, to: string): Promise<void> => {
  const slot = dirname(to)
  const dir = dirname(slot)
  const changed = new Set([slot])
  try {
    while ((await rename(from, to).catch(orCode("ENOENT"))) === "ENOENT") {
      // Ends the loop when it is the source that is missing.
      await lstat(from)
      // Else the slot is new, or a removal beside us took it for empty, which may happen again between any two of these
      // lines. Node's recursive mkdir answers such a race with ENOTDIR.
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

/** Makes the names in a folder durable. A folder that is gone has none: its last blob has been removed meanwhile. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path).catch(orCode("ENOENT"))
  if (folder === "ENOENT") return
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Removes the slot and the directory of a blob's path where they are empty. Only tidiness: what can't go stays. */
export const removeEmptyFolders = async (path: string): Promise<void> => {
  const slot = dirname(path)
  for (const folder of [slot, dirname(slot)]) {
    await rmdir(folder).catch((cause) => {
      if (errorCode(cause) === undefined) throw cause
    })
  }
}
