import { describe, expect, it } from "vitest"
import { claimRow } from "./claims.js"
import { delayRow } from "./delays.js"
import { bareName, latencyRows, type Report, throughputRows } from "./report.js"
import { align, fleetTable, table } from "./table.js"

const samples = (bare: ReadonlyArray<number>, other: ReadonlyArray<number>) =>
  new Map([
    [bareName, bare],
    ["ours", other]
  ])

describe("report", () => {
  it("compares the median of each subject with that of the bare program", () => {
    expect(latencyRows("thumbnail", samples([100, 110, 500], [120, 132, 133]))).toEqual([
      { workload: "thumbnail", subject: bareName, n: 3, medianMs: 110, p90Ms: 422, addedMs: 0, ratio: 1 },
      { workload: "thumbnail", subject: "ours", n: 3, medianMs: 132, p90Ms: 132.8, addedMs: 22, ratio: 1.2 }
    ])
  })

  it("compares rates with the bare program at as many callers, and with its best rate", () => {
    const rows = throughputRows(
      "encode",
      new Map([1, 2].map((callers) => [callers, samples([10 * callers], [8 * callers])]))
    )
    expect(
      rows.map(({ callers, subject, perSecond, ratio, ratioToBest }) => [
        callers,
        subject,
        perSecond,
        ratio,
        ratioToBest
      ])
    ).toEqual([
      [1, bareName, 10, 1, 0.5],
      [1, "ours", 8, 0.8, 0.4],
      [2, bareName, 20, 1, 1],
      [2, "ours", 16, 0.8, 0.8]
    ])
  })
})

describe("table", () => {
  it("aligns words to the left and numbers to the right", () => {
    expect(
      align(
        [
          ["a", "n"],
          ["long", "1"],
          ["b", "100"]
        ],
        1
      )
    ).toBe("a       n\nlong    1\nb     100")
  })

  it("shows every row once, with the overhead", () => {
    const report: Report = {
      startedAt: "2030-01-01T00:00:00.000Z",
      machine: {
        cpu: "A cpu",
        cores: 2,
        memoryBytes: 1,
        platform: "linux x64",
        node: "20.19.0",
        ffmpeg: "5.1"
      },
      latency: latencyRows("thumbnail", samples([100], [90])),
      throughput: throughputRows("encode", new Map([[4, samples([2], [1])]]))
    }
    const lines = table(report)
      .split("\n")
      .map((line) => line.split(/ {2,}/))
    expect(lines).toEqual([
      ["A cpu, 2 cores, Node 20.19.0, ffmpeg 5.1"],
      [""],
      ["one call", "subject", "n", "median ms", "p90 ms", "added ms", "ratio"],
      ["thumbnail", "bare spawn", "1", "100.0", "100.0", "+0.0", "1.00"],
      ["thumbnail", "ours", "1", "90.0", "90.0", "-10.0", "0.90"],
      [""],
      ["throughput", "subject", "callers", "n", "tasks/s", "ratio", "to best bare"],
      ["encode", "bare spawn", "4", "1", "2.00", "1.00", "1.00"],
      ["encode", "ours", "4", "1", "1.00", "0.50", "0.50"]
    ])
  })

  it("of a fleet shows every row once, and the load of the machine", () => {
    const lines = fleetTable({
      startedAt: "2030-01-01T00:00:00.000Z",
      machine: {
        cpu: "A cpu",
        cores: 2,
        memoryBytes: 1,
        platform: "linux x64",
        node: "20.19.0",
        ffmpeg: "5.1"
      },
      load: [0.25, 3],
      delays: [delayRow("memory", [10, 20, 40], [1, 2, 4])],
      rates: throughputRows("no-op", new Map([[2, samples([8], [6])]])),
      claims: [claimRow("SQLite", 1000, [0.5, 1, 1.5])]
    })
      .split("\n")
      .map((line) => line.split(/ {2,}/))
    expect(lines).toEqual([
      ["A cpu, 2 cores, Node 20.19.0, ffmpeg 5.1, load 0.3 before and 3.0 after"],
      [""],
      ["submit to start", "n", "median ms", "p95 ms", "row median ms", "row p95 ms"],
      ["memory", "3", "20.0", "38.0", "2.0", "3.8"],
      [""],
      ["jobs a second", "subject", "workers", "n", "jobs/s", "ratio", "to best bare"],
      ["no-op", "bare spawn", "2", "1", "8.00", "1.00", "1.00"],
      ["no-op", "ours", "2", "1", "6.00", "0.75", "0.75"],
      [""],
      ["claim", "finished rows", "n", "median ms", "p95 ms"],
      ["SQLite", "1000", "3", "1.00", "1.45"]
    ])
  })
})
