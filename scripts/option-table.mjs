// Asks an ffmpeg how it reads its options and writes its table to core/policy/tables. Other tables contain
// differences from 5.1.
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { pathOf } from "./setup/ffmpeg.mjs"
import { cache, place } from "./setup/places.mjs"
import { Problem, report, say } from "./setup/problem.mjs"
import { setUp } from "./setup.mjs"

const baseVersion = "5.1"

/** @param {string} version @param {string} text @param {string} name */
const source = (version, text, name) =>
  version === baseVersion
    ? `import { type OptionTable, parseTable } from "./option-table.js"

/** How ffmpeg ${version} reads its command line: made by \`npm run option-table\`, not by hand. */
export const ${name} = parseTable(\`${text}\`) as OptionTable
`
    : `import { ffmpeg5 } from "./ffmpeg-5.js"
import { type OptionTable, parseTable } from "./option-table.js"

/**
 * How ffmpeg ${version} reads its command line, where it differs from 5.1: made by \`npm run option-table\`,
 * not by hand.
 */
export const ${name} = parseTable(
  \`${text}\`,
  { base: ffmpeg5 }
) as OptionTable
`

await report(async () => {
  await setUp()
  const { Effect } = await import("effect")
  const { makeOptionTable } = await import(
    place("dist", "adapters", "ffmpeg", "capabilities", "option-table.js")
  )
  const { buildOf } = await import(place("dist", "adapters", "ffmpeg", "versions.js"))
  const { openWorkRoot } = await import(place("dist", "adapters", "ffmpeg", "sandbox", "work-directory.js"))
  const { knownTables } = await import(place("dist", "core", "policy", "tables", "known-tables.js"))
  const { printTable } = await import(place("dist", "core", "policy", "tables", "option-table.js"))
  const ffmpegPath = pathOf("ffmpeg") ?? "ffmpeg"
  const build = buildOf(execFileSync(ffmpegPath, ["-version"], { encoding: "utf8" }))
  if (build === undefined)
    throw new Problem(`${ffmpegPath} is not ffmpeg: set FFMPEG_PATH to an ffmpeg program`)
  say(`asking ffmpeg ${build.version} about each of its options: this may take some minutes`)
  const root = await Effect.runPromise(openWorkRoot(cache("option-table")))
  const made = await Effect.runPromise(makeOptionTable({ ffmpegPath, build, root }, { known: [] }))
  const tables = [
    ...knownTables.filter((/** @type {{ version: string }} */ { version }) => version !== made.version),
    made
  ]
  const base = tables.find(({ version }) => version === baseVersion)
  for (const table of tables) {
    const { version } = table
    // A new base table changes the differences of all others.
    if (table !== made && made !== base) continue
    const [file, name] =
      version === baseVersion
        ? ["ffmpeg-5.ts", "ffmpeg5"]
        : [`ffmpeg-${version}.ts`, `ffmpeg${version.replace(".", "")}`]
    writeFileSync(
      place("core", "policy", "tables", file),
      source(version, printTable(table, version === baseVersion ? {} : { base }), name)
    )
    say(`wrote core/policy/tables/${file}`)
  }
})
