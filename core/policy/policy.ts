import { Context } from "effect"
import { ffmpeg5 } from "./tables/ffmpeg-5.js"
import type { OptionTable } from "./tables/option-table.js"

/** The policy: what tasks may use of ffmpeg. */
export interface PolicyValues {
  /** The options of the ffmpeg that runs the tasks. Default: those of ffmpeg 5.1. */
  readonly table: OptionTable
  /** `off` refuses nothing, for tests of the sandbox alone. Default: `enforced`. */
  readonly options: "enforced" | "off"
  /** Whether tasks may use hardware codecs and hardware decoding. Default: false. */
  readonly hardware: boolean
}

export const defaultPolicy: PolicyValues = { table: ffmpeg5, options: "enforced", hardware: false }

/** The policy in force. Default: `defaultPolicy`. */
export class Policy extends Context.Reference<Policy>()("ffkiln/Policy", {
  defaultValue: (): PolicyValues => defaultPolicy
}) {}
