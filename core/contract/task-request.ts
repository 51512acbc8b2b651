import { Either } from "effect"
import { type CheckedTask, seal } from "../checked-task.js"
import { InvalidTask } from "../errors.js"
import { type DirId, type FileName, parseDirId, parseFileName } from "../ids.js"
import type { LimitValues } from "../limits.js"
import { insteadOfPath, mapProblem } from "../policy/option-values.js"
import { mapFor } from "../policy/optional-maps.js"
import { defaultPolicy, type PolicyValues } from "../policy/policy.js"
import type { ReadTask } from "../read-task.js"
import { sequenceOf, withoutPatternType } from "../sequence.js"
import type { Input, Output, Source } from "../task.js"
import { hasLongRunOfMarks, maxMarks } from "../text/composed.js"
import { isHttpsUrl, maxUrlLength } from "../text/https-url.js"
import type { TaskBody } from "./bodies.js"
import { parseOptions, readTaskGraph, type TaskOptions } from "./task-options.js"

type Wire = typeof TaskBody.Encoded
type Items = NonNullable<Wire["inputs"][number]["options"]>

/** The rule for directory ids, worded to follow a field's name. */
export const dirIdRule = "must be 1 to 64 characters long, of A-Z a-z 0-9 _ and -"

/** Parses a task whose types are already checked. The error names the first problem. */
export const parseTask = (
  body: Wire,
  limits: LimitValues,
  policy: PolicyValues = defaultPolicy
): Either.Either<CheckedTask, InvalidTask> =>
  Either.gen(function* () {
    yield* count("task.inputs", body.inputs, limits.inputs)
    yield* count("task.outputs", body.outputs, limits.outputs)
    const rules = { limits, policy }
    const inputs = yield* parseEach(body.inputs, (input, index) =>
      parseInput(input, `task.inputs[${index}]`, rules)
    )
    const outputs = yield* parseEach(body.outputs, (output, index) =>
      parseOutput(output, `task.outputs[${index}]`, rules)
    )
    yield* oneRate(outputs.map(({ rate }) => rate))
    const { graph, parsed, ...beside } = yield* filterComplex(body.filter_complex, rules)
    const parts = [...inputs, ...outputs, beside]
    const named = parts.flatMap(({ files }) => files)
    const made = parts.flatMap(({ made }) => made)
    const outputDirectory = yield* parseOutputDirectory(body.output_dir_id)
    const task = {
      inputs: inputs.map(({ input }) => input),
      outputs: outputs.map(({ output }) => output),
      filterComplex: graph,
      outputDirectory,
      ...(named.length > 0 && { named }),
      ...(made.length > 0 && { made })
    }
    const lists = (parts: ReadonlyArray<Pick<TaskOptions, "read">>) => parts.map(({ read }) => read)
    return seal(task, { policy, inputs: lists(inputs), outputs: lists(outputs), filterComplex: parsed })
  })

/** Parses the items and stops at the first error, because a task may have many long items. */
const parseEach = <A, B>(
  items: ReadonlyArray<A>,
  parse: (item: A, index: number) => Either.Either<B, InvalidTask>
) =>
  Either.gen(function* () {
    const parsed: Array<B> = []
    for (const [index, item] of items.entries()) parsed.push(yield* parse(item, index))
    return parsed
  })

interface Rules {
  readonly limits: LimitValues
  readonly policy: PolicyValues
}

/** A parsed part of a task with the files that it names. */
type WithFiles<A> = Either.Either<A & Pick<TaskOptions, "files" | "made">, InvalidTask>

