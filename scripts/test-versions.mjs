// Tests ffkiln with several versions of ffmpeg and prints a table: npm run test:versions -- [--long]
// [VERSION...]
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { ffmpegBuilds } from "./setup/ffmpeg-builds.mjs"
import { cache, place, root } from "./setup/places.mjs"
import { Problem, report, say } from "./setup/problem.mjs"
import { onPath } from "./setup/system.mjs"
import { setUp } from "./setup.mjs"

/**
 * Format of vitest's JSON reporter.
 * @typedef {{ readonly status: string, readonly fullName: string, readonly meta?: { readonly ordinary?: string } }} Test
 * @typedef {import("./setup/ffmpeg-builds.mjs").Build} Build
 */

const args = process.argv.slice(2)
const long = args.includes("--long")

const passed = (/** @type {ReadonlyArray<Test>} */ tests) => {
  const run = tests.filter(({ status }) => status === "passed" || status === "failed")
  return `${run.filter(({ status }) => status === "passed").length} of ${run.length}`
}

/** How ordinary commands end, from the metadata of the test results. */
const ordinary = (/** @type {ReadonlyArray<Test>} */ tests) => {
  const all = tests.filter(({ status }) => status === "passed" || status === "failed")
  const count = (/** @type {string} */ what) =>
    all.filter(({ status, meta }) => status === "passed" && meta?.ordinary === what).length
  return `${count("runs")} of ${all.length}; ${count("refused in words")} refused in words`
}

/** The test files that run with each version, by the column of their results. */
const columns = [
  { title: "ordinary commands run", files: ["hosts/embed/ordinary.test.ts"], cell: ordinary },
  { title: "failing tasks with their reason", files: ["adapters/ffmpeg/log/failures.test.ts"], cell: passed },
  {
    title: "adapter tests",
    files: [
      "index",
      "formats",
      ...["capabilities", "moved-options", "new-formats"].map((name) => `capabilities/${name}`)
    ].map((name) => `adapters/ffmpeg/${name}.test.ts`),
    cell: passed
  },
  ...(long
    ? [
        {
          title: "keys of encoders",
          files: ["adapters/ffmpeg/capabilities/encoder-keys.test.ts"],
          cell: passed
        }
      ]
    : [])
]

/** @param {Build} build @param {NodeJS.ProcessEnv} [more] */
const environmentOf = ({ ffmpeg, ffprobe }, more = {}) => ({
  ...process.env,
  PATH: `${dirname(ffmpeg)}:${process.env.PATH ?? ""}`,
  FFMPEG_PATH: ffmpeg,
  FFPROBE_PATH: ffprobe,
  // Small builds can't make all sample files.
  FFKILN_TEST_SAMPLES_FFMPEG: onPath("ffmpeg"),
  ...(long && { FFKILN_TEST_LONG: "1" }),
  ...more
})

/**
 * Seconds until a server with an empty cache is ready, or the message with which it refuses to start.
 * @param {Build} build @param {(folder: string) => NodeJS.ProcessEnv} [change]
 */
const readiness = async (build, change = () => ({})) => {
  const folder = mkdtempSync(cache("versions-"))
  const command = [place("dist", "cli", "ffkiln.js"), "serve", "--port", "0", "--data", join(folder, "data")]
  const env = environmentOf(build, { XDG_CACHE_HOME: join(folder, "cache"), ...change(folder) })
  const began = Date.now()
  const server = spawn(process.execPath, command, { env, stdio: ["ignore", "pipe", "pipe"] })
  try {
    const complaints = text(server.stderr)
    const exit = once(server, "exit")
    for await (const line of createInterface(server.stdout)) {
      if (line.startsWith("ffkiln listening on "))
        return { seconds: ((Date.now() - began) / 1000).toFixed(1) }
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

/**
 * The same build with a version that has no option table. The program is a script, which needs a server
 * without a sandbox.
 * @param {string} folder @param {Build} build
 */
const unlisted = (folder, { ffmpeg }) => {
  const path = join(folder, "ffmpeg")
  const script = `#!/bin/sh\nif [ "$1" = -version ]; then '${ffmpeg}' -version | sed '1s/$/ unlisted/'; exit; fi\nexec '${ffmpeg}' "$@"\n`
  writeFileSync(path, script, { mode: 0o755 })
  return { FFMPEG_PATH: path, FFKILN_SANDBOX: "off" }
}

/**
 * The results of test files; undefined when vitest did not finish.
 * @param {Build} build @param {ReadonlyArray<string>} files
 */
const results = async (build, files) => {
  const output = cache(`versions-${process.pid}.json`)
  const command = [
    place("node_modules", "vitest", "vitest.mjs"),
    "run",
    "--reporter=json",
    `--outputFile.json=${output}`,
    ...files
  ]
  try {
    const tests = spawn(process.execPath, command, { cwd: root, env: environmentOf(build), stdio: "ignore" })
    await once(tests, "exit")
    if (!existsSync(output)) return undefined
    const { testResults } = JSON.parse(readFileSync(output, "utf8"))
    return testResults.flatMap(
      (/** @type {{ assertionResults: ReadonlyArray<Test>, status: string, name: string }} */ file) =>
        file.assertionResults.length === 0 && file.status === "failed"
          ? [{ status: "failed", fullName: file.name }]
          : file.assertionResults
    )
  } finally {
    rmSync(output, { force: true })
  }
}

/** Whether a build lacks what the suites of the ports need to make their clips. @param {Build} build */
const isSmall = ({ ffmpeg }) =>
  !/ testsrc /.test(execFileSync(ffmpeg, ["-v", "error", "-filters"], { encoding: "utf8" }))

const row = (/** @type {ReadonlyArray<string>} */ cells) => `| ${cells.join(" | ")} |`

await report(async () => {
  await setUp()
  const builds = ffmpegBuilds(args.filter((arg) => arg !== "--long"))
  if (builds.length === 0)
    throw new Problem(
      "no build of ffmpeg is available here: set FFKILN_TEST_FFMPEG_BUILDS to a folder with VERSION/ffmpeg and VERSION/ffprobe"
    )
  const rows = []
  const failures = []
  // The table is printed at the end; each row is also printed as soon as it is complete.
  for (const build of builds) {
    say(`testing with ffmpeg ${build.version}`)
    const { seconds, refusal } = await readiness(build)
    if (seconds === undefined) {
      rows.push([build.version, `refused: ${refusal}`, "", ...columns.map(() => "")])
      continue
    }
    const { seconds: unlistedSeconds = "" } = await readiness(build, (folder) => unlisted(folder, build))
    const cells = []
    for (const { files, cell } of columns) {
      const small = isSmall(build)
      const tests = await results(
        build,
        files.filter((file) => !small || !file.includes("/index."))
      )
      cells.push(
        tests === undefined
          ? "no result"
          : `${cell(tests)}${small && files.length > 1 ? ", without the suites" : ""}`
      )
      for (const { status, fullName } of tests ?? [{ status: "failed", fullName: "vitest" }])
        if (status === "failed") failures.push(`${build.version}: ${fullName}`)
    }
    rows.push([build.version, seconds, unlistedSeconds, ...cells])
    say(rows.at(-1)?.join(", ") ?? "")
  }
  const titles = [
    "ffmpeg",
    "seconds to ready with an empty cache",
    "of a build that no table is of",
    ...columns.map(({ title }) => title)
  ]
  console.log([row(titles), row(titles.map(() => "---")), ...rows.map(row)].join("\n"))
  if (failures.length === 0) return
  console.log(`\nfailed:\n${failures.join("\n")}`)
  process.exitCode = 1
})
