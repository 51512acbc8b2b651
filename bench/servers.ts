import type { Running } from "./processes.js"

/**
 * Postgres and Redis for a run of the bench, each in its own process with its files in a temporary folder.
 */
export interface Servers extends Running {
  readonly postgres: string
  readonly redis: string
}

interface Started {
  readonly url: string
  readonly remove: () => Promise<void>
}

/** Loads the starters of the tests, which are not compiled. */
const starter = async (
  kind: "Postgres" | "Redis"
): Promise<(settings: Readonly<Record<string, string>>) => Promise<Started>> => {
  const { href } = new URL(`../../scripts/servers/${kind.toLowerCase()}.mjs`, import.meta.url)
  return (await import(href))[`start${kind}`]
}

/** Durability as in production: commits survive a power failure, as with SQLite here. */
const durable = { fsync: "on", synchronous_commit: "on", full_page_writes: "on" }

/** Starts both. Rejects when one of them is not installed. */
export const startServers = async (): Promise<Servers> => {
  const [startPostgres, startRedis] = [await starter("Postgres"), await starter("Redis")]
  const postgres = await startPostgres(durable)
  try {
    const redis = await startRedis({})
    const stop = async () => {
      await redis.remove()
      await postgres.remove()
    }
    return { postgres: postgres.url, redis: redis.url, stop }
  } catch (error) {
    await postgres.remove()
    throw error
  }
}

/** Creates an empty database on the server and returns its URL. */
export const newDatabase = async (server: string, name: string): Promise<string> => {
  const { Client } = (await import("pg")).default
  const client = new Client(server)
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  const url = new URL(server)
  url.pathname = name
  return url.href
}
