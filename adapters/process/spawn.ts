import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process"
import { promisify } from "node:util"

/**
 * The only place that starts processes. When a descriptor, a process or memory is missing (EMFILE, EAGAIN,
 * ENOMEM), Node throws, or emits `error` on a child without streams, or both; without a listener that event
 * would end this process.
 */

/** How a process ended. */
export type ProcessEnd =
  | { readonly _tag: "Exited"; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly _tag: "NotStarted"; readonly error: NodeJS.ErrnoException }

/** A process that was started, or that failed to start. */
export interface Started {
  /**
   * Has no `pid` and no streams when the process could not be started. Errors of its streams are ignored:
   * `ended` reports its end.
   */
  readonly child: Partial<ChildProcess>
  /** Resolves when the process has exited and its output is read. Never rejects. */
  readonly ended: Promise<ProcessEnd>
}

/** Starts a program. */
export const start = (file: string, args: ReadonlyArray<string>, options: SpawnOptions): Started => {
  try {
    const child = spawn(file, args, options)
    const ended = new Promise<ProcessEnd>((resolve) => {
      child.on("error", (error: NodeJS.ErrnoException) => {
        if (child.pid === undefined) resolve({ _tag: "NotStarted", error })
      })
      child.once("close", (code, signal) => {
        if (child.pid !== undefined) resolve({ _tag: "Exited", code, signal })
      })
    })
    // Undefined, despite its type, when there was no descriptor for a pipe.
    for (const stream of (child.stdio as ChildProcess["stdio"] | undefined) ?? [])
      stream?.on("error", () => {})
    return { child, ended }
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException
    return { child: {}, ended: Promise.resolve({ _tag: "NotStarted", error }) }
  }
}

/** What a program printed. */
export interface ProcessOutput {
  readonly stdout: string
  readonly stderr: string
  /** Why it was not started, or did not exit by itself. */
  readonly failure?: string
}

/** Options of `output`. */
export interface OutputOptions {
  readonly env: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly signal?: AbortSignal
  /** Seconds until the program is killed. What it wrote until then is returned. */
  readonly seconds?: number
}

const outputBytes = 2 ** 24

/** Runs a program until it exits, with any exit code. Never rejects. */
export const output = async (
  file: string,
  args: ReadonlyArray<string>,
  options: OutputOptions
): Promise<ProcessOutput> => {
  const { seconds = 0, ...rest } = options
  const limits = { timeout: seconds * 1000, killSignal: "SIGKILL", maxBuffer: outputBytes } as const
  try {
    return await promisify(execFile)(file, args, { ...rest, ...limits })
  } catch (cause) {
    const { stdout = "", stderr = "", code, killed, signal } = cause as Partial<ProcessOutput> & ExecFailure
    const outOfTime = killed === true && code === null
    return {
      stdout,
      stderr,
      ...(typeof code !== "number" && !outOfTime && { failure: `${code ?? signal ?? cause}` })
    }
  }
}

interface ExecFailure {
  /** The exit code, or a name such as ENOENT. Null when a signal ended it. */
  readonly code?: number | string | null
  readonly signal?: string | null
  readonly killed?: boolean
}
