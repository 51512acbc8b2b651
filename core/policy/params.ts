import { type FileName, parseFileName } from "../ids.js"
import { encoderKeys } from "./encoder-keys.js"
import { inQuotes } from "./quoting.js"
import { TokenReader } from "./tokens.js"

/** Keys that make encoders open files or devices. */
export const refusedKeys: ReadonlySet<string> = new Set(
  (
    "stats csv recon qpfile cqmfile opencl opencl-clbin opencl-device analysis-save analysis-load lambda-file nalu-file zonefile " +
    "film-grain-table vmaf-model-path partition-info-path fgs-table dhdr10-info rate-distribution-info two-pass-input two-pass-output fpf " +
    "scenecut-qp-config aom-film-grain roi fastrd-sampling stats-file-prefix summaryoutfilename summarypicfilenamebase"
  ).split(" ")
)

/** Keys that match the patterns for files but name no file. */
const harmlessKeys: ReadonlySet<string> = new Set(["profile"])

/** Keys whose value is a file name, unless it is one of these words. */
const wordsOf: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["cqm", ["flat", "jvt"]],
  ["scaling-list", ["off", "default"]]
])

const isRefused = (key: string): boolean =>
  refusedKeys.has(key) ||
  (/^(dump-|tcfile-)|(file|path|dir|log|table|prefix)$/.test(key) && !harmlessKeys.has(key))

interface Param {
  /** The key as written. */
  readonly key: string
  /** Empty if there is none. */
  readonly value: string
}

/**
 * The problem with a list of encoder parameters, worded to follow the field's name; undefined if there is
 * none. Only reviewed keys pass, because a later version of an encoder may know keys that this one ignores.
 */
