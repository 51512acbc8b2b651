import { Either } from "effect"
import type { FileName } from "../ids.js"
import { fileRule, insteadOfFile, insteadOfKey, isSize, laterFilters, mayNameFiles, whyForbidden } from "./filter-rules.js"
import type { FilterOptions } from "./filter-table.js"
import { type Filter, type FilterArg, parseGraph, splitArgs } from "./filtergraph.js"
import { filters5 } from "./filters-5.js"
import { namesAPlace } from "./option-rules.js"
import { expressionProblem, insteadOfPath, maxSide, maxThreads, plainName, plainNameRule } from "./option-values.js"
import type { PolicyValues } from "./policy.js"
import { quoted } from "./quoting.js"

/** A file of the task's directory that a filter reads. */
export interface FilterFile {
  readonly name: FileName
  /** Whether it must hold subtitles: their filters open whatever the content of a file refers to. */
  readonly subtitles: boolean
}

/** Filters of one graph. */
const maxFilters = 500

/**
 * The files that a filter graph reads, or the first thing in it that is not allowed, worded to follow the name of what
 * holds the graph. Names are compared as they are stored: give it the graph in Unicode NFC.
 */
export const readFilters = (graph: string, policy: PolicyValues): Either.Either<ReadonlyArray<FilterFile>, string> =>
  policy.options === "off" ? Either.right(unjudged(graph)) : judged(graph, policy)

const judged = (graph: string, policy: PolicyValues): Either.Either<ReadonlyArray<FilterFile>, string> =>
  Either.gen(function* () {
    const filters = (yield* parseGraph(graph)).chains.flat()
    if (filters.length > maxFilters) return yield* Either.left(`has ${filters.length} filters: at most ${maxFilters} are allowed`)
    const files: Array<FilterFile> = []
    for (const filter of filters) files.push(...(yield* judgedFilter(filter, policy)))
    return files
  })

/** Every file that can be found, where nothing is refused. */
const unjudged = (graph: string): ReadonlyArray<FilterFile> =>
  Either.getOrElse(parseGraph(graph), () => ({ chains: [] }))
    .chains.flat()
    .flatMap((filter) => {
      const args = Either.getOrElse(keyed(filter, filters5.get(filter.name) ?? unknownOptions), () => [])
      return args.flatMap(({ key, value }) => fileOf(filter.name, key, value).map(({ name }) => ({ name, subtitles: false })))
    })

const judgedFilter = (filter: Filter, { hardware }: PolicyValues): Either.Either<ReadonlyArray<FilterFile>, string> =>
  Either.gen(function* () {
    const { name } = filter
    const why = whyForbidden(name, hardware)
    if (why !== undefined) return yield* Either.left(`names the filter ${quoted(name)}, which is not allowed: ${why}`)
    const options = filters5.get(name) ?? (laterFilters.has(name) ? unknownOptions : undefined)
    if (options === undefined) return yield* Either.left(`names the filter ${quoted(name)}, which is not known here: check its name`)
    const args = yield* keyed(filter, options)
    for (const arg of args) {
      const problem = argProblem(name, arg, options)
      if (problem !== undefined) return yield* Either.left(problem)
    }
    return args.flatMap(({ key, value }) => fileOf(name, key, value))
  })

interface KeyedArg {
  /** Null for a value whose key only that filter knows. */
  readonly key: string | null
  readonly value: string
}

/** Each value with its key. */
const keyed = (filter: Filter, options: FilterOptions): Either.Either<ReadonlyArray<KeyedArg>, string> =>
  Either.gen(function* () {
    const named = (what: string) => `is not well-formed in the arguments of ${quoted(filter.name)}: ${what}`
    const args = yield* Either.mapLeft(splitArgs(filter.args ?? ""), (problem) => named(problem.replace(/^is not well-formed: /, "")))
    if (options === unknownOptions)
      return args.every(({ key }) => key !== null) || !mayNameFiles(filter.name)
        ? args
        : yield* Either.left(named("write each as key=value"))
    const tooMany = args.find(({ key }, index) => key === null && index >= options.ordered.length)
    if (tooMany !== undefined) return yield* Either.left(named(`there is no option for ${quoted(tooMany.value)}`))
    return args.map(({ key, value }: FilterArg, index) => ({ key: key ?? options.ordered[index] ?? null, value }))
  })

