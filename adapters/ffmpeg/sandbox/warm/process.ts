import { readdirSync, readFileSync } from "node:fs"
import type { Duplex } from "node:stream"
import { start } from "../../../process/spawn.js"
import {
  frameReader,
  type Hello,
  helperVersion,
  kinds,
  type RunEnd,
  type RunRequest,
  readEnd,
  readHello,
  type Setup,
  setupFrame,
  signalFrame,
  startFrame
} from "./protocol.js"

/** How a program is started that is to wait for runs. */
export interface WarmInvocation {
  readonly file: string
  readonly args: ReadonlyArray<string>
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
}

export interface WarmRun {
  /** Resolves when the run has ended and its output is read; undefined when the process that it was forked from is gone. */
  readonly ended: Promise<RunEnd | undefined>
  /** To its whole group. */
  readonly signal: (name: "SIGTERM" | "SIGKILL") => void
}

export interface OutputSinks {
  readonly onStdout: (chunk: Uint8Array) => void
  readonly onStderr: (chunk: Uint8Array) => void
}

/** A program that is loaded and waits before its `main`: each run is a fork of it. */
export interface WarmProcess {
  readonly hello: Hello
  readonly begin: (request: RunRequest, sinks: OutputSinks) => WarmRun
  /** How many runs it has begun. */
  readonly begun: () => number
  readonly alive: () => boolean
  /** It ends when its last run has. */
  readonly retire: () => void
  /** Ends it and all its runs; resolves when it is gone. */
  readonly end: () => Promise<void>
  /** Resolves when it is gone. */
  readonly gone: Promise<unknown>
  /** Its id, or that of the sandbox around it. */
  readonly pid: number
}

/**
 * What a program is started with that is to wait. The helper is the descriptor that `startWarm` passes on. The second tells of
 * descriptors that nobody meant to pass on; how long it is leaves room for the environment of runs.
 */
export const warmVariables = (): Readonly<Record<string, string>> => ({
  LD_PRELOAD: `/proc/self/fd/${helperDescriptor}`,
  FFKILN_WARM: inherited().join(",").padEnd(4096, ",")
})

/**
 * What it is told: nothing that it looks at, but the room in which its runs show their arguments. A program that does not wait
 * tells its version and ends.
 */
export const warmArguments: ReadonlyArray<string> = ["-version", " ".repeat(16 * 1024)]

const helperDescriptor = 4
const closeOnExec = 0o2000000

/** Descriptors of ours that every program gets that we start, because whoever started us left them open. */
const inherited = (): ReadonlyArray<number> =>
  readdirSync("/proc/self/fd")
    .map(Number)
    .filter((descriptor) => descriptor > helperDescriptor && !closes(descriptor))

