import { Either } from "effect"
import { composed } from "../composed.js"
import { FileName } from "../ids.js"
import { placeOf } from "../plan.js"
import { readFilters } from "../policy/filters.js"
import { fontsFolder } from "../policy/folders.js"
import { optionArgs, type ParsedOption, readOptions } from "../policy/options.js"
import type { PolicyValues } from "../policy/policy.js"
import type { NamedFile, SideFile } from "../task.js"

/** Options as ffmpeg will get them, and what else they say. */
export interface TaskOptions {
  readonly args: ReadonlyArray<string>
  /** Files of the task's directory that they read. */
  readonly files: ReadonlyArray<NamedFile>
  /** Files that options of an input, and filters, make. */
  readonly made: ReadonlyArray<SideFile>
  /** What `-f` says, in lower case; null without one. */
  readonly format: string | null
}

/** A list of options, its filter graphs included, or the first thing that is not allowed, with the field in front. */
export const parseOptions = (
  items: ReadonlyArray<string>,
  place: "input" | "output",
  field: string,
  policy: PolicyValues
): Either.Either<TaskOptions, string> =>
  Either.gen(function* () {
    const read = yield* Either.mapLeft(readWithPassLog(items, place, policy), (problem) => `${field}: ${problem}`)
    const options: Array<ParsedOption> = []
    const files: Array<NamedFile> = []
    const made: Array<SideFile> = []
    for (const option of read.options) {
      const graph = yield* graphOf(option, field, policy)
      options.push({ ...option, value: graph?.graph ?? option.value })
      files.push(...fileOf(option, field), ...(graph?.files ?? []))
      made.push(...(place === "input" ? madeBy(option, field) : []), ...(graph?.made ?? []))
    }
    return {
      args: optionArgs(options, placeOf),
      files,
      made,
      format: options.findLast(({ name }) => name === "f")?.value?.toLowerCase() ?? null
    }
  })

/** A filter graph as ffmpeg will get it, and the files that it reads and makes. */
export interface TaskGraph {
  readonly graph: string
  readonly files: ReadonlyArray<NamedFile>
  readonly made: ReadonlyArray<SideFile>
}

/** Names of files are put in the form in which they are stored. */
export const parseGraph = (text: string, by: string, policy: PolicyValues): Either.Either<TaskGraph, string> =>
  Either.mapBoth(readFilters(composed(text), policy), {
    onLeft: (problem) => `${by} ${problem}`,
    onRight: ({ graph, files, made, fonts }) => ({
      graph,
      files: [
        ...files.map(({ name, subtitles }): NamedFile => ({ name, by, ...(subtitles && { subtitles }) })),
        ...(fonts ? [{ name: FileName(fontsFolder), by, fonts } as const] : [])
      ],
      made: made.map((name) => ({ name, by }))
    })
  })

const graphOf = ({ item, value, graph }: ParsedOption, field: string, policy: PolicyValues): Either.Either<TaskGraph | null, string> =>
  graph && value !== null ? parseGraph(value, `${field}: the value of ${item}`, policy) : Either.right(null)

const fileOf = ({ item, file }: ParsedOption, field: string): ReadonlyArray<NamedFile> =>
  file?.use === "read"
    ? [
        {
          name: file.name,
          by: `${field}: ${item}`,
          ...(file.shape === "prefix" && { passLog: true }),
          ...(file.shape === "stats" && { stats: true })
        }
      ]
    : []

const madeBy = ({ item, file }: ParsedOption, field: string): ReadonlyArray<SideFile> =>
  file?.use === "write" ? [{ name: file.name, by: `${field}: ${item}` }] : []

/** Without a name for the log of a pass ffmpeg takes this one, and puts it where the process runs: nobody would find it there. */
const readWithPassLog = (items: ReadonlyArray<string>, place: "input" | "output", policy: PolicyValues) =>
  Either.flatMap(readOptions(items, place, policy), (read) => {
    const has = (wanted: string) => read.options.some(({ name }) => name === wanted)
    return has("pass") && !has("passlogfile") ? readOptions([...items, "-passlogfile", "ffmpeg2pass"], place, policy) : Either.right(read)
  })
