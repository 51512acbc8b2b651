import { Context, Data, type Stream } from "effect"
import type { BlobMissing, FfmpegFailed, RunLimitExceeded, Unavailable } from "../errors.js"
import type { FileName } from "../ids.js"
import type { Plan } from "../plan.js"
import type { Blob } from "./storage.js"

export type RunEvent = Data.TaggedEnum<{
  /** `fraction` is 0 to 1 of the expected duration, never goes back, and is null when that is unknown. */
  Progress: { readonly fraction: number | null; readonly outTimeSeconds: number }
  /** The outputs are in storage under the plan's prefix, the named ones first; nothing else of the run is left. */
  Finished: {
    readonly outputs: ReadonlyArray<{ readonly name: FileName; readonly blob: Blob }>
    readonly warnings: ReadonlyArray<string>
    /** Wall time of the tool. */
    readonly seconds: number
    readonly inputBytes: number
  }
}>
export const RunEvent = Data.taggedEnum<RunEvent>()

/** Turns input blobs into output blobs, wherever ffmpeg runs. */
export interface ExecutorShape {
  /** Progress*, then one Finished. Interrupting the stream ends the process and all it left before the interruption is over. */
  readonly run: (plan: Plan) => Stream.Stream<RunEvent, FfmpegFailed | RunLimitExceeded | BlobMissing | Unavailable>
}

export class Executor extends Context.Tag("ffkiln/Executor")<Executor, ExecutorShape>() {}
