import { createHash, randomUUID } from "node:crypto"
import type { Stats } from "node:fs"
import { access, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Clock, Effect, Stream } from "effect"
import { BlobMissing } from "../../core/errors.js"
import { type BlobKey, blobKeyParts, blobPrefixParts } from "../../core/ids.js"
import type { Parted, StorageShape } from "../../core/ports/storage.js"
import { capped, close, fill, onDisk, orCode, partCount, partSpan } from "../blob/index.js"
import { blobFile, blobOf, type Layout } from "./layout.js"
import { moveIntoPlace } from "./place.js"

/**
 * The prefix of folders of uploads in parts. They belong to no process, and outlive the one that made them.
 */
export const partsPrefix = "parts."

/**
 * Uploads in parts, which any process that shares the root can receive. Each has a folder among the
 * unfinished files. Its file `data` takes each part at its offset. An empty file, named by number and length,
 * marks each part that is complete and on the disk. Such files, unlike bits in one file, are safe on NFS.
 */
export const parts = (
  places: Layout
): Pick<StorageShape, "openParts" | "writePart" | "joinParts" | "dropParts"> => {
  const missing = (key: BlobKey) => new BlobMissing({ dir: blobKeyParts(key)[0] })

  /** The folder of an upload. Its name contains the key and the part size, so a mismatch finds no upload. */
  const folderOf = (key: BlobKey, upload: string, partBytes: number): string => {
    const [dir, slot] = blobKeyParts(key)
    return join(places.tmp, `${folderPrefix([dir, slot])}${digest([key, upload, partBytes])}`)
  }

  const openParts: StorageShape["openParts"] = (key, partBytes) =>
    Effect.suspend(() => {
      const upload = randomUUID()
      const folder = folderOf(key, upload, partBytes)
      return onDisk("open an upload", async () => {
        await mkdir(folder)
        await (await open(join(folder, "data"), "wx")).close()
        return upload
      })
    })

  const writePart: StorageShape["writePart"] = (key, part, body) =>
    Effect.suspend(() => {
      const folder = folderOf(key, part.upload, part.partBytes)
      const data = join(folder, "data")
      const { start, length } = partSpan(part, part.number)
      const orMissing = <A>(found: A | "ENOENT") =>
        found === "ENOENT" ? Effect.fail(missing(key)) : Effect.succeed(found)
      // A late sender may have the joined blob open, and must not change it.
      const stillOpen = Effect.flatMap(
        onDisk("look at an upload", () => access(data).catch(orCode("ENOENT"))),
        orMissing
      )
      const guarded = Stream.mapChunksEffect(capped(body, length), (pieces) => Effect.as(stillOpen, pieces))
      return Effect.acquireUseRelease(
        Effect.flatMap(
          onDisk("open an upload", () => open(data, "r+").catch(orCode("ENOENT"))),
          orMissing
        ),
        (file) =>
          Effect.gen(function* () {
            if (length <= 0 || (yield* fill(file, guarded, start)) < length) return yield* missing(key)
            const mark = async () => {
              await file.datasync()
              return writeFile(join(folder, markOf(part, part.number)), "").catch(orCode("ENOENT"))
            }
            yield* Effect.flatMap(onDisk("keep a part", mark), orMissing)
          }),
        close
      )
    })

  const joinParts: StorageShape["joinParts"] = (key, upload, parted) =>
    Effect.gen(function* () {
      const folder = folderOf(key, upload, parted.partBytes)
      const now = new Date(yield* Clock.currentTimeMillis)
      const stats = yield* Effect.uninterruptible(
        onDisk("join an upload", () => joined(folder, parted, now, blobFile(places, key)))
      )
      return stats === undefined ? yield* missing(key) : blobOf(key, stats)
    })

  const dropParts: StorageShape["dropParts"] = (prefix) =>
    Effect.suspend(() => {
      const begin = folderPrefix(blobPrefixParts(prefix))
      return onDisk("drop uploads", async () => {
        const names = (await readdir(places.tmp)).filter((name) => name.startsWith(begin))
        // A part that arrives meanwhile finds no upload, or its folder is swept later.
        await Promise.all(
          names.map((name) =>
            rm(join(places.tmp, name), { recursive: true, force: true }).catch(orCode("ENOTEMPTY"))
          )
        )
      })
    })

  return { openParts, writePart, joinParts, dropParts }
}

const digest = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex")

/** The common prefix of the folders of all uploads of one slot. */
const folderPrefix = (slot: ReadonlyArray<string>): string => `${partsPrefix}${digest(slot).slice(0, 32)}.`

const markOf = (parted: Parted, number: number): string => `${number}.${partSpan(parted, number).length}`

/**
 * Moves the data to a blob's path and returns its stats; undefined if parts are missing, or if another
 * process joined it first.
 */
const joined = async (folder: string, parted: Parted, now: Date, to: string): Promise<Stats | undefined> => {
  const names = await readdir(folder).catch(orCode("ENOENT"))
  const marks = new Set(names === "ENOENT" ? [] : names)
  for (let number = 1; number <= partCount(parted); number++)
    if (!marks.has(markOf(parted, number))) return undefined
  // Renamed first, so that late parts find no upload. An interrupted join may have done this already.
  const from = join(folder, "joined")
  await rename(join(folder, "data"), from).catch(orCode("ENOENT"))
  const file = await open(from).catch(orCode("ENOENT"))
  if (file === "ENOENT") return undefined
  try {
    await file.chmod(0o444)
    await file.utimes(now, now)
    await file.sync()
    if ((await moveIntoPlace(from, to).catch(orCode("ENOENT"))) === "ENOENT") return undefined
    // If this fails, the sweep removes the folder later.
    await rm(folder, { recursive: true }).catch(() => undefined)
    return await file.stat()
  } finally {
    await file.close()
  }
}
