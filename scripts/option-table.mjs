// Asks the installed ffmpeg how it reads its options and writes core/policy/ffmpeg-5.ts from the answers.
import { writeFileSync } from "node:fs"
import { cache, place } from "./setup/places.mjs"
import { Problem, report, say } from "./setup/problem.mjs"
import { setUp } from "./setup.mjs"

const source = (/** @type {string} */ text) => `import { type OptionTable, parseTable } from "./option-table.js"

/** How ffmpeg 5.1 reads its command line: made by \`npm run option-table\`, not by hand. */
export const ffmpeg5 = parseTable(\`${text}\`) as OptionTable
`

await report(async () => {
  await setUp()
  const { Effect } = await import("effect")
  const { makeOptionTable } = await import(place("dist", "adapters", "ffmpeg", "option-table.js"))
  const { printTable } = await import(place("dist", "core", "policy", "option-table.js"))
  say("asking ffmpeg about each of its options: this may take a minute")
  const table = await Effect.runPromise(makeOptionTable({ ffmpegPath: process.env.FFMPEG_PATH ?? "ffmpeg", folder: cache() }))
  if (!table.version.startsWith("5.")) throw new Problem(`the table that comes with ffkiln is of ffmpeg 5, and this is ${table.version}`)
  const file = place("core", "policy", "ffmpeg-5.ts")
  writeFileSync(file, source(printTable(table)))
  say(`wrote ${table.options.size} options of the program and ${table.avOptions.size} of its libraries`)
})
