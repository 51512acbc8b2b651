import { Either, Schema } from "effect"
import { blobKeyText, byteCount, dirId, fileName, optional, texts, whereSo } from "./fields.js"
import { BlobKey, type DirId, type FileName } from "./ids.js"
import { labelOfMap, looseLabels, without } from "./policy/filtergraph.js"
import type { ReadTask } from "./read-task.js"
import { Gap, type Sequence } from "./sequence.js"
import { writtenTwice } from "./side-files.js"

/** A stored file, or a file to download from an https URL. */
export type Source =
  | { readonly _tag: "Stored"; readonly dir: DirId; readonly name: FileName }
  | { readonly _tag: "Remote"; readonly url: string }

export interface Input {
  readonly source: Source
  readonly options: ReadonlyArray<string>
  /** It is a concat list. */
  readonly concat?: true
  /** The sequence of pictures that the name stands for if no file has that name. */
  readonly sequence?: Sequence
}

export const Output = Schema.Struct({
  name: fileName,
  options: texts,
  maps: texts,
  /** Its format is `null`: ffmpeg writes no file, and the name is ignored. */
  discarded: whereSo
})
export type Output = typeof Output.Type

/** The names of the outputs that become files. */
export const filesOfOutputs = (outputs: ReadonlyArray<Output>): ReadonlyArray<FileName> =>
  outputs.flatMap(({ name, discarded }) => (discarded ? [] : [name]))

/**
 * A file in the task's directory that an option, a filter or a list names, and that the run reads besides the
 * inputs.
 */
export interface NamedFile {
  readonly name: FileName
  /** The part of the task that names it, for a message that continues with "names". */
  readonly by: string
  /** The name is the prefix of the logs of a first pass, one for each stream. */
  readonly passLog?: true
  /** It is the log of a first pass that the encoder itself wrote, with a second file. */
  readonly stats?: true
  /** The run also rewrites it. */
  readonly updated?: true
  /** Its content must be subtitles. */
  readonly subtitles?: true
  /** It stands for all fonts of the directory; the name is ignored. */
  readonly fonts?: true
  /** A suggestion for the message if the file is missing. */
  readonly instead?: string
}

/**
 * A file that an option or a filter writes besides the outputs. For the files of muxers see side-files.ts.
 */
export const SideFile = Schema.Struct({
  /** The name, or a pattern of several names with `%d` for a number. */
  name: Schema.String,
  /** The part of the task that names it, for messages. */
  by: Schema.String,
  /** How to rename it, for messages, if not where it is named. */
  rename: optional(Schema.String),
  /** A temporary name: the file is renamed at the end of the run. */
  passing: whereSo,
  /** The run reads it before rewriting it; an earlier run created it. */
  updated: whereSo,
  /** Files of one kind do not conflict: ffmpeg gives them different names, or several streams share one. */
  kind: optional(Schema.Literal("log", "vstats", "stats"))
})
export type SideFile = typeof SideFile.Type

/** A parsed task: all names are valid and all arrays are within their limits. */
export interface Task {
  readonly inputs: ReadonlyArray<Input>
  readonly outputs: ReadonlyArray<Output>
  readonly filterComplex: string | null
  readonly outputDirectory: DirId | null
  /** Absent if there are none. */
  readonly named?: ReadonlyArray<NamedFile>
  /** Absent if there are none. */
  readonly made?: ReadonlyArray<SideFile>
}

const Blob = Schema.Struct({ key: blobKeyText, bytes: byteCount })
type Blob = typeof Blob.Type

/** Checked by hand, which takes a tenth of the time: a job may have a hundred thousand pictures. */
const Pictures = Schema.declare(
  (value): value is ReadonlyArray<Blob> =>
    Array.isArray(value) &&
    value.every((each) => typeof each?.key === "string" && typeof each.bytes === "number"),
  { arbitrary: () => (fc) => fc.array(fc.record({ key: fc.string().map(BlobKey), bytes: fc.nat() })) }
)

export const ResolvedInput = Schema.Struct({
  name: fileName,
  ...Blob.fields,
  options: texts,
  /** It is a concat list. */
  concat: whereSo,
  /** The pictures of a sequence, in order. The input's key and size are those of the first. */
  pictures: optional(Pictures),
  /** The gap that ends the sequence, if any. */
  gap: optional(Gap)
})
export type ResolvedInput = typeof ResolvedInput.Type

/** A file that is staged for a run. */
export const StagedFile = Schema.Struct({
  /** Its name in the working directory of the run. */
  name: fileName,
  /** The caller's name for it, if different. */
  givenName: optional(fileName),
  ...Blob.fields,
  /** Its content must be subtitles, which is checked before the run. */
  subtitles: whereSo,
  /** It is also linked into the folder of fonts. */
  font: whereSo,
  /** The run rewrites it: the folder of outputs gets a copy. */
  updated: whereSo
})
export type StagedFile = typeof StagedFile.Type

/** A task with all blobs and directories resolved. A worker needs nothing else. */
export const ResolvedTask = Schema.Struct({
  /** The directory of the outputs. */
  directory: dirId,
  inputs: Schema.Array(ResolvedInput),
  outputs: Schema.Array(Output),
  filterComplex: Schema.NullOr(Schema.String),
  /** Files that are staged besides the inputs, under exactly these names. Absent if there are none. */
  files: optional(Schema.Array(StagedFile)),
  /** Absent if there are none. */
  made: optional(Schema.Array(SideFile)),
  /**
   * Whether a filter makes outputs longer or shorter than the inputs. Absent in tasks that earlier versions
   * stored.
   */
  changesLength: optional(Schema.Boolean)
})
export type ResolvedTask = typeof ResolvedTask.Type

/** The distinct blobs that a run reads, and their sizes in bytes. */
export const blobsRead = ({ inputs, files = [] }: ResolvedTask): ReadonlyMap<BlobKey, number> =>
  new Map(
    [...inputs, ...inputs.flatMap(({ pictures = [] }) => pictures), ...files].map(({ key, bytes }) => [
      key,
      bytes
    ])
  )

/** Warnings about gaps in sequences, which are known at submission. */
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
 * Checks the rules that need no I/O. Returns the message for the first broken rule, or undefined. (API
 * reference: "All input files must be in the same directory. Output filenames cannot conflict with existing
 * input files.")
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
  if (clash !== undefined)
    return `output "${clash.name}" is named like an input of the same directory: choose another file name`
  return writtenTwice(task.outputs, task.made ?? []) ?? brokenLabel(task, graph)
}

/**
 * Checks that each graph label goes to exactly one filter or map, and that maps name existing labels. ffmpeg
 * fails otherwise.
 */
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

/** The labels in `maps` and in `-map` options. */
const mappedLabels = ({ maps, options }: Output): ReadonlyArray<string> =>
  [...maps, ...options.filter((_, index) => /^-map(?::|$)/.test(options[index - 1] ?? ""))].flatMap(
    (map) => labelOfMap(map) ?? []
  )
