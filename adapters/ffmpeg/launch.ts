import { Clock, Effect, type Scope } from "effect"
import { execa } from "execa"
import type { Unavailable } from "../../core/errors.js"
import { unavailable } from "./disk.js"
import type { WorkDirectory } from "./workdir.js"

/** A program to run over a work directory, as seen from inside: its working directory is the folder of inputs. */
export interface Command {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly work: WorkDirectory
}

/** What is really started. */
export interface Invocation {
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
}

/** How a command becomes a process: as it is, tied to our life, or inside a sandbox. */
export interface Launcher {
  readonly name: string
  readonly invocation: (command: Command) => Invocation
}

export const plainLauncher: Launcher = {
  name: "plain",
  invocation: ({ program, args, work }) => ({ file: program, args, cwd: work.in })
}

/**
 * The kernel kills the process when ours dies, also by SIGKILL. Costs 1 ms a start (measured: 2.9 ms against 2.0 ms).
 * setpriv replaces itself by the program, so the process id is ffmpeg's own.
 */
export const tiedLauncher: Launcher = {
  name: "tied",
  invocation: ({ program, args, work }) => ({ file: "setpriv", args: ["--pdeathsig", "KILL", "--", program, ...args], cwd: work.in })
}

export interface LaunchOptions {
  readonly launcher: Launcher
  /** Where programs are looked for: the only thing of our environment that a process gets. */
  readonly searchPath: string
  /** From SIGTERM to SIGKILL. ffmpeg ignores the former while it evaluates an expression that does not end. */
  readonly killSeconds: number
  readonly onStdout: (chunk: Uint8Array) => void
  readonly onStderr: (chunk: Uint8Array) => void
}

export interface Ended {
  /** Null when a signal ended the process. */
  readonly code: number | null
  readonly signal: string | null
  /** Wall time. */
  readonly seconds: number
}

/**
 * Starts a process that lives no longer than the scope: its group is ended, and its exit and the end of its output are
 * awaited, before the scope is closed. Gives the wait for its own end; `Unavailable` when it could not be started.
 */
export const launch = (command: Command, options: LaunchOptions): Effect.Effect<Effect.Effect<Ended, Unavailable>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeNanos
    const { ended } = yield* Effect.acquireRelease(
      Effect.sync(() => start(command, options)),
      ({ stop }) => Effect.promise(stop)
    )
    return Effect.gen(function* () {
      const result = yield* Effect.promise(() => ended)
      if (result.exitCode === undefined && result.signal === undefined) {
        return yield* unavailable(`could not start ${command.program} (${result.code ?? "no code"})`, result.cause)
      }
      // What env and setpriv answer when there is no such program, or no right to start it; ffmpeg ends with neither.
      if (result.exitCode === 126 || result.exitCode === 127) return yield* unavailable(`could not start ${command.program}`)
      const seconds = Number((yield* Clock.currentTimeNanos) - startedAt) / 1e9
      return { code: result.exitCode ?? null, signal: result.signal ?? null, seconds }
    })
  })

const start = (command: Command, { launcher, searchPath, killSeconds, onStdout, onStderr }: LaunchOptions) => {
  const { file, args, cwd } = launcher.invocation(command)
  const child = execa(file, args, {
    cwd,
    env: { PATH: searchPath, HOME: command.work.path, LANG: "C.UTF-8" },
    extendEnv: false,
    stdin: "ignore",
    buffer: false,
    // A group of its own, so that a signal reaches whatever the process started.
    detached: true,
    // execa's own cleanup hangs on the exit of this process and would not see the group.
    cleanup: false,
    reject: false
  })
  child.stdout.on("data", onStdout)
  child.stderr.on("data", onStderr)
  let over = false
  const ended = child.then((result) => {
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
    signal("SIGTERM")
    const timer = setTimeout(() => signal("SIGKILL"), killSeconds * 1000)
    await ended
    clearTimeout(timer)
  }
  return { ended, stop }
}
