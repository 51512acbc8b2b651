import { execFileSync } from "node:child_process"
import { mkdir, stat } from "node:fs/promises"
import { loadavg } from "node:os"
import { join } from "node:path"
import { interleave, median, milliseconds, perSecond, type Samples, type Subject } from "./measure.js"
import { type Running, runner, type Server, serve } from "./processes.js"
import { type Machine, machine } from "./report.js"
import type { Setting } from "./subjects.js"
import type { Run } from "./suites.js"

/** Costs of remote runs: `npm run bench -- --runners`. Host and runner share this machine and its cores. */
export interface RunnersReport {
  readonly startedAt: string
  readonly machine: Machine
  readonly load: readonly [before: number, after: number]
  readonly inputBytes: number
  readonly runs: ReadonlyArray<RunRow>
  readonly rates: ReadonlyArray<RunnerRateRow>
}

/** Wall time of a synchronous call. `ratio` compares with the host's own slot in the same rounds. */
export interface RunRow {
  readonly workload: string
  readonly where: string
  readonly n: number
  readonly medianMs: number
  /** From the submission until the job's progress is above 0. */
  readonly firstProgressMs: number
  readonly ratio: number
}

/** Jobs per second with a number of runners. */
export interface RunnerRateRow {
  readonly runners: number
  readonly n: number
  readonly perSecond: number
  /** Compared with one runner. */
  readonly ratio: number
}

/** How much of remote runs is measured: size of the input, rounds, and jobs per round and runner. */
export interface RunnersEffort {
  readonly inputBytes: number
  readonly rounds: number
  readonly jobs: number
}

/** Takes about five minutes. */
export const fullRunners: RunnersEffort = { inputBytes: 1024 ** 3, rounds: 5, jobs: 12 }

/** Shows that everything works; too short for conclusions. */
export const quickRunners: RunnersEffort = { inputBytes: 64 * 1024 ** 2, rounds: 1, jobs: 2 }

const token = "bench-runner:no-great-secret-either"

/** Measures single remote runs, and rates with one and two runners. */
export const measureRunners = async (
  { folder, clip, ffmpeg, ffprobe }: Omit<Setting, "slots">,
  effort: RunnersEffort,
  run: Run
): Promise<RunnersReport> => {
  const startedAt = new Date().toISOString()
  const [before = 0] = loadavg()
  const programs = { FFMPEG_PATH: ffmpeg, FFPROBE_PATH: ffprobe }
  const film = await rawFilm(join(folder, "film.mkv"), effort.inputBytes, ffmpeg)
  const { size } = await stat(film)
  const runs = await compareRuns(folder, film, programs, effort, run)
  const rates = await compareRates(folder, clip, programs, effort, run)
  const [after = 0] = loadavg()
  return { startedAt, machine: machine(ffmpeg), load: [before, after], inputBytes: size, runs, rates }
}

/** An uncompressed file: a large one needs only a short film. */
const rawFilm = async (path: string, bytes: number, ffmpeg: string): Promise<string> => {
  const frames = Math.ceil(bytes / (1280 * 720 * 1.5))
  const source = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30"]
  execFileSync(ffmpeg, [
    "-nostdin",
    "-v",
    "error",
    ...source,
    "-frames:v",
    `${frames}`,
    "-pix_fmt",
    "yuv420p",
    "-c:v",
    "rawvideo",
    path
  ])
  return path
}

interface Workload {
  readonly name: string
  readonly output: string
  readonly options: ReadonlyArray<string>
}

const workloads: ReadonlyArray<Workload> = [
  { name: "stream copy", output: "copy.mkv", options: ["-c", "copy"] },
  { name: "encode", output: "encoded.mp4", options: ["-c:v", "libx264", "-preset", "veryfast", "-crf", "28"] }
]

type Environment = Readonly<Record<string, string>>

