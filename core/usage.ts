/** What a run cost, as billed: seconds of the tool's wall time, bytes read, bytes made. */
export interface Usage {
  readonly seconds: number
  readonly inputBytes: number
  readonly outputBytes: number
}

/** The API's `usage` object. GB are GiB; sizes carry nine digits so that small files do not read as nothing. */
export interface UsageReport {
  readonly time_sec: number
  readonly input_size_gb: number
  readonly output_size_gb: number
  readonly gb_sec: number
}

const GiB = 2 ** 30
const round = (value: number, digits: number) => Number(value.toFixed(digits))

/** `gb_sec` is made from the numbers as reported, so that a client can check it: (in + out) x time. */
export const reportUsage = (usage: Usage): UsageReport => {
  const time_sec = round(usage.seconds, 3)
  const input_size_gb = round(usage.inputBytes / GiB, 9)
  const output_size_gb = round(usage.outputBytes / GiB, 9)
  return { time_sec, input_size_gb, output_size_gb, gb_sec: round((input_size_gb + output_size_gb) * time_sec, 9) }
}
