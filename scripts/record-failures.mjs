// Runs the tasks of adapters/ffmpeg/log/failing-tasks.suite.ts with other builds of ffmpeg and records their
// logs: npm run record-failures -- NAME=PROGRAM..., such as 7.1=/opt/ffmpeg-7.1/ffmpeg.
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runnerImport } from "vite"
import { place } from "./setup/places.mjs"
import { report, say } from "./setup/problem.mjs"

/** Most lines of a log that are kept. Only tasks that succeed have longer logs. */
const maxLines = 60

/**
 * The log without the indented dumps (except the list of streams) and without addresses, which differ each
 * time.
 */
const kept = (/** @type {string} */ log) =>
  log
    .split("\n")
    .filter(
      (line) =>
        /^(?:\S| {2,4}Stream #)/.test(line) &&
        !/^\[AVIOContext @ |^\[libx26\d @ .*(?:mb |coded |i16 |i8 |i4 |ref )/.test(line)
    )
    .map((line) => line.replace(/ @ (?:0x)?[0-9a-f]{6,}\]/g, " @ 0x1]"))
    .slice(-maxLines)

/**
 * @param {string} name
 * @param {string} program
 * @param {string} folder
 * @param {{ failingTasks: ReadonlyArray<any>, sources: any, texts: any, planOf: any, titleOf: any }} tasks
 */
const record = (name, program, folder, { failingTasks, planOf, titleOf }) => {
  const runs = failingTasks.map((task) => {
    rmSync(join(folder, "out"), { recursive: true, force: true })
    mkdirSync(join(folder, "out"))
    const { args, inputs } = planOf(task, (/** @type {string} */ input) => statSync(join(folder, input)).size)
    mkdirSync(join(folder, "in"), { recursive: true })
    for (const { name: staged, givenName } of inputs) {
      writeFileSync(join(folder, "in", staged), readFileSync(join(folder, givenName ?? staged)))
    }
    const { status, signal, stderr } = spawnSync(program, args, {
      cwd: join(folder, "in"),
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"]
    })
    return { title: titleOf(task), end: signal ?? `${status}`, log: status === 0 ? [] : kept(stderr) }
  })
  const text = runs.map(({ title, end, log }) => [`=== ${end} ${title}`, ...log, ""].join("\n")).join("\n")
  writeFileSync(place("adapters", "ffmpeg", "log", "recorded-failures", `${name}.txt`), text)
  say(`${name}: ${runs.length} tasks, ${runs.filter(({ end }) => end === "0").length} of them succeed`)
}

await report(async () => {
  const { module: tasks } = await runnerImport(place("adapters", "ffmpeg", "log", "failing-tasks.suite.ts"))
  const folder = mkdtempSync(join(tmpdir(), "record-failures-"))
  try {
    for (const [name, text] of Object.entries(tasks.texts)) writeFileSync(join(folder, name), text)
    for (const [name, args] of Object.entries(tasks.sources))
      execFileSync("ffmpeg", ["-v", "error", ...args, join(folder, name)])
    writeFileSync(join(folder, "cut.mp4"), readFileSync(join(folder, "clip.mp4")).subarray(0, 2000))
    for (const each of process.argv.slice(2)) {
      const at = each.indexOf("=")
      record(each.slice(0, at), each.slice(at + 1), folder, tasks)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
