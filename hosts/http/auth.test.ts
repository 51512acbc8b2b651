import { Effect, Exit, Redacted, type Scope } from "effect"
import { expect, it, vi } from "vitest"
import { memoryDatabase } from "../../adapters/memory/index.js"
import { sqlite } from "../../adapters/sqlite/index.js"
import { temporaryFile } from "../../adapters/sqlite/temporary.suite.js"
import { OwnerId } from "../../core/ids.js"
import type { RowsLayer } from "../../core/ports/suites/samples.suite.js"
import { ownerOf } from "./auth.js"

/** Counts calls of the real comparison. */
const { compared } = vi.hoisted(() => ({ compared: { lengths: [] as Array<readonly [number, number]> } }))
vi.mock("node:crypto", async (original) => {
  const real = await original<typeof import("node:crypto")>()
  const timingSafeEqual: typeof real.timingSafeEqual = (a, b) => {
    compared.lengths.push([a.byteLength, b.byteLength])
    return real.timingSafeEqual(a, b)
  }
  return { ...real, timingSafeEqual, default: { ...real, timingSafeEqual } }
})

const keys = [{ id: OwnerId("alice"), secret: Redacted.make("alice-secret") }]
const basic = (credential: string) => `Basic ${Buffer.from(credential).toString("base64")}`

it.each([
  ["memory", Effect.succeed(memoryDatabase({ keys }))],
  ["sqlite", Effect.map(temporaryFile, (file) => sqlite({ file, keys }))]
] as ReadonlyArray<readonly [string, Effect.Effect<RowsLayer, never, Scope.Scope>]>)(
  "%s: compares hashes once, in constant time, for an unknown id, a wrong secret and the right secret",
  async (_, layer) => {
    const identified = (authorization: string) =>
      Effect.runPromiseExit(
        Effect.scoped(Effect.flatMap(layer, (rows) => Effect.provide(ownerOf(authorization), rows)))
      )
    for (const [credential, isRight] of [
      ["alice:alice-secret", true],
      ["alice:alice-secreT", false],
      ["alice:a-much-longer-secret-than-the-right-one-is", false],
      ["nobody:alice-secret", false]
    ] as const) {
      compared.lengths.length = 0
      const exit = await identified(basic(credential))
      expect(Exit.isSuccess(exit)).toBe(isRight)
      expect(compared.lengths).toEqual([[32, 32]])
    }
  }
)
