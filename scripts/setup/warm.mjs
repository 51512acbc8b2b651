import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs"
import { dirname } from "node:path"
import { cache, place } from "./places.mjs"
import { say } from "./problem.mjs"
import { run } from "./run.mjs"
import { onPath } from "./system.mjs"

/** The C helper that keeps ffmpeg loaded. */
export const warmSource = place("adapters", "ffmpeg", "sandbox", "warm", "warm.c")

export const warmSourceHash = () => createHash("sha256").update(readFileSync(warmSource)).digest("hex")

/** The same compiler makes the same bytes of the same source: nothing of the place and time goes in. @param {string} to */
export const compileArguments = (to) => [
  ...[
    "-O2",
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-s",
    "-Wl,--build-id=none"
  ],
  ...["-o", to, warmSource, "-ldl"]
]

/** As adapters/ffmpeg/sandbox/warm/helper.ts looks for it. */
const compiled = () => cache("warm", `${warmSourceHash().slice(0, 16)}-${process.arch}.so`)

const compiler = () => ["cc", "gcc", "clang"].find((name) => onPath(name) !== undefined)

const wanted = () =>
  process.platform === "linux" && ["x64", "arm64"].includes(process.arch) && compiler() !== undefined

/** Where there is no compiler the binary that comes with the sources serves, or else each run is started anew. @type {import("../setup.mjs").Step} */
export const warm = {
  ready: () => !wanted() || existsSync(compiled()),
  prepare: async (note) => {
    const to = compiled()
    mkdirSync(dirname(to), { recursive: true })
    if (await run(compiler() ?? "cc", compileArguments(`${to}.part`), { note })) renameSync(`${to}.part`, to)
    else
      say(
        "the helper that keeps ffmpeg loaded does not compile here: the one that comes with the sources is used where it fits"
      )
  }
}
