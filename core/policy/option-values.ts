import { type FileName, parseFileName } from "../ids.js"
import {
  bitstreamFilters,
  hardwareCodec,
  inputFormats,
  insteadOfFormat,
  outputFormats,
  segmentFormats
} from "./allowed.js"
import type { Grammar } from "./option-rules.js"
import { paramsProblem } from "./params.js"
import { inQuotes } from "./quoting.js"
import { isStreamSelection } from "./stream-specifier.js"
import { TokenReader } from "./tokens.js"

/**
 * A file that an option names: the run reads it (`read`), creates it (`write`), or reads and rewrites it
 * (`update`).
 */
export interface FileReference {
  readonly name: FileName
  readonly use: "read" | "write" | "update"
  /**
   * `pattern`: the name of several files, with `%d` or `$Number$`. `prefix`: the prefix of several names.
   * `stats`: the two-pass log in a list of encoder parameters, and its second file.
   */
  readonly shape: "file" | "pattern" | "prefix" | "stats"
  /** How ffmpeg opens it: as a URL, as a path, or (`beside`) as a name in the folder of the output. */
  readonly opened: "url" | "path" | "beside"
}

/** The context of a value. */
export interface ValueContext {
  /** The option's name without specifier. */
  readonly name: string
  readonly place: "input" | "output"
  readonly hardware: boolean
}

/** Maximum of one option. Greater values are reduced to it. */
export const maxThreads = 16
const maxQueue = 100_000
/** Longest side of a picture, in pixels. */
export const maxSide = 16_384

type Check = (value: string, context: ValueContext) => string | undefined

/** The check of each grammar. Mistakes without a security risk are left to ffmpeg. */
const checks: Readonly<Record<Grammar, Check>> = {
  attachment: plainProblem,
  passLog: plainProblem,
  segmentNames: patternProblem(/%(?!0?\d?\d?d|v|%)/, "part%03d.ts"),
  besideOutput: plainProblem,
  besideNames: patternProblem(/%(?!v|%)/, "init_%v.mp4"),
  dashNames: patternProblem(/[%$]/, "chunk-$RepresentationID$-$Number%05d$.m4s", (value) =>
    value.replaceAll(dashIdentifier, "0")
  ),
  madeFile: plainProblem,
  madePath: plainProblem,
  metadataMap: (value, context) => {
    const [, specifier] = /^\d+:s:(.*)$/s.exec(value) ?? []
    return specifier !== undefined && isStreamSelection(`0:${specifier}`)
      ? undefined
      : checks.word(value, context)
  },
  bitstreamFilters: (value) => {
    const unknown = filterNames(value).find((name) => !bitstreamFilters.has(name))
    return unknown === undefined
      ? expressionProblem(value)
      : `names the bitstream filter ${inQuotes(unknown)}, which is not allowed`
  },
  codec: (value, { hardware }) => {
    if (!/^[A-Za-z0-9_.-]+$/.test(value)) return 'must be "copy" or the name of a codec'
    if (hardware || !hardwareCodec.test(value.toLowerCase())) return undefined
    return `must be a codec that runs in software, such as libx264 or aac: this server has no hardware for ${inQuotes(value)}`
  },
  expression: expressionProblem,
  format: (value, { place }) => {
    const formats = value.split(",")
    if (place === "output" && formats.length > 1)
      return `must be one format, not the list ${inQuotes(value)}: write one name of it`
    const [, discarding] = /^(null)\s/i.exec(value) ?? []
    if (discarding !== undefined)
      return `must be a format alone: write ${inQuotes(discarding)}, and the name of the output as its "file", such as "-"`
    const refused = formats.find(
      (format) => !(place === "input" ? inputFormats : outputFormats).has(format.toLowerCase())
    )
    if (refused === undefined) return undefined
    const instead = insteadOfFormat.get(refused.toLowerCase())
    return `must be a format of files, such as ${place === "input" ? "mov or rawvideo" : "mp4 or matroska"}. ${inQuotes(refused)} is not allowed${
      instead === undefined ? "" : `: ${instead}`
    }`
  },
  frameSize: (value) => {
    // Any character may separate the two numbers.
    const sides = value.match(/\d+/g) ?? []
    return sides.some((side) => Number(side) > maxSide)
      ? `must be at most ${maxSide} pixels on a side, not ${inQuotes(value)}`
      : expressionProblem(value)
  },
  // Filter graphs have their own parser: see `graph` of ParsedOption.
  graph: () => undefined,
  hlsFlags: (value) => {
    if (!/^[+-]?[a-z_]+([+-][a-z_]+)*$/.test(value))
      return 'must be names of flags, such as "independent_segments+delete_segments"'
    return /append_list/.test(value) ? "must not contain append_list: a run starts from nothing" : undefined
  },
  map: mapProblem,
  params: (value, { name }) => paramsProblem(name, value),
  patternType: (value) =>
    ["sequence", "glob", "none"].includes(value)
      ? undefined
      : `must be sequence, glob or none, not ${inQuotes(value)}`,
  queue: numberProblem,
  segmentFormat: (value) =>
    segmentFormats.has(value.toLowerCase())
      ? undefined
      : `must be a format of files, such as mpegts or mp4: ${inQuotes(value)} is not allowed`,
  streamMap: (value) =>
    /^[A-Za-z0-9_:,. -]*$/.test(value) && !value.includes("..")
      ? undefined
      : 'must be such as "v:0,a:0,name:low v:1,a:1,name:high"',
  target: (value) =>
    /^((pal|ntsc|film)-)?(vcd|svcd|dvd|dv|dv50)$/.test(value)
      ? undefined
      : "must be vcd, svcd, dvd, dv or dv50",
  text: () => undefined,
  threads: (value) => (value === "auto" ? undefined : numberProblem(value)),
  word: (value) => (/^[A-Za-z0-9_:,.+?-]*$/.test(value) ? undefined : `must not be ${inQuotes(value)}`)
}

