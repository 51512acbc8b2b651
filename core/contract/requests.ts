import { Either } from "effect"
import type { CheckedTask } from "../checked-task.js"
import { InvalidRequest, InvalidTask } from "../errors.js"
import { type DirId, type FileName, parseDirId, parseFileName } from "../ids.js"
import type { LimitValues } from "../limits.js"
import type { PolicyValues } from "../policy/policy.js"
import type { ProbeRequest } from "../probe.js"
import { sequenceOf } from "../sequence.js"
import type { Source } from "../task.js"
import { isHttpsUrl, maxUrlLength } from "../text/https-url.js"
import { maxTags, parseTags } from "../text/tags.js"
import { AnalyzeBody, AsyncBody, DirectoryBody, FileBody, ProcessBody } from "./bodies.js"
import { parseProbe } from "./probe-request.js"
import { dirIdRule, fileSource, parseTask } from "./task-request.js"
import { compile } from "./validator.js"

const checked = {
  process: compile(ProcessBody),
  async: compile(AsyncBody),
  analyze: compile(AnalyzeBody),
  file: compile(FileBody),
  directory: compile(DirectoryBody)
}

type Parsed<A, E = InvalidRequest> = Either.Either<A, E>

/** A task and its tags, which the worker must have. */
interface Tagged {
  readonly task: CheckedTask
  readonly tags: ReadonlyArray<string>
}

/** `POST /ffmpeg/process`. */
export const parseProcess = (
  json: unknown,
  limits: LimitValues,
  policy?: PolicyValues
): Parsed<Tagged, InvalidRequest | InvalidTask> =>
  Either.flatMap(checked.process(json), (body) => parseTagged(body, limits, policy))

/** The content of the field `command` of `POST /ffmpeg/run`. */
export type ProcessCommand = typeof ProcessBody.Encoded

/** Parses the field `command`: the body of `/ffmpeg/process`, or only its task. */
export const parseCommand = (json: unknown): Parsed<ProcessCommand, InvalidRequest | InvalidTask> => {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return Either.left(invalid('The field "command" must be a JSON object: the task'))
  }
  return checked.process(Object.hasOwn(json, "task") ? json : { task: json })
}

/** The stored files of a form: `pathOf` a file by its name or field, and their directory. */
export interface FormFiles {
  readonly pathOf: (nameOrField: string) => string | undefined
  readonly dir?: DirId | undefined
}

/** Parses the task of a command after the files of the form are stored. */
export const parseRun = (
  { task, tags = [] }: ProcessCommand,
  { pathOf, dir }: FormFiles,
  limits: LimitValues,
  policy?: PolicyValues
): Parsed<Tagged, InvalidRequest | InvalidTask> =>
  Either.gen(function* () {
    const inputs = task.inputs.map((input) => ({
      ...input,
      file_path: pathOf(input.file_path) ?? sequencePath(input, dir) ?? input.file_path
    }))
    const unknown = inputs.findIndex(({ file_path }) => !file_path.includes("/"))
    if (unknown < 0) return yield* parseTagged({ task: { ...task, inputs }, tags }, limits, policy)
    const reason = `task.inputs[${unknown}].file_path must be the name or field of one file of the form, "dir_id/file_name" or an https URL`
    return yield* Either.left(new InvalidTask({ reason }))
  })

/** The path of a sequence of pictures, whose name is a pattern instead of a file name. */
const sequencePath = (
  { file_path: name, options }: ProcessCommand["task"]["inputs"][number],
  dir: DirId | undefined
): string | undefined => {
  const isSequence = !name.includes("/") && sequenceOf(name, (options ?? []).map(String)) !== undefined
  return isSequence && dir !== undefined ? `${dir}/${name}` : undefined
}

