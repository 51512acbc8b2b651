import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { afterAll, describe, expect } from "vitest"
import { defaultLimits } from "../../core/limits.js"
import { confine, type SandboxMode } from "./confinement.js"
import { remainsOf } from "./remains.suite.js"
import { openWorkRoot } from "./workdir.js"

const folder = mkdtempSync(join(tmpdir(), "confinement-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** A PATH with these programs alone. */
const pathOf = (name: string, programs: ReadonlyArray<string>) => {
  const path = mkdtempSync(join(folder, name))
  for (const program of programs) {
    symlinkSync(execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim(), join(path, program))
  }
  return path
}

const all = ["ffmpeg", "ffprobe", "setpriv", "prlimit", "bwrap"]
const without = (missing: string) =>
  pathOf(
    missing,
    all.filter((name) => name !== missing)
  )

/** A bubblewrap that shuts nobody in: the program runs as it is. */
const withFalse = () => {
  const path = without("bwrap")
  const program = `#!/bin/sh\n[ "$1" = --version ] && exec echo bubblewrap 9.9\nwhile [ "$1" != -- ]; do shift; done; shift\nexec "$@"\n`
  writeFileSync(join(path, "bwrap"), program, { mode: 0o755 })
  return path
}

const confined = (mode: SandboxMode, searchPath: string) =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    const logger = Logger.make(({ message, logLevel }) => void warnings.push(`${logLevel.label} ${message}`))
    const root = yield* openWorkRoot(join(folder, "work"))
    const options = { mode, root, limits: defaultLimits, searchPath, paths: { ffmpeg: "ffmpeg", ffprobe: "ffprobe" } }
    const result = yield* Effect.either(confine(options).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger))))
    expect(yield* remainsOf(join(folder, "work"))).toEqual([])
    return { result, warnings }
  }).pipe(Effect.scoped)

describe.runIf(process.platform === "linux")("the sandbox", () => {
  it.live.each(["required", "preferred"] as const)("is in force where it works, %s", (mode) =>
    Effect.gen(function* () {
      const { result, warnings } = yield* confined(mode, pathOf(mode, all))
      expect(result).toMatchObject({ right: { sandboxed: true, description: expect.stringMatching(/^sandbox: bubblewrap \d/) } })
      expect(warnings).toEqual([])
    })
  )

  for (const { title, path, says } of [
    { title: "bubblewrap is missing", path: () => without("bwrap"), says: /bubblewrap is missing: install it/ },
    { title: "prlimit is missing", path: () => without("prlimit"), says: /install util-linux/ },
    { title: "bubblewrap shuts nobody in", path: withFalse, says: /bubblewrap 9\.9 does not/ }
  ]) {
    it.live(`required, but ${title}: no start, and a sentence that says what to do`, () =>
      Effect.gen(function* () {
        const { result } = yield* confined("required", path())
        expect(result).toMatchObject({ left: { _tag: "Unavailable", what: expect.stringMatching(says) } })
        expect(result).toMatchObject({ left: { what: expect.stringContaining("FFKILN_SANDBOX") } })
      })
    )
    it.live(`preferred, but ${title}: one warning`, () =>
      Effect.gen(function* () {
        const { result, warnings } = yield* confined("preferred", path())
        expect(result).toMatchObject({ right: { sandboxed: false, description: expect.stringMatching(says) } })
        expect(warnings).toEqual([expect.stringMatching(says)])
        expect(warnings[0]).toMatch(/^WARN/)
      })
    )
  }

  it.live("off: is not tried", () =>
    Effect.gen(function* () {
      const { result, warnings } = yield* confined("off", pathOf("off", all))
      expect(result).toMatchObject({ right: { sandboxed: false, description: "sandbox: none (it is switched off)" } })
      expect(warnings).toEqual([])
    })
  )
})
