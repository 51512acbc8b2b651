import { PassThrough } from "node:stream"
import { Effect, Stream } from "effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { defaultLimits, Limits } from "../../core/limits.js"
import { bytesOf, passing } from "./readable.js"

/** Time limits of a body, with a clock that the test controls. */

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }))
afterEach(() => void vi.useRealTimers())

/** Reads a body with this time limit: the chunks, and how it ended. */
const reading = (idleSeconds: number) => {
  const source = new PassThrough()
  const state = { bytes: 0, end: undefined as string | undefined }
  const read = Stream.runForEach(bytesOf(source), (piece) => Effect.sync(() => (state.bytes += piece.length)))
  const ended = read.pipe(
    Effect.match({ onSuccess: () => "whole", onFailure: ({ message }) => message }),
    Effect.map((end) => (state.end = end)),
    Effect.provideService(Limits, { ...defaultLimits, idleSeconds })
  )
  void Effect.runPromise(ended)
  return { source, state }
}

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds)
const tooSlow = "The request body arrived too slowly: almost nothing for 10 seconds, send it again"

describe("a body", () => {
  it("without bytes for idleSeconds fails", async () => {
    for (const begun of [0, 50_000]) {
      const { source, state } = reading(10)
      if (begun > 0) source.write(Buffer.alloc(begun))
      await pass(9999)
      expect(state).toEqual({ bytes: begun, end: undefined })
      await pass(2)
      expect(state.end).toBe(tooSlow)
    }
  })

  it("that arrives steadily may take any time", async () => {
    const { source, state } = reading(10)
    for (let sent = 0; sent < 200; sent++) {
      source.write(Buffer.alloc(9000))
      await pass(9000)
    }
    source.end()
    await pass(0)
    expect(state).toEqual({ bytes: 1_800_000, end: "whole" })
  })

  it("that arrives too slowly fails, even if bytes keep arriving", async () => {
    const { source, state } = reading(10)
    let seconds = 0
    for (; state.end === undefined && seconds < 1000; seconds++) {
      source.write("x")
      await pass(1000)
    }
    expect([seconds, state.end]).toEqual([11, tooSlow])
  })

  it("does not lose time while its reader is busy", async () => {
    const source = new PassThrough()
    source.end(Buffer.alloc(1000))
    const slow = Stream.runForEach(bytesOf(source), () =>
      Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 60_000)))
    )
    const done = vi.fn()
    void Effect.runPromise(Effect.provideService(slow, Limits, { ...defaultLimits, idleSeconds: 1 })).then(
      done
    )
    await pass(60_001)
    expect(done).toHaveBeenCalledOnce()
  })

  it("leaves no timer, whether it ends, breaks off or is abandoned", async () => {
    const { source: ends } = reading(10)
    const { source: breaks } = reading(10)
    const left = new PassThrough()
    void Effect.runPromise(Effect.timeoutOption(Stream.runDrain(bytesOf(left)), "1 seconds"))
    await pass(0)
    expect(vi.getTimerCount()).toBeGreaterThanOrEqual(3)
    ends.end("x")
    breaks.destroy()
    await pass(1001)
    expect(vi.getTimerCount()).toBe(0)
    for (const event of ["readable", "end", "error", "close"]) expect(left.listenerCount(event)).toBe(0)
  })
})

describe("a body whose reader is busy", () => {
  it("is read ahead by about 1 MiB, and then passed on at once", async () => {
    // The default buffer of a stream has grown with versions of Node.
    const source = new PassThrough({ highWaterMark: 16 * 1024 })
    let written = 0
    const offer = () => {
      while (written < 5_000_000 && source.write(Buffer.alloc(10_000))) written += 10_000
    }
    source.on("drain", offer)
    let goOn = () => {}
    const busy = new Promise<void>((resolve) => (goOn = resolve))
    const sizes: Array<number> = []
    const read = Stream.runForEachChunk(bytesOf(source), (pieces) =>
      Effect.promise(async () => {
        sizes.push(Array.from(pieces).reduce((sum, { length }) => sum + length, 0))
        if (sizes.length === 1) await busy
      })
    )
    const done = Effect.runPromise(read)
    offer()
    let before = -1
    while (before !== written) {
      before = written
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(written).toBeGreaterThan(1_000_000)
    expect(written).toBeLessThan(1_500_000)
    source.off("drain", offer)
    source.end()
    goOn()
    await done
    expect(sizes[1]).toBeGreaterThan(1_000_000)
  })
})

describe("a body that passes through", () => {
  it("is complete, and frees the memory of each chunk at the next pull, except shared memory", async () => {
    const shared = Buffer.alloc(100, "s")
    const own = (letter: string) => new Uint8Array(5).fill(letter.charCodeAt(0))
    const given = [own("a"), shared.subarray(0, 5), own("b"), own("c")]
    const got: Array<string> = []
    const lengths: Array<ReadonlyArray<number>> = []
    await Effect.runPromise(
      Stream.runForEach(passing(Stream.rechunk(Stream.fromIterable(given), 1)), (piece) =>
        Effect.sync(() => {
          got.push(Buffer.from(piece).toString())
          lengths.push(given.map(({ length }) => length))
        })
      )
    )
    expect(got).toEqual(["aaaaa", "sssss", "bbbbb", "ccccc"])
    expect(lengths).toEqual([
      [5, 5, 5, 5],
      [0, 5, 5, 5],
      [0, 5, 5, 5],
      [0, 5, 0, 5]
    ])
    expect(shared.toString()).toBe("s".repeat(100))
  })
})
