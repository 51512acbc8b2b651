import { readFileSync } from "node:fs"
import { constants } from "node:os"
import { isAbsolute } from "node:path"
import type { Duplex, Readable } from "node:stream"
import { Clock, Effect, type Scope } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import { start as startProcess } from "../../process/spawn.js"
import { disk, unavailable } from "../disk.js"
import { type HardLimits, prlimitCommand, type ResourceLimits } from "./rlimits.js"
import { handOver, takeBack, type WorkDirectory } from "./work-directory.js"

/** A program to run over a work directory, as seen from inside: its working directory is the folder of inputs. */
export interface Command {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly work: WorkDirectory
  readonly limits: ResourceLimits
  /** It may connect, within its sandbox, to what listens there, and is held until that is so. */
  readonly connects?: boolean
}

/** What is really started. */
export interface Invocation {
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  /** What it reads from the descriptors 3 and up. */
  readonly data?: ReadonlyArray<Uint8Array>
  /** The two descriptors after those: on the first it tells of its first process inside, on the second it waits for a byte. */
  readonly held?: boolean
}

/** How a command becomes a process: as it is, tied to our life, or inside a sandbox. */
export interface Launcher {
  readonly name: "plain" | "tied" | "sandboxed"
  readonly invocation: (command: Command) => Invocation
  /** More make it start nothing. */
  readonly maxArguments?: number
  /** Programs that stand before the command's own and complain under their own name when they can't start it. */
  readonly starters?: ReadonlyArray<string>
}

/** Where programs and their libraries are looked for is all that a process gets of our environment. */
export const plainLauncher = (searchPath: string, libraryPath?: string): Launcher => ({
  name: "plain",
  invocation: ({ program, args, work }) => ({
    file: program,
    args,
    cwd: work.in,
    env: environment(searchPath, libraryPath, work)
  })
})

/**
 * The kernel kills the process when ours dies, also by SIGKILL, and holds it to its limits. Both programs replace themselves
 * by the next, so the process id is ffmpeg's own. The limit of processes would count all that our user runs: it is left out.
 */
export const tiedLauncher = (searchPath: string, hostLimits: HardLimits, libraryPath?: string): Launcher => ({
  name: "tied",
  starters: ["setpriv", "prlimit"],
  invocation: ({ program, args, work, limits: { nproc: _, ...limits } }) => ({
    file: "setpriv",
    args: ["--pdeathsig", "KILL", "--", ...prlimitCommand("prlimit", limits, hostLimits), program, ...args],
    cwd: work.in,
    env: environment(searchPath, libraryPath, work)
  })
})

const environment = (searchPath: string, libraryPath: string | undefined, work: WorkDirectory) => ({
  ...{ PATH: searchPath, HOME: work.path, LANG: "C.UTF-8" },
  ...libraryVariable(libraryPath)
})

/** Any other folder would be one of where the process runs, and its files are callers'. */
export const libraryVariable = (libraryPath = ""): { readonly LD_LIBRARY_PATH?: string } => {
  const folders = libraryPath.split(/[:;]/).filter(isAbsolute).join(":")
  return folders === "" ? {} : { LD_LIBRARY_PATH: folders }
}

export interface LaunchOptions {
  readonly launcher: Launcher
  /** From SIGTERM to SIGKILL. ffmpeg ignores the former while it evaluates an expression that does not end. */
  readonly killSeconds: number
  readonly onStdout: (chunk: Uint8Array) => void
  readonly onStderr: (chunk: Uint8Array) => void
}

/**
 * What is to be done between the making of a sandbox and the start of the program in it; with the id of the sandbox's first
 * process. Without a sandbox it is not asked for.
 */
export type Prepare<E> = (pid: number) => Effect.Effect<void, E, Scope.Scope>

export interface Ended {
  /** Null when a signal ended the process. */
  readonly code: number | null
  readonly signal: string | null
  /** The system did not start it because of its arguments: the caller's affair, who made them. */
  readonly refused?: "E2BIG" | "EINVAL"
  /** Wall time. */
  readonly seconds: number
  /** What it used, where that is known. */
  readonly usage?: { readonly cpuSeconds: number; readonly peakBytes: number }
}

/** The programs that run over a work directory. */
export type Program = "ffmpeg" | "ffprobe"

export interface Sinks {
  readonly onStdout?: (chunk: Uint8Array) => void
  readonly onStderr?: (chunk: Uint8Array) => void
}

/** With `prepare` the process may connect, within its sandbox, to what was made to listen there before it starts. */
export type Start = <E = never>(
  program: Program,
  args: ReadonlyArray<string>,
  work: WorkDirectory,
  sinks: Sinks,
  prepare?: Prepare<E>
) => Effect.Effect<Effect.Effect<Ended, Unavailable>, Unavailable | E, Scope.Scope>

/**
 * Starts a process that lives no longer than the scope: its group is ended, and its exit and the end of its output are
 * awaited, before the scope is closed. Gives the wait for its own end; `Unavailable` when it could not be started.
 */
