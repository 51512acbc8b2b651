import { interleave, milliseconds, perSecond, type Samples, type Subject } from "./measure.js"
import { type LatencyRow, latencyRows, type ThroughputRow, throughputRows } from "./report.js"
import { bare, inProcess, overHttp, type Setting, type Side, unconfined } from "./subjects.js"
import { encode, probe, thumbnail, type Workload } from "./workloads.js"

/** How much is measured. */
export interface Effort {
  /** Timed calls of each subject. */
  readonly calls: ReadonlyArray<readonly [Workload, number]>
  /** Tasks of one round, or one for each caller where these are more. */
  readonly tasks: ReadonlyArray<readonly [Workload, number]>
  readonly callers: ReadonlyArray<number>
  /** Rounds of each subject at each number of callers. */
  readonly rounds: number
}

/** Some ten minutes on two cores. */
export const full: Effort = {
  calls: [
    [thumbnail, 60],
    [probe, 60],
    [encode, 12]
  ],
  tasks: [
    [thumbnail, 24],
    [encode, 4]
  ],
  callers: [1, 2, 4, 8],
  rounds: 5
}

/** Enough to see that everything works, and nothing to conclude from. */
export const quick: Effort = {
  calls: [
    [thumbnail, 1],
    [probe, 1],
    [encode, 1]
  ],
  tasks: [[thumbnail, 2]],
  callers: [1, 2],
  rounds: 1
}

/** Where to say what is measured next, and what ends it all between two measurements. */
export interface Run {
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/** The time of one call, with a server that has nothing else to do. */
export const latency = (setting: Setting, { calls }: Effort, { say, signal }: Run): Promise<ReadonlyArray<LatencyRow>> =>
  withSides([bare, unconfined, inProcess, overHttp], setting, async (sides) => {
    const rows: LatencyRow[] = []
    for (const [workload, count] of calls) {
      say(`${workload.name}: ${count} calls of each subject`)
      rows.push(...latencyRows(workload.name, await interleave(subjects(sides, workload), count, milliseconds, signal)))
    }
    return rows
  })

/** Tasks a second when several callers keep at it, with as many slots as callers. */
export const throughput = async (
  setting: Setting,
  { tasks, callers: numbers, rounds }: Effort,
  { say, signal }: Run
): Promise<ReadonlyArray<ThroughputRow>> => {
  const byWorkload = new Map<Workload, Map<number, Samples>>(tasks.map(([workload]) => [workload, new Map()]))
  for (const callers of numbers) {
    await withSides([bare, inProcess, overHttp], { ...setting, slots: callers }, async (sides) => {
      for (const [workload, least] of tasks) {
        const total = Math.max(least, callers)
        say(`${workload.name}, ${callers} at a time: ${rounds} rounds of ${total} for each subject`)
        const samples = await interleave(subjects(sides, workload), rounds, perSecond(callers, total), signal)
        byWorkload.get(workload)?.set(callers, samples)
      }
    })
  }
  return [...byWorkload].flatMap(([{ name }, byCallers]) => throughputRows(name, byCallers))
}

const subjects = (sides: ReadonlyArray<Side>, workload: Workload): ReadonlyArray<Subject> => sides.map((side) => side.subject(workload))

/** The sides over one clip, closed at the end whatever happens. */
const withSides = async <A>(
  makers: ReadonlyArray<(setting: Setting) => Promise<Side>>,
  setting: Setting,
  body: (sides: ReadonlyArray<Side>) => Promise<A>
): Promise<A> => {
  const sides: Side[] = []
  try {
    for (const make of makers) sides.push(await make(setting))
    return await body(sides)
  } finally {
    for (const side of sides.reverse()) await side.close()
  }
}
