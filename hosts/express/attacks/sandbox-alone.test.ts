import { describe } from "vitest"
import { filterAttacks } from "./filters.suite.js"
import { holding } from "./hold.suite.js"
import { textAttacks } from "./media.suite.js"
import { byteAttacks } from "./media-bytes.suite.js"
import { outputNames } from "./names.suite.js"
import { optionAttacks } from "./options.suite.js"
import { tryMedia, tryTask } from "./runs.suite.js"

/** A share of the attacks that reach ffmpeg when no rule refuses options or filters: the sandbox alone. */

const { holdShare } = holding(async () => ({ sandbox: "required", policy: { options: "off" } }))

describe.runIf(process.platform === "linux")("the sandbox alone", () => {
  holdShare("options", optionAttacks, (at, attack) => tryTask(at, attack, "no rules"))
  holdShare("filters", filterAttacks, (at, attack) => tryTask(at, attack, "no rules"))
  holdShare("names of outputs", outputNames, (at, attack) => tryTask(at, attack, "no rules"))
  holdShare("playlists, scripts and manifests", textAttacks, (at, attack) => tryMedia(at, attack, "no rules"))
  holdShare("binary media", byteAttacks("/etc/passwd"), (at, attack) => tryMedia(at, attack, "no rules"))
})
