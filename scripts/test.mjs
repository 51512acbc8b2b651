// Set-up, type check, lint, tests. `--check` skips the tests, `--long` makes their campaigns longer; other
// arguments go to vitest.
import { existsSync, readFileSync, rmSync } from "node:fs"
import { follow } from "./child.mjs"
import { summary } from "./kinds.mjs"
import { chromium } from "./setup/chromium.mjs"
import { outsideWarning } from "./setup/outside-packages.mjs"
import { cache, place, root } from "./setup/places.mjs"
import { postgres } from "./setup/postgres.mjs"
import { report, say } from "./setup/problem.mjs"
import { radosgw } from "./setup/radosgw.mjs"
import { redis } from "./setup/redis.mjs"
import { testTools } from "./setup/test-tools.mjs"
import { setUp } from "./setup.mjs"

const ownFlags = ["--check", "--long"]
const args = process.argv.slice(2)
const [checkOnly, long] = ownFlags.map((flag) => args.includes(flag))

const text = (/** @type {string} */ file) => readFileSync(file, "utf8")
const tool = (/** @type {string[]} */ ...path) => place("node_modules", ...path)

const typeCheck = () => follow([tool("typescript", "bin", "tsc"), "-p", place("tsconfig.json")])
const lint = () => follow([tool("@biomejs", "biome", "bin", "biome"), "ci", "."])

const tests = async () => {
  // A file for this run only, since another run may be in progress.
  const results = cache(`tests-${process.pid}.json`)
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`]
  try {
    const code = await follow(
      [tool("vitest", "vitest.mjs"), "run", ...reporters, ...args.filter((arg) => !ownFlags.includes(arg))],
      long ? { FFKILN_TEST_LONG: "1" } : {}
    )
    if (existsSync(results)) console.log(`\n${summary(JSON.parse(text(results)).testResults, root, text)}`)
    return code
  } finally {
    rmSync(results, { force: true })
  }
}

/** @type {ReadonlyArray<readonly [string, () => Promise<number>]>} */
const steps = [
  ["type-check", typeCheck],
  ["lint", lint],
  ...(checkOnly ? [] : [/** @type {const} */ (["tests", tests])])
]

await report(async () => {
  const warning = outsideWarning()
  if (warning !== undefined) say(warning)
  await setUp(checkOnly ? [] : [chromium, testTools, postgres, radosgw, redis])
  for (const [name, step] of steps) {
    const code = await step()
    if (code !== 0) {
      say(`${name}: failed`)
      process.exitCode = code
      return
    }
    if (name !== "tests") say(`${name}: fine`)
  }
  // Repeated, since the output has moved the first one out of sight.
  if (warning !== undefined) say(warning)
})
