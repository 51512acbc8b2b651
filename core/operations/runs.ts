import { Clock, Effect, Option } from "effect"
import { InvalidRequest, LeaseLost, RunLost, SignedUrlExpired } from "../errors.js"
import { type BlobKey, blobKey, blobKeyParts, type FileName, Ids, JobId } from "../ids.js"
import type { Job, JobFailure } from "../job.js"
import { Limits, type LimitValues } from "../limits.js"
import { outputPrefix, outputSlot } from "../plan.js"
import { Directories } from "../ports/directories.js"
import { Jobs, type Published } from "../ports/jobs.js"
import { partCount, partSpan } from "../ports/parts.js"
import { Runners, type RunRight } from "../ports/runners.js"
import { type GrantedRun, type Parted, type SignedRequest, Storage } from "../ports/storage.js"
import { filesWritten, writerOf } from "../side-files.js"
import { filesOfOutputs, gapWarnings } from "../task.js"
import { insist, leaseEnd, spent } from "./attempt.js"
import { removeUnreferenced } from "./sweep.js"
import { dueAgain } from "./take-run.js"
import { RunnerHealth } from "./worker-health.js"

/**
 * Runs of remote runners. The job's row is the whole state of such a run: the host renews the lease for the
 * runner, whose token contains job and attempt. So any host can serve any request of the run, and restarts
 * end no run.
 */

/**
 * Heartbeat of a run: writes the progress and renews the lease. False if the lease is lost and the runner
 * must end the run.
 */
export const keepRun = (right: RunRight, progress: number | null) =>
  Effect.flatMap(leaseEnd, (until) =>
    Effect.flatMap(Jobs, (jobs) => jobs.renew(right, until, progress))
  ).pipe(
    Effect.as(true),
    Effect.catchTag("LeaseLost", () => Effect.as(removeOutputs(right), false))
  )

/** A file that a run created. */
export interface MadeFile {
  readonly name: FileName
  readonly bytes: number
}

/** An output to upload. It may still grow while ffmpeg writes it. */
export interface SentFile extends MadeFile {
  /** The multipart upload that already has some of its parts, if any. */
  readonly upload?: string | null | undefined
  /** Offset of the first part for which requests are needed, in bytes. Default: 0. */
  readonly start?: number | undefined
}

/**
 * How an output is uploaded: by one request, or by a multipart upload whose id is repeated when the run is
 * finished.
 */
export interface OutputUpload {
  readonly name: FileName
  readonly upload: string | null
  /** Ordered by `start`, beginning at the requested offset. */
  readonly requests: ReadonlyArray<SignedRequest & { readonly start: number; readonly bytes: number }>
}

const mostParts = 10_000
const partBytesAtLeast = 16 * 1024 * 1024

const cut = (bytes: number): Parted => ({
  bytes,
  partBytes: Math.max(partBytesAtLeast, Math.ceil(bytes / mostParts))
})

/**
 * Creates the requests that upload a run's outputs. May be called again for the same files, and before they
 * are complete.
 */
export const openOutputs = (right: RunRight, files: ReadonlyArray<SentFile>) =>
  Effect.gen(function* () {
    yield* currentJob(right)
    yield* allowOutputs(right, files)
    const until = yield* linkEnd(right.expiresAt)
    return yield* Effect.forEach(files, (file) => openOutput(file, right, until), { concurrency: 8 })
  })

const openOutput = (
  { name, bytes, upload: begun = null, start: wanted = 0 }: SentFile,
  right: RunRight,
  expiresAt: Date
) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const key = sentKey(right, name)
    const run = grantedRun(right)
    const parted = cut(bytes)
    if (bytes <= parted.partBytes && begun === null) {
      const request = yield* storage.sign({ method: "PUT", key, expiresAt, maxBytes: bytes, run })
      return { name, upload: null, requests: [{ ...request, start: 0, bytes }] } satisfies OutputUpload
    }
    // The upload continues, unless the file has grown so much that it needs larger parts.
    const upload =
      begun !== null && parted.partBytes === partBytesAtLeast
        ? begun
        : yield* storage.openParts(key, parted.partBytes)
    const numbers = Array.from({ length: partCount(parted) }, (_, index) => index + 1)
    const requests = yield* Effect.forEach(
      upload === begun ? numbers.filter((number) => partSpan(parted, number).start >= wanted) : numbers,
      (number) => {
        const { start, length: maxBytes } = partSpan(parted, number)
        const part = { upload, number, ...parted }
        return Effect.map(
          storage.sign({ method: "PUT", key, expiresAt, maxBytes, part, run }),
          (request) => ({
            ...request,
            start,
            bytes: maxBytes
          })
        )
      },
      { concurrency: 8 }
    )
    return { name, upload, requests } satisfies OutputUpload
  })

