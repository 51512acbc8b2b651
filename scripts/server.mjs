import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { constants } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { endings } from "./child.mjs"
import { place } from "./setup/places.mjs"
import { Problem } from "./setup/problem.mjs"

/**
 * A running server: its address, a header with its first key, and a signal that is aborted when it or this program is to end.
 * @typedef {{ readonly url: string, readonly authorization: string, readonly signal: AbortSignal }} Server
 */

/** A stopping server drains for half a minute at most; this is only for one that hangs. */
const stopMs = 45_000

/** Settings of this terminal's own server are none of a throwaway one's, which serves nobody else: it starts without a sandbox too. */
const cleanEnv = () => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("FFKILN_"))),
  FFKILN_SANDBOX: "preferred"
})

/** Reads what the server prints until it has named its address and its first key. @param {import("node:stream").Readable} out */
const announced = async (out) => {
  let authorization
  for await (const line of createInterface(out)) {
    authorization ??= /Authorization: (Basic \S+)/.exec(line)?.[1]
    const url = /^ffkiln listening on (http:\S+)$/.exec(line)?.[1]
    if (url !== undefined && authorization !== undefined) return { url, authorization }
  }
  throw new Problem("the server ended before it was ready")
}

/**
 * Starts a server with an empty data folder on a free port of this machine, runs `body`, and stops the server as a service
 * manager would: SIGTERM, then it has to end with 0. The data goes with it, also when `body` fails or a signal comes.
 * @param {string} folder where the data may lie meanwhile
 * @param {(server: Server) => Promise<void>} body
 */
export const withServer = async (folder, body) => {
  const data = mkdtempSync(join(folder, "data-"))
  const args = [place("dist", "cli", "ffkiln.js"), "serve", "--host", "127.0.0.1", "--port", "0", "--data", data]
  console.log(`# Start a server\nnpm start -- ${args.slice(2, -1).join(" ")} "${data}"`)
  // In a group of its own, so that Ctrl-C does not reach it: the second signal a server gets cuts its draining short.
  const detached = process.platform !== "win32"
  const child = spawn(process.execPath, args, { env: cleanEnv(), stdio: ["ignore", "pipe", "inherit"], detached })
  const exited = once(child, "exit")
  let told = false
  const end = () => {
    if (!told) child.kill("SIGTERM")
    told = true
  }
  const stopping = new AbortController()
  const stop = (/** @type {NodeJS.Signals} */ signal) => {
    process.exitCode = 128 + constants.signals[signal]
    stopping.abort(new Problem(`stopped by ${signal}`))
    end()
  }
  for (const signal of endings) process.on(signal, stop)
  try {
    const server = await announced(child.stdout)
    stopping.signal.throwIfAborted()
    console.log(`ffkiln listening on ${server.url}`)
    child.stdout.resume()
    await body({ ...server, signal: stopping.signal })
  } finally {
    end()
    const patience = new AbortController()
    const hung = sleep(stopMs, undefined, { signal: patience.signal }).then(
      () => child.kill("SIGKILL"),
      () => {}
    )
    await exited
    patience.abort()
    await hung
    for (const signal of endings) process.off(signal, stop)
    rmSync(data, { recursive: true, force: true })
  }
  if (child.exitCode !== 0) throw new Problem(`the server ended with ${child.exitCode ?? child.signalCode} when it was told to stop`)
}
