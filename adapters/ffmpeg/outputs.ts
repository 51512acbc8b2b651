import { lstat, readdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { RunLimitExceeded, type Unavailable } from "../../core/errors.js"
import { type FileName, parseFileName } from "../../core/ids.js"
import type { CommandFacts, RunLimits } from "../../core/plan.js"
import type { Timeline } from "../../core/timeline.js"
import { disk } from "./disk.js"
import type { StreamCount } from "./log/stream-counts.js"

/** A regular file in the output folder. */
export interface Made {
  readonly name: FileName
  readonly path: string
  readonly bytes: number
}

/**
 * Lists the regular files of the folder, in no order. Links and other kinds are neither followed nor listed.
 */
export const listMade = (folder: string): Effect.Effect<ReadonlyArray<Made>, Unavailable> =>
  disk(`list ${folder}`, async () => {
    const found = await Promise.all((await readdir(folder)).map((name) => look(folder, name)))
    return found.flat()
  })

const look = async (folder: string, text: string): Promise<ReadonlyArray<Made>> => {
  const path = join(folder, text)
  // ffmpeg may rename or remove a file between `readdir` and `lstat`.
  const stat = await lstat(path).catch(() => undefined)
  const parsed = parseFileName(text)
  return stat?.isFile() === true && "name" in parsed ? [{ name: parsed.name, path, bytes: stat.size }] : []
}

/**
 * A name that two of the files share: their names have different bytes, but the same Unicode normal form,
 * which is stored.
 */
export const commonName = (made: ReadonlyArray<Made>): FileName | undefined => {
  const names = new Set<FileName>()
  return made.find(({ name }) => names.size === names.add(name).size)?.name
}

/** Fails if the files exceed a limit. */
export const checkLimits = (
  made: ReadonlyArray<Made>,
  limits: RunLimits
): Effect.Effect<void, RunLimitExceeded> => {
  if (made.length > limits.outputFiles) {
    return new RunLimitExceeded({ limit: `the run made more than ${limits.outputFiles} files` })
  }
  const bytes = made.reduce((sum, file) => sum + file.bytes, 0)
  return bytes > limits.outputBytes
    ? new RunLimitExceeded({ limit: `the outputs grew larger than ${limits.outputBytes} bytes together` })
    : Effect.void
}

/**
 * The files of a named output: the file itself, or those of a pattern such as `f%03d.png` or `v%v.m3u8`, in
 * order.
 */
export const madeBy = (name: FileName, made: ReadonlyArray<Made>): ReadonlyArray<Made> => {
  const itself = made.find((file) => file.name === name)
  if (itself !== undefined) return [itself]
  const fits = name.includes("%v") ? fitsVariant : fitsNumber
  return inOrder(made.filter((file) => fits(name, file.name)))
}

/** `%v` stands for the same text everywhere, so its length follows from the length of the whole name. */
const fitsVariant = (pattern: FileName, file: FileName): boolean => {
  const parts = pattern.split("%v")
  const [start = ""] = parts
  const length = (file.length - parts.join("").length) / (parts.length - 1)
  return (
    length > 0 &&
    Number.isInteger(length) &&
    parts.join(file.slice(start.length, start.length + length)) === file
  )
}

const placeholder = /%(?:(\d*)d|%)/g

/** `%d` and `%03d` stand for the same number everywhere; `%%` is a percent sign (av_get_frame_filename). */
const fitsNumber = (pattern: FileName, file: FileName): boolean => {
  const first = /%\d*d/.exec(pattern.replaceAll("%%", "\0"))
  if (first === null) return false
  const [digits = ""] = /^\d*/.exec(file.slice(first.index)) ?? []
  // The digits may include some that follow the number in the pattern, so each length is tried. A regular
  // expression of
  // a pattern with many numbers could run for hours.
  const numbers = new Set(
    Array.from(digits, (_, index) => digits.slice(0, index + 1).replace(/^0*(\d)/, "$1"))
  )
  return [...numbers].some((number) => number.length <= maxDigits && numbered(pattern, number) === file)
}

/** Digits of a 64-bit number. */
const maxDigits = 19

const numbered = (pattern: FileName, number: string): string =>
  pattern.replace(placeholder, (part, width?: string) =>
    part === "%%" ? "%" : number.padStart(Math.min(Number(width), 255), "0")
  )

/** Sorts the files: named outputs in the task's order, then all others by name. */
export const arrange = (outputs: ReadonlyArray<FileName>, made: ReadonlyArray<Made>): ReadonlyArray<Made> => {
  const named = new Set(outputs.flatMap((name) => madeBy(name, made)))
  return [...named, ...inOrder(made.filter((file) => !named.has(file)))]
}

const byNumber = new Intl.Collator("en", { numeric: true })

const inOrder = (made: ReadonlyArray<Made>): ReadonlyArray<Made> =>
  [...made].sort((a, b) => byNumber.compare(a.name, b.name) || (a.name < b.name ? -1 : 1))

/**
 * Kinds of streams that may have no packets: attachments have none, and a cut may contain no line of
 * subtitles.
 */
const mayBeEmpty: ReadonlySet<string> = new Set(["attachment", "subtitle"])

/** Judges one output by the packets of its streams: why it is a failure, or what to warn about. */
export const judgeOutput = (
  name: FileName,
  streams: ReadonlyArray<StreamCount>
): { readonly failure: string } | { readonly warnings: ReadonlyArray<string> } => {
  const mayAllBeEmpty = streams.length > 0 && streams.every(({ kind }) => mayBeEmpty.has(kind))
  if (!mayAllBeEmpty && streams.every(({ packets }) => packets === 0)) {
    return {
      failure: `the output "${name}" is empty: nothing was encoded (check -ss, -t, -to and -frames: does the input last that long?)`
    }
  }
  // ffmpeg succeeds for a time range without subtitles. If the output has only subtitles, a warning says so.
  if (
    mayAllBeEmpty &&
    streams.some(({ kind }) => kind === "subtitle") &&
    streams.every(({ packets }) => packets === 0)
  ) {
    return {
      warnings: [`the output "${name}" has no line of subtitles: none falls into the part that was asked for`]
    }
  }
  return {
    warnings: streams.flatMap(({ kind, packets }, index) =>
      packets === 0 && !mayBeEmpty.has(kind)
        ? [`stream ${index} (${kind}) of the output "${name}" is empty`]
        : []
    )
  }
}

/** A result that is shorter than requested by more than this many seconds gets a warning. */
const shortfallSeconds = 1

/** Warns if all outputs have a length option and the longest result is clearly shorter. */
export const shortfall = (
  timeline: Timeline,
  { endsEarly }: Pick<CommandFacts, "endsEarly">,
  outTimeSeconds: number
): ReadonlyArray<string> => {
  const lengths = timeline.outputs.map(({ length }) => length)
  if (lengths.length === 0 || lengths.includes(null) || endsEarly) return []
  const asked = Math.max(...lengths.map((length) => length ?? 0))
  return outTimeSeconds < asked - shortfallSeconds
    ? [`the result is ${outTimeSeconds.toFixed(1)} s long, not ${asked} s as asked for`]
    : []
}
