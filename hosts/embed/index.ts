import { Cause, type Effect, Either, Exit } from "effect"
import type {
  AnalyzeBody,
  AsyncBody,
  DirectoryBody,
  FileBody,
  ProcessBody
} from "../../core/contract/bodies.js"
import {
  cancel,
  deleteOneFile,
  getDeliveries,
  getDelivery,
  getDirectories,
  getDirectory,
  getDownload,
  getFile,
  getJob,
  getUsage,
  getWebhookSecret,
  postAnalyze,
  postDirectory,
  postFile,
  postProcess,
  postProcessAsync,
  postReplay,
  type putFile
} from "../../core/contract/endpoints.js"
import type { ApiError } from "../../core/errors.js"
import { OwnerId } from "../../core/ids.js"
import type { Job } from "../../core/job.js"
import { defaultLimits, type LimitValues } from "../../core/limits.js"
import type { Preference } from "../../core/operations/turn.js"
import { parseTags } from "../../core/text/tags.js"
import { type Keys, keysOf } from "./keys.js"
import { type Adapters, type Services, services } from "./layers.js"
import { type GivenRunner, type Runners, runnersOf, runnerTokens } from "./runners.js"
import { type Instance, type RunOptions, startInstance } from "./runtime.js"
import { defaultSlots } from "./slots.js"
import { read, save, type Upload, upload } from "./transfer.js"

export type { Key, Keys, NewKey } from "./keys.js"
export type { Services } from "./layers.js"
export type { GivenRunner, NewRunner, Runner, RunnerState, Runners } from "./runners.js"
export type { Instance, RunOptions } from "./runtime.js"

/** Options of `open`. */
export interface Options extends Adapters {
  /** Folder for the data of the default adapters. Created when missing; several processes may share it. */
  readonly dataDir?: string
  /** Jobs to run at the same time; 0 only accepts jobs. Default: number of CPU cores, at least 2. */
  readonly slots?: number
  /**
   * Tags of this machine that jobs may ask for, such as "gpu": each 1 to 32 of `a-z 0-9 . _ -`, starting with
   * a letter or digit.
   */
  readonly tags?: ReadonlyArray<string>
  /** Remote runners, which connect to an HTTP host on this instance. */
  readonly runners?: {
    /**
     * Accepted in addition to those that `runners.make` makes. With a `database` of your own, pass them to
     * its adapter instead.
     */
    readonly tokens?: ReadonlyArray<GivenRunner>
    /** Whose free slots get jobs first: "local" (default), "remote" (those of runners) or "least-loaded". */
    readonly prefer?: Preference | undefined
  }
  /** Missing limits have their default. */
  readonly limits?: Partial<LimitValues>
  /** Aborts a start in progress: `open` rejects. Has no effect afterwards. */
  readonly signal?: AbortSignal | undefined
  /**
   * Start of the signed URLs that this instance serves itself. Default: empty, so that they start with
   * `/blob/`.
   */
  readonly publicUrl?: string | undefined
}

/** The named fields of a body, without the index signature for ignored ones. */
type Fields<Schema extends { readonly Encoded: unknown }> = {
  readonly [Name in keyof Schema["Encoded"] as string extends Name ? never : Name]: Schema["Encoded"][Name]
}

type Body<F extends (...args: never) => Effect.Effect<unknown, unknown, unknown>> = Promise<
  Effect.Effect.Success<ReturnType<F>>
>

/** Options of `process`. */
export interface ProcessOptions extends RunOptions {
  /** Called when progress changes, at most once a second: 0 to 1, null while it is unknown, 1 at the end. */
  readonly onProgress?: (fraction: number | null) => void
}

/** Options of `submit`. */
export interface SubmitOptions extends RunOptions {
  /**
   * A name that you choose for this submission: repeated within a day, it returns the first job instead of a
   * second one.
   */
  readonly idempotencyKey?: string | undefined
}

/**
 * The HTTP API as promises, with the same bodies as the API reference. A failure rejects with the error
 * itself: `message` is the sentence that an HTTP client would get, `_tag` its kind. Aborting the signal ends
 * the work.
 */