export const paramsProblem = (option: string, list: string): string | undefined => {
  const known = encoderKeys.get(option)
  if (known === undefined) return "is a list of parameters that cannot be checked: leave the option out"
  const log = logProblem(option, list)
  if (log !== undefined) return log
  const refused = allKeys(withoutLog(option, list)).find((key) => isRefusedFor(option, key))
  if (refused !== undefined)
    return `contains ${inQuotes(refused)}, which is not allowed: it names a file or a device`
  for (const param of paramsOf(option, withoutLog(option, list)).flatMap(withZones)) {
    const problem = paramProblem(param, known.encoder, known.keys)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** The default name of an encoder's two-pass log. */
const defaultLogs: ReadonlyMap<string, string> = new Map([
  ["x264-params", "x264_2pass.log"],
  ["x264opts", "x264_2pass.log"],
  ["x265-params", "x265_2pass.log"]
])

/** Suffixes of the two-pass log and of the second file that encoders write with it. */
export const logSuffixes: ReadonlyArray<string> = ["", ".mbtree", ".cutree"]

/**
 * The files that an encoder writes for a log of this name or pattern. Each has a temporary name (`passing`)
 * while it is written.
 */
export const filesOfLog = (
  name: string,
  encoder: "x264" | "x265"
): ReadonlyArray<{ readonly name: string; readonly passing?: true }> =>
  ["", encoder === "x264" ? ".mbtree" : ".cutree"].flatMap((suffix) => [
    { name: `${name}${suffix}` },
    { name: `${name}${suffix}.temp`, passing: true } as const
  ])

const namesLog = (option: string, list: string): boolean =>
  defaultLogs.has(option) && paramsOf(option, list).some(({ key }) => key === "stats")

/**
 * A list that names a log must have no quotes and no backslashes, so that all parsers split it in the same
 * places.
 */
const logProblem = (option: string, list: string): string | undefined => {
  if (!namesLog(option, list)) return undefined
  const logs = paramsOf(option, list).filter(({ key }) => key === "stats")
  if (/['\\]/.test(list)) {
    const instead = insteadOfLog(logs.at(-1)?.value ?? "")
    return `names a log by "stats", and must then have no quotes and no backslashes${instead}`
  }
  const bad = logs.find(({ value }) => !isPlainName(value))
  return bad === undefined
    ? undefined
    : `sets "stats" to more than a name: it must be the name of a file of the task's directory${insteadOfLog(bad.value)}`
}

/** Suggests the plain name instead of a path or a quoted name; "" if there is none. */
const insteadOfLog = (value: string): string => {
  const name = value.replace(/^.*[/\\]/s, "")
  return isPlainName(name) ? `; write ${inQuotes(`stats=${name}`)}` : ""
}

const isPlainName = (value: string): boolean => "name" in parseFileName(value) && /^[^:|%,=/]+$/.test(value)

const withoutLog = (option: string, list: string): string =>
  namesLog(option, list)
    ? list
        .split(":")
        .filter((part) => !/^stats(?:=|$)/.test(part))
        .join(":")
    : list

/** A two-pass log. */
export interface PassLog {
  readonly name: FileName
  /** As the encoder reads it: 1 writes the log, 2 and 3 read it. */
  readonly pass: string
}

/**
 * The log that a list names, or the encoder's default log, which would be written to the working directory.
 * `pass` is the value of `-pass`: with it ffmpeg sets a log for x264 itself, unless the list names one.
 */
export const passLogOf = (option: string, list: string, pass: string | null): PassLog | undefined => {
  const defaultLog = defaultLogs.get(option)
  if (defaultLog === undefined) return undefined
  const params = paramsOf(option, list)
  const last = (name: string) => params.findLast(({ key }) => plainKey(key) === name)?.value
  const isX264 = option !== "x265-params"
  const number = last("pass") ?? (isX264 ? pass : null)
  const stats = last("stats")
  if (number === null || !/^[123]$/.test(number) || (stats === undefined && isX264 && pass !== null))
    return undefined
  const parsed = parseFileName(stats ?? defaultLog)
  return "name" in parsed ? { name: parsed.name, pass: number } : undefined
}

const paramProblem = (
  { key, value }: Param,
  encoder: string,
  keys: ReadonlySet<string>
): string | undefined => {
  const plain = plainKey(key)
  const name = keys.has(plain) ? plain : withoutNo(plain)
  if (!keys.has(name))
    return `contains ${inQuotes(key)}, which is not a known parameter of ${encoder}: check its name, or leave it out`
  const words = wordsOf.get(name)
  // A leading "no" changes the value to another word, which the encoder would open as a file.
  if (words === undefined || (name === plain && words.includes(value))) return undefined
  return `sets ${inQuotes(key)} to ${inQuotes(value)}: it must be ${words.join(" or ")}`
}

/** The normalized key: encoders treat "_" and "-" alike, and x265 accepts leading dashes. */
const plainKey = (key: string): string => key.trim().toLowerCase().replaceAll("_", "-").replace(/^--/, "")

/** The key without a leading "no", which x264 and x265 accept before any key. */
const withoutNo = (key: string): string => key.replace(/^no-?/, "")

/** `film-grain` is a file for x265 but a number for SVT-AV1. */
const isRefusedFor = (option: string, key: string): boolean =>
  [plainKey(key), withoutNo(plainKey(key))].some(
    (each) => isRefused(each) || (option === "x265-params" && each === "film-grain")
  )

/**
 * Splits a list like ffmpeg: by libavutil's rules with quotes, except `x264opts`, which is split at every
 * colon.
 */
const paramsOf = (option: string, list: string): ReadonlyArray<Param> =>
  option === "x264opts" ? cut(list, ":") : unquoted(list)

/**
 * Adds the parameters within zones: `start,end,key=value,key=value/start,end,...`. The keys `q` and `b` exist
 * only there.
 */
const withZones = (param: Param): ReadonlyArray<Param> =>
  plainKey(param.key) === "zones"
    ? [
        param,
        ...param.value
          .split("/")
          .flatMap((zone) => cut(zone, ",").filter(({ key }) => !/^(\d+|[qb])$/.test(key)))
      ]
    : [param]

const cut = (list: string, separator: string): ReadonlyArray<Param> =>
  list
    .split(separator)
    .filter((part) => part !== "")
    .map((part) => {
      const at = part.indexOf("=")
      return at < 0 ? { key: part, value: "" } : { key: part.slice(0, at), value: part.slice(at + 1) }
    })

/** All texts that any parser could take as a key, so that a key for files is refused in every position. */
const allKeys = (list: string): ReadonlyArray<string> => [
  ...new Set(
    [list, ...unquoted(list).map(({ key, value }) => `${key}=${value}`)]
      .flatMap((text) => text.split(/[:,/]/))
      .map((part) => part.split("=", 1)[0]?.trim() ?? "")
      .filter((key) => key !== "")
  )
]

/** Keys and values with quotes and backslashes resolved. */
const unquoted = (list: string): ReadonlyArray<Param> => {
  const reader = new TokenReader(list)
  const params: Array<Param> = []
  while (!reader.atEnd) {
    const key = reader.token("=:")
    params.push({ key, value: reader.skip("=") ? reader.token(":") : "" })
    reader.take()
  }
  return params.filter(({ key }) => key !== "")
}
