import { lstat, readdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { RunLimitExceeded, type Unavailable } from "../../core/errors.js"
import { type FileName, parseFileName } from "../../core/ids.js"
import type { CommandFacts, RunLimits } from "../../core/plan.js"
import type { Timeline } from "../../core/timeline.js"
import { disk } from "./disk.js"
import type { StreamCount } from "./log/stream-counts.js"

/** A regular file in the folder of outputs. */
export interface Made {
  readonly name: FileName
  readonly path: string
  readonly bytes: number
}

/** Every regular file of the folder, in no order. Links and other kinds are neither followed nor listed. */
export const listMade = (folder: string): Effect.Effect<ReadonlyArray<Made>, Unavailable> =>
  disk(`list ${folder}`, async () => {
    const found = await Promise.all((await readdir(folder)).map((name) => look(folder, name)))
    return found.flat()
  })

const look = async (folder: string, text: string): Promise<ReadonlyArray<Made>> => {
  const path = join(folder, text)
  // ffmpeg may rename or remove a file between the listing and the look.
  const stat = await lstat(path).catch(() => undefined)
  const parsed = parseFileName(text)
  return stat?.isFile() === true && "name" in parsed ? [{ name: parsed.name, path, bytes: stat.size }] : []
}

/** A name that two of the files have: they differ in bytes alone, not in Unicode's normal form, by which files are stored. */
export const commonName = (made: ReadonlyArray<Made>): FileName | undefined => {
  const names = new Set<FileName>()
  return made.find(({ name }) => names.size === names.add(name).size)?.name
}

/** Which limit the files break, if any. */
export const checkLimits = (made: ReadonlyArray<Made>, limits: RunLimits): Effect.Effect<void, RunLimitExceeded> => {
  if (made.length > limits.outputFiles) {
    return new RunLimitExceeded({ limit: `the run made more than ${limits.outputFiles} files` })
  }
  const bytes = made.reduce((sum, file) => sum + file.bytes, 0)
  return bytes > limits.outputBytes
    ? new RunLimitExceeded({ limit: `the outputs grew larger than ${limits.outputBytes} bytes together` })
    : Effect.void
}

/** The files of each named output: itself, or what came of a pattern such as `f%03d.png` or `v%v.m3u8`, in order. */
export const madeBy = (name: FileName, made: ReadonlyArray<Made>): ReadonlyArray<Made> => {
  const itself = made.find((file) => file.name === name)
  if (itself !== undefined) return [itself]
  const fits = name.includes("%v") ? fitsVariant : fitsNumber
  return inOrder(made.filter((file) => fits(name, file.name)))
}

/** `%v` is the same text wherever it stands, so its length follows from that of the whole. */
const fitsVariant = (pattern: FileName, file: FileName): boolean => {
  const parts = pattern.split("%v")
  const [start = ""] = parts
  const length = (file.length - parts.join("").length) / (parts.length - 1)
  return length > 0 && Number.isInteger(length) && parts.join(file.slice(start.length, start.length + length)) === file
}

const placeholder = /%(?:(\d*)d|%)/g

/** `%d` and `%03d` are the same number wherever they stand; `%%` is a percent sign (av_get_frame_filename). */
const fitsNumber = (pattern: FileName, file: FileName): boolean => {
  const first = /%\d*d/.exec(pattern.replaceAll("%%", "\0"))
  if (first === null) return false
  const [digits = ""] = /^\d*/.exec(file.slice(first.index)) ?? []
  // Where a digit follows, the number is not all of them. Tried one by one: a pattern of many numbers as an expression
  // would keep it busy for hours.
  const numbers = new Set(Array.from(digits, (_, index) => digits.slice(0, index + 1).replace(/^0*(\d)/, "$1")))
  return [...numbers].some((number) => number.length <= maxDigits && numbered(pattern, number) === file)
}

/** Of a number of 64 bits. */
const maxDigits = 19

const numbered = (pattern: FileName, number: string): string =>
  pattern.replace(placeholder, (part, width?: string) => (part === "%%" ? "%" : number.padStart(Math.min(Number(width), 255), "0")))

/** The named outputs in the task's order, then everything else by name. */
export const arrange = (outputs: ReadonlyArray<FileName>, made: ReadonlyArray<Made>): ReadonlyArray<Made> => {
  const named = new Set(outputs.flatMap((name) => madeBy(name, made)))
  return [...named, ...inOrder(made.filter((file) => !named.has(file)))]
}

const byNumber = new Intl.Collator("en", { numeric: true })

const inOrder = (made: ReadonlyArray<Made>): ReadonlyArray<Made> =>
  [...made].sort((a, b) => byNumber.compare(a.name, b.name) || (a.name < b.name ? -1 : 1))

/** Attachments are no packets, and no line of subtitles may fall into the part that is cut out. */
const mayBeEmpty: ReadonlySet<string> = new Set(["attachment", "subtitle"])

/** What ffmpeg's account says of one output: why it is a failure, or what to warn of. */
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
  // A time range without subtitles is no failure for ffmpeg; where the output has only subtitles, a warning says so.
  if (mayAllBeEmpty && streams.some(({ kind }) => kind === "subtitle") && streams.every(({ packets }) => packets === 0)) {
    return { warnings: [`the output "${name}" has no line of subtitles: none falls into the part that was asked for`] }
  }
  return {
    warnings: streams.flatMap(({ kind, packets }, index) =>
      packets === 0 && !mayBeEmpty.has(kind) ? [`stream ${index} (${kind}) of the output "${name}" is empty`] : []
    )
  }
}

/** How far a result may fall short of the length its options ask for, in seconds, before it is worth a word. */
const shortfallSeconds = 1

/** A warning when every output names its length and the longest that was made is clearly shorter. */
export const shortfall = (
  timeline: Timeline,
  { endsEarly }: Pick<CommandFacts, "endsEarly">,
  outTimeSeconds: number
): ReadonlyArray<string> => {
  const lengths = timeline.outputs.map(({ length }) => length)
  if (lengths.length === 0 || lengths.includes(null) || endsEarly) return []
  const asked = Math.max(...lengths.map((length) => length ?? 0))
  return outTimeSeconds < asked - shortfallSeconds ? [`the result is ${outTimeSeconds.toFixed(1)} s long, not ${asked} s as asked for`] : []
}
