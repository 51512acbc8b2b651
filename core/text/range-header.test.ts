import { describe, expect, it } from "vitest"
import { requestedRange } from "./range-header.js"

describe("requested range of 10 bytes", () => {
  it.each([
    [undefined, "whole"],
    ["bytes=0-3", { start: 0, end: 3 }],
    ["bytes=0-0", { start: 0, end: 0 }],
    ["bytes=5-", { start: 5, end: 9 }],
    ["bytes=9-9", { start: 9, end: 9 }],
    ["bytes=5-100", { start: 5, end: 9 }],
    ["bytes=-3", { start: 7, end: 9 }],
    ["bytes=-10", { start: 0, end: 9 }],
    ["bytes=-99", { start: 0, end: 9 }],
    ["Bytes = 1 - 2 ", { start: 1, end: 2 }],
    [`bytes=0-${"9".repeat(400)}`, { start: 0, end: 9 }],
    ["bytes=10-", "unsatisfiable"],
    ["bytes=10-20", "unsatisfiable"],
    [`bytes=${"9".repeat(400)}-`, "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=3-2", "whole"],
    ["bytes=-", "whole"],
    ["bytes=", "whole"],
    ["bytes=a-b", "whole"],
    ["bytes=0-1,3-4", "whole"],
    ["bytes=--1", "whole"],
    ["bytes=1.5-2", "whole"],
    ["items=0-1", "whole"],
    ["", "whole"]
  ])("%j is %j", (header, expected) => expect(requestedRange(header, 10)).toEqual(expected))

  it.each([
    ["bytes=0-", "unsatisfiable"],
    ["bytes=-5", "unsatisfiable"],
    [undefined, "whole"]
  ])("of no bytes, %j is %j", (header, expected) => expect(requestedRange(header, 0)).toEqual(expected))
})
