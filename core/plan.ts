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

/** Limits of one run. Exceeding one ends the run. */
export const RunLimits = Schema.Struct({ seconds: number, outputBytes: number, outputFiles: number })
export type RunLimits = typeof RunLimits.Type

/** Facts about a command line. Only this file parses arguments; all other code uses these facts. */
export const CommandFacts = Schema.Struct({
  /** The file or pattern that each `-i` opens, in the order of the command. */
  reads: texts,
  /** Staged files that only an `-i` opens: they may be read over HTTP while they are downloaded. */
  streamable: Schema.Array(fileName),
  /** The first or third pass of an encoder: it may write only its log. */
  firstPass: Schema.Boolean,
  /** The second or third pass: it reads a log. */
  laterPass: Schema.Boolean,
  /** The encoder that ignores `-pass`, if the command names one. */
  onePassEncoder: optional(Schema.String),
  /** An option may end an output before the length given by `-t` or `-to`. */
  endsEarly: Schema.Boolean,
  /** An output is rewritten at the end (`faststart`), so that bytes read earlier are outdated. */
  rewritten: Schema.Boolean
})
export type CommandFacts = typeof CommandFacts.Type

/** The pattern that ffmpeg gets for a sequence, and the pattern of the caller. */
export const GivenSequence = Schema.Struct({ pattern: Schema.String, givenName: fileName })
export type GivenSequence = typeof GivenSequence.Type

/**
 * One run of ffmpeg as a serializable value.
 * The process runs in a folder with the inputs and writes the outputs to a folder `out` beside it.
 */
export const Plan = Schema.Struct({
  /** The arguments of ffmpeg. Inputs are `file:NAME`, outputs `file:../out/NAME`. */
  args: texts,
  /** The staged files and their blobs. */
  inputs: Schema.Array(StagedFile),
  /** The callers' names of the sequences among the inputs. Absent if there are none. */
  sequences: optional(Schema.Array(GivenSequence)),
  /** The named outputs in the order of the task. They must exist after the run and are listed first. */
  outputs: Schema.Array(fileName),
  /** Indexes, among all outputs of the command, of those that write no file. Absent if there are none. */
  discarded: optional(Schema.Array(Schema.Int)),
  /** Prefix of the keys of the outputs: `<dir>/<job>-<attempt>/`. */
  outputPrefix: Schema.String,
  /** For the computation of progress. */
  timeline: Timeline,
  /** See `commandOf`. Absent in plans of earlier versions. */
  command: optional(CommandFacts),
  limits: RunLimits
})
export type Plan = typeof Plan.Type

/** The storage slot of one attempt. No other attempt writes to it. */
export const outputSlot = (claim: { readonly id: string; readonly attempt: number }): string =>
  `${claim.id}-${claim.attempt}`

export const outputPrefix = (directory: DirId, slot: string): string => `${directory}/${slot}/`

/** Makes the plan of a run. `slot` is that of the attempt: see `outputSlot`. */
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
    ...(different.length > 0 && {
      sequences: different.map(({ pattern, givenName }) => ({ pattern, givenName }))
    }),
    outputs: filesOfOutputs(task.outputs),
    ...(discarded.length > 0 && { discarded }),
    outputPrefix: outputPrefix(task.directory, slot),
    timeline: timelineOf(task),
    command: factsOf({ args, inputs: files }),
    limits: { seconds: limits.runSeconds, outputBytes: limits.outputBytes, outputFiles: limits.outputFiles }
  }
}

/**
 * The facts of a plan's command. For a plan of an earlier version, which lacks them, they are derived from
 * its arguments.
 */
export const commandOf = (plan: Pick<Plan, "args" | "inputs" | "command">): CommandFacts =>
  plan.command ?? factsOf(plan)

