import { readdir, readlink } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"

/** What runs have left below a work root: directories, and processes that work in one. Needs /proc for the latter. */
export const remainsOf = (root: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(async () => [...(await readdir(root).catch(() => [])), ...(await processesIn(root))])

/** Ids of processes whose working directory lies below a folder, also one that is removed by now. */
export const processesIn = async (root: string): Promise<ReadonlyArray<string>> => {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name))
  const places = await Promise.all(ids.map(async (id) => [id, await readlink(join("/proc", id, "cwd")).catch(() => "")] as const))
  return places.filter(([, place]) => place.startsWith(`${root}/`)).map(([id]) => id)
}
