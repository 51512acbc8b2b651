import { Either } from "effect"
import { InvalidRequest, type InvalidTask } from "../errors.js"
import { type DirId, type FileName, parseDirId, parseFileName } from "../ids.js"
import type { LimitValues } from "../limits.js"
import type { ProbeRequest } from "../probe.js"
import type { Source, Task } from "../task.js"
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

/** `POST /ffmpeg/process`. */
export const parseProcess = (json: unknown, limits: LimitValues): Parsed<Task, InvalidRequest | InvalidTask> =>
  Either.flatMap(checked.process(json), ({ task }) => parseTask(task, limits))

/** `POST /ffmpeg/process/async`. Whether this host may call the URL is decided when the task is submitted. */
export const parseAsync = (
  json: unknown,
  limits: LimitValues
): Parsed<{ readonly task: Task; readonly webhookUrl: string | null }, InvalidRequest | InvalidTask> =>
  Either.gen(function* () {
    const body = yield* checked.async(json)
    const task = yield* parseTask(body.task, limits)
    return { task, webhookUrl: body.webhook_url === undefined ? null : yield* parseWebhookUrl(body.webhook_url) }
  })

/** `POST /ffprobe/analyze`. */
export const parseAnalyze = (json: unknown, limits: LimitValues): Parsed<{ readonly source: Source; readonly probe: ProbeRequest }> =>
  Either.gen(function* () {
    const body = yield* Either.mapLeft(checked.analyze(json), asRequest)
    const source = yield* Either.mapLeft(fileSource(body.file_path), (reason) => invalid(`file_path ${reason}`))
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

/** `POST /directory`: null where the caller leaves the life of the directory to us. */
export const parseDirectory = (json: unknown, limits: LimitValues): Parsed<{ readonly ttlSeconds: number | null }> =>
  Either.gen(function* () {
    const { ttl } = yield* Either.mapLeft(checked.directory(json), asRequest)
    if (ttl === undefined) return { ttlSeconds: null }
    const { directoryTtlMinSeconds: min, directoryTtlMaxSeconds: max } = limits
    if (Number.isInteger(ttl) && ttl >= min && ttl <= max) return { ttlSeconds: ttl }
    return yield* Either.left(invalid(`ttl must be a whole number of seconds from ${min} to ${max}`))
  })

const parseWebhookUrl = (text: string): Parsed<string> => {
  const fits = /^https:\/\/[^/]/i.test(text) && text.isWellFormed() && URL.canParse(text)
  return fits ? Either.right(text) : Either.left(invalid("webhook_url must be an https URL"))
}

const invalid = (message: string) => new InvalidRequest({ message })
const asRequest = (error: InvalidRequest | InvalidTask) => (error._tag === "InvalidRequest" ? error : invalid(error.reason))
