import { constants } from "node:fs"
import { access, lstat, open, readlink, realpath } from "node:fs/promises"
import { basename, delimiter, dirname, isAbsolute, join, resolve } from "node:path"
import { output } from "../../process/spawn.js"

/** Where a program lies, its links followed; undefined when it is not there or may not be run. */
export const findProgram = async (name: string, searchPath: string): Promise<string | undefined> => {
  const places = isAbsolute(name)
    ? [name]
    : searchPath.split(delimiter).map((folder) => resolve(folder, name))
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

/** A part of the file system that programs need: real folders and files, and the links by which they are reached. */
export interface Libraries {
  /** No two of them inside each other. */
  readonly folders: ReadonlyArray<string>
  /** Those in folders that hold more than libraries, one by one. */
  readonly files: ReadonlyArray<string>
  readonly links: ReadonlyArray<{ readonly path: string; readonly target: string }>
  /** Each library that is loaded, its links followed. */
  readonly loaded: ReadonlyArray<string>
}

/**
 * Where the shared libraries of some programs lie, and what loads them. Whole folders, because each thing that is made visible
 * costs a mount, and ffmpeg has two hundred libraries in two folders; but of a folder that is shared, or that other users can't
 * read, as a sandboxed program may be one, its files alone.
 */
export const librariesOf = async (
  programs: ReadonlyArray<string>,
  libraryPath: NodeJS.ProcessEnv,
  isShared: (folder: string) => boolean
): Promise<Libraries> => {
  const isWhole = async (folder: string) =>
    !isShared(folder) && ((await lstat(folder)).mode & readable) === readable
  const folders = new Set<string>()
  const files = new Set<string>()
  const links = new Map<string, string>()
  const loaded = new Set<string>()
  const lists = await Promise.all(programs.map((program) => loadedBy(program, libraryPath)))
  for (const library of new Set(lists.flat())) {
    const real = await realpath(library).catch(() => undefined)
    if (real === undefined) continue
    loaded.add(real)
    const folder = await realpath(dirname(library))
    const itself = join(folder, basename(library))
    for (const each of [dirname(real), folder]) if (await isWhole(each)) folders.add(each)
    if (!folders.has(dirname(real))) files.add(real)
    if (!folders.has(folder) && itself !== real) links.set(itself, real)
    for (const { path, target } of await linksOn(dirname(library))) links.set(path, target)
  }
  const all = [...folders].sort()
  const isWithin = (path: string, others: ReadonlyArray<string>) =>
    others.some((other) => path.startsWith(`${other}/`))
  const outermost = all.filter((folder) => !isWithin(folder, all))
  return {
    folders: outermost,
    files: [...files].filter((file) => !isWithin(file, outermost)).sort(),
    links: [...links]
      .map(([path, target]) => ({ path, target }))
      .filter(({ path }) => !isWithin(path, outermost)),
    loaded: [...loaded]
  }
}

/** A folder that everybody may list and pass through. */
const readable = 0o005

/**
 * What the kernel and the loader read to start a program: asked of the loader that it names, which need not be the system's.
 * Nothing for a program that is linked statically.
 */
const loadedBy = async (program: string, libraryPath: NodeJS.ProcessEnv): Promise<ReadonlyArray<string>> => {
  const loader = await loaderOf(program)
  if (loader === undefined) return []
  const { stdout } = await output(loader, ["--list", program], { env: libraryPath })
  return [loader, ...stdout.split("\n").flatMap((line) => libraryIn(line) ?? [])]
}

/** The path in a line such as `<tab>libm.so.6 => /lib/libm.so.6 (0x00007f00)`. The kernel's own library has none. */
const libraryIn = (line: string): string | undefined => {
  const path = line.trim().split(" => ").at(-1)?.split(" (0x", 1)[0]
  return path?.startsWith("/") ? path : undefined
}

/** The segment of an ELF file that names its loader, in programs of 64 bits and little endian, as all of Node's Linux are. */
const loaderSegment = 3

/** Undefined where the program has no loader or the file is not an ELF program. */
const loaderOf = async (program: string): Promise<string | undefined> => {
  const file = await open(program)
  try {
    const read = async (position: number, length: number) =>
      (await file.read(Buffer.alloc(length), 0, length, position)).buffer
    const header = await read(0, 64)
    if (header.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") return undefined
    const size = header.readUInt16LE(54)
    const table = await read(Number(header.readBigUInt64LE(32)), size * header.readUInt16LE(56))
    for (let at = 0; at + 40 <= table.length; at += size) {
      if (table.readUInt32LE(at) !== loaderSegment) continue
      const name = await read(
        Number(table.readBigUInt64LE(at + 8)),
        Math.min(Number(table.readBigUInt64LE(at + 32)), maxPath)
      )
      return name.toString("utf8").replace(/\0.*$/s, "")
    }
    return undefined
  } finally {
    await file.close()
  }
}

const maxPath = 4096

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