/** The problem with a value, worded to follow "the value of -name"; undefined if there is none. */
export const valueProblem = (grammar: Grammar, value: string, context: ValueContext): string | undefined =>
  checks[grammar](value, context)

/** The value that ffmpeg gets for a valid value. */
export const valueGiven = (
  grammar: Grammar,
  value: string,
  { place }: Pick<ValueContext, "place">
): string => {
  if (grammar === "threads") return clamped(value, maxThreads)
  if (grammar === "queue") return clamped(value, maxQueue)
  // ffmpeg accepts only complete lists of its own, but any single name of such a list selects the same
  // demuxer.
  return grammar === "format" && place === "input" ? (value.split(",")[0] ?? value) : value
}

/**
 * The use of the log in each pass: the first writes it, the second reads it, the third reads and rewrites it.
 */
export const useOfLog = (pass: string | null): FileReference["use"] =>
  pass === "2" ? "read" : pass === "3" ? "update" : "write"

/** The file that a valid value names. `pass` is the value of `-pass`. */
export const fileNamed = (grammar: Grammar, value: string, pass: string | null): FileReference | null => {
  const reference = references[grammar]
  const parsed = reference === undefined ? undefined : parseFileName(value)
  if (reference === undefined || parsed === undefined || !("name" in parsed)) return null
  return { ...reference, name: parsed.name, use: grammar === "passLog" ? useOfLog(pass) : reference.use }
}

const references: Readonly<Partial<Record<Grammar, Omit<FileReference, "name">>>> = {
  attachment: { use: "read", shape: "file", opened: "path" },
  passLog: { use: "write", shape: "prefix", opened: "path" },
  segmentNames: { use: "write", shape: "pattern", opened: "url" },
  madeFile: { use: "write", shape: "file", opened: "url" },
  madePath: { use: "write", shape: "file", opened: "path" },
  besideOutput: { use: "write", shape: "file", opened: "beside" },
  besideNames: { use: "write", shape: "pattern", opened: "beside" },
  dashNames: { use: "write", shape: "pattern", opened: "beside" }
}

/**
 * The problem with a `-map` or an item of `maps`, worded to follow the field's name. Valid are `[label]` and
 * streams of an input, optionally with a comma and the stream that older versions synchronise with.
 */
export function mapProblem(value: string): string | undefined {
  const [, streams = "", sync] = /^([^,]*)(?:,(.*))?$/s.exec(value) ?? []
  const isMap = /^\[[^[\]]+\]$/.test(streams) || isStreamSelection(streams.replace(/^-/, ""))
  return isMap && (sync === undefined || isStreamSelection(sync))
    ? undefined
    : `must be "[label]" of the filter graph, or streams of an input, such as "0:v" or "1:a:0?", not ${inQuotes(value)}`
}

/**
 * The problem with an expression. ffmpeg reads most numbers as expressions, and only `while` may run
 * endlessly. ffmpeg removes white space before parsing, and quotes and backslashes if the expression is in a
 * list.
 */
export function expressionProblem(value: string): string | undefined {
  return value.replaceAll(/[ \t\n\v\f\r\\']/g, "").includes("while(")
    ? "must not contain while(): it may never end"
    : undefined
}

function plainProblem(value: string): string | undefined {
  return plainName(value) === undefined ? `must be ${plainNameRule}${insteadOfPath(value)}` : undefined
}

/**
 * The plain name of a file in the task's directory, as options and filters may name it; undefined for other
 * text.
 */
export const plainName = (value: string, without = /[:|%]/): FileName | undefined => {
  const parsed = parseFileName(value)
  return "name" in parsed && !without.test(value) ? parsed.name : undefined
}

export const plainNameRule = 'the name of a file of the task\'s directory, without ":", "|" and "%"'

/**
 * Suggests the last part of a path instead of it, worded to follow a rule; "" if that is not allowed either.
 */
export const insteadOfPath = (
  value: string,
  mayStand: (name: string) => boolean = (name) => plainName(name) !== undefined
): string => {
  const name = value.replace(/^.*[/\\]/s, "")
  return name !== value && mayStand(name) ? `; write ${inQuotes(name)}` : ""
}

/** Placeholders in the file names of a DASH output. */
export const dashIdentifier = /\$(?:RepresentationID|(?:Number|Bandwidth|Time)(?:%0\d\d?d)?|ext)?\$/g

function patternProblem(unknown: RegExp, example: string, simplified = (value: string): string => value) {
  const mayStand = (name: string) =>
    "name" in parseFileName(name) && !/[:|]/.test(name) && !unknown.test(simplified(name))
  return (value: string): string | undefined =>
    mayStand(value)
      ? undefined
      : `must be a file name alone, such as ${inQuotes(example)}${insteadOfPath(value, mayStand)}`
}

function numberProblem(value: string): string | undefined {
  return /^\d+$/.test(value) ? undefined : `must be a whole number, not ${inQuotes(value)}`
}

const clamped = (value: string, most: number): string =>
  /^\d+$/.test(value) && Number(value) > most ? `${most}` : value

/** The names in a list of bitstream filters: `name=key=value:key=value,name`. */
const filterNames = (list: string): ReadonlyArray<string> => {
  const reader = new TokenReader(list)
  const names: Array<string> = []
  do names.push(/^[^=]*/.exec(reader.token(","))?.[0] ?? "")
  while (reader.skip(","))
  return names
}
