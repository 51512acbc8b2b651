import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule, Scope } from "effect"
import { afterAll, describe, expect } from "vitest"
import { compileArguments, warmSourceHash } from "../../../../scripts/setup/warm.mjs"
import type { Program, Start } from "../launch.js"
import { ffmpegsIn, remainsOf } from "../remains.suite.js"
import { openWorkRoot, type WorkRoot, workDirectory } from "../work-directory.js"
import { helperBytes, openHelper } from "./helper.js"
import { loaded, pathOf, places } from "./loaded.suite.js"
import { compiler, prebuilt, sourceHash } from "./prebuilt.js"
import { startWarm, warmVariables } from "./process.js"

const long = process.env.FFKILN_TEST_LONG === "1"
const folder = mkdtempSync(join(tmpdir(), "warm-"))
afterAll(() => rmSync(folder, { recursive: true }))

const hasCompiler = spawnSync("gcc", ["--version"]).status === 0
const sameCompiler =
  hasCompiler && execFileSync("gcc", ["--version"], { encoding: "utf8" }).startsWith(`${compiler}\n`)

it("the helper that comes with the package is made of the source beside it", () => {
  expect(sourceHash).toBe(warmSourceHash())
})

it.runIf(process.platform === "linux" && process.arch === "x64" && sameCompiler)(
  "and is what this compiler makes of it, byte by byte",
  () => {
    const made = join(folder, "made.so")
    execFileSync("gcc", compileArguments(made))
    expect(gunzipSync(Buffer.from(prebuilt.x64 ?? "", "base64")).equals(readFileSync(made))).toBe(true)
  }
)

interface Told {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  readonly usage: { readonly cpuSeconds: number; readonly peakBytes: number } | undefined
  /** Of what it made. */
  readonly files: Readonly<Record<string, string>>
}

const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")

/** A run to its end. */
const told = (start: Start, root: WorkRoot, program: Program, args: ReadonlyArray<string>, input?: string) =>
  Effect.gen(function* () {
    const work = yield* workDirectory(root)
    if (input !== undefined) copyFileSync(input, join(work.in, "clip.mp4"))
    const [out, err]: [Array<Uint8Array>, Array<Uint8Array>] = [[], []]
    const end = yield* start(program, args, work, {
      onStdout: (chunk) => out.push(chunk),
      onStderr: (chunk) => err.push(chunk)
    })
    const { code, signal, usage } = yield* end
    const files = Object.fromEntries(
      readdirSync(work.out).map((name) => [name, hash(readFileSync(join(work.out, name)))])
    )
    const [stdout, stderr] = [`${Buffer.concat(out)}`, `${Buffer.concat(err)}`]
    return { code, signal, stdout, stderr, usage, files } satisfies Told
  }).pipe(Effect.scoped)

