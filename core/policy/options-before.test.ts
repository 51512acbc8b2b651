import { describe, expect, it } from "vitest"
import { parseOptions, placedSegments } from "./options-before.js"

describe("names of segments", () => {
  it.each(["part.ts", "part%03d.ts", "%d", "v%v_%05d.m4s", "-a b.ts", "e\u0301%d.ts"])("%j is one", (name) => {
    const options = ["-hls_segment_filename", name]
    expect(parseOptions(options)).toEqual({ options })
    expect(placedSegments(options, "out/")).toEqual(["-hls_segment_filename", `out/${name}`])
  })

  it.each([
    "",
    ".",
    "..",
    "a/b.ts",
    "/a.ts",
    "..\\a.ts",
    "file:a.ts",
    "a|b.ts",
    "%s.ts",
    "100%%.ts",
    "a%",
    "%Y.ts",
    "a\n.ts",
    "x".repeat(256)
  ])("%j is none", (name) => {
    for (const option of ["-hls_segment_filename", "-hls_segment_filename:v"]) {
      expect(parseOptions(["-an", option, name])).toMatchObject({
        problem: expect.stringContaining("the value of -hls_segment_filename must be a file name alone")
      })
    }
  })

  it("other options keep their values", () => {
    const options = ["-metadata", "title=a/b", "-hls_time", "2", "-hls_segment_filename", "a.ts", "-f", "hls"]
    expect(placedSegments(options, "out/")).toEqual([...options.slice(0, 5), "out/a.ts", "-f", "hls"])
    expect(placedSegments(["-hls_segment_filename"], "out/")).toEqual(["-hls_segment_filename"])
  })
})
