import { describe, expect, it } from "vitest"
import {
  fileMuxers,
  folderMuxers,
  inputDemuxers,
  inputFormats,
  insteadOfFormat,
  outputFormats,
  refusedDemuxers,
  refusedMuxers,
  selfContainedDemuxers,
  subtitleDemuxers
} from "./allowed.js"

const namesIn = (fullNames: Iterable<string>) => [...fullNames].flatMap((name) => name.split(","))
const twice = (names: ReadonlyArray<string>) => names.filter((name, index) => names.indexOf(name) !== index)

describe("formats", () => {
  it("are each allowed or refused, once", () => {
    expect(
      twice(namesIn([...inputDemuxers, ...refusedDemuxers.keys()]).filter((name) => name !== "hls"))
    ).toEqual([])
    expect(twice(namesIn([...fileMuxers, ...folderMuxers, ...refusedMuxers.keys()]))).toEqual([])
  })

  it("of subtitles are read as inputs too", () => {
    expect(subtitleDemuxers.filter((name) => !selfContainedDemuxers.includes(name))).toEqual([])
  })

  it("that open other files or hosts are never inputs", () => {
    const never =
      "hls applehttp dash imf concat sdp rtsp rtp sap vobsub mlv lavfi libgme libopenmpt webm_dash_manifest tty x11grab v4l2 alsa"
    expect(never.split(" ").filter((name) => selfContainedDemuxers.includes(name))).toEqual([])
  })

  it("that are refused by -f say why, and only those", () => {
    const refused = [...insteadOfFormat.keys()]
    expect(refused.filter((name) => inputFormats.has(name) && outputFormats.has(name))).toEqual([])
    expect([insteadOfFormat.get("tee"), insteadOfFormat.get("tty"), insteadOfFormat.get("mp4")]).toEqual([
      "list each output in task.outputs",
      expect.stringContaining("text"),
      undefined
    ])
  })
})
