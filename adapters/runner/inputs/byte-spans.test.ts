import { FastCheck } from "effect"
import { describe, expect, it } from "vitest"
import { makeSpans, type Span } from "./byte-spans.js"

const size = 40

/** The state of each byte of the file: not requested (0), requested (1), or downloaded (2). */
const model = () => {
  const bytes = new Array<number>(size).fill(0)
  return {
    bytes,
    reach: (from: number) => {
      let at = from
      while (bytes[at] === 2) at++
      return at
    },
    free: (from: number) => {
      const start = bytes.findIndex((state, index) => index >= from && state === 0)
      if (start < 0) return undefined
      let end = start
      while (end < size && bytes[end] === 0) end++
      return { start, end }
    }
  }
}

const step = FastCheck.record({
  from: FastCheck.integer({ min: 0, max: size - 1 }),
  most: FastCheck.integer({ min: 1, max: 15 }),
  /** Which of the spans under way gets on, and by how much. */
  which: FastCheck.nat(),
  by: FastCheck.integer({ min: 0, max: 15 })
})

describe("spans", () => {
  it("say the same as a list of all bytes", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(step, { maxLength: 40 }), (steps) => {
        const spans = makeSpans(size)
        const { bytes, reach, free } = model()
        const taken: Array<Span> = []
        for (const { from, most, which, by } of steps) {
          const expected = free(from)
          const span = spans.take(from, most)
          if (expected === undefined) expect(span).toBeUndefined()
          else {
            const end = Math.min(expected.end, expected.start + most)
            expect(span).toEqual({ start: expected.start, at: expected.start, end })
            bytes.fill(1, expected.start, end)
          }
          if (span !== undefined) taken.push(span)
          const moving = taken[which % taken.length]
          if (moving !== undefined) {
            moving.at = Math.min(moving.end, moving.at + by)
            bytes.fill(2, moving.start, moving.at)
          }
          for (let at = 0; at < size; at++) {
            expect([at, spans.reach(at)]).toEqual([at, reach(at)])
            expect([at, spans.isComing(at)]).toEqual([at, bytes[at] === 1])
          }
          expect(spans.count()).toBe(bytes.filter((state) => state === 2).length)
        }
      })
    )
  })
})
