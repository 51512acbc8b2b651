import { describe, expect, it } from "vitest"
import { FileName } from "./ids.js"
import { aProbeRequest } from "./ports/suites/samples.suite.js"
import { type ProbeRequest, pickReport, probeArgs } from "./probe.js"

const between = (args: ReadonlyArray<string>) =>
  args.slice(args.indexOf("json=compact=1") + 1, args.indexOf("-protocol_whitelist"))

describe("probeArgs", () => {
  it.each([
    { ask: { sections: { format: "all", streams: "all" } }, args: ["-show_format", "-show_streams"] },
    {
      ask: { sections: { format: ["duration", "size"], streams: ["codec_name"] }, selectStreams: "v:0" },
      args: ["-show_entries", "format=duration,size:stream=codec_name", "-select_streams", "v:0"]
    },
    {
      ask: { sections: { streams: ["index", "tags"] } },
      args: ["-show_entries", "stream=index:stream_tags"]
    },
    {
      ask: { sections: { streams: ["codec_name", "side_data_list"] } },
      args: ["-show_entries", "stream=codec_name:stream_side_data_list"]
    },
    {
      ask: { sections: { programs: ["program_id", "streams"] } },
      args: ["-show_entries", "program=program_id:program_streams"]
    },
    {
      ask: { sections: { frames: ["pts", "side_data_list"] }, selectStreams: "v" },
      args: ["-show_entries", "frame=pts:subtitle=pts:frame_side_data_list", "-select_streams", "v"]
    },
    {
      ask: { sections: { streams: ["index"] }, countFrames: true, countPackets: true },
      args: [
        "-show_entries",
        "stream=index,nb_read_frames,nb_read_packets",
        "-count_frames",
        "-count_packets"
      ]
    },
    {
      ask: { sections: {}, countFrames: true },
      args: ["-show_entries", "stream=index,nb_read_frames", "-count_frames"]
    },
    { ask: { sections: { streams: "all" }, countFrames: true }, args: ["-show_streams", "-count_frames"] },
    {
      ask: {
        sections: { packets: "all" },
        readIntervals: "%+#5",
        analyzeMicroseconds: 10_000_000,
        probeBytes: 10_240
      },
      args: [
        "-show_packets",
        "-read_intervals",
        "%+#5",
        "-analyzeduration",
        "10000000",
        "-probesize",
        "10240"
      ]
    }
  ] as ReadonlyArray<{ ask: Partial<ProbeRequest>; args: ReadonlyArray<string> }>)(
    "$args",
    ({ ask, args }) => {
      expect(between(probeArgs(aProbeRequest(ask), FileName("a.mp4")))).toEqual(args)
    }
  )

  it("makes no option of an unknown section", () => {
    const sections = {
      "entries -report": "all",
      log: "all",
      ["__proto__"]: "all"
    } as ProbeRequest["sections"]
    expect(between(probeArgs(aProbeRequest({ sections }), FileName("a.mp4")))).toEqual([])
  })

  it("names the file so that no name is an option or a protocol", () => {
    expect(probeArgs(aProbeRequest({}), FileName("pipe:1")).at(-1)).toBe("file:pipe:1")
  })
})

describe("pickReport", () => {
  it("gives the sections asked for, empty ones too, and the API's name of the file", () => {
    const raw = { programs: [], streams: [{ index: 0 }], format: { filename: "file:a.mp4", size: "3" } }
    expect(
      pickReport(aProbeRequest({ sections: { format: "all", chapters: "all" } }), raw, "dir_a/a.mp4")
    ).toEqual({
      format: { filename: "dir_a/a.mp4", size: "3" },
      chapters: []
    })
  })

  it("drops what ffprobe adds to the fields asked for", () => {
    const raw = { frames: [{ pts_time: "0", side_data_list: [{}] }] }
    expect(pickReport(aProbeRequest({ sections: { frames: ["pts_time"] } }), raw, "d/a")).toEqual({
      frames: [{ pts_time: "0" }]
    })
  })

  it("separates frames and packets", () => {
    const raw = {
      packets_and_frames: [
        { type: "packet", pts: 1 },
        { type: "frame", pts: 2 }
      ]
    }
    expect(pickReport(aProbeRequest({ sections: { frames: "all", packets: "all" } }), raw, "d/a")).toEqual({
      frames: [{ pts: 2 }],
      packets: [{ pts: 1 }]
    })
  })
})
