import { Context } from "effect"
import { ffmpeg5 } from "./tables/ffmpeg-5.js"
import type { OptionTable } from "./tables/option-table.js"

/** What tasks may ask of the ffmpeg that runs them. */
export interface PolicyValues {
  /** How that ffmpeg reads its command line. Default: ffmpeg 5.1. */
  readonly table: OptionTable
  /** `off` refuses nothing, for tests that show what the sandbox holds alone. Default `enforced`. */
  readonly options: "enforced" | "off"
  /** Whether codecs and decoding of the machine's own hardware may be asked for. Default false. */
  readonly hardware: boolean
}

export const defaultPolicy: PolicyValues = { table: ffmpeg5, options: "enforced", hardware: false }

export class Policy extends Context.Reference<Policy>()("ffkiln/Policy", { defaultValue: (): PolicyValues => defaultPolicy }) {}
