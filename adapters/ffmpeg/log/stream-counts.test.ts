import { describe, expect, it } from "vitest"
import { accountReader } from "./stream-counts.js"

const read = (log: string) => {
  const reader = accountReader()
  for (const line of log.split("\n")) reader.line(line)
  return reader.account()
}

/** The end of a log of ffmpeg 5.1.9 with two outputs. */
const old = `Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:a.mp4':
  Metadata:
    title           : Output file #0 (x):
  Duration: 01:02:03.50, start: 0.000000, bitrate: 251 kb/s
Input #1, png_pipe, from 'file:x.png':
  Duration: N/A, bitrate: N/A
    comment         :   Output stream #0:0 (video): 9 frames encoded; 9 packets muxed (9 bytes); 
Output #0, mp4, to 'file:../out/o.mp4':
video:6kB audio:25kB subtitle:0kB other streams:0kB global headers:0kB muxing overhead: unknown
Input file #0 (file:a.mp4):
  Input stream #0:0 (video): 50 packets read (42636 bytes); 50 frames decoded; 
  Total: 138 packets (60256 bytes) demuxed
Output file #0 (file:../out/o.mp4):
  Output stream #0:0 (video): 25 frames encoded; 25 packets muxed (6055 bytes); 
  Output stream #0:1 (audio): 44 frames encoded (44100 samples); 45 packets muxed (9045 bytes); 
  Total: 70 packets (15100 bytes) muxed
Output file #1 (file:../out/o.mp3):
  Output stream #1:0 (audio): 0 packets muxed (0 bytes); 
  Total: 0 packets (0 bytes) muxed`

/** As the source of ffmpeg 6 to 8 prints it. */
const recent = `  Duration: 00:00:02.00, start: 0.000000, bitrate: 251 kb/s
[out#0/mp4 @ 0x55e3c8c6a000] Output file #0 (file:../out/o.mp4):
[out#0/mp4 @ 0x55e3c8c6a000]   Output stream #0:0 (video): 50 frames encoded; 50 packets muxed (8835 bytes); 
[out#0/mp4 @ 0x55e3c8c6a000]   Total: 50 packets (8835 bytes) muxed
[out#0/mp4 @ 0x55e3c8c6a000] video:9KiB audio:0KiB subtitle:0KiB other streams:0KiB global headers:0KiB muxing overhead: 15.0%`

describe("accountReader", () => {
  it("reads ffmpeg 5.1", () => {
    const { durations, outputs } = read(old)
    expect(durations).toEqual([3723.5, null])
    expect([...outputs]).toEqual([
      [
        0,
        [
          { kind: "video", packets: 25 },
          { kind: "audio", packets: 45 }
        ]
      ],
      [1, [{ kind: "audio", packets: 0 }]]
    ])
  })

  it("reads the prefixed lines of later versions", () => {
    const { durations, outputs } = read(recent)
    expect(durations).toEqual([2])
    expect([...outputs]).toEqual([[0, [{ kind: "video", packets: 50 }]]])
  })

  it("believes the muxer only", () => {
    const spoken = `Output file #0 (file:../out/o.mp4):
  Output stream #0:0 (video): 0 frames encoded; 0 packets muxed (0 bytes); 
[Parsed_metadata_0 @ 0x5a]   Output stream #0:1 (video): 7 packets muxed (7 bytes); 
    title: Output stream #0:1 (video): 7 packets muxed (7 bytes); `
    expect([...read(spoken).outputs]).toEqual([[0, [{ kind: "video", packets: 0 }]]])
  })

  it("has nothing to say of a log without an account", () => {
    expect(read("Unknown encoder 'x'")).toEqual({ durations: [], outputs: new Map() })
  })
})
