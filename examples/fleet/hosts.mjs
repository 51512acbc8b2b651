// Processes of a fleet: servers and workers as `ffkiln` starts them.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { freePort, tied } from "../../scripts/servers/program.mjs"
import { place } from "../../scripts/setup/places.mjs"
import { Problem } from "../../scripts/setup/problem.mjs"

/**
 * `url` is where a server answers, and where a worker says how it is. `end` sends a signal and resolves once it is over,
 * with its exit code, or the signal that ended it.
 * @typedef {{
 *   readonly name: string, readonly pid: number | undefined, readonly url: string,
 *   readonly end: (signal: NodeJS.Signals) => Promise<number | NodeJS.Signals>
 * }} Host
 */

/** Settings of this terminal are none of the fleet's, nor is an account in some cloud that the SDK might find here. */
const inherited = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(FFKILN|AWS)_/.test(name))),
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true"
}

/**
 * Starts a host and waits until it is ready; `started` hears of it before. On Linux the kernel ends it with this process.
 * @param {{ readonly name: string, readonly command: "serve" | "worker", readonly slots: number, readonly data: string }} what
 * @param {Readonly<Record<string, string>>} settings
 * @param {(host: Host) => void} started
 */
export const startHost = async ({ name, command, slots, data }, settings, started) => {
  const port = await freePort()
  const args = [place("dist", "hosts", "cli", "main.js"), command, "--slots", `${slots}`, "--port", `${port}`, "--data", data]
  const [program, all] = tied(process.execPath, args)
  // In a group of its own: Ctrl-C is this program's to hear.
  const child = spawn(program, all, { env: { ...inherited, ...settings }, stdio: ["ignore", "pipe", "inherit"], detached: true })
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
