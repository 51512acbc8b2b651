import { execFileSync, spawnSync } from "node:child_process"
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync
} from "node:fs"
import { dirname, join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, TestClock } from "effect"
import { FileName } from "../../core/ids.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import { createDirectory } from "../../core/operations/directories.js"
import { deleteFile, storeFile } from "../../core/operations/files.js"
import { sweep } from "../../core/operations/sweep.js"
import { bytes } from "../../core/operations/world.suite.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Storage } from "../../core/ports/storage.js"
import { aJob, anOwner, passOnceSomebodySleeps, roomy, until } from "../../core/ports/suites/samples.suite.js"
import { randomIds } from "../crypto/index.js"
import { fileSystem } from "../fs/index.js"
import { memoryQueue } from "../memory/index.js"
import { sqliteClient } from "./client.js"
import { sqlite } from "./index.js"
import { temporaryFile } from "./temporary.suite.js"

describe("a database file that goes while it is in use", () => {
  it.scoped.each([
    ["is deleted", (file: string) => rmSync(file)],
    [
      "is replaced by a copy of itself",
      (file: string) => {
        copyFileSync(file, `${file}.copy`)
        renameSync(`${file}.copy`, file)
      }
    ],
    ["loses its log", (file: string) => rmSync(`${file}-wal`)],
    ["goes with its folder", (file: string) => rmSync(dirname(file), { recursive: true })]
  ] as const)("%s: nothing is accepted any more, and the reason names it", ([, harm]) =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const jobs = Context.get(yield* Layer.build(sqlite({ file })), Jobs)
      yield* jobs.insert(aJob(), roomy)
      harm(file)
      const late = aJob()
      const error = yield* Effect.flip(jobs.insert(late, roomy))
      expect(error).toMatchObject({
        _tag: "Unavailable",
        what: expect.stringContaining("was deleted or replaced while it was in use")
      })
      expect(yield* Effect.flip(jobs.find(late.owner, late.id))).toMatchObject({ _tag: "Unavailable" })
      // The scope removes it.
      mkdirSync(dirname(file), { recursive: true })
    })
  )
})

/** Whether the test may mount a small disk. */
const mayMount =
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0

/** A folder on a disk of its own. */
const smallDisk = Effect.gen(function* () {
  const folder = join(dirname(yield* temporaryFile), "disk")
  mkdirSync(folder)
  yield* Effect.acquireRelease(
    Effect.sync(() => execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", folder])),
    () => Effect.sync(() => execFileSync("umount", ["-l", folder]))
  )
  return folder
})

/** Fills the disk to its last byte, as its other users may. */
const fill = (folder: string) => {
  const file = openSync(join(folder, "filler"), "a")
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
    try {
      while (writeSync(file, Buffer.alloc(size, 1)) === size);
    } catch (cause) {
      expect((cause as NodeJS.ErrnoException).code).toBe("ENOSPC")
    }
  }
  closeSync(file)
  expect(statfsSync(folder).bavail).toBe(0)
}

describe.skipIf(!mayMount)("a disk that is full to the last byte, with database and files on it", () => {
  it.scoped("takes deletions, and what expires there makes room", () =>
    Effect.gen(function* () {
      const folder = yield* smallDisk
      const file = join(folder, "rows.db")
      const limits = { ...defaultLimits, diskFreeBytes: 0 }
      const layers = Layer.mergeAll(sqlite({ file }), fileSystem({ root: folder }), memoryQueue, randomIds)
      const context = yield* Layer.build(Layer.provideMerge(layers, Layer.succeed(Limits, limits)))
      yield* Effect.gen(function* () {
        const owner = anOwner()
        const storage = yield* Storage
        const there = (key: Parameters<typeof storage.stat>[0]) =>
          Effect.map(storage.stat(key), Option.isSome)
        const dir = (yield* createDirectory(owner, 3600)).id
        const content = "x".repeat(1024 * 1024)
        const stored = yield* Effect.forEach([content.repeat(5), content], (text, index) =>
          storeFile(owner, { name: FileName(`f${index}`), dir }, bytes(text))
        )
        // An expiring directory of each round, and many of them: their rows need more than a few pages.
        const expiring = yield* Effect.forEach(Array.from({ length: 50 }), () =>
          Effect.gen(function* () {
            const { id } = yield* createDirectory(owner, 60)
            return (yield* storeFile(
              owner,
              { name: FileName("c"), dir: id },
              bytes(content.slice(0, 10_000))
            )).key
          })
        )
        yield* until(Effect.sync(() => existsSync(`${file}-spare`)))
        // The log has its first free page where it ends.
        yield* Context.get(yield* Layer.build(sqliteClient(file)), SqlClient)`PRAGMA wal_checkpoint(TRUNCATE)`
        fill(folder)
        expect(yield* Effect.flip(createDirectory(owner, null))).toMatchObject({ _tag: "Unavailable" })
        yield* deleteFile(owner, dir, FileName("f0"))
        expect(yield* there(stored[0]?.key as never)).toBe(false)
        expect(existsSync(`${file}-spare`)).toBe(false)
        // The freed space lets the spare file be made again, and the disk fills again.
        yield* until(
          Effect.map(passOnceSomebodySleeps(limits.sweepSeconds), () => existsSync(`${file}-spare`))
        )
        fill(folder)
        yield* TestClock.adjust("61 seconds")
        yield* sweep
        expect(yield* Effect.forEach(expiring, there)).toEqual(expiring.map(() => false))
        expect(yield* there(stored[1]?.key as never)).toBe(true)
      }).pipe(Effect.provide(context), Effect.provideService(Limits, limits))
    })
  )
})
