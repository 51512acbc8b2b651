import { Either } from "effect"
import { isBlank, TokenReader } from "./tokens.js"

/** One filter of a graph, read as libavfilter reads it: quotes and backslashes of the graph's own level are gone. */
export interface Filter {
  readonly name: string
  /** What follows `@` in the name. */
  readonly instance: string | null
  /** What follows `=`, unescaped once: see `splitArgs`. Null without a `=`. */
  readonly args: string | null
  /** Labels before and after the filter, without brackets. */
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
}

export interface FilterGraph {
  /** The value of a leading `sws_flags=...;`, as it is written. */
  readonly scalerFlags: string | null
  /** Separated by `;`; within a chain each filter feeds the next. */
  readonly chains: ReadonlyArray<ReadonlyArray<Filter>>
}

/** One argument of a filter; a value without a key is positional. */
export interface FilterArg {
  readonly key: string | null
  readonly value: string
}

/**
 * A filter graph by the rules of libavfilter, or the problem and its place, worded to follow a field's name. Whatever is
 * refused here is refused by ffmpeg too; one separator too many at the end is overlooked, as from ffmpeg 6 on.
 */
export const parseGraph = (text: string): Either.Either<FilterGraph, string> =>
  Either.gen(function* () {
    const reader = new TokenReader(text)
    reader.skipBlanks()
    const scalerFlags = yield* readScalerFlags(reader)
    const chains: Array<Array<Filter>> = []
    for (let separator = ";"; separator !== ""; separator = reader.take()) {
      reader.skipBlanks()
      if (reader.atEnd && chains.length > 0) break
      const filter = yield* readFilter(reader)
      if (separator === ";") chains.push([filter])
      else chains.at(-1)?.push(filter)
      reader.skipBlanks()
      if (!reader.atEnd && !",;".includes(reader.next)) return yield* reader.problem('a "," or ";" is missing')
    }
    return { scalerFlags, chains }
  })

/** The second level of a filter's arguments: split at `:`, each value unescaped again. */
export const splitArgs = (args: string): ReadonlyArray<FilterArg> => {
  const reader = new TokenReader(args)
  const split: Array<FilterArg> = []
  while (!reader.atEnd) {
    split.push({ key: reader.key(), value: reader.token(":") })
    reader.take()
  }
  return split
}

/** Arguments that ffmpeg, and `splitArgs`, read as these. */
export const printArgs = (args: ReadonlyArray<FilterArg>): string =>
  args.map(({ key, value }) => (key === null ? escape(value, ":=") : `${key}=${escape(value, ":")}`)).join(":")

/** A string that ffmpeg, and `parseGraph`, read as this graph. */
export const printGraph = ({ scalerFlags, chains }: FilterGraph): string => {
  const text = chains.map((chain) => chain.map(printFilter).join(",")).join(";")
  if (scalerFlags !== null) return `${scalerPrefix}${scalerFlags};${text}`
  // A filter of that name is written so that it is not taken for the prefix.
  return text.startsWith(scalerPrefix) ? `\\${text}` : text
}

/** The labels of outputs that no filter of the graph takes, each as often as it is left over: maps may take them. */
export const looseLabels = ({ chains }: FilterGraph): ReadonlyArray<string> => {
  const filters = chains.flat()
  return without(
    filters.flatMap(({ outputs }) => outputs),
    filters.flatMap(({ inputs }) => inputs)
  )
}

/** The label in a `-map` that takes an output of the graph; null where it takes streams of an input. */
export const labelOfMap = (map: string): string | null => {
  const reader = new TokenReader(map.replace(/^-/, "").replace(/,.*$/s, ""))
  return reader.skip("[") ? reader.token(endsOfLabel) : null
}

/** `items` less one for each equal one of `taken`. */
export const without = (items: ReadonlyArray<string>, taken: ReadonlyArray<string>): ReadonlyArray<string> => {
  const left = new Map<string, number>()
  for (const item of taken) left.set(item, (left.get(item) ?? 0) + 1)
  return items.filter((item) => {
    const count = left.get(item) ?? 0
    left.set(item, count - 1)
    return count <= 0
  })
}

const scalerPrefix = "sws_flags="
const endsOfLabel = "]"
const endsOfName = "=,;["
const endsOfArgs = "[],;"

const readScalerFlags = (reader: TokenReader): Either.Either<string | null, string> => {
  if (!reader.skip(scalerPrefix)) return Either.right(null)
  const flags = reader.upTo(";")
  return flags === undefined ? reader.problem('sws_flags does not end with ";"') : Either.right(flags)
}

const readFilter = (reader: TokenReader): Either.Either<Filter, string> =>
  Either.gen(function* () {
    const inputs = yield* readLabels(reader)
    const start = reader.at
    const whole = reader.token(endsOfName)
    // ffmpeg takes an "@" that ends the name for a part of it.
    const [, name = whole, instance = null] = /^([^@]*)@(.+)$/s.exec(whole) ?? []
    if (name === "") return yield* reader.problem("the name of a filter is missing", start)
    const args = reader.skip("=") ? reader.token(endsOfArgs) : null
    return { name, instance, args, inputs, outputs: yield* readLabels(reader) }
  })

const readLabels = (reader: TokenReader): Either.Either<ReadonlyArray<string>, string> =>
  Either.gen(function* () {
    const labels: Array<string> = []
    for (let start = reader.at; reader.skip("["); start = reader.at) {
      const label = reader.token(endsOfLabel)
      if (label === "") return yield* reader.problem("a label is empty", start)
      if (!reader.skip("]")) return yield* reader.problem('a "[" has no "]"', start)
      labels.push(label)
      reader.skipBlanks()
    }
    return labels
  })

const printFilter = ({ name, instance, args, inputs, outputs }: Filter): string =>
  [
    ...inputs.map(printLabel),
    escape(instance === null ? name : `${name}@${instance}`, endsOfName),
    ...(args === null ? [] : ["=", escape(args, endsOfArgs)]),
    ...outputs.map(printLabel)
  ].join("")

const printLabel = (label: string): string => `[${escape(label, endsOfLabel)}]`

/** The token with a backslash before all that would not stand for itself: blanks only where they would be cut off. */
const escape = (token: string, ends: string): string => {
  const escaped = token.replace(/[\\'[\]=,;:]/g, (character) =>
    "\\'".includes(character) || ends.includes(character) ? `\\${character}` : character
  )
  const cutOff = escaped.length > 1 && isBlank(escaped.at(-1) ?? "")
  const whole = cutOff ? `${escaped.slice(0, -1)}\\${escaped.at(-1)}` : escaped
  return isBlank(whole.charAt(0)) ? `\\${whole}` : whole
}
