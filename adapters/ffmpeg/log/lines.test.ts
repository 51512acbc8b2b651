import { FastCheck } from "effect"
import { describe, expect, it } from "vitest"
import { lastLines, lineReader, maxLines } from "./lines.js"

const read = (chunks: ReadonlyArray<Uint8Array>) => {
  const lines: Array<string> = []
  const reader = lineReader((line) => lines.push(line))
  for (const chunk of chunks) reader.push(chunk)
  reader.end()
  return lines
}

describe("lineReader", () => {
  it("finds the same lines wherever the chunks are cut", () => {
    const text = Buffer.from("a\nframe=1\rframe=2\r\n\n  öß \u{1f3ac}\nlast")
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.nat(text.length)), (cuts) => {
        const points = [0, ...[...cuts].sort((a, b) => a - b), text.length]
        const chunks = points.slice(1).map((point, index) => text.subarray(points[index], point))
        expect(read(chunks)).toEqual(["a", "frame=1", "frame=2", "  öß \u{1f3ac}", "last"])
      })
    )
  })

  it("keeps the beginning of a line without end", () => {
    const chunks = Array.from({ length: 100 }, () => Buffer.alloc(10_000, "x"))
    const [line, ...others] = read([...chunks, Buffer.from("\nnext")])
    expect(line).toHaveLength(8192)
    expect(others).toEqual(["next"])
  })
})

describe("lastLines", () => {
  it.each([
    { max: 100, lines: ["one", "two"], kept: ["one", "two"] },
    { max: 8, lines: ["one", "two", "six"], kept: ["two", "six"] },
    { max: 7, lines: ["one", "two", "six"], kept: ["six"] },
    { max: 2, lines: ["one"], kept: ["one"] },
    { max: 5, lines: ["é", "é"], kept: ["é"] },
    { max: 6, lines: ["é", "é"], kept: ["é", "é"] }
  ])("of $lines in $max bytes: $kept", ({ max, lines, kept }) => {
    const last = lastLines(max)
    for (const line of lines) last.push(line)
    expect(last.all()).toEqual(kept)
  })

  it("are so many at most, however short they are", () => {
    const last = lastLines(64 * 1024)
    const short = Array.from({ length: 32_500 }, (_, index) => String.fromCharCode(33 + (index % 90)))
    for (const line of short) last.push(line)
    expect(last.all()).toEqual(short.slice(-maxLines))
    last.push("x".repeat(64 * 1024))
    expect(last.all()).toHaveLength(1)
  })
})
