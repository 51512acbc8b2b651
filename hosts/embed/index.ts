import { Cause, type Effect, Exit } from "effect"
import type { AnalyzeBody, AsyncBody, DirectoryBody, FileBody, ProcessBody } from "../../core/contract/bodies.js"
import {
  getDownload,
  getFile,
  getJob,
  postAnalyze,
  postDirectory,
  postFile,
  postProcess,
  postProcessAsync,
  type putFile
} from "../../core/contract/endpoints.js"
import type { ApiError } from "../../core/errors.js"
import { OwnerId } from "../../core/ids.js"
import type { Job } from "../../core/job.js"
import { defaultLimits, type LimitValues } from "../../core/limits.js"
import { type Adapters, type Services, services } from "./layers.js"
import { type Instance, type RunOptions, start } from "./runtime.js"
import { defaultSlots } from "./slots.js"
import { read, save, type Upload, upload } from "./transfer.js"

export type { Services } from "./layers.js"
export type { Instance, RunOptions } from "./runtime.js"

export interface Options extends Adapters {
  /** A folder for what the default adapters keep. Made if it is missing; several processes may share it. */
  readonly dataDir?: string
  /** Jobs that run at a time; 0 only accepts them. Default: one a core, two at least. */
  readonly slots?: number
  /** What is not given has its default. */
  readonly limits?: Partial<LimitValues>
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
  readonly file: (filePath: string, options?: RunOptions) => Body<typeof getFile>
  readonly downloadUrl: (filePath: string, options?: RunOptions) => Body<typeof getDownload>
  /** Copies a stored file to a local path. */
  readonly save: (filePath: string, path: string, options?: RunOptions) => Promise<void>
  /** The bytes of a stored file. */
  readonly read: (filePath: string) => AsyncIterable<Uint8Array>
  /** Runs a task and waits for its result. */
  readonly process: (body: Fields<typeof ProcessBody>, options?: ProcessOptions) => Body<typeof postProcess>
  /** Accepts a task: it will be finished, also by a later process on the same data. */
  readonly submit: (body: Fields<typeof AsyncBody>, options?: RunOptions) => Body<typeof postProcessAsync>
  readonly job: (jobId: string, options?: RunOptions) => Body<typeof getJob>
  readonly analyze: (body: Fields<typeof AnalyzeBody>, options?: RunOptions) => Body<typeof postAnalyze>
}

export interface Ffkiln extends Client, Instance {
  /** The same API for another owner: nobody sees another's directories, files and jobs. */
  readonly as: (owner: string) => Client
}

/** Starts ffkiln inside this process. Rejects with a sentence for an operator when a part can't be had. */
export const open = async (options: Options): Promise<Ffkiln> => {
  const instance = await start(services(options, options.dataDir), { ...defaultLimits, ...options.limits }, options.slots ?? defaultSlots())
  const as = (owner: string) => client(instance, OwnerId(owner), options.publicUrl ?? "")
  return { ...instance, ...as("local"), as }
}

const client = (instance: Instance, owner: OwnerId, baseUrl: string): Client => {
  const caller = { owner, baseUrl }
  const run = async <A, E extends ApiError>(effect: Effect.Effect<A, E, Services>, options?: RunOptions): Promise<A> => {
    options?.signal?.throwIfAborted()
    const exit = await instance.run(effect, options)
    if (Exit.isSuccess(exit)) return exit.value
    // An abort is told in the caller's own words.
    if (Cause.isInterrupted(exit.cause)) options?.signal?.throwIfAborted()
    throw Cause.squash(exit.cause)
  }
  return {
    createDirectory: (body = {}, options) => run(postDirectory(caller, body), options),
    registerFile: (body, options) => run(postFile(caller, body), options),
    upload: (source, body, options) => run(upload(caller, source, body), options),
    file: (filePath, options) => run(getFile(caller, ...split(filePath)), options),
    downloadUrl: (filePath, options) => run(getDownload(caller, ...split(filePath)), options),
    save: (filePath, path, options) => run(save(caller, split(filePath), path), options),
    read: (filePath) => read(instance, caller, split(filePath)),
    process: (body, { onProgress, ...options } = {}) =>
      run(postProcess(caller, body, onProgress === undefined ? {} : { onChange: reportTo(onProgress) }), options),
    submit: (body, options) => run(postProcessAsync(caller, body), options),
    job: (jobId, options) => run(getJob(caller, jobId), options),
    analyze: (body, options) => run(postAnalyze(caller, body), options)
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