export const launch = <E = never>(
  command: Command,
  options: LaunchOptions,
  prepare?: Prepare<E>
): Effect.Effect<Effect.Effect<Ended, Unavailable>, Unavailable | E, Scope.Scope> =>
  Effect.gen(function* () {
    const { launcher } = options
    if (launcher.invocation(command).args.length > (launcher.maxArguments ?? Number.POSITIVE_INFINITY))
      return Effect.succeed(neverStarted("E2BIG"))
    // Node throws where there is one.
    if (command.args.some((arg) => arg.includes("\0"))) return Effect.succeed(neverStarted("EINVAL"))
    if (command.work.user !== undefined)
      yield* disk(`hand over ${command.work.in}`, () => handOver(command.work))
    const startedAt = yield* Clock.currentTimeNanos
    const { ended, firstWords, inside, release } = yield* Effect.acquireRelease(
      Effect.sync(() => start({ ...command, connects: prepare !== undefined }, options)),
      ({ stop }) => Effect.promise(stop)
    )
    const pid = prepare === undefined ? undefined : yield* Effect.promise(() => inside)
    // Where there is none it has ended already, and its end tells why.
    if (prepare !== undefined && pid !== undefined) yield* prepare(pid)
    release()
    return Effect.gen(function* () {
      const result = yield* Effect.promise(() => ended)
      if (result._tag === "NotStarted") {
        if (result.error.code === "E2BIG") return neverStarted("E2BIG")
        return yield* unavailable(
          `could not start ${command.program} (${result.error.code ?? "no code"})`,
          result.error
        )
      }
      const { code, signal } = result
      const complaint = code === 0 ? undefined : starterComplaint(options.launcher, firstWords())
      // 126 and 127 are what setpriv and prlimit answer when there is no such program, or no right to start it; ffmpeg ends with neither.
      if (complaint !== undefined || code === 126 || code === 127) {
        return yield* unavailable(
          `could not start ${command.program}${complaint === undefined ? "" : ` (${complaint})`}`
        )
      }
      const seconds = Number((yield* Clock.currentTimeNanos) - startedAt) / 1e9
      if (command.work.user !== undefined)
        yield* disk(`take back ${command.work.out}`, () => takeBack(command.work))
      return { ...endOf(options.launcher, code, signal), seconds }
    })
  })

export const neverStarted = (errno: NonNullable<Ended["refused"]>): Ended => ({
  code: null,
  signal: null,
  refused: errno,
  seconds: 0
})

/** The sandbox ends as the process in it did, and a signal becomes 128 and its number, as in a shell. */
const endOf = (
  { name }: Launcher,
  code: number | null,
  signal: string | null
): Pick<Ended, "code" | "signal"> => {
  const inside = name === "sandboxed" && code !== null && code > 128 ? signalNames.get(code - 128) : undefined
  return inside === undefined ? { code, signal } : { code: null, signal: inside }
}

const signalNames: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name])
)

/** They come before the program itself, so theirs are the first words on stderr. */
const starterComplaint = ({ starters = [] }: Launcher, words: string): string | undefined =>
  starters.some((starter) => words.startsWith(`${starter}: `)) ? words.split("\n")[0] : undefined

const firstBytes = 300

/**
 * Kills the first process of a sandbox, and by that all others in it; what we started waits for that and ends as well. Were it
 * told to end first, it would leave its child to the system's first process, which in a container often reaps nothing.
 * False when there is no such process yet.
 */
const killInside = (pid: number): boolean => {
  try {
    const [first = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ")
    return first !== "" && process.kill(Number(first), "SIGKILL")
  } catch {
    return false
  }
}

/** The id that bubblewrap tells of the first process inside; undefined when it ended before. */
const idTold = async (info: Readable): Promise<number | undefined> => {
  let text = ""
  try {
    for await (const chunk of info) text += chunk
  } catch {}
  const [, pid] = /"child-pid": (\d+)/.exec(text) ?? []
  return pid === undefined ? undefined : Number(pid)
}

const start = (command: Command, { launcher, killSeconds, onStdout, onStderr }: LaunchOptions) => {
  const { file, args, cwd, env, data = [], held = false } = launcher.invocation(command)
  const pipes = [...data, ...(held ? ["info", "gate"] : [])].map(() => "pipe" as const)
  const started = startProcess(file, args, {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe", ...pipes],
    // A group of its own, so that a signal reaches whatever the process started.
    detached: true
  })
  const { child } = started
  const extra = (child.stdio ?? []).slice(3) as unknown as ReadonlyArray<Duplex>
  for (const [index, bytes] of data.entries()) extra[index]?.end(bytes)
  let words = ""
  child.stdout?.on("data", onStdout)
  child.stderr?.on("data", (chunk: Buffer) => {
    if (words.length < firstBytes) words += chunk.toString("utf8", 0, firstBytes)
    onStderr(chunk)
  })
  let over = false
  const [info, gate] = extra.slice(data.length)
  const inside = info === undefined ? Promise.resolve(undefined) : idTold(info)
  const ended = started.ended.then((result) => {
    over = true
    return result
  })
  const signal = (name: "SIGTERM" | "SIGKILL") => {
    // The group may be gone between our look and the call.
    if (over || child.pid === undefined) return
    try {
      process.kill(-child.pid, name)
    } catch {}
  }
  const stop = async () => {
    if (launcher.name !== "sandboxed" || child.pid === undefined || over || !killInside(child.pid))
      signal("SIGTERM")
    const timer = setTimeout(() => signal("SIGKILL"), killSeconds * 1000)
    await ended
    clearTimeout(timer)
  }
  return { ended, stop, firstWords: () => words, inside, release: () => gate?.end("x") }
}
