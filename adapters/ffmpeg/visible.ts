import { constants } from "node:fs"
import { access, lstat, readlink, realpath } from "node:fs/promises"
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path"
import { output } from "../process/spawn.js"

/** Where a program lies, its links followed; undefined when it is not there or may not be run. */
export const findProgram = async (name: string, searchPath: string): Promise<string | undefined> => {
  const places = isAbsolute(name) ? [name] : searchPath.split(delimiter).map((folder) => resolve(folder, name))
  for (const place of places) {
    const found = await realpath(place).catch(() => undefined)
    if (found !== undefined && (await canRun(found))) return found
  }
  return undefined
}

const canRun = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false
  )

/** A part of the file system that programs need: real folders, and the links by which they are reached. */
export interface Libraries {
  /** No two of them inside each other. */
  readonly folders: ReadonlyArray<string>
  readonly links: ReadonlyArray<{ readonly path: string; readonly target: string }>
}

/**
 * The folders of the shared libraries of some programs. Whole folders, because each thing that is made visible costs a mount,
 * and ffmpeg has two hundred libraries in two folders.
 */
export const librariesOf = async (programs: ReadonlyArray<string>): Promise<Libraries> => {
  const folders = new Set<string>()
  const links = new Map<string, string>()
  for (const library of await linked(programs)) {
    const real = await realpath(library).catch(() => undefined)
    if (real === undefined) continue
    folders.add(dirname(real)).add(await realpath(dirname(library)))
    for (const { path, target } of await linksOn(dirname(library))) links.set(path, target)
  }
  const all = [...folders].sort()
  return {
    folders: all.filter((folder) => !all.some((other) => folder.startsWith(`${other}/`))),
    links: [...links].map(([path, target]) => ({ path, target }))
  }
}

/** Absolute paths in what ldd prints; none for a program that is linked statically, at which ldd fails. */
const linked = async (programs: ReadonlyArray<string>): Promise<ReadonlySet<string>> => {
  const { stdout } = await output("ldd", programs, { env: { PATH: "/usr/bin:/bin" } })
  return new Set([...stdout.matchAll(/^\t(?:.* => )?(\/\S+) \(0x/gm)].flatMap(([, path = ""]) => path))
}

/** The symbolic links on the way to a folder, `/lib` for one, where that is a link to `usr/lib`. */
const linksOn = async (path: string): Promise<Libraries["links"]> => {
  const parts = path.split("/").filter((part) => part !== "")
  for (const index of parts.keys()) {
    const link = `/${parts.slice(0, index + 1).join("/")}`
    if (!(await lstat(link)).isSymbolicLink()) continue
    const target = await readlink(link)
    const onwards = join(resolve(dirname(link), target), ...parts.slice(index + 1))
    return [{ path: link, target }, ...(await linksOn(onwards))]
  }
  return []
}

/** Every folder above a path, the highest first, without the root. */
export const foldersAbove = (path: string): ReadonlyArray<string> => {
  const above = dirname(path)
  return above === "/" ? [] : [...foldersAbove(above), above]
}
