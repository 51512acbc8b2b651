import { Cause, type Effect, Either, Exit } from "effect"
import type { AnalyzeBody, AsyncBody, DirectoryBody, FileBody, ProcessBody } from "../../core/contract/bodies.js"
import {
  cancel,
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
  type putFile,
  removeFile
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
import { type Instance, type RunOptions, start } from "./runtime.js"
import { defaultSlots } from "./slots.js"
import { read, save, type Upload, upload } from "./transfer.js"

export type { Key, Keys, NewKey } from "./keys.js"
export type { Services } from "./layers.js"
export type { GivenRunner, NewRunner, Runner, RunnerState, Runners } from "./runners.js"
export type { Instance, RunOptions } from "./runtime.js"

export interface Options extends Adapters {
  /** A folder for what the default adapters keep. Made if it is missing; several processes may share it. */
  readonly dataDir?: string
  /** Jobs that run at a time; 0 only accepts them. Default: one a core, two at least. */
  readonly slots?: number
  /** What this machine has that some jobs ask for, such as "gpu": each 1 to 32 of `a-z 0-9 . _ -`, starting with a letter or digit. */
  readonly tags?: ReadonlyArray<string>
  /** Other machines that run jobs for this one, over an HTTP host on this instance. */
  readonly runners?: {
    /** Accepted beside those that `runners.make` makes. A `database` of your own takes its tokens itself. */
    readonly tokens?: ReadonlyArray<GivenRunner>
    /** Whose slots go first: this machine's (default), the runners', or those of whoever has less to do. */
    readonly prefer?: Preference | undefined
  }
  /** What is not given has its default. */
  readonly limits?: Partial<LimitValues>
  /** Ends a start that is under way: `open` rejects. Afterwards it means nothing. */
  readonly signal?: AbortSignal | undefined
  /** What the URLs that we serve ourselves start with. Default: nothing, so that they start with `/blob/`. */
  readonly publicUrl?: string | undefined
}

/** A body's own fields: that others are ignored is no part of its type. */
type Fields<Schema extends { readonly Encoded: unknown }> = {
  readonly [Name in keyof Schema["Encoded"] as string extends Name ? never : Name]: Schema["Encoded"][Name]
}

type Body<F extends (...args: never) => Effect.Effect<unknown, unknown, unknown>> = Promise<Effect.Effect.Success<ReturnType<F>>>

export interface ProcessOptions extends RunOptions {
  /** Called as the job advances, at most once a second: 0 to 1, or null while that can't be known; 1 when it is done. */
  readonly onProgress?: (fraction: number | null) => void
}

export interface SubmitOptions extends RunOptions {
  /** Your own name for this submission: sent again within a day, it gives the first job instead of a second one. */
  readonly idempotencyKey?: string | undefined
}

/**
 * The HTTP API as promises: the same bodies in and out (API reference). A failure rejects with the error itself: its
 * `message` is the sentence an HTTP client would read, its `_tag` tells the kind. A signal that aborts ends the work.
 */
export interface Client {
  readonly createDirectory: (body?: Fields<typeof DirectoryBody>, options?: RunOptions) => Body<typeof postDirectory>
  /** Announces a file that somebody will upload with the signed request in the answer. */
  readonly registerFile: (body: Fields<typeof FileBody>, options?: RunOptions) => Body<typeof postFile>
  /** Stores a local file (its path), bytes or a stream of them: the `file` of the answer is what tasks refer to. */
  readonly upload: (source: Upload, body?: Partial<Fields<typeof FileBody>>, options?: RunOptions) => Body<typeof putFile>
  /** The caller's directories, and the files of one. */
  readonly directories: (options?: RunOptions) => Body<typeof getDirectories>
  readonly files: (dirId: string, options?: RunOptions) => Body<typeof getDirectory>
  readonly file: (filePath: string, options?: RunOptions) => Body<typeof getFile>
  /** Gone from all listings at once; a job that was accepted with it still has it. */
  readonly deleteFile: (filePath: string, options?: RunOptions) => Body<typeof removeFile>
  readonly downloadUrl: (filePath: string, options?: RunOptions) => Body<typeof getDownload>
  /** Copies a stored file to a local path. */
  readonly save: (filePath: string, path: string, options?: RunOptions) => Promise<void>
  /** The bytes of a stored file. */
  readonly read: (filePath: string) => AsyncIterable<Uint8Array>
  /** Runs a task and waits for its result. */
  readonly process: (body: Fields<typeof ProcessBody>, options?: ProcessOptions) => Body<typeof postProcess>
  /** Accepts a task: it will be finished, also by a later process on the same data. */
  readonly submit: (body: Fields<typeof AsyncBody>, options?: SubmitOptions) => Body<typeof postProcessAsync>
  readonly job: (jobId: string, options?: RunOptions) => Body<typeof getJob>
  /** Ends a job that nobody has started yet; any other rejects with JobNotPending. */
  readonly cancel: (jobId: string, options?: RunOptions) => Body<typeof cancel>
  readonly analyze: (body: Fields<typeof AnalyzeBody>, options?: RunOptions) => Body<typeof postAnalyze>
  /** What the caller has used this month, and may use. */
  readonly usage: (options?: RunOptions) => Body<typeof getUsage>
  /** The caller's newest webhooks with their tries, one of them, and sending one again. */
  readonly deliveries: (options?: RunOptions) => Body<typeof getDeliveries>
  readonly delivery: (id: string, options?: RunOptions) => Body<typeof getDelivery>
  readonly replay: (id: string, options?: RunOptions) => Body<typeof postReplay>
  /** What the caller's webhooks are signed with. */
  readonly webhookSecret: (options?: RunOptions) => Body<typeof getWebhookSecret>
}

export interface Ffkiln extends Client, Instance {
  /** The same API for another owner: nobody sees another's directories, files and jobs. */
  readonly as: (owner: string) => Client
  /** The API keys of an HTTP host over this instance; a key's id is the owner that `as` takes. */
  readonly keys: Keys
  /** The remote runners of an HTTP host over this instance. */
  readonly runners: Runners
}

/** Starts ffkiln inside this process. Rejects with a sentence for an operator when a part can't be had. */
export const open = async (options: Options): Promise<Ffkiln> => {
  const { dataDir, limits, runners, signal, slots = defaultSlots() } = options
  // No job could ask for one of another form: it would be a slip.
  const tags = valid(parseTags(options.tags ?? [], "tags"))
  const tokens = valid(runnerTokens(runners?.tokens ?? []))
  if (tokens.length > 0 && options.database !== undefined) throw new Error(`ffkiln cannot start: ${ownTokens}`)
  const allLimits = { ...defaultLimits, ...limits }
  const instance = await start(services(options, dataDir, tokens), { limits: allLimits, slots, tags, prefer: runners?.prefer, signal })
  const run = runOn(instance)
  const as = (owner: string) => client(instance, run, OwnerId(owner), options.publicUrl ?? "")
  return { ...instance, ...as("local"), as, keys: keysOf(run), runners: runnersOf(run) }
}

const ownTokens = "runners.tokens are for the default database: give those of a database of your own to its adapter, as runners"

const valid = <A>(parsed: Either.Either<A, string>): A =>
  Either.getOrThrowWith(parsed, (reason) => new Error(`ffkiln cannot start: ${reason}`))

type Run = <A, E extends ApiError>(effect: Effect.Effect<A, E, Services>, options?: RunOptions) => Promise<A>

const runOn =
  (instance: Instance): Run =>
  async (effect, options) => {
    options?.signal?.throwIfAborted()
    const exit = await instance.run(effect, options)
    if (Exit.isSuccess(exit)) return exit.value
    // An abort is told in the caller's own words.
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
    deleteFile: (filePath, options) => run(removeFile(caller, ...split(filePath)), options),
    downloadUrl: (filePath, options) => run(getDownload(caller, ...split(filePath)), options),
    save: (filePath, path, options) => run(save(caller, split(filePath), path), options),
    read: (filePath) => read(instance, caller, split(filePath)),
    process: (body, { onProgress, ...options } = {}) =>
      run(postProcess(caller, body, onProgress === undefined ? {} : { onChange: reportTo(onProgress) }), options),
    submit: (body, { idempotencyKey, ...options } = {}) => run(postProcessAsync(caller, body, idempotencyKey), options),
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

/** `dir_id/file_name`; a path without a slash names nothing and is not found. */
const split = (filePath: string): readonly [string, string] => {
  const slash = filePath.indexOf("/")
  return slash < 0 ? ["", filePath] : [filePath.slice(0, slash), filePath.slice(slash + 1)]
}

/** Changes of state come without new progress; those are not told. */
const reportTo = (onProgress: (fraction: number | null) => void) => {
  let told: number | null | undefined
  return (job: Job) => {
    if (job.state !== "processing" && job.state !== "completed") return
    const fraction = job.state === "completed" ? 1 : job.progress
    if (fraction === told) return
    told = fraction
    onProgress(fraction)
  }
}
