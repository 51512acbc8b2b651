import { existsSync, mkdirSync, symlinkSync } from "node:fs"
import { cache } from "./places.mjs"
import { say } from "./problem.mjs"
import { aptInstall, canUseApt, onPath, packageCommand } from "./system.mjs"

/** The server and the tool that checks its files are one program, which goes by the name it is called by. */
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

/** The program of a Redis server, or of one that speaks its language. Undefined when there is none. */
export const redisServer = () => onPath("redis-server") ?? onPath("valkey-server") ?? byItsTool()

/** The real server that tests of the Redis adapter start for themselves. Without it they fail, and say so. @type {import("../setup.mjs").Step} */
export const redis = {
  ready: () => redisServer() !== undefined,
  prepare: async (note) => {
    // The package of the server itself would start one, which nobody asked for.
    if (canUseApt() && (await aptInstall(["redis-tools"], note)) && redisServer() !== undefined) return
    say(`the tests of Redis will fail: install its server (${packageCommand("redis-server")})`)
  }
}
