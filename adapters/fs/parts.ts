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

/** How the folders of uploads in parts are called: they belong to no process, and outlive the one that made them. */
export const partsPrefix = "parts."

/**
 * Uploads in parts, by any of the processes that share the root. Each has a folder among the unfinished files: `data`,
 * which takes each part at its place, and an empty file for each part that is whole and on the disk, called by its number
 * and length. Such marks, unlike bits of one file, are safe on NFS.
 */
export const parts = (places: Layout): Pick<StorageShape, "openParts" | "writePart" | "joinParts" | "dropParts"> => {
  const missing = (key: BlobKey) => new BlobMissing({ dir: blobKeyParts(key)[0] })

  /** Found by all that was said when it was opened: what belongs to another blob, or is cut in another way, is not found. */
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
      const orMissing = <A>(found: A | "ENOENT") => (found === "ENOENT" ? Effect.fail(missing(key)) : Effect.succeed(found))
      // One who still sends when all is joined has the blob itself open, and must not change it.
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
      const stats = yield* Effect.uninterruptible(onDisk("join an upload", () => joined(folder, parted, now, blobFile(places, key))))
      return stats === undefined ? yield* missing(key) : blobOf(key, stats)
    })

  const dropParts: StorageShape["dropParts"] = (prefix) =>
    Effect.suspend(() => {
      const begin = folderPrefix(blobPrefixParts(prefix))
      return onDisk("drop uploads", async () => {
        const names = (await readdir(places.tmp)).filter((name) => name.startsWith(begin))
        // A part that comes meanwhile has no place any more, or its folder is swept.
        await Promise.all(names.map((name) => rm(join(places.tmp, name), { recursive: true, force: true }).catch(orCode("ENOTEMPTY"))))
      })
    })

  return { openParts, writePart, joinParts, dropParts }
}

const digest = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex")

/** The same for all uploads of one slot. */
const folderPrefix = (slot: ReadonlyArray<string>): string => `${partsPrefix}${digest(slot).slice(0, 32)}.`

const markOf = (parted: Parted, number: number): string => `${number}.${partSpan(parted, number).length}`

/** Moves the data to a blob's path, and tells what it is there; undefined where parts are missing, or another was quicker. */
const joined = async (folder: string, parted: Parted, now: Date, to: string): Promise<Stats | undefined> => {
  const names = await readdir(folder).catch(orCode("ENOENT"))
  const marks = new Set(names === "ENOENT" ? [] : names)
  for (let number = 1; number <= partCount(parted); number++) if (!marks.has(markOf(parted, number))) return undefined
  // First of all, for those who still send: from here on they find nothing. A join that was cut short has done it already.
  const from = join(folder, "joined")
  await rename(join(folder, "data"), from).catch(orCode("ENOENT"))
  const file = await open(from).catch(orCode("ENOENT"))
  if (file === "ENOENT") return undefined
  try {
    await file.chmod(0o444)
    await file.utimes(now, now)
    await file.sync()
    if ((await moveIntoPlace(from, to).catch(orCode("ENOENT"))) === "ENOENT") return undefined
    // What can't go now is swept.
    await rm(folder, { recursive: true }).catch(() => undefined)
    return await file.stat()
  } finally {
    await file.close()
  }
}
