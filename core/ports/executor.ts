import { Context, Data, type Stream } from "effect"
import type { BlobMissing, FfmpegFailed, RunLimitExceeded, Unavailable } from "../errors.js"
import type { FileName } from "../ids.js"
import type { Plan } from "../plan.js"
import type { Blob } from "./storage.js"

export type RunEvent = Data.TaggedEnum<{
  /** `fraction` is 0 to 1 of the expected duration and never decreases. Null if the duration is unknown. */
  Progress: { readonly fraction: number | null; readonly outTimeSeconds: number }
  /**
   * The outputs are stored under the plan's prefix, named outputs first. All other files of the run are
   * removed.
   */
  Finished: {
    readonly outputs: ReadonlyArray<{ readonly name: FileName; readonly blob: Blob }>
    readonly warnings: ReadonlyArray<string>
    /** Wall time of ffmpeg. */
    readonly seconds: number
    readonly inputBytes: number
  }
}>
export const RunEvent = Data.taggedEnum<RunEvent>()

/** Runs ffmpeg: turns input blobs into output blobs. */
export interface ExecutorShape {
  /**
   * Emits any number of `Progress` events, then one `Finished`. Interrupting the stream ends the process and
   * removes its files before the interruption completes.
   */
  readonly run: (
    plan: Plan
  ) => Stream.Stream<RunEvent, FfmpegFailed | RunLimitExceeded | BlobMissing | Unavailable>
}

export class Executor extends Context.Tag("ffkiln/Executor")<Executor, ExecutorShape>() {}
