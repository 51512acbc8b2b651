import { spawnSync } from "node:child_process"
import { lstat, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises"
import { hostname, tmpdir } from "node:os"
import { basename, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import { execa } from "execa"
import { BlobKey } from "../../core/ids.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import { Storage } from "../../core/ports/storage.js"
import { until } from "../../core/ports/suites/samples.suite.js"
import { thisProcess } from "../process/index.js"
import { fileSystem } from "./index.js"
import { temporaryNames } from "./leftovers.js"

const script = fileURLToPath(new URL("other-process.mjs", import.meta.url))
const key = BlobKey("dir_1/slot_1/a.bin")
const MiB = 1024 * 1024

const scratch = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "fs-processes-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true }))
)
const start = (root: string) => Effect.map(Layer.build(fileSystem({ root })), Context.get(Storage))
const keys = (root: string) =>
  Effect.gen(function* () {
    const storage = yield* start(root)
    return Array.from(yield* Stream.runCollect(storage.list("")), (blob): string => blob.key)
  })
const unfinished = (root: string) => Effect.promise(() => readdir(join(root, "tmp")))

/** Starts a process that is killed at the end of the test. */
const run = (file: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => execa(file, args, { reject: false, killSignal: "SIGKILL" })),
    (child) =>
      Effect.promise(() => {
        child.kill()
        return child
      })
  )

const firstLine = (child: Effect.Effect.Success<ReturnType<typeof run>>) =>
  Effect.promise(async () => {
    // Not execa's own iterator, which waits for the end of the process.
    for await (const line of createInterface(child.stdout)) return JSON.parse(line)
    throw new Error(`no answer: ${(await child).stderr}`)
  })

const mayMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0

describe("several processes on one root", () => {
  it.scopedLive("agree on the secret when they start at once", () =>
    Effect.gen(function* () {
      const root = join(yield* scratch, "root")
      const children = yield* Effect.forEach([1, 2, 3], () =>
        run(process.execPath, [script, "sign", root, key])
      )
      const urls = yield* Effect.forEach(children, firstLine, { concurrency: "unbounded" })
      const storage = yield* start(root)
      for (const url of urls) expect(yield* storage.redeem(url.slice("/blob/".length))).toMatchObject({ key })
    })
  )

  it.scopedLive("lose nothing and show nothing when one is killed in the middle of a write", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      const kept = BlobKey("dir_1/slot_1/kept.bin")
      const storage = yield* start(root)
      yield* storage.write(kept, Stream.make(Buffer.from("kept")), 4)

      const child = yield* run(process.execPath, [script, "write", root, key])
      expect(yield* firstLine(child)).toBe("writing")
      // Another process that starts meanwhile does not remove the unfinished file.
      expect(yield* keys(root)).toEqual([kept])
      const [name = ""] = yield* unfinished(root)
      expect((yield* Effect.promise(() => lstat(join(root, "tmp", name)))).size).toBeGreaterThanOrEqual(
        2 * 1024 * 1024
      )

      child.kill("SIGKILL")
      yield* Effect.promise(() => child)
      expect(yield* unfinished(root)).toEqual([name])
      expect(yield* keys(root)).toEqual([kept])
      expect(yield* unfinished(root)).toEqual([])
    })
  )

  it.scopedLive(
    "join what one sent that was killed, and sweep it after a day of silence where nobody does",
    () =>
      Effect.gen(function* () {
        const root = yield* scratch
        const parted = { bytes: 2 * MiB, partBytes: MiB }
        const sent = Effect.gen(function* () {
          const child = yield* run(process.execPath, [script, "part", root, key])
          const upload: string = yield* firstLine(child)
          child.kill("SIGKILL")
          yield* Effect.promise(() => child)
          return upload
        })
        const upload = yield* sent
        const storage = yield* start(root)
        yield* storage.writePart(key, { upload, number: 2, ...parted }, Stream.make(new Uint8Array(MiB)))
        expect((yield* storage.joinParts(key, upload, parted)).bytes).toBe(2 * MiB)
        expect(yield* unfinished(root)).toEqual([])

        yield* sent
        const [folder = ""] = yield* unfinished(root)
        yield* start(root)
        expect(yield* unfinished(root)).toEqual([folder])
        const then = new Date(Date.now() - 25 * 3_600_000)
        yield* Effect.promise(() => utimes(join(root, "tmp", folder), then, then))
        yield* start(root)
        expect(yield* unfinished(root)).toEqual([])
        // A long-running process repeats the sweep.
        yield* Layer.build(
          Layer.provide(
            fileSystem({ root }),
            Layer.succeed(Limits, { ...defaultLimits, orphanSweepSeconds: 0.05 })
          )
        )
        yield* sent
        const [later = ""] = yield* unfinished(root)
        yield* Effect.promise(() => utimes(join(root, "tmp", later), then, then))
        yield* until(Effect.map(unfinished(root), (names) => names.length === 0))
      })
  )

  it.scopedLive("leave what others write for a day, and what a dead one wrote not at all", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      yield* start(root)
      const tmp = join(root, "tmp")
      const own = basename(temporaryNames(tmp)())
      const [space] = thisProcess().split("-")
      const dead = spawnSync("true").pid
      const files: ReadonlyArray<readonly [string, number, boolean]> = [
        [own, 0, true],
        [own.replace(/.$/, "x"), 25, false],
        [`${space}-${dead}-1.a`, 0, false],
        [`elsewhere_1-${dead}-1.b`, 0, true],
        [`elsewhere_1-${dead}-1.c`, 23, true],
        [`elsewhere_1-${dead}-1.d`, 25, false],
        ["not-ours", 0, true],
        [hostname(), 25, false]
      ]
      for (const [name, hours] of files) {
        const then = new Date(Date.now() - hours * 3_600_000)
        yield* Effect.promise(async () => {
          await writeFile(join(tmp, name), "")
          await utimes(join(tmp, name), then, then)
        })
      }
      yield* start(root)
      expect((yield* unfinished(root)).sort()).toEqual(
        files.flatMap(([name, , stays]) => (stays ? [name] : [])).sort()
      )
    })
  )

  it.scopedLive.skipIf(!mayMount)("find the disk full: Unavailable, and the room is there again", () =>
    Effect.gen(function* () {
      const root = yield* scratch
      const onSmallDisk = 'mount -t tmpfs -o size=8m none "$1" && exec "$0" "$2" overflow "$1" "$3"'
      const child = yield* run("unshare", [
        "-rm",
        "sh",
        "-c",
        onSmallDisk,
        process.execPath,
        root,
        script,
        key
      ])
      const { error, left, before, after } = yield* firstLine(child)
      expect(error).toMatchObject({ _tag: "Unavailable", cause: { code: "ENOSPC" } })
      expect(left).toEqual([])
      expect(before).toMatchObject({ value: { bytes: 1024 * 1024 } })
      expect(after.bytes).toBe(6 * 1024 * 1024)
    })
  )
})
