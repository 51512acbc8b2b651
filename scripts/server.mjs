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
 * A running server: its URL, a header with its first key, and a signal that aborts when the server or this
 * program must end.
 * @typedef {{ readonly url: string, readonly authorization: string, readonly signal: AbortSignal }} Server
 */

/** Milliseconds until a server that hangs is killed; draining takes at most half a minute. */
const stopMs = 45_000

/**
 * The environment without settings of ffkiln, which are for another server. Nothing else uses this server, so
 * it also starts without a sandbox.
 */
const cleanEnv = () => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("FFKILN_"))),
  FFKILN_SANDBOX: "preferred"
})

/**
 * Reads what the server prints until it has printed its URL and its first key.
 * @param {import("node:stream").Readable} out
 */
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
 * Starts a server with an empty data directory on a free port, runs `body`, and stops the server by SIGTERM;
 * its exit code must be 0. The data is removed at the end, also after a failure or a signal.
 * @param {string} folder for the temporary data
 * @param {(server: Server) => Promise<void>} body
 */
export const withServer = async (folder, body) => {
  const data = mkdtempSync(join(folder, "data-"))
  const args = [
    place("dist", "cli", "ffkiln.js"),
    "serve",
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    "--data",
    data
  ]
  console.log(`# Start a server\nnpm start -- ${args.slice(2, -1).join(" ")} "${data}"`)
  // In its own process group, so that Ctrl-C does not reach it: a second signal would cut its draining short.
  const detached = process.platform !== "win32"
  const child = spawn(process.execPath, args, {
    env: cleanEnv(),
    stdio: ["ignore", "pipe", "inherit"],
    detached
  })
  const exited = once(child, "exit")
  let signalled = false
  const end = () => {
    if (!signalled) child.kill("SIGTERM")
    signalled = true
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
  if (child.exitCode !== 0)
    throw new Problem(
      `the server ended with ${child.exitCode ?? child.signalCode} instead of 0 after SIGTERM`
    )
}
