import type { Report } from "./report.js"

/** Columns of equal width, the first `left` of them aligned to the left and the rest, numbers, to the right. */
export const align = (rows: ReadonlyArray<ReadonlyArray<string>>, left: number): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const cell = (text: string, column: number) => (column < left ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0))
  return rows.map((row) => row.map(cell).join("  ").trimEnd()).join("\n")
}

const signed = (value: number) => `${value < 0 ? "" : "+"}${value.toFixed(1)}`

/** What is printed at the end of a run. */
export const table = ({ machine, latency, throughput }: Report): string => {
  const latencyTable = [
    ["one call", "subject", "n", "median ms", "p90 ms", "added ms", "ratio"],
    ...latency.map((row) => [
      row.workload,
      row.subject,
      `${row.n}`,
      row.medianMs.toFixed(1),
      row.p90Ms.toFixed(1),
      signed(row.addedMs),
      row.ratio.toFixed(2)
    ])
  ]
  const throughputTable = [
    ["throughput", "subject", "callers", "n", "tasks/s", "ratio", "to best bare"],
    ...throughput.map((row) => [
      row.workload,
      row.subject,
      `${row.callers}`,
      `${row.n}`,
      row.perSecond.toFixed(2),
      row.ratio.toFixed(2),
      row.ratioToBest.toFixed(2)
    ])
  ]
  const { cpu, cores, node, ffmpeg } = machine
  return `${cpu}, ${cores} cores, Node ${node}, ffmpeg ${ffmpeg}\n\n${align(latencyTable, 2)}\n\n${align(throughputTable, 2)}`
}
