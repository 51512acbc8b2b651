import { interleave, milliseconds, perSecond, type Samples, type Subject } from "./measure.js"
import { type LatencyRow, latencyRows, type ThroughputRow, throughputRows } from "./report.js"
import { bare, inProcess, overHttp, runAlone, type Setting, type Side, unconfined } from "./subjects.js"
import { encode, longEncode, probe, thumbnail, type Workload } from "./workloads.js"

/** How much is measured. */
export interface Effort {
  /** Timed calls per subject. */
  readonly calls: ReadonlyArray<readonly [Workload, number]>
  /** Tasks per round; at least one per caller. */
  readonly tasks: ReadonlyArray<readonly [Workload, number]>
  readonly callers: ReadonlyArray<number>
  /** Rounds per subject and number of callers. */
  readonly rounds: number
}

/** Takes about ten minutes on two cores. */
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

/** Shows that everything works; too short for conclusions. */
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

/** For runs alone: more calls, since the difference between two ways of starting a program is small. */
export const fullLaunch: Effort = {
  calls: [
    [thumbnail, 60],
    [probe, 60],
    [longEncode, 15]
  ],
  tasks: [[thumbnail, 40]],
  callers: [1, 2, 4, 8],
  rounds: 5
}

/** The subjects of a measurement of single calls, and of one of calls per second. */
export interface Subjects {
  readonly latency: ReadonlyArray<(setting: Setting) => Promise<Side>>
  readonly throughput: ReadonlyArray<(setting: Setting) => Promise<Side>>
}

/** What a call of ffkiln costs. */
export const calls: Subjects = {
  latency: [bare, unconfined, inProcess, overHttp],
  throughput: [bare, inProcess, overHttp]
}

const alone = [bare, runAlone("run alone, plain", "plain"), runAlone("run alone", "auto")]

/** What a run without jobs and HTTP costs, by the way in which its program is started. */
export const launches: Subjects = { latency: alone, throughput: alone }

/** Prints what is measured next; the signal ends the run between two measurements. */
export interface Run {
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/** Times of single calls on an idle server. */
export const latency = (
  setting: Setting,
  { latency: makers }: Subjects,
  { calls }: Effort,
  { say, signal }: Run
): Promise<ReadonlyArray<LatencyRow>> =>
  withSides(makers, setting, async (sides) => {
    const rows: LatencyRow[] = []
    for (const [workload, count] of calls) {
      say(`${workload.name}: ${count} calls of each subject`)
      rows.push(
        ...latencyRows(
          workload.name,
          await interleave(subjects(sides, workload), count, milliseconds, signal)
        )
      )
    }
    return rows
  })

/** Tasks per second with several concurrent callers and as many slots. */
export const throughput = async (
  setting: Setting,
  { throughput: makers }: Subjects,
  { tasks, callers: numbers, rounds }: Effort,
  { say, signal }: Run
): Promise<ReadonlyArray<ThroughputRow>> => {
  const byWorkload = new Map<Workload, Map<number, Samples>>(tasks.map(([workload]) => [workload, new Map()]))
  for (const callers of numbers) {
    await withSides(makers, { ...setting, slots: callers }, async (sides) => {
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

const subjects = (sides: ReadonlyArray<Side>, workload: Workload): ReadonlyArray<Subject> =>
  sides.map((side) => side.subject(workload))

/** Opens the sides for one clip, and closes them at the end, also after a failure. */
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
