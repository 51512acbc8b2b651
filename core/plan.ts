import type { BlobKey, FileName } from "./ids.js"
import type { LimitValues } from "./limits.js"
import { selfContainedDemuxers } from "./policy/allowed.js"
import { droppedOptions } from "./policy/options.js"
import type { ResolvedTask } from "./task.js"

/** Bounds of one run; what is exceeded ends it. */
export interface RunLimits {
  readonly seconds: number
  readonly outputBytes: number
  readonly outputFiles: number
}

/** Where an input or an output starts and how long it lasts at most, in seconds, as far as its options tell. */
export interface Window {
  readonly start: number
  readonly length: number | null
}

/** What the length of the result can be worked out from, once ffmpeg has said how long the inputs are. */
export interface Timeline {
  readonly inputs: ReadonlyArray<Window>
  readonly outputs: ReadonlyArray<Window>
}

/**
 * One run of ffmpeg, as a value: may be logged, stored, sent to another machine.
 * The process runs in a folder that holds the inputs; a folder `out` beside it takes the outputs.
 */
export interface Plan {
  /** All arguments but the program; names are `file:NAME` for inputs and `file:../out/NAME` for outputs. */
  readonly args: ReadonlyArray<string>
  /** Each staged file: its name in the input folder, and the bytes. */
  readonly inputs: ReadonlyArray<{ readonly name: FileName; readonly key: BlobKey; readonly bytes: number }>
  /** The outputs as named by the task, in its order: what must be there, and be listed first. */
  readonly outputs: ReadonlyArray<FileName>
  /** `<dir>/<job>-<attempt>/`: outputs are stored below it. */
  readonly outputPrefix: string
  readonly timeline: Timeline
  readonly limits: RunLimits
}
