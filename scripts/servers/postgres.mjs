import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { postgresFolder } from "../setup/postgres.mjs"
import { Problem } from "../setup/problem.mjs"
import { freePort, program } from "./program.mjs"

const forTests = {
  listen_addresses: "127.0.0.1",
  // Each database of a test has a pool, and test files run in parallel.
  max_connections: 300,
  // Tests can lose data in a power failure.
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off"
}

/** The server refuses to run as root: then it runs as the user `nobody`. */
const user = () => {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()]
  if (uid !== undefined && gid !== undefined && uid !== 0) return { uid, gid }
  const number = (/** @type {string} */ what) =>
    Number(execFileSync("id", [what, "nobody"], { encoding: "utf8" }))
  return { uid: number("-u"), gid: number("-g") }
}

/**
 * Starts a private Postgres on a free port of 127.0.0.1, with everything it writes in one temporary folder.
 * `stop` ends it with all its connections, `start` starts it again on the same port; `remove` stops it and
 * removes its folder.
 * @param {Readonly<Record<string, string>>} [given] settings of postgresql.conf
 */
export const startPostgres = async (given = {}) => {
  const programs = postgresFolder()
  if (programs === undefined) throw new Problem("no Postgres server is installed: install one to run this")
  const folder = mkdtempSync(join(tmpdir(), "ffkiln-postgres-"))
  const [password, port, who] = [randomBytes(12).toString("hex"), await freePort(), user()]
  writeFileSync(join(folder, "password"), password)
  for (const path of [folder, join(folder, "password")]) chownSync(path, who.uid, who.gid)
  const data = join(folder, "data")
  const settings = Object.entries({ ...forTests, ...given, port, unix_socket_directories: folder })
  const server = program({
    program: join(programs, "postgres"),
    args: ["-D", data, ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    upWhen: "ready to accept connections",
    endWith: "SIGINT",
    spawn: { ...who, cwd: folder }
  })
  const remove = async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const layout = [
      "-D",
      data,
      "-U",
      "postgres",
      "-A",
      "scram-sha-256",
      `--pwfile=${join(folder, "password")}`
    ]
    execFileSync(join(programs, "initdb"), [...layout, "--no-sync", "-E", "UTF8", "--locale=C"], {
      ...who,
      cwd: folder,
      stdio: "pipe"
    })
    await server.start()
  } catch (error) {
    await remove()
    throw error
  }
  return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, ...server, remove }
}
