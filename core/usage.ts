import { Schema } from "effect"
import { number } from "./fields.js"

/** The usage of a run: seconds of the tool's wall time, bytes read and bytes written. */
export const Usage = Schema.Struct({ seconds: number, inputBytes: number, outputBytes: number })
export type Usage = typeof Usage.Type

/** The numbers that are reported and charged. */
export interface BilledUsage {
  readonly seconds: number
  readonly inputGib: number
  readonly outputGib: number
  readonly gibSeconds: number
}

const GiB = 2 ** 30
const round = (value: number, digits: number) => Number(value.toFixed(digits))

/**
 * The billed numbers. Sizes have nine decimal places, so that small files are not 0. `gibSeconds` is computed
 * from the rounded numbers.
 */
export const billed = (usage: Usage): BilledUsage => {
  const seconds = round(usage.seconds, 3)
  const inputGib = round(usage.inputBytes / GiB, 9)
  const outputGib = round(usage.outputBytes / GiB, 9)
  return { seconds, inputGib, outputGib, gibSeconds: round((inputGib + outputGib) * seconds, 9) }
}
