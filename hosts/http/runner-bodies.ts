import { Effect, Either, ParseResult, Schema } from "effect"
import type {
  ClaimBody,
  FailedBody,
  FinishedBody,
  OutputsBody,
  ProgressBody
} from "../../core/contract/runner-protocol.js"
import { InvalidRequest } from "../../core/errors.js"
import { FileName, parseFileName } from "../../core/ids.js"
import type { MadeFile } from "../../core/operations/runs.js"
import { composed } from "../../core/text/composed.js"
import { parseTags } from "../../core/text/tags.js"
import type { ApiRequest } from "./api.js"
import { readJson } from "./json-body.js"

/** Checks of runner requests beyond the schemas of the protocol. Each returns a problem, or undefined. */

/** A sentence that begins with the name of the field. */
export type Problem = string | undefined

/** The body, or an error that names the first invalid field. */
export const read = <A, I>(request: ApiRequest, schema: Schema.Schema<A, I>, problem: (body: A) => Problem) =>
  Effect.gen(function* () {
    const body = yield* Either.mapLeft(
      Schema.decodeUnknownEither(schema)(yield* readJson(request)),
      malformed
    )
    const message = problem(body)
    return message === undefined ? body : yield* new InvalidRequest({ message })
  })

const malformed = (error: ParseResult.ParseError): InvalidRequest => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  const field = issue?.path.join(".")
  if (!field)
    return new InvalidRequest({
      message: "The request body must be a JSON object with the fields of the runner protocol"
    })
  if (issue?._tag === "Missing") return new InvalidRequest({ message: `${field} is missing` })
  // The actual value is left out: its sender knows it, and it may be long.
  const expected =
    /^Expected (.*?)(?:, actual|$)/s.exec(issue?.message ?? "")?.[1] ?? "what the runner protocol says"
  return new InvalidRequest({ message: `${field} must be: ${expected}` })
}

const unless = (holds: boolean, message: string): Problem => (holds ? undefined : message)

const isName = (text: string): boolean => /^[^\p{Cc}\s]{1,64}$/u.test(text)

const most = { names: 5000, slots: 1024, tags: 64, warnings: 1000, text: 4000, upload: 2048 }

/** What is wrong with a claim. */
export const claimProblem = ({
  process,
  slots,
  free,
  running,
  capabilities
}: typeof ClaimBody.Type): Problem => {
  const { version, cores, tags, ...lists } = capabilities
  const list = Object.entries(lists).find(
    ([, names]) => names.length > most.names || !names.every(isName)
  )?.[0]
  return (
    unless(/^[\w-]{1,64}$/.test(process), "process must be 1 to 64 of A-Z a-z 0-9 _ and -") ??
    unless(slots >= 1 && slots <= most.slots, `slots must be 1 to ${most.slots}`) ??
    unless(free >= 0 && free <= slots, "free must be 0 to the number of slots") ??
    unless(
      running.length <= slots && running.every(isName),
      "running must be the ids of runs, at most as many as there are slots"
    ) ??
    unless(
      isName(version),
      "capabilities.version must be 1 to 64 characters without spaces: ffmpeg's own version"
    ) ??
    unless(cores >= 1 && cores <= 65_536, "capabilities.cores must be 1 to 65536") ??
    unless(
      list === undefined,
      `capabilities.${list} must be at most ${most.names} names, each of 1 to 64 characters without spaces`
    ) ??
    unless(tags.length <= most.tags, `capabilities.tags must be at most ${most.tags}`) ??
    Either.match(parseTags(tags, "capabilities.tags"), {
      onLeft: (reason) => reason,
      onRight: () => undefined
    })
  )
}

/** What is wrong with a progress report. */
export const progressProblem = ({ fraction }: typeof ProgressBody.Type): Problem =>
  unless(fraction === null || (fraction >= 0 && fraction <= 1), "fraction must be 0 to 1, or null")

/** What is wrong with a request for upload URLs. */
export const outputsProblem = ({ files }: typeof OutputsBody.Type): Problem =>
  filesProblem("files", files) ??
  uploadProblem("files", files) ??
  unless(
    files.every(({ start = 0, bytes }) => start >= 0 && start <= bytes),
    "files must have a start from 0 to their bytes, or none"
  )

/** What is wrong with the report of a finished run. */
export const finishedProblem = ({ outputs, warnings, seconds }: typeof FinishedBody.Type): Problem =>
  filesProblem("outputs", outputs) ??
  uploadProblem("outputs", outputs) ??
  unless(warnings.length <= most.warnings, `warnings must be at most ${most.warnings}`) ??
  unless(seconds >= 0, "seconds must be 0 or more")

/** What is wrong with the report of a failed run. */
export const failedProblem = ({ reason, detail }: typeof FailedBody.Type): Problem =>
  unless(reason === "input-missing" || readable(detail) !== "", "detail must be a sentence for the user")

/** For bodies that the schema checks completely. */
export const noProblem = (): Problem => undefined

interface ReportedFile {
  readonly name: string
  readonly bytes: number
}

const filesProblem = (field: string, files: ReadonlyArray<ReportedFile>): Problem => {
  for (const [index, { name, bytes }] of files.entries()) {
    const parsed = parseFileName(name)
    if ("reason" in parsed) return `${field}[${index}].name ${parsed.reason}`
    if (bytes < 0) return `${field}[${index}].bytes must be 0 or more`
  }
  return undefined
}

const uploadProblem = (
  field: string,
  files: ReadonlyArray<{ readonly upload?: string | null | undefined }>
): Problem =>
  unless(
    files.every(({ upload }) => (upload ?? "").length <= most.upload),
    `${field} must not have an upload of more than ${most.upload} characters`
  )

/** Converts a file whose name was checked. */
export const madeFile = ({ name, bytes }: ReportedFile): MadeFile => ({
  name: FileName(composed(name)),
  bytes
})

/**
 * Text for users: well-formed, without control characters except newlines, at most `most.text` characters.
 */
export const readable = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/(?!\n)\p{Cc}/gu, " ")
    .slice(0, most.text)
    .trim()
