import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { FileName, parseFileName } from "../ids.js"
import { stagedName, withGivenNames } from "./staged-name.js"

describe("stagedName", () => {
  it.each([
    ["clip.mp4", "input-3.mp4"],
    ["CLIP.MP4", "input-3.MP4"],
    ["two.dots.tar", "input-3.tar"],
    [".mov", "input-3.mov"],
    ["no-ending", "input-3"],
    ["dot.", "input-3"],
    ["100%.png", "input-3.png"],
    ["frame.%03d", "input-3"],
    ["-i", "input-3"],
    ["concat:a|b.ts", "input-3.ts"],
    [`${"\u3042".repeat(83)}%.mp4`, "input-3.mp4"],
    [`${"x".repeat(246)}%.tga`, "input-3.tga"],
    [`x.${"y".repeat(253)}`, "input-3"],
    ["a.\u3042", "input-3"]
  ])("%s becomes %s", (name, staged) => {
    expect(stagedName(FileName(name), 3)).toBe(staged)
  })

  it("is short and plain, whatever the name", () => {
    fc.assert(
      fc.property(fc.fullUnicodeString({ minLength: 1, maxLength: 255 }), fc.nat(1000), (text, number) => {
        const parsed = parseFileName(text)
        fc.pre("name" in parsed)
        expect("name" in parsed && stagedName(parsed.name, number)).toMatch(
          /^input-\d+(?:\.[A-Za-z0-9_]{1,16})?$/
        )
      })
    )
  })
})

describe("withGivenNames", () => {
  const given = new Map<string, FileName>([
    [FileName("input-1"), FileName("first")],
    [FileName("input-10.mp4"), FileName("\u3042 100%.mp4")],
    ["picture-0-%05d.png", FileName("img%03d.png")],
    ["picture-0-00003.png", FileName("img012.png")],
    ["picture-1-x-%05d", FileName("*.*")]
  ])

  it.each([
    ["file:input-10.mp4: Invalid data", "\u3042 100%.mp4: Invalid data"],
    ["Error opening input file file:input-10.mp4.", "Error opening input file \u3042 100%.mp4."],
    ["file:input-1: Invalid data", "first: Invalid data"],
    ["'file:input-1'", "'first'"],
    ["file:input-11.mp4", "file:input-11.mp4"],
    ["file:input-10.mov", "file:input-10.mov"],
    ["file:../out/input-1", "file:../out/input-1"],
    ["input-1", "input-1"],
    ["from 'file:picture-0-%05d.png':", "from 'img%03d.png':"],
    ["Could not open file : file:picture-0-00003.png", "Could not open file : img012.png"],
    ["file:picture-1-x-%05d: x", "*.*: x"],
    ["file:picture-2-%05d.png", "file:picture-2-%05d.png"]
  ])("%s", (line, said) => {
    expect(withGivenNames(line, given)).toBe(said)
  })
})
