import { Either } from "effect"
import { isRemovedOption, rewritten, whyMissing } from "./moved-options.js"
import {
  avGrammar,
  commandGrammar,
  droppedAvOptions,
  droppedNames,
  droppedNegations,
  type Grammar,
  namesAPlace,
  whyRefused
} from "./option-rules.js"
import { type FileReference, fileNamed, useOfLog, valueGiven, valueProblem } from "./option-values.js"
import { mapFor } from "./optional-maps.js"
import { passLogOf } from "./params.js"
import type { PolicyValues } from "./policy.js"
import { shown } from "./quoting.js"
import { isStreamSpecifier } from "./stream-specifier.js"
import type { AvOption, CommandOption, OptionTable } from "./tables/option-table.js"

/** An option, parsed as by ffmpeg. */
export interface ParsedOption {
  /** The item as written, with dash and specifier: `-c:v`. */
  readonly item: string
  /** The name as written: `c`. */
  readonly name: string
  /** The text after the first colon; null without one. */
  readonly specifier: string | null
  /** Null for an option without a value. */
  readonly value: string | null
  /** The file that the value names. `optionArgs` replaces it by its place in the run. */
  readonly file: FileReference | null
  /** Whether the value is a filter graph, which has its own rules. */
  readonly graph: boolean
  /** The option is set for one output, but this ffmpeg applies it to all. */
  readonly holdsForAll?: true
}

export interface ParsedOptions {
  readonly options: ReadonlyArray<ParsedOption>
  /** All files that the options name. */
  readonly files: ReadonlyArray<FileReference>
}

/**
 * Parses and checks the options of one input or output, as ffmpeg reads them. The error names the first
 * problem and is worded to follow the field's name and a colon. A `-pass` without `-passlogfile` gets the log
 * name `passLog`, if given.
 */
export const readOptions = (
  items: ReadonlyArray<string>,
  place: "input" | "output",
  policy: PolicyValues,
  passLog?: string
): Either.Either<ParsedOptions, string> =>
  policy.options === "off"
    ? Either.right(unjudged(items, policy.table, passLog))
    : judged(items, place, policy, passLog)

/** The items to append if the options have `-pass` but no `-passlogfile`. */
const missingLog = (
  options: ReadonlyArray<Pick<ParsedOption, "name">>,
  passLog: string | undefined
): ReadonlyArray<string> => {
  const has = (wanted: string) => options.some(({ name }) => name === wanted)
  return passLog !== undefined && has("pass") && !has("passlogfile") ? ["-passlogfile", passLog] : []
}

/**
 * The arguments that ffmpeg gets. `place` replaces the files that options name; without it they stay as
 * written.
 */
export const optionArgs = (
  options: ReadonlyArray<ParsedOption>,
  place?: (file: FileReference) => string
): ReadonlyArray<string> =>
  options.flatMap(({ item, value, file }) =>
    value === null
      ? [item]
      : [item, file === null || place === undefined ? value : placed(value, file, place(file))]
  )

/** Appends the log to the end of its list, where it overrides earlier ones. */
const placed = (value: string, { shape }: FileReference, path: string): string =>
  shape === "stats" ? `${value}:stats=${path}` : path

interface JudgedOption {
  readonly option: Omit<ParsedOption, "file">
  readonly known: string
  readonly grammar: Grammar
}

const judged = (
  items: ReadonlyArray<string>,
  place: "input" | "output",
  policy: PolicyValues,
  passLog?: string
) =>
  Either.gen(function* () {
    const written = yield* judgedEach(items, place, policy)
    const added = missingLog(
      written.map(({ option }) => option),
      passLog
    )
    const read = added.length === 0 ? written : [...written, ...(yield* judgedEach(added, place, policy))]
    const pass = read.findLast(({ option }) => option.name === "pass")?.option.value ?? null
    const options = read.map(({ option, known, grammar }) => ({
      ...option,
      file:
        grammar === "params"
          ? statsNamed(known, option.value ?? "", pass)
          : fileNamed(grammar, option.value ?? "", pass)
    }))
    return { options, files: options.flatMap(({ file }) => file ?? []) }
  })

