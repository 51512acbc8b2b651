import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import type { LimitValues } from "../../../core/limits.js"

/** What one process may use at most; the names are those of prlimit's options. */
export interface ResourceLimits {
  /** Bytes of address space. */
  readonly as: number
  /** Seconds of processor time. */
  readonly cpu: number
  /** Bytes of one file. */
  readonly fsize: number
  readonly nofile: number
  readonly core: number
  /** Processes and threads of the user it runs as. */
  readonly nproc: number
}

/** What a program gets that may run for so many seconds: all cores for that time. */
export const resourceLimits = (limits: LimitValues, seconds: number): ResourceLimits => ({
  as: limits.memoryBytes,
  cpu: Math.ceil((seconds * availableParallelism() * limits.cpuPercent) / 100),
  fsize: limits.fileBytes,
  nofile: limits.openFiles,
  core: 0,
  nproc: limits.processes
})

/** From the soft limit of processor time, of which ffmpeg hears, to the hard one, which kills. */
const graceSeconds = 5

/** Each limit, soft and hard. None can be raised above what the host allows ourselves; asking for more would end the start. */
export const withinHost = (
  limits: Partial<ResourceLimits>,
  hostLimits: HardLimits
): ReadonlyArray<{ readonly name: keyof ResourceLimits; readonly soft: number; readonly hard: number }> =>
  (Object.entries(limits) as ReadonlyArray<[keyof ResourceLimits, number]>).map(([name, value]) => {
    const most = hostLimits[name] ?? Number.POSITIVE_INFINITY
    const hard = name === "cpu" ? value + graceSeconds : value
    return { name, soft: Math.min(value, most), hard: Math.min(hard, most) }
  })

/** A command line in front of the program's own: prlimit sets the limits and replaces itself by the program. */
export const prlimitCommand = (
  prlimit: string,
  limits: Partial<ResourceLimits>,
  hostLimits: HardLimits
): ReadonlyArray<string> => [
  prlimit,
  ...withinHost(limits, hostLimits).map(({ name, soft, hard }) => `--${name}=${soft}:${hard}`),
  "--"
]

export type HardLimits = Partial<Readonly<Record<keyof ResourceLimits, number>>>

const names: Readonly<Record<string, keyof ResourceLimits>> = {
  "Max address space": "as",
  "Max cpu time": "cpu",
  "Max file size": "fsize",
  "Max open files": "nofile",
  "Max core file size": "core",
  "Max processes": "nproc"
}

/** The hard limits of this process, those that are none left out. Linux alone tells them. */
export const readHardLimits = (): HardLimits => {
  const found: Partial<Record<keyof ResourceLimits, number>> = {}
  for (const line of readFileSync("/proc/self/limits", "utf8").split("\n")) {
    const [title = "", , hard = ""] = line.split(/ {2,}/)
    const name = names[title]
    if (name !== undefined && hard !== "unlimited") found[name] = Number(hard)
  }
  return found
}
