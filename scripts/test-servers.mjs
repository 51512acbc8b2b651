// Real servers for tests, one of each kind a run at most, started when the first test asks and stopped at the run's end.
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startPostgres } from "./servers/postgres.mjs"
import { startRadosgw } from "./servers/radosgw.mjs"
import { startRedis } from "./servers/redis.mjs"

/** Each gives what a client needs to know, as JSON, and how to remove it. @type {Record<string, () => Promise<{ readonly remove: () => Promise<void> }>>} */
const kinds = { s3: startRadosgw, postgres: startPostgres, redis: startRedis }

/**
 * Tests run in processes of their own and ask over a socket: one line with the kind, answered by one of JSON.
 * @param {{ provide: (key: "testServers", socket: string) => void }} project
 */
export const setup = async ({ provide }) => {
  /** @type {Map<string, Promise<{ readonly remove: () => Promise<void> }>>} */
  const started = new Map()
  const ask = (/** @type {string} */ kind) => {
    const server = started.get(kind) ?? kinds[kind]?.() ?? Promise.reject(new Error(`no such server: ${kind}`))
    started.set(kind, server)
    return server
  }
  const folder = mkdtempSync(join(tmpdir(), "test-servers-"))
  const socket = join(folder, "socket")
  const listener = createServer((connection) => {
    connection.on("error", () => {})
    connection.once("data", async (kind) => {
      const answer = await ask(`${kind}`.trim()).then(
        ({ remove, ...server }) => ({ server }),
        (error) => ({ error: error.message })
      )
      connection.end(`${JSON.stringify(answer)}\n`)
    })
  }).listen(socket)
  await once(listener, "listening")
  provide("testServers", socket)

  return async () => {
    listener.close()
    for (const server of started.values()) await server.then(({ remove }) => remove()).catch(() => {})
    rmSync(folder, { recursive: true, force: true })
  }
}
