// Tests ffkiln with several versions of ffmpeg and prints what each of them holds. Versions may be named: `npm run test:versions -- 7.1 9.0`.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { ffmpegBuilds } from "./setup/ffmpeg-builds.mjs"
import { cache, place, root } from "./setup/places.mjs"
import { Problem, report, say } from "./setup/problem.mjs"
import { onPath } from "./setup/system.mjs"
import { setUp } from "./setup.mjs"

/** What is run with each version, by the column that its results stand in. */
const columns = /** @type {const} */ ([
  ["adapter tests", ["adapters/ffmpeg/index.test.ts", "adapters/ffmpeg/capabilities.test.ts"]],
  ["ordinary commands", ["hosts/embed/ordinary.test.ts"]],
  ["failing tasks with their reason", ["adapters/ffmpeg/failures.test.ts"]]
])

/** @param {import("./setup/ffmpeg-builds.mjs").Build} build @param {NodeJS.ProcessEnv} [more] */
const environmentOf = ({ ffmpeg, ffprobe }, more = {}) => ({
  ...process.env,
  PATH: `${dirname(ffmpeg)}:${process.env.PATH ?? ""}`,
  FFMPEG_PATH: ffmpeg,
  FFPROBE_PATH: ffprobe,
  // Small builds can't make all samples.
  FFKILN_SAMPLES_FFMPEG: onPath("ffmpeg"),
  ...more
})

/** Seconds until a server with an empty cache is ready, or the sentence with which it refuses. @param {import("./setup/ffmpeg-builds.mjs").Build} build */
const readiness = async (build) => {
  const folder = mkdtempSync(cache("versions-"))
  const began = Date.now()
  const command = [place("dist", "hosts", "cli", "main.js"), "serve", "--port", "0", "--data", join(folder, "data")]
  const env = environmentOf(build, { XDG_CACHE_HOME: join(folder, "cache") })
  const server = spawn(process.execPath, command, { env, stdio: ["ignore", "pipe", "pipe"] })
  try {
    const complaints = text(server.stderr)
    const exit = once(server, "exit")
    for await (const line of createInterface(server.stdout)) {
      if (line.startsWith("ffkiln listening on ")) return { seconds: (Date.now() - began) / 1000 }
    }
    await exit
    return { refusal: (await complaints).trim() }
  } finally {
    if (server.exitCode === null && server.signalCode === null) {
      const exit = once(server, "exit")
      server.kill("SIGTERM")
      await exit
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Tests that passed, of all. @param {import("./setup/ffmpeg-builds.mjs").Build} build @param {ReadonlyArray<string>} files */
const results = async (build, files) => {
  const output = cache(`versions-${process.pid}.json`)
  const args = [place("node_modules", "vitest", "vitest.mjs"), "run", "--reporter=json", `--outputFile.json=${output}`, ...files]
  try {
    const tests = spawn(process.execPath, args, { cwd: root, env: environmentOf(build), stdio: "ignore" })
    await once(tests, "exit")
    if (!existsSync(output)) return "no result"
    const { numPassedTests, numTotalTests, numPendingTests } = JSON.parse(readFileSync(output, "utf8"))
    return `${numPassedTests} of ${numTotalTests - numPendingTests}`
  } finally {
    rmSync(output, { force: true })
  }
}

await report(async () => {
  await setUp()
  const builds = ffmpegBuilds(process.argv.slice(2))
  if (builds.length === 0)
    throw new Problem("no build of ffmpeg can be had here: set FFKILN_FFMPEG_BUILDS to a folder with VERSION/ffmpeg and VERSION/ffprobe")
  console.log(
    `| ffmpeg | seconds to ready | ${columns.map(([title]) => title).join(" | ")} |\n|---|---|${columns.map(() => "---|").join("")}`
  )
  for (const build of builds) {
    say(`testing with ffmpeg ${build.version}`)
    const { seconds, refusal } = await readiness(build)
    const cells = []
    if (seconds !== undefined) for (const [, files] of columns) cells.push(await results(build, files))
    console.log(`| ${[build.version, seconds?.toFixed(1) ?? `refused: ${refusal}`, ...cells].join(" | ")} |`)
  }
})
