import { lstat, mkdir } from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { isAbsolute, join } from "node:path"

/** Folders to try in this order; the first one that can be used is taken. */
export type CacheFolders = ReadonlyArray<string>

/**
 * The cache folders of this user by the XDG base directory specification: `$XDG_CACHE_HOME`, else `~/.cache`.
 * If the home directory is missing or read-only, a folder of this user in the system's temporary directory.
 */
export const cacheFolders = (environment: NodeJS.ProcessEnv = process.env): CacheFolders => {
  const named = environment.XDG_CACHE_HOME ?? ""
  const home = isAbsolute(named)
    ? [named]
    : [environment.HOME, homeFolder()].flatMap((path) => (path ? [join(path, ".cache")] : []))
  return [
    ...new Set([...home.map((folder) => join(folder, "ffkiln")), join(tmpdir(), `ffkiln-${ownUser()}-cache`)])
  ]
}

/**
 * The home directory of this user; undefined if the user has no entry in the system, as in some containers.
 */
export const homeFolder = (): string | undefined => {
  try {
    return homedir()
  } catch {
    return undefined
  }
}

/**
 * Makes the folder and returns its path; undefined if that fails, or if a user other than this one or root
 * owns it.
 */
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

/** The id of this user; -1 on systems without user ids. */
const ownUser = (): number => process.getuid?.() ?? -1
