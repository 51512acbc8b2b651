import { randomBytes } from "node:crypto"
import { link, open, readFile, unlink } from "node:fs/promises"
import { dirname } from "node:path"
import { orCode } from "../blob/index.js"
import { syncFolder } from "./place.js"

/**
 * Reads the secret at `path`; the first process makes it. It writes a temporary file and links it to `path`,
 * which only one of several processes can do. The others read that file.
 */
export const keptSecret = async (path: string, temporary: string): Promise<Uint8Array> => {
  const kept = await readFile(path).catch(orCode("ENOENT"))
  if (kept !== "ENOENT") return kept
  const file = await open(temporary, "wx", 0o600)
  try {
    await file.writeFile(randomBytes(32))
    await file.sync()
    await link(temporary, path).catch(orCode("EEXIST"))
  } finally {
    await file.close()
    await unlink(temporary)
  }
  await syncFolder(dirname(path))
  return readFile(path)
}