const warmProcesses = () =>
  readdirSync("/proc").filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/comm`, "utf8") === "ffkiln-warm\n" && isOurs(id)
    } catch {
      return false
    }
  })

/** Whether this process has started it, or what started it. */
const isOurs = (id: string): boolean => {
  if (id === `${process.pid}`) return true
  const parent = /^PPid:\s(\d+)$/m.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? "0"
  return parent !== "0" && isOurs(parent)
}

const perl = pathOf("perl")
const [ffmpeg, ffprobe] = [pathOf("ffmpeg"), pathOf("ffprobe")]

let roots = 0
const aRoot = () => openWorkRoot(join(folder, `root-${++roots}`))

describe.runIf(process.platform === "linux").each(places)("programs that are kept loaded, in %s", (place) => {
  it.scopedLive("a run has its own arguments, folder, environment and output, and its end is told", () =>
    Effect.gen(function* () {
      const { start, root } = yield* loaded(place, yield* aRoot(), [perl, perl])
      const say = (script: string, ...args: ReadonlyArray<string>) =>
        told(start, root, "ffmpeg", ["-e", script, ...args])
      expect(
        yield* say('print join "|", @ARGV, $0; print STDERR "err"; exit 7', "a b", "", "ü")
      ).toMatchObject({
        ...{ code: 7, signal: null, stdout: "a b||ü|-e", stderr: expect.stringMatching(/err$/) }
      })
      expect(yield* say("kill 9, $$; sleep 600")).toMatchObject({ code: null, signal: "SIGKILL" })
      expect(yield* say('print join "|", map { "$_=$ENV{$_}" } sort keys %ENV')).toMatchObject({
        stdout: "HOME=/tmp|LANG=C.UTF-8|PATH=/usr/bin:/bin"
      })
      expect(
        yield* say('open my $f, ">", "../out/made"; print $f "x"; close $f; print -r "../out/made" ? 1 : 0')
      ).toMatchObject({
        ...{ code: 0, stdout: "1", files: { made: hash(Buffer.from("x")) } }
      })
      const work = yield* workDirectory(root)
      let asking = ""
      yield* start("ffmpeg", ["-e", '$| = 1; print "on"; sleep 600', "shown"], work, {
        onStdout: (chunk) => (asking += Buffer.from(chunk))
      })
      yield* until(() => asking === "on")
      const [id = ""] = yield* Effect.promise(() => ffmpegsIn(root.path))
      expect(readFileSync(`/proc/${id}/cmdline`, "utf8").replace(/\0*$/, "").split("\0")).toEqual([
        "ffmpeg",
        "-e",
        expect.anything(),
        "shown"
      ])
      const much = yield* say('print "0123456789abcdef" x 65536 for 1 .. 20; print STDERR "e" x 200000')
      expect([much.stdout.length, much.stderr.length >= 200_000]).toEqual([20 * 2 ** 20, true])
      const busy = yield* say(
        'my $text = "x" x 100_000_000; my $end = (times)[0] + 0.2; 1 while (times)[0] < $end'
      )
      expect(busy.usage?.cpuSeconds).toBeGreaterThan(0.15)
      expect(busy.usage?.peakBytes).toBeGreaterThan(1e8)
      const refused = yield* say("1", "x".repeat(200_000)).pipe(
        Effect.map(({ code, signal }) => [code, signal])
      )
      expect(refused).toEqual([null, null])
      expect(yield* say("print length $ARGV[0]", "x".repeat(100_000))).toMatchObject({ stdout: "100000" })
    })
  )

  it.scopedLive("a run that ignores SIGTERM is killed, and its process is gone", () =>
    Effect.gen(function* () {
      const { start, root } = yield* loaded(place, yield* aRoot(), [perl, perl])
      yield* Effect.gen(function* () {
        const work = yield* workDirectory(root)
        let said = ""
        yield* start("ffmpeg", ["-e", '$| = 1; $SIG{TERM} = "IGNORE"; print "on"; sleep 600 while 1'], work, {
          onStdout: (chunk) => {
            said += Buffer.from(chunk)
          }
        })
        yield* until(() => said === "on")
      }).pipe(Effect.scoped)
      expect(yield* remainsOf(root.path)).toEqual([])
    })
  )

  it.scopedLive("each of many runs at a time has what the program makes by itself", () =>
    Effect.gen(function* () {
      const { start, root } = yield* loaded(place, yield* aRoot(), [ffmpeg, ffprobe], {
        runsEach: long ? 700 : 20
      })
      const clip = aClip()
      const thumbnail = (hue: number, out: string) => [
        "-nostdin",
        "-v",
        "error",
        "-y",
        "-i",
        "clip.mp4",
        "-vf",
        `hue=h=${hue}`,
        "-frames:v",
        "1",
        out
      ]
      const probe = ["-v", "error", "-show_format", "-show_streams", "-of", "json", "clip.mp4"]
      const hues = Array.from({ length: 10 }, (_, index) => index * 30)
      const bare = new Map(
        hues.map((hue) => {
          execFileSync(ffmpeg, thumbnail(hue, join(folder, "bare.png")), { cwd: folder })
          return [hue, hash(readFileSync(join(folder, "bare.png")))]
        })
      )
      expect(new Set(bare.values()).size).toBe(hues.length)
      const report = execFileSync(ffprobe, probe, { cwd: folder, encoding: "utf8" })
      const [memory, rounds]: [Array<number>, number] = [[], long ? 500 : 3]
      for (let round = 0; round < rounds; round++) {
        const results = yield* Effect.forEach(
          [...hues, ...hues],
          (hue, index) =>
            index < hues.length
              ? Effect.map(
                  told(start, root, "ffmpeg", thumbnail(hue, "../out/a.png"), clip),
                  ({ code, files }) => [code, files["a.png"] === bare.get(hue)]
                )
              : Effect.map(told(start, root, "ffprobe", probe, clip), ({ code, stdout }) => [
                  code,
                  stdout === report
                ]),
          { concurrency: 8 }
        )
        expect(results).toEqual(results.map(() => [0, true]))
        memory.push(residentBytes())
      }
      // Replaced on the way, and none of them grows with the runs that it has done.
      yield* until(() => warmProcesses().length === 2)
      if (long) expect(memory.at(-1)).toBeLessThan(1.2 * (memory[50] ?? 0))
      expect(yield* remainsOf(root.path)).toEqual([])
    })
  )

  it.scopedLive(
    "when the process that runs are forked from is killed, they end with it as unavailable, and the next run works",
    () =>
      Effect.gen(function* () {
        const { start, root } = yield* loaded(place, yield* aRoot(), [perl, perl])
        yield* Effect.gen(function* () {
          let said = ""
          const onStdout = (chunk: Uint8Array) => {
            said += Buffer.from(chunk)
          }
          const work = yield* workDirectory(root)
          const end = yield* start("ffmpeg", ["-e", '$| = 1; print "on"; sleep 600'], work, { onStdout })
          yield* until(() => said === "on")
          for (const id of warmProcesses()) process.kill(Number(id), "SIGKILL")
          expect(yield* Effect.either(end)).toMatchObject({
            left: { _tag: "Unavailable", what: expect.stringMatching(/is gone$/) }
          })
        }).pipe(Effect.scoped)
        yield* Effect.repeat(remainsOf(root.path), {
          until: (left) => left.length === 0,
          schedule: Schedule.spaced("20 millis")
        })
        expect(yield* told(start, root, "ffmpeg", ["-e", "print 1"])).toMatchObject({ code: 0, stdout: "1" })
      })
  )

  it.live("nothing is left when the scope is closed, whatever ran", () =>
    Effect.gen(function* () {
      const root = yield* aRoot()
      const scope = yield* Scope.make()
      const { start, root: ours } = yield* Scope.extend(loaded(place, root, [perl, perl]), scope)
      expect(warmProcesses()).toHaveLength(2)
      let begun = 0
      const run = Effect.gen(function* () {
        const work = yield* workDirectory(ours)
        const end = yield* start("ffmpeg", ["-e", '$| = 1; print "on"; sleep 600'], work, {
          onStdout: () => begun++
        })
        return yield* end
      }).pipe(Effect.scoped, Effect.either)
      const runs = yield* Effect.fork(Effect.forEach([1, 2, 3], () => run, { concurrency: 3 }))
      yield* until(() => begun === 3)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.join(runs)).toMatchObject([{ _tag: "Left" }, { _tag: "Left" }, { _tag: "Left" }])
      expect(warmProcesses()).toEqual([])
      expect(yield* remainsOf(root.path)).toEqual([])
    })
  )

  it.scopedLive("a changed program is loaded anew", () =>
    Effect.gen(function* () {
      const copy = join(folder, `perl ${place}`)
      copyFileSync(perl, copy)
      execFileSync("chmod", ["755", copy])
      const { start, root } = yield* loaded(place, yield* aRoot(), [copy, perl], { lookMillis: 0 })
      const parent = Effect.map(
        told(start, root, "ffmpeg", ["-e", "print getppid()"]),
        ({ stdout }) => stdout
      )
      const before = warmProcesses()
      yield* parent
      expect(warmProcesses()).toEqual(before)
      copyFileSync(perl, `${copy}.new`)
      execFileSync("chmod", ["755", `${copy}.new`])
      execFileSync("mv", [`${copy}.new`, copy])
      yield* parent
      yield* until(() => warmProcesses().length === 2)
      expect(warmProcesses()).not.toEqual(before)
    })
  )
})

const until = (good: () => boolean) =>
  Effect.repeat(Effect.sync(good), { until: (is) => is, schedule: Schedule.spaced("20 millis") })

/** Of the largest process. A fork has the name too until its program begins, and may end before it is read. */
const residentBytes = () => Math.max(...warmProcesses().map(residentBytesOf))

const residentBytesOf = (id: string): number => {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

const aClip = (): string => {
  const clip = join(folder, "clip.mp4")
  const source = ["-f", "lavfi", "-i", "testsrc2=s=160x120:d=1"]
  if (!existsSync(clip)) execFileSync(ffmpeg, ["-nostdin", "-v", "error", ...source, "-c:v", "mpeg4", clip])
  return clip
}

describe.runIf(process.platform === "linux")("a start of one", () => {
  const started = (
    file: string,
    filter: Buffer,
    use: (begin: Exclude<Awaited<ReturnType<typeof startWarm>>, string>) => Promise<unknown>
  ) =>
    Effect.gen(function* () {
      const root = yield* aRoot()
      const helper = yield* Effect.promise(() => openHelper(helperBytes() ?? Buffer.alloc(0), root))
      const confined = { filter, readable: [], writable: [], userNamespaces: false }
      const warm = yield* Effect.promise(() =>
        startWarm({ file, args: [], env: warmVariables() }, helper.fd, { confined })
      )
      yield* Effect.promise(() => helper.close())
      if (typeof warm === "string") return warm
      yield* Effect.promise(async () => {
        await use(warm)
        await warm.end()
      })
      return "it waits"
    })

  it.live.runIf(hasCompiler)("finds out that a program is linked statically, or ends at once", () =>
    Effect.gen(function* () {
      writeFileSync(join(folder, "static.c"), "int main(void) { return 0; }")
      const program = join(folder, "static")
      execFileSync("gcc", ["-static", "-o", program, join(folder, "static.c")])
      expect(yield* started(program, Buffer.alloc(8), async () => {})).toMatch(/linked statically/)
      expect(yield* started("/no/such/program", Buffer.alloc(8), async () => {})).toBe(
        "it does not start (ENOENT)"
      )
      expect(yield* started(perl, Buffer.alloc(8), async () => {})).toBe("it waits")
    })
  )

  it.live("lets no run begin whose confinement fails", () =>
    Effect.gen(function* () {
      const work = join(folder, "unconfined")
      for (const name of ["in", "out"]) mkdirSync(join(work, name), { recursive: true })
      const request = {
        in: join(work, "in"),
        out: join(work, "out"),
        user: undefined,
        limits: [],
        args: ["perl", "-e", "print 1"],
        env: {}
      }
      let output = ""
      const sinks = { onStdout: (chunk: Uint8Array) => (output += Buffer.from(chunk)), onStderr: () => {} }
      const ends: Array<unknown> = []
      // A filter of nonsense.
      yield* started(perl, Buffer.alloc(8, 255), async (warm) => {
        ends.push((await warm.begin(request, sinks).ended)?.failure)
        ends.push((await warm.begin({ ...request, in: "/no/such" }, sinks).ended)?.failure)
        ends.push((await warm.begin({ ...request, out: "/no/such/out" }, sinks).ended)?.failure)
        ends.push(
          (await warm.begin({ ...request, limits: [{ name: "nofile", soft: 9, hard: 8 }] }, sinks).ended)
            ?.failure
        )
      })
      expect(ends).toEqual([
        "system call filter: EINVAL",
        "folder: ENOENT",
        "rules: ENOENT",
        "limits: EINVAL"
      ])
      expect(output).toBe("")
    })
  )
})
