import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { onPath } from "../setup/system.mjs"

/** A port of 127.0.0.1 that is free at this moment. @returns {Promise<number>} */
export const freePort = async () => {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address())
  probe.close()
  await once(probe, "close")
  return port
}

/**
 * A command that the kernel ends together with this process (on Linux).
 * @param {string} program @param {ReadonlyArray<string>} args
 */
export const tied = (program, args) => {
  const setpriv = onPath("setpriv")
  return setpriv === undefined
    ? /** @type {const} */ ([program, [...args]])
    : /** @type {const} */ ([setpriv, ["--pdeathsig", "KILL", program, ...args]])
}

/**
 * A server of one process that can be stopped and started again.
 * @typedef {{ readonly pid: () => number | undefined, readonly start: () => Promise<void>, readonly stop: (signal?: NodeJS.Signals) => Promise<void> }} Program
 */

/**
 * A server that is ready when it has printed `upWhen`. `stop` waits for its exit.
 * @param {{ readonly program: string, readonly args: ReadonlyArray<string>, readonly upWhen: string, readonly endWith: NodeJS.Signals, readonly spawn?: import("node:child_process").SpawnOptions }} what
 * @returns {Program}
 */
export const program = ({ program, args, upWhen, endWith, spawn: options }) => {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let child
  const isUp = () => child !== undefined && child.exitCode === null && child.signalCode === null
  return {
    pid: () => (isUp() ? child?.pid : undefined),
    start: () =>
      new Promise((resolve, reject) => {
        const [command, rest] = tied(program, args)
        child = spawn(command, rest, { ...options, stdio: ["ignore", "pipe", "pipe"] })
        let log = ""
        for (const stream of [child.stdout, child.stderr]) {
          stream?.setEncoding("utf8").on("data", (text) => {
            log = (log + text).slice(-10_000)
            if (log.includes(upWhen)) resolve()
          })
        }
        child.once("error", reject).once("exit", () => reject(new Error(`${program} did not start:\n${log}`)))
      }),
    stop: async (signal = endWith) => {
      if (child === undefined || !isUp()) return
      const over = once(child, "exit")
      child.kill(signal)
      // A stopped process (SIGSTOP) receives the signal only after SIGCONT.
      child.kill("SIGCONT")
      await over
    }
  }
}
