import { spawn } from "node:child_process"
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs"
import { constants } from "node:os"
import { cache, root } from "./places.mjs"
import { Problem } from "./problem.mjs"

const logFile = cache("setup.log")
const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])
const windows = process.platform === "win32"

/** The end of what the last program printed, for people. */
export const logTail = () => {
  const lines = readFileSync(logFile, "utf8").trimEnd().split("\n")
  return `${lines.slice(-30).join("\n")}\n(full log: ${logFile})`
}

/**
 * Runs a program in the project's folder with its output in the log. Resolves with whether it succeeded;
 * rejects when it can't be started. A signal that ends this process first ends the program and all that it
 * started.
 * @param {string} program @param {ReadonlyArray<string>} args
 * @param {{ env?: NodeJS.ProcessEnv, note?: (pid: number) => void }} [options]
 * @returns {Promise<boolean>}
 */
export const run = (program, args, { env = {}, note } = {}) => {
  mkdirSync(cache(), { recursive: true })
  const log = openSync(logFile, "w")
  writeSync(log, `${program} ${args.join(" ")}\n`)
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", log, log],
      detached: !windows
    })
    closeSync(log)
    if (child.pid !== undefined) note?.(child.pid)
    /** @type {NodeJS.Signals | undefined} */
    let stopped
    const stop = (/** @type {NodeJS.Signals} */ signal) => {
      stopped = signal
      if (child.pid === undefined) return
      if (windows) child.kill(signal)
      else process.kill(-child.pid, signal)
    }
    for (const signal of signals) process.on(signal, stop)
    const over = () => {
      for (const signal of signals) process.off(signal, stop)
    }
    child.once("error", (error) => {
      over()
      reject(new Problem(`${program} can't be started: ${error.message}`))
    })
    child.once("exit", (code) => {
      over()
      if (stopped === undefined) return resolve(code === 0)
      process.exitCode = 128 + constants.signals[stopped]
      reject(new Problem(`stopped by ${stopped}`))
    })
  })
}
