import { Either } from "effect"
import { composed } from "../composed.js"
import { placeOf } from "../plan.js"
import { readFilters } from "../policy/filters.js"
import { optionArgs, type ParsedOption, readOptions } from "../policy/options.js"
import type { PolicyValues } from "../policy/policy.js"
import type { NamedFile } from "../task.js"

/** Options as ffmpeg will get them, and what else they say. */
export interface TaskOptions {
  readonly args: ReadonlyArray<string>
  /** Files of the task's directory that they read. */
  readonly files: ReadonlyArray<NamedFile>
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
    for (const raw of read.options) {
      const option = raw.graph && raw.value !== null ? { ...raw, value: composed(raw.value) } : raw
      files.push(...fileOf(option, field), ...(yield* filesOfGraph(option, field, policy)))
      options.push(option)
    }
    return {
      args: optionArgs(options, placeOf),
      files,
      format: options.findLast(({ name }) => name === "f")?.value?.toLowerCase() ?? null
    }
  })

/** A filter graph in the form in which names of files are stored, and the files that it reads. */
export const parseGraph = (text: string, by: string, policy: PolicyValues) => {
  const graph = composed(text)
  return Either.mapBoth(readFilters(graph, policy), {
    onLeft: (problem) => `${by} ${problem}`,
    onRight: (files) => ({
      graph,
      files: files.map(({ name, subtitles }): NamedFile => ({ name, by, ...(subtitles && { subtitles }) }))
    })
  })
}

const filesOfGraph = ({ item, value, graph }: ParsedOption, field: string, policy: PolicyValues) =>
  graph && value !== null ? Either.map(parseGraph(value, `${field}: the value of ${item}`, policy), ({ files }) => files) : Either.right([])

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

/** Without a name for the log of a pass ffmpeg takes this one, and puts it where the process runs: nobody would find it there. */
const readWithPassLog = (items: ReadonlyArray<string>, place: "input" | "output", policy: PolicyValues) =>
  Either.flatMap(readOptions(items, place, policy), (read) => {
    const has = (wanted: string) => read.options.some(({ name }) => name === wanted)
    return has("pass") && !has("passlogfile") ? readOptions([...items, "-passlogfile", "ffmpeg2pass"], place, policy) : Either.right(read)
  })