/** A runner's report of a successful run. */
export interface RunResult {
  /** Named outputs first, in the order of the task. */
  readonly outputs: ReadonlyArray<MadeFile & { readonly upload: string | null }>
  readonly warnings: ReadonlyArray<string>
  /** Wall time of ffmpeg. */
  readonly seconds: number
}

/**
 * Publishes the outputs of a run after all have arrived. The runner's report is checked against the task, the lease
 * and the stored blobs; only the content of the outputs is trusted.
 */
export const finishRun = (right: RunRight, { outputs, warnings, seconds }: RunResult) =>
  Effect.gen(function* () {
    const job = yield* currentJob(right)
    const jobs = yield* Jobs
    yield* allowOutputs(right, outputs)
    const missing = filesOfOutputs(job.task.outputs).find(
      (named) => !named.includes("%") && !outputs.some(({ name }) => name === named)
    )
    if (missing !== undefined)
      return yield* new InvalidRequest({ message: `outputs must have "${missing}": the task names it` })
    const arrived = yield* Effect.forEach(outputs, (file) => sentOutput(file, sentKey(right, file.name)), {
      concurrency: 8
    })
    // The reported time is limited to the time that the runner held the job.
    const cost = spent({ ...right, task: job.task }, Math.min(seconds, yield* heldSeconds(job)))
    const foreign = yield* namedElsewhere(right, job, outputs)
    if (foreign === undefined) {
      yield* withPublicCopies(right, arrived, (published) => {
        const usage = { ...cost, outputBytes: published.reduce((sum, { blob }) => sum + blob.bytes, 0) }
        return insist(
          jobs.complete(right, {
            outputs: published,
            warnings: [...gapWarnings(job.task), ...warnings],
            usage
          })
        ).pipe(orRunLost(right))
      })
    } else {
      const detail = `the run made "${foreign}", which another task made for itself: have it made under another name`
      yield* insist(jobs.fail(right, { reason: "ffmpeg", detail }, cost)).pipe(orRunLost(right))
    }
    yield* ended(right)
    yield* removeOutputs(right)
  })

/**
 * Copies the uploaded outputs to a new slot and publishes the copies; they are removed if `publish` fails.
 * The runner's signed URLs do not lead to that slot, so that published files can't change.
 */
const withPublicCopies = <E, R>(
  right: RunRight,
  sent: Published["outputs"],
  publish: (copies: Published["outputs"]) => Effect.Effect<unknown, E, R>
) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const slot = `${outputSlot(right)}.${yield* (yield* Ids).next("blob")}`
    const copy = ({ name, blob }: Published["outputs"][number]) =>
      storage.copy(blob.key, blobKey(right.directory, slot, name)).pipe(
        Effect.filterOrFail(
          ({ bytes }) => bytes === blob.bytes,
          () => notThere(name)
        ),
        Effect.catchTag("BlobMissing", () => notThere(name)),
        Effect.map((copied) => ({ name, blob: copied }))
      )
    const drop = Effect.ignoreLogged(removeUnreferenced(outputPrefix(right.directory, slot)))
    const published = yield* Effect.forEach(sent, copy, { concurrency: 8 }).pipe(
      Effect.flatMap(publish),
      Effect.onError(() => drop)
    )
    // The job failed instead, so nothing refers to the copies.
    if (published === false) yield* drop
  })

