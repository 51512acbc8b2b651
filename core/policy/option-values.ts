import { type FileName, parseFileName } from "../ids.js"
import { bitstreamFilters, hardwareCodec, inputFormats, insteadOfFormat, outputFormats, segmentFormats } from "./allowed.js"
import type { Grammar } from "./option-rules.js"
import { paramsProblem } from "./params.js"
import { quoted } from "./quoting.js"
import { TokenReader } from "./tokens.js"

/** A file that an option names: one of the task's directory that is read, or one that the run makes. */
export interface FileReference {
  readonly name: FileName
  readonly use: "read" | "write"
  /**
   * `pattern`: the name of many files, with `%d`. `prefix`: what the names of some begin with. `stats`: the log of two passes
   * that a list of an encoder's parameters has, and the file beside it.
   */
  readonly shape: "file" | "pattern" | "prefix" | "stats"
}

/** Where a value stands. */
export interface ValueContext {
  /** The option's name alone. */
  readonly name: string
  readonly place: "input" | "output"
  readonly hardware: boolean
}

/** Most of what is asked for in one option. */
export const maxThreads = 16
const maxQueue = 100_000
/** Longest side of a picture. */
export const maxSide = 16_384

type Check = (value: string, context: ValueContext) => string | undefined

/** Each value judged by its own grammar, not by patterns in it. What is no concern of safety is left to ffmpeg to refuse. */
const checks: Readonly<Record<Grammar, Check>> = {
  attachment: plainProblem,
  passLog: plainProblem,
  segmentNames: (value) =>
    "name" in parseFileName(value) && !/[:|]/.test(value) && !/%(?!0?\d?\d?d|v|%)/.test(value)
      ? undefined
      : 'must be a file name alone, such as "part%03d.ts"',
  bitstreamFilters: (value) => {
    const unknown = filterNames(value).find((name) => !bitstreamFilters.has(name))
    return unknown === undefined ? expressionProblem(value) : `names the bitstream filter ${quoted(unknown)}, which is not allowed`
  },
  codec: (value, { hardware }) => {
    if (!/^[A-Za-z0-9_.-]+$/.test(value)) return 'must be "copy" or the name of a codec'
    if (hardware || !hardwareCodec.test(value.toLowerCase())) return undefined
    return `must be a codec that runs in software, such as libx264 or aac: this server has no hardware for ${quoted(value)}`
  },
  expression: expressionProblem,
  format: (value, { place }) => {
    const format = value.toLowerCase()
    if ((place === "input" ? inputFormats : outputFormats).has(format)) return undefined
    const instead = insteadOfFormat.get(format)
    return `must be a format of files, such as ${place === "input" ? "mov or rawvideo" : "mp4 or matroska"}. ${quoted(value)} is not allowed${
      instead === undefined ? "" : `: ${instead}`
    }`
  },
  frameSize: (value) => {
    // Any character may stand between the two numbers.
    const sides = value.match(/\d+/g) ?? []
    return sides.some((side) => Number(side) > maxSide)
      ? `must be at most ${maxSide} pixels on a side, not ${quoted(value)}`
      : expressionProblem(value)
  },
  // Filter graphs have a parser of their own: see `graph` of ParsedOption.
  graph: () => undefined,
  hlsFlags: (value) => {
    if (!/^[+-]?[a-z_]+([+-][a-z_]+)*$/.test(value)) return 'must be names of flags, such as "independent_segments+delete_segments"'
    return /append_list/.test(value) ? "must not contain append_list: a run starts from nothing" : undefined
  },
  map: mapProblem,
  params: (value, { name }) => paramsProblem(name, value),
  queue: (value) => boundedProblem(value, maxQueue),
  segmentFormat: (value) =>
    segmentFormats.has(value.toLowerCase())
      ? undefined
      : `must be a format of files, such as mpegts or mp4: ${quoted(value)} is not allowed`,
  streamMap: (value) =>
    /^[A-Za-z0-9_:,. -]*$/.test(value) && !value.includes("..") ? undefined : 'must be such as "v:0,a:0,name:low v:1,a:1,name:high"',
  target: (value) => (/^((pal|ntsc|film)-)?(vcd|svcd|dvd|dv|dv50)$/.test(value) ? undefined : "must be vcd, svcd, dvd, dv or dv50"),
  text: () => undefined,
  threads: (value) => (value === "auto" ? undefined : boundedProblem(value, maxThreads)),
  word: (value) => (/^[A-Za-z0-9_:,.+?-]*$/.test(value) ? undefined : `must not be ${quoted(value)}`)
}

/** What is wrong with a value of this grammar, worded to follow "the value of -name"; undefined where nothing is. */
export const valueProblem = (grammar: Grammar, value: string, context: ValueContext): string | undefined => checks[grammar](value, context)

/** The file that a value without problem names. `pass` is what `-pass` says: the second reads what the first wrote. */
export const fileNamed = (grammar: Grammar, value: string, pass: string | null): FileReference | null => {
  const reference = references[grammar]
  const parsed = reference === undefined ? undefined : parseFileName(value)
  if (reference === undefined || parsed === undefined || !("name" in parsed)) return null
  const use = grammar === "passLog" && (pass === "2" || pass === "3") ? "read" : reference.use
  return { name: parsed.name, shape: reference.shape, use }
}

const references: Readonly<Partial<Record<Grammar, Omit<FileReference, "name">>>> = {
  attachment: { use: "read", shape: "file" },
  passLog: { use: "write", shape: "prefix" },
  segmentNames: { use: "write", shape: "pattern" }
}

/** A `-map`, or an item of `maps`: `[label]`, or an input's number with an optional specifier. Worded to follow the field's name. */
export function mapProblem(value: string): string | undefined {
  return /^\[[^[\]]+\]$/.test(value) || /^-?\d+(:[A-Za-z0-9_:#.+=-]*)?\??$/.test(value)
    ? undefined
    : `must be "[label]" of the filter graph, or streams of an input, such as "0:v" or "1:a:0?", not ${quoted(value)}`
}

/**
 * ffmpeg reads most numbers as expressions, and of those `while` alone may never end. White space is taken out of them
 * before they are read, quotes and backslashes where they stand in a list.
 */
export function expressionProblem(value: string): string | undefined {
  return value.replaceAll(/[ \t\n\v\f\r\\']/g, "").includes("while(") ? "must not contain while(): it may never end" : undefined
}

function plainProblem(value: string): string | undefined {
  const parsed = parseFileName(value)
  if ("name" in parsed && !/[:|%]/.test(value)) return undefined
  return 'must be the name of a file of the task\'s directory, without ":", "|" and "%"'
}

const boundedProblem = (value: string, max: number) =>
  /^\d+$/.test(value) && Number(value) <= max ? undefined : `must be a whole number up to ${max}, not ${quoted(value)}`

/** The names in a list of bitstream filters: `name=key=value:key=value,name`. */
const filterNames = (list: string): ReadonlyArray<string> => {
  const reader = new TokenReader(list)
  const names: Array<string> = []
  do names.push(/^[^=]*/.exec(reader.token(","))?.[0] ?? "")
  while (reader.skip(","))
  return names
}
