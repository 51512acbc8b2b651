import { mkdtemp } from "node:fs/promises"
import { join } from "node:path"
import { interleave, perSecond, type Samples, type Subject } from "./measure.js"
import { type Running, serve, work } from "./processes.js"
import { bareName, type ThroughputRow, throughputRows } from "./report.js"
import { newDatabase, type Servers } from "./servers.js"
import { bare } from "./subjects.js"
import type { Run } from "./suites.js"
import { thumbnail } from "./workloads.js"

/** A program that runs jobs, and the environment that it needs. */
export interface Tool {
  readonly name: "no-op" | "thumbnail"
  readonly ffmpeg: string
  readonly ffprobe: string
  /** FFMPEG_PATH and related variables. */
  readonly environment: Readonly<Record<string, string>>
  /** Jobs per round and worker. */
  readonly jobs: number
}

/** Numbers of workers, and rounds for each. */
export interface RateEffort {
  readonly workers: ReadonlyArray<number>
  readonly rounds: number
}

/**
 * Jobs per second through an API host and several workers of one slot each, on Postgres, Redis and files in
 * one folder, beside as many callers that start the program itself in the same rounds.
 */
export const rates = async (
  folder: string,
  clip: string,
  servers: Servers,
  tools: ReadonlyArray<Tool>,
  effort: RateEffort,
  run: Run
): Promise<ReadonlyArray<ThroughputRow>> => {
  const rows: Array<ThroughputRow> = []
  for (const tool of tools) rows.push(...(await rate(folder, clip, servers, tool, effort, run)))
  return rows
}

const rate = async (
  folder: string,
  clip: string,
  servers: Servers,
  { name, ffmpeg, ffprobe, jobs, environment: tools }: Tool,
  { workers, rounds }: RateEffort,
  { say, signal }: Run
): Promise<ReadonlyArray<ThroughputRow>> => {
  const data = await mkdtemp(join(folder, "rate-"))
  const database = await newDatabase(servers.postgres, `rate_${name.replace("-", "_")}`)
  const environment = { ...tools, FFKILN_DATABASE_URL: database, FFKILN_REDIS_URL: servers.redis }
  const processes: Array<Running> = []
  try {
    const server = await serve({ data, slots: 0, environment })
    processes.push(server)
    const file = await server.upload(clip)
    const fleet: Subject = {
      name: "fleet",
      run: async (caller) => void (await server.post(thumbnail.path, thumbnail.body(file, caller)))
    }
    const byWorkers = new Map<number, Samples>()
    for (const count of workers) {
      while (processes.length - 1 < count) processes.push(await work({ data, slots: 1, environment }))
      say(`${name}, a fleet of ${count}: ${rounds} rounds of ${jobs * count} for each subject`)
      const alone = await bare({ folder, clip, slots: count, ffmpeg, ffprobe })
      // Two callers per worker: no worker waits for the next request.
      const callers = (subject: Subject) => (subject.name === bareName ? count : 2 * count)
      const measure = (subject: Subject) => perSecond(callers(subject), jobs * count)(subject)
      try {
        byWorkers.set(count, await interleave([alone.subject(thumbnail), fleet], rounds, measure, signal))
      } finally {
        await alone.close()
      }
    }
    return throughputRows(name, byWorkers)
  } finally {
    for (const each of processes.reverse()) await each.stop()
  }
}
