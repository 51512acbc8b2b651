import { once } from "node:events"
import { createServer } from "node:net"
import type { TestProject } from "vitest/node"
import { startPostgres } from "./server.suite.js"

declare module "vitest" {
  interface ProvidedContext {
    /** A port of 127.0.0.1 that answers each connection with the URL of the run's Postgres, which the first one starts. */
    readonly postgresAt: number
  }
}

/** One server for all test files of a run, started when the first of them asks for it: most runs of a few files don't. */
export default async (project: TestProject) => {
  let server: ReturnType<typeof startPostgres> | undefined
  const door = createServer((socket) => {
    server ??= startPostgres()
    server.then(
      ({ url }) => socket.end(url),
      (error: unknown) => socket.end(`! ${error instanceof Error ? error.message : error}`)
    )
    socket.on("error", () => {})
  }).listen(0, "127.0.0.1")
  await once(door, "listening")
  const address = door.address()
  project.provide("postgresAt", typeof address === "object" && address !== null ? address.port : 0)
  return async () => {
    door.close()
    await (await server?.catch(() => undefined))?.remove()
  }
}
