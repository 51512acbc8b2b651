import { argsOf, type Ordinary } from "./command.suite.js"

/** Options whose value is the name of a codec, a format or a filter for packets. */
const naming = /^-(c|codec|vcodec|acodec|scodec|f|bsf)(:|$)/

/** What a command has our code see to: each option, codec, format and kind of file, and each sample beside the first. */
const traitsOf = (row: Ordinary): ReadonlyArray<string> =>
  [row, ...(row.next ?? [])].flatMap((command) => {
    const args = argsOf(command)
    return args.flatMap((arg, index) => {
      const before = args[index - 1] ?? ""
      if (/^-[a-z]/i.test(arg)) return [arg.replace(/:.*/, "")]
      if (naming.test(before)) return [`${before.replace(/:.*/, "")} ${arg}`]
      // The names of files that filters read are in their graphs.
      return [...arg.matchAll(/\.([a-z]\w{1,4})\b/gi)].map(([, kind = ""]) => `file ${kind}`)
    })
  })

/** The rows that have something in them that no row before them has, and every fifth of the others: the same ones each time. */
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
