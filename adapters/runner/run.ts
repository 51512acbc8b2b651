import type { Schema } from "effect"
import type { ClaimReply, OutputsReply } from "../../core/contract/runner-protocol.js"
import { type FileName, parseFileName } from "../../core/ids.js"
import type { StagedFile } from "../../core/task.js"
import { type Base, parseSigned, type Signed } from "./address.js"

type ClaimedRun = Exclude<Schema.Schema.Type<typeof ClaimReply>["run"], null>

/** A claimed run, with checked file names and signed requests. */
export interface Run extends Omit<ClaimedRun, "inputs"> {
  readonly inputs: ReadonlyArray<StagedFile & { readonly request: Signed }>
}

/** Where one output of a run is uploaded. */
export interface OutputPlace {
  readonly name: FileName
  /** The id of the upload, which has to be sent again in `finished`. */
  readonly upload: string | null
  /**
   * One request per part, in order and without gaps: from the requested offset on, or of the whole file in a
   * new upload.
   */
  readonly requests: ReadonlyArray<Signed & { readonly start: number; readonly bytes: number }>
}

/**
 * Checks a run from the host. Throws a sentence if it is malformed: its names become files on this machine.
 */
export const runOf = (base: Base, run: ClaimedRun): Run => {
  demand(
    run.heartbeatSeconds > 0 && run.silenceSeconds > 0,
    "heartbeatSeconds and silenceSeconds must be above 0"
  )
  const inputs = run.inputs.map(({ method, url, headers, ...file }) => {
    demand(
      Number.isSafeInteger(file.bytes) && file.bytes >= 0 && method === "GET",
      `the input "${file.name}" can't be fetched`
    )
    for (const name of [file.name, file.givenName ?? file.name]) demandFileName(name)
    return { ...file, request: signed(base, { url, headers }) }
  })
  const { outputs, sequences = [], command } = run
  for (const name of [
    ...outputs,
    ...sequences.map(({ givenName }) => givenName),
    ...(command?.streamable ?? [])
  ])
    demandFileName(name)
  return { ...run, inputs }
}

/** A file to upload, which may still grow: see `OutputsBody` of the protocol. */
export interface Sent {
  readonly name: FileName
  readonly bytes: number
  readonly upload?: string | null
  readonly start?: number
}

/** The place of each file, in order. Throws a sentence if the host's reply is malformed. */
export const placesOf = (
  base: Base,
  { files: said }: Schema.Schema.Type<typeof OutputsReply>,
  files: ReadonlyArray<Sent>
): ReadonlyArray<OutputPlace> => {
  const byName = new Map(said.map((place) => [place.name, place]))
  return files.map(({ name, bytes, upload, start: wanted = 0 }) => {
    const place = byName.get(name)
    if (place === undefined) throw new Error(`there is no place for the output "${name}"`)
    const requests = place.requests.map(({ start, bytes: part, method, ...request }) => {
      demand(method === "PUT" && part >= 0, `the output "${name}" can't be sent`)
      return { ...signed(base, request), start, bytes: part }
    })
    const from = place.upload !== null && place.upload === upload ? wanted : 0
    const end = requests.reduce((at, { start, bytes: part }) => (start === at ? at + part : Number.NaN), from)
    demand(
      (requests.length > 0 || from > 0) && end === bytes,
      `the parts of the output "${name}" are not all of it, in order`
    )
    return { name, upload: place.upload, requests }
  })
}

const demandFileName = (text: string): void => {
  const parsed = parseFileName(text)
  demand("name" in parsed && parsed.name === text, `${JSON.stringify(text)} is not a valid file name`)
}

const signed = (base: Base, request: Parameters<typeof parseSigned>[1]): Signed => {
  const parsed = parseSigned(base, request)
  if (parsed === undefined) throw new Error("a signed request must be https, or go to the host itself")
  return parsed
}

const demand = (holds: boolean, sentence: string): void => {
  if (!holds) throw new Error(sentence)
}
