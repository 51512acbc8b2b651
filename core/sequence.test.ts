import { describe, expect, it } from "vitest"
import { fitting, inSequence, sequenceOf, withoutPatternType } from "./sequence.js"

const glob = { by: "glob" } as const
const numbers = (start = 0, range = 5) => ({ by: "numbers", start, range }) as const

const given = (sequence: ReturnType<typeof numbers>) => ({ ...sequence, given: true }) as const

describe("the name of an input", () => {
  it.each([
    ["img%03d.png", "", numbers()],
    ["img%d.png", "-framerate 10 -start_number 7", given(numbers(7))],
    [
      "img%03d.png",
      "-f image2 -pattern_type sequence -start_number 3 -start_number_range 100",
      given(numbers(3, 100))
    ],
    ["100%%-%02d.png", "", numbers()],
    ["img%03d.png", "-start_number 1+1", given(numbers())],
    ["*.png", "-pattern_type glob", glob],
    ["img[0-9]?.{png,jpg}", "-pattern_type glob -f image2", glob],
    ["*.png", "", undefined],
    ["img.png", "-pattern_type glob", undefined],
    ["img%03d.png", "-pattern_type none", undefined],
    ["img%03d.png", "-pattern_type glob", undefined],
    ["img%03d.png", "-f png_pipe", undefined],
    ["img%03d_%d.png", "", undefined],
    ["img%s.png", "", undefined],
    ["50%.png", "", undefined],
    ["img%%d.png", "", undefined]
  ])("%s with %s", (name, options, sequence) => {
    expect(sequenceOf(name, options.split(" "))).toEqual(sequence)
  })

  it("decides for itself what it stands for", () => {
    expect(withoutPatternType(["-r", "5", "-pattern_type", "glob", "-ss", "1"])).toEqual([
      "-r",
      "5",
      "-ss",
      "1"
    ])
  })
})

describe("names that fit", () => {
  it.each([
    [
      "a%03d.png",
      numbers(),
      ["a000.png", "a012.png", "a1234.png"],
      ["a12.png", "a0012.png", "a.png", "b012.png", "a012.jpg", "a-12.png", "a01x.png"]
    ],
    ["a%d.png", numbers(), ["a0.png", "a12.png"], ["a012.png", "a99999999999.png"]],
    ["1%%%d", numbers(), ["1%5"], ["1%%5", "15"]],
    ["*.png", glob, ["a.png", "a.b.png"], [".a.png", "a.PNG", "png"]],
    ["a*b?c", glob, ["abxc", "axxbxc"], ["abc", "a/bxcx"]],
    ["[a-c!]x", glob, ["ax", "!x"], ["dx", "[x"]],
    ["[!a-c]x", glob, ["dx"], ["ax"]],
    ["[]]x", glob, ["]x"], ["x"]],
    ["a.{png,jpg}", glob, ["a.png", "a.jpg"], ["a.gif", "a.{png,jpg}"]],
    [".*", glob, [".a"], ["a"]],
    ["[ab", glob, ["[ab"], ["a"]],
    ["..", glob, [".."], ["a"]]
  ] as const)("%s", (pattern, sequence, fit, others) => {
    const fits = fitting(pattern, sequence)
    expect([...fit, ...others].filter(fits)).toEqual(fit)
  })

  it("are found soon, whatever the pattern", () => {
    const fits = fitting(`${"*a".repeat(100)}*b{${"a,".repeat(50)}}`, glob)
    for (let count = 0; count < 200; count++) expect(fits("a".repeat(255))).toBe(false)
    expect(fitting("{a,b}".repeat(50), glob)("x")).toBe(false)
  })
})

describe("their order", () => {
  const of = (...list: ReadonlyArray<number>) => list.map((number) => `a${number}.png`)

  it.each([
    [numbers(), of(2, 0, 1), { names: of(0, 1, 2) }],
    [numbers(), of(4, 5, 6, 8, 9), { names: of(4, 5, 6), gap: { missing: "a7.png", later: 2 } }],
    [numbers(), of(0, 1, 7), { names: of(0, 1), gap: { missing: "a2.png", later: 1 } }],
    [numbers(), of(9, 10, 8), { names: [], first: 8 }],
    [numbers(8), of(9, 10, 8), { names: of(8, 9, 10) }],
    [numbers(1), of(0, 1, 2), { names: of(1, 2) }],
    [numbers(0, 100), of(60, 61), { names: of(60, 61) }],
    [glob, of(10, 9, 1), { names: of(1, 10, 9) }]
  ])("%j of %j", (sequence, names, expected) => {
    expect(inSequence("a%d.png", sequence, names)).toEqual(expected)
  })
})
