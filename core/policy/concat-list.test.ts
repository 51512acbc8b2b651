import { Either, FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { parseConcatList } from "./concat-list.js"

const read = (text: string) => parseConcatList(new TextEncoder().encode(text))

const named = (names: ReadonlyArray<string>) => names.map((name) => ({ name }))

describe("a list of files to join", () => {
  it.each([
    ["file a.mp4\nfile b.mp4\n", ["a.mp4", "b.mp4"]],
    ["file 'a.mp4'\r\nfile 'b.mp4'", ["a.mp4", "b.mp4"]],
    [
      "ffconcat version 1.0\n\n# first\n  file\ta.mp4  \n duration 2.5\ninpoint 1\noutpoint 3\nfile a.mp4",
      ["a.mp4"]
    ],
    ["file a'.'mp\\4", ["a.mp4"]],
    ["file -x_1.mp4\rfile B-2.MOV", ["-x_1.mp4", "B-2.MOV"]]
  ])("%j", (text, names) => {
    expect(read(text)).toEqual(Either.right({ entries: named(names), safe: true }))
  })

  it.each([
    ["file 'my clip.mp4'", ["my clip.mp4"]],
    ["file my\\ clip.mp4", ["my clip.mp4"]],
    ["file 'it'\\''s.mp4'\nfile a.mp4", ["it's.mp4", "a.mp4"]],
    ["file .hidden.mp4", [".hidden.mp4"]],
    ["file é.mp4", ["é.mp4"]],
    ["file 'a#b?c&d (1) [x].mp4'", ["a#b?c&d (1) [x].mp4"]],
    ["file 'Hello, world.mp4'", ["Hello, world.mp4"]],
    ["file '100%.mp4'\nfile a%20b.mp4\nfile %%b%s.png", ["100%.mp4", "a%20b.mp4", "%%b%s.png"]],
    ["file ./a.mp4\nfile .//././b.mp4\nfile a.mp4", ["a.mp4", "b.mp4"]]
  ])("%j is read without safe mode", (text, names) => {
    expect(read(text)).toEqual(Either.right({ entries: named(names), safe: false }))
  })

  it.each([
    ["file my clip.mp4", "my", "if its name goes on after the blank, put it in quotes: file 'my clip.mp4'"],
    ["file ./my  clip (1).mp4 ", "my", "put it in quotes: file 'my  clip (1).mp4'"],
    [
      'file "a.mp4"',
      '"a.mp4"',
      "names stand in single quotes in a list, others are taken for part of the name: write file 'a.mp4'"
    ],
    ['file "my clip.mp4" ', '"my', "write file 'my clip.mp4'"],
    ["file \u201cit's.mp4\u201d", "\u201cits.mp4\u201d", "write file 'it'\\''s.mp4'"],
    ['file "./a.mp4"', undefined, "write file 'a.mp4'"],
    ["file a.mp4 ", "a.mp4", undefined],
    ["file 'a.mp4' x", "a.mp4", undefined],
    ["file a.mp4 # the first", "a.mp4", "file 'a.mp4 # the first'"]
  ])("%j names what ffmpeg reads of the line: %s", (text, name, instead) => {
    if (name === undefined)
      return expect(read(text)).toEqual(Either.left(expect.stringContaining(instead ?? "")))
    expect(Either.getOrThrow(read(text)).entries).toEqual([
      { name, ...(instead && { instead: expect.stringContaining(instead) }) }
    ])
  })

  it.each([
    ["file /etc/passwd", 'write "passwd"'],
    ["file ../a.mp4", "name of a file"],
    ["file a/b.mp4", "name of a file"],
    ["file 'http://127.0.0.1/a.mp4'", "name of a file"],
    ["file ..", "name of a file"],
    ["file ./", "name of a file"],
    ["file ./../a.mp4", 'write "a.mp4"'],
    ["file ./.", "name of a file"],
    ["file", "name of a file"],
    ["file ''", "name of a file"],
    ["file pipe:0", "name of a file"],
    ["file a%03d.png", "may take for a pattern of pictures"],
    ["file a%d.mp4", "may take for a pattern of pictures"],
    ["file 'a%*.png'", "may take for a pattern of pictures"],
    ["file %fonts", "name of a file"],
    ['file "clips/a.mp4"', "write file 'clip.mp4'"],
    ["file a|b.mp4", "name of a file"],
    ["file a\\\\b", "name of a file"],
    ["file e\u0301.mp4", "Unicode form"],
    ["file file,a.mp4", "takes for a URL"],
    ["file 'subfile,,start,1,end,2,,'", "takes for a URL"],
    ["file 'a\nb.mp4'", 'line 2 has the directive "b.mp4\'"'],
    ["file 'a b.mp4'\rfile /etc/passwd", "line 2 names"],
    ["file 'a b.mp4'\u000bfile", "name of a file"],
    ["file a.mp4\noption protocol_whitelist file,http", 'line 2 has the directive "option"'],
    ["file a.mp4\nfiles b.mp4", 'line 2 has the directive "files"'],
    ["FILE a.mp4", 'the directive "FILE"'],
    ["\ufefffile a.mp4", "without BOM"],
    ["\ufeff# a comment\nfile a.mp4", "without BOM"],
    ["file a.mp4\n\ufefffile b.mp4", "directive"],
    ["#EXTM3U\na.ts", 'the directive "a.ts"'],
    ["file a.mp4\0\nfile b.mp4", "UTF-8"],
    ["", "it needs lines"],
    ["# nothing\n", "it needs lines"],
    [Array.from({ length: 501 }, (_, index) => `file ${index}.mp4`).join("\n"), "at most 500"],
    [`file ${"/x".repeat(30_000)}`, "name of a file"]
  ])("%j is none: %s", (text, reason) => {
    const refused = read(text)
    expect(refused).toEqual(Either.left(expect.stringContaining(reason)))
    expect(Either.getOrThrow(Either.flip(refused)).length).toBeLessThan(400)
  })

  it("is text", () => {
    expect(parseConcatList(Uint8Array.of(0xff, 0xfe))).toEqual(Either.left(expect.stringContaining("UTF-8")))
  })

  it("never throws, and names plain files alone", () => {
    const line = fc.oneof(
      fc.fullUnicodeString(),
      fc.stringOf(fc.constantFrom("file ", "a", ".", "/", "'", "\\", " ", "\n", "\r", "#", "option "), {
        maxLength: 20
      })
    )
    fc.assert(
      fc.property(line, (text) => {
        const { entries, safe } = Either.getOrElse(read(text), () => ({ entries: [], safe: true }))
        for (const { name } of entries)
          expect(name).toMatch(
            safe ? /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/ : /^(?!\.\.?$)(?!.*%(?:\d*d|[*?[\]{}]))[^/\\:|\p{Cc}]+$/u
          )
      }),
      { numRuns: 5000 }
    )
  })
})
