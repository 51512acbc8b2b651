import { type BlobKey, blobKeyParts, type DirId, FileName } from "./ids.js"
import { changesLength } from "./length-changes.js"
import type { LimitValues } from "./limits.js"
import { allowedProtocols, selfContainedDemuxers } from "./policy/allowed.js"
import { outputsFolder } from "./policy/folders.js"
import type { FileReference } from "./policy/option-values.js"
import { filesOfOutputs, type ResolvedInput, type ResolvedTask, type StagedFile } from "./task.js"
import { endingOf, stagedName, stagedPattern, stagedPicture, stagedPrefix } from "./text/staged-name.js"

/** Bounds of one run; what is exceeded ends it. */
export interface RunLimits {
  readonly seconds: number
  readonly outputBytes: number
  readonly outputFiles: number
}

/** Where an input or an output starts and how long it lasts at most, in seconds, as far as its options tell. */
export interface Window {
  readonly start: number
  readonly length: number | null
  /** Its own duration bounds nothing: the input is repeated, or played at another speed, or a filter changes the length. */
  readonly looped?: boolean
}

/** What the length of the result can be worked out from, once ffmpeg has said how long the inputs are. */
export interface Timeline {
  readonly inputs: ReadonlyArray<Window>
  readonly outputs: ReadonlyArray<Window>
}

/**
 * One run of ffmpeg, as a value: may be logged, stored, sent to another machine.
 * The process runs in a folder that holds the inputs; a folder `out` beside it takes the outputs.
 */
export interface Plan {
  /** All arguments but the program; names are `file:NAME` for inputs and `file:../out/NAME` for outputs. */
  readonly args: ReadonlyArray<string>
  /** Each staged file, and the bytes: see `StagedFile`. */
  readonly inputs: ReadonlyArray<StagedFile>
  /** What callers call the sequences of pictures that stand among the inputs. Absent where there are none. */
  readonly sequences?: ReadonlyArray<GivenSequence>
  /** The files that the task names as outputs, in its order: what must be there, and be listed first. */
  readonly outputs: ReadonlyArray<FileName>
  /** The numbers, among all outputs of the command, of those that make no file. Absent where there are none. */
  readonly discarded?: ReadonlyArray<number>
  /** `<dir>/<job>-<attempt>/`: outputs are stored below it. */
  readonly outputPrefix: string
  readonly timeline: Timeline
  readonly limits: RunLimits
}

/** The pattern that ffmpeg is given for a sequence, and the caller's own. */
export interface GivenSequence {
  readonly pattern: string
  readonly givenName: FileName
}

/** The folder of storage that one attempt writes to, and no other ever does. */
export const outputSlot = (claim: { readonly id: string; readonly attempt: number }): string => `${claim.id}-${claim.attempt}`

export const outputPrefix = (directory: DirId, slot: string): string => `${directory}/${slot}/`

/** `slot` names the attempt: see `outputSlot`. */
export const makePlan = (task: ResolvedTask, slot: string, limits: LimitValues): Plan => {
  const staged = stage(task)
  const discarded = task.outputs.flatMap((output, number) => (output.discarded ? [number] : []))
  const sequences = stageSequences(task)
  const different = [...new Set(sequences.values())]
  const inputs = task.inputs.map((input) =>
    sequences.has(input) ? { ...input, options: [...input.options, ...inOwnOrder(input)] } : input
  )
  return {
    args: commandArgs(
      { ...task, inputs },
      task.inputs.map((input) => sequences.get(input)?.pattern ?? staged.get(input.key)?.name ?? input.name),
      limits
    ),
    inputs: [...staged.values(), ...different.flatMap(({ files }) => files)],
    ...(different.length > 0 && { sequences: different.map(({ pattern, givenName }) => ({ pattern, givenName })) }),
    outputs: filesOfOutputs(task.outputs),
    ...(discarded.length > 0 && { discarded }),
    outputPrefix: outputPrefix(task.directory, slot),
    timeline: timelineOf(task),
    limits: { seconds: limits.runSeconds, outputBytes: limits.outputBytes, outputFiles: limits.outputFiles }
  }
}

/** What becomes arguments. */
interface Commanded extends Pick<ResolvedTask, "outputs" | "filterComplex"> {
  readonly inputs: ReadonlyArray<Pick<ResolvedInput, "options" | "concat">>
}

/** All arguments but the program; `names` are those of the staged inputs. */
const commandArgs = (
  { inputs, outputs, filterComplex }: Commanded,
  names: ReadonlyArray<string>,
  limits: LimitValues
): ReadonlyArray<string> => [
  ...fixed,
  ...inputs.flatMap(({ options, concat }, index) => [
    ...options,
    ...guard(concat === true ? [...selfContainedDemuxers, "concat"] : selfContainedDemuxers, limits),
    ...["-i", `file:${names[index]}`]
  ]),
  ...(filterComplex === null ? [] : ["-filter_complex", filterComplex]),
  ...outputs.flatMap(({ maps, options, name }) => [...maps.flatMap((map) => ["-map", map]), ...options, `${outputFolder}${name}`])
]