const notThere = (name: FileName) =>
  new InvalidRequest({ message: `outputs: "${name}" has not arrived: send it, then finish the run` })

const sentOutput = ({ name, bytes, upload }: RunResult["outputs"][number], key: BlobKey) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const stat = Effect.flatMap(
      storage.stat(key),
      Option.match({ onNone: () => notThere(name), onSome: Effect.succeed })
    )
    // In a repeated request the parts are already joined.
    const blob = yield* upload === null
      ? stat
      : Effect.catchTag(storage.joinParts(key, upload, cut(bytes)), "BlobMissing", () => stat)
    return blob.bytes === bytes ? { name, blob } : yield* notThere(name)
  })

/** Fails the job of a run because of ffmpeg or a limit. */
export const failRun = (right: RunRight, failure: JobFailure) =>
  Effect.gen(function* () {
    yield* fail(right, yield* currentJob(right), failure)
    yield* removeOutputs(right)
  })

/**
 * Releases the job of a run: at once if its runner stops, after the retry delay if infrastructure failed
 * there.
 */
export const giveUpRun = (right: RunRight, why: "stopping" | "broken") =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    yield* insist(
      why === "stopping" ? jobs.release(right) : jobs.release(right, yield* dueAgain(right))
    ).pipe(orRunLost(right))
    if (why === "broken") yield* (yield* RunnerHealth).of(right.runner).broke(right.owner)
    yield* removeOutputs(right)
  })

/** The job of a run, if the run still holds it; else `RunLost`. */
const currentJob = (right: RunRight) =>
  Effect.gen(function* () {
    const job = yield* (yield* Jobs).find(right.owner, right.id)
    if (Option.isSome(job) && job.value.state === "processing" && job.value.attempt === right.attempt)
      return job.value
    yield* removeOutputs(right)
    return yield* new RunLost({})
  })

const fail = (right: RunRight, job: Job, failure: JobFailure) =>
  Effect.gen(function* () {
    const usage = spent({ ...right, task: job.task }, yield* heldSeconds(job))
    yield* insist((yield* Jobs).fail(right, failure, usage)).pipe(orRunLost(right))
    yield* ended(right)
  })

/** Records that the runner ended a job without an infrastructure failure. */
const ended = (right: RunRight) =>
  Effect.flatMap(RunnerHealth, (health) => health.of(right.runner).ended(right.owner))

const orRunLost =
  (right: RunRight) =>
  <A, E, R>(write: Effect.Effect<A, E | LeaseLost, R>) =>
    Effect.catchIf(
      write,
      (error) => error instanceof LeaseLost,
      () => Effect.zipRight(removeOutputs(right), Effect.fail(new RunLost({})))
    )

/** Removes the unreferenced outputs that the run has uploaded, and its unfinished multipart uploads. */
const removeOutputs = (right: RunRight) => {
  const prefix = outputPrefix(right.directory, sentSlot(right))
  const parts = Effect.flatMap(Storage, (storage) => storage.dropParts(prefix))
  return Effect.all([Effect.ignoreLogged(removeUnreferenced(prefix)), Effect.ignoreLogged(parts)], {
    discard: true
  })
}

/** The slot that a runner uploads to. Published files are never in it. */
const sentSlot = (right: RunRight): string => `${outputSlot(right)}.sent`

const sentKey = (right: RunRight, name: FileName): BlobKey => blobKey(right.directory, sentSlot(right), name)

const grantedRun = ({ id, owner, attempt, runner }: GrantedRun): GrantedRun => ({
  id,
  owner,
  attempt,
  runner
})

/**
 * The latest expiry of a signed URL of a run: the longest time that a transfer may take. URLs of the API's
 * own route end with their run. URLs of the storage itself can't be revoked, so they must not live longer
 * than needed.
 */
const linkEnd = (latest: Date) =>
  Effect.gen(function* () {
    const { leaseSeconds, transferSeconds } = yield* Limits
    const now = yield* Clock.currentTimeMillis
    return new Date(Math.min(latest.getTime(), now + (transferSeconds + leaseSeconds) * 1000))
  })

