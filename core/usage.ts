import { Schema } from "effect"
import { number } from "./fields.js"

/** What a run cost, as billed: seconds of the tool's wall time, bytes read, bytes made. */
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

/** Sizes carry nine digits so that small files do not read as nothing. `gibSeconds` is made from the numbers as reported. */
export const billed = (usage: Usage): BilledUsage => {
  const seconds = round(usage.seconds, 3)
  const inputGib = round(usage.inputBytes / GiB, 9)
  const outputGib = round(usage.outputBytes / GiB, 9)
  return { seconds, inputGib, outputGib, gibSeconds: round((inputGib + outputGib) * seconds, 9) }
}