/** Parses `dir_id/file_name` or an https URL. The error is worded to follow the field's name. */
export const fileSource = (text: string): Either.Either<Source, string> => {
  if (/^\s*https?:\/\//i.test(text) && /\s/.test(text))
    return Either.left("is a URL with a blank in it: write %20 instead, or leave it out")
  if (/^https:\/\//i.test(text)) {
    if (text.length > maxUrlLength)
      return Either.left(`is too long: at most ${maxUrlLength} characters are allowed`)
    return isHttpsUrl(text)
      ? Either.right({ _tag: "Remote", url: text })
      : Either.left("is not a valid https URL")
  }
  if (/^http:/i.test(text)) return Either.left("must be an https URL: http is not allowed")
  const slash = text.indexOf("/")
  const dir = slash < 0 ? undefined : parseDirId(text.slice(0, slash))
  if (dir === undefined) return Either.left('must be "dir_id/file_name" or an https URL')
  const name = parseFileName(text.slice(slash + 1))
  return "reason" in name
    ? Either.left(`names a file that ${name.reason.replace(/^must/, "cannot be used: the name must")}`)
    : Either.right(stored(dir, name.name))
}

const stored = (dir: DirId, name: FileName): Source => ({ _tag: "Stored", dir, name })

const parseInput = (
  body: Wire["inputs"][number],
  field: string,
  rules: Rules
): WithFiles<Pick<TaskOptions, "read"> & { readonly input: Input }> =>
  Either.gen(function* () {
    const source = yield* Either.mapLeft(fileSource(body.file_path), (reason) =>
      invalid(`${field}.file_path ${reason}`)
    )
    const { args, read, files, made, format } = yield* options(
      body.options,
      "input",
      `${field}.options`,
      rules
    )
    const judged = rules.policy.options === "enforced"
    const sequence = judged && source._tag === "Stored" ? sequenceOf(source.name, args) : undefined
    const input = {
      source,
      options: judged ? withoutPatternType(args) : args,
      ...(format === "concat" && { concat: true as const }),
      ...(sequence && { sequence })
    }
    return { input, read, files, made }
  })

const parseOutput = (
  output: Wire["outputs"][number],
  field: string,
  rules: Rules
): WithFiles<Pick<TaskOptions, "read" | "rate"> & { readonly output: Output }> =>
  Either.gen(function* () {
    const name = parseFileName(output.file)
    if ("reason" in name) return yield* refuse(`${field}.file ${name.reason}${otherName(output)}`)
    const { args, read, files, made, format, rate } = yield* options(
      output.options,
      "output",
      `${field}.options`,
      rules
    )
    const maps = yield* parseMaps(output.maps, `${field}.maps`, rules)
    return {
      output: { name: name.name, options: args, maps, ...(format === "null" && { discarded: true }) },
      read,
      files,
      made,
      rate
    }
  })

/** The suggestion for an invalid output name, worded to follow the problem. */
const otherName = ({ file, options = [] }: Wire["outputs"][number]): string => {
  const items = (options ?? []).map(String)
  const isDiscarded = items[items.lastIndexOf("-f") + 1]?.toLowerCase() === "null" && items.includes("-f")
  if (isDiscarded) return ': an output of -f null makes no file, and any name will do for it, such as "-"'
  if (file === "/dev/null")
    return ': for an output that is thrown away, add "-f", "null" to its options and write "-"'
  return insteadOfPath(file, (name) => "name" in parseFileName(name))
}

/** Refuses different frame rate modes if this ffmpeg applies one mode to all outputs. */
const oneRate = (rates: ReadonlyArray<TaskOptions["rate"]>): Either.Either<void, InvalidTask> => {
  const first = rates.findIndex((rate) => rate?.holdsForAll)
  const other = rates.findIndex((rate) => rate !== undefined && rate?.mode !== rates[first]?.mode)
  return first < 0 || other < 0
    ? Either.right(undefined)
    : refuse(
        `task.outputs[${first}].options: -fps_mode ${rates[first]?.mode} would hold for all outputs with this ffmpeg, and task.outputs[${other}] ${rates[other] === null ? "has none" : `has another one, ${rates[other]?.mode}`}: write the same for each output with pictures, or make a task for each`
      )
}

const options = (
  items: Items | undefined,
  place: "input" | "output",
  field: string,
  { limits, policy }: Rules
): Either.Either<TaskOptions, InvalidTask> =>
  Either.gen(function* () {
    const list = yield* texts(items, field, limits)
    const parsed = yield* Either.mapLeft(parseOptions(list, place, field, policy), invalid)
    // NFC may have up to three times the bytes.
    const long = parsed.args.findIndex((arg) => byteLength(arg) > limits.optionBytes + placeBytes)
    return long < 0
      ? parsed
      : yield* refuse(
          `${field}: the value of ${parsed.args[long - 1]} is too long in Unicode NFC: at most ${limits.optionBytes} bytes are allowed`
        )
  })

/** Longest prefix of a file name in the command, in bytes: see `placeOf`. */
const placeBytes = 16

const parseMaps = (items: Items | undefined, field: string, { limits, policy }: Rules) =>
  Either.flatMap(texts(items, field, limits), (maps) => {
    if (policy.options === "off") return Either.right(maps)
    return Either.all(
      maps.map((map, index) => {
        const problem = mapProblem(map)
        const read = problem === undefined ? mapFor(map, policy.table) : Either.left(problem)
        return Either.mapLeft(read, (reason) => invalid(`${field}[${index}] ${reason}`))
      })
    )
  })

/** The items as text. Arguments of a process can't contain NUL or malformed Unicode. */
const texts = (
  items: Items | undefined,
  field: string,
  limits: LimitValues
): Either.Either<ReadonlyArray<string>, InvalidTask> => {
  const list = (items ?? []).map(String)
  if (list.length > limits.optionItems)
    return refuse(`${field} has ${list.length} items: at most ${limits.optionItems} are allowed`)
  for (const [index, item] of list.entries()) {
    const problem = textProblem(item, limits.optionBytes)
    if (problem !== undefined) return refuse(`${field}[${index}] ${problem}`)
  }
  return Either.right(list)
}

const filterComplex = (
  text: string | undefined,
  { limits, policy }: Rules
): WithFiles<{ readonly graph: string | null; readonly parsed: ReadTask["filterComplex"] }> => {
  const field = "task.filter_complex"
  if (text === undefined || text.trim() === "")
    return Either.right({ graph: null, parsed: null, files: [], made: [] })
  const problem = textProblem(text, limits.graphBytes)
  if (problem !== undefined) return refuse(`${field} ${problem}`)
  return Either.flatMap(Either.mapLeft(readTaskGraph(text, field, policy), invalid), (parsed) =>
    byteLength(parsed.graph) > limits.graphBytes
      ? refuse(`${field} is too long in Unicode NFC: at most ${limits.graphBytes} bytes are allowed`)
      : Either.right(parsed)
  )
}

const parseOutputDirectory = (text: string | undefined): Either.Either<DirId | null, InvalidTask> => {
  if (text === undefined) return Either.right(null)
  const dir = parseDirId(text)
  return dir === undefined ? refuse(`task.output_dir_id ${dirIdRule}`) : Either.right(dir)
}

const count = (
  field: string,
  list: ReadonlyArray<unknown>,
  max: number
): Either.Either<void, InvalidTask> => {
  if (list.length === 0) return refuse(`${field} must have at least one item`)
  return list.length > max
    ? refuse(`${field} has ${list.length} items: at most ${max} are allowed`)
    : Either.right(undefined)
}

/** The problem with a text, worded to follow the field's name. The length is checked first. */
const textProblem = (text: string, maxBytes: number): string | undefined => {
  if (text.length > maxBytes || byteLength(text) > maxBytes)
    return `is too long: at most ${maxBytes} bytes are allowed`
  if (!text.isWellFormed() || text.includes("\0")) return "must be well-formed Unicode without NUL"
  return hasLongRunOfMarks(text)
    ? `must not contain more than ${maxMarks} combining marks in a row`
    : undefined
}

const byteLength = (text: string) => new TextEncoder().encode(text).length
const invalid = (reason: string) => new InvalidTask({ reason })
const refuse = (reason: string) => Either.left(invalid(reason))
