import { Either } from "effect"
import { FileName } from "../ids.js"
import { placeOf } from "../plan.js"
import type { FilterGraph } from "../policy/filtergraph.js"
import { type ReadGraph, readFilters } from "../policy/filters.js"
import { fontsFolder } from "../policy/folders.js"
import { rateMode } from "../policy/moved-options.js"
import { optionArgs, type ParsedOption, readOptions } from "../policy/options.js"
import { filesOfLog } from "../policy/params.js"
import type { PolicyValues } from "../policy/policy.js"
import type { ReadOptionList } from "../read-task.js"
import { isOfMuxer } from "../side-files.js"
import type { NamedFile, SideFile } from "../task.js"
import { composed } from "../text/composed.js"

/** A parsed list of options. */
export interface TaskOptions {
  /** The arguments that ffmpeg gets. */
  readonly args: ReadonlyArray<string>
  readonly read: ReadOptionList
  /** Files of the task's directory that the options read. */
  readonly files: ReadonlyArray<NamedFile>
  /** Files that options and filters write, except those of muxers. */
  readonly made: ReadonlyArray<SideFile>
  /** The value of `-f` in lower case; null without one. */
  readonly format: string | null
  /** The frame rate mode; null if none is set, undefined if the output has no video. */
  readonly rate: RateMode | null | undefined
}

/** A frame rate mode. `holdsForAll`: it is set for one output, but this ffmpeg applies it to all outputs. */
export interface RateMode {
  readonly mode: string
  readonly holdsForAll: boolean
}

/** Parses a list of options with its filter graphs. The error names the field and the first problem. */
export const parseOptions = (
  items: ReadonlyArray<string>,
  place: "input" | "output",
  field: string,
  policy: PolicyValues
): Either.Either<TaskOptions, string> =>
  Either.gen(function* () {
    // The default name that ffmpeg gives the log of a pass. Set explicitly, so that the log is not left in
    // the folder of the inputs.
    const read = yield* Either.mapLeft(
      readOptions(items, place, policy, "ffmpeg2pass"),
      (problem) => `${field}: ${problem}`
    )
    const hasPass = read.options.some(({ name }) => name === "pass")
    const options: Array<ParsedOption> = []
    const graphs: Array<FilterGraph> = []
    const files: Array<NamedFile> = []
    const made: Array<SideFile> = []
    for (const option of read.options) {
      const graph = yield* graphOf(option, field, policy)
      options.push({ ...option, value: graph?.graph ?? option.value })
      if (graph !== null && Either.isRight(graph.parsed)) graphs.push(graph.parsed.right)
      files.push(...fileOf(option, field), ...(graph?.files ?? []))
      made.push(...madeBy(option, field, hasPass), ...(graph?.made ?? []))
    }
    return {
      args: optionArgs(options, placeOf),
      read: { options, graphs },
      files,
      made,
      format: options.findLast(({ name }) => name === "f")?.value?.toLowerCase() ?? null,
      rate: options.some(({ name }) => name === "vn") ? undefined : rateOf(options)
    }
  })

const rateOf = (options: ReadonlyArray<ParsedOption>): RateMode | null => {
  const option = options.findLast(({ name }) => name === "vsync")
  return option === undefined
    ? null
    : { mode: rateMode(option.value ?? ""), holdsForAll: option.holdsForAll === true }
}

/** A filter graph as passed to ffmpeg, and the files that it reads and writes. */
export interface TaskGraph extends Pick<ReadGraph, "graph" | "parsed"> {
  readonly files: ReadonlyArray<NamedFile>
  readonly made: ReadonlyArray<SideFile>
}

/** Parses a filter graph. File names are converted to Unicode NFC, as in storage. */
export const readTaskGraph = (
  text: string,
  by: string,
  policy: PolicyValues
): Either.Either<TaskGraph, string> =>
  Either.mapBoth(readFilters(composed(text), policy), {
    onLeft: (problem) => `${by} ${problem}`,
    onRight: ({ graph, parsed, files, made, fonts }) => ({
      graph,
      parsed,
      files: [
        ...files.map(({ name, subtitles }): NamedFile => ({ name, by, ...(subtitles && { subtitles }) })),
        ...(fonts ? [{ name: FileName(fontsFolder), by, fonts } as const] : [])
      ],
      made: made.map((name) => ({ name, by }))
    })
  })

const graphOf = (
  { item, value, graph }: ParsedOption,
  field: string,
  policy: PolicyValues
): Either.Either<TaskGraph | null, string> =>
  graph && value !== null
    ? readTaskGraph(value, `${field}: the value of ${item}`, policy)
    : Either.right(null)

const fileOf = ({ item, file }: ParsedOption, field: string): ReadonlyArray<NamedFile> =>
  file !== null && file.use !== "write"
    ? [
        {
          name: file.name,
          by: `${field}: ${item}`,
          ...(file.shape === "prefix" && { passLog: true }),
          ...(file.shape === "stats" && { stats: true }),
          ...(file.use === "update" && { updated: true })
        }
      ]
    : []

const madeBy = (
  { item, name, file }: ParsedOption,
  field: string,
  hasPass: boolean
): ReadonlyArray<SideFile> => {
  if (file === null || file.use === "read" || isOfMuxer(name) || (file.shape === "prefix" && !hasPass))
    return []
  const by = `${field}: ${item}`
  const log = { by, ...(file.use === "update" && { updated: true as const }) }
  if (file.shape === "stats") {
    const encoder = name === "x265-params" ? "x265" : "x264"
    return filesOfLog(file.name, encoder).map((each) => ({ ...each, ...log, rename: 'with "stats="' }))
  }
  // ffmpeg numbers the streams of all outputs together. Only x264 writes a second file.
  if (file.shape === "prefix") {
    return filesOfLog(`${file.name}-%d.log`, "x264").map((each) => ({
      ...each,
      ...log,
      rename: "with -passlogfile",
      kind: "log"
    }))
  }
  return [
    {
      name: file.name,
      by,
      ...(/^v?stats_/.test(name) && { kind: name.startsWith("v") ? "vstats" : "stats" })
    }
  ]
}
