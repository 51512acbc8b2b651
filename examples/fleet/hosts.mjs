// Starts the processes of a fleet: servers and workers, with the `ffkiln` command.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { freePort, tied } from "../../scripts/servers/program.mjs"
import { place } from "../../scripts/setup/places.mjs"
import { Problem } from "../../scripts/setup/problem.mjs"

/**
 * `url` is the address of a server, or of a worker's health check. `end` sends a signal and resolves after
 * the process has ended, with its exit code or the signal that ended it.
 * @typedef {{
 *   readonly name: string, readonly pid: number | undefined, readonly url: string,
 *   readonly end: (signal: NodeJS.Signals) => Promise<number | NodeJS.Signals>
 * }} Host
 */

/**
 * This process's environment without settings of ffkiln and AWS: the fleet must not use those of this
 * terminal.
 */
const inherited = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(FFKILN|AWS)_/.test(name))),
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true"
}

/**
 * Starts a host and waits until it is ready; `started` gets it before that. On Linux the kernel ends the host
 * with this process.
 * @param {{ readonly name: string, readonly command: "serve" | "worker", readonly slots: number, readonly data: string }} what
 * @param {Readonly<Record<string, string>>} settings
 * @param {(host: Host) => void} started
 */
export const startHost = async ({ name, command, slots, data }, settings, started) => {
  const port = await freePort()
  const args = [
    place("dist", "hosts", "cli", "main.js"),
    command,
    "--slots",
    `${slots}`,
    "--port",
    `${port}`,
    "--data",
    data
  ]
  const [program, all] = tied(process.execPath, args)
  // In a process group of its own, so that Ctrl-C signals only this program.
  const child = spawn(program, all, {
    env: { ...inherited, ...settings },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true
  })
  const over = once(child, "exit")
  /** @type {Host} */
  const host = {
    name,
    pid: child.pid,
    url: `http://127.0.0.1:${port}`,
    end: async (signal) => {
      child.kill(signal)
      const [code, by] = await over
      return code ?? by
    }
  }
  started(host)
  for await (const line of createInterface(child.stdout)) {
    if (!/^ffkiln (listening on|worker ready)/.test(line)) continue
    child.stdout.resume()
    return host
  }
  throw new Problem(`${name} ended before it was ready`)
}
