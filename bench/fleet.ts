import { loadavg } from "node:os"
import { join } from "node:path"
import { type ClaimRow, claims } from "./claims.js"
import { type DelayRow, delays } from "./delays.js"
import { noOpTool } from "./no-op.js"
import { type RateEffort, rates, type Tool } from "./rates.js"
import { type Machine, machine, type ThroughputRow } from "./report.js"
import { postgresRows, sqliteRows } from "./rows.js"
import { newDatabase, type Servers, startServers } from "./servers.js"
import type { Setting } from "./subjects.js"
import type { Run } from "./suites.js"

/** Costs of a fleet: `npm run bench -- --fleet`. It starts its own Postgres and Redis, and stops them. */
export interface FleetReport {
  readonly startedAt: string
  readonly machine: Machine
  /** Load averages over a minute, before and after. */
  readonly load: readonly [before: number, after: number]
  readonly delays: ReadonlyArray<DelayRow>
  readonly rates: ReadonlyArray<ThroughputRow>
  readonly claims: ReadonlyArray<ClaimRow>
}

/** How much of a fleet is measured. */
export interface FleetEffort extends RateEffort {
  /** Jobs per queue. */
  readonly jobs: number
  readonly claims: number
  /** Finished rows in the table, in this order. */
  readonly finished: ReadonlyArray<number>
  /** Jobs per round and worker. */
  readonly perWorker: Readonly<Record<Tool["name"], number>>
}

/** Takes about four minutes of processor time. */
export const fullFleet: FleetEffort = {
  jobs: 200,
  claims: 200,
  finished: [0, 100_000, 1_000_000],
  workers: [1, 2, 3, 4],
  rounds: 3,
  perWorker: { "no-op": 20, thumbnail: 8 }
}

/** Shows that everything works; too short for conclusions. */
export const quickFleet: FleetEffort = {
  jobs: 2,
  claims: 2,
  finished: [0, 1000],
  workers: [1, 2],
  rounds: 1,
  perWorker: { "no-op": 2, thumbnail: 2 }
}

/** Measures claims, delays and rates of a fleet. */
export const measureFleet = async (
  { folder, clip, ffmpeg, ffprobe }: Omit<Setting, "slots">,
  effort: FleetEffort,
  run: Run
): Promise<FleetReport> => {
  const startedAt = new Date().toISOString()
  const [before = 0] = loadavg()
  const noOp = await noOpTool(folder, ffmpeg)
  // The sandbox has no shell for a script.
  const atOnce = { FFMPEG_PATH: noOp, FFPROBE_PATH: ffprobe, FFKILN_SANDBOX: "off" }
  const tools: ReadonlyArray<Tool> = [
    { name: "no-op", ffmpeg: noOp, ffprobe, environment: atOnce, jobs: effort.perWorker["no-op"] },
    {
      name: "thumbnail",
      ffmpeg,
      ffprobe,
      environment: { FFMPEG_PATH: ffmpeg, FFPROBE_PATH: ffprobe },
      jobs: effort.perWorker.thumbnail
    }
  ]
  const servers = await startServers()
  try {
    const measured = {
      claims: await claimsOf(folder, servers, effort, run),
      delays: await delays(folder, { clip, tools: atOnce }, servers, effort.jobs, run),
      rates: await rates(folder, clip, servers, tools, effort, run)
    }
    const [after = 0] = loadavg()
    return { startedAt, machine: machine(ffmpeg), load: [before, after], ...measured }
  } finally {
    await servers.stop()
  }
}

const claimsOf = async (folder: string, servers: Servers, effort: FleetEffort, run: Run) => {
  const databases = [
    sqliteRows(join(folder, "claims.db")),
    postgresRows(await newDatabase(servers.postgres, "claims"))
  ]
  try {
    return await claims(databases, effort.finished, effort.claims, run)
  } finally {
    for (const { close } of databases) await close()
  }
}