/** Of filters whose options no table tells. */
const unknownOptions: FilterOptions = { ordered: [], names: new Set(), sizes: new Set(), makesPictures: true }

const argProblem = (filter: string, { key, value }: KeyedArg, options: FilterOptions): string | undefined => {
  const place = `${key === null ? "an argument" : quoted(key)} of the filter ${quoted(filter)}`
  if (key !== null) {
    if (key.startsWith("/")) return `sets ${place}, which is not allowed: a value can't be read from a file, so write it there`
    const problem = fileProblem(filter, key, value, options)
    if (problem !== undefined) return `sets ${place}${problem}`
    if (isSize(filter, key, options) && sidesIn(value).some((side) => side > maxSide)) {
      return `sets ${place} to ${quoted(value)}: at most ${maxSide} pixels on a side are allowed`
    }
    if (key === "threads" && /^\d+$/.test(value) && Number(value) > maxThreads) {
      return `sets ${place} to ${quoted(value)}: at most ${maxThreads} are allowed`
    }
  }
  // What is drawn is no expression, but for what is written %{...}.
  const isText = filter === "drawtext" && key === "text" && !value.includes("%{")
  const problem = isText ? undefined : expressionProblem(value)
  return problem === undefined ? undefined : `sets ${place} to what ${problem}`
}

/** Worded to follow the place. */
const fileProblem = (filter: string, key: string, value: string, options: FilterOptions): string | undefined => {
  const rule = fileRule(filter, key)
  // A later ffmpeg may have more keys than the table.
  if (rule === undefined)
    return !options.names.has(key) && namesAPlace(key) ? ", which is not allowed: it may name a file or a host" : undefined
  if (rule === "nothing") return `, which is not allowed: it names files, so ${insteadOfKey(key)}`
  if (rule === "log") return value === "-" ? undefined : ` to ${quoted(value)}: it may be "-" alone, or be left out`
  return fileName(value) === undefined
    ? ` to ${quoted(value)}: it must be ${plainNameRule}${insteadOfPath(value)}${insteadOfFile(key)}`
    : undefined
}

const fileOf = (filter: string, key: string | null, value: string): ReadonlyArray<FilterFile> => {
  const rule = key === null ? undefined : fileRule(filter, key)
  const name = rule === "file" || rule === "subtitles" ? fileName(value) : undefined
  return name === undefined ? [] : [{ name, subtitles: rule === "subtitles" }]
}

/** A graph goes to ffmpeg as it is written: a name must be in the very form in which files are stored. */
const fileName = (value: string): FileName | undefined => {
  const name = plainName(value)
  return name === value ? name : undefined
}

/** The numbers of a size or a side that stand for themselves; what is worked out by an expression is left to the limits of a run. */
const sidesIn = (value: string): ReadonlyArray<number> => {
  const [, digits, unit = ""] = /^\s*\+?(0x[\da-f]+|[\d.]+(?:e\+?\d+)?)([kmg]?)i?b?\s*$/i.exec(value) ?? []
  if (digits !== undefined) return [Number(digits) * 1000 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase())]
  // Two numbers with one character between them, and blanks anywhere.
  const text = value.trim()
  const sides = text.match(/\d+/g) ?? []
  const [width = "", height = ""] = sides
  const isPair = sides.length === 2 && text.startsWith(width) && text.endsWith(height)
  return isPair && text.slice(width.length, -height.length).trim().length <= 1 ? sides.map(Number) : []
}
