import { describe, expect, it } from "vitest"
import { codecNames, filterNames, formatNames, hardwareEncoders } from "./parse-lists.js"

describe("what ffmpeg prints of itself", () => {
  const encoders = [
    "Encoders:",
    " V..... = Video",
    " .....D = Supports direct rendering method 1",
    " ------",
    " V....D libx264              libx264 H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10 (codec h264)",
    " V....D h264_nvenc           NVIDIA NVENC H.264 encoder (codec h264)",
    " V....D hevc_vaapi           H.265/HEVC (VAAPI) (codec hevc)",
    " VFS..D mpeg4                MPEG-4 part 2",
    " A....D aac                  AAC (Advanced Audio Coding)",
    " A..... aac_mf               AAC via MediaFoundation (codec aac)",
    " S..... ssa                  ASS (Advanced SubStation Alpha) subtitle (codec ass)",
    ""
  ].join("\n")

  it("codecs by both names, except where only hardware has them", () => {
    expect(codecNames(encoders)).toEqual([
      "aac",
      "aac_mf",
      "ass",
      "h264",
      "h264_nvenc",
      "hevc_vaapi",
      "libx264",
      "mpeg4",
      "ssa"
    ])
  })

  it("hardware by the kind of what it encodes", () => {
    expect(hardwareEncoders(encoders)).toEqual([
      { name: "h264_nvenc", kind: "video" },
      { name: "hevc_vaapi", kind: "video" },
      { name: "aac_mf", kind: "audio" }
    ])
  })

  it.each<[string, string, ReadonlyArray<string>]>([
    [
      "5.1",
      "File formats:\n D. = Demuxing supported\n .E = Muxing supported\n --\n  E mp4             MP4\n DE wav             WAV\n",
      ["mp4", "wav"]
    ],
    [
      "several names",
      " D  mov,mp4,m4a,3gp,3g2,mj2 QuickTime / MOV\n  E stream_segment,ssegment streaming segment muxer\n",
      ["3g2", "3gp", "m4a", "mj2", "mov", "mp4", "ssegment", "stream_segment"]
    ],
    [
      "7.1, which tells devices apart",
      "Formats:\n D.. = Demuxing supported\n .E. = Muxing supported\n ..d = Is a device\n ---\n DEd alsa            ALSA\n D   aac             ADTS\n  E  mp4             MP4\n",
      ["aac", "alsa", "mp4"]
    ]
  ])("formats, %s", (_, printed, expected) => {
    expect(formatNames(printed)).toEqual(expected)
  })

  it.each<[string, string, ReadonlyArray<string>]>([
    [
      "5.1",
      "Filters:\n  T.. = Timeline support\n  | = Source or sink filter\n ... abench            A->A       Benchmark.\n TSC overlay           VV->V      Overlay.\n ... color             |->V       Colour.\n",
      ["abench", "color", "overlay"]
    ],
    [
      "8",
      "Filters:\n  T. = Timeline support\n TS overlay           VV->V      Overlay.\n .. split             V->N       Pass on.\n",
      ["overlay", "split"]
    ]
  ])("filters, %s", (_, printed, expected) => {
    expect(filterNames(printed)).toEqual(expected)
  })
})
