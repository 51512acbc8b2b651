import { mkdtemp } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { median, quantile } from "./measure.js"
import { type Running, type Server, serve, work } from "./processes.js"
import { postgresRows, type Rows, sqliteRows, timesOf } from "./rows.js"
import { newDatabase, type Servers } from "./servers.js"
import type { Run } from "./suites.js"
import { thumbnail } from "./workloads.js"

/** Delay until an idle worker starts a submitted job. */
export interface DelayRow {
  readonly queue: string
  readonly n: number
  /**
   * From sending the request to the job's `started_at`, both from the clock of this machine in whole
   * milliseconds.
   */
  readonly medianMs: number
  readonly p95Ms: number
  /** The same from the job's `created_at`, which the host writes before the row is durable. */
  readonly rowMedianMs: number
  readonly rowP95Ms: number
}

interface Side extends Running {
  readonly queue: string
  readonly server: Server
  readonly rows: Rows
  readonly file: string
}

/** An API host, its workers, and access to its table. */
const openSide = async (
  queue: string,
  folder: string,
  {
    clip,
    tools,
    database,
    redis,
    workers
  }: Tools & { readonly database?: string; readonly redis?: string; readonly workers: number }
): Promise<Side> => {
  const data = await mkdtemp(join(folder, "delay-"))
  const environment = {
    ...tools,
    ...(database && { FFKILN_DATABASE_URL: database }),
    ...(redis && { FFKILN_REDIS_URL: redis })
  }
  const processes: Array<Running> = []
  const stop = async () => {
    for (const each of processes.reverse()) await each.stop()
  }
  try {
    const server = await serve({ data, slots: workers === 0 ? 1 : 0, environment })
    processes.push(server)
    for (let count = 0; count < workers; count++) processes.push(await work({ data, slots: 1, environment }))
    const rows = database === undefined ? sqliteRows(join(data, "ffkiln.db")) : postgresRows(database)
    processes.push({ stop: rows.close })
    return { queue, server, rows, file: await server.upload(clip), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Tools {
  readonly clip: string
  /** FFMPEG_PATH and related variables. */
  readonly tools: Readonly<Record<string, string>>
}

/**
 * Measures jobs one after another, alternating between the three queues, so that other load affects all of
 * them.
 */
export const delays = async (
  folder: string,
  tools: Tools,
  servers: Servers,
  n: number,
  { say, signal }: Run
) => {
  say(`submit to start: ${n} jobs on each of three queues`)
  const sides: Array<Side> = []
  try {
    sides.push(await openSide("memory, one process on SQLite", folder, { ...tools, workers: 0 }))
    for (const [queue, name, redis] of [
      ["Postgres NOTIFY, host and worker", "delay_notify", undefined],
      ["Redis, host and worker on Postgres", "delay_redis", servers.redis]
    ] as const) {
      const database = await newDatabase(servers.postgres, name)
      sides.push(await openSide(queue, folder, { ...tools, database, workers: 1, ...(redis && { redis }) }))
    }
    const samples = new Map(
      sides.map((side) => [side, { sent: [] as Array<number>, row: [] as Array<number> }])
    )
    // The first round is a warm-up and not counted.
    for (let round = -1; round < n; round++) {
      for (const side of sides) {
        signal.throwIfAborted()
        const { sent, row } = await delay(side)
        if (round < 0) continue
        samples.get(side)?.sent.push(sent)
        samples.get(side)?.row.push(row)
      }
    }
    return [...samples].map(([{ queue }, { sent, row }]) => delayRow(queue, sent, row))
  } finally {
    for (const side of sides.reverse()) await side.stop()
  }
}

/** The row of one queue from its delays in milliseconds. */
export const delayRow = (
  queue: string,
  sent: ReadonlyArray<number>,
  row: ReadonlyArray<number>
): DelayRow => ({
  queue,
  n: sent.length,
  medianMs: median(sent),
  p95Ms: quantile(sent, 0.95),
  rowMedianMs: median(row),
  rowP95Ms: quantile(row, 0.95)
})

const lookMillis = 10
const patienceMillis = 60_000

const delay = async ({ server, rows, file }: Side) => {
  const sentAt = Date.now()
  const { job_id } = await server.post("/ffmpeg/process/async", thumbnail.body(file, 0))
  while (Date.now() - sentAt < patienceMillis) {
    await setTimeout(lookMillis)
    const times = await rows.run(timesOf(job_id))
    if (times !== undefined) return { sent: times.started - sentAt, row: times.started - times.created }
  }
  throw new Error(`the job ${job_id} did not end`)
}
