import { FastCheck } from "effect"
import { describe, expect, it } from "vitest"
import {
  BlobKey,
  blobKey,
  blobKeyParts,
  blobPath,
  blobPrefixParts,
  DirId,
  FileName,
  isBlobKeyPart,
  parseDirId,
  parseFileName,
  parseJobId
} from "./ids.js"

describe.each([
  ["parseDirId", parseDirId],
  ["parseJobId", parseJobId]
] as const)("%s", (_, parse) => {
  it.each(["a", "dir_abc123", "A-Z_0-9", "-", "_", "x".repeat(64)])("%j is one", (text) => {
    expect(parse(text)).toBe(text)
  })

  it.each(["", "x".repeat(65), "a b", "a/b", "..", "a.b", "a\n", "\na", "ä", "a%2Fb", "a\0", "٣", "a,b"])(
    "%j is invalid",
    (text) => {
      expect(parse(text)).toBeUndefined()
    }
  )

  it("takes exactly the texts of 1 to 64 characters of its alphabet", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    const legal = FastCheck.stringOf(FastCheck.constantFrom(...alphabet), { minLength: 1, maxLength: 64 })
    FastCheck.assert(FastCheck.property(legal, (text) => parse(text) === text))
    const illegal = FastCheck.fullUnicode().filter((character) => !alphabet.includes(character))
    FastCheck.assert(
      FastCheck.property(
        legal,
        illegal,
        legal,
        (a, character, b) => parse(`${a}${character}${b}`) === undefined
      )
    )
  })
})

describe("parseFileName", () => {
  it.each([
    "a",
    "video.mp4",
    "-x.mp4",
    "pipe:1",
    "concat:a",
    "a%03d.mp4",
    "...",
    ".hidden",
    " lead and trail ",
    `it's "q" [1].mp4`,
    "日本語.mkv",
    "x".repeat(255),
    "😀.mp4"
  ])("%j is a name", (text) => {
    expect(parseFileName(text)).toEqual({ name: text })
  })

  it.each([
    ["", "must not be empty"],
    [".", 'must not be "." or ".."'],
    ["..", 'must not be "." or ".."'],
    ["a/b", "must not contain slashes or backslashes"],
    ["/", "must not contain slashes or backslashes"],
    ["a\\b", "must not contain slashes or backslashes"],
    ["../a", "must not contain slashes or backslashes"],
    ["a\0b", "must not contain control characters"],
    ["a\n", "must not contain control characters"],
    ["a\u007f", "must not contain control characters"],
    ["a\u0085", "must not contain control characters"],
    ["x".repeat(256), "must be at most 255 characters and bytes long"],
    ["é".repeat(128), "must be at most 255 characters and bytes long"],
    ["😀".repeat(64), "must be at most 255 characters and bytes long"],
    ["a\ud800", "must be well-formed Unicode"],
    ["\udc00a", "must be well-formed Unicode"]
  ])("%j: %s", (text, reason) => {
    expect(parseFileName(text)).toEqual({ reason })
  })

  it("is the same name in whichever form Unicode spells it", () => {
    expect(parseFileName("u\u0308.mp4")).toEqual({ name: "\u00fc.mp4" })
    expect(parseFileName("\u00fc.mp4")).toEqual({ name: "\u00fc.mp4" })
  })

  it("measures the name as it is kept, not as it came", () => {
    expect(parseFileName("u\u0308".repeat(127))).toEqual({ name: "\u00fc".repeat(127) })
  })

  it("every name it lets through is one path component that parses to itself", () => {
    const nearlyNames = FastCheck.oneof(
      FastCheck.fullUnicodeString({ maxLength: 300 }),
      FastCheck.stringOf(
        FastCheck.constantFrom(".", "/", "\\", "\0", "\n", "a", "u", "\u0308", "\ud800", "é", "😀"),
        { maxLength: 300 }
      )
    )
    FastCheck.assert(
      FastCheck.property(nearlyNames, (text) => {
        const parsed = parseFileName(text)
        if (!("name" in parsed)) return parsed.reason.startsWith("must ")
        const { name } = parsed
        expect(parseFileName(name)).toEqual({ name })
        expect(name).toBe(text.normalize("NFC"))
        expect(Buffer.byteLength(name)).toBeGreaterThan(0)
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
        expect(Buffer.from(name).toString()).toBe(name)
        expect(["", ".", ".."]).not.toContain(name)
        expect(name).not.toMatch(/[/\\]|\p{Cc}/u)
        return true
      }),
      { numRuns: 2000 }
    )
  })
})

describe("blob keys", () => {
  it.each(["../../escape.jpg", "..", "", "a\\b", "a\0b"])(
    "are not made of the name %j, though its type claims to be one",
    (name) => {
      expect(() => blobKey(DirId("dir_1"), "job_1-2", FileName(name))).toThrow(TypeError)
      expect(() => blobKey(DirId(name), "job_1-2", FileName("a"))).toThrow(TypeError)
    }
  )

  it("are directory, slot and name", () => {
    const key = blobKey(DirId("dir_1"), "job_1-2", FileName("a b.mp4"))
    expect(key).toBe("dir_1/job_1-2/a b.mp4")
    expect(blobKeyParts(key)).toEqual(["dir_1", "job_1-2", "a b.mp4"])
  })

  it.each([
    "",
    "a",
    "a/b",
    "a/b/",
    "/b/c",
    "a//c",
    "a/b/c/d",
    "../b/c",
    "a/../c",
    "a/b/..",
    "a/b/.",
    "a\\b/c/d",
    "a/b/c\0",
    "a/b/\ud800"
  ])("%j is invalid", (text) => expect(() => blobKeyParts(BlobKey(text))).toThrow(TypeError))

  it.each([
    ["", []],
    ["a/", ["a"]],
    ["a/b/", ["a", "b"]]
  ])("%j is a prefix of some", (prefix, parts) => expect(blobPrefixParts(prefix)).toEqual(parts))

  it.each(["/", "a", "a/b", "a/b/c/", "a//", "../", "a/../", "./", "a/\0/"])(
    "%j is a prefix of none",
    (prefix) => {
      expect(() => blobPrefixParts(prefix)).toThrow(TypeError)
    }
  )

  it.each([
    ["a b.mp4", true],
    ["...", true],
    ["..", false],
    ["", false],
    ["a/b", false]
  ])("%j may be a part of one: %s", (text, may) => expect(isBlobKeyPart(text)).toBe(may))
})

it.each([
  [null, "/blob/abc.def"],
  ["list.m3u8", "/blob/abc.def/list.m3u8"],
  ["50% of é?#.mp4", "/blob/abc.def/50%25%20of%20%C3%A9%3F%23.mp4"]
])("the path of a blob ends with its name: %s", (name, path) => {
  expect(blobPath("abc.def", name === null ? null : FileName(name))).toBe(path)
})
