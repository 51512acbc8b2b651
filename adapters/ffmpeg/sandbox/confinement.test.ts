import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { afterAll, describe, expect } from "vitest"
import { defaultLimits } from "../../../core/limits.js"
import { type ConfinementOptions, confine, type SandboxMode } from "./confinement.js"
import { remainsOf } from "./remains.suite.js"
import { openWorkRoot } from "./work-directory.js"

const folder = mkdtempSync(join(tmpdir(), "confinement-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** A PATH with these programs alone. */
const pathOf = (name: string, programs: ReadonlyArray<string>) => {
  const path = mkdtempSync(join(folder, name))
  for (const program of programs) {
    symlinkSync(
      execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim(),
      join(path, program)
    )
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

const wrapper = () =>
  withFfmpeg(
    `#!/bin/sh\nexec ${execFileSync("sh", ["-c", "command -v ffmpeg"], { encoding: "utf8" }).trim()} "$@"\n`
  )

interface Place extends Pick<ConfinementOptions, "kind" | "launch"> {
  readonly libraryPath?: string
  readonly workRoot?: string
}

/** As it was before there were others. */
const bubblewrapAlone = { kind: "bubblewrap", launch: "plain" } as const

const confined = (
  mode: SandboxMode,
  searchPath: string,
  { workRoot = join(folder, "work"), ...place }: Place = {}
) =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    const logger = Logger.make(({ message, logLevel }) => void warnings.push(`${logLevel.label} ${message}`))
    const root = yield* openWorkRoot(workRoot)
    const options = {
      ...place,
      mode,
      root,
      limits: defaultLimits,
      searchPath,
      paths: { ffmpeg: "ffmpeg", ffprobe: "ffprobe" }
    }
    const result = yield* Effect.either(
      confine(options).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
    )
    expect(yield* remainsOf(workRoot)).toEqual([])
    return { result, warnings }
  }).pipe(Effect.scoped)

describe.runIf(process.platform === "linux")("the sandbox", () => {
  it.live.each(["required", "preferred"] as const)("is in force where it works, %s", (mode) =>
    Effect.gen(function* () {
      const { result, warnings } = yield* confined(mode, pathOf(mode, all))
      expect(result).toMatchObject({
        right: { sandboxed: true, description: expect.stringMatching(/^sandbox: bubblewrap \d/) }
      })
      expect(warnings).toEqual([])
    })
  )

  for (const { title, path, says } of [
    {
      title: "bubblewrap is missing",
      path: () => without("bwrap"),
      says: /bubblewrap is missing: install it/
    },
    { title: "prlimit is missing", path: () => without("prlimit"), says: /install util-linux/ },
    {
      title: "ffmpeg is a script",
      path: wrapper,
      says: /ffmpeg is a script, .* set FFMPEG_PATH .* to the programs that it starts/
    },
    {
      title: "ffmpeg lacks formats",
      path: () => withSmallBuild("/proc/net/dev"),
      says: /use a build of ffmpeg that reads and writes data/
    },
    {
      title: "bubblewrap shuts nobody in",
      path: withFalse,
      says: /bubblewrap 9\.9 does not shut ffmpeg in(?:$|: set|\))/
    }
  ]) {
    it.live(`required, but ${title}: no start, and a sentence that says what to do`, () =>
      Effect.gen(function* () {
        const { result } = yield* confined("required", path(), bubblewrapAlone)
        expect(result).toMatchObject({ left: { _tag: "Unavailable", what: expect.stringMatching(says) } })
        expect(result).toMatchObject({ left: { what: expect.stringContaining("FFKILN_SANDBOX") } })
      })
    )
    it.live(`preferred, but ${title}: one warning`, () =>
      Effect.gen(function* () {
        const { result, warnings } = yield* confined("preferred", path(), bubblewrapAlone)
        expect(result).toMatchObject({
          right: { sandboxed: false, description: expect.stringMatching(says) }
        })
        expect(warnings).toEqual([expect.stringMatching(says)])
        expect(warnings[0]).toMatch(/^WARN/)
      })
    )
  }

  for (const { title, mode = "required", place, path, right, left } of [
    {
      title: "bubblewrap with programs that are kept loaded",
      right: { warm: true, description: /^sandbox: bubblewrap [\d.]+; launch: warm$/ }
    },
    {
      title: "Landlock where bubblewrap is missing",
      path: () => without("bwrap"),
      right: {
        warm: true,
        description:
          /^sandbox: Landlock \d+ and seccomp, without bubblewrap \(bubblewrap is missing: .*\); launch: warm$/
      }
    },
    {
      title: "Landlock where bubblewrap shuts nobody in",
      path: withFalse,
      right: {
        warm: true,
        description: /^sandbox: Landlock \d+ and seccomp, without bubblewrap \(.* does not shut ffmpeg in\)/
      }
    },
    {
      title: "Landlock where it is asked for",
      place: { kind: "landlock" },
      right: {
        warm: true,
        description: /^sandbox: Landlock \d+ and seccomp, without bubblewrap; launch: warm$/
      }
    },
    {
      title: "bubblewrap for each run where that is asked for",
      place: { launch: "plain" },
      right: { warm: false, description: /; launch: each run anew \(the launch is set to plain\)$/ }
    },
    {
      title: "nothing where Landlock is to do without what it needs",
      place: { kind: "landlock", launch: "plain" },
      left: /no sandbox for ffmpeg: Landlock alone does not do: the launch is set to plain: set the sandbox/
    },
    {
      title: "nothing where neither works",
      path: wrapper,
      left: /no sandbox for ffmpeg: ffmpeg is a script, /
    },
    {
      title: "nothing where programs have to be kept loaded, and can't",
      mode: "preferred",
      path: wrapper,
      place: { launch: "warm" },
      left: /^the warm launch can't be had: ffmpeg is a script, .*: set the launch \(FFKILN_LAUNCH\) to auto$/
    }
  ] as ReadonlyArray<{
    readonly title: string
    readonly mode?: SandboxMode
    readonly place?: Place
    readonly path?: () => string
    readonly right?: { readonly warm: boolean; readonly description: RegExp }
    readonly left?: RegExp
  }>) {
    it.live(`chosen is ${title}`, () =>
      Effect.gen(function* () {
        const { result } = yield* confined(mode, path?.() ?? pathOf("chosen", all), place)
        if (left !== undefined) expect(result).toMatchObject({ left: { what: expect.stringMatching(left) } })
        else
          expect(result).toMatchObject({
            right: {
              sandboxed: true,
              warm: right?.warm,
              description: expect.stringMatching(right?.description ?? "")
            }
          })
      })
    )
  }

  it.live("is in force with a small build, without the format data", () =>
    Effect.gen(function* () {
      const { result } = yield* confined("required", withSmallBuild("-f\\ data"))
      expect(result).toMatchObject({ right: { sandboxed: true } })
    })
  )

  describe("with a build below the folder for temporary files", () => {
    const inForce = { right: { sandboxed: true } }
    const real = (name: string) =>
      realpathSync(execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim())
    /** What both programs load, with what loads them. */
    const loaded = () => {
      const listed = execFileSync("ldd", [real("ffmpeg"), real("ffprobe")], { encoding: "utf8" })
      return new Map(
        [...listed.matchAll(/(?:=>|^\t)\s*(\/\S+) \(0x/gm)].map(([, path = ""]) => [
          basename(path),
          realpathSync(path)
        ])
      )
    }
    /** The same bytes, as a file of its own: copied where no second name can be had. */
    const copy = (from: string, to: string) => {
      try {
        linkSync(from, to)
      } catch {
        copyFileSync(from, to)
      }
    }
    /** A PATH with copies of both programs, changed or not, and a folder of copies of their libraries. */
    const build = (libraries: string, change: (program: Buffer) => Buffer = (program) => program) => {
      const path = pathOf("build", ["setpriv", "prlimit", "bwrap"])
      expect(path.startsWith("/tmp/")).toBe(true)
      for (const name of ["ffmpeg", "ffprobe"])
        writeFileSync(join(path, name), change(readFileSync(real(name))), { mode: 0o755 })
      mkdirSync(join(path, libraries), { recursive: true })
      for (const [name, file] of loaded()) copy(file, join(path, libraries, name))
      return { path, libraryPath: join(path, libraries) }
    }

    it.live("it is in force where the libraries are the system's", () =>
      Effect.gen(function* () {
        const path = without("ffmpeg")
        copyFileSync(real("ffmpeg"), join(path, "ffmpeg"))
        expect((yield* confined("required", path)).result).toMatchObject(inForce)
      })
    )

    it.live(
      "it is in force where LD_LIBRARY_PATH leads to the libraries, whatever their folder is called",
      () =>
        Effect.gen(function* () {
          const { path, libraryPath } = build("my libraries")
          expect(
            (yield* confined("required", path, { libraryPath: `:relative:${libraryPath}` })).result
          ).toMatchObject(inForce)
        })
    )

    it.live("it is in force where the libraries lie among other files", () =>
      Effect.gen(function* () {
        const { path, libraryPath } = build("shared")
        for (const [name] of [...loaded()].slice(0, 3)) {
          copyFileSync(join(libraryPath, name), join(libraryPath, `${name}.real`))
          rmSync(join(libraryPath, name))
          symlinkSync(`${name}.real`, join(libraryPath, name))
        }
        // Work directories below it make it one.
        const workRoot = join(libraryPath, "work")
        const { result } = yield* confined("required", path, { libraryPath, workRoot })
        expect(result).toMatchObject(inForce)
      })
    )

    it.live("it is in force where the program names a loader in another folder", () =>
      Effect.gen(function* () {
        const elsewhere = mkdtempSync("/tmp/l-")
        try {
          const [, loader = ""] = [...loaded()].find(([name]) => name.startsWith("ld-")) ?? []
          copyFileSync(loader, join(elsewhere, "ld.so"))
          const original = Buffer.from("/lib64/ld-linux-x86-64.so.2\0")
          const ours = Buffer.concat([
            Buffer.from(`${elsewhere}/ld.so`),
            Buffer.alloc(original.length)
          ]).subarray(0, original.length)
          const { path, libraryPath } = build("lib", (program) => {
            const at = program.indexOf(original)
            return at < 0
              ? program
              : Buffer.concat([program.subarray(0, at), ours, program.subarray(at + ours.length)])
          })
          expect((yield* confined("required", path, { libraryPath })).result).toMatchObject(inForce)
        } finally {
          rmSync(elsewhere, { recursive: true })
        }
      })
    )

    it.live("it is in force where programs and libraries are links to others", () =>
      Effect.gen(function* () {
        const { path, libraryPath } = build("lib")
        const links = pathOf("links", ["setpriv", "prlimit", "bwrap"])
        for (const name of ["ffmpeg", "ffprobe"]) symlinkSync(join(path, name), join(links, name))
        mkdirSync(join(links, "lib"))
        for (const [name] of loaded()) symlinkSync(join(libraryPath, name), join(links, "lib", name))
        expect(
          (yield* confined("required", links, { libraryPath: join(links, "lib") })).result
        ).toMatchObject(inForce)
      })
    )

    it.live("a script around it is refused, and runs without a sandbox", () =>
      Effect.gen(function* () {
        const { path, libraryPath } = build("lib")
        for (const name of ["ffmpeg", "ffprobe"]) {
          copyFileSync(join(path, name), join(path, `${name}.bin`))
          writeFileSync(
            join(path, name),
            `#!/bin/sh\nLD_LIBRARY_PATH='${libraryPath}' exec '${path}/${name}.bin' "$@"\n`,
            { mode: 0o755 }
          )
        }
        expect((yield* confined("required", `${path}:/bin`)).result).toMatchObject({
          left: {
            what: expect.stringMatching(
              /ffmpeg is a script, .* set FFMPEG_PATH and FFPROBE_PATH .*LD_LIBRARY_PATH/
            )
          }
        })
        expect((yield* confined("off", `${path}:/bin`)).result).toMatchObject({ right: { sandboxed: false } })
      })
    )

    it.live("that finds no libraries is refused with what to set", () =>
      Effect.gen(function* () {
        const { path, libraryPath } = build("lib")
        const [name = ""] = [...loaded().keys()].filter((each) => each.startsWith("libavdevice"))
        const lacking = (program: Buffer) =>
          Buffer.from(program.toString("latin1").replaceAll(name, name.replace("libav", "libno")), "latin1")
        for (const each of ["ffmpeg", "ffprobe"])
          writeFileSync(join(path, each), lacking(readFileSync(join(path, each))))
        const { result } = yield* confined("required", path, { libraryPath })
        expect(result).toMatchObject({
          left: {
            what: expect.stringMatching(
              /^ffmpeg does not run \(.*libnodevice.*\): set LD_LIBRARY_PATH to the folder of its libraries/
            )
          }
        })
      })
    )
  })

  it.live("advises nothing about namespaces where bubblewrap has not complained", () =>
    Effect.gen(function* () {
      for (const path of [wrapper(), withSmallBuild("/proc/net/dev")]) {
        const { result } = yield* confined("required", path, bubblewrapAlone)
        expect(result).toMatchObject({
          left: { what: expect.not.stringMatching(/namespaces|CAP_SYS_ADMIN/) }
        })
      }
    })
  )

  it.live("off: is not tried", () =>
    Effect.gen(function* () {
      const { result, warnings } = yield* confined("off", pathOf("off", all))
      expect(result).toMatchObject({
        right: { sandboxed: false, description: "sandbox: none (it is switched off)" }
      })
      expect(warnings).toEqual([])
    })
  )
})

it.live.each(["required", "preferred", "off"] as const)(
  "an ffmpeg that is too old is refused in one sentence: %s",
  (mode) =>
    Effect.gen(function* () {
      const old = ["ffmpeg version N-47683-g0e8eb07980-static", "libavutil      56. 24.101 / 56. 24.101"]
      const { result, warnings } = yield* confined(
        mode,
        withFfmpeg(`#!/bin/sh\nprintf '${old.join("\\n")}\\n'\n`)
      )
      const what = "ffmpeg is too old (N-47683-g0e8eb07980-static): ffkiln needs ffmpeg 4.3 or later"
      expect(result).toMatchObject({ left: { _tag: "Unavailable", what } })
      expect(warnings).toEqual([])
    })
)
