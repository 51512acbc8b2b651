import { Either } from "effect"
import { isBlank, TokenReader } from "./tokens.js"

/**
 * One filter of a graph, parsed as by libavfilter: quotes and backslashes of the graph level are resolved.
 */
export interface Filter {
  readonly name: string
  /** The part of the name after `@`. */
  readonly instance: string | null
  /** The text after `=`, unescaped once (see `splitArgs`). Null without a `=`. */
  readonly args: string | null
  /** Labels before and after the filter, without brackets. */
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
}

/** A parsed filter graph. */
export interface FilterGraph {
  /** The value of a leading `sws_flags=...;`, unchanged. */
  readonly scalerFlags: string | null
  /** The chains, separated by `;`. Within a chain each filter feeds the next. */
  readonly chains: ReadonlyArray<ReadonlyArray<Filter>>
}

/** One argument of a filter; a value without a key is positional. */
export interface FilterArg {
  readonly key: string | null
  readonly value: string
}

/**
 * Parses a filter graph by the rules of libavfilter. The error names the problem and its position and is
 * worded to follow a field's name. Every graph refused here is refused by ffmpeg too. A superfluous separator
 * at the end is ignored, as by ffmpeg 6 and later.
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
      if (!reader.atEnd && !",;".includes(reader.next))
        return yield* reader.problem('a "," or ";" is missing')
    }
    return { scalerFlags, chains }
  })

/** Splits a filter's arguments at `:` and unescapes each value a second time. */
export const splitArgs = (args: string): ReadonlyArray<FilterArg> => {
  const reader = new TokenReader(args)
  const split: Array<FilterArg> = []
  while (!reader.atEnd) {
    split.push({ key: reader.key(), value: reader.token(":") })
    reader.take()
  }
  return split
}

/** The inverse of `splitArgs`: text that ffmpeg parses to these arguments. */
export const printArgs = (args: ReadonlyArray<FilterArg>): string =>
  args
    .map(({ key, value }) => (key === null ? escape(value, ":=") : `${key}=${escape(value, ":")}`))
    .join(":")

/** The inverse of `parseGraph`: text that ffmpeg parses to this graph. */
export const printGraph = ({ scalerFlags, chains }: FilterGraph): string => {
  const text = chains.map((chain) => chain.map(printFilter).join(",")).join(";")
  if (scalerFlags !== null) return `${scalerPrefix}${scalerFlags};${text}`
  // Escapes the name of a filter that would be parsed as the prefix.
  return text.startsWith(scalerPrefix) ? `\\${text}` : text
}

/** The output labels that no filter of the graph consumes, with repetitions. Maps may consume them. */
export const looseLabels = ({ chains }: FilterGraph): ReadonlyArray<string> => {
  const filters = chains.flat()
  return without(
    filters.flatMap(({ outputs }) => outputs),
    filters.flatMap(({ inputs }) => inputs)
  )
}

/** The graph label that a `-map` names; null if it selects streams of an input. */
export const labelOfMap = (map: string): string | null => {
  const reader = new TokenReader(map.replace(/^-/, "").replace(/,.*$/s, ""))
  return reader.skip("[") ? reader.token(endsOfLabel) : null
}

/** `items` without one occurrence for each equal item of `taken`. */
export const without = (
  items: ReadonlyArray<string>,
  taken: ReadonlyArray<string>
): ReadonlyArray<string> => {
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
    // ffmpeg treats an "@" at the end as a part of the name.
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

/**
 * Escapes special characters with a backslash; blanks only at the start and end, where they would be trimmed.
 */
const escape = (token: string, ends: string): string => {
  const escaped = token.replace(/[\\'[\]=,;:]/g, (character) =>
    "\\'".includes(character) || ends.includes(character) ? `\\${character}` : character
  )
  const cutOff = escaped.length > 1 && isBlank(escaped.at(-1) ?? "")
  const whole = cutOff ? `${escaped.slice(0, -1)}\\${escaped.at(-1)}` : escaped
  return isBlank(whole.charAt(0)) ? `\\${whole}` : whole
}
