import type { FleetReport } from "./fleet.js"
import type { Machine, Report } from "./report.js"
import type { RunnersReport } from "./runners.js"

/**
 * Formats rows as columns of equal width: the first `left` are left-aligned, the others (numbers)
 * right-aligned.
 */
export const align = (rows: ReadonlyArray<ReadonlyArray<string>>, left: number): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const cell = (text: string, column: number) =>
    column < left ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)
  return rows.map((row) => row.map(cell).join("  ").trimEnd()).join("\n")
}

const signed = (value: number) => `${value < 0 ? "" : "+"}${value.toFixed(1)}`

/** The table that a run prints at its end. */
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
  return [headline(machine), align(latencyTable, 2), align(throughputTable, 2)].join("\n\n")
}

/** The table of a run with `--fleet`. */
export const fleetTable = ({ machine, load, delays, rates, claims }: FleetReport): string => {
  const delayTable = [
    ["submit to start", "n", "median ms", "p95 ms", "row median ms", "row p95 ms"],
    ...delays.map(({ queue, n, ...times }) => [
      queue,
      `${n}`,
      ...[times.medianMs, times.p95Ms, times.rowMedianMs, times.rowP95Ms].map((time) => time.toFixed(1))
    ])
  ]
  const rateTable = [
    ["jobs a second", "subject", "workers", "n", "jobs/s", "ratio", "to best bare"],
    ...rates.map(({ workload, subject, callers, n, perSecond, ratio, ratioToBest }) => [
      workload,
      subject,
      `${callers}`,
      `${n}`,
      ...[perSecond, ratio, ratioToBest].map((value) => value.toFixed(2))
    ])
  ]
  const claimTable = [
    ["claim", "finished rows", "n", "median ms", "p95 ms"],
    ...claims.map(({ database, finished, n, medianMs, p95Ms }) => [
      database,
      `${finished}`,
      `${n}`,
      medianMs.toFixed(2),
      p95Ms.toFixed(2)
    ])
  ]
  return [
    `${headline(machine)}, load ${loadsOf(load)} after`,
    align(delayTable, 1),
    align(rateTable, 2),
    align(claimTable, 1)
  ].join("\n\n")
}

/** The table of a run with `--runners`. */
export const runnersTable = ({ machine, load, inputBytes, runs, rates }: RunnersReport): string => {
  const runTable = [
    [
      `one run on ${(inputBytes / 1024 ** 2).toFixed(0)} MiB`,
      "where",
      "n",
      "median ms",
      "first progress ms",
      "ratio"
    ],
    ...runs.map(({ workload, where, n, medianMs, firstProgressMs, ratio }) => [
      workload,
      where,
      `${n}`,
      ...[medianMs, firstProgressMs].map((time) => time.toFixed(0)),
      ratio.toFixed(2)
    ])
  ]
  const rateTable = [
    ["runners of 2 slots, on a core each", "n", "jobs/s", "ratio"],
    ...rates.map(({ runners, n, perSecond, ratio }) => [
      `${runners}`,
      `${n}`,
      perSecond.toFixed(2),
      ratio.toFixed(2)
    ])
  ]
  return [`${headline(machine)}, load ${loadsOf(load)} after`, align(runTable, 2), align(rateTable, 1)].join(
    "\n\n"
  )
}

const loadsOf = (load: readonly [number, number]) =>
  load.map((value) => value.toFixed(1)).join(" before and ")

const headline = ({ cpu, cores, node, ffmpeg }: Machine) =>
  `${cpu}, ${cores} cores, Node ${node}, ffmpeg ${ffmpeg}`
