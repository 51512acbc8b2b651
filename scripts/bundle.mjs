// Bundles each compiled program into few files: a command that loads a thousand modules takes a second to
// start.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, sep } from "node:path"
import { pathToFileURL } from "node:url"
import { rolldown } from "rolldown"
import { place, root } from "./setup/places.mjs"

/** The packages of every kind of storage, from the table that the hosts go by. Nothing before the sources are compiled. */
async function ofStorages() {
  const table = place("dist", "hosts", "settings", "storages.js")
  if (!existsSync(table)) return []
  const { storages } = /** @type {{ storages: ReadonlyArray<{ packages: ReadonlyArray<string> }> }} */ (
    await import(pathToFileURL(table).href)
  )
  return storages.flatMap(({ packages }) =>
    packages.map((name) => new RegExp(`^${name.replaceAll(".", "\\.")}(/|$)`))
  )
}

/** Loaded from node_modules when they are used: native modules, and optional peers that may not be installed. */
const external = [
  /^node:/,
  /^(better-sqlite3|pg|pg-native|bullmq|ioredis|swagger-ui-dist)(\/|$)/,
  /^@bull-board\//,
  ...(await ofStorages())
]

/** The command is part of the package; the other program is for tests that kill it. */
const programs = [
  { folder: "cli", input: { ffkiln: place("dist", "hosts", "cli", "main.js") } },
  { folder: "test-programs", input: { "crash-process": place("dist", "hosts", "crash", "process.suite.js") } }
]

/** The folders of the packages whose modules are in the bundle. */
const packagesOf = (/** @type {ReadonlyArray<string>} */ modules) => {
  const marker = `${sep}node_modules${sep}`
  const folders = modules.flatMap((id) => {
    const at = id.lastIndexOf(marker)
    if (at === -1) return []
    const [scope = "", name = ""] = id.slice(at + marker.length).split(sep)
    return [id.slice(0, at + marker.length) + (scope.startsWith("@") ? join(scope, name) : scope)]
  })
  return [...new Set(folders)].sort()
}

/** Name, version and licence of a package: licences require them in every copy of the code. */
const noticeOf = (/** @type {string} */ folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  return `${name} ${version} (${license})\n\n${file === undefined ? "" : readFileSync(join(folder, file), "utf8")}`
}

for (const { folder, input } of programs) {
  const dir = place("dist", folder)
  rmSync(dir, { recursive: true, force: true })
  if (!Object.values(input).every((file) => existsSync(file))) continue
  const bundle = await rolldown({ cwd: root, input, external, platform: "node", logLevel: "warn" })
  const { output } = await bundle.write({
    dir,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js"
  })
  await bundle.close()
  const modules = output.flatMap((part) => (part.type === "chunk" ? part.moduleIds : []))
  writeFileSync(
    join(dir, "third-party-licenses.txt"),
    packagesOf(modules)
      .map(noticeOf)
      .join(`\n${"-".repeat(80)}\n\n`)
  )
}
