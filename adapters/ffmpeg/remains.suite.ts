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
  const found = await Promise.all(ids.map(async (id) => [id, (await worksIn(id, root)) || (await seesInside(id, root))] as const))
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
  // The fourth field is the mounted folder as its own file system calls it: without what lies above where that is mounted.
  const part = `${root.split("/").slice(-2).join("/")}/`
  return mounts.split("\n").some((line) => line.split(" ")[3]?.includes(part))
}
