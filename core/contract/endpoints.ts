import { Effect, type Either, Redacted, Stream } from "effect"
import {
  DirectoryNotFound,
  FileNotFound,
  type InvalidRequest,
  type InvalidTask,
  JobNotFound
} from "../errors.js"
import { type JobId, type OwnerId, parseDirId, parseFileName, parseJobId } from "../ids.js"
import { type Job, statusOf } from "../job.js"
import { Limits } from "../limits.js"
import { analyze } from "../operations/analyze.js"
import { findJob, processTask, type Waiting } from "../operations/await-job.js"
import { cancelJob } from "../operations/cancel.js"
import { createDirectory, listDirectories } from "../operations/directories.js"
import {
  deleteFile,
  describeFile,
  listFiles,
  readFile,
  registerFile,
  signDownload,
  storeFile
} from "../operations/files.js"
import { type FormPart, withForm } from "../operations/form.js"
import { signOutputs } from "../operations/links.js"
import { storedBytes } from "../operations/quota.js"
import { submit } from "../operations/submit.js"
import { findDelivery, listDeliveries, replayDelivery } from "../operations/webhooks.js"
import { Policy } from "../policy/policy.js"
import { Accounts } from "../ports/accounts.js"
import type { Bytes } from "../ports/effect.js"
import {
  type ProcessCommand,
  parseAnalyze,
  parseAsync,
  parseCommand,
  parseDirectory,
  parseFile,
  parseIdempotencyKey,
  parseProcess,
  parseRun
} from "./requests.js"
import {
  analyzedBody,
  cancelledBody,
  deletedBody,
  deliveriesBody,
  deliveryBody,
  directoriesBody,
  directoryBody,
  downloadBody,
  fileBody,
  fileInfoBody,
  filesBody,
  jobBody,
  processedBody,
  registeredBody,
  submittedBody,
  usageBody,
  webhookSecretBody
} from "./responses.js"

/**
 * The API without its transport: each endpoint takes a JSON body (or the parts of a path) and returns the
 * body of the response. Both the HTTP routes and the Promise API call these functions.
 */

/** The caller of an endpoint. */
export interface Caller {
  readonly owner: OwnerId
  /** URL at which clients reach the API: the prefix of signed URLs that it serves itself. */
  readonly baseUrl: string
}

const limited = <A, E>(parse: (limits: Limits["Type"], policy: Policy["Type"]) => Either.Either<A, E>) =>
  Effect.flatMap(Effect.all([Limits, Policy]), ([limits, policy]) => parse(limits, policy))

/** `POST /directory` */
export const postDirectory = ({ owner }: Caller, body: unknown) =>
  Effect.gen(function* () {
    const { ttlSeconds } = yield* limited((limits) => parseDirectory(body, limits))
    return directoryBody(yield* createDirectory(owner, ttlSeconds))
  })

/** `GET /directory` */
export const getDirectories = ({ owner }: Caller) => Effect.flatMap(listDirectories(owner), directoriesBody)

/** `GET /directory/:dirId` */
export const getDirectory = ({ owner }: Caller, dirId: string) =>
  Effect.gen(function* () {
    const dir = parseDirId(dirId)
    return dir === undefined ? yield* new DirectoryNotFound() : yield* filesBody(yield* listFiles(owner, dir))
  })

/** `POST /file` */
export const postFile = ({ owner, baseUrl }: Caller, body: unknown) =>
  Effect.gen(function* () {
    return registeredBody(yield* registerFile(owner, yield* parseFile(body)), baseUrl)
  })

/** `POST /file` and the upload in one call. Returns the `file` of the response. */
export const putFile = <E>({ owner }: Caller, body: unknown, bytes: Bytes<E>) =>
  Effect.gen(function* () {
    return fileBody(yield* storeFile(owner, yield* parseFile(body), bytes))
  })

/** Reads the bytes of a stored file, without a signed URL. */
export const readBytes = ({ owner }: Caller, dirId: string, fileName: string) =>
  Stream.unwrap(Effect.map(filePath(dirId, fileName), ({ dir, name }) => readFile(owner, dir, name)))

/** `GET /file/:dirId/:fileName` */
export const getFile = ({ owner }: Caller, dirId: string, fileName: string) =>
  Effect.gen(function* () {
    const { dir, name } = yield* filePath(dirId, fileName)
    return fileInfoBody(yield* describeFile(owner, dir, name))
  })

/** `DELETE /file/:dirId/:fileName` */
export const deleteOneFile = ({ owner }: Caller, dirId: string, fileName: string) =>
  Effect.gen(function* () {
    const { dir, name } = yield* filePath(dirId, fileName)
    return deletedBody(yield* deleteFile(owner, dir, name))
  })

/** `GET /file/download/:dirId/:fileName` */
export const getDownload = ({ owner, baseUrl }: Caller, dirId: string, fileName: string) =>
  Effect.gen(function* () {
    const { dir, name } = yield* filePath(dirId, fileName)
    return downloadBody(yield* signDownload(owner, dir, name), baseUrl)
  })

