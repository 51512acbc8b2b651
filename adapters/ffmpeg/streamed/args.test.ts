import { describe, expect, it } from "vitest"
import { BlobKey, FileName } from "../../../core/ids.js"
import { asIfThere, atUrls, readByInputAlone } from "./args.js"

const guard = ["-protocol_whitelist", "file", "-format_whitelist", "mov,mp4", "-max_pixels", "1"]
const input = (name: string) => [...guard, "-i", `file:${name}`]
const staged = (name: string) => ({ name: FileName(name), key: BlobKey(`dir_1/blob_1/${name}`), bytes: 1 })

describe("inputs that nothing but -i reads", () => {
  it.each<[string, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["one", [...input("a.mp4"), "file:../out/b.mp4"], ["a.mp4"]],
    ["two", [...input("a.mp4"), ...input("b.mp4"), "file:../out/c.mp4"], ["a.mp4", "b.mp4"]],
    ["one named like an output", [...input("a.mp4"), "file:../out/a.mp4"], ["a.mp4"]],
    ["one that a filter reads too", [...input("a.mp4"), ...input("b.mp4"), "-vf", "movie=a.mp4", "file:../out/c.mp4"], ["b.mp4"]],
    ["one whose name is escaped there", [...input("it's.mp4"), "-vf", "movie=it\\\\\\'s.mp4", "file:../out/c.mp4"], []],
    ["one that is quoted there", [...input("a b.mp4"), "-vf", "movie='a b.mp4'", "file:../out/c.mp4"], []],
    [
      "none where a list may name any",
      ["-format_whitelist", "mov,mp4,concat", "-i", "file:list.txt", ...input("a.mp4"), "file:../out/c.mp4"],
      []
    ]
  ])("%s", (_, args, expected) => {
    const inputs = ["a.mp4", "b.mp4", "it's.mp4", "a b.mp4", "list.txt"].map(staged)
    expect([...readByInputAlone({ args, inputs })]).toEqual(expected)
  })

  it("not one that must hold subtitles", () => {
    expect(readByInputAlone({ args: input("a.srt"), inputs: [{ ...staged("a.srt"), subtitles: true }] }).size).toBe(0)
  })
})

const urls = new Map([[FileName("a.mp4"), "http://127.0.0.1:1/x/0.mp4"]])

describe("the command over HTTP", () => {
  it("differs in what opens those inputs, and in nothing else", () => {
    const args = ["-ss", "1", ...input("a.mp4"), ...input("b.mp4"), "-metadata", "title=file:a.mp4", "file:../out/a.mp4"]
    expect(atUrls(args, urls)).toEqual([
      ...["-ss", "1", ...guard, "-protocol_whitelist", "http,tcp", "-i", "http://127.0.0.1:1/x/0.mp4"],
      ...[...input("b.mp4"), "-metadata", "title=file:a.mp4", "file:../out/a.mp4"]
    ])
  })

  it("replaces an input as often as it is read", () => {
    const args = atUrls([...input("a.mp4"), ...input("a.mp4")], urls)
    expect(args.filter((arg) => arg === "http://127.0.0.1:1/x/0.mp4")).toHaveLength(2)
    expect(args).not.toContain("file:a.mp4")
  })
})

describe("the log", () => {
  it.each([
    ["Input #0, mov, from 'http://127.0.0.1:1/x/0.mp4':", "Input #0, mov, from 'file:a.mp4':"],
    ["http://127.0.0.1:1/x/0.mp4: Invalid data found", "file:a.mp4: Invalid data found"],
    ["[tcp @ 0x55] Starting connection attempt to 127.0.0.1 port 1", undefined],
    ["[tcp @ 0x55] Successfully connected to 127.0.0.1 port 1", undefined],
    ["    title           : [tcp @ 0x55] Successfully connected", "    title           : [tcp @ 0x55] Successfully connected"]
  ])("%s", (line, expected) => {
    expect(asIfThere(line, urls)).toBe(expected)
  })
})
