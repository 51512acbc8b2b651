import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Problem } from "../setup/problem.mjs"
import { redisServer } from "../setup/redis.mjs"
import { freePort, program } from "./program.mjs"

/**
 * Starts a private Redis on a free port of 127.0.0.1, whose data is in a temporary folder and survives a
 * restart. `remove` stops it and removes the folder.
 * @param {Readonly<Record<string, string>>} [settings] of redis.conf
 */
export const startRedis = async (settings = {}) => {
  const found = redisServer()
  if (found === undefined) throw new Problem("no Redis server is installed: install one to run this")
  const folder = mkdtempSync(join(tmpdir(), "ffkiln-redis-"))
  const [password, port] = [randomBytes(12).toString("hex"), await freePort()]
  const all = {
    bind: "127.0.0.1",
    port: `${port}`,
    dir: folder,
    requirepass: password,
    save: "",
    appendonly: "yes",
    ...settings
  }
  const server = program({
    program: found,
    args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
    upWhen: "Ready to accept connections",
    endWith: "SIGTERM"
  })
  const remove = async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await server.start()
  } catch (error) {
    await remove()
    throw error
  }
  return { url: `redis://:${password}@127.0.0.1:${port}`, ...server, remove }
}
