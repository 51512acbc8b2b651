import { createHash, randomUUID } from "node:crypto"
import { constants, type Stats } from "node:fs"
import {
  copyFile,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rmdir,
  unlink,
  utimes
} from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import { disk } from "../../ffmpeg/disk.js"
import { isGone, thisProcess } from "../../process/index.js"

/** Identifies the content of a file. */
export interface Content {
  readonly key: string
  readonly bytes: number
  readonly etag: string
}

export interface Entry {
  readonly path: string
  readonly etag: string
}

/** A file that is being downloaded. */
export interface PartialInput {
  readonly path: string
  readonly file: FileHandle
}

/**
 * Cached files by their content. Each boot of a machine, and each container, has a folder of its own: files
 * of another boot may not have reached the disk, and its processes can't be checked. The processes of one
 * boot share complete files. A second hard link makes a download a cache entry, and a third one is a use of
 * it. So a file with one link is not in use by any process.
 */
export interface CacheFolder {
  /**
   * Removes the least recently used files until `bytes` more fit, or until all remaining files are in use.
   */
  readonly makeRoom: (bytes: number) => Effect.Effect<void, Unavailable>
  /** Makes a sparse file of this size. */
  readonly create: (bytes: number) => Effect.Effect<PartialInput, Unavailable>
  readonly discard: (part: PartialInput) => Effect.Effect<void>
  /** Makes a complete download a cache entry. If that fails, the input is downloaded again next time. */
  readonly keep: (path: string, content: Content) => Effect.Effect<void>
  readonly find: (content: Pick<Content, "key" | "bytes">) => Effect.Effect<Entry | undefined, Unavailable>
  /** Like `link`; false if another process has removed the entry meanwhile. */
  readonly use: (entry: Entry, to: string) => Effect.Effect<boolean, Unavailable>
  readonly remove: (entry: Entry) => Effect.Effect<void, Unavailable>
  /** Makes a hard link, or a copy if that is impossible. */
  readonly link: (path: string, to: string) => Effect.Effect<void, Unavailable>
}

const partEnding = ".part"

/** Partial files of another boot are removed after this time without a write. */
const forgottenMillis = 86_400_000

export const openCacheFolder = (root: string, maxBytes: number): Effect.Effect<CacheFolder, Unavailable> =>
  Effect.gen(function* () {
    const owner = thisProcess()
    const own = join(root, owner.split("-")[0] as string)
    yield* disk("make the folder of inputs", () => mkdir(own, { recursive: true, mode: 0o700 }))
    yield* disk("clean up the folder of inputs", () => removeLeftovers(root))
    const oneAtATime = yield* Effect.makeSemaphore(1)

    const makeRoom = (bytes: number) =>
      oneAtATime.withPermits(1)(disk("make room for inputs", () => evict(root, maxBytes - bytes)))
    yield* makeRoom(0)

    return {
      makeRoom,
      create: (bytes) =>
        disk("make an input", async () => {
          const path = join(own, `${owner}.${randomUUID()}${partEnding}`)
          // Mode 0444: this handle can write, but later opens of the file or its links can't.
          const file = await open(path, "wx+", 0o444)
          await file.truncate(bytes)
          return { path, file }
        }),
      discard: ({ path, file }) =>
        disk("remove an input", async () => {
          await file.close()
          await unlink(path)
        }).pipe(Effect.ignoreLogged),
      keep: (path, content) => {
        const name = entryName(content)
        if (name === undefined) return Effect.void
        return Effect.ignoreLogged(
          disk("keep an input", () => link(path, join(own, name)).catch(unless("EEXIST")))
        )
      },
      find: ({ key, bytes }) =>
        disk("look for an input", async () => {
          const start = `${digest(key)}.${bytes}.`
          const name = (await readdir(own)).find((each) => each.startsWith(start))
          if (name === undefined) return undefined
          const path = join(own, name)
          const found = await lstat(path).catch(unless("ENOENT"))
          return found?.size === bytes
            ? { path, etag: Buffer.from(name.slice(start.length), "base64url").toString("latin1") }
            : undefined
        }),
      use: ({ path }, to) =>
        disk("use an input", async () => {
          try {
            const now = new Date()
            await utimes(path, now, now)
            await linkOrCopy(path, to)
            return true
          } catch (cause) {
            unless("ENOENT")(cause)
            return false
          }
        }),
      remove: ({ path }) => disk("remove an input", () => unlink(path).catch(unless("ENOENT"))),
      link: (path, to) => disk("place an input", () => linkOrCopy(path, to))
    }
  })

const digest = (key: string): string => createHash("sha256").update(key).digest("hex")

/** The file name of an entry; undefined if the ETag is too long for it. */
const entryName = ({ key, bytes, etag }: Content): string | undefined => {
  const name = `${digest(key)}.${bytes}.${Buffer.from(etag, "latin1").toString("base64url")}`
  return name.length <= 255 ? name : undefined
}

const linkOrCopy = async (path: string, to: string): Promise<void> => {
  try {
    await link(path, to)
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") throw cause
    await copyFile(path, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  }
}

interface Found {
  readonly path: string
  readonly name: string
  readonly stats: Stats
}

/** The files of all boots. Other processes may add and remove files meanwhile. */
const filesIn = async (root: string): Promise<ReadonlyArray<Found>> => {
  const folders = (await readdir(root, { withFileTypes: true })).filter(
    (each) => each.isDirectory() && /^\w+$/.test(each.name)
  )
  const found = await Promise.all(
    folders.map(async (folder) => {
      const names = (await readdir(join(root, folder.name)).catch(unless("ENOENT"))) ?? []
      return Promise.all(
        names.map(async (name) => {
          const path = join(root, folder.name, name)
          const stats = await lstat(path).catch(unless("ENOENT"))
          return stats?.isFile() ? [{ path, name, stats }] : []
        })
      )
    })
  )
  return found.flat(2)
}

const evict = async (root: string, maxBytes: number): Promise<void> => {
  // A partial file with a second link is already counted as an entry.
  const files = (await filesIn(root)).filter(
    ({ name, stats }) => !name.endsWith(partEnding) || stats.nlink === 1
  )
  let total = files.reduce((sum, { stats }) => sum + stats.size, 0)
  const idle = files.filter(({ name, stats }) => !name.endsWith(partEnding) && stats.nlink === 1)
  for (const { path, stats } of idle.sort((a, b) => a.stats.mtimeMs - b.stats.mtimeMs)) {
    if (total <= maxBytes) return
    await unlink(path).catch(unless("ENOENT"))
    total -= stats.size
  }
}

const removeLeftovers = async (root: string): Promise<void> => {
  for (const { path, name, stats } of await filesIn(root)) {
    const [owner = ""] = name.split(".")
    if (!name.endsWith(partEnding) || !(isGone(owner) || Date.now() - stats.mtimeMs > forgottenMillis))
      continue
    await unlink(path).catch(unless("ENOENT"))
  }
  const folders = (await readdir(root, { withFileTypes: true })).filter(
    (each) => each.isDirectory() && /^\w+$/.test(each.name)
  )
  for (const { name } of folders)
    if (!thisProcess().startsWith(`${name}-`))
      await rmdir(join(root, name)).catch(unless("ENOTEMPTY", "ENOENT", "EEXIST"))
}

const codeOf = (cause: unknown): unknown => (cause as NodeJS.ErrnoException | undefined)?.code

/** For `.catch`: returns undefined for these error codes, and rethrows all others. */
const unless =
  (...codes: ReadonlyArray<string>) =>
  (cause: unknown): undefined => {
    if (!codes.includes(String(codeOf(cause)))) throw cause
  }