const compareRuns = async (
  folder: string,
  film: string,
  programs: Environment,
  effort: RunnersEffort,
  { say, signal }: Run
) => {
  const processes: Array<Running> = []
  const open = async (name: string, slots: number, environment: Environment = {}) => {
    const server = await serve({
      data: join(folder, name),
      slots,
      environment: { ...programs, ...environment, FFKILN_RUNNER_TOKENS: token }
    })
    processes.push(server)
    return { server, file: await server.upload(film) }
  }
  const openWithRunner = async (name: string, environment: Environment) => {
    const opened = await open(`host-${name}`, 0)
    processes.push(
      await runner(
        { data: join(folder, `runner-${name}`), slots: 1, environment: { ...programs, ...environment } },
        opened.server.url,
        token
      )
    )
    return opened
  }
  try {
    const places = [
      { where: "own slot", ...(await open("local", 1)) },
      { where: "runner", ...(await openWithRunner("cold", { FFKILN_LIMIT_RUNNER_CACHE_BYTES: "1" })) },
      { where: "runner that has the input", ...(await openWithRunner("warm", {})) }
    ]
    const rows: Array<RunRow> = []
    for (const workload of workloads) {
      say(`${workload.name} of ${(effort.inputBytes / 1024 ** 2).toFixed(0)} MiB: ${effort.rounds} rounds`)
      const subjects = places.map(({ where, server, file }) => ({
        name: where,
        server,
        file,
        run: async () => void (await server.post("/ffmpeg/process", body(workload, file)))
      }))
      const times = await interleave(subjects, effort.rounds, milliseconds, signal)
      const firsts = await interleave(
        subjects,
        effort.rounds,
        ({ server, file }) => firstProgress(server, body(workload, file)),
        signal
      )
      rows.push(...rowsOf(workload.name, times, firsts))
    }
    return rows
  } finally {
    for (const each of processes.reverse()) await each.stop()
  }
}

const body = ({ output, options }: Pick<Workload, "output" | "options">, file: string) => ({
  task: { inputs: [{ file_path: file }], outputs: [{ file: output, options }] }
})

const rowsOf = (workload: string, times: Samples, firsts: Samples): ReadonlyArray<RunRow> => {
  const [own = []] = times.values()
  return [...times].map(([where, taken]) => ({
    workload,
    where,
    n: taken.length,
    medianMs: median(taken),
    firstProgressMs: median(firsts.get(where) ?? []),
    ratio: median(taken) / median(own)
  }))
}

/**
 * Milliseconds until the first progress. Waits for the end of the job, so that the next one does not run
 * beside it.
 */
const firstProgress = async (server: Server, task: unknown): Promise<number> => {
  const start = performance.now()
  const { job_id } = await server.post("/ffmpeg/process/async", task)
  let first: number | undefined
  while (true) {
    const { status, progress } = await server.get(`/job/${job_id}`)
    if (first === undefined && (status === "completed" || progress > 0)) first = performance.now() - start
    if (status === "completed") return first ?? Number.NaN
    if (status === "failed") throw new Error("a job of the bench failed")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/**
 * Each runner is restricted to one core, as if it had a machine of its own; otherwise one runner would use
 * both cores.
 */
const compareRates = async (
  folder: string,
  clip: string,
  programs: Environment,
  effort: RunnersEffort,
  { say, signal }: Run
) => {
  const processes: Array<Running> = []
  const samples = new Map<number, ReadonlyArray<number>>()
  try {
    for (const count of [1, 2]) {
      const data = join(folder, `rate-${count}`)
      await mkdir(data)
      const server = await serve({
        data,
        slots: 0,
        environment: { ...programs, FFKILN_RUNNER_TOKENS: token }
      })
      const started: Array<Running> = [server]
      processes.push(server)
      for (let core = 0; core < count; core++) {
        const setup = { data: join(data, `runner-${core}`), slots: 2, environment: programs, core }
        started.push(await runner(setup, server.url, token))
        processes.push(started.at(-1) as Running)
      }
      const file = await server.upload(clip)
      say(`${count} runners of 2 slots: ${effort.rounds} rounds of ${effort.jobs * count}`)
      const encode = { options: ["-t", "2", "-c:v", "libx264", "-crf", "28", "-threads", "1", "-c:a", "aac"] }
      const subject: Subject = {
        name: `${count}`,
        run: async (caller) =>
          void (await server.post("/ffmpeg/process", body({ ...encode, output: `out-${caller}.mp4` }, file)))
      }
      const measured = await interleave(
        [subject],
        effort.rounds,
        perSecond(3 * count, effort.jobs * count),
        signal
      )
      samples.set(count, measured.get(subject.name) ?? [])
      for (const each of started.reverse()) await each.stop()
    }
  } finally {
    for (const each of processes.reverse()) await each.stop()
  }
  const one = median(samples.get(1) ?? [])
  return [...samples].map(([runners, rates]) => ({
    runners,
    n: rates.length,
    perSecond: median(rates),
    ratio: median(rates) / one
  }))
}