const factsOf = (plan: Pick<Plan, "args" | "inputs">): CommandFacts => {
  const { args } = plan
  const hasPass = (numbers: RegExp) =>
    args.some((arg, index) => numbers.test(arg) && /^-pass(?::|$)/.test(args[index - 1] ?? ""))
  const onePassEncoder = args.find(
    (arg, index) => onePass.test(arg) && /^-(?:v?codec|c)(?::|$)/.test(args[index - 1] ?? "")
  )
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

/** Encoders that ignore `-pass`: libx265 and libsvtav1 before version 9, librav1e. */
const onePass = /^(?:libx265|libsvtav1|librav1e)$/

/**
 * Inputs that only an `-i` opens, and no filter or list. Each name is searched in all other arguments without
 * escape characters; a false match only means that the input is downloaded completely first.
 */
const readByInputAlone = ({ args, inputs }: Pick<Plan, "args" | "inputs">): ReadonlyArray<FileName> => {
  // A concat list may name any staged file.
  if (args.some((arg, index) => args[index - 1] === "-format_whitelist" && arg.split(",").includes("concat")))
    return []
  const others = args
    .filter((arg, index) => args[index - 1] !== "-i" && !arg.startsWith(outputFolder))
    .map(bare)
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

/**
 * The command with URLs instead of these inputs. Of repeated options before an `-i` ffmpeg uses the last, for
 * that input only.
 */
export const atUrls = (
  { args }: Pick<Plan, "args">,
  urls: ReadonlyMap<FileName, string>
): ReadonlyArray<string> => {
  const byPlace = new Map([...urls].map(([name, url]) => [`${filePrefix}${name}`, url]))
  return args.flatMap((arg, index) => {
    if (arg === "-i" && byPlace.has(args[index + 1] ?? "")) return ["-protocol_whitelist", "http,tcp", arg]
    return [(args[index - 1] === "-i" && byPlace.get(arg)) || arg]
  })
}

/** The parts of a task that become arguments. */
interface Commanded extends Pick<ResolvedTask, "outputs" | "filterComplex"> {
  readonly inputs: ReadonlyArray<Pick<ResolvedInput, "options" | "concat">>
}

/** The arguments of ffmpeg. `names` are those of the staged inputs. */
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
  ...outputs.flatMap(({ maps, options, name }) => [
    ...maps.flatMap((map) => ["-map", map]),
    ...options,
    `${outputFolder}${name}`
  ])
]

/** The message if the command of a task is too long to start; else undefined. */
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

/** Longest argument in bytes, with its NUL: Linux accepts 32 pages. */
const argumentBytes = 128 * 1024

const filePrefix = "file:"
const outputFolder = `${filePrefix}${outputsFolder}`

/** The path of a file in an option's value. Files to read are staged in the working directory. */
export const placeOf = ({ name, use, opened }: Pick<FileReference, "name" | "use" | "opened">): string => {
  if (use === "read" || opened === "beside") return name
  return opened === "path" ? `${outputsFolder}${name}` : `${outputFolder}${name}`
}

/** Verbose, because ffmpeg reports the packets of each output stream only then. */
const fixed = ["-hide_banner", "-nostdin", "-y", "-v", "verbose", "-nostats", "-progress", "pipe:1"]

/** Options directly before each `-i`, after those of the caller: ffmpeg uses the last of repeated options. */
const guard = (demuxers: ReadonlyArray<string>, { maxPixels }: LimitValues) => [
  ...[
    "-protocol_whitelist",
    allowedProtocols,
    "-format_whitelist",
    demuxers.join(","),
    "-max_pixels",
    `${maxPixels}`
  ]
]

/**
 * Stages each blob once. Files named in options, filters or lists keep their names; other inputs get
 * generated names.
 */
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

/**
 * Options of a sequence, whose staged files are numbered from 0. Without `-f` ffmpeg would probe the first
 * file.
 */
const inOwnOrder = ({ options }: ResolvedInput): ReadonlyArray<string> => [
  ...(options.includes("-f") ? [] : ["-f", "image2"]),
  ...["-pattern_type", "sequence", "-start_number", "0"]
]

interface StagedSequence extends GivenSequence {
  readonly files: ReadonlyArray<StagedFile>
}

/**
 * Stages the pictures of sequences under generated names that no other file has, so that ffmpeg reads exactly
 * these, in order. The file extension stays, because ffmpeg derives the codec from it. Inputs of the same
 * pictures share them.
 */
const stageSequences = ({ inputs, files = [] }: ResolvedTask): ReadonlyMap<ResolvedInput, StagedSequence> => {
  const free = (number: number, x = 0): string =>
    files.some(({ name }) => name.startsWith(stagedPrefix(number, x)))
      ? free(number, x + 1)
      : stagedPrefix(number, x)
  const made = new Map<string, StagedSequence>()
  const staged = new Map<ResolvedInput, StagedSequence>()
  for (const input of inputs) {
    if (input.pictures === undefined) continue
    // A glob may have no file extension: then that of the first picture is used.
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
