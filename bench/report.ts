import { execFileSync } from "node:child_process"
import { cpus, totalmem } from "node:os"
import { median, quantile, type Samples } from "./measure.js"

/** The results of a run of the bench, as `--json` writes them. */
export interface Report {
  readonly startedAt: string
  readonly machine: Machine
  readonly latency: ReadonlyArray<LatencyRow>
  readonly throughput: ReadonlyArray<ThroughputRow>
}

/** The machine of a run, and the versions of its programs. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly platform: string
  readonly node: string
  readonly ffmpeg: string
}

/**
 * Duration of a call. `addedMs` and `ratio` compare its median with that of the bare program in the same
 * rounds.
 */
export interface LatencyRow {
  readonly workload: string
  readonly subject: string
  readonly n: number
  readonly medianMs: number
  readonly p90Ms: number
  readonly addedMs: number
  readonly ratio: number
}

/**
 * Calls per second. `ratio` compares with the bare program at as many callers, `ratioToBest` with its best
 * result.
 */
export interface ThroughputRow {
  readonly workload: string
  readonly callers: number
  readonly subject: string
  readonly n: number
  readonly perSecond: number
  readonly ratio: number
  readonly ratioToBest: number
}

/** The subject that all others are compared with. */
export const bareName = "bare spawn"

/** The rows of one workload, the bare program first. */
export const latencyRows = (workload: string, samples: Samples): ReadonlyArray<LatencyRow> => {
  const bare = median(samples.get(bareName) ?? [])
  return [...samples].map(([subject, times]) => {
    const medianMs = median(times)
    return {
      workload,
      subject,
      n: times.length,
      medianMs,
      p90Ms: quantile(times, 0.9),
      addedMs: medianMs - bare,
      ratio: medianMs / bare
    }
  })
}

/** The rows of one workload for all numbers of callers. */
export const throughputRows = (
  workload: string,
  byCallers: ReadonlyMap<number, Samples>
): ReadonlyArray<ThroughputRow> => {
  const bareOf = (samples: Samples) => median(samples.get(bareName) ?? [])
  const best = Math.max(...[...byCallers.values()].map(bareOf))
  return [...byCallers].flatMap(([callers, samples]) =>
    [...samples].map(([subject, rates]) => {
      const perSecond = median(rates)
      return {
        workload,
        callers,
        subject,
        n: rates.length,
        perSecond,
        ratio: perSecond / bareOf(samples),
        ratioToBest: perSecond / best
      }
    })
  )
}

/** Describes this machine. */
export const machine = (ffmpeg: string): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  platform: `${process.platform} ${process.arch}`,
  node: process.versions.node,
  ffmpeg:
    /^ffmpeg version (\S+)/.exec(execFileSync(ffmpeg, ["-version"], { encoding: "utf8" }))?.[1] ?? "unknown"
})
