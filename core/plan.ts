import { Schema } from "effect"
import { fileName, number, optional, texts } from "./fields.js"
import { type BlobKey, blobKeyParts, type DirId, FileName } from "./ids.js"
import type { LimitValues } from "./limits.js"
import { allowedProtocols, selfContainedDemuxers } from "./policy/allowed.js"
import { outputsFolder } from "./policy/folders.js"
import type { FileReference } from "./policy/option-values.js"
import { filesOfOutputs, type ResolvedInput, type ResolvedTask, StagedFile } from "./task.js"
import { endingOf, stagedName, stagedPattern, stagedPicture, stagedPrefix } from "./text/staged-name.js"
import { Timeline, timelineOf } from "./timeline.js"

/** Bounds of one run; what is exceeded ends it. */
export const RunLimits = Schema.Struct({ seconds: number, outputBytes: number, outputFiles: number })
export type RunLimits = typeof RunLimits.Type

/** What is asked of a command line beside running it. Only this file reads arguments; all others take these facts. */
export const CommandFacts = Schema.Struct({
  /** The file or pattern that each `-i` opens, in the order of the command. */
  reads: texts,
  /** Staged files that an `-i` opens and nothing else does: they may be read over HTTP while they are downloaded. */
  streamable: Schema.Array(fileName),
  /** The first pass of an encoder, or a third one: it may write its log alone. */
  firstPass: Schema.Boolean,
  /** A second pass, or a third one: it reads a log. */
  laterPass: Schema.Boolean,
  /** The encoder that overlooks -pass, if the command names one. */
  onePassEncoder: optional(Schema.String),
  /** An option may end an output before the length that -t or -to give. */
  endsEarly: Schema.Boolean,
  /** An output is written anew when all of it is there: bytes that were read before are worthless. */
  rewritten: Schema.Boolean
})
export type CommandFacts = typeof CommandFacts.Type

/** The pattern that ffmpeg is given for a sequence, and the caller's own. */
export const GivenSequence = Schema.Struct({ pattern: Schema.String, givenName: fileName })
export type GivenSequence = typeof GivenSequence.Type

/**
 * One run of ffmpeg, as a value: may be logged, stored, sent to another machine.
 * The process runs in a folder that holds the inputs; a folder `out` beside it takes the outputs.
 */
export const Plan = Schema.Struct({
  /** All arguments but the program; names are `file:NAME` for inputs and `file:../out/NAME` for outputs. */
  args: texts,
  /** Each staged file, and the bytes: see `StagedFile`. */
  inputs: Schema.Array(StagedFile),
  /** What callers call the sequences of pictures that stand among the inputs. Absent where there are none. */
  sequences: optional(Schema.Array(GivenSequence)),
  /** The files that the task names as outputs, in its order: what must be there, and be listed first. */
  outputs: Schema.Array(fileName),
  /** The numbers, among all outputs of the command, of those that make no file. Absent where there are none. */
  discarded: optional(Schema.Array(Schema.Int)),
  /** `<dir>/<job>-<attempt>/`: outputs are stored below it. */
  outputPrefix: Schema.String,
  /** For progress. */
  timeline: Timeline,
  /** See `commandOf`. Absent in plans of earlier versions. */
  command: optional(CommandFacts),
  limits: RunLimits
})
export type Plan = typeof Plan.Type

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
  const args = commandArgs(
    { ...task, inputs },
    task.inputs.map((input) => sequences.get(input)?.pattern ?? staged.get(input.key)?.name ?? input.name),
    limits
  )
  const files = [...staged.values(), ...different.flatMap(({ files }) => files)]
  return {
    args,
    inputs: files,
    ...(different.length > 0 && { sequences: different.map(({ pattern, givenName }) => ({ pattern, givenName })) }),
    outputs: filesOfOutputs(task.outputs),
    ...(discarded.length > 0 && { discarded }),
    outputPrefix: outputPrefix(task.directory, slot),
    timeline: timelineOf(task),
    command: factsOf({ args, inputs: files }),
    limits: { seconds: limits.runSeconds, outputBytes: limits.outputBytes, outputFiles: limits.outputFiles }
  }
}

/** The facts of a plan's command; of a plan without them, as a host of an earlier version sends it, they are read from its arguments. */
export const commandOf = (plan: Pick<Plan, "args" | "inputs" | "command">): CommandFacts => plan.command ?? factsOf(plan)

const factsOf = (plan: Pick<Plan, "args" | "inputs">): CommandFacts => {
  const { args } = plan
  const hasPass = (numbers: RegExp) => args.some((arg, index) => numbers.test(arg) && /^-pass(?::|$)/.test(args[index - 1] ?? ""))
  const onePassEncoder = args.find((arg, index) => onePass.test(arg) && /^-(?:v?codec|c)(?::|$)/.test(args[index - 1] ?? ""))
  return {
    reads: args.filter((_, index) => args[index - 1] === "-i").map((place) => place.slice(filePrefix.length)),
    streamable: readByInputAlone(plan),
    firstPass: hasPass(/^[13]$/),
    laterPass: hasPass(/^[23]$/),
    ...(onePassEncoder !== undefined && { onePassEncoder }),
    endsEarly: args.some((arg) => /^-(?:[vad]?frames|fs|shortest)(?::|$)/.test(arg)),
    rewritten: args.some((arg) => arg.includes("faststart"))
  }
}

/** Encoders that overlook -pass: libx265 and libsvtav1 before version 9, librav1e. */
const onePass = /^(?:libx265|libsvtav1|librav1e)$/

/**
 * Inputs that ffmpeg itself opens, and nobody else. What filters or lists name is opened by its plain name, and may be; a
 * name is looked for in all other arguments without what escapes it there, so that one too many waits, never one too few.
 */
const readByInputAlone = ({ args, inputs }: Pick<Plan, "args" | "inputs">): ReadonlyArray<FileName> => {
  // A list may name any file that is staged.
  if (args.some((arg, index) => args[index - 1] === "-format_whitelist" && arg.split(",").includes("concat"))) return []
  const others = args.filter((arg, index) => args[index - 1] !== "-i" && !arg.startsWith(outputFolder)).map(bare)
  return inputs
    .filter(
      ({ name, subtitles, font, updated }) =>
        ![subtitles, font, updated].includes(true) &&
        args.includes(`${filePrefix}${name}`) &&
        !others.some((arg) => arg.includes(bare(name)))
    )
    .map(({ name }) => name)
}

const bare = (text: string): string => text.replace(/[\\'"]/g, "")

/** The same command with these inputs at these URLs. Of two settings before an `-i` the last holds, for that input alone. */
export const atUrls = ({ args }: Pick<Plan, "args">, urls: ReadonlyMap<FileName, string>): ReadonlyArray<string> => {
  const byPlace = new Map([...urls].map(([name, url]) => [`${filePrefix}${name}`, url]))
  return args.flatMap((arg, index) => {
    if (arg === "-i" && byPlace.has(args[index + 1] ?? "")) return ["-protocol_whitelist", "http,tcp", arg]
    return [(args[index - 1] === "-i" && byPlace.get(arg)) || arg]
  })
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
    ...["-i", `${filePrefix}${names[index]}`]
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

const filePrefix = "file:"
const outputFolder = `${filePrefix}${outputsFolder}`

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
