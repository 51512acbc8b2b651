import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readdirSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** The server as operators run it: the built command, as a process of its own. */

const command = fileURLToPath(new URL("../../dist/hosts/cli/main.js", import.meta.url))

export interface Serving {
  readonly child: ChildProcess
  readonly url: string
  readonly lines: ReadonlyArray<string>
  /** Sends a signal and waits for the end: exit code and signal. */
  readonly end: (signal: NodeJS.Signals) => Promise<readonly [number | null, NodeJS.Signals | null]>
}

export const authorization = `Basic ${Buffer.from("test:secret-of-test").toString("base64")}`

export const start = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  spawn(process.execPath, [command, "serve", ...args], {
    env: { ...process.env, FFKILN_API_KEYS: "test:secret-of-test", ...environment },
    stdio: ["ignore", "pipe", "pipe"]
  })

/** Ready to take requests, on a port of its own. */
export const serving = async (
  dataDir: string,
  args: ReadonlyArray<string> = [],
  environment: Readonly<Record<string, string>> = {}
): Promise<Serving> => {
  const child = start(["--port", "0", "--data", dataDir, ...args], environment)
  const lines: Array<string> = []
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>
  const ready = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      lines.push(line)
      const [, url] = /^ffkiln listening on (http:\/\/\S+)$/.exec(line) ?? []
      if (url !== undefined) resolve(url)
    })
    let errors = ""
    child.stderr.on("data", (piece) => {
      errors += piece
    })
    exit.then(([code]) => reject(new Error(`the server ended with ${code}: ${errors}`)))
  })
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return exit
  }
  return { child, url: await ready, lines, end }
}

export const post = async (url: string, path: string, body: unknown) => {
  const reply = await fetch(url + path, { method: "POST", headers: { authorization }, body: JSON.stringify(body) })
  // biome-ignore lint/suspicious/noExplicitAny: answers are what the tests look into
  return { status: reply.status, headers: reply.headers, body: (await reply.json()) as any }
}

export const get = async (url: string, path: string) => {
  const reply = await fetch(url + path, { headers: { authorization } })
  // biome-ignore lint/suspicious/noExplicitAny: answers are what the tests look into
  return { status: reply.status, body: (await reply.json()) as any }
}

/** Registers a file and uploads it: its `dir_id/file_name`. */
export const uploaded = async (url: string, name: string, bytes: Uint8Array): Promise<string> => {
  const { body } = await post(url, "/file", { file_name: name })
  await fetch(body.upload.url, { method: "PUT", body: bytes })
  return body.file.file_path
}

/** Processes of ffmpeg and ffprobe that a server of ours started below the folder: it is their home, or mounted in their sandbox. */
export const processesUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      if (!/^ff(mpeg|probe)\n$/.test(readFileSync(`/proc/${pid}/comm`, "utf8"))) return false
      if (readFileSync(`/proc/${pid}/environ`, "utf8").includes(`HOME=${folder}`)) return true
      // Written with escapes, and without what lies above the mount that the folder is in.
      return readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes(`${basename(folder).replaceAll(" ", "\\040")}/`)
    } catch {
      return false
    }
  })

/** Waits until it holds; a condition that never does is ended by the test's own time limit. */
export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}
