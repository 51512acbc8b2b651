import { say } from "./problem.mjs"
import { aptInstall, canUseApt, isProgram, onPath } from "./system.mjs"

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
const application = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"

/** Path of a Chromium for tests: CHROMIUM_PATH, or an installed one. Undefined when there is none. */
export const chromiumPath = () => {
  const named = process.env.CHROMIUM_PATH
  if (named !== undefined && named !== "") return isProgram(named) ? named : onPath(named)
  return (
    names.map(onPath).find((path) => path !== undefined) ?? (isProgram(application) ? application : undefined)
  )
}

/** The browser of one test file, which is skipped without it. @type {import("../setup.mjs").Step} */
export const chromium = {
  ready: () => chromiumPath() !== undefined,
  prepare: async (note) => {
    if (canUseApt() && (await aptInstall(["chromium"], note)) && chromiumPath() !== undefined) return
    say(
      "the browser tests are skipped: install chromium (Debian: apt-get install chromium), or set CHROMIUM_PATH to a Chromium or Chrome"
    )
  }
}
