import { readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"

/** The devices of a machine that encode and decode. */
export interface Devices {
  /** Files and folders below /dev. */
  readonly paths: ReadonlyArray<string>
  /** Groups that may open some of them, where not everybody may; never root's. */
  readonly groups: ReadonlyArray<number>
}

/**
 * What is there of it: graphics cards, Nvidia's own devices, and codecs behind Video4Linux, where cameras are as well:
 * a device of that kind counts by what its driver calls it.
 */
export const findDevices = async (): Promise<Devices> => {
  const [all, videos] = await Promise.all([listed("/dev"), codecVideos("/sys/class/video4linux")])
  const names = all.filter((name) => name === "dri" || /^nvidia/.test(name) || videos.includes(name))
  const paths = names.map((name) => join("/dev", name))
  return { paths, groups: [...new Set((await Promise.all(paths.map(groupsOf))).flat())] }
}

const listed = (folder: string): Promise<ReadonlyArray<string>> => readdir(folder).catch(() => [])

/** Names below /dev of what a folder such as /sys/class/video4linux says are codecs, as in `bcm2835-codec-decode`. */
export const codecVideos = async (folder: string): Promise<ReadonlyArray<string>> => {
  const found = await Promise.all(
    (await listed(folder)).map(
      async (name) => [name, await readFile(join(folder, name, "name"), "utf8").catch(() => "")] as const
    )
  )
  return found
    .filter(([, words]) => /(?:codec|encode|decode)|(?:enc|dec|vpu|venus|mfc)\b/i.test(words))
    .map(([name]) => name)
}

const groupsOf = async (path: string): Promise<ReadonlyArray<number>> => {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return []
  if (found.isDirectory())
    return (await Promise.all((await listed(path)).map((name) => groupsOf(join(path, name))))).flat()
  const needed = found.isCharacterDevice() && (found.mode & 0o006) !== 0o006 && (found.mode & 0o060) === 0o060
  return needed && found.gid !== 0 ? [found.gid] : []
}
