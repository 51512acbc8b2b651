import { Clock, Effect, Either, Option } from "effect"
import { type CheckedTask, readingOf } from "../checked-task.js"
import { outputDirectory } from "../directory.js"
import { InvalidTask, UrlRefused, UrlUnreachable } from "../errors.js"
import { type BlobKey, type DirId, type FileName, Ids, JobId, type OwnerId } from "../ids.js"
import type { NewJob } from "../job.js"
import { changesLength } from "../length-changes.js"
import { Limits } from "../limits.js"
import { Abilities, meets, type Needs, needsOf, offered, unmet } from "../needs.js"
import { tooLong } from "../plan.js"
import { Policy } from "../policy/policy.js"
import { ActingFor } from "../ports/acting-for.js"
import { Directories } from "../ports/directories.js"
import { Jobs } from "../ports/jobs.js"
import { Queue } from "../ports/queue.js"
import { Runners } from "../ports/runners.js"
import { Webhooks } from "../ports/webhooks.js"
import { outputGraphs } from "../read-task.js"
import { filesWritten, writerOf } from "../side-files.js"
import { brokenRule, type Task } from "../task.js"
import { newDirectory } from "./directories.js"
import { ownedDirectory, type PresentFile, removeFile } from "./files.js"
import { allowNames } from "./free-names.js"
import { importUrl } from "./import-url.js"
import { resolveFiles } from "./named-files.js"
import { allowJob } from "./quota.js"
import { type FoundInput, findInputs } from "./sequences.js"

/** Options of a submission. */
export interface Extras {
  /** The URL that gets a webhook when the job has ended; null for none. */
  readonly webhookUrl: string | null
  /** Prefix of the download URLs in its webhook that the API serves itself. */
  readonly baseUrl?: string
  /** Idempotency key of the submission: repeating it returns the first job. */
  readonly idempotencyKey?: string | null
  /** Tags that a worker must have to run the job. */
  readonly tags?: ReadonlyArray<string>
  readonly priority?: number
}

/** Accepts a task. On return the job is stored, and it will reach a terminal state. */
export const submit = (owner: OwnerId, task: CheckedTask, extras: Extras) =>
  Effect.gen(function* () {
    const first = yield* repeated(owner, extras)
    if (Option.isSome(first)) return first.value
    // Preparation may be interrupted. Once prepared, the job is inserted or everything created for it is
    // removed.
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(prepare(owner, task, extras, restore), enqueue)
    )
  })

/**
 * Looks for an earlier submission before anything is downloaded or refused. The insert decides between
 * concurrent ones.
 */
const repeated = (owner: OwnerId, { idempotencyKey }: Extras) =>
  typeof idempotencyKey === "string"
    ? Effect.flatMap(Jobs, (jobs) => jobs.findRepeated(owner, idempotencyKey))
    : Effect.succeed(Option.none<JobId>())

/** What was created for a job so far: its new directory, if any, and the imported files. */
interface Made {
  directory?: DirId
  readonly imported: Map<string, PresentFile>
}

/** A job that is ready to be inserted, and what was created for it. */
interface Prepared {
  readonly job: NewJob
  readonly made: Made
}

/**
 * Makes all checks and downloads the URLs, before the job is inserted. On failure everything created for the
 * job is removed. Must be called in an uninterruptible region; `restore` makes the preparation itself
 * interruptible.
 */
export const prepare = (
  owner: OwnerId,
  task: CheckedTask,
  extras: Extras,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
) =>
  Effect.suspend(() => {
    const made: Made = { imported: new Map() }
    return restore(decide(owner, task, extras, made)).pipe(
      Effect.onError(() => discard(made)),
      Effect.map((job): Prepared => ({ job, made }))
    )
  })

const decide = (owner: OwnerId, task: CheckedTask, extras: Extras, made: Made) =>
  Effect.gen(function* () {
    const policy = yield* Policy
    const read = yield* Either.mapLeft(readingOf(task, policy), (reason) => new InvalidTask({ reason }))
    const reason = brokenRule(task, read.filterComplex) ?? tooLong(task, yield* Limits)
    if (reason !== undefined) return yield* new InvalidTask({ reason })
    const needs = needsOf(read)
    yield* allowNeeds(needs)
    yield* allowJob(owner)
    if (extras.webhookUrl !== null) yield* checkWebhook(extras.webhookUrl)
    const stored = yield* findInputs(owner, task.inputs)
    const directory = yield* resolveDirectory(owner, task, new Set(stored.flatMap(keysOf)), made)
    yield* importAll(owner, directory, task, made)
    const inputs = task.inputs.map(
      ({ source }, index) =>
        (source._tag === "Remote" ? made.imported.get(source.url) : stored[index]?.file) as PresentFile
    )
    const { files, unsafe } = yield* resolveFiles(owner, task, inputs, directory)
    const job: NewJob = {
      id: JobId(yield* (yield* Ids).next("job")),
      owner,
      task: {
        directory,
        inputs: task.inputs.map(({ source: _, sequence: __, ...said }, index) => {
          const { name, key, bytes } = inputs[index] as PresentFile
          const pictures = stored[index]?.pictures?.map(({ key, bytes }) => ({ key, bytes }))
          // ffmpeg uses the last of repeated options.
          const options = unsafe.has(index) ? [...said.options, "-safe", "0"] : said.options
          const gap = stored[index]?.gap
          return { name, key, bytes, ...said, options, ...(pictures && { pictures }), ...(gap && { gap }) }
        }),
        outputs: task.outputs,
        filterComplex: task.filterComplex,
        ...(files.length > 0 && { files }),
        ...(task.made && { made: task.made }),
        changesLength: outputGraphs(read).some(changesLength)
      },
      tags: extras.tags ?? [],
      needs,
      priority: extras.priority ?? 0,
      webhookUrl: extras.webhookUrl,
      baseUrl: extras.baseUrl ?? "",
      idempotencyKey: extras.idempotencyKey ?? null
    }
    return job
  }).pipe(Effect.provideService(ActingFor, owner))

