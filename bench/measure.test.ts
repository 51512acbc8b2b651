import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { interleave, median, perSecond, quantile, type Subject } from "./measure.js"

const subject = (name: string, run: Subject["run"] = async () => {}): Subject => ({ name, run })

describe("quantile", () => {
  it.each([
    [[5], 0.5, 5],
    [[1, 2, 3], 0.5, 2],
    [[10, 1, 2], 0.5, 2],
    [[1, 2, 3, 4], 0.5, 2.5],
    [[0, 10], 0.9, 9],
    [[0, 10, 20], 0, 0],
    [[0, 10, 20], 1, 20]
  ])("of %j at %d is %d", (values, q, expected) => {
    expect(quantile(values, q)).toBeCloseTo(expected, 9)
  })

  it("of no values is NaN", () => expect(median([])).toBeNaN())

  it("has at most its share of the values below it, and does not change its argument", () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 })
    fc.assert(
      fc.property(values, fc.double({ noNaN: true, min: 0, max: 1 }), (list, q) => {
        const before = [...list]
        const value = quantile(list, q)
        const below = list.filter((item) => item < value - 1e-6).length
        expect(below).toBeLessThanOrEqual(Math.ceil((list.length - 1) * q))
        expect(list).toEqual(before)
      })
    )
  })
})

describe("interleave", () => {
  it("measures every subject in each round, with a rotating order, and drops the warm-up round", async () => {
    const order: string[] = []
    let turn = 0
    const samples = await interleave([subject("a"), subject("b"), subject("c")], 4, async ({ name }) => {
      order.push(name)
      return turn++
    })
    expect(order.join("")).toBe("abc".concat("abc", "bca", "cab", "abc"))
    expect([...samples]).toEqual([
      ["a", [3, 8, 10, 12]],
      ["b", [4, 6, 11, 13]],
      ["c", [5, 7, 9, 14]]
    ])
  })

  it("ends at the first failure", async () => {
    const broken = interleave([subject("a")], 3, () => Promise.reject(new Error("broken")))
    await expect(broken).rejects.toThrow("broken")
  })
})

describe("perSecond", () => {
  it.each([
    [1, 5],
    [4, 10],
    [8, 3]
  ])("with %d callers does %d runs, at most one per caller at a time", async (callers, total) => {
    const running = new Set<number>()
    let runs = 0
    let most = 0
    const rate = await perSecond(
      callers,
      total
    )(
      subject("a", async (caller) => {
        expect(running.has(caller)).toBe(false)
        running.add(caller)
        most = Math.max(most, running.size)
        runs++
        await new Promise((resolve) => setImmediate(resolve))
        running.delete(caller)
      })
    )
    expect(runs).toBe(total)
    expect(most).toBe(Math.min(callers, total))
    expect(rate).toBeGreaterThan(0)
  })
})
