import { execFileSync } from "node:child_process"
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
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

/** A bubblewrap in which ffmpeg has not all of its formats. */
const withSmallBuild = (missing: string) => {
  const real = execFileSync("sh", ["-c", "command -v bwrap"], { encoding: "utf8" }).trim()
  const path = without("bwrap")
  const refusal = `case "$*" in *${missing}*) echo "Unknown input format: 'x'" >&2; exit 234;; esac`
  writeFileSync(join(path, "bwrap"), `#!/bin/sh\n${refusal}\nexec ${real} "$@"\n`, { mode: 0o755 })
  return path
}

/** A PATH in which this is ffmpeg. */
const withFfmpeg = (script: string) => {
  const path = without("ffmpeg")
  writeFileSync(join(path, "ffmpeg"), script, { mode: 0o755 })
  return path
}

const wrapper = () => withFfmpeg(`#!/bin/sh\nexec ${execFileSync("sh", ["-c", "command -v ffmpeg"], { encoding: "utf8" }).trim()} "$@"\n`)

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
    { title: "ffmpeg is a script", path: wrapper, says: /ffmpeg is a script, .* set FFMPEG_PATH .* to the programs that it starts/ },
    {
      title: "ffmpeg lacks formats",
      path: () => withSmallBuild("/proc/net/dev"),
      says: /use a build of ffmpeg that reads and writes data/
    },
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

  it.live("is in force with a small build, without the format data", () =>
    Effect.gen(function* () {
      const { result } = yield* confined("required", withSmallBuild("-f\\ data"))
      expect(result).toMatchObject({ right: { sandboxed: true } })
    })
  )

  it.live("is in force with programs below the folder for temporary files", () =>
    Effect.gen(function* () {
      const path = without("ffmpeg")
      const real = execFileSync("sh", ["-c", 'readlink -f "$(command -v ffmpeg)"'], { encoding: "utf8" }).trim()
      expect(path.startsWith("/tmp/")).toBe(true)
      copyFileSync(real, join(path, "ffmpeg"))
      const { result } = yield* confined("required", path)
      expect(result).toMatchObject({ right: { sandboxed: true } })
    })
  )

  it.live("advises nothing about namespaces where bubblewrap has not complained", () =>
    Effect.gen(function* () {
      for (const path of [wrapper(), withSmallBuild("/proc/net/dev")]) {
        const { result } = yield* confined("required", path)
        expect(result).toMatchObject({ left: { what: expect.not.stringMatching(/namespaces|CAP_SYS_ADMIN/) } })
      }
    })
  )

  it.live("off: is not tried", () =>
    Effect.gen(function* () {
      const { result, warnings } = yield* confined("off", pathOf("off", all))
      expect(result).toMatchObject({ right: { sandboxed: false, description: "sandbox: none (it is switched off)" } })
      expect(warnings).toEqual([])
    })
  )
})

it.live.each(["required", "preferred", "off"] as const)("an ffmpeg that is too old is refused in one sentence: %s", (mode) =>
  Effect.gen(function* () {
    const old = ["ffmpeg version N-47683-g0e8eb07980-static", "libavutil      56. 24.101 / 56. 24.101"]
    const { result, warnings } = yield* confined(mode, withFfmpeg(`#!/bin/sh\nprintf '${old.join("\\n")}\\n'\n`))
    const what = "ffmpeg is too old (N-47683-g0e8eb07980-static): ffkiln needs ffmpeg 4.3 or later"
    expect(result).toMatchObject({ left: { _tag: "Unavailable", what } })
    expect(warnings).toEqual([])
  })
)
