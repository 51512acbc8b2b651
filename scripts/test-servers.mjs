// Real servers for tests, at most one of each kind per run. Started by the first test that asks, stopped at
// the end of the run.
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startPostgres } from "./servers/postgres.mjs"
import { startRadosgw } from "./servers/radosgw.mjs"
import { startRedis } from "./servers/redis.mjs"

/**
 * Each returns what a client needs, as JSON, and a function that removes the server.
 * @type {Record<string, () => Promise<{ readonly remove: () => Promise<void> }>>}
 */
const kinds = { s3: startRadosgw, postgres: startPostgres, redis: startRedis }

/**
 * Tests run in other processes and ask over a socket: one line with the kind; the response is one line of
 * JSON.
 * @param {{ provide: (key: "testServers", socket: string) => void }} project
 */
export const setup = async ({ provide }) => {
  /** @type {Map<string, Promise<{ readonly remove: () => Promise<void> }>>} */
  const started = new Map()
  const ask = (/** @type {string} */ kind) => {
    const server =
      started.get(kind) ?? kinds[kind]?.() ?? Promise.reject(new Error(`no such server: ${kind}`))
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
