import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { say } from "./problem.mjs"
import { aptInstall, canUseApt, isProgram, onPath, packageCommand } from "./system.mjs"

/** Where packages put the server's programs, often outside the PATH; each contains a folder per version. */
const homes = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"]

const versions = (/** @type {string} */ home) =>
  (existsSync(home) ? readdirSync(home) : [])
    .filter((name) => /^(postgresql@)?\d+$/.test(name))
    .sort((a, b) => Number(b.replace(/\D/g, "")) - Number(a.replace(/\D/g, "")))
    .map((name) => join(home, name, "bin"))

/**
 * Folder of the programs of a Postgres server: on the PATH, or the newest that is installed. Undefined when
 * there is none.
 */
export const postgresFolder = () => {
  const found = onPath("initdb")
  const folders = [...(found === undefined ? [] : [dirname(found)]), ...homes.flatMap(versions)]
  return folders.find((folder) => ["initdb", "postgres"].every((name) => isProgram(join(folder, name))))
}

const debian = "/etc/postgresql-common/createcluster.d"

/** Keeps Debian's package from making and starting a database. */
const startNone = () => {
  mkdirSync(debian, { recursive: true })
  writeFileSync(join(debian, "ffkiln.conf"), "create_main_cluster = false\n")
}

/**
 * The Postgres server that tests start. Tests that need it fail without it.
 * @type {import("../setup.mjs").Step}
 */
export const postgres = {
  ready: () => postgresFolder() !== undefined,
  prepare: async (note) => {
    if (canUseApt()) {
      startNone()
      if ((await aptInstall(["postgresql"], note)) && postgresFolder() !== undefined) return
    }
    say(`the tests of Postgres will fail: install its server (${packageCommand("postgresql")})`)
  }
}
