import { existsSync, readFileSync, realpathSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { delimiter, dirname, join, resolve } from "node:path"
import { place, root } from "./places.mjs"

/** Flags in NODE_OPTIONS that change how imports are resolved. */
const changesImports =
  /(?:^|[\s"])(?:-r|-C|--(?:require|import|loader|experimental-loader|conditions|preserve-symlinks(?:-main)?)(?=[\s="]|$))/

/** The folders above a path, nearest first. @param {string} path @returns {ReadonlyArray<string>} */
const above = (path) => (dirname(path) === path ? [] : [dirname(path), ...above(dirname(path))])

/**
 * What could replace a package or file that the clone lacks, each as a phrase.
 * @param {{
 *   readonly root: string, readonly temporary: string, readonly home: string, readonly node: string
 *   readonly env: NodeJS.ProcessEnv, readonly packages: ReadonlyArray<string>
 * }} machine `root`: the clone. `node`: the program. `packages`: the names that package.json depends on.
 * @param {(path: string) => boolean} exists
 * @returns {ReadonlyArray<string>}
 */
export const outsidePackages = ({ root, temporary, home, node, env, packages }, exists) => {
  const modules = (/** @type {string} */ folder) => join(folder, "node_modules")
  const prefixes = [env.npm_config_global_prefix, resolve(node, "../..")].filter(
    (prefix) => prefix !== undefined
  )
  const globalFolders = [
    ...new Set(prefixes.flatMap((prefix) => [join(prefix, "lib", "node_modules"), modules(prefix)]))
  ]
  return [
    ...new Set([
      ...[...above(root), temporary, ...above(temporary)].map(modules).filter(exists),
      // Node's documentation, "Loading from the global folders".
      ...[join(home, ".node_modules"), join(home, ".node_libraries"), resolve(node, "../../lib/node")].filter(
        exists
      ),
      ...globalFolders.flatMap((folder) => packages.map((name) => join(folder, name))).filter(exists)
    ]),
    ...((env.NODE_PATH ?? "").split(delimiter).some((folder) => folder !== "")
      ? ["the variable NODE_PATH"]
      : []),
    ...(changesImports.test(env.NODE_OPTIONS ?? "") ? ["a flag in the variable NODE_OPTIONS"] : [])
  ]
}

/**
 * A warning about packages outside the clone, or undefined. It does not stop the run: an editor's debugger
 * sets NODE_OPTIONS, a home directory may need its node_modules, and a test that fails still fails.
 */
export const outsideWarning = () => {
  const described = JSON.parse(readFileSync(place("package.json"), "utf8"))
  const packages = ["dependencies", "devDependencies", "peerDependencies"].flatMap((section) =>
    Object.keys(described[section])
  )
  const found = outsidePackages(
    {
      root: realpathSync(root),
      temporary: realpathSync(tmpdir()),
      home: homedir(),
      node: realpathSync(process.execPath),
      env: process.env,
      packages
    },
    existsSync
  )
  return found.length === 0
    ? undefined
    : `warning: a passing test may depend on something outside this folder, which a fresh machine lacks: ${found.join(", ")}`
}
