import { Schema } from "effect"
import { byteCount } from "./fields.js"

/** A sequence of pictures that an input's name stands for, as read by ffmpeg's image2 demuxer. */
export type Sequence =
  /** `given`: the options have `-start_number`. */
  | { readonly by: "numbers"; readonly start: number; readonly range: number; readonly given?: true }
  | { readonly by: "glob" }

/** The sequence that a name stands for with these options; undefined if it names a single file. */
export const sequenceOf = (name: string, options: ReadonlyArray<string>): Sequence | undefined => {
  const valueOf = (option: string) => {
    const at = options.lastIndexOf(option)
    return at < 0 ? undefined : options[at + 1]
  }
  if (!["image2", undefined].includes(valueOf("-f")?.toLowerCase())) return undefined
  const type = valueOf("-pattern_type")
  if (type === "glob") return /[*?[{]/.test(name) ? { by: "glob" } : undefined
  if (type === "none" || numbered(name) === undefined) return undefined
  const whole = (text: string | undefined, other: number) =>
    /^\d{1,9}$/.test(text ?? "") ? Number(text) : other
  const start = valueOf("-start_number")
  const range = whole(valueOf("-start_number_range"), 5)
  return { by: "numbers", start: whole(start, 0), range, ...(start !== undefined && { given: true }) }
}

/**
 * The options without `-pattern_type`: the server sets it, because a run gets the pictures under generated
 * names.
 */
export const withoutPatternType = (options: ReadonlyArray<string>): ReadonlyArray<string> =>
  options.filter((item, index) => item !== "-pattern_type" && options[index - 1] !== "-pattern_type")

/** The common prefix of all matching names. */
export const prefixOf = (pattern: string, { by }: Sequence): string =>
  by === "numbers" ? (numbered(pattern)?.before ?? pattern) : pattern.replace(/[*?[{].*/s, "")

/** Whether a name matches the pattern. */
export const fitting = (pattern: string, { by }: Sequence): ((name: string) => boolean) => {
  if (by === "numbers") {
    const number = numberIn(pattern)
    return (name) => number?.(name) !== undefined
  }
  const globs = alternatives(pattern).map(globParts)
  return (name) => globs.some((glob) => matches(glob, name))
}

/** A gap that ends a numbered sequence: the missing name, and the count of pictures with later numbers. */
export const Gap = Schema.Struct({ missing: Schema.String, later: byteCount })
export type Gap = typeof Gap.Type

/**
 * The matching names that ffmpeg reads, in its order: by number up to the first gap, beginning within `range`
 * of the start; or, for a glob, by name. If no name is within that range, `first` is the lowest number.
 */
export const inSequence = (
  pattern: string,
  sequence: Sequence,
  names: ReadonlyArray<string>
): { readonly names: ReadonlyArray<string>; readonly first?: number; readonly gap?: Gap } => {
  if (sequence.by === "glob") return { names: [...names].sort() }
  const number = numberIn(pattern)
  const byNumber = new Map(names.map((name) => [number?.(name) ?? -1, name]))
  const from = Array.from(
    { length: Math.min(sequence.range, 100_000) },
    (_, index) => sequence.start + index
  ).find((number) => byNumber.has(number))
  const read: Array<string> = []
  for (
    let number = from ?? -1, name = byNumber.get(number);
    name !== undefined;
    name = byNumber.get(++number)
  )
    read.push(name)
  if (read.length === 0) return { names: [], first: Math.min(...byNumber.keys()) }
  const end = (from ?? 0) + read.length
  const later = [...byNumber.keys()].filter((number) => number > end).length
  return later === 0 ? { names: read } : { names: read, gap: { missing: pictureAt(pattern, end), later } }
}

interface Numbered {
  readonly before: string
  readonly after: string
  readonly width: number
}

/** The text before and after the only number of a pattern, and its minimum number of digits. */
const numbered = (pattern: string): Numbered | undefined => {
  const [, before, width, after = ""] = /^((?:[^%]|%%)*)%(\d*)d((?:[^%]|%%)*)$/s.exec(pattern) ?? []
  if (before === undefined) return undefined
  return {
    before: before.replaceAll("%%", "%"),
    after: after.replaceAll("%%", "%"),
    width: Math.min(Number(width), 255)
  }
}

/** The name of one picture of a numbered sequence. */
export const pictureAt = (pattern: string, number: number): string => {
  const { before, after, width } = numbered(pattern) ?? { before: pattern, after: "", width: 0 }
  return `${before}${`${number}`.padStart(width, "0")}${after}`
}

/**
 * Returns a function that reads the number of a matching name; undefined for a pattern without exactly one
 * number.
 */
export const numberIn = (pattern: string): ((name: string) => number | undefined) | undefined => {
  const parts = numbered(pattern)
  if (parts === undefined) return undefined
  const { before, after, width } = parts
  return (name) => {
    if (!name.startsWith(before) || !name.endsWith(after) || name.length <= before.length + after.length)
      return undefined
    const digits = name.slice(before.length, name.length - after.length)
    const number = Number(digits)
    return /^\d+$/.test(digits) && number < 2 ** 31 && `${number}`.padStart(width, "0") === digits
      ? number
      : undefined
  }
}

/** Maximum number of alternatives of a pattern with `{a,b}`. */
const maxAlternatives = 64

/** The pattern with each of the words in `{a,b}`. */
const alternatives = (pattern: string): ReadonlyArray<string> => {
  let done: ReadonlyArray<string> = [""]
  for (const [part] of pattern.matchAll(/\{[^{}]*\}|[^{]+|\{/gs)) {
    const words =
      part.startsWith("{") && part.endsWith("}") && part.includes(",") ? part.slice(1, -1).split(",") : [part]
    done = done.flatMap((start) => words.map((word) => start + word)).slice(0, maxAlternatives)
  }
  return done
}

type GlobPart =
  | "*"
  | "?"
  | { readonly character: string }
  | { readonly set: string; readonly negated: boolean }

const globParts = (glob: string): ReadonlyArray<GlobPart> =>
  Array.from(glob.matchAll(/\*+|\?|\[(!|\^)?(\]?[^\]]*)\]|./gsu), ([part, negation, set]): GlobPart => {
    if (part.startsWith("*")) return "*"
    if (part === "?") return "?"
    return set === undefined ? { character: part } : { set, negated: negation !== undefined }
  })

/**
 * Matches a glob. Backtracks only to the last `*`, so the time is at most proportional to the product of both
 * lengths.
 */
const matches = (glob: ReadonlyArray<GlobPart>, name: string): boolean => {
  // Wildcards do not match the leading dot of a hidden file.
  if (name.startsWith(".") && typeof glob[0] === "string") return false
  const characters = Array.from(name)
  let [part, at] = [0, 0]
  let star: readonly [part: number, at: number] | undefined
  while (at < characters.length) {
    const wanted = glob[part]
    if (wanted === "*") {
      star = [part, at]
      part++
    } else if (wanted !== undefined && isOne(wanted, characters[at] ?? "")) {
      part++
      at++
    } else if (star !== undefined) {
      star = [star[0], star[1] + 1]
      part = star[0] + 1
      at = star[1]
    } else return false
  }
  return glob.slice(part).every((rest) => rest === "*")
}

const isOne = (part: Exclude<GlobPart, "*">, character: string): boolean => {
  if (part === "?") return true
  if ("character" in part) return part.character === character
  const ranges = Array.from(
    part.set.matchAll(/(.)-(.)|./gsu),
    ([whole, from = whole, to = whole]) => from <= character && character <= to
  )
  return ranges.includes(true) !== part.negated
}
