import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { say } from "./problem.mjs"
import { aptInstall, canUseApt, isProgram, onPath, packageCommand } from "./system.mjs"

/** Where packages put the server's programs, which few of them have on the PATH; below each a folder for each version. */
const homes = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"]

const versions = (/** @type {string} */ home) =>
  (existsSync(home) ? readdirSync(home) : [])
    .filter((name) => /^(postgresql@)?\d+$/.test(name))
    .sort((a, b) => Number(b.replace(/\D/g, "")) - Number(a.replace(/\D/g, "")))
    .map((name) => join(home, name, "bin"))

/** The folder of a Postgres server's programs: of the PATH, else the newest that is installed. Undefined when there is none. */
export const postgresFolder = () => {
  const found = onPath("initdb")
  const folders = [...(found === undefined ? [] : [dirname(found)]), ...homes.flatMap(versions)]
  return folders.find((folder) => ["initdb", "postgres"].every((name) => isProgram(join(folder, name))))
}

const debian = "/etc/postgresql-common/createcluster.d"

/** Debian's package makes a database and starts it, which nobody asked for, unless it is told not to. */
const startNone = () => {
  mkdirSync(debian, { recursive: true })
  writeFileSync(join(debian, "ffkiln.conf"), "create_main_cluster = false\n")
}

/** The real server that tests of the Postgres adapter start for themselves. Without it they fail, and say so. @type {import("../setup.mjs").Step} */
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
