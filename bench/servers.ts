import type { Running } from "./processes.js"

/** Postgres and Redis for a run of the bench, each as a process of its own with its files in a temporary folder. */
export interface Servers extends Running {
  readonly postgres: string
  readonly redis: string
}

interface Started {
  readonly url: string
  readonly remove: () => Promise<void>
}

/** The tests' own starters, which are no part of what is compiled. */
const starter = async (kind: "Postgres" | "Redis"): Promise<(settings: Readonly<Record<string, string>>) => Promise<Started>> => {
  const { href } = new URL(`../../scripts/servers/${kind.toLowerCase()}.mjs`, import.meta.url)
  return (await import(href))[`start${kind}`]
}

/** As durable as where it counts: what is committed survives a power cut, as SQLite's does here. */
const durable = { fsync: "on", synchronous_commit: "on", full_page_writes: "on" }

/** Rejects where one of them is not installed. */
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

/** An empty database on that server: its URL. */
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
