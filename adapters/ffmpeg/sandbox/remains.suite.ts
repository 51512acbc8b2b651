import { readdir, readFile, readlink } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"

/** What runs have left below a work root: directories, and processes that work in one. Needs /proc for the latter. */
export const remainsOf = (root: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(async () => [...(await readdir(root).catch(() => [])), ...(await processesIn(root))])

/**
 * Ids of processes that work below a folder, also one that is removed by now: their working directory is there, or they are
 * shut into a sandbox where part of it is mounted.
 */
export const processesIn = async (root: string): Promise<ReadonlyArray<string>> => {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    ids.map(async (id) => [id, (await worksIn(id, root)) || (await seesInside(id, root))] as const)
  )
  return found.filter(([, is]) => is).map(([id]) => id)
}

/** Those of them that are an ffmpeg or an ffprobe, and not what they are started by. */
export const ffmpegsIn = async (root: string): Promise<ReadonlyArray<string>> => {
  const ids = await processesIn(root)
  const names = await Promise.all(ids.map((id) => readFile(`/proc/${id}/comm`, "utf8").catch(() => "")))
  return ids.filter((_, index) => /^ff(mpeg|probe)\n/.test(names[index] ?? ""))
}

const worksIn = async (id: string, root: string): Promise<boolean> =>
  (await readlink(join("/proc", id, "cwd")).catch(() => "")).startsWith(`${root}/`)

const seesInside = async (id: string, root: string): Promise<boolean> => {
  const mounts = await readFile(`/proc/${id}/mountinfo`, "utf8").catch(() => "")
  return mountsFrom(mounts, `${root.split("/").slice(-2).join("/")}/`)
}

/**
 * Whether a process's mountinfo tells of something mounted from such a folder, a part of a path. The fourth field is the
 * mounted folder as its own file system calls it: with escapes, and without what lies above where that is mounted. Where it
 * is seen says nothing: a disk that is mounted in a folder of ours is so for all processes of this machine.
 */
export const mountsFrom = (mountinfo: string, part: string): boolean =>
  mountinfo.split("\n").some((line) => line.split(" ")[3]?.includes(part.replaceAll(" ", "\\040")))
