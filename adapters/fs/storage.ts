import { link, lstat, open, readdir, unlink } from "node:fs/promises"
import { join } from "node:path"
import { Clock, Effect, Option, Stream } from "effect"
import { BlobMissing } from "../../core/errors.js"
import { BlobKey, blobKeyParts, blobPrefixParts, isBlobKeyPart } from "../../core/ids.js"
import type { Blob, StorageShape } from "../../core/ports/storage.js"
import {
  capped,
  close,
  fill,
  onDisk,
  orCode,
  ownUrls,
  pieces,
  withNewFile,
  withRegularFile
} from "../blob/index.js"
import { blobFile, blobOf, type Layout } from "./layout.js"
import { parts } from "./parts.js"
import { moveIntoPlace, removeEmptyFolders } from "./place.js"

/**
 * Error codes after which a file is copied instead of linked or moved: another disk, another owner, too many
 * links.
 */
const mustCopy = ["EXDEV", "EPERM", "EACCES", "EMLINK", "ENOTSUP", "ENOSYS"] as const

/** The `Storage` port in a folder. `temporary` makes names for unfinished files, on the same file system. */
export const storage = (
  places: Layout,
  temporary: () => string,
  secret: string | Uint8Array
): StorageShape => {
  const { blobs } = places
  const pathOf = (key: BlobKey) => blobFile(places, key)

  const write: StorageShape["write"] = (key, body, maxBytes) =>
    Effect.suspend(() => {
      const to = pathOf(key)
      const from = temporary()
      return withNewFile(from, (file) =>
        Effect.zipRight(
          fill(file, capped(body, maxBytes)),
          Effect.uninterruptible(
            onDisk("publish", async () => {
              await file.sync()
              const stats = await file.stat()
              await moveIntoPlace(from, to)
              return blobOf(key, stats)
            })
          )
        )
      )
    })

  const read: StorageShape["read"] = (key, range, spare) =>
    Stream.unwrapScoped(
      Effect.gen(function* () {
        const path = pathOf(key)
        const file = yield* Effect.acquireRelease(
          onDisk("open", () => open(path).catch(orCode("ENOENT"))),
          (opened) => (opened === "ENOENT" ? Effect.void : close(opened))
        )
        if (file === "ENOENT") return yield* new BlobMissing({ dir: blobKeyParts(key)[0] })
        return pieces(file, range, spare)
      })
    )

  const list = (prefix: string) => {
    const [dir, slot] = blobPrefixParts(prefix)
    const dirs =
      dir === undefined ? Stream.fromIterableEffect(onDisk("list", () => namesIn(blobs))) : Stream.make(dir)
    return Stream.flatMap(dirs, (each) =>
      Stream.fromIterableEffect(onDisk("list", () => blobsIn(each, slot)))
    )
  }

  const blobsIn = async (dir: string, onlySlot?: string): Promise<ReadonlyArray<Blob>> => {
    const found: Array<Blob> = []
    for (const slot of onlySlot === undefined ? await namesIn(join(blobs, dir)) : [onlySlot]) {
      const names = await namesIn(join(blobs, dir, slot))
      for (const blob of await Promise.all(names.map((name) => find(BlobKey(`${dir}/${slot}/${name}`))))) {
        if (blob !== undefined) found.push(blob)
      }
    }
    return found
  }

  const find = async (key: BlobKey): Promise<Blob | undefined> => {
    const stats = await lstat(pathOf(key)).catch(orCode("ENOENT", "ENOTDIR"))
    return typeof stats === "object" && stats.isFile() ? blobOf(key, stats) : undefined
  }

  const download: StorageShape["download"] = (key, path) =>
    Effect.gen(function* () {
      const from = pathOf(key)
      const refused = yield* onDisk("link", () => link(from, path).catch(orCode("ENOENT", ...mustCopy)))
      // ENOENT may mean the blob or the folder of `path`: copying finds out which.
      if (refused !== undefined) yield* withNewFile(path, (file) => fill(file, read(key)))
    })

  const upload: StorageShape["upload"] = (path, key) =>
    Effect.suspend(() => {
      const to = pathOf(key)
      return withRegularFile(path, (file) =>
        Effect.gen(function* () {
          const now = new Date(yield* Clock.currentTimeMillis)
          const move = async () => {
            await file.chmod(0o444)
            await file.utimes(now, now)
            await file.sync()
            await moveIntoPlace(path, to)
            return blobOf(key, await file.stat())
          }
          const moved = yield* Effect.uninterruptible(
            onDisk("upload", () => move().catch(orCode(...mustCopy)))
          )
          if (typeof moved === "object") return moved
          const copied = yield* Effect.catchTag(
            write(key, pieces(file), Number.POSITIVE_INFINITY),
            "TooLarge",
            Effect.die
          )
          yield* Effect.ignore(onDisk("upload", () => unlink(path)))
          return copied
        })
      )
    })

  /** Makes a hard link: blobs are replaced but never modified, so both names keep the content. */
  const copy: StorageShape["copy"] = (from, to) =>
    Effect.suspend(() => {
      const [source, target, linked] = [pathOf(from), pathOf(to), temporary()]
      const move = async () => {
        const refused = await link(source, linked).catch(orCode("ENOENT", ...mustCopy))
        if (refused !== undefined) return refused
        try {
          await moveIntoPlace(linked, target)
          return blobOf(to, await lstat(target))
        } finally {
          // The link remains if it could not be moved, or if both names are the same file.
          await unlink(linked).catch(orCode("ENOENT"))
        }
      }
      return Effect.flatMap(Effect.uninterruptible(onDisk("copy", move)), (moved) => {
        if (typeof moved === "object") return Effect.succeed(moved)
        return Effect.catchTag(write(to, read(from), Number.POSITIVE_INFINITY), "TooLarge", Effect.die)
      })
    })

  return {
    write,
    read,
    copy,
    stat: (key) =>
      Effect.map(
        Effect.suspend(() => onDisk("stat", () => find(key))),
        Option.fromNullable
      ),
    remove: (key) =>
      onDisk("remove", async () => {
        await unlink(pathOf(key)).catch(orCode("ENOENT", "ENOTDIR"))
        await removeEmptyFolders(pathOf(key))
      }),
    list: (prefix) => Stream.suspend(() => list(prefix)),
    download,
    upload,
    ...parts(places),
    ...ownUrls(secret)
  }
}

/** The names in a folder that can be parts of keys; none if the folder does not exist. */
const namesIn = async (path: string): Promise<ReadonlyArray<string>> => {
  const names = await readdir(path).catch(orCode("ENOENT", "ENOTDIR"))
  return typeof names === "string" ? [] : names.filter(isBlobKeyPart)
}
