import { describe, expect, it } from "vitest"
import { FileName } from "../ids.js"
import { disposition } from "./content-disposition.js"

describe("content disposition", () => {
  it.each([
    ["video.mp4", `attachment; filename="video.mp4"; filename*=UTF-8''video.mp4`],
    ["a b (1).mp4", `attachment; filename="a b (1).mp4"; filename*=UTF-8''a%20b%20%281%29.mp4`],
    ['"quoted\\".mp4', `attachment; filename="_quoted__.mp4"; filename*=UTF-8''%22quoted%5C%22.mp4`],
    ["50%.mp4", `attachment; filename="50_.mp4"; filename*=UTF-8''50%25.mp4`],
    ["it's*.mp4", `attachment; filename="it's*.mp4"; filename*=UTF-8''it%27s%2A.mp4`],
    ["ünï 😀.mp4", `attachment; filename="_n_ _.mp4"; filename*=UTF-8''%C3%BCn%C3%AF%20%F0%9F%98%80.mp4`],
    ["a;b=c,d.mp4", `attachment; filename="a;b=c,d.mp4"; filename*=UTF-8''a%3Bb%3Dc%2Cd.mp4`]
  ])("%s", (name, expected) => expect(disposition(FileName(name))).toBe(expected))
})
