import { say } from "./problem.mjs"
import { aptInstall, canUseApt, onPath, packageCommand } from "./system.mjs"

/** Without it the server asks for a setting, and tests of the sandbox can't run; all else works. */
const missing = () => process.platform === "linux" && onPath("bwrap") === undefined

/** bubblewrap, which ffmpeg is shut into. Where it can't be installed a line says so, and set-up goes on. @type {import("../setup.mjs").Step} */
export const sandbox = {
  ready: () => !missing(),
  prepare: async (note) => {
    if (canUseApt() && (await aptInstall(["bubblewrap"], note)) && !missing()) return
    say(`bubblewrap is missing, into which ffmpeg is shut: install it (${packageCommand("bubblewrap")}), or set FFKILN_SANDBOX=preferred`)
  }
}
