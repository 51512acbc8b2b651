import { Schema } from "effect"
import { number, optional } from "./fields.js"
import { textChangesLength } from "./length-changes.js"
import type { ResolvedTask } from "./task.js"

/** Where an input or an output starts and how long it lasts at most, in seconds, as far as its options tell. */
export const Window = Schema.Struct({
  start: number,
  length: Schema.NullOr(number),
  /** Its own duration bounds nothing: the input is repeated, or played at another speed, or a filter changes the length. */
  looped: optional(Schema.Boolean)
})
export type Window = typeof Window.Type

/** What the length of the result can be worked out from, once ffmpeg has said how long the inputs are. */
export const Timeline = Schema.Struct({ inputs: Schema.Array(Window), outputs: Schema.Array(Window) })
export type Timeline = typeof Timeline.Type

/** Where a filter changes the length, only outputs with a length of their own have one that is known. */
export const timelineOf = (task: ResolvedTask): Timeline => {
  const unknown = task.changesLength ?? graphsOf(task).some(textChangesLength)
  return {
    inputs: task.inputs.map(({ options }) => (unknown ? { start: 0, length: null, looped: true } : inputWindow(options))),
    outputs: task.outputs.map(({ options }) => outputWindow(options))
  }
}

/** Of a task that an earlier version stored. */
const graphsOf = ({ outputs, filterComplex }: ResolvedTask): ReadonlyArray<string> => [
  filterComplex ?? "",
  ...outputs.flatMap(({ options }) => options.filter((_, index) => isGraphOption.test(options[index - 1] ?? "")))
]

const isGraphOption = /^-(?:vf|af|filter(?::|$))/

/** Options of an input by which it lasts longer or shorter than ffmpeg says. */
const isSpeedOption = /^-(?:itsscale|r)(?::|$)/

const inputWindow = (options: ReadonlyArray<string>): Window => {
  const fromEnd = seconds(valueOf(options, "-sseof"))
  const { start, length } = outputWindow(options)
  const looped =
    options.some((item) => isSpeedOption.test(item)) ||
    ["-loop", "-stream_loop"].some((name) => !["0", undefined].includes(valueOf(options, name)))
  // Counted from the end, the input gives at most that much, wherever it starts.
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

/** The last one counts, as for ffmpeg. */
const valueOf = (options: ReadonlyArray<string>, name: string): string | undefined => {
  const at = options.lastIndexOf(name)
  return at < 0 ? undefined : options[at + 1]
}

/** Longer text is no duration that anybody writes: what it means is left to ffmpeg. */
const maxDurationLength = 100

/** ffmpeg's time duration syntax: `[-][HH:]MM:SS[.m]` or `[-]S[.m][s|ms|us]`; null where it is neither. */
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