/** Why a task makes a longer command than the system starts, in a sentence; undefined where it does not. */
export const tooLong = (task: Commanded, limits: LimitValues): string | undefined => {
  const args = commandArgs(
    task,
    task.inputs.map(() => longestName),
    limits
  )
  if (args.length > limits.commandArguments) {
    return `the task makes a command of ${args.length} arguments, and at most ${limits.commandArguments} are allowed: use fewer options, maps or outputs`
  }
  const bytes = args.map((arg) => new TextEncoder().encode(arg).length + 1)
  const all = bytes.reduce((sum, each) => sum + each, 0)
  if (all > limits.commandBytes) {
    return `the options, filters and names of the task have ${all} bytes together, and at most ${limits.commandBytes} are allowed: shorten them`
  }
  return bytes.some((each) => each > argumentBytes)
    ? `an option or filter of the task is longer than ${argumentBytes - 1} bytes, which no program can be given: shorten it`
    : undefined
}

const longestName = "x".repeat(255)

/** Of one argument, with the NUL behind it: Linux takes 32 pages. */
const argumentBytes = 128 * 1024

const outputFolder = `file:${outputsFolder}`

/** What stands in an option for the file that it names: those that are read are staged where the process runs. */
export const placeOf = ({ name, use, opened }: Pick<FileReference, "name" | "use" | "opened">): string => {
  if (use === "read" || opened === "beside") return name
  return opened === "path" ? `${outputsFolder}${name}` : `${outputFolder}${name}`
}

/** Verbose, because only then ffmpeg says how many packets each output stream got. */
const fixed = ["-hide_banner", "-nostdin", "-y", "-v", "verbose", "-nostats", "-progress", "pipe:1"]

/** Directly before each `-i`, after the caller's own options: of two settings ffmpeg takes the last. */
const guard = (demuxers: ReadonlyArray<string>, { maxPixels }: LimitValues) => [
  ...["-protocol_whitelist", allowedProtocols, "-format_whitelist", demuxers.join(","), "-max_pixels", `${maxPixels}`]
]

/** Each blob once. Files that are named elsewhere have those very names, all other inputs have names of ours. */
const stage = (task: ResolvedTask): ReadonlyMap<BlobKey, StagedFile> => {
  const staged = new Map((task.files ?? []).map((file) => [file.key, file]))
  const taken = new Set<string>([...staged.values()].map(({ name }) => name))
  let number = 0
  for (const { key, name: givenName, bytes, pictures } of task.inputs) {
    if (pictures !== undefined || staged.has(key)) continue
    let name = stagedName(givenName, number++)
    while (taken.has(name)) name = stagedName(givenName, number++)
    staged.set(key, { key, name, givenName, bytes })
  }
  return staged
}

/** The files of a sequence are numbered from 0 on. Without a format ffmpeg would look into the first of them. */
const inOwnOrder = ({ options }: ResolvedInput): ReadonlyArray<string> => [
  ...(options.includes("-f") ? [] : ["-f", "image2"]),
  ...["-pattern_type", "sequence", "-start_number", "0"]
]

interface StagedSequence extends GivenSequence {
  readonly files: ReadonlyArray<StagedFile>
}

/**
 * Pictures have names of their own, which no other file fits: so ffmpeg reads just these, in their order, whatever their
 * names are. The ending stays, since it tells ffmpeg the codec. Inputs of the same pictures share them.
 */
const stageSequences = ({ inputs, files = [] }: ResolvedTask): ReadonlyMap<ResolvedInput, StagedSequence> => {
  const free = (number: number, x = 0): string =>
    files.some(({ name }) => name.startsWith(stagedPrefix(number, x))) ? free(number, x + 1) : stagedPrefix(number, x)
  const made = new Map<string, StagedSequence>()
  const staged = new Map<ResolvedInput, StagedSequence>()
  for (const input of inputs) {
    if (input.pictures === undefined) continue
    // A glob may leave the ending open: then it is that of the first picture.
    const ending = endingOf(input.name) || endingOf(FileName(input.key))
    const same = JSON.stringify([ending, input.pictures.map(({ key }) => key)])
    const prefix = free(made.size)
    const sequence = made.get(same) ?? {
      pattern: stagedPattern(prefix, ending),
      givenName: input.name,
      files: input.pictures.map(({ key, bytes }, index) => ({
        name: stagedPicture(prefix, index, ending),
        givenName: FileName(blobKeyParts(key)[2]),
        key,
        bytes
      }))
    }
    made.set(same, sequence)
    staged.set(input, sequence)
  }
  return staged
}

/** Where a filter changes the length, only outputs with a length of their own have one that is known. */
const timelineOf = ({ inputs, outputs, filterComplex }: ResolvedTask): Timeline => {
  const graphs = [
    filterComplex ?? "",
    ...outputs.flatMap(({ options }) => options.filter((_, index) => isGraphOption.test(options[index - 1] ?? "")))
  ]
  const unknown = graphs.some(changesLength)
  return {
    inputs: inputs.map(({ options }) => (unknown ? { start: 0, length: null, looped: true } : inputWindow(options))),
    outputs: outputs.map(({ options }) => outputWindow(options))
  }
}

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
