import { existsSync, readFileSync, rmSync } from "node:fs"
import { cache, place } from "./places.mjs"
import { Problem, say } from "./problem.mjs"
import { logTail, run } from "./run.mjs"

/** npm's record of what it installed; npm writes it last. */
const installedLock = place("node_modules", ".package-lock.json")

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} Locked */

/** @param {string} file @returns {Record<string, Locked>} */
const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages

/**
 * Whether a package must be installed. Optional packages are mostly binaries for one platform, and npm skips
 * those of other platforms with their dependencies. A binary for this platform must be there; if it also
 * names a C library, either variant may be right.
 */
const required = (/** @type {Locked} */ { optional, os = [], cpu = [], libc }) =>
  !optional || (os.includes(process.platform) && cpu.includes(process.arch) && libc === undefined)

/**
 * Packages that node_modules lacks or has in another version than the lock file. Empty after `npm ci`.
 * @param {Record<string, Locked>} locked @param {Record<string, Locked>} installed
 */
export const differences = (locked, installed) => {
  const paths = new Set([...Object.keys(locked), ...Object.keys(installed)])
  paths.delete("")
  return [...paths].filter((path) => {
    const [want, have] = [locked[path], installed[path]]
    if (have === undefined) return want !== undefined && required(want)
    return want === undefined || want.version !== have.version || want.integrity !== have.integrity
  })
}

/**
 * Runs npm with its cache, logs and compiler headers inside the project: the home directory may be read-only.
 * @param {ReadonlyArray<string>} args @param {(pid: number) => void} note
 */
export const npm = (args, note) => {
  const env = {
    npm_config_cache: cache("npm"),
    npm_config_devdir: cache("node-gyp"),
    npm_config_update_notifier: "false"
  }
  const cli = process.env.npm_execpath
  return cli !== undefined && /npm-cli\.c?js$/.test(cli)
    ? run(process.execPath, [cli, ...args], { env, note })
    : run(process.platform === "win32" ? "npm.cmd" : "npm", args, { env, note })
}

/** @type {import("../setup.mjs").Step} */
export const dependencies = {
  ready: () =>
    existsSync(installedLock) &&
    differences(packages(place("package-lock.json")), packages(installedLock)).length === 0,
  prepare: async (note) => {
    say("installing the dependencies of package-lock.json into node_modules")
    // A killed install must not look complete to the next set-up.
    rmSync(installedLock, { force: true })
    // Only better-sqlite3 needs its install script, and has a step of its own.
    const done = await npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], note)
    if (!done) throw new Problem(`${logTail()}\nnpm could not install the dependencies: see above`)
  }
}
