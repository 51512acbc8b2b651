import { describe, expect, it } from "vitest"
import { linePattern } from "./line-pattern.js"

describe("a form of a line", () => {
  it.each([
    ["moov atom not found", "[mov] moov atom not found", []],
    ["moov atom not found", "moov atom", undefined],
    ["^Unknown encoder '{}'", "Unknown encoder 'it's'", ["it's"]],
    ["^Unknown encoder '{}'", "[vost#0:0 @ 0x5a] [enc] Unknown encoder 'x'.", ["x"]],
    ["^Unknown encoder '{}'", "not Unknown encoder 'x'", undefined],
    ["^Unknown encoder '{}'", "Unknown encoder 'x", undefined],
    ["No such filter: '{}'", "[a] No such filter: ''", [""]],
    ["^{file}: No such file$", "a.mp4: No such file", ["a.mp4"]],
    ["^{file}: No such file$", "[in#0] a.mp4: No such file", ["a.mp4"]],
    ["^{file}: No such file$", ": No such file", undefined],
    ["^{file}: No such file$", "a.mp4: No such file or", undefined],
    ["^{}: bad$", "a: b: bad", ["a: b"]],
    ["^{}bad$", "bad", [""]],
    ["^ab{}b$", "ab", undefined],
    ["preset {}/{}.", "preset a/b/c.d.e", ["a", "b/c.d"]],
    ["size {size} of {number}", "size 12x34 of 5!", ["12x34", "5"]],
    ["size {size} of {number}", "size 12x34 of x", undefined],
    ["size {size} of {number}", "size  of 1", undefined],
    ["on filter {word}$", "on filter scale@a_0", ["scale@a_0"]],
    ["on filter {word}$", "on filter scale:0", undefined],
    ["Option {name} ({}) here", "Option -b:v (set (it)) here", ["-b:v", "set (it)"]],
    ["value {}", "value of all: the rest", ["of all: the rest"]],
    ["value {}", "value ", [""]]
  ])("%s reads %j", (form, line, groups) => expect(linePattern(form)(line)).toEqual(groups))

  it("with a hole of no known kind is refused when it is compiled", () => {
    expect(() => linePattern("a {nosuch}")).toThrow("{nosuch}")
  })
})
