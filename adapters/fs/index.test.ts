import { execFileSync } from "node:child_process"
import { statSync } from "node:fs"
import {
  access,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile
} from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Option, Redacted, Stream } from "effect"
import { SignedUrlExpired, Unavailable } from "../../core/errors.js"
import { BlobKey } from "../../core/ids.js"
import { Storage } from "../../core/ports/storage.js"
import { storageSuite } from "../../core/ports/suites/storage.suite.js"
import { fileSystem } from "./index.js"

const folderIn = (parent: string) =>
  Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(parent, "fs-storage-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true }))
  )

/** The open files of this process below a folder. */
const openBelow = async (folder: string) => {
  const descriptors = await readdir("/proc/self/fd").catch(() => [])
  const targets = await Promise.all(
    descriptors.map((descriptor) => readlink(`/proc/self/fd/${descriptor}`).catch(() => ""))
  )
  return targets.filter((target) => target.startsWith(folder))
}

/** A new storage. At the end of the test, it must have no unfinished or open files. */
const temporaryStorage = Layer.orDie(
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const root = join(yield* folderIn(tmpdir()), "root")
      yield* Effect.addFinalizer(() =>
        Effect.promise(async () => {
          expect(await openBelow(root)).toEqual([])
          expect(await readdir(join(root, "tmp"))).toEqual([])
        })
      )
      return fileSystem({ root })
    })
  )
)

storageSuite("file system storage", temporaryStorage)

const key = BlobKey("dir_1/slot_1/a.bin")
const body = (content: string) => Stream.make(Buffer.from(content))
const start = (root: string, secret?: string) =>
  Effect.map(
    Layer.build(fileSystem(secret === undefined ? { root } : { root, secret: Redacted.make(secret) })),
    Context.get(Storage)
  )
const tree = (folder: string) =>
  Effect.promise(async () => (await readdir(folder, { recursive: true })).sort())
const errorOf = (path: string) =>
  Effect.promise(() =>
    access(path).then(
      () => undefined,
      (error) => error.code
    )
  )

const otherDisk = "/dev/shm"
const hasOtherDisk =
  statSync(otherDisk, { throwIfNoEntry: false }) !== undefined &&
  statSync(otherDisk).dev !== statSync(tmpdir()).dev

describe("the folder", () => {
  it.scopedLive("has a place for each blob, which no one may write to, and none for what is gone", () =>
    Effect.gen(function* () {
      const root = yield* folderIn(tmpdir())
      const storage = yield* start(root)
      yield* storage.write(key, body("x"), 1)
      expect(yield* tree(root)).toEqual([
        "blobs",
        "blobs/dir_1",
        "blobs/dir_1/slot_1",
        "blobs/dir_1/slot_1/a.bin",
        "secret",
        "tmp"
      ])
      expect((yield* Effect.promise(() => lstat(join(root, "blobs", key)))).mode & 0o222).toBe(0)

      yield* storage.write(BlobKey("dir_1/slot_2/b.bin"), body("y"), 1)
      yield* storage.remove(key)
      expect(yield* tree(join(root, "blobs"))).toEqual(["dir_1", "dir_1/slot_2", "dir_1/slot_2/b.bin"])
      yield* storage.remove(BlobKey("dir_1/slot_2/b.bin"))
      expect(yield* tree(join(root, "blobs"))).toEqual([])
    })
  )

  it.scopedLive("does not list foreign files", () =>
    Effect.gen(function* () {
      const root = yield* folderIn(tmpdir())
      const storage = yield* start(root)
      yield* storage.write(key, body("x"), 1)
      yield* Effect.promise(async () => {
        await writeFile(join(root, "blobs", "README"), "")
        await writeFile(join(root, "blobs", "dir_1", "README"), "")
        await writeFile(join(root, "blobs", "dir_1", "slot_1", "a\tb"), "")
        await mkdir(join(root, "blobs", "dir_1", "slot_1", "folder"))
        await symlink("/etc/passwd", join(root, "blobs", "dir_1", "slot_1", "link"))
      })
      expect(Array.from(yield* Stream.runCollect(storage.list("")), (blob) => blob.key)).toEqual([key])
      expect(yield* storage.stat(BlobKey("dir_1/slot_1/link"))).toEqual(Option.none())
      expect(yield* storage.stat(BlobKey("dir_1/README/a"))).toEqual(Option.none())
      yield* storage.remove(BlobKey("dir_1/README/a"))
    })
  )

  it.scopedLive("is all that hostile keys could reach, and they do not reach it", () =>
    Effect.gen(function* () {
      const folder = yield* folderIn(tmpdir())
      const root = join(folder, "root")
      const storage = yield* start(root)
      yield* Effect.promise(async () => {
        await mkdir(join(folder, "x"))
        await writeFile(join(folder, "x", "y"), "outside")
        await writeFile(join(root, "tmp", "unfinished"), "unfinished")
      })
      const before = yield* tree(folder)
      for (const hostile of [
        "../tmp/unfinished",
        "../secret",
        "a/../../secret",
        "../../x/y",
        "a/../../../x/y",
        `${folder}/x/y`
      ]) {
        for (const attempt of [
          Stream.runDrain(storage.read(BlobKey(hostile))),
          storage.remove(BlobKey(hostile)),
          storage.write(BlobKey(hostile), body("x"), 1)
        ]) {
          const exit = yield* Effect.exit<unknown, unknown, never>(attempt)
          expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
        }
      }
      expect(yield* tree(folder)).toEqual(before)
      expect(yield* Effect.promise(() => readFile(join(folder, "x", "y"), "utf8"))).toBe("outside")
    })
  )

  it.scopedLive("that can't be made is Unavailable", () =>
    Effect.gen(function* () {
      const folder = yield* folderIn(tmpdir())
      yield* Effect.promise(() => writeFile(join(folder, "file"), ""))
      expect(yield* Effect.flip(start(join(folder, "file", "root")))).toBeInstanceOf(Unavailable)
    })
  )

  it.scopedLive("holds one secret for all who use it, also when they start at once", () =>
    Effect.gen(function* () {
      const root = join(yield* folderIn(tmpdir()), "new", "root")
      const storages = yield* Effect.all(
        Array.from({ length: 8 }, () => start(root)),
        { concurrency: "unbounded" }
      )
      const grant = { method: "PUT", key, expiresAt: new Date(8e15), maxBytes: 1 } as const
      const tokens = yield* Effect.forEach(storages, (storage) =>
        Effect.map(storage.sign(grant), ({ url }) => url.slice("/blob/".length))
      )
      for (const storage of [...storages, yield* start(root)]) {
        for (const token of tokens) expect(yield* storage.redeem(token)).toEqual(grant)
      }
      const kept = yield* Effect.promise(() => lstat(join(root, "secret")))
      expect([kept.mode & 0o777, kept.size]).toEqual([0o600, 32])
      expect(yield* tree(root)).toEqual(["blobs", "secret", "tmp"])
    })
  )

  it.scopedLive("keeps no secret when one is given, and a weak one is a bug", () =>
    Effect.gen(function* () {
      const root = yield* folderIn(tmpdir())
      const grant = { method: "PUT", key, expiresAt: new Date(8e15), maxBytes: 1 } as const
      const token = (yield* (yield* start(root, "a secret of the operator")).sign(grant)).url.slice(
        "/blob/".length
      )
      expect(yield* errorOf(join(root, "secret"))).toBe("ENOENT")
      expect(yield* (yield* start(root, "a secret of the operator")).redeem(token)).toEqual(grant)
      expect(
        yield* Effect.flip((yield* start(root, "another secret altogether")).redeem(token))
      ).toBeInstanceOf(SignedUrlExpired)
      for (const weak of ["", "too short"]) {
        const exit = yield* Effect.exit(start(root, weak))
        expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      }
    })
  )
})

