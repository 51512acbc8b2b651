import { spawn } from "node:child_process"
import { constants } from "node:os"
import { root } from "./setup/places.mjs"

/** Signals by which a terminal or a service manager ends a program. */
export const endings = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])

/**
 * Runs a program of this project in this terminal and resolves with its exit code. Signals are passed on, so
 * that it ends before this process does.
 * @param {ReadonlyArray<string>} args of node @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>}
 */
export const follow = (args, env = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: "inherit"
    })
    const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal)
    for (const signal of endings) process.on(signal, pass)
    child.once("error", reject)
    child.once("exit", (code, signal) => {
      for (const name of endings) process.off(name, pass)
      resolve(code ?? (signal === null ? 1 : 128 + constants.signals[signal]))
    })
  })
