// Asks the installed ffmpeg for its filters and their options and writes core/policy/tables/filters-5.ts from
// the answers.
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { place } from "./setup/places.mjs"
import { Problem, report, say } from "./setup/problem.mjs"

const ffmpeg = process.env.FFMPEG_PATH ?? "ffmpeg"

/** The output of ffmpeg, also when it fails. Runs in its own folder, since some filters write files. */
const ask = (/** @type {string} */ cwd, /** @type {ReadonlyArray<string>} */ ...args) =>
  new Promise((/** @type {(text: string) => void} */ resolve) => {
    const options = { cwd, maxBuffer: 2 ** 24, timeout: 20_000 }
    execFile(ffmpeg, ["-hide_banner", "-nostdin", ...args], options, (_, stdout, stderr) =>
      resolve(stdout + stderr)
    )
  })

const all = (/** @type {RegExp} */ pattern, /** @type {string} */ text) => [...text.matchAll(pattern)]

/**
 * Makes one line of the table. Only ffmpeg's log shows which option a value without a key sets: the help also
 * lists aliases, in another order, and hides some options.
 */
const lineOf = async (/** @type {string} */ cwd, /** @type {string} */ name, /** @type {string} */ makes) => {
  const help = await ask(cwd, "-h", `filter=${name}`)
  const log = await ask(cwd, "-v", "debug", "-filter_complex", `${name}=${Array(200).fill("1").join(":")}`)
  if (/^\S/.test(help) && !help.startsWith(`Filter ${name}`))
    throw new Problem(`ffmpeg has no help for the filter ${name}`)
  const listed = all(/^ {2,3}-?(\S+) +<(\S+)> /gm, help).map(([, option = "", type]) => ({
    option,
    isSize: type === "image_size"
  }))
  const marked = (/** @type {string} */ option) =>
    listed.some((each) => each.option === option && each.isSize) ? `${option}*` : option
  const ordered = all(/Setting '(.*?)' to value/g, log).map(([, option = ""]) => option)
  const others = [...new Set(listed.map(({ option }) => option))].filter(
    (option) => !ordered.includes(option)
  )
  const words = [...ordered.map(marked), ...(others.length > 0 ? ["/", ...others.map(marked)] : [])]
  return `${name} ${/[VN]/.test(makes) ? "picture" : "other"}: ${words.join(" ")}`.trimEnd()
}

const folded = (/** @type {string} */ line) => line.replace(/(.{1,130})(?: |$)/g, "$1\n  ").trimEnd()

const source = (
  /** @type {string} */ text
) => `import { type FilterTable, parseFilterTable } from "./filter-table.js"

/** The filters of ffmpeg 5.1 and their options: made by \`npm run filter-table\`, not by hand. */
export const filters5: FilterTable = parseFilterTable(\`${text}\`)
`

await report(async () => {
  const cwd = mkdtempSync(join(tmpdir(), "ffmpeg-filters-"))
  try {
    const version = /^ffmpeg version (\S+)/.exec(await ask(cwd, "-version"))?.[1] ?? "unknown"
    if (!version.startsWith("5."))
      throw new Problem(`the table is made with ffmpeg 5, but this is ${version}: set FFMPEG_PATH`)
    const filters = all(/^ [T.][S.][C.] (\S+)\s+\S+->(\S+)/gm, await ask(cwd, "-filters")).map(
      ([, name = "", makes = ""]) => ({
        name,
        makes
      })
    )
    say(`asking ffmpeg about each of its ${filters.length} filters: this may take a minute or two`)
    const lines = /** @type {Array<string>} */ ([])
    const waiting = [...filters]
    const work = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
        lines.push(await lineOf(cwd, next.name, next.makes))
    }
    await Promise.all([work(), work(), work()])
    writeFileSync(
      place("core", "policy", "tables", "filters-5.ts"),
      source(lines.sort().map(folded).join("\n"))
    )
    say(`wrote ${lines.length} filters`)
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
})
