import { FastCheck } from "effect"
import { describe, expect, it } from "vitest"
import type { Window } from "../../../core/timeline.js"
import { advance, expectedSeconds, progressReader } from "./progress.js"

const whole: Window = { start: 0, length: null }
const from = (start: number, length: number | null = null): Window => ({ start, length })
const looped = (length: number | null = null): Window => ({ start: 0, length, looped: true })

describe("expectedSeconds", () => {
  const cases: ReadonlyArray<{
    readonly title: string
    readonly inputs: ReadonlyArray<Window>
    readonly durations: ReadonlyArray<number | null>
    readonly outputs: ReadonlyArray<Window>
    readonly is: number | null
  }> = [
    { title: "all of one input", inputs: [whole], durations: [10], outputs: [whole], is: 10 },
    { title: "unknown", inputs: [whole], durations: [null], outputs: [whole], is: null },
    { title: "not yet known", inputs: [whole], durations: [], outputs: [whole], is: null },
    { title: "an input from a point on", inputs: [from(4)], durations: [10], outputs: [whole], is: 6 },
    { title: "a piece of an input", inputs: [from(4, 3)], durations: [10], outputs: [whole], is: 3 },
    { title: "a piece that passes the end", inputs: [from(4, 30)], durations: [10], outputs: [whole], is: 6 },
    { title: "past the end", inputs: [from(40)], durations: [10], outputs: [whole], is: 0 },
    { title: "counted from the end", inputs: [from(-3)], durations: [10], outputs: [whole], is: 3 },
    {
      title: "counted from before the start",
      inputs: [from(-30)],
      durations: [10],
      outputs: [whole],
      is: 10
    },
    {
      title: "a length where the duration is unknown",
      inputs: [from(0, 5)],
      durations: [null],
      outputs: [whole],
      is: 5
    },
    { title: "the longest input", inputs: [from(2), whole], durations: [10, 7], outputs: [whole], is: 8 },
    {
      title: "a picture beside a film",
      inputs: [whole, whole],
      durations: [null, 7],
      outputs: [whole],
      is: 7
    },
    {
      title: "an output cut at its start and end",
      inputs: [whole],
      durations: [10],
      outputs: [from(2, 3)],
      is: 3
    },
    { title: "an output cut at its start", inputs: [whole], durations: [10], outputs: [from(2)], is: 8 },
    {
      title: "an output that asks for more than there is",
      inputs: [whole],
      durations: [10],
      outputs: [from(0, 60)],
      is: 10
    },
    { title: "an output of unknown input", inputs: [whole], durations: [null], outputs: [from(0, 5)], is: 5 },
    {
      title: "a picture repeated for a while",
      inputs: [looped()],
      durations: [0.04],
      outputs: [from(0, 5)],
      is: 5
    },
    {
      title: "a picture repeated under a sound",
      inputs: [looped(), whole],
      durations: [null, 30],
      outputs: [whole],
      is: 30
    },
    {
      title: "a repeated film under a longer cut",
      inputs: [looped(), whole],
      durations: [2, 3],
      outputs: [from(0, 60)],
      is: 60
    },
    {
      title: "a repeated input of given length",
      inputs: [looped(8)],
      durations: [2],
      outputs: [whole],
      is: 8
    },
    { title: "repeated for ever", inputs: [looped()], durations: [2], outputs: [whole], is: null },
    { title: "the longest output", inputs: [whole], durations: [10], outputs: [from(0, 3), from(4)], is: 6 },
    { title: "no output", inputs: [whole], durations: [10], outputs: [], is: null }
  ]
  it.each(cases)("$title", ({ inputs, outputs, durations, is }) => {
    expect(expectedSeconds({ inputs, outputs }, durations)).toBe(is)
  })
})

describe("advance", () => {
  it.each([
    { before: null, at: 1, of: 4, is: 0.25 },
    { before: 0.5, at: 1, of: 4, is: 0.5 },
    { before: 0.5, at: 9, of: 4, is: 0.99 },
    { before: null, at: 4, of: 4, is: 0.99 },
    { before: null, at: 1, of: null, is: null },
    { before: 0.5, at: 1, of: null, is: 0.5 },
    { before: null, at: 1, of: 0, is: null }
  ])("from $before, at $at of $of: $is", ({ before, at, of, is }) => {
    expect(advance(before, at, of)).toBe(is)
  })

  it("never goes back and stays within 0 and 0.99", () => {
    const number = FastCheck.double({ min: 0, max: 1e6, noNaN: true })
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.tuple(number, FastCheck.option(number))), (steps) => {
        let before: number | null = null
        for (const [at, of] of steps) {
          const next = advance(before, at, of)
          expect(next ?? 0).toBeGreaterThanOrEqual(before ?? 0)
          expect(next ?? 0).toBeLessThanOrEqual(0.99)
          before = next
        }
      })
    )
  })
})

describe("progressReader", () => {
  const read = (text: string) => {
    const seen: Array<number | null> = []
    const line = progressReader((reached) => seen.push(reached))
    for (const each of text.split("\n")) line(each)
    return seen
  }

  it.each([
    {
      title: "a block",
      text: "frame=1\nout_time_us=46440\nout_time=00:00:00.046440\nspeed=6.69x\nprogress=continue",
      sees: [0.04644]
    },
    {
      title: "two",
      text: "out_time_us=1000000\nprogress=continue\nout_time_us=2038617\nprogress=end",
      sees: [1, 2.038617]
    },
    { title: "a time not known", text: "out_time_us=N/A\nprogress=continue", sees: [null] },
    { title: "a time before zero", text: "out_time_us=-21333\nprogress=continue", sees: [0] },
    {
      title: "blanks before a value",
      text: "bitrate=   8.3kbits/s\nout_time_us=  500000\nprogress=continue",
      sees: [0.5]
    },
    {
      title: "no old time in a block without",
      text: "out_time_us=1000000\nprogress=continue\nprogress=end",
      sees: [1, null]
    },
    { title: "no half block", text: "out_time_us=1000000\nspeed=1x", sees: [] }
  ])("$title", ({ text, sees }) => expect(read(text)).toEqual(sees))
})
