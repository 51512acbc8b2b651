import { lstat, mkdir } from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { isAbsolute, join } from "node:path"

/** Folders to try, the first that can be used first. */
export type CacheFolders = ReadonlyArray<string>

/**
 * Where this user keeps what can be made again, by the XDG base directory rules: `$XDG_CACHE_HOME`, else `~/.cache`. Where the
 * home directory is missing or read-only, a folder of this user below the system's temporary folder.
 */
export const cacheFolders = (environment: NodeJS.ProcessEnv = process.env): CacheFolders => {
  const named = environment.XDG_CACHE_HOME ?? ""
  const home = isAbsolute(named) ? [named] : [environment.HOME, homeFolder()].flatMap((path) => (path ? [join(path, ".cache")] : []))
  return [...new Set([...home.map((folder) => join(folder, "ffkiln")), join(tmpdir(), `ffkiln-${ownUser()}-cache`)])]
}

/** The home directory of this user; undefined in a container whose user no system file names. */
export const homeFolder = (): string | undefined => {
  try {
    return homedir()
  } catch {
    return undefined
  }
}

/** Makes the folder. Undefined where it can't be had, or belongs to another user than this one and root. */
export const usableFolder = async (path: string): Promise<string | undefined> => {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    const found = await lstat(path)
    const uid = ownUser()
    return found.isDirectory() && (uid < 0 || found.uid === uid || found.uid === 0) ? path : undefined
  } catch {
    return undefined
  }
}

/** -1 where users have no numbers. */
const ownUser = (): number => process.getuid?.() ?? -1
