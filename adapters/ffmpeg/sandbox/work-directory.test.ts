import { mkdtempSync, rmSync } from "node:fs"
import { chown, lstat, mkdir, readdir, symlink, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { execa } from "execa"
import { afterAll, describe } from "vitest"
import { Unavailable } from "../../../core/errors.js"
import { thisProcess } from "../../process/index.js"
import { openWorkRoot, takeBack, workDirectory } from "./work-directory.js"

const folder = mkdtempSync(join(tmpdir(), "workdir-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const list = (path: string) => Effect.promise(() => readdir(path))

describe("workDirectory", () => {
  for (const { title, use } of [
    { title: "after success", use: Effect.void },
    { title: "after a failure", use: Effect.fail("no") },
    { title: "after a defect", use: Effect.dieMessage("a bug") },
    { title: "after interruption", use: Effect.interrupt }
  ]) {
    it.live(`is gone with all that is in it ${title}`, () =>
      Effect.gen(function* () {
        const root = yield* openWorkRoot(join(folder, title))
        const made: Array<string> = []
        yield* Effect.gen(function* () {
          const work = yield* workDirectory(root)
          yield* Effect.promise(async () => {
            await writeFile(join(work.in, "a"), "")
            await mkdir(join(work.out, "deep", "deeper"), { recursive: true })
          })
          made.push(...(yield* list(work.path)))
          yield* use
        }).pipe(Effect.scoped, Effect.exit)
        expect(made).toEqual(["in", "out"])
        expect(yield* list(root.path)).toEqual([])
      })
    )
  }
})

describe.runIf(process.getuid?.() === 0)("takeBack", () => {
  it.scopedLive("takes files whatever they are called", () =>
    Effect.gen(function* () {
      const work = yield* workDirectory(yield* openWorkRoot(join(folder, "taken")))
      // Neither is text in UTF-8.
      const paths = [
        Buffer.concat([Buffer.from(`${work.out}/`), Buffer.from([0xff, 0xfe])]),
        Buffer.from(join(work.out, "cut \u3042")).subarray(0, -1)
      ]
      yield* Effect.promise(async () => {
        for (const path of paths) {
          await writeFile(path, "")
          await chown(path, 60_600, 60_600)
        }
        await takeBack(work)
      })
      const stats = yield* Effect.promise(() => Promise.all(paths.map((path) => lstat(path))))
      expect(stats.map(({ uid }) => uid)).toEqual([0, 0])
    })
  )
})

describe("openWorkRoot", () => {
  it.live("keeps what it does not know or can't judge, and removes what the dead left", () =>
    Effect.gen(function* () {
      const path = join(folder, "shared")
      yield* openWorkRoot(path)
      const [realm, pid, startedAt] = thisProcess().split("-")
      const dead = (yield* Effect.promise(() => execa("sh", ["-c", "echo $$"]))).stdout
      const id = "00000000-0000-0000-0000-000000000000"
      const names = {
        ours: `${realm}-${pid}-${startedAt}-${id}`,
        ofDead: `${realm}-${dead}-${startedAt}-${id}`,
        ofReusedId: `${realm}-${pid}-${Number(startedAt) - 1}-${id}`,
        foreign: `otherhost_1-${dead}-1-${id}`,
        foreignAndOld: `otherhost_1-${dead}-2-${id}`,
        unknown: "something else"
      }
      yield* Effect.promise(async () => {
        for (const name of Object.values(names)) await mkdir(join(path, name, "out"), { recursive: true })
        const longAgo = new Date(Date.now() - 8 * 86_400_000)
        await utimes(join(path, names.foreignAndOld), longAgo, longAgo)
      })
      yield* openWorkRoot(path)
      expect((yield* list(path)).sort()).toEqual([names.ours, names.foreign, names.unknown].sort())
    })
  )

  it.live("takes no link that somebody else may have laid", () =>
    Effect.gen(function* () {
      yield* Effect.promise(() => symlink(folder, join(folder, "trap")))
      const exit = yield* Effect.exit(openWorkRoot(join(folder, "trap")))
      expect(exit).toMatchObject(Exit.fail({ _tag: new Unavailable({ what: "" })._tag }))
    })
  )
})
