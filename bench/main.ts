import { execFileSync } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { type FleetReport, fullFleet, measureFleet, quickFleet } from "./fleet.js"
import { machine, type Report } from "./report.js"
import { fullRunners, measureRunners, quickRunners, type RunnersReport } from "./runners.js"
import { calls, full, fullLaunch, latency, launches, quick, type Run, throughput } from "./suites.js"
import { fleetTable, runnersTable, table } from "./table.js"

/**
 * `npm run bench -- [--launch | --fleet | --runners] [--quick] [--json FILE]`: measures the overhead of a call over the
 * plain program, and calls per second. `--launch` measures runs without jobs and HTTP, warm and started anew, `--fleet` several
 * processes, `--runners` remote runners.
 */
const flag = { type: "boolean", default: false } as const
const { values: args } = parseArgs({
  options: { launch: flag, fleet: flag, runners: flag, quick: flag, json: { type: "string" } }
})
const ffmpeg = process.env.FFMPEG_PATH || "ffmpeg"
const ffprobe = process.env.FFPROBE_PATH || "ffprobe"

/** Makes a moving test picture with a tone, `seconds` long. */
const makeClip = (path: string, seconds: number) => {
  const picture = ["-f", "lavfi", "-i", `testsrc2=size=1280x720:rate=30:duration=${seconds}`]
  const tone = ["-f", "lavfi", "-i", `sine=frequency=440:duration=${seconds}`]
  const codecs = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-pix_fmt",
    "yuv420p",
    "-c:a",
    "aac",
    "-movflags",
    "+faststart"
  ]
  execFileSync(ffmpeg, ["-nostdin", "-v", "error", ...picture, ...tone, ...codecs, path])
}

/** The report and its table. */
const measure = async (
  folder: string,
  run: Run
): Promise<readonly [report: Report | FleetReport | RunnersReport, table: string]> => {
  const clip = join(folder, "clip.mp4")
  makeClip(clip, args.quick ? 2 : 10)
  if (args.fleet) {
    const report = await measureFleet(
      { folder, clip, ffmpeg, ffprobe },
      args.quick ? quickFleet : fullFleet,
      run
    )
    return [report, fleetTable(report)]
  }
  if (args.runners) {
    const report = await measureRunners(
      { folder, clip, ffmpeg, ffprobe },
      args.quick ? quickRunners : fullRunners,
      run
    )
    return [report, runnersTable(report)]
  }
  const effort = args.quick ? quick : args.launch ? fullLaunch : full
  const subjects = args.launch ? launches : calls
  const setting = { folder, clip, slots: 1, ffmpeg, ffprobe }
  const report: Report = {
    startedAt: new Date().toISOString(),
    machine: machine(ffmpeg),
    latency: await latency(setting, subjects, effort, run),
    throughput: await throughput(setting, subjects, effort, run)
  }
  return [report, table(report)]
}

const stopping = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}`)))

// Not in the system's temporary directory: it may be in memory, but servers keep their files on disks.
const cache = fileURLToPath(new URL("../../.cache/", import.meta.url))
await mkdir(cache, { recursive: true })
const folder = await mkdtemp(join(cache, `bench-${process.pid}-`))
try {
  const [report, printed] = await measure(folder, {
    say: (line) => process.stderr.write(`${line}\n`),
    signal: stopping.signal
  })
  console.log(`\n${printed}`)
  if (args.json !== undefined) await writeFile(args.json, `${JSON.stringify(report, null, 2)}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
