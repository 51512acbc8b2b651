import { FastCheck } from "effect"
import { expect, it } from "vitest"
import { reportUsage } from "./usage-report.js"

const GiB = 2 ** 30

it.each([
  [
    "nothing",
    { seconds: 0, inputBytes: 0, outputBytes: 0 },
    { time_sec: 0, input_size_gb: 0, output_size_gb: 0, gb_sec: 0 }
  ],
  [
    "whole numbers",
    { seconds: 10, inputBytes: 3 * GiB, outputBytes: GiB },
    { time_sec: 10, input_size_gb: 3, output_size_gb: 1, gb_sec: 40 }
  ],
  [
    "the reference's sample",
    { seconds: 12.5, inputBytes: 0.098 * GiB, outputBytes: 0.015 * GiB },
    { time_sec: 12.5, input_size_gb: 0.098, output_size_gb: 0.015, gb_sec: 1.4125 }
  ],
  [
    "a few bytes",
    { seconds: 0.0004, inputBytes: 1, outputBytes: 100 },
    { time_sec: 0, input_size_gb: 0.000000001, output_size_gb: 0.000000093, gb_sec: 0 }
  ],
  [
    "milliseconds",
    { seconds: 1.23456, inputBytes: GiB / 2, outputBytes: GiB / 2 },
    { time_sec: 1.235, input_size_gb: 0.5, output_size_gb: 0.5, gb_sec: 1.235 }
  ]
])("%s", (_, usage, report) => {
  expect(reportUsage(usage)).toEqual(report)
})

it("a client can check gb_sec from the other numbers, and every number is one", () => {
  const bytes = FastCheck.integer({ min: 0, max: 100 * GiB })
  const seconds = FastCheck.double({ min: 0, max: 100_000, noNaN: true })
  FastCheck.assert(
    FastCheck.property(seconds, bytes, bytes, (seconds, inputBytes, outputBytes) => {
      const report = reportUsage({ seconds, inputBytes, outputBytes })
      const checked = (report.input_size_gb + report.output_size_gb) * report.time_sec
      expect(Math.abs(report.gb_sec - checked)).toBeLessThanOrEqual(1e-9)
      expect(Math.abs(report.time_sec - seconds)).toBeLessThanOrEqual(0.0005 + 1e-9)
      expect(Math.abs(report.input_size_gb - inputBytes / GiB)).toBeLessThanOrEqual(1e-9)
      expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    })
  )
})
