import { describe, expect, it } from "vitest"
import { extensionOf, mediaType } from "./media-type.js"

describe("media type", () => {
  it.each([
    ["a.mp4", "video/mp4"],
    ["A.MP4", "video/mp4"],
    ["a.b.webm", "video/webm"],
    ["thumb_001.jpg", "image/jpeg"],
    ["index.m3u8", "application/vnd.apple.mpegurl"],
    ["seg0.ts", "video/mp2t"],
    ["init.m4s", "video/iso.segment"],
    ["a.srt", "application/x-subrip"],
    ["a.vtt", "text/vtt"],
    ["sound.m4a", "audio/mp4"],
    ["sound.opus", "audio/opus"],
    ["page.html", "application/octet-stream"],
    ["README", "application/octet-stream"],
    ["mp4", "application/octet-stream"],
    [".mp4", "application/octet-stream"],
    ["a.", "application/octet-stream"],
    ["a.mp4 ", "application/octet-stream"],
    ["a.constructor", "application/octet-stream"],
    ["a.__proto__", "application/octet-stream"]
  ])("%s is %s", (name, type) => expect(mediaType(name)).toBe(type))

  it.each([
    ["video/mp4", "mp4"],
    ["IMAGE/JPEG; q=1", "jpg"],
    ["audio/x-m4a", "m4a"],
    ["audio/mp3", "mp3"],
    ["Audio/X-WAV", "wav"],
    ["video/x-m4v", "mp4"],
    ["text/html", undefined],
    ["constructor", undefined],
    ["", undefined]
  ])("%j has the extension %s", (type, extension) => expect(extensionOf(type)).toBe(extension))

  it("goes from each extension to a type and back to an extension of that type", () => {
    for (const name of ["a.jpeg", "a.mpga", "a.mkv", "a.tif", "a.m2ts"]) {
      const type = mediaType(name)
      expect(mediaType(`a.${extensionOf(type)}`)).toBe(type)
    }
  })
})