/**
 * Inserts the job, then notifies the workers: a lost queue message delays the job by seconds. If nothing is
 * inserted, everything created for the job is removed.
 */
export const enqueue = ({ job, made }: Prepared) =>
  Effect.gen(function* () {
    const { pendingJobs } = yield* Limits
    const id = yield* Effect.onError((yield* Jobs).insert(job, pendingJobs), () => discard(made))
    // A concurrent submission with the same idempotency key was faster.
    if (id !== job.id) yield* discard(made)
    yield* Effect.ignoreLogged((yield* Queue).offer(id, job.priority))
    return id
  })

/**
 * Refuses a task that neither this machine nor a known runner can run. A runner counts for
 * `runnerKnownSeconds` after its last request.
 */
const allowNeeds = (needs: Needs) =>
  Effect.gen(function* () {
    const own = yield* (yield* Abilities).own
    if (own === null || meets(own, needs)) return
    const { runnerKnownSeconds } = yield* Limits
    const since = new Date((yield* Clock.currentTimeMillis) - runnerKnownSeconds * 1000)
    const runners = yield* (yield* Runners).capabilities(since)
    const reason = unmet(needs, [own, ...runners.map(offered)])
    if (reason !== undefined) return yield* new InvalidTask({ reason })
  })

const discard = ({ directory, imported }: Made) =>
  Effect.gen(function* () {
    for (const { dir, name } of imported.values()) yield* Effect.ignoreLogged(removeFile(dir, name))
    if (directory !== undefined) yield* Effect.ignoreLogged((yield* Directories).dropEmpty(directory))
  })

const keysOf = (input: FoundInput | undefined): ReadonlyArray<BlobKey> =>
  input === undefined ? [] : (input.pictures ?? [input.file]).map(({ key }) => key)

/** The directory of the outputs. Refuses output names that would overwrite an uploaded or imported file. */
const resolveDirectory = (owner: OwnerId, task: Task, inputs: ReadonlySet<BlobKey>, made: Made) =>
  Effect.gen(function* () {
    const named = outputDirectory(task)
    if (named === undefined) {
      return yield* newDirectory(owner, (id) => {
        made.directory = id
      })
    }
    yield* ownedDirectory(owner, named)
    yield* allowNames(named, task, inputs)
    return named
  })

const checkWebhook = (url: string) =>
  Effect.flatMap(Webhooks, (webhooks) => webhooks.check(url)).pipe(
    Effect.catchTag("UrlRefused", ({ message }) => new UrlRefused({ reason: `webhook_url: ${message}` }))
  )

/** Imports each URL of the task once. */
const importAll = (owner: OwnerId, directory: DirId, task: Task, { imported }: Made) =>
  Effect.gen(function* () {
    const urls = [
      ...new Set(task.inputs.flatMap(({ source }) => (source._tag === "Remote" ? [source.url] : [])))
    ]
    const writer = writerOf(filesWritten(task.outputs, task.made ?? []))
    const isReserved = (name: FileName) => writer(name) !== undefined
    const importOne = (url: string) => {
      const index = task.inputs.findIndex(({ source }) => source._tag === "Remote" && source.url === url)
      return importUrl(owner, directory, url, isReserved).pipe(
        Effect.mapError((error) => named(`task.inputs[${index}].file_path`, error)),
        Effect.map((file) => imported.set(url, file)),
        // Only the download is interruptible: a file that has a row must be recorded in `imported`, or it
        // would not be removed if another import fails.
        Effect.uninterruptible
      )
    }
    yield* Effect.forEach(urls, importOne, { concurrency: 4, discard: true })
  })

/** The error of a URL, prefixed with its field. */
const named = <E>(field: string, error: E | UrlRefused | UrlUnreachable) => {
  if (error instanceof UrlRefused) return new UrlRefused({ reason: `${field}: ${error.message}` })
  return error instanceof UrlUnreachable
    ? new UrlUnreachable({ reason: `${field}: ${error.message}` })
    : error
}
