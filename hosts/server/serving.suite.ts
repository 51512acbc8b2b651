import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readdirSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { mountsFrom } from "../../adapters/ffmpeg/sandbox/remains.suite.js"

/** The server as operators run it: the built command, in its own process. */

const program = fileURLToPath(new URL("../../dist/cli/ffkiln.js", import.meta.url))

export interface Running {
  readonly child: ChildProcess
  /** The lines that it has printed on stdout and stderr so far. */
  readonly lines: ReadonlyArray<string>
  readonly errors: () => string
  /** Sends a signal and waits for the exit: exit code and signal. */
  readonly end: (signal: NodeJS.Signals) => Promise<readonly [number | null, NodeJS.Signals | null]>
}

export interface Serving extends Running {
  readonly url: string
}

export const authorization = `Basic ${Buffer.from("test:secret-of-test").toString("base64")}`

type Environment = Readonly<Record<string, string>>

/** The environment without settings of ffkiln and without cloud accounts of whoever runs the tests. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(FFKILN|AWS)_/.test(name))
)
/** Without these the SDK would ask the network for credentials. */
const noCloud = {
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  // Its warning about the version of Node is not under test.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true"
}

/** Starts a command of ffkiln. */
export const run = (
  command: string,
  args: ReadonlyArray<string>,
  environment?: Environment,
  starter?: ReadonlyArray<string>
) => runAll([command, ...args], environment, starter)

/** Starts ffkiln with any arguments. `starter`: a command line that runs another one. */
export const runAll = (
  args: ReadonlyArray<string>,
  environment: Environment = {},
  starter: ReadonlyArray<string> = []
) => {
  const [file = process.execPath, ...rest] = [...starter, process.execPath, program, ...args]
  return spawn(file, rest, {
    env: { ...inherited, ...noCloud, FFKILN_API_KEYS: "test:secret-of-test", ...environment },
    stdio: ["ignore", "pipe", "pipe"]
  })
}

export const start = (
  args: ReadonlyArray<string>,
  environment?: Environment,
  starter?: ReadonlyArray<string>
) => run("serve", args, environment, starter)

/** The output and exit code of a command that ends by itself. */
export const ended = async (child: ReturnType<typeof run>) => {
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")])
  return { code: code as number | null, out, err }
}

/** Resolves with the match of the first matching line. Rejects when the process ends before. */
const printed = async (
  child: ReturnType<typeof run>,
  pattern: RegExp
): Promise<Running & { readonly found: RegExpExecArray }> => {
  const lines: Array<string> = []
  let errors = ""
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>
  const found = new Promise<RegExpExecArray>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      lines.push(line)
      const match = pattern.exec(line)
      if (match !== null) resolve(match)
    })
    child.stderr.on("data", (piece) => {
      errors += piece
    })
    exit.then(([code]) => reject(new Error(`the process ended with ${code}: ${errors}`)))
  })
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return exit
  }
  return { child, lines, errors: () => errors, end, found: await found }
}

/** Starts a command of ffkiln, and waits for a matching line. */
export const running = async (
  command: string,
  args: ReadonlyArray<string>,
  line: RegExp,
  environment?: Environment
): Promise<Running> => {
  const { found: _, ...process } = await printed(run(command, args, environment), line)
  return process
}

/** Starts a server on a free port, and waits until it accepts requests. */
export const serving = async (
  dataDir: string,
  args: ReadonlyArray<string> = [],
  environment: Environment = {},
  starter: ReadonlyArray<string> = []
): Promise<Serving> => {
  const child = start(["--port", "0", "--data", dataDir, ...args], environment, starter)
  const { found, ...running } = await printed(child, /^ffkiln listening on (http:\/\/\S+)$/)
  return { ...running, url: found[1] ?? "" }
}

/** Starts a worker with a health endpoint on a free port, and waits until it is ready. */
export const working = async (
  dataDir: string,
  args: ReadonlyArray<string> = [],
  environment: Environment = {}
): Promise<Serving> => {
  const child = run("worker", ["--port", "0", "--data", dataDir, ...args], environment)
  const { found: _, ...running } = await printed(child, /^ffkiln worker ready$/)
  const [, url = ""] =
    running.lines.map((line) => /^health: (\S+)$/.exec(line)).find((match) => match !== null) ?? []
  return { ...running, url }
}

export const post = async (url: string, path: string, body: unknown) => {
  const reply = await fetch(url + path, {
    method: "POST",
    headers: { authorization },
    body: JSON.stringify(body)
  })
  // biome-ignore lint/suspicious/noExplicitAny: answers are what the tests look into
  return { status: reply.status, headers: reply.headers, body: (await reply.json()) as any }
}

export const get = async (url: string, path: string) => {
  const reply = await fetch(url + path, { headers: { authorization } })
  // biome-ignore lint/suspicious/noExplicitAny: answers are what the tests look into
  return { status: reply.status, body: (await reply.json()) as any }
}

/** Registers and uploads a file. Returns its `dir_id/file_name`. */
export const uploaded = async (url: string, name: string, bytes: Uint8Array): Promise<string> => {
  const { body } = await post(url, "/file", { file_name: name })
  await fetch(body.upload.url, { method: "PUT", body: bytes })
  return body.file.file_path
}

/**
 * Processes of ffmpeg and ffprobe that a server has started below the folder: it is their home, or mounted in
 * their sandbox.
 */
export const processesUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      if (!/^ff(mpeg|probe)\n$/.test(readFileSync(`/proc/${pid}/comm`, "utf8"))) return false
      if (readFileSync(`/proc/${pid}/environ`, "utf8").includes(`HOME=${folder}`)) return true
      return mountsFrom(readFileSync(`/proc/${pid}/mountinfo`, "utf8"), `${basename(folder)}/`)
    } catch {
      return false
    }
  })

/** Those that run a task; a host also starts ffmpeg to list its capabilities. */
export const runsUnder = (folder: string): ReadonlyArray<string> =>
  processesUnder(folder).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0-progress\0")
    } catch {
      return false
    }
  })

/** Waits until the condition holds. The test's time limit ends a condition that never does. */
export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}
