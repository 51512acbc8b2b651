import { say } from "./problem.mjs"
import { aptInstall, canUseApt, onPath, packageCommand } from "./system.mjs"

/** Without bubblewrap the server needs a setting, and tests of the sandbox can't run; all else works. */
const missing = () => process.platform === "linux" && onPath("bwrap") === undefined

/**
 * bubblewrap, the sandbox of ffmpeg. When it can't be installed, a line says so and set-up continues.
 * @type {import("../setup.mjs").Step}
 */
export const sandbox = {
  ready: () => !missing(),
  prepare: async (note) => {
    if (canUseApt() && (await aptInstall(["bubblewrap"], note)) && !missing()) return
    say(
      `bubblewrap, the sandbox of ffmpeg, is missing: install it (${packageCommand("bubblewrap")}), or set FFKILN_SANDBOX=preferred`
    )
  }
}