export interface Client {
  /** Creates a directory that expires. */
  readonly createDirectory: (
    body?: Fields<typeof DirectoryBody>,
    options?: RunOptions
  ) => Body<typeof postDirectory>
  /** Registers a file. The reply has the signed request that uploads it. */
  readonly registerFile: (body: Fields<typeof FileBody>, options?: RunOptions) => Body<typeof postFile>
  /** Stores a local file (its path), bytes or a stream of bytes. Tasks refer to the `file` of the reply. */
  readonly upload: (
    source: Upload,
    body?: Partial<Fields<typeof FileBody>>,
    options?: RunOptions
  ) => Body<typeof putFile>
  /** Lists the directories of the caller. */
  readonly directories: (options?: RunOptions) => Body<typeof getDirectories>
  /** Lists the files of a directory. */
  readonly files: (dirId: string, options?: RunOptions) => Body<typeof getDirectory>
  /** Type and size of a file. */
  readonly file: (filePath: string, options?: RunOptions) => Body<typeof getFile>
  /** Deletes a file. It disappears from all listings at once; accepted jobs can still read it. */
  readonly deleteFile: (filePath: string, options?: RunOptions) => Body<typeof deleteOneFile>
  /** A signed URL to download a file from. */
  readonly downloadUrl: (filePath: string, options?: RunOptions) => Body<typeof getDownload>
  /** Copies a stored file to a local path. */
  readonly save: (filePath: string, path: string, options?: RunOptions) => Promise<void>
  /** The bytes of a stored file. */
  readonly read: (filePath: string) => AsyncIterable<Uint8Array>
  /** Runs a task and waits for its result. */
  readonly process: (body: Fields<typeof ProcessBody>, options?: ProcessOptions) => Body<typeof postProcess>
  /** Accepts a task. Its job will be finished, if necessary by a later process on the same data. */
  readonly submit: (body: Fields<typeof AsyncBody>, options?: SubmitOptions) => Body<typeof postProcessAsync>
  /** State and result of a job. */
  readonly job: (jobId: string, options?: RunOptions) => Body<typeof getJob>
  /** Cancels a job that has not started; rejects with JobNotPending otherwise. */
  readonly cancel: (jobId: string, options?: RunOptions) => Body<typeof cancel>
  /** Analyzes a stored file or an https URL with ffprobe. */
  readonly analyze: (body: Fields<typeof AnalyzeBody>, options?: RunOptions) => Body<typeof postAnalyze>
  /** Usage and quotas of the caller in this month. */
  readonly usage: (options?: RunOptions) => Body<typeof getUsage>
  /** Lists the newest webhooks of the caller with their tries. */
  readonly deliveries: (options?: RunOptions) => Body<typeof getDeliveries>
  /** One webhook with its tries. */
  readonly delivery: (id: string, options?: RunOptions) => Body<typeof getDelivery>
  /** Sends a webhook again. */
  readonly replay: (id: string, options?: RunOptions) => Body<typeof postReplay>
  /** The secret that signs the caller's webhooks. */
  readonly webhookSecret: (options?: RunOptions) => Body<typeof getWebhookSecret>
}

/** A running instance. Its own methods act for the owner "local". */
export interface Ffkiln extends Client, Instance {
  /** The same API for another owner. Owners do not see each other's directories, files and jobs. */
  readonly as: (owner: string) => Client
  /** API keys of an HTTP host on this instance. The id of a key is the owner that `as` takes. */
  readonly keys: Keys
  /** Remote runners of an HTTP host on this instance. */
  readonly runners: Runners
}

