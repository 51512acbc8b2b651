import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { postgresFolder } from "../../scripts/setup/postgres.mjs"

/** A real Postgres of a test's own, on a free port of 127.0.0.1, with everything it writes in one temporary folder. */
export interface PostgresProcess {
  readonly url: string
  /** Ends it as an operator would, with all its connections. */
  readonly stop: () => Promise<void>
  /** Starts it again on the same port. */
  readonly start: () => Promise<void>
  /** Stops it, and removes its folder. */
  readonly remove: () => Promise<void>
}

export const startPostgres = async (): Promise<PostgresProcess> => {
  const programs = postgresFolder()
  if (programs === undefined) throw new Error("no Postgres server is installed: the tests of Postgres can't run")
  const folder = mkdtempSync(join(tmpdir(), "ffkiln-postgres-"))
  const [password, port, who] = [randomBytes(12).toString("hex"), await freePort(), user()]
  writeFileSync(join(folder, "password"), password)
  for (const path of [folder, join(folder, "password")]) chownSync(path, who.uid, who.gid)
  const data = join(folder, "data")
  let child: ChildProcess | undefined

  const start = async () => {
    const settings = Object.entries({ ...forTests, port, unix_socket_directories: folder }).flatMap(([name, value]) => [
      "-c",
      `${name}=${value}`
    ])
    child = launch(join(programs, "postgres"), ["-D", data, ...settings], folder, who)
    await ready(child)
  }
  const stop = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const over = once(child, "exit")
    child.kill("SIGINT")
    await over
  }
  const remove = async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    const layout = ["-D", data, "-U", "postgres", "-A", "scram-sha-256", `--pwfile=${join(folder, "password")}`]
    execFileSync(join(programs, "initdb"), [...layout, "--no-sync", "-E", "UTF8", "--locale=C"], { ...who, cwd: folder, stdio: "pipe" })
    await start()
  } catch (error) {
    await remove()
    throw error
  }
  return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, start, stop, remove }
}

const forTests = {
  listen_addresses: "127.0.0.1",
  // Each database of a test has a pool, and test files run side by side.
  max_connections: 300,
  // What these lose in a power cut is gone with the test anyway.
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off"
}

interface User {
  readonly uid: number
  readonly gid: number
}

/** The server refuses to run as root: then it runs as somebody who owns nothing. */
const user = (): User => {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()]
  if (uid !== undefined && gid !== undefined && uid !== 0) return { uid, gid }
  const number = (what: string) => Number(execFileSync("id", [what, "nobody"], { encoding: "utf8" }))
  return { uid: number("-u"), gid: number("-g") }
}

/** On Linux it ends with this process, however that ends. */
const launch = (program: string, args: ReadonlyArray<string>, cwd: string, who: User) => {
  const [command = program, ...rest] = existsSync("/usr/bin/setpriv")
    ? ["/usr/bin/setpriv", "--pdeathsig", "INT", program, ...args]
    : [program, ...args]
  return spawn(command, rest, { ...who, cwd, stdio: ["ignore", "ignore", "pipe"] })
}

const ready = (child: ChildProcess) =>
  new Promise<void>((resolve, reject) => {
    let log = ""
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-10_000)
      if (log.includes("ready to accept connections")) resolve()
    })
    child.once("error", reject).once("exit", () => reject(new Error(`the Postgres server did not start:\n${log}`)))
  })

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const address = probe.address()
  probe.close()
  await once(probe, "close")
  return typeof address === "object" && address !== null ? address.port : freePort()
}