const judgedEach = (items: ReadonlyArray<string>, place: "input" | "output", policy: PolicyValues) =>
  Either.gen(function* () {
    const read: Array<JudgedOption> = []
    for (let at = 0; at < items.length; at++) {
      const item = items[at] as string
      const { name, specifier, found, rewrite } = yield* readName(item, policy)
      const given = found.takesValue ? items[++at] : null
      if (given === undefined)
        return yield* Either.left(`option ${shown(item)} needs a value: add it as the next item`)
      if (isDropped(found)) continue
      const value =
        given === null || rewrite === undefined
          ? given
          : yield* Either.mapLeft(rewrite.value(given), (problem) => `the value of ${shown(item)} ${problem}`)
      const grammar = yield* grammarOf(item, found, place)
      const problem =
        value === null
          ? undefined
          : valueProblem(grammar, value, { name: found.name, place, hardware: policy.hardware })
      if (problem !== undefined) return yield* Either.left(`the value of ${shown(item)} ${problem}`)
      const mapped = grammar === "map" && value !== null ? mapFor(value, policy.table) : Either.right(value)
      const translated = yield* Either.mapLeft(mapped, (why) => `the value of ${shown(item)} ${why}`)
      const last = translated === null ? null : valueGiven(grammar, translated, { place })
      read.push({
        option: {
          ...{ item: rewrite?.item ?? item, name, specifier, value: last, graph: grammar === "graph" },
          ...(rewrite?.holdsForAll && { holdsForAll: true as const })
        },
        known: found.name,
        grammar
      })
    }
    return read
  })

const statsNamed = (option: string, list: string, pass: string | null): FileReference | null => {
  const log = passLogOf(option, list, pass)
  return log === undefined
    ? null
    : { name: log.name, use: useOfLog(log.pass), shape: "stats", opened: "path" }
}

/** Splits the items into options without checks (policy off). */
const unjudged = (items: ReadonlyArray<string>, table: OptionTable, passLog?: string): ParsedOptions => {
  const options = unjudgedEach(items, table)
  return { options: [...options, ...unjudgedEach(missingLog(options, passLog), table)], files: [] }
}

const unjudgedEach = (items: ReadonlyArray<string>, table: OptionTable): ReadonlyArray<ParsedOption> => {
  const options: Array<ParsedOption> = []
  for (let at = 0; at < items.length; at++) {
    const item = items[at] as string
    const { name, specifier } = splitName(item) ?? { name: item, specifier: null }
    const takesValue = find(name, specifier, table)?.takesValue === true && at + 1 < items.length
    options.push({
      item,
      name,
      specifier,
      value: takesValue ? (items[++at] as string) : null,
      file: null,
      graph: commandGrammar(name) === "graph"
    })
  }
  return options
}

/** The option that ffmpeg finds for a name. */
interface Found {
  /** The name without a leading `no`, and without the `v`, `a` or `s` that may precede some codec options. */
  readonly name: string
  readonly negated: boolean
  readonly takesValue: boolean
  readonly meaning: CommandOption | AvOption
}

const splitName = (item: string) => {
  const [, name, specifier = null] = /^-([A-Za-z0-9_][A-Za-z0-9_-]*)(?::(.*))?$/s.exec(item) ?? []
  return name === undefined || !isStreamSpecifier(specifier ?? "") ? undefined : { name, specifier }
}

const readName = (item: string, { table, hardware }: PolicyValues) =>
  Either.gen(function* () {
    const written = splitName(item)
    const rewrite = written === undefined ? undefined : rewritten(written.name, written.specifier, table)
    const { name, specifier } = (rewrite === undefined ? written : splitName(rewrite.item)) ?? {
      name: undefined,
      specifier: null
    }
    const found =
      name === undefined || isRemovedOption(name, table) ? undefined : find(name, specifier, table)
    if (found !== undefined && isDropped(found)) return { name: name ?? "", specifier, found, rewrite }
    const why =
      refusalOf(looseName(item), hardware) ??
      (found === undefined ? undefined : whyRefused(found.name, hardware))
    if (why !== undefined) return yield* Either.left(`option ${shown(item)} is not allowed: ${why}`)
    if (name === undefined) return yield* Either.left(noOption(item))
    if (found === undefined) return yield* Either.left(unknownOption(item, name, specifier, table))
    return { name, specifier, found, rewrite }
  })

/**
 * Searches like ffmpeg: its own options by name, then those of its libraries, then its own options with a
 * leading `no`.
 */
