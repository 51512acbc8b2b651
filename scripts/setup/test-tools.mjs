import { say } from "./problem.mjs"
import { aptInstall, canUseApt, onPath, packageCommand } from "./system.mjs"

/** Programs that tests run; each is in a package of the same name. */
const missing = () => ["curl", "openssl", "strace"].filter((name) => onPath(name) === undefined)

/**
 * When they can't be installed, a line says what to install, and the tests that need them fail.
 * @type {import("../setup.mjs").Step}
 */
export const testTools = {
  ready: () => missing().length === 0,
  prepare: async (note) => {
    if (canUseApt() && (await aptInstall(missing(), note)) && missing().length === 0) return
    for (const name of missing()) say(`the tests need ${name}: install it (${packageCommand(name)})`)
  }
}
