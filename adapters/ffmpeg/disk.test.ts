import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { afterAll, describe, expect } from "vitest"
import { FfmpegFailed, RunLimitExceeded } from "../../core/errors.js"
import { watchDisk } from "./disk.js"

const folder = mkdtempSync(join(tmpdir(), "disk-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const MiB = 1024 * 1024
const failure = new FfmpegFailed({ reason: "bad" })
const isAnswer = (error: unknown) => error instanceof FfmpegFailed

let mounts = 0
/** A disk of its own, 32 MiB large, while the test lasts. */
const ownDisk = Effect.acquireRelease(
  Effect.sync(() => {
    const path = join(folder, `disk-${mounts++}`)
    mkdirSync(path)
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=32m", "tmpfs", path])
    return path
  }),
  (path) => Effect.sync(() => execFileSync("umount", ["-l", path]))
)
const fill = (path: string) => Effect.sync(() => writeFileSync(join(path, "big"), Buffer.alloc(20 * MiB)))
const empty = (path: string) => Effect.sync(() => rmSync(join(path, "big")))

describe("a failure", () => {
  it.live("is an answer where the disk has room, and leaves nothing there", () =>
    Effect.gen(function* () {
      const disk = watchDisk(folder)
      yield* disk.look
      expect(yield* Effect.flip(disk.blame(folder, Effect.fail(failure), isAnswer))).toBe(failure)
      expect(readdirSync(folder)).toEqual([])
    })
  )

  it.live("is the disk's if its folder is missing", () =>
    Effect.gen(function* () {
      const gone = join(folder, "gone")
      const error = yield* Effect.flip(watchDisk(gone).blame(gone, Effect.fail(failure), isAnswer))
      expect(error).toMatchObject({ _tag: "Unavailable", what: expect.stringContaining("ENOENT") })
    })
  )

  describe.runIf(process.getuid?.() === 0)("on a disk of its own", () => {
    it.scopedLive("is the disk's where that is full", () =>
      Effect.gen(function* () {
        const path = yield* ownDisk
        const disk = watchDisk(path)
        const error = yield* Effect.flip(
          disk.blame(path, Effect.zipRight(fill(path), Effect.fail(failure)), isAnswer)
        )
        expect(error).toMatchObject({ _tag: "Unavailable", what: expect.stringContaining("no space left") })
      })
    )

    it.scopedLive("is the disk's where that was full while it ran, and an answer from then on", () =>
      Effect.gen(function* () {
        const path = yield* ownDisk
        const disk = watchDisk(path)
        const meanwhile = Effect.gen(function* () {
          yield* fill(path)
          yield* disk.look
          yield* empty(path)
          return yield* failure
        })
        expect(yield* Effect.flip(disk.blame(path, meanwhile, isAnswer))).toMatchObject({
          _tag: "Unavailable"
        })
        expect(yield* Effect.flip(disk.blame(path, Effect.fail(failure), isAnswer))).toBe(failure)
      })
    )

    it.scopedLive("frees the room that another one lacked, which is not blamed for it", () =>
      Effect.gen(function* () {
        const path = yield* ownDisk
        const disk = watchDisk(path)
        const first = Effect.zipRight(fill(path), Effect.fail(failure))
        const second = Effect.gen(function* () {
          yield* Effect.flip(disk.blame(path, first, isAnswer))
          yield* empty(path)
          return yield* failure
        })
        expect(yield* Effect.flip(disk.blame(path, second, isAnswer))).toMatchObject({ _tag: "Unavailable" })
      })
    )

    it.scopedLive("is the disk's where that takes no files any more, for whatever reason", () =>
      Effect.gen(function* () {
        const path = yield* ownDisk
        const disk = watchDisk(path)
        execFileSync("mount", ["-o", "remount,ro", path])
        const error = yield* Effect.flip(disk.blame(path, Effect.fail(failure), isAnswer))
        expect(error).toMatchObject({ _tag: "Unavailable", what: expect.stringContaining("EROFS") })
      })
    )

    it.scopedLive("that is a limit's stays one", () =>
      Effect.gen(function* () {
        const path = yield* ownDisk
        yield* fill(path)
        const limit = new RunLimitExceeded({ limit: "too long" })
        expect(yield* Effect.flip(watchDisk(path).blame(path, Effect.fail(limit), isAnswer))).toBe(limit)
      })
    )
  })
})