describe("local files", () => {
  it.scopedLive("are linked to and moved, not copied", () =>
    Effect.gen(function* () {
      const folder = yield* folderIn(tmpdir())
      const root = join(folder, "root")
      const storage = yield* start(root)
      const inode = (path: string) => Effect.promise(async () => (await lstat(path)).ino)
      yield* storage.write(key, body("x"), 1)
      yield* storage.download(key, join(folder, "in"))
      expect(yield* inode(join(folder, "in"))).toBe(yield* inode(join(root, "blobs", key)))

      yield* Effect.promise(() => writeFile(join(folder, "out"), "y"))
      const made = yield* inode(join(folder, "out"))
      yield* storage.upload(join(folder, "out"), key)
      expect(yield* inode(join(root, "blobs", key))).toBe(made)
      expect((yield* Effect.promise(() => lstat(join(root, "blobs", key)))).mode & 0o222).toBe(0)
      expect(yield* errorOf(join(folder, "out"))).toBe("ENOENT")
    })
  )

  it.scopedLive.skipIf(!hasOtherDisk)("are copied from and to another disk", () =>
    Effect.gen(function* () {
      const root = yield* folderIn(tmpdir())
      const other = yield* folderIn(otherDisk)
      const storage = yield* start(root)
      const content = Buffer.alloc(3_000_000, "abc")
      yield* Effect.promise(() => writeFile(join(other, "out"), content))
      const blob = yield* storage.upload(join(other, "out"), key)
      expect(blob.bytes).toBe(content.length)
      expect(yield* errorOf(join(other, "out"))).toBe("ENOENT")

      yield* storage.download(key, join(other, "in"))
      expect((yield* Effect.promise(() => readFile(join(other, "in")))).equals(content)).toBe(true)
      expect((yield* Effect.promise(() => lstat(join(other, "in")))).mode & 0o222).toBe(0)
      expect(yield* tree(join(root, "tmp"))).toEqual([])
      expect(yield* Effect.promise(() => openBelow(root))).toEqual([])
    })
  )

  it.scopedLive("that are links or pipes are not taken", () =>
    Effect.gen(function* () {
      const folder = yield* folderIn(tmpdir())
      const root = join(folder, "root")
      const storage = yield* start(root)
      yield* Effect.promise(async () => {
        await writeFile(join(folder, "private"), "private")
        await symlink(join(folder, "private"), join(folder, "link"))
      })
      execFileSync("mkfifo", [join(folder, "pipe")])
      for (const name of ["link", "pipe"]) {
        expect(yield* Effect.flip(storage.upload(join(folder, name), key))).toBeInstanceOf(Unavailable)
      }
      expect(yield* tree(join(root, "blobs"))).toEqual([])
      expect(yield* Effect.promise(() => openBelow(folder))).toEqual([])
    })
  )

  it.scopedLive("that are links of one blob may be given back under its own key", () =>
    Effect.gen(function* () {
      const folder = yield* folderIn(tmpdir())
      const storage = yield* start(join(folder, "root"))
      yield* storage.write(key, body("x"), 1)
      yield* storage.download(key, join(folder, "in"))
      yield* Effect.promise(() => link(join(folder, "in"), join(folder, "again")))
      expect((yield* storage.upload(join(folder, "again"), key)).bytes).toBe(1)
      expect(Option.isSome(yield* storage.stat(key))).toBe(true)
    })
  )
})
