import { Context, Effect, Layer } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { Executor } from "../../core/ports/executor.js"
import { Prober } from "../../core/ports/prober.js"
import { Storage } from "../../core/ports/storage.js"
import { makeExecutor } from "./executor.js"
import { makeProber } from "./prober.js"
import { type FfmpegOptions, openTools } from "./tools.js"

export type { FfmpegOptions } from "./tools.js"

/**
 * ffmpeg and ffprobe as processes of this machine. Fails at once when one of them does not run.
 * What a dead process left in the work root is removed at the start; when the layer is closed, nothing of it runs on.
 */
export const ffmpeg = (options?: FfmpegOptions): Layer.Layer<Executor | Prober, Unavailable, Storage> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const storage = yield* Storage
      const tools = yield* openTools(options)
      return Context.make(Executor, makeExecutor(tools, storage)).pipe(Context.add(Prober, makeProber(tools, storage)))
    })
  )

/** The executor alone, for a process that only runs plans. */
export const ffmpegExecutor = (options?: FfmpegOptions): Layer.Layer<Executor, Unavailable, Storage> =>
  Layer.scoped(
    Executor,
    Effect.gen(function* () {
      const storage = yield* Storage
      return makeExecutor(yield* openTools(options), storage)
    })
  )

/** The prober alone. */
export const ffprobeProber = (options?: FfmpegOptions): Layer.Layer<Prober, Unavailable, Storage> =>
  Layer.scoped(
    Prober,
    Effect.gen(function* () {
      const storage = yield* Storage
      return makeProber(yield* openTools(options), storage)
    })
  )
