import { billed, type Usage } from "../usage.js"

/** The API's `usage` object. GB are GiB. */
export interface UsageReport {
  readonly time_sec: number
  readonly input_size_gb: number
  readonly output_size_gb: number
  readonly gb_sec: number
}

/** The usage as reported. `gb_sec` is (input + output) x time of the reported numbers. */
export const reportUsage = (usage: Usage): UsageReport => {
  const { seconds, inputGib, outputGib, gibSeconds } = billed(usage)
  return { time_sec: seconds, input_size_gb: inputGib, output_size_gb: outputGib, gb_sec: gibSeconds }
}
