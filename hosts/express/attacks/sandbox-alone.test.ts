import { describe } from "vitest"
import { filterAttacks } from "./filters.suite.js"
import { holding } from "./hold.suite.js"
import { textAttacks } from "./media.suite.js"
import { byteAttacks } from "./media-bytes.suite.js"
import { outputNames } from "./names.suite.js"
import { optionAttacks } from "./options.suite.js"
import { tryMedia, tryTask } from "./runs.suite.js"

/** All that reaches ffmpeg where no rule refuses an option or a filter: the sandbox alone. */

const { hold } = holding(async () => ({ sandbox: "required", policy: { options: "off" } }))

describe.runIf(process.platform === "linux")("the sandbox alone", () => {
  hold("options", optionAttacks, (at, attack) => tryTask(at, attack, "no rules"))
  hold("filters", filterAttacks, (at, attack) => tryTask(at, attack, "no rules"))
  hold("names of outputs", outputNames, (at, attack) => tryTask(at, attack, "no rules"))
  hold("playlists, scripts and manifests", textAttacks, (at, attack) => tryMedia(at, attack, "no rules"))
  hold("binary media", byteAttacks("/etc/passwd"), (at, attack) => tryMedia(at, attack, "no rules"))
})
