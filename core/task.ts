import { Either, Schema } from "effect"
import { blobKeyText, byteCount, dirId, fileName, optional, texts, whereSo } from "./fields.js"
import { BlobKey, type DirId, type FileName } from "./ids.js"
import { labelOfMap, looseLabels, without } from "./policy/filtergraph.js"
import type { ReadTask } from "./read-task.js"
import { Gap, type Sequence } from "./sequence.js"
import { writtenTwice } from "./side-files.js"

/** A file of ours, or one to be fetched from an https URL. */
export type Source =
  | { readonly _tag: "Stored"; readonly dir: DirId; readonly name: FileName }
  | { readonly _tag: "Remote"; readonly url: string }

export interface Input {
  readonly source: Source
  readonly options: ReadonlyArray<string>
  /** It is a list of files to be joined. */
  readonly concat?: true
  /** Where no file has the name, it stands for a row of pictures. */
  readonly sequence?: Sequence
}

export const Output = Schema.Struct({
  name: fileName,
  options: texts,
  maps: texts,
  /** Its format is `null`: ffmpeg writes no file for it, and its name stands for nothing. */
  discarded: whereSo
})
export type Output = typeof Output.Type

/** The names of the outputs that become files. */
export const filesOfOutputs = (outputs: ReadonlyArray<Output>): ReadonlyArray<FileName> =>
  outputs.flatMap(({ name, discarded }) => (discarded ? [] : [name]))

/** A file of the task's own directory that an option, a filter or a list names: the run reads it beside the inputs. */
export interface NamedFile {
  readonly name: FileName
  /** What names it, for a sentence that goes on with "names". */
  readonly by: string
  /** The name begins those of the logs of a first pass: there is one for each stream. */
  readonly passLog?: true
  /** It is the log of a first pass that an encoder wrote by itself, with a second file beside it. */
  readonly stats?: true
  /** The run writes it anew as well. */
  readonly updated?: true
  /** It must hold subtitles. */
  readonly subtitles?: true
  /** It stands for all fonts of the directory, whatever the name. */
  readonly fonts?: true
  /** What to do where there is no such file and another name may have been meant. */
  readonly instead?: string
}

/** A file that an option or a filter makes beside the outputs, but for those of muxers: see side-files.ts. */
export const SideFile = Schema.Struct({
  /** A pattern stands for several, with `%d` for a number. */
  name: Schema.String,
  /** What names it, for a sentence that goes on with "makes". */
  by: Schema.String,
  /** What gives it another name, where that is not the same place. */
  rename: optional(Schema.String),
  /** It has this name while ffmpeg runs, and another one at the end. */
  passing: whereSo,
  /** The run reads it first: it was made by an earlier one. */
  updated: whereSo,
  /** ffmpeg keeps files of one such kind apart, or lets several streams write one of them. */
  kind: optional(Schema.Literal("log", "vstats", "stats"))
})
export type SideFile = typeof SideFile.Type

/** What a caller asks for, parsed: every name is a name, every array within its limits. */
export interface Task {
  readonly inputs: ReadonlyArray<Input>
  readonly outputs: ReadonlyArray<Output>
  readonly filterComplex: string | null
  readonly outputDirectory: DirId | null
  /** Absent where nothing names any. */
  readonly named?: ReadonlyArray<NamedFile>
  /** Absent where nothing makes any. */
  readonly made?: ReadonlyArray<SideFile>
}

const Blob = Schema.Struct({ key: blobKeyText, bytes: byteCount })
type Blob = typeof Blob.Type

/** A job may have a hundred thousand of them: checked by hand, which takes a tenth of the time. */
const Pictures = Schema.declare(
  (value): value is ReadonlyArray<Blob> =>
    Array.isArray(value) && value.every((each) => typeof each?.key === "string" && typeof each.bytes === "number"),
  { arbitrary: () => (fc) => fc.array(fc.record({ key: fc.string().map(BlobKey), bytes: fc.nat() })) }
)

export const ResolvedInput = Schema.Struct({
  name: fileName,
  ...Blob.fields,
  options: texts,
  /** It is a list of files to be joined. */
  concat: whereSo,
  /** The pictures that the name stands for, in order; the input's own key and size are those of the first. */
  pictures: optional(Pictures),
  /** Where the pictures end before others that have the name as well. */
  gap: optional(Gap)
})
export type ResolvedInput = typeof ResolvedInput.Type

