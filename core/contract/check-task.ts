import { Effect } from "effect"
import type { CheckedTask } from "../checked-task.js"
import type { InvalidRequest, InvalidTask } from "../errors.js"
import { parseDirId } from "../ids.js"
import { Limits } from "../limits.js"
import { Policy } from "../policy/policy.js"
import type { Source, Task } from "../task.js"
import { parseProcess } from "./requests.js"

/** An unchecked task: names may be any text, and options are those of ffmpeg. */
export interface TaskRequest {
  readonly inputs: ReadonlyArray<{ readonly source: SourceRequest; readonly options: ReadonlyArray<string> }>
  readonly outputs: ReadonlyArray<{
    readonly name: string
    readonly options: ReadonlyArray<string>
    readonly maps: ReadonlyArray<string>
  }>
  readonly filterComplex: Task["filterComplex"]
  readonly outputDirectory: string | null
}

/** A stored file, or a file to download from an https URL. */
export type SourceRequest =
  | { readonly _tag: "Stored"; readonly dir: string; readonly name: string }
  | Extract<Source, { readonly _tag: "Remote" }>

/**
 * Checks a task by the rules of the HTTP API: its names, options, maps and filter graphs, for the ffmpeg of
 * `Policy` and within `Limits`. The error names the first problem.
 */
export const checkTask = (request: TaskRequest): Effect.Effect<CheckedTask, InvalidRequest | InvalidTask> =>
  Effect.gen(function* () {
    const body = { task: isObject(request) ? bodyOf(request) : request }
    const { task } = yield* parseProcess(body, yield* Limits, yield* Policy)
    return task
  })

/**
 * The request as a body of the HTTP API, so that one parser checks both. Each part is copied once, so that an
 * object with changing getters can't return another value after the check. The parser reports parts of a
 * wrong type.
 */
const bodyOf = ({ inputs, outputs, filterComplex, outputDirectory }: TaskRequest) => ({
  inputs: copied(inputs, ({ source, options }: TaskRequest["inputs"][number]) => ({
    file_path: pathOf(source),
    options: copied(options)
  })),
  outputs: copied(outputs, ({ name, options, maps }: TaskRequest["outputs"][number]) => ({
    file: name,
    options: copied(options),
    maps: copied(maps)
  })),
  filter_complex: filterComplex ?? undefined,
  output_dir_id: outputDirectory ?? undefined
})

const copied = (list: unknown, convert: (item: never) => unknown = (item) => item): unknown =>
  Array.isArray(list) ? Array.from(list, (item) => (isObject(item) ? convert(item as never) : item)) : list

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** An invalid source becomes an invalid path, which the parser then refuses. */
const pathOf = (source: SourceRequest): string => {
  if (source?._tag === "Remote") {
    const { url } = source
    return typeof url === "string" && /^https?:/i.test(url) ? url : "https:"
  }
  const { dir, name } = source ?? {}
  return typeof dir === "string" && typeof name === "string" && parseDirId(dir) !== undefined
    ? `${dir}/${name}`
    : ""
}
