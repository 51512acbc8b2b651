import { describe, expect, it } from "vitest"
import { defaultLimits } from "../../../core/limits.js"
import { limitReached } from "../log/limit-reached.js"
import { prlimitCommand, readHardLimits, resourceLimits } from "./rlimits.js"

const limits = { as: 1000, cpu: 7, fsize: 20, nofile: 3, core: 0, nproc: 4 }

describe("resource limits", () => {
  it("give all cores for the wall clock", () => {
    const one = resourceLimits({ ...defaultLimits, cpuPercent: 100 }, 1).cpu
    expect(resourceLimits({ ...defaultLimits, cpuPercent: 100 }, 600).cpu).toBe(600 * one)
    expect(resourceLimits({ ...defaultLimits, cpuPercent: 50 }, 600).cpu).toBe(300 * one)
    expect(resourceLimits({ ...defaultLimits, cpuPercent: 1 }, 0.001).cpu).toBe(1)
  })

  it("leave time between hearing of the end of one's time and being killed", () => {
    expect(prlimitCommand("prlimit", limits, {})).toEqual(
      "prlimit --as=1000:1000 --cpu=7:12 --fsize=20:20 --nofile=3:3 --core=0:0 --nproc=4:4 --".split(" ")
    )
  })

  it("are never higher than our own, which the kernel would refuse", () => {
    expect(prlimitCommand("p", { as: 10, cpu: 7, nofile: 5 }, { as: 4, cpu: 9, nofile: 8 })).toEqual([
      "p",
      "--as=4:4",
      "--cpu=7:9",
      "--nofile=5:5",
      "--"
    ])
  })

  it.runIf(process.platform === "linux")("are read as this process has them", () => {
    for (const value of Object.values(readHardLimits())) expect(value).toBeGreaterThanOrEqual(0)
    expect(readHardLimits().nofile).toBeGreaterThan(0)
  })

  it.each([
    [{ code: null, signal: "SIGXFSZ" }, [], 0, /larger than 20 bytes/],
    [{ code: 1, signal: null }, ["av_interleaved_write_frame(): File too large"], 20, /larger than 20 bytes/],
    [{ code: 1, signal: null }, ["av_interleaved_write_frame(): File too large"], 19, undefined],
    [{ code: null, signal: "SIGXCPU" }, [], 0, /7 s of processor time/],
    [{ code: 255, signal: null }, ["Exiting normally, received signal 24."], 0, /7 s of processor time/],
    [{ code: 123, signal: null }, [], 0, /processor time/],
    [{ code: 255, signal: null }, ["Exiting normally, received signal 15."], 0, undefined],
    [{ code: null, signal: "SIGKILL" }, [], 0, undefined],
    [{ code: 1, signal: null }, ["Exiting normally, received signal 24."], 0, undefined],
    [
      { code: 255, signal: null },
      ["Exiting normally, received signal 24.", "x: Operation not permitted"],
      0,
      undefined
    ]
  ] as const)("%j %j, longest file %d", (ended, log, longestFile, says) => {
    const said = limitReached(limits, { ended, log }, longestFile)
    if (says === undefined) expect(said).toBeUndefined()
    else expect(said).toMatch(says)
  })
})
