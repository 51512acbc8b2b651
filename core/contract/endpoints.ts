import { Effect, type Either, Option, Stream } from "effect"
import { FileNotFound, InvalidRequest, JobNotFound } from "../errors.js"
import { type OwnerId, parseDirId, parseFileName, parseJobId } from "../ids.js"
import { type Job, statusOf } from "../job.js"
import { Limits } from "../limits.js"
import { analyze } from "../operations/analyze.js"
import { findJob, processTask, type Waiting } from "../operations/await-job.js"
import { createDirectory } from "../operations/directories.js"
import { describeFile, readFile, registerFile, signDownload, storeFile } from "../operations/files.js"
import { signOutputs } from "../operations/links.js"
import { submit } from "../operations/submit.js"
import type { Bytes } from "../ports/effect.js"
import { Webhooks } from "../ports/webhooks.js"
import { parseAnalyze, parseAsync, parseDirectory, parseFile, parseProcess } from "./requests.js"
import {
  analyzedBody,
  directoryBody,
  downloadBody,
  fileBody,
  fileInfoBody,
  jobBody,
  processedBody,
  registeredBody,
  submittedBody
} from "./responses.js"

/**
 * The API without its transport: each endpoint takes a JSON body (or the parts of a path) and gives the body of the
 * answer. HTTP and the Promise API are two ways to call these, so that one page describes both.
 */

export interface Caller {
  readonly owner: OwnerId
  /** Where clients reach our own mount: what signed URLs that we serve ourselves start with. */
  readonly baseUrl: string
}

const limited = <A, E>(parse: (limits: Limits["Type"]) => Either.Either<A, E>) => Effect.flatMap(Limits, parse)

/** `POST /directory` */
export const postDirectory = ({ owner }: Caller, body: unknown) =>
  Effect.gen(function* () {
    const { ttlSeconds } = yield* limited((limits) => parseDirectory(body, limits))
    return directoryBody(yield* createDirectory(owner, ttlSeconds))
  })

/** `POST /file` */
export const postFile = ({ owner, baseUrl }: Caller, body: unknown) =>
  Effect.gen(function* () {
    return registeredBody(yield* registerFile(owner, yield* parseFile(body)), baseUrl)
  })

/** An upload by somebody who has the bytes in hand: `POST /file` and its PUT in one. The `file` of the answer. */
export const putFile = <E>({ owner }: Caller, body: unknown, bytes: Bytes<E>) =>
  Effect.gen(function* () {
    return fileBody(yield* storeFile(owner, yield* parseFile(body), bytes))
  })

/** The bytes of a stored file, without a URL. */
export const readBytes = ({ owner }: Caller, dirId: string, fileName: string) =>
  Stream.unwrap(Effect.map(filePath(dirId, fileName), ({ dir, name }) => readFile(owner, dir, name)))

/** `GET /file/:dirId/:fileName` */
export const getFile = ({ owner }: Caller, dirId: string, fileName: string) =>
  Effect.gen(function* () {
    const { dir, name } = yield* filePath(dirId, fileName)
    return fileInfoBody(yield* describeFile(owner, dir, name))
  })

/** `GET /file/download/:dirId/:fileName` */
export const getDownload = ({ owner, baseUrl }: Caller, dirId: string, fileName: string) =>
  Effect.gen(function* () {
    const { dir, name } = yield* filePath(dirId, fileName)
    return downloadBody(yield* signDownload(owner, dir, name), baseUrl)
  })

/** `POST /ffmpeg/process`: the answer once the job is over. */
export const postProcess = ({ owner, baseUrl }: Caller, body: unknown, waiting: Omit<Waiting, "webhookUrl"> = {}) =>
  Effect.gen(function* () {
    const task = yield* limited((limits) => parseProcess(body, limits))
    const job = yield* processTask(owner, task, { ...waiting, webhookUrl: null })
    return processedBody(job, yield* links(job), baseUrl)
  })

/** `POST /ffmpeg/process/async` */
export const postProcessAsync = ({ owner }: Caller, body: unknown) =>
  Effect.gen(function* () {
    const { task, webhookUrl } = yield* limited((limits) => parseAsync(body, limits))
    if (webhookUrl !== null && Option.isNone(yield* Effect.serviceOption(Webhooks))) {
      return yield* new InvalidRequest({ message: "webhook_url: this server delivers no webhooks; ask GET /job/{job_id} instead" })
    }
    return submittedBody(yield* submit(owner, task, { webhookUrl }))
  })

/** `GET /job/:jobId`, with fresh download links of a completed job. */
export const getJob = ({ owner, baseUrl }: Caller, jobId: string) =>
  Effect.gen(function* () {
    const id = parseJobId(jobId)
    if (id === undefined) return yield* new JobNotFound()
    const job = yield* findJob(owner, id)
    return jobBody(job, yield* links(job), baseUrl)
  })

/** `POST /ffprobe/analyze` */
export const postAnalyze = ({ owner }: Caller, body: unknown) =>
  Effect.gen(function* () {
    const request = yield* limited((limits) => parseAnalyze(body, limits))
    return analyzedBody(yield* analyze(owner, request))
  })

const links = (job: Job) =>
  Effect.gen(function* () {
    const { signedUrlSeconds } = yield* Limits
    return statusOf(job.state) === "completed" ? yield* signOutputs(job, signedUrlSeconds) : []
  })

/** What can't name a file of ours names none. */
const filePath = (dirId: string, fileName: string) => {
  const dir = parseDirId(dirId)
  const parsed = parseFileName(fileName)
  return dir === undefined || "reason" in parsed ? Effect.fail(new FileNotFound({})) : Effect.succeed({ dir, name: parsed.name })
}