/** `POST /ffmpeg/process/async`. Submission checks later whether the webhook URL may be called. */
export const parseAsync = (
  json: unknown,
  limits: LimitValues,
  policy?: PolicyValues
): Parsed<Tagged & { readonly webhookUrl: string | null }, InvalidRequest | InvalidTask> =>
  Either.gen(function* () {
    const body = yield* checked.async(json)
    const tagged = yield* parseTagged(body, limits, policy)
    return {
      ...tagged,
      webhookUrl: body.webhook_url === undefined ? null : yield* parseWebhookUrl(body.webhook_url)
    }
  })

/** `POST /ffprobe/analyze`. */
export const parseAnalyze = (
  json: unknown,
  limits: LimitValues
): Parsed<{ readonly source: Source; readonly probe: ProbeRequest }> =>
  Either.gen(function* () {
    const body = yield* Either.mapLeft(checked.analyze(json), asRequest)
    const source = yield* Either.mapLeft(fileSource(body.file_path), (reason) =>
      invalid(`file_path ${reason}`)
    )
    return { source, probe: yield* parseProbe(body.probe ?? {}, limits) }
  })

/** `POST /file`. */
export const parseFile = (json: unknown): Parsed<{ readonly name: FileName; readonly dir: DirId | null }> =>
  Either.gen(function* () {
    const body = yield* Either.mapLeft(checked.file(json), asRequest)
    const name = parseFileName(body.file_name)
    if ("reason" in name) return yield* Either.left(invalid(`file_name ${name.reason}`))
    if (body.dir_id === undefined) return { name: name.name, dir: null }
    const dir = parseDirId(body.dir_id)
    return dir === undefined ? yield* Either.left(invalid(`dir_id ${dirIdRule}`)) : { name: name.name, dir }
  })

/** `POST /directory`. `ttlSeconds` is null for the default. */
export const parseDirectory = (
  json: unknown,
  limits: LimitValues
): Parsed<{ readonly ttlSeconds: number | null }> =>
  Either.gen(function* () {
    const { ttl } = yield* Either.mapLeft(checked.directory(json), asRequest)
    if (ttl === undefined) return { ttlSeconds: null }
    const { directoryTtlMinSeconds: min, directoryTtlMaxSeconds: max } = limits
    if (Number.isInteger(ttl) && ttl >= min && ttl <= max) return { ttlSeconds: ttl }
    return yield* Either.left(invalid(`ttl must be a whole number of seconds from ${min} to ${max}`))
  })

/** The `Idempotency-Key` header of an async submission; null if there is none. */
export const parseIdempotencyKey = (header: string | undefined): Parsed<string | null> => {
  if (header === undefined) return Either.right(null)
  return /^[\x21-\x7e]{1,255}$/.test(header)
    ? Either.right(header)
    : Either.left(invalid("The Idempotency-Key header must be 1 to 255 visible ASCII characters"))
}

const parseTagged = (
  { task, tags = [] }: Pick<ProcessCommand, "task" | "tags">,
  limits: LimitValues,
  policy?: PolicyValues
): Parsed<Tagged, InvalidRequest | InvalidTask> =>
  Either.gen(function* () {
    return { task: yield* parseTask(task, limits, policy), tags: yield* parseJobTags(tags) }
  })

const parseJobTags = (tags: ReadonlyArray<string>): Parsed<ReadonlyArray<string>> =>
  tags.length > maxTags
    ? Either.left(invalid(`tags has ${tags.length} items: at most ${maxTags} are allowed`))
    : Either.mapLeft(parseTags(tags, "tags"), invalid)

const parseWebhookUrl = (text: string): Parsed<string> => {
  if (text.length > maxUrlLength)
    return Either.left(invalid(`webhook_url is too long: at most ${maxUrlLength} characters are allowed`))
  if (/\s/.test(text))
    return Either.left(invalid("webhook_url has a blank in it: write %20 instead, or leave it out"))
  return isHttpsUrl(text) ? Either.right(text) : Either.left(invalid("webhook_url must be an https URL"))
}

const invalid = (message: string) => new InvalidRequest({ message })
const asRequest = (error: InvalidRequest | InvalidTask) =>
  error._tag === "InvalidRequest" ? error : invalid(error.reason)
