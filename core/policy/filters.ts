import { Either } from "effect"
import type { FileName } from "../ids.js"
import { keyedArgs, unknownOptions } from "./filter-args.js"
import {
  defaultFileOf,
  type FileRule,
  fileRule,
  insteadOfFile,
  insteadOfKey,
  isSize,
  laterFilters,
  mayNameFiles,
  whyForbidden
} from "./filter-rules.js"
import {
  type Filter,
  type FilterArg,
  type FilterGraph,
  parseGraph,
  printArgs,
  printGraph
} from "./filtergraph.js"
import { fontsFolder, outputsFolder } from "./folders.js"
import { namesAPlace } from "./option-rules.js"
import {
  expressionProblem,
  insteadOfPath,
  maxSide,
  maxThreads,
  plainName,
  plainNameRule
} from "./option-values.js"
import type { PolicyValues } from "./policy.js"
import { inQuotes } from "./quoting.js"
import type { FilterOptions } from "./tables/filter-table.js"
import { filters5 } from "./tables/filters-5.js"
import { vmafProblem } from "./vmaf.js"

/** A file of the task's directory that a filter reads. */
export interface FilterFile {
  readonly name: FileName
  /**
   * Whether its content must be subtitles, because subtitle filters open files that the content refers to.
   */
  readonly subtitles: boolean
}

/** A graph as passed to ffmpeg, and the files that it names. */
export interface ReadGraph {
  readonly graph: string
  /** The parsed graph. Left: the problem with a malformed graph, which passes only if the policy is off. */
  readonly parsed: Either.Either<FilterGraph, string>
  readonly files: ReadonlyArray<FilterFile>
  /** Files that it writes besides the outputs. */
  readonly made: ReadonlyArray<FileName>
  /** Whether it uses the fonts of the task's directory. */
  readonly fonts: boolean
}

/** Maximum number of filters in one graph. */
const maxFilters = 500

/**
 * Parses and checks a filter graph. The error names the first problem and is worded to follow the field's
 * name. The graph must be in Unicode NFC, the form in which file names are stored.
 */
export const readFilters = (graph: string, policy: PolicyValues): Either.Either<ReadGraph, string> =>
  policy.options === "off" ? Either.right(unjudged(graph)) : judged(graph, policy)

const judged = (text: string, policy: PolicyValues): Either.Either<ReadGraph, string> =>
  Either.gen(function* () {
    const graph = yield* parseGraph(text)
    const count = graph.chains.flat().length
    if (count > maxFilters)
      return yield* Either.left(`has ${count} filters: at most ${maxFilters} are allowed`)
    const chains = yield* Either.all(
      graph.chains.map((chain) => Either.all(chain.map((filter) => judgedFilter(filter, policy))))
    )
    const filters = chains.flat()
    const given = { ...graph, chains: chains.map((chain) => chain.map(({ filter }) => filter)) }
    return {
      // A graph that needs no change is passed on as written.
      graph: filters.some(({ changed }) => changed) ? printGraph(given) : text,
      parsed: Either.right(given),
      files: filters.flatMap(({ files }) => files),
      made: filters.flatMap(({ made }) => made),
      fonts: filters.some(({ fonts }) => fonts)
    }
  })

/** Parses a graph without checks (policy off), with the files that can be found in it. */
const unjudged = (graph: string): ReadGraph => {
  const parsed = parseGraph(graph)
  const { chains } = Either.getOrElse(parsed, () => ({ chains: [] }))
  const files = chains.flat().flatMap((filter) => {
    const read = keyedArgs(filter, filters5.get(filter.name) ?? unknownOptions, false)
    return Either.isLeft(read)
      ? []
      : filesRead(filter.name, read.right.args).map(({ name }) => ({ name, subtitles: false }))
  })
  return { graph, parsed, files, made: [], fonts: false }
}

interface JudgedFilter extends Omit<ReadGraph, "graph" | "parsed"> {
  readonly filter: Filter
  readonly changed: boolean
}

const judgedFilter = (filter: Filter, { hardware }: PolicyValues): Either.Either<JudgedFilter, string> =>
  Either.gen(function* () {
    const { name } = filter
    const why = whyForbidden(name, hardware)
    if (why !== undefined)
      return yield* Either.left(`names the filter ${inQuotes(name)}, which is not allowed: ${why}`)
    const options = filters5.get(name) ?? (laterFilters.has(name) ? unknownOptions : undefined)
    if (options === undefined)
      return yield* Either.left(`names the filter ${inQuotes(name)}, which is not known here: check its name`)
    const { args: written, mixed } = yield* keyedArgs(filter, options, mayNameFiles(name))
    const args = withDefaultFile(name, written)
    const problem = args.map((arg) => argProblem(name, arg, options)).find((each) => each !== undefined)
    if (problem !== undefined) return yield* Either.left(problem)
    const given = args.map((arg) => ({ ...arg, value: valueGiven(name, arg) }))
    const changed =
      mixed ||
      given.length > written.length ||
      given.some(({ value }, index) => value !== written[index]?.value)
    const rule = (wanted: FileRule) => args.filter(({ key }) => ruleOf(name, key) === wanted)
    return {
      filter: changed ? { ...filter, args: printArgs(given) } : filter,
      changed,
      files: filesRead(name, args),
      made: rule("made").flatMap(({ value }) => fileName(value) ?? []),
      fonts: rule("fonts").length > 0
    }
  })

