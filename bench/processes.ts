import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { basename } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** Servers and workers as operators start them: the built command, each in its own process. */

/** Settings of a process. */
export interface Setup {
  /** The data directory. */
  readonly data: string
  readonly slots: number
  /** Environment variables. Of this process's own environment only PATH is passed on. */
  readonly environment: Readonly<Record<string, string>>
}

/** A process that was started. */
export interface Running {
  /** Stops the process and waits for its exit. */
  readonly stop: () => Promise<void>
}

/** A server with an HTTP client that has a key. */
export interface Server extends Running {
  readonly url: string
  // biome-ignore lint/suspicious/noExplicitAny: the bodies of the API
  readonly get: (path: string) => Promise<any>
  /** Posts JSON and returns the body of the response. Rejects when the response is a failure. */
  // biome-ignore lint/suspicious/noExplicitAny: the bodies of the API
  readonly post: (path: string, body: unknown) => Promise<any>
  /** Registers and uploads a local file. Returns its `dir_id/file_name`. */
  readonly upload: (path: string) => Promise<string>
}

/** Starts a server and returns a client with a key. */
export const serve = async (setup: Setup): Promise<Server> => {
  const { stop, found } = await start(["serve", "--port", "0"], setup, /^ffkiln listening on (http:\S+)$/)
  const ask = async (method: string, path: string, body?: string) => {
    const answer = await fetch(found + path, {
      method,
      headers: { Authorization: authorization },
      ...(body !== undefined && { body })
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
    return JSON.parse(text)
  }
  const post: Server["post"] = (path, body) => ask("POST", path, JSON.stringify(body))
  const upload = async (path: string) => {
    const { file, upload } = await post("/file", { file_name: basename(path) })
    const sent = await fetch(upload.url, { method: "PUT", body: await readFile(path) })
    if (!sent.ok) throw new Error(`the upload answered ${sent.status}`)
    return file.file_path as string
  }
  return { url: found, stop, post, upload, get: (path) => ask("GET", path) }
}

/** Starts a worker. */
export const work = (setup: Setup): Promise<Running> => start(["worker"], setup, /^ffkiln worker ready$/)

/** Starts a runner of the host at `url`, restricted to the CPU core `core` if given. */
export const runner = (
  setup: Setup & { readonly core?: number },
  url: string,
  token: string
): Promise<Running> =>
  start(["runner", "--url", url, "--token", token], setup, /^ffkiln runner ready$/, setup.core)

const cli = fileURLToPath(new URL("../cli/ffkiln.js", import.meta.url))
const credential = "bench:not-much-of-a-secret"
const authorization = `Basic ${Buffer.from(credential).toString("base64")}`

/** Starts a command and waits for its line that matches `ready`. `found` is the pattern's first group. */
const start = async (
  command: ReadonlyArray<string>,
  { data, slots, environment }: Setup,
  ready: RegExp,
  core?: number
) => {
  const [program = "", ...args] = [
    ...(core === undefined ? [] : ["taskset", "--cpu-list", `${core}`]),
    process.execPath,
    cli,
    ...command
  ]
  const child = spawn(program, [...args, "--data", data, "--slots", `${slots}`], {
    env: { PATH: process.env.PATH, FFKILN_API_KEYS: credential, ...environment },
    stdio: ["ignore", "pipe", "pipe"]
  })
  createInterface(child.stderr).on("line", (line) => {
    // The warning about the missing sandbox is expected.
    if (environment.FFKILN_SANDBOX !== "off" || !line.startsWith("WARNING: "))
      process.stderr.write(`${line}\n`)
  })
  for await (const line of createInterface(child.stdout)) {
    const match = ready.exec(line)
    if (match === null) continue
    child.stdout.resume()
    return { found: match[1] ?? "", stop: () => stop(child) }
  }
  throw new Error(`${command[0]} ended before it was ready`)
}

const stop = async (child: ChildProcess) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, "exit")
  child.kill("SIGTERM")
  await exited
}
