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
import { answerOf, type Confinement } from "./sandbox/confinement.js"
import { type FfmpegOptions, openConfinement, openTools, programPath, type Tools } from "./tools.js"
import { storageTransfer, type Transfer } from "./transfer.js"
import { knownHole } from "./versions.js"

export type { Made } from "./outputs.js"
export type { LaunchMode, SandboxKind, SandboxMode } from "./sandbox/confinement.js"
export type { FfmpegOptions } from "./tools.js"
export type { Late, Transfer } from "./transfer.js"

/**
 * Runs ffmpeg and ffprobe on this machine. Provides the executor, the prober, the capabilities of this
 * ffmpeg, and the policy with its options. Fails if one of the programs does not run. The start removes files
 * that dead processes left in the work root; closing the layer ends all runs.
 */
export const ffmpeg = (
  options?: FfmpegOptions
): Layer.Layer<Executor | Prober | Policy | Abilities, Unavailable, Storage> =>
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

/** The ffmpeg of this machine without a storage: each run has its own `Transfer`. */
export interface Ffmpeg {
  /**
   * What this ffmpeg can do, asked when first used. Fails if ffmpeg does not answer, and asks again after a
   * retry delay. `tags` is empty, since the operator sets the tags.
   */
  readonly capabilities: Effect.Effect<Capabilities, Unavailable>
  /** Like `Executor.run`, with this transfer. */
  readonly run: (
    plan: Plan,
    transfer: Transfer
  ) => Stream.Stream<RunEvent, FfmpegFailed | RunLimitExceeded | BlobMissing | Unavailable>
}

/**
 * Opens ffmpeg. Fails if a program does not answer or the work folder can't be used. Closing the scope ends
 * all runs.
 */
export const openFfmpeg = (options?: FfmpegOptions): Effect.Effect<Ffmpeg, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const tools = yield* openTools(options)
    return {
      capabilities: yield* shared(tools.owned(askCapabilities(tools))),
      run: (plan, transfer) => makeExecutor(tools, transfer).run(plan)
    }
  })

/**
 * What this ffmpeg offers; null while that is unknown, and then no task is refused for a missing capability.
 */
const abilitiesOf = (tools: Tools) =>
  Effect.gen(function* () {
    const warned = Effect.tapError(tools.owned(askCapabilities(tools)), ({ what }) =>
      Effect.logWarning("ffmpeg does not tell what it can do: nothing is refused for want of it", what)
    )
    // Computed once: each submission and each attempt is compared with about two thousand names.
    const named = yield* shared(Effect.map(warned, offered))
    return { own: Effect.orElseSucceed(named, () => null) }
  })

/** The policy in force, with the options of this ffmpeg. */
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

/** What a start with these options would find. All texts are for the operator. */
export interface Examination {
  /** ffmpeg's own first line. */
  readonly version: string
  readonly sandboxed: boolean
  /** How runs are confined, or why they are not and what would help. */
  readonly description: string
  /** Why this version should be replaced, if it should. */
  readonly hole: string | undefined
  /** Why the capabilities of ffmpeg are unknown, if they are. */
  readonly silence: string | undefined
  /** Milliseconds that the shortest run takes where runs are forked from a program that is kept loaded, and started anew. */
  readonly shortest: { readonly warm: number; readonly anew: number } | undefined
}

/** The median of some. */
const shortestRun = (start: Confinement["start"], root: Confinement["root"]) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    for (let time = 0; time < 5; time++) {
      const { ended } = yield* answerOf(start, "ffmpeg", ["-version"], root)
      times.push((ended?.seconds ?? 0) * 1000)
    }
    return times.sort((one, other) => one - other)[2] ?? 0
  })

/** Looks at what a start with these options would find. Fails when it would. */
export const examine = (options: FfmpegOptions = {}): Effect.Effect<Examination, Unavailable> =>
  Effect.gen(function* () {
    const confinement = yield* openConfinement(options)
    const { version, sandboxed, description } = confinement
    const asked = Effect.retry(askCapabilities({ ...confinement, hardware: options.hardware ?? false }), {
      times: 2
    })
    const silence = yield* Effect.match(asked, { onSuccess: () => undefined, onFailure: ({ what }) => what })
    const { warm, start, anew, root } = confinement
    const shortest = warm
      ? { warm: yield* shortestRun(start, root), anew: yield* shortestRun(anew, root) }
      : undefined
    return { version, sandboxed, description, hole: knownHole(version), silence, shortest }
  }).pipe(Effect.scoped, Effect.provide(Logger.remove(Logger.defaultLogger)))
