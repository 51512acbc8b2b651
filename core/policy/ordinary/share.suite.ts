import { argsOf, type Ordinary } from "./command.suite.js"

/** Options whose value is the name of a codec, a format or a filter for packets. */
const naming = /^-(c|codec|vcodec|acodec|scodec|f|bsf)(:|$)/

/**
 * The features of a command: each option, codec, format and kind of file, and each sample after the first.
 */
const traitsOf = (row: Ordinary): ReadonlyArray<string> =>
  [row, ...(row.next ?? [])].flatMap((command) => {
    const args = argsOf(command)
    return args.flatMap((arg, index) => {
      const before = args[index - 1] ?? ""
      if (/^-[a-z]/i.test(arg)) return [arg.replace(/:.*/, "")]
      if (naming.test(before)) return [`${before.replace(/:.*/, "")} ${arg}`]
      // Filter graphs contain the names of the files that they read.
      return [...arg.matchAll(/\.([a-z]\w{1,4})\b/gi)].map(([, kind = ""]) => `file ${kind}`)
    })
  })

/**
 * The rows with a feature that no earlier row has, and every fifth of the others. The selection is
 * deterministic.
 */
export const shareOf = (rows: ReadonlyArray<Ordinary>): ReadonlySet<Ordinary> => {
  const seen = new Set<string>()
  let others = 0
  return new Set(
    rows.filter((row) => {
      const traits = traitsOf(row)
      const isNew = traits.some((trait) => !seen.has(trait))
      for (const trait of traits) seen.add(trait)
      return isNew || others++ % 5 === 0
    })
  )
}
