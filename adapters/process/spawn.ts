import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process"
import { promisify } from "node:util"

/**
 * The only place that starts processes. Without room for a descriptor, process or memory (EMFILE, EAGAIN, ENOMEM) Node throws,
 * or emits `error` on a child that has no streams, or both; without a listener that event would end our process.
 */

export type Ended =
  | { readonly _tag: "Exited"; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly _tag: "NotStarted"; readonly error: NodeJS.ErrnoException }

export interface Started {
  /** Without `pid` and streams when it could not be started. Errors of its streams are ignored: `ended` reports its end. */
  readonly child: Partial<ChildProcess>
  /** Resolves when the process has exited and its output is read. Never rejects. */
  readonly ended: Promise<Ended>
}

export const start = (file: string, args: ReadonlyArray<string>, options: SpawnOptions): Started => {
  try {
    const child = spawn(file, args, options)
    const ended = new Promise<Ended>((resolve) => {
      child.on("error", (error: NodeJS.ErrnoException) => {
        if (child.pid === undefined) resolve({ _tag: "NotStarted", error })
      })
      child.once("close", (code, signal) => {
        if (child.pid !== undefined) resolve({ _tag: "Exited", code, signal })
      })
    })
    // Undefined, whatever the type says, where there was no descriptor for a pipe.
    for (const stream of (child.stdio as ChildProcess["stdio"] | undefined) ?? []) stream?.on("error", () => {})
    return { child, ended }
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException
    return { child: {}, ended: Promise.resolve({ _tag: "NotStarted", error }) }
  }
}

export interface Output {
  readonly stdout: string
  readonly stderr: string
  /** Why it was not started, or did not end by itself. */
  readonly failure?: string
}

export interface OutputOptions {
  readonly env: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly signal?: AbortSignal
  /** Killed after that time. What it wrote until then is its output. */
  readonly seconds?: number
}

const outputBytes = 2 ** 24

/** Runs a program to its end, whatever its exit code. Never rejects. */
export const output = async (file: string, args: ReadonlyArray<string>, options: OutputOptions): Promise<Output> => {
  const { seconds = 0, ...rest } = options
  const limits = { timeout: seconds * 1000, killSignal: "SIGKILL", maxBuffer: outputBytes } as const
  try {
    return await promisify(execFile)(file, args, { ...rest, ...limits })
  } catch (cause) {
    const { stdout = "", stderr = "", code, killed, signal } = cause as Partial<Output> & ExecFailure
    const outOfTime = killed === true && code === null
    return { stdout, stderr, ...(typeof code !== "number" && !outOfTime && { failure: `${code ?? signal ?? cause}` }) }
  }
}

interface ExecFailure {
  /** The exit code, or a name such as ENOENT. Null when a signal ended it. */
  readonly code?: number | string | null
  readonly signal?: string | null
  readonly killed?: boolean
}
