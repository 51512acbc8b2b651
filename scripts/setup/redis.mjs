import { existsSync, mkdirSync, symlinkSync } from "node:fs"
import { cache } from "./places.mjs"
import { say } from "./problem.mjs"
import { aptInstall, canUseApt, onPath, packageCommand } from "./system.mjs"

/**
 * Path of a link to redis-check-rdb that runs as a server: both are one program, which acts by the name of
 * its call.
 */
const byItsTool = () => {
  const tool = onPath("redis-check-rdb")
  if (tool === undefined) return undefined
  const link = cache("redis-server")
  if (!existsSync(link)) {
    mkdirSync(cache(), { recursive: true })
    symlinkSync(tool, link)
  }
  return link
}

/** The program of a Redis server, or of a compatible one. Undefined when there is none. */
export const redisServer = () => onPath("redis-server") ?? onPath("valkey-server") ?? byItsTool()

/**
 * The Redis server that tests start. Tests that need it fail without it.
 * @type {import("../setup.mjs").Step}
 */
export const redis = {
  ready: () => redisServer() !== undefined,
  prepare: async (note) => {
    // The package of the server itself would also start a server.
    if (canUseApt() && (await aptInstall(["redis-tools"], note)) && redisServer() !== undefined) return
    say(`the tests of Redis will fail: install its server (${packageCommand("redis-server")})`)
  }
}