/** Adds the default file of a filter to its arguments, so that it is staged or becomes a result. */
const withDefaultFile = (filter: string, args: ReadonlyArray<FilterArg>): ReadonlyArray<FilterArg> => {
  const standard = defaultFileOf(filter)
  return standard === undefined || args.some(({ key }) => key === standard.key) ? args : [...args, standard]
}

const valueGiven = (filter: string, { key, value }: FilterArg): string => {
  const rule = ruleOf(filter, key)
  if (rule === "made") return `${outputsFolder}${value}`
  if (rule === "fonts") return fontsFolder
  return key === "threads" && /^\d+$/.test(value) && Number(value) > maxThreads ? `${maxThreads}` : value
}

const argProblem = (
  filter: string,
  { key, value }: FilterArg,
  options: FilterOptions
): string | undefined => {
  const place = `${key === null ? "an argument" : inQuotes(key)} of the filter ${inQuotes(filter)}`
  if (key !== null) {
    if (key.startsWith("/"))
      return `sets ${place}, which is not allowed: a value can't be read from a file, so write it there`
    const problem = fileProblem(filter, key, value, options)
    if (problem !== undefined) return `sets ${place}${problem}`
    if (isSize(filter, key, options) && sidesIn(value).some((side) => side > maxSide)) {
      return `sets ${place} to ${inQuotes(value)}: at most ${maxSide} pixels on a side are allowed`
    }
  }
  // Text to draw is not an expression, except %{...}.
  const isText = filter === "drawtext" && key === "text" && !value.includes("%{")
  const problem = isText ? undefined : expressionProblem(value)
  return problem === undefined ? undefined : `sets ${place} to what ${problem}`
}

/** The problem with a key that names a file, worded to follow the place. */
const fileProblem = (
  filter: string,
  key: string,
  value: string,
  options: FilterOptions
): string | undefined => {
  const rule = fileRule(filter, key)
  // Later versions of ffmpeg may have keys that are not in the table.
  if (rule === undefined)
    return !options.names.has(key) && namesAPlace(key)
      ? ", which is not allowed: it may name a file or a host"
      : undefined
  if (rule === "nothing") return `, which is not allowed: it names files, so ${insteadOfKey(key)}`
  const problem = ruleProblems[rule](value, key)
  return problem === undefined ? undefined : ` to ${inQuotes(value)}: it ${problem}`
}

const fileNameProblem = (value: string, key: string) =>
  fileName(value) === undefined
    ? `must be ${plainNameRule}${insteadOfPath(value)}${insteadOfFile(key)}`
    : undefined

/** The problem with a value under each rule, worded to follow "it". */
const ruleProblems: Readonly<
  Record<Exclude<FileRule, "nothing">, (value: string, key: string) => string | undefined>
> = {
  file: fileNameProblem,
  subtitles: fileNameProblem,
  made: fileNameProblem,
  fonts: (value) =>
    value === "." || value === "./" || fileName(value) !== undefined
      ? undefined
      : 'must be "." or one word, which stands for the fonts of the task\'s directory: upload them there',
  log: (value) => (value === "-" ? undefined : 'may be "-" alone, or be left out'),
  vmafModel: (value) => vmafProblem("model", value),
  vmafFeature: (value) => vmafProblem("feature", value)
}

const ruleOf = (filter: string, key: string | null) => (key === null ? undefined : fileRule(filter, key))

const filesRead = (filter: string, args: ReadonlyArray<FilterArg>): ReadonlyArray<FilterFile> =>
  args.flatMap(({ key, value }) => {
    const rule = ruleOf(filter, key)
    const name = rule === "file" || rule === "subtitles" ? fileName(value) : undefined
    return name === undefined ? [] : [{ name, subtitles: rule === "subtitles" }]
  })

/**
 * The file name in a value. ffmpeg gets the graph as written, so the name must already be in its stored form.
 */
const fileName = (value: string): FileName | undefined => {
  const name = plainName(value)
  return name === value ? name : undefined
}

/** The literal numbers of a size or a side. Results of expressions are left to the limits of a run. */
const sidesIn = (value: string): ReadonlyArray<number> => {
  const [, digits, unit = ""] = /^\s*\+?(0x[\da-f]+|[\d.]+(?:e\+?\d+)?)([kmg]?)i?b?\s*$/i.exec(value) ?? []
  if (digits !== undefined) return [Number(digits) * 1000 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase())]
  // Two numbers separated by one character, with any blanks.
  const text = value.trim()
  const sides = text.match(/\d+/g) ?? []
  const [width = "", height = ""] = sides
  const isPair = sides.length === 2 && text.startsWith(width) && text.endsWith(height)
  return isPair && text.slice(width.length, -height.length).trim().length <= 1 ? sides.map(Number) : []
}
