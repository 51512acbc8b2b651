import { mkdir, open, rename, rmdir } from "node:fs/promises"
import { dirname } from "node:path"
import { errorCode, orCode } from "./disk.js"

/** A removal that comes in between costs one try; a source that is not there costs all of them. */
const moveTries = 50

/**
 * Moves a file, already synced, to a blob's path, replacing what is there; durable when it returns. Rejects with the
 * system's error, EXDEV among them, and then leaves no new folder behind.
 */
export const moveIntoPlace = async (from: string, to: string): Promise<void> => {
  const slot = dirname(to)
  let newFolders = false
  try {
    for (let tries = 1; (await rename(from, to).catch(orCode("ENOENT"))) === "ENOENT"; tries++) {
      if (tries === moveTries) await rename(from, to)
      // The slot is new, or a removal beside us took it for empty; that may happen again while it is being made.
      newFolders = (await mkdir(slot, { recursive: true }).catch(orCode("ENOENT"))) !== undefined || newFolders
    }
  } catch (cause) {
    await removeEmptyFolders(to)
    throw cause
  }
  const dir = dirname(slot)
  // Together these share one commit of the file system's journal.
  await Promise.all((newFolders ? [slot, dir, dirname(dir)] : [slot]).map(syncFolder))
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
