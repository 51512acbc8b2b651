import { Schema } from "effect"
import { number, optional } from "./fields.js"
import { textChangesLength } from "./length-changes.js"
import type { ResolvedTask } from "./task.js"

/** The start and maximum length of an input or output in seconds, from its options. */
export const Window = Schema.Struct({
  start: number,
  length: Schema.NullOr(number),
  /**
   * The input's duration is no limit: it is repeated, played at another speed, or a filter changes the
   * length.
   */
  looped: optional(Schema.Boolean)
})
export type Window = typeof Window.Type

/**
 * The data from which the length of the result is computed once ffmpeg has reported the lengths of the
 * inputs.
 */
export const Timeline = Schema.Struct({ inputs: Schema.Array(Window), outputs: Schema.Array(Window) })
export type Timeline = typeof Timeline.Type

/**
 * The timeline of a task. If a filter changes the length, the length of an output is known only from its own
 * options.
 */
export const timelineOf = (task: ResolvedTask): Timeline => {
  const unknown = task.changesLength ?? graphsOf(task).some(textChangesLength)
  return {
    inputs: task.inputs.map(({ options }) =>
      unknown ? { start: 0, length: null, looped: true } : inputWindow(options)
    ),
    outputs: task.outputs.map(({ options }) => outputWindow(options))
  }
}

/** The graphs of a task that an earlier version stored. */
const graphsOf = ({ outputs, filterComplex }: ResolvedTask): ReadonlyArray<string> => [
  filterComplex ?? "",
  ...outputs.flatMap(({ options }) =>
    options.filter((_, index) => isGraphOption.test(options[index - 1] ?? ""))
  )
]

const isGraphOption = /^-(?:vf|af|filter(?::|$))/

/** Options of an input that change its length from the one that ffmpeg reports. */
const isSpeedOption = /^-(?:itsscale|r)(?::|$)/

const inputWindow = (options: ReadonlyArray<string>): Window => {
  const fromEnd = seconds(valueOf(options, "-sseof"))
  const { start, length } = outputWindow(options)
  const looped =
    options.some((item) => isSpeedOption.test(item)) ||
    ["-loop", "-stream_loop"].some((name) => !["0", undefined].includes(valueOf(options, name)))
  // With a start counted from the end, the input has at most that length.
  const longest = fromEnd === null ? length : Math.min(length ?? Number.POSITIVE_INFINITY, Math.abs(fromEnd))
  return { start: fromEnd === null ? start : 0, length: longest, ...(looped ? { looped } : {}) }
}

/** `-t` is a length and wins over `-to`, which is a position (ffmpeg documentation, main options). */
const outputWindow = (options: ReadonlyArray<string>): Window => {
  const start = seconds(valueOf(options, "-ss")) ?? 0
  const length = seconds(valueOf(options, "-t"))
  const end = seconds(valueOf(options, "-to"))
  return { start, length: length ?? (end === null ? null : Math.max(0, end - start)) }
}

/** The value of an option. Of repeated options the last one is used, as by ffmpeg. */
const valueOf = (options: ReadonlyArray<string>, name: string): string | undefined => {
  const at = options.lastIndexOf(name)
  return at < 0 ? undefined : options[at + 1]
}

/** Longest text that is parsed as a duration. Longer text is left to ffmpeg. */
const maxDurationLength = 100

/**
 * Parses ffmpeg's duration syntax, `[-][HH:]MM:SS[.m]` or `[-]S[.m][s|ms|us]`, to seconds. Null for other
 * text.
 */
export const seconds = (text = ""): number | null => {
  if (text.length > maxDurationLength) return null
  const clock = /^(-?)(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)$/.exec(text)
  if (clock !== null) {
    const [, sign, hours = "0", minutes, rest] = clock
    const value = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest)
    return sign === "-" ? -value : value
  }
  const plain = /^(-?(?:\d+(?:\.\d*)?|\.\d+))(s|ms|us)?$/.exec(text)
  if (plain === null) return null
  const perSecond = { s: 1, ms: 1e3, us: 1e6 }[(plain[2] ?? "s") as "s" | "ms" | "us"]
  return Number(plain[1]) / perSecond
}