/** `POST /ffmpeg/process`: responds when the job has ended. */
export const postProcess = (
  { owner, baseUrl }: Caller,
  body: unknown,
  waiting: Omit<Waiting, "webhookUrl" | "baseUrl" | "tags"> = {}
) =>
  Effect.gen(function* () {
    const { task, tags } = yield* limited((limits, policy) => parseProcess(body, limits, policy))
    const job = yield* processTask(owner, task, { ...waiting, webhookUrl: null, baseUrl, tags })
    return processedBody(job, yield* links(job), baseUrl)
  })

/**
 * `POST /ffmpeg/run`, deprecated: a form with files and the task that names them. Responds like
 * `/ffmpeg/process`. If no job is created, the files and their directory are removed.
 */
export const postRun = <E>(
  { owner, baseUrl }: Caller,
  parts: Stream.Stream<FormPart, E>,
  waiting: Omit<Waiting, "webhookUrl" | "baseUrl" | "tags"> = {}
) =>
  withForm(owner, Stream.mapEffect(parts, checkedCommand), ({ command, ...form }, keep) =>
    Effect.gen(function* () {
      const { task, tags } = yield* limited((limits, policy) => parseRun(command, form, limits, policy))
      const onSubmitted = (id: JobId) => {
        keep()
        waiting.onSubmitted?.(id)
      }
      const job = yield* processTask(owner, task, {
        ...waiting,
        onSubmitted,
        webhookUrl: null,
        baseUrl,
        tags
      })
      return processedBody(job, yield* links(job), baseUrl)
    })
  )

/** Refuses an invalid command before the files that follow it in the form are read. */
const checkedCommand = (
  part: FormPart
): Effect.Effect<FormPart<ProcessCommand>, InvalidRequest | InvalidTask> =>
  part._tag === "File"
    ? Effect.succeed(part)
    : Effect.map(parseCommand(part.body), (body) => ({ _tag: "Command", body }))

/**
 * `POST /ffmpeg/process/async`. A repeated `Idempotency-Key` returns the response to the first submission.
 */
export const postProcessAsync = ({ owner, baseUrl }: Caller, body: unknown, idempotencyKeyHeader?: string) =>
  Effect.gen(function* () {
    const idempotencyKey = yield* parseIdempotencyKey(idempotencyKeyHeader)
    const { task, webhookUrl, tags } = yield* limited((limits, policy) => parseAsync(body, limits, policy))
    return submittedBody(yield* submit(owner, task, { webhookUrl, baseUrl, idempotencyKey, tags }))
  })

/** `GET /job/:jobId`, with new download URLs if the job completed. */
export const getJob = ({ owner, baseUrl }: Caller, jobId: string) =>
  Effect.gen(function* () {
    const job = yield* findJob(owner, yield* knownJobId(jobId))
    return jobBody(job, yield* links(job), baseUrl)
  })

/** `DELETE /job/:jobId` */
export const cancel = ({ owner }: Caller, jobId: string) =>
  Effect.gen(function* () {
    yield* cancelJob(owner, yield* knownJobId(jobId))
    return cancelledBody
  })

/** `POST /ffprobe/analyze` */
export const postAnalyze = ({ owner }: Caller, body: unknown) =>
  Effect.gen(function* () {
    const request = yield* limited((limits) => parseAnalyze(body, limits))
    return analyzedBody(yield* analyze(owner, request))
  })

/** Extension: `GET /usage` */
export const getUsage = ({ owner }: Caller) =>
  Effect.gen(function* () {
    return usageBody(yield* (yield* Accounts).account(owner), yield* storedBytes(owner))
  })

/** Extension: `GET /webhook/delivery` */
export const getDeliveries = ({ owner }: Caller) => Effect.map(listDeliveries(owner), deliveriesBody)

/** Extension: `GET /webhook/delivery/:deliveryId` */
export const getDelivery = ({ owner }: Caller, id: string) =>
  Effect.map(findDelivery(owner, id), deliveryBody)

/** Extension: `POST /webhook/delivery/:deliveryId/replay` */
export const postReplay = ({ owner }: Caller, id: string) =>
  Effect.map(replayDelivery(owner, id), deliveryBody)

/** Extension: `GET /webhook/secret`, the secret with which a receiver verifies signatures. */
export const getWebhookSecret = ({ owner }: Caller) =>
  Effect.gen(function* () {
    return webhookSecretBody(Redacted.value(yield* (yield* Accounts).webhookSecret(owner)))
  })

const knownJobId = (text: string) => {
  const id = parseJobId(text)
  return id === undefined ? Effect.fail(new JobNotFound()) : Effect.succeed(id)
}

const links = (job: Job) =>
  Effect.gen(function* () {
    const { signedUrlSeconds } = yield* Limits
    return statusOf(job.state) === "completed" ? yield* signOutputs(job, signedUrlSeconds) : []
  })

/** Parses the path of a file. An invalid one gives `FileNotFound`. */
const filePath = (dirId: string, fileName: string) => {
  const dir = parseDirId(dirId)
  const parsed = parseFileName(fileName)
  return dir === undefined || "reason" in parsed
    ? Effect.fail(new FileNotFound({}))
    : Effect.succeed({ dir, name: parsed.name })
}
