import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs"
import { dirname } from "node:path"
import { npm } from "./dependencies.mjs"
import { cache, place, root } from "./places.mjs"
import { Problem, say } from "./problem.mjs"
import { logTail } from "./run.mjs"
import { aptInstall, canUseApt } from "./system.mjs"

const home = place("node_modules", "better-sqlite3")
const binary = place("node_modules", "better-sqlite3", "build", "Release", "better_sqlite3.node")

/** A binary fits one version of the package, one ABI of Node and one platform. */
const cached = () => {
  const { version } = JSON.parse(readFileSync(`${home}/package.json`, "utf8"))
  return cache(
    "native",
    `better-sqlite3-${version}-node-${process.versions.modules}-${process.platform}-${process.arch}.node`
  )
}

/**
 * Copies under a temporary name first, so that a killed copy is never taken for a binary.
 * @param {string} from @param {string} to
 */
const copy = (from, to) => {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, `${to}.part`)
  renameSync(`${to}.part`, to)
}

/** Whether the binary loads. Runs in another process: a binary for another Node may crash it. */
const loads = () =>
  spawnSync(process.execPath, ["-e", 'new (require("better-sqlite3"))(":memory:").close()'], {
    cwd: root,
    stdio: "ignore"
  }).status === 0

const rebuild = (/** @type {(pid: number) => void} */ note) =>
  npm(["rebuild", "better-sqlite3", "--ignore-scripts=false", "--foreground-scripts"], note)

const withoutCompiler =
  "better-sqlite3 has no ready binary for this Node and could not be compiled: install python3, make and a C++ compiler " +
  "(Debian and Ubuntu: apt-get install python3 make g++; macOS: xcode-select --install), then run this again"

/** better-sqlite3: the one dependency with native code. @type {import("../setup.mjs").Step} */
export const native = {
  ready: () => existsSync(binary) && loads(),
  prepare: async (note) => {
    if (existsSync(cached())) {
      copy(cached(), binary)
      if (loads()) return
    }
    say(
      "getting better-sqlite3's binary: downloads it, or compiles it for a minute or two when there is none for this Node"
    )
    let built = (await rebuild(note)) && loads()
    if (!built && canUseApt()) {
      await aptInstall(["python3", "make", "g++"], note)
      built = (await rebuild(note)) && loads()
    }
    if (!built) throw new Problem(`${logTail()}\n${withoutCompiler}`)
    copy(binary, cached())
  }
}
