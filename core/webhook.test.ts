import { describe, expect, it } from "vitest"
import { retryDelaySeconds } from "./webhook.js"

describe("retryDelaySeconds", () => {
  it("begins with seconds, never gets shorter, and is over after a day", () => {
    const delays: Array<number> = []
    for (
      let attempt = 1, delay = retryDelaySeconds(1);
      delay !== undefined;
      delay = retryDelaySeconds(++attempt)
    )
      delays.push(delay)
    expect(delays[0]).toBe(5)
    expect(delays).toEqual([...delays].sort((a, b) => a - b))
    const total = delays.reduce((sum, delay) => sum + delay, 0)
    expect(total).toBeGreaterThanOrEqual(86_400)
    expect(total).toBeLessThan(2 * 86_400)
  })

  it.each([0, -1, 11, 1000])("after try %i there is none", (attempt) => {
    expect(retryDelaySeconds(attempt)).toBeUndefined()
  })
})
