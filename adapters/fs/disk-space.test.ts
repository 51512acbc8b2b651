import { mkdtempSync, rmSync, statfsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { afterAll, describe } from "vitest"
import { DiskSpace } from "../../core/ports/disk-space.js"
import { diskSpace } from "./disk-space.js"
import { fileSystem } from "./index.js"

const folder = mkdtempSync(join(tmpdir(), "disk-space-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const free = Effect.flatMap(DiskSpace, (space) => space.free)

describe("disk space", () => {
  it.effect("is infinite without an adapter that reports it", () =>
    Effect.map(free, (bytes) => expect(bytes).toBe(Number.POSITIVE_INFINITY))
  )

  it.effect("is that of the folder's disk, and comes with the file storage", () =>
    Effect.gen(function* () {
      const { blocks, bsize } = statfsSync(folder)
      for (const layer of [diskSpace(folder), fileSystem({ root: join(folder, "files") })]) {
        const bytes = yield* Effect.provide(free, layer)
        expect(bytes).toBeGreaterThan(0)
        expect(bytes).toBeLessThanOrEqual(blocks * bsize)
      }
    })
  )

  it.effect("is read each time: a removed folder is noticed at once", () =>
    Effect.gen(function* () {
      const gone = mkdtempSync(join(folder, "gone-"))
      yield* Effect.gen(function* () {
        expect(yield* free).toBeGreaterThan(0)
        rmSync(gone, { recursive: true })
        expect(yield* Effect.flip(free)).toMatchObject({ _tag: "Unavailable" })
      }).pipe(Effect.provide(Layer.fresh(diskSpace(gone))))
    })
  )
})