/** Starts ffkiln in this process. Rejects with a sentence for the operator when a part can't be started. */
export const open = async (options: Options): Promise<Ffkiln> => {
  const { dataDir, limits, runners, signal, slots = defaultSlots() } = options
  // No job could ask for a malformed tag: it must be a mistake.
  const tags = valid(parseTags(options.tags ?? [], "tags"))
  const tokens = valid(runnerTokens(runners?.tokens ?? []))
  if (tokens.length > 0 && options.database !== undefined)
    throw new Error(`ffkiln cannot start: ${ownTokens}`)
  const allLimits = { ...defaultLimits, ...limits }
  const instance = await startInstance(services(options, dataDir, tokens), {
    limits: allLimits,
    slots,
    tags,
    prefer: runners?.prefer,
    signal
  })
  const run = runOn(instance)
  const as = (owner: string) => client(instance, run, OwnerId(owner), options.publicUrl ?? "")
  return { ...instance, ...as("local"), as, keys: keysOf(run), runners: runnersOf(run) }
}

const ownTokens =
  "runners.tokens are for the default database: pass them to the adapter of your own database, as its option runners"

const valid = <A>(parsed: Either.Either<A, string>): A =>
  Either.getOrThrowWith(parsed, (reason) => new Error(`ffkiln cannot start: ${reason}`))

type Run = <A, E extends ApiError>(effect: Effect.Effect<A, E, Services>, options?: RunOptions) => Promise<A>

const runOn =
  (instance: Instance): Run =>
  async (effect, options) => {
    options?.signal?.throwIfAborted()
    const exit = await instance.run(effect, options)
    if (Exit.isSuccess(exit)) return exit.value
    // An abort rejects with the reason of the caller's signal.
    if (Cause.isInterrupted(exit.cause)) options?.signal?.throwIfAborted()
    throw Cause.squash(exit.cause)
  }

const client = (instance: Instance, run: Run, owner: OwnerId, baseUrl: string): Client => {
  const caller = { owner, baseUrl }
  return {
    createDirectory: (body = {}, options) => run(postDirectory(caller, body), options),
    registerFile: (body, options) => run(postFile(caller, body), options),
    upload: (source, body, options) => run(upload(caller, source, body), options),
    directories: (options) => run(getDirectories(caller), options),
    files: (dirId, options) => run(getDirectory(caller, dirId), options),
    file: (filePath, options) => run(getFile(caller, ...split(filePath)), options),
    deleteFile: (filePath, options) => run(deleteOneFile(caller, ...split(filePath)), options),
    downloadUrl: (filePath, options) => run(getDownload(caller, ...split(filePath)), options),
    save: (filePath, path, options) => run(save(caller, split(filePath), path), options),
    read: (filePath) => read(instance, caller, split(filePath)),
    process: (body, { onProgress, ...options } = {}) =>
      run(
        postProcess(caller, body, onProgress === undefined ? {} : { onChange: reportTo(onProgress) }),
        options
      ),
    submit: (body, { idempotencyKey, ...options } = {}) =>
      run(postProcessAsync(caller, body, idempotencyKey), options),
    job: (jobId, options) => run(getJob(caller, jobId), options),
    cancel: (jobId, options) => run(cancel(caller, jobId), options),
    analyze: (body, options) => run(postAnalyze(caller, body), options),
    usage: (options) => run(getUsage(caller), options),
    deliveries: (options) => run(getDeliveries(caller), options),
    delivery: (id, options) => run(getDelivery(caller, id), options),
    replay: (id, options) => run(postReplay(caller, id), options),
    webhookSecret: (options) => run(getWebhookSecret(caller), options)
  }
}

/** Splits `dir_id/file_name`. A path without a slash matches no file. */
const split = (filePath: string): readonly [string, string] => {
  const slash = filePath.indexOf("/")
  return slash < 0 ? ["", filePath] : [filePath.slice(0, slash), filePath.slice(slash + 1)]
}

/** Reports only changes of progress, not other changes of the job. */
const reportTo = (onProgress: (fraction: number | null) => void) => {
  let reported: number | null | undefined
  return (job: Job) => {
    if (job.state !== "processing" && job.state !== "completed") return
    const fraction = job.state === "completed" ? 1 : job.progress
    if (fraction === reported) return
    reported = fraction
    onProgress(fraction)
  }
}