const closes = (descriptor: number): boolean => {
  try {
    const [, flags = "0"] =
      /^flags:\t([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")) ?? []
    return (Number.parseInt(flags, 8) & closeOnExec) !== 0
  } catch {
    return true
  }
}

/** A program that never waits, because it can't be preloaded or runs its own `main`, has long ended by then. */
const helloMillis = 20_000

const wordsKept = 2000

/**
 * Right away a process with a loader asks for descriptor 4, where the helper is, and the helper for 3. Gives why, in a few
 * words, where the program does not wait. `helper` is an open file, and stays the caller's.
 */
export const startWarm = async (
  invocation: WarmInvocation,
  helper: number,
  setup: Setup
): Promise<WarmProcess | string> => {
  const { child, ended } = start(invocation.file, invocation.args, {
    cwd: "/",
    env: invocation.env,
    stdio: ["ignore", "ignore", "pipe", "pipe", helper],
    detached: true
  })
  let words = ""
  child.stderr?.on("data", (chunk: Buffer) => {
    if (words.length < wordsKept) words += chunk
  })
  const socket = child.stdio?.[3] as
    | (Duplex & { readonly ref: () => void; readonly unref: () => void })
    | undefined
  if (child.pid === undefined || socket === undefined) {
    const end = await ended
    return `it does not start (${end._tag === "NotStarted" ? end.error.code : "without a socket"})`
  }
  const { pid } = child
  const runs = new Map<
    number,
    { readonly sinks: OutputSinks; readonly over: (end: RunEnd | undefined) => void }
  >()
  let begun = 0
  let open = true
  let retired = false
  const kill = () => {
    if (open) tryTo(() => process.kill(-pid, "SIGKILL"))
  }
  // Nothing of it keeps our process from ending but a run.
  const held = (is: boolean) => (is ? socket.ref() : socket.unref())
  // Not at once: whoever was given this process may be about to begin a run.
  const leave = () => {
    if (retired)
      setImmediate(() => {
        if (runs.size === 0) socket.end()
      })
  }
  const lost = () => {
    open = false
    const all = [...runs.values()]
    runs.clear()
    for (const { over } of all) over(undefined)
  }
  const hello = new Promise<Hello | undefined>((resolve) => {
    const read = frameReader(({ kind, run, content }) => {
      if (kind === kinds.hello) return resolve(readHello(content))
      const known = runs.get(run)
      if (known === undefined) return
      if (kind === kinds.stdout) known.sinks.onStdout(content)
      else if (kind === kinds.stderr) known.sinks.onStderr(content)
      else if (kind === kinds.ended) {
        runs.delete(run)
        if (runs.size === 0) held(false)
        leave()
        known.over(readEnd(content))
      }
    })
    socket.on("data", (piece: Buffer) => {
      try {
        read(piece)
      } catch {
        // What makes no sense is said by something else than our helper.
        kill()
      }
    })
    const gone = () => {
      lost()
      resolve(undefined)
    }
    socket.once("close", () => {
      kill()
      gone()
    })
    void ended.then(gone)
    const timer = setTimeout(() => {
      kill()
      gone()
    }, helloMillis)
    void ended.then(() => clearTimeout(timer))
    socket.once("data", () => clearTimeout(timer))
  })
  const end = async () => {
    if (open) socket.end()
    const timer = setTimeout(kill, 1000)
    await ended
    clearTimeout(timer)
  }
  const said = await hello
  const why = said === undefined ? whyNot(words) : unfit(said)
  if (said === undefined || why !== undefined) {
    kill()
    await ended
    return why ?? "it does not wait"
  }
  socket.write(setupFrame(setup))
  child.unref?.()
  ;(child.stderr as unknown as typeof socket | null)?.unref()
  held(false)
  return {
    hello: said,
    pid,
    gone: ended,
    begun: () => begun,
    alive: () => open && !retired,
    begin: (request, sinks) => {
      const id = ++begun
      const over = new Promise<RunEnd | undefined>((resolve) => {
        if (!open) return resolve(undefined)
        runs.set(id, { sinks, over: resolve })
        held(true)
        socket.write(startFrame(id, request))
      })
      const signal = (name: "SIGTERM" | "SIGKILL") => {
        if (open && runs.has(id)) socket.write(signalFrame(id, name))
      }
      return { ended: over, signal }
    },
    retire: () => {
      retired = true
      leave()
    },
    end
  }
}

/** What it said instead, if that was the loader's. */
const whyNot = (words: string): string => {
  const complaint = words
    .split("\n")
    .find(
      (line) => line.includes("LD_PRELOAD") || line.includes("error while loading") || /^bwrap: /.test(line)
    )
  return complaint === undefined
    ? "it can't be preloaded, as with programs that are linked statically"
    : complaint.trim()
}

const unfit = ({ version, threads, descriptors }: Hello): string | undefined => {
  if (version !== helperVersion) return "its helper is of another version"
  if (threads !== 1) return "it makes threads before it begins"
  return descriptors > 0 ? "it opens files before it begins" : undefined
}

const tryTo = (act: () => void) => {
  try {
    act()
  } catch {}
}