export const StagedFile = Schema.Struct({
  /** What it is called where the process runs. */
  name: fileName,
  /** What the caller calls it, where that is another name. */
  givenName: optional(fileName),
  ...Blob.fields,
  /** It must hold subtitles, which is found out before the run. */
  subtitles: whereSo,
  /** It lies in the folder of fonts as well. */
  font: whereSo,
  /** The run writes it anew: a copy of it lies in the folder of outputs. */
  updated: whereSo
})
export type StagedFile = typeof StagedFile.Type

/** A task with everything decided: a worker needs nothing but this. */
export const ResolvedTask = Schema.Struct({
  /** Where the outputs go. */
  directory: dirId,
  inputs: Schema.Array(ResolvedInput),
  outputs: Schema.Array(Output),
  filterComplex: Schema.NullOr(Schema.String),
  /** Read beside the inputs, under just these names. Absent where there are none. */
  files: optional(Schema.Array(StagedFile)),
  /** Absent where nothing makes any. */
  made: optional(Schema.Array(SideFile)),
  /** Whether a filter makes outputs longer or shorter than the inputs. Absent in tasks that earlier versions stored. */
  changesLength: optional(Schema.Boolean)
})
export type ResolvedTask = typeof ResolvedTask.Type

/** Every blob that a run reads, once, and how long it is. */
export const blobsRead = ({ inputs, files = [] }: ResolvedTask): ReadonlyMap<BlobKey, number> =>
  new Map([...inputs, ...inputs.flatMap(({ pictures = [] }) => pictures), ...files].map(({ key, bytes }) => [key, bytes]))

/** What of a task's files a result lacks, as was known when it was submitted. */
export const gapWarnings = ({ inputs }: ResolvedTask): ReadonlyArray<string> => [
  ...new Set(
    inputs.flatMap(({ name, gap }) =>
      gap === undefined
        ? []
        : [
            `the sequence "${name}" ends before "${gap.missing}", which is missing: ${gap.later === 1 ? "1 picture with a later number is" : `${gap.later} pictures with later numbers are`} not in the result`
          ]
    )
  )
]

/**
 * The rules that need no I/O. A sentence for the first one broken, or undefined.
 * (API reference: "All input files must be in the same directory. Output filenames cannot conflict with existing input files.")
 */
export const brokenRule = (task: Task, graph: ReadTask["filterComplex"]): string | undefined => {
  const stored = task.inputs.flatMap(({ source }) => (source._tag === "Stored" ? [source] : []))
  const [first] = stored
  const elsewhere = stored.find(({ dir }) => dir !== first?.dir)
  if (first !== undefined && elsewhere !== undefined) {
    return `all input files must be in the same directory, but inputs name "${first.dir}" and "${elsewhere.dir}"`
  }
  const names = filesOfOutputs(task.outputs)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) return `two outputs are named "${twice}": give each output a file name of its own`
  const target = task.outputDirectory ?? first?.dir
  const clash = stored.find(({ dir, name }) => dir === target && names.includes(name))
  if (clash !== undefined) return `output "${clash.name}" is named like an input of the same directory: choose another file name`
  return writtenTwice(task.outputs, task.made ?? []) ?? brokenLabel(task, graph)
}

/** Each labelled output of the graph goes to one filter or one map, and a map takes only what is there: ffmpeg fails otherwise. */
const brokenLabel = ({ outputs }: Task, graph: ReadTask["filterComplex"]): string | undefined => {
  if (graph !== null && Either.isLeft(graph)) return `task.filter_complex ${graph.left}`
  const made = graph === null ? [] : looseLabels(graph.right)
  const taken = outputs.flatMap(mappedLabels)
  const [loose] = without(made, taken)
  const [missing] = without(taken, made)
  if (loose !== undefined && missing !== undefined && !made.includes(missing)) {
    return `an output maps [${missing}], but task.filter_complex makes no such label: it makes [${loose}], which no output takes`
  }
  if (loose !== undefined) {
    return `task.filter_complex makes [${loose}], but no output takes it: add "maps": ["[${loose}]"] to the output that should have it`
  }
  return missing === undefined
    ? undefined
    : `an output maps [${missing}], but ${graph === null ? "there is no task.filter_complex that makes it" : "task.filter_complex makes no such label, or something else takes it already"}`
}

/** Maps may stand among the options as well. */
const mappedLabels = ({ maps, options }: Output): ReadonlyArray<string> =>
  [...maps, ...options.filter((_, index) => /^-map(?::|$)/.test(options[index - 1] ?? ""))].flatMap((map) => labelOfMap(map) ?? [])
