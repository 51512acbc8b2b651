import { describe, expect, it } from "vitest"
import { FileName } from "../../../core/ids.js"
import { asIfThere } from "./log.js"

const urls = new Map([[FileName("a.mp4"), "http://127.0.0.1:1/x/0.mp4"]])

describe("the log", () => {
  it.each([
    ["Input #0, mov, from 'http://127.0.0.1:1/x/0.mp4':", "Input #0, mov, from 'file:a.mp4':"],
    ["http://127.0.0.1:1/x/0.mp4: Invalid data found", "file:a.mp4: Invalid data found"],
    ["[tcp @ 0x55] Starting connection attempt to 127.0.0.1 port 1", undefined],
    ["[tcp @ 0x55] Successfully connected to 127.0.0.1 port 1", undefined],
    [
      "    title           : [tcp @ 0x55] Successfully connected",
      "    title           : [tcp @ 0x55] Successfully connected"
    ]
  ])("%s", (line, expected) => {
    expect(asIfThere(line, urls)).toBe(expected)
  })
})