/** Fails if the run of a signed URL has ended or its runner is revoked. */
export const allowLink = ({ id, owner, attempt, runner }: GrantedRun) =>
  Effect.gen(function* () {
    const job = yield* (yield* Jobs).find(owner, id)
    const isHeld = Option.isSome(job) && job.value.state === "processing" && job.value.attempt === attempt
    if (!isHeld || !(yield* (yield* Runners).isActive(runner))) return yield* new SignedUrlExpired({})
  })

/** Fails the run if its outputs exceed the limits, as a local run would fail. */
const allowOutputs = (right: RunRight, files: ReadonlyArray<MadeFile>) =>
  Effect.gen(function* () {
    const names = new Set(files.map(({ name }) => name))
    if (names.size < files.length)
      return yield* new InvalidRequest({ message: "outputs: each must have a name of its own" })
    const limit = exceeded(files, yield* Limits)
    if (limit === undefined) return
    yield* failRun(right, { reason: "limit", detail: limit })
    return yield* new RunLost({})
  })

const exceeded = (
  files: ReadonlyArray<MadeFile>,
  { fileBytes, outputBytes, outputFiles }: LimitValues
): string | undefined => {
  if (files.length > outputFiles) return `the run made more than ${outputFiles} files`
  if (files.some(({ bytes }) => bytes > fileBytes)) return `an output grew larger than ${fileBytes} bytes`
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  return total > outputBytes ? `the outputs grew larger than ${outputBytes} bytes together` : undefined
}

/**
 * The name of a reported file that belongs to another task, if any. Besides its named outputs a run may
 * create others, such as segments, which replace those of an earlier run of the same task. This check keeps a
 * malicious runner from replacing files that another task named, or that were created for outputs other than
 * its own.
 */
const namedElsewhere = (right: RunRight, { task }: Job, files: ReadonlyArray<MadeFile>) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const isAskedFor = askedForBy(task)
    const unasked = new Set(files.flatMap(({ name }) => (isAskedFor(name) ? [] : [name])))
    if (unasked.size === 0) return undefined
    const which = {
      prefix: commonPrefix([...unasked]),
      fits: (name: FileName) => unasked.has(name),
      limit: unasked.size
    }
    const present = (yield* (yield* Directories).search(right.directory, which)).filter(
      ({ origin }) => origin === "output"
    )
    const makers = yield* Effect.forEach(new Set(present.map(({ key }) => makerOf(key))), (id) =>
      jobs.find(right.owner, id)
    )
    const others = makers.flatMap((maker) => (Option.isSome(maker) ? [maker.value] : []))
    return present.find(({ key, name }) => {
      const maker = others.find(({ id }) => id === makerOf(key))
      return (
        maker !== undefined &&
        (askedForBy(maker.task)(name) || !maker.task.outputs.some((output) => isAskedFor(output.name)))
      )
    })?.name
  })

/** The longest common prefix, without half of a surrogate pair. */
const commonPrefix = ([first = "", ...others]: ReadonlyArray<string>): string => {
  let length = 0
  while (length < first.length && others.every((other) => other[length] === first[length])) length++
  return first.slice(0, length).replace(/[\uD800-\uDBFF]$/, "")
}

/**
 * Whether a task names a file in its outputs, options or filters. A pattern such as `f%03d.png` matches by
 * its prefix.
 */
const askedForBy = ({ outputs, made = [] }: Job["task"]): ((name: FileName) => boolean) => {
  const writer = writerOf(filesWritten(outputs, made))
  return (name) =>
    outputs.some(
      (output) =>
        output.name === name ||
        (output.name.includes("%") && name.startsWith(output.name.replace(/%.*/s, "")))
    ) || writer(name) !== undefined
}

/** The job that created an output, from the slot in its key (see `outputSlot`). */
const makerOf = (key: BlobKey): JobId => JobId(/^([\w-]+)-\d+(?:\.|$)/.exec(blobKeyParts(key)[1])?.[1] ?? "")

const heldSeconds = ({ startedAt }: Job) =>
  Effect.map(Clock.currentTimeMillis, (now) => (startedAt === null ? 0 : (now - startedAt.getTime()) / 1000))
