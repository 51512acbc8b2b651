import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { refusedParam } from "./params.js"

const refused = [
  ..."stats csv recon dump-yuv qpfile cqmfile tcfile-in tcfile-out opencl-clbin analysis-save analysis-load scaling-list lambda-file".split(
    " "
  ),
  ..."nalu-file zonefile film-grain-table vmaf-model-path partition-info-path fgs-table dhdr10-info some-log any.path rcstatsfile".split(
    " "
  )
]

/** Spellings of a key that some encoder takes for it. */
const spellings = (key: string) => [key, key.replaceAll("-", "_"), key.toUpperCase(), `no-${key}`, `no${key}`, `--${key}`, ` ${key} `]

/** Where a key may stand. */
const lists = (key: string) => [
  key,
  `${key}=x`,
  `crf=20:${key}=x`,
  `${key}=x:crf=20`,
  `a=b:${key}`,
  `a='b:c':${key}=x`,
  `zones=0,10,${key}=x`,
  `zones=0,10,crf=20/11,20,${key}=x`,
  `${key}==x`
]

describe("a list of encoder parameters", () => {
  it.each(refused)("is refused for %s, however it is spelled and wherever it stands", (key) => {
    for (const list of spellings(key).flatMap(lists)) expect(refusedParam("x264-params", list), list).not.toBe(undefined)
  })

  it.each([
    "profile=high",
    "no-psy:deblock=-1,-1:keyint=250",
    "deblock=-1\\:-1:me=umh",
    "zones=0,100,q=20/101,200,b=0.5",
    "vbv-maxrate=5000:vbv-bufsize=10000:nal-hrd=vbr",
    "log-level=none:level-idc=5.1:high-tier=1",
    "fullrange=on:videoformat=pal:logo=1",
    "tune=0:film-grain=8"
  ])("%s is allowed", (list) => {
    expect(refusedParam("svtav1-params", list)).toBe(undefined)
  })

  it("has no grain model in x265, where the number of others is a file", () => {
    expect(refusedParam("x265-params", "crf=20:film-grain=8")).toBe("film-grain")
  })

  it("hides no key behind quotes and backslashes", () => {
    const hidden = fc
      .constantFrom(...refused)
      .chain((key) =>
        fc
          .array(fc.constantFrom("", "\\", "''"), { minLength: key.length, maxLength: key.length })
          .map((marks) => [...key].map((letter, at) => `${marks[at]}${letter}`).join(""))
      )
    fc.assert(
      fc.property(hidden, fc.constantFrom("", "crf=20:", "a='b:c':", "a=\\::"), (key, before) => {
        expect(refusedParam("x264-params", `${before}${key}=x`)).not.toBe(undefined)
      }),
      { numRuns: 3000 }
    )
  })

  it("never throws, and takes its time in proportion to the length", () => {
    fc.assert(fc.property(fc.fullUnicodeString(), (list) => void refusedParam("x264-params", list)))
    for (const part of [":", "=", "'", "\\", ",", "a=b:"]) refusedParam("x264-params", part.repeat(32_768 / part.length))
  }, 5000)
})