const find = (
  name: string,
  specifier: string | null,
  { options, avOptions }: OptionTable
): Found | undefined => {
  const own = options.get(name)
  if (own !== undefined) return { name, negated: false, takesValue: own.takesValue, meaning: own }
  const library = avOptions.get(name)
  if (library !== undefined && (specifier === null || takesSpecifier(library)))
    return { name, negated: false, takesValue: true, meaning: library }
  const typed = /^[vas]/.test(name) && specifier === null ? avOptions.get(name.slice(1)) : undefined
  if (typed?.owners.includes("codec"))
    return { name: name.slice(1), negated: false, takesValue: true, meaning: typed }
  const positive = name.startsWith("no") ? options.get(name.slice(2)) : undefined
  if (positive?.negatable) return { name: name.slice(2), negated: true, takesValue: false, meaning: positive }
  return undefined
}

const takesSpecifier = ({ owners }: AvOption): boolean =>
  owners.includes("codec") || owners.includes("private")

const isDropped = ({ name, negated, meaning }: Found): boolean =>
  "places" in meaning
    ? droppedNames.includes(name) || (negated && droppedNegations.includes(name))
    : droppedAvOptions.includes(name)

/** The name in any text that looks like an option. */
const looseName = (item: string): string => /^-([^:=\s]*)/.exec(item)?.[1] ?? ""

const refusalOf = (name: string, hardware: boolean): string | undefined =>
  whyRefused(name, hardware) ?? (name.startsWith("no") ? whyRefused(name.slice(2), hardware) : undefined)

/** The grammar of the option's value, if the option is allowed in this place. */
const grammarOf = (
  item: string,
  { name, meaning }: Found,
  place: "input" | "output"
): Either.Either<Grammar, string> => {
  if (isMisplaced(meaning, place)) {
    const right = place === "input" ? "output" : "input"
    return Either.left(
      `option ${shown(item)} is for an ${right}: move it to the options of the ${right} that should have it`
    )
  }
  if ("places" in meaning) {
    const grammar = commandGrammar(name)
    return grammar === undefined
      ? Either.left(`option ${shown(item)} is not allowed: leave it out`)
      : Either.right(grammar)
  }
  return meaning.text && namesAPlace(name)
    ? Either.left(`option ${shown(item)} is not allowed: its value may name a file or a host`)
    : Either.right(avGrammar(name))
}

/** ffmpeg enforces the direction of codec options but accepts format options for inputs and outputs. */
const isMisplaced = (meaning: CommandOption | AvOption, place: "input" | "output"): boolean => {
  if ("places" in meaning)
    return meaning.places.length > 0 && !meaning.places.includes(place) && !meaning.places.includes("global")
  return (
    meaning.owners.every((owner) => owner === "codec" || owner === "private") &&
    !meaning.directions.includes(place === "input" ? "decode" : "encode")
  )
}

/** Names that commands use for a discarded output. */
const nowhere: ReadonlyArray<string> = ["-", "/dev/null", "NUL", "pipe:1", "pipe:"]

const noOption = (item: string): string => {
  const [, first, rest] = /^(-[A-Za-z_][\w-]*(?::\S*)?)\s+(\S.*)$/s.exec(item) ?? []
  if (first !== undefined && rest !== undefined) {
    const [, value, place = ""] = /^(\S+)\s+(\S+)$/.exec(rest) ?? []
    if (value !== undefined && nowhere.includes(place))
      return `"${shown(item)}" holds several items in one string: write "${shown(first)}", "${shown(value)}", and "-" as the "file" of the output`
    return `"${shown(item)}" holds several items in one string: write "${shown(first)}", "${shown(rest)}"`
  }
  const [, option, value] = /^(-[A-Za-z_][\w-]*)=(.*)$/s.exec(item) ?? []
  if (option !== undefined)
    return `"${shown(item)}" is not how options are written: write "${shown(option)}", "${shown(value ?? "")}"`
  if (item.startsWith("-/"))
    return `"${shown(item)}" is not allowed: a value can't be read from a file, so write it into the next item`
  if (/^-[A-Za-z0-9_]/.test(item))
    return `"${shown(item)}" is not an option: a name, and a stream specifier after ":", have no such characters`
  if (nowhere.includes(item)) {
    return `"${shown(item)}" is neither an option nor the value of one: an output is named by its "file", and with "-f", "null" any name will do there, such as "-"`
  }
  return `"${shown(item)}" is neither an option nor the value of one: options start with "-" and a name`
}

const unknownOption = (item: string, name: string, specifier: string | null, table: OptionTable): string => {
  if (specifier !== null && find(name, null, table) !== undefined)
    return `option ${shown(item)} takes no stream specifier: write "-${name}"`
  const missing = whyMissing(name, table)
  return missing === undefined
    ? `option ${shown(item)} is not known to this ffmpeg (${table.version}): check its name`
    : `option ${shown(item)} ${missing}`
}
