import { Context, Effect, Layer, Logger, type Scope, type Stream } from "effect"
import type { BlobMissing, FfmpegFailed, RunLimitExceeded, Unavailable } from "../../core/errors.js"
import { Abilities, type Capabilities, offered } from "../../core/needs.js"
import type { Plan } from "../../core/plan.js"
import { Policy } from "../../core/policy/policy.js"
import { Executor, type RunEvent } from "../../core/ports/executor.js"
import { Prober } from "../../core/ports/prober.js"
import { Storage, type StorageShape } from "../../core/ports/storage.js"
import { makeGuard } from "../net/index.js"
import { askCapabilities, shared } from "./capabilities/capabilities.js"
import { optionTable } from "./capabilities/option-table.js"
import { makeExecutor } from "./executor.js"
import { makeProber } from "./prober.js"
import { type FfmpegOptions, openConfinement, openTools, programPath, type Tools } from "./tools.js"
import { storageTransfer, type Transfer } from "./transfer.js"
import { knownHole } from "./versions.js"

export type { Made } from "./outputs.js"
export type { SandboxMode } from "./sandbox/confinement.js"
export type { FfmpegOptions } from "./tools.js"
export type { Late, Transfer } from "./transfer.js"

/**
 * ffmpeg and ffprobe as processes of this machine, what that ffmpeg can do, and the policy by which it reads its options. Fails
 * at once when one of them does not run. What a dead process left in the work root is removed at the start; when the layer is
 * closed, nothing of it runs on.
 */
export const ffmpeg = (options?: FfmpegOptions): Layer.Layer<Executor | Prober | Policy | Abilities, Unavailable, Storage> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const storage = yield* Storage
      const tools = yield* openTools(options)
      return Context.make(Executor, makeExecutor(tools, storageTransfer(storage))).pipe(
        Context.add(Prober, proberOf(tools, storage, options)),
        Context.add(Policy, yield* policyOf(tools, options)),
        Context.add(Abilities, yield* abilitiesOf(tools))
      )
    })
  )

/** The executor alone, for a process that only runs plans. */
export const ffmpegExecutor = (options?: FfmpegOptions): Layer.Layer<Executor, Unavailable, Storage> =>
  Layer.scoped(
    Executor,
    Effect.gen(function* () {
      const storage = yield* Storage
      return makeExecutor(yield* openTools(options), storageTransfer(storage))
    })
  )

/** The prober alone. */
export const ffprobeProber = (options?: FfmpegOptions): Layer.Layer<Prober, Unavailable, Storage> =>
  Layer.scoped(
    Prober,
    Effect.gen(function* () {
      const storage = yield* Storage
      return proberOf(yield* openTools(options), storage, options)
    })
  )

/** The ffmpeg of this machine without a storage: each run brings its own way for the bytes. */
export interface Ffmpeg {
  /**
   * What it can do, asked when it is first needed; fails where it does not tell, and is asked again after a pause. `tags` are
   * empty: they are its operator's.
   */
  readonly capabilities: Effect.Effect<Capabilities, Unavailable>
  /** Like `Executor.run`, over this transfer. */
  readonly run: (plan: Plan, transfer: Transfer) => Stream.Stream<RunEvent, FfmpegFailed | RunLimitExceeded | BlobMissing | Unavailable>
}

/** Fails when a program does not answer or there is no place to work. Closing the scope ends all that runs. */
export const openFfmpeg = (options?: FfmpegOptions): Effect.Effect<Ffmpeg, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const tools = yield* openTools(options)
    return {
      capabilities: yield* shared(tools.owned(askCapabilities(tools))),
      run: (plan, transfer) => makeExecutor(tools, transfer).run(plan)
    }
  })

/** As long as ffmpeg does not tell what it can do, nothing is refused for want of it. */
const abilitiesOf = (tools: Tools) =>
  Effect.gen(function* () {
    const warned = Effect.tapError(tools.owned(askCapabilities(tools)), ({ what }) =>
      Effect.logWarning("ffmpeg does not tell what it can do: nothing is refused for want of it", what)
    )
    // Named once: each submission and each attempt is held against some two thousand names.
    const named = yield* shared(Effect.map(warned, offered))
    return { own: Effect.orElseSucceed(named, () => null) }
  })

/** What is in force here, with the options of this very ffmpeg. */
const policyOf = (tools: Tools, options: FfmpegOptions = {}) =>
  Effect.gen(function* () {
    const { ffmpegPath = "ffmpeg", cacheFolder, onProgress } = options
    const given = yield* Policy
    const { root, build } = tools
    const folders = cacheFolder === undefined ? undefined : [cacheFolder]
    const asked = { ffmpegPath: programPath(ffmpegPath), environment: options.environment, build, root }
    const table = yield* optionTable({ ...asked, onProgress, ...(folders && { folders }) })
    return { ...given, hardware: given.hardware || tools.hardware, table }
  })

const proberOf = (tools: Tools, storage: StorageShape, options: FfmpegOptions = {}) =>
  makeProber(tools, storage, makeGuard(options.guard ?? {}, tools.limits))

/** What would be in force with these options, tried out and left again. Lines are for the operator. */
export interface Examination {
  /** ffmpeg's own first line. */
  readonly version: string
  readonly sandboxed: boolean
  /** How runs are confined, or why they are not and what would help. */
  readonly description: string
  /** Why this version should be replaced, if it should. */
  readonly hole: string | undefined
  /** Why it is not known what ffmpeg can do, if it is not. */
  readonly silence: string | undefined
}

/** Looks at what a start with these options would find. Fails when it would. */
export const examine = (options: FfmpegOptions = {}): Effect.Effect<Examination, Unavailable> =>
  Effect.gen(function* () {
    const confinement = yield* openConfinement(options)
    const { version, sandboxed, description } = confinement
    const asked = Effect.retry(askCapabilities({ ...confinement, hardware: options.hardware ?? false }), { times: 2 })
    const silence = yield* Effect.match(asked, { onSuccess: () => undefined, onFailure: ({ what }) => what })
    return { version, sandboxed, description, hole: knownHole(version), silence }
  }).pipe(Effect.scoped, Effect.provide(Logger.remove(Logger.defaultLogger)))
