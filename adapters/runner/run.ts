import type { Schema } from "effect"
import type { ClaimReply, OutputsReply } from "../../core/contract/runner-protocol.js"
import { type FileName, parseFileName } from "../../core/ids.js"
import type { StagedFile } from "../../core/task.js"
import { type Base, parseSigned, type Signed } from "./address.js"

type ClaimedRun = Exclude<Schema.Schema.Type<typeof ClaimReply>["run"], null>

/** A run as a runner was given it: what the protocol says, with names and requests that may be used. */
export interface Run extends Omit<ClaimedRun, "inputs"> {
  readonly inputs: ReadonlyArray<StagedFile & { readonly request: Signed }>
}

/** Where one output of a run is to be sent. */
export interface OutputPlace {
  readonly name: FileName
  /** To be repeated when the run is finished. */
  readonly upload: string | null
  /** They take all its bytes from where they were wanted, or all of it under another upload, in order and each once. */
  readonly requests: ReadonlyArray<Signed & { readonly start: number; readonly bytes: number }>
}

/** Throws a sentence where the host's words are no run, or would lead us elsewhere: names become files here. */
export const runOf = (base: Base, run: ClaimedRun): Run => {
  demand(run.heartbeatSeconds > 0 && run.silenceSeconds > 0, "heartbeatSeconds and silenceSeconds must be above 0")
  const inputs = run.inputs.map(({ method, url, headers, ...file }) => {
    demand(Number.isSafeInteger(file.bytes) && file.bytes >= 0 && method === "GET", `the input "${file.name}" can't be fetched`)
    for (const name of [file.name, file.givenName ?? file.name]) demandFileName(name)
    return { ...file, request: signed(base, { url, headers }) }
  })
  const { outputs, sequences = [], command } = run
  for (const name of [...outputs, ...sequences.map(({ givenName }) => givenName), ...(command?.streamable ?? [])]) demandFileName(name)
  return { ...run, inputs }
}

/** A file to be sent, of which more may come: see `OutputsBody` of the protocol. */
export interface Sent {
  readonly name: FileName
  readonly bytes: number
  readonly upload?: string | null
  readonly start?: number
}

/** One place for each of the files, in their order. Throws a sentence where the host's words are none. */
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
    demand((requests.length > 0 || from > 0) && end === bytes, `the parts of the output "${name}" are not all of it, in order`)
    return { name, upload: place.upload, requests }
  })
}

const demandFileName = (text: string): void => {
  const parsed = parseFileName(text)
  demand("name" in parsed && parsed.name === text, `${JSON.stringify(text)} is no file's name`)
}

const signed = (base: Base, request: Parameters<typeof parseSigned>[1]): Signed => {
  const parsed = parseSigned(base, request)
  if (parsed === undefined) throw new Error("a signed request leads where bytes must not go: it must be https, or to the host itself")
  return parsed
}

const demand = (holds: boolean, sentence: string): void => {
  if (!holds) throw new Error(sentence)
}
