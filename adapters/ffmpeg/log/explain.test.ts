import { describe, expect, it } from "vitest"
import { FileName } from "../../../core/ids.js"
import {
  damageIn,
  explain,
  leftOut,
  leftUnfinished,
  stoppedFromOutside,
  textWarnings,
  unreadEntries
} from "./explain.js"

const work = { path: "/var/work/0a1b_402-77-1234-6a0f" }

/** Ends of ffmpeg 5.1.9's own logs at level verbose, shortened to a few lines of each kind. */
const input = `[h264 @ 0x5592d8c6b580] Reinit context to 320x192, pix_fmt: yuv444p
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:a.mp4':
  Metadata:
    title           : No space left on device
    comment         : x: No space left on device
  Duration: 00:00:02.00, start: 0.000000, bitrate: 251 kb/s
  Stream #0:0[0x1](und): Video: h264 (High 4:4:4 Predictive), 1 reference frame (avc1 / 0x31637661), 320x180, 25 fps (default)
`
const mapping = `Stream mapping:
  Stream #0:0 -> #0:0 (h264 (native) -> h264 (libx264))
[graph 0 input from stream 0:0 @ 0x55e107570800] w:320 h:180 pixfmt:yuv444p tb:1/12800 fr:25/1 sar:1/1
`
const end = `[AVIOContext @ 0x55e12819eb40] Statistics: 0 bytes written, 0 seeks, 0 writeouts
[aac @ 0x55e1281ab980] Qavg: 102.568
[aac @ 0x55e1281ab980] 2 frames left in the queue on closing
[AVIOContext @ 0x55e128181c40] Statistics: 95724 bytes read, 1 seeks
Conversion failed!
`

const failures: ReadonlyArray<{
  readonly log: string
  readonly says: string
  readonly shows: ReadonlyArray<string>
}> = [
  {
    log: "Unrecognized option 'crff'.\nError splitting the argument list: Option not found\n",
    says: "unknown option: -crff",
    shows: ["Unrecognized option 'crff'.", "Error splitting the argument list: Option not found"]
  },
  {
    log: `${input}Unknown encoder 'nosuch'\n`,
    says: "unknown encoder: nosuch",
    shows: ["Unknown encoder 'nosuch'"]
  },
  { log: "Unknown decoder 'nosuch'\n", says: "unknown decoder: nosuch", shows: ["Unknown decoder 'nosuch'"] },
  {
    log: `${input}[vost#0:0 @ 0x5a] Unknown encoder 'nosuch'\n`,
    says: "unknown encoder: nosuch",
    shows: ["[vost#0:0] Unknown encoder 'nosuch'"]
  },
  {
    log: "Unknown input format: 'nosuch'\n",
    says: "unknown input format: nosuch",
    shows: ["Unknown input format: 'nosuch'"]
  },
  {
    log: `${input}[NULL @ 0x55616e19dc40] Requested output format 'nosuch' is not a suitable output format\nfile:../out/o.mp4: Invalid argument\n`,
    says: "unknown output format: nosuch",
    shows: [
      "[NULL] Requested output format 'nosuch' is not a suitable output format",
      "o.mp4: Invalid argument"
    ]
  },
  {
    log: `${input}[NULL @ 0x563b882b2c40] Unable to find a suitable output format for 'file:../out/o.xyz'\nfile:../out/o.xyz: Invalid argument\n`,
    says: 'the name "o.xyz" tells no output format: give it a usual ending, or choose the format by -f',
    shows: ["[NULL] Unable to find a suitable output format for 'o.xyz'", "o.xyz: Invalid argument"]
  },
  {
    log: `${input}[NULL @ 0x563b882b2c40] Unable to find a suitable output format for 'file:../out/-'\nfile:../out/-: Invalid argument\n`,
    says: 'the name "-" tells no output format: give it a usual ending, or choose the format by -f, such as "-f", "null" for an output that is thrown away',
    shows: ["[NULL] Unable to find a suitable output format for '-'", "-: Invalid argument"]
  },
  {
    log: `${input}${mapping}[AVFilterGraph @ 0x56484c5caac0] No such filter: 'nosuch'\nError reinitializing filters!\nFailed to inject frame into filter network: Invalid argument\n${end}`,
    says: "unknown filter: nosuch",
    shows: ["[AVFilterGraph] No such filter: 'nosuch'"]
  },
  {
    log: `${input}${mapping}[Parsed_scale_0 @ 0x559055af2e00] Option 'foo' not found\n[AVFilterGraph @ 0x559055af1ac0] Error initializing filter 'scale' with args 'foo=3'\n${end}`,
    says: 'the filter "scale" has no option "foo"',
    shows: [
      "[Parsed_scale_0] Option 'foo' not found",
      "[AVFilterGraph] Error initializing filter 'scale' with args 'foo=3'"
    ]
  },
  {
    log: `[AVFilterGraph @ 0x5a] Error applying option 'foo' to filter 'scale': Option not found\n`,
    says: 'the filter "scale" has no option "foo"',
    shows: ["[AVFilterGraph] Error applying option 'foo' to filter 'scale': Option not found"]
  },
  {
    log: `${mapping}[Parsed_scale_0 @ 0x557d1b1afe00] [Eval @ 0x7fff27b2a9c0] Undefined constant or missing '(' in 'abc'\n[AVFilterGraph @ 0x557d1b1aeac0] Error initializing filter 'scale' with args '-1:abc'\n${end}`,
    says: 'the filter "scale" does not take these arguments',
    shows: [
      "[Parsed_scale_0] [Eval] Undefined constant or missing '(' in 'abc'",
      "[AVFilterGraph] Error initializing filter 'scale' with args '-1:abc'"
    ]
  },
  {
    log: `[AVFilterGraph @ 0x55b9d6402ac0] Mismatched '[' found in the following: "[a".\n${end}`,
    says: "the filter graph is not well-formed",
    shows: ["[AVFilterGraph] Mismatched '[' found in the following: \"[a\"."]
  },
  {
    log: `${input}Filter scale:default has an unconnected output\n`,
    says: 'an output of the filter "scale" leads nowhere: give it a label and name that label in the maps of an output, as in "maps": ["[label]"]',
    shows: ["Filter scale:default has an unconnected output"]
  },
  {
    log: `[fc#0 @ 0x5a] Filter 'split' has output 1 (output1) unconnected\n`,
    says: 'an output of the filter "split" leads nowhere: give it a label and name that label in the maps of an output, as in "maps": ["[label]"]',
    shows: ["[fc#0] Filter 'split' has output 1 (output1) unconnected"]
  },
  {
    log: "Output with label 'b' does not exist in any defined filter graph, or was already used elsewhere.\n",
    says: "a map names [b], but no filter output has that label, or it is used already",
    shows: [
      "Output with label 'b' does not exist in any defined filter graph, or was already used elsewhere."
    ]
  },
  {
    log: `${input}Stream map '0:5' matches no streams.\nTo ignore this, add a trailing '?' to the map.\n`,
    says: 'the map "0:5" matches no stream of the inputs (a "?" at its end makes it optional)',
    shows: ["Stream map '0:5' matches no streams."]
  },
  {
    log: `${input}Invalid input file index: 3.\n`,
    says: "there is no input number 3: inputs are counted from 0",
    shows: ["Invalid input file index: 3."]
  },
  {
    log: "Invalid file index 1 in filtergraph description [0:v][1:v]overlay.\n",
    says: "there is no input number 1: inputs are counted from 0",
    shows: ["Invalid file index 1 in filtergraph description [0:v][1:v]overlay."]
  },
  {
    log: `[image2 @ 0x55cb44956c40] Cannot write more than one file with the same name. Are you missing the -update option or a sequence pattern?\nav_interleaved_write_frame(): Invalid argument\nNo more output streams to write to, finishing.\nframe=    2 fps=0.0 q=2.5 Lsize=N/A time=00:00:00.08 bitrate=N/A speed=17.4x    \nvideo:19kB audio:0kB subtitle:0kB other streams:0kB global headers:0kB muxing overhead: unknown\nInput file #0 (file:a.mp4):\n  Total: 5 packets (9053 bytes) demuxed\nOutput file #0 (file:../out/o.jpg):\n  Total: 2 packets (19507 bytes) muxed\n${end}`,
    says: 'several frames for one picture: use -frames:v 1 for a single one, or a name with a pattern such as "name%03d.jpg" for all of them',
    shows: [
      "[image2] Cannot write more than one file with the same name. Are you missing the -update option or a sequence pattern?",
      "av_interleaved_write_frame(): Invalid argument"
    ]
  },
  {
    log: "Output file #0 does not contain any stream\n",
    says: "an output would have no stream: the inputs have none that fits into it, or options such as -an and -vn leave none",
    shows: ["Output file #0 does not contain any stream"]
  },
  {
    log: "Filtergraph 'scale=100' was defined for video output stream 0:0 but codec copy was selected.\nFiltering and streamcopy cannot be used together.\n",
    says: "a filter needs the stream to be encoded: choose a codec other than copy for it",
    shows: [
      "Filtergraph 'scale=100' was defined for video output stream 0:0 but codec copy was selected.",
      "Filtering and streamcopy cannot be used together."
    ]
  },
  {
    log: "[libx264 @ 0x5a] something new\nError initializing output stream 0:0 -- Error while opening encoder for output stream #0:0\n",
    says: "the encoder could not be started with these settings",
    shows: [
      "[libx264] something new",
      "Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0"
    ]
  },
  {
    log: `[libx264 @ 0x563a8d9c0280] width not divisible by 2 (321x181)\nError initializing output stream 0:0 -- Error while opening encoder for output stream #0:0 - maybe incorrect parameters such as bit_rate, rate, width or height\n${end}`,
    says: "this encoder needs an even width and height, not 321x181: put scale=trunc(iw/2)*2:trunc(ih/2)*2 at the end of its filters",
    shows: [
      "[libx264] width not divisible by 2 (321x181)",
      "Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0 - maybe incorrect parameters such as bit_rate, rate, width or height"
    ]
  },
  {
    log: `[libx264 @ 0x55e12819bd00] [Eval @ 0x7fff2aafa2c0] Invalid chars 'oo' at the end of expression '12foo'\n[libx264 @ 0x55e12819bd00] Unable to parse option value "12foo"\n[libx264 @ 0x55e12819bd00] Error setting option b to value 12foo.\n${end}`,
    says: "invalid value for -b: 12foo",
    shows: [
      "[libx264] [Eval] Invalid chars 'oo' at the end of expression '12foo'",
      '[libx264] Unable to parse option value "12foo"',
      "[libx264] Error setting option b to value 12foo."
    ]
  },
  {
    log: "Invalid duration specification for t: abc\n",
    says: "invalid value for -t: abc",
    shows: ["Invalid duration specification for t: abc"]
  },
  {
    log: "Expected number for frames but found: foo\n",
    says: "invalid value for -frames: foo",
    shows: ["Expected number for frames but found: foo"]
  },
  {
    log: `[webm @ 0x557dfae23c80] Only VP8 or VP9 or AV1 video and Vorbis or Opus audio and WebVTT subtitles are supported for WebM.\nCould not write header for output file #0 (incorrect codec parameters ?): Invalid argument\nError initializing output stream 0:1 -- \n`,
    says: "the output format webm takes only VP8, VP9 or AV1 as video, Vorbis or Opus as sound, and WebVTT as subtitles: choose such codecs, as in -c:v libvpx-vp9 -c:a libopus, or another format",
    shows: [
      "[webm] Only VP8 or VP9 or AV1 video and Vorbis or Opus audio and WebVTT subtitles are supported for WebM.",
      "Could not write header for output file #0 (incorrect codec parameters ?): Invalid argument",
      "Error initializing output stream 0:1 --"
    ]
  },
  {
    log: `${mapping}x264 [error]: invalid preset 'nope'\n[libx264 @ 0x55e48c4d9f00] Error setting preset/tune nope/(null).\nError initializing output stream 0:0 -- Error while opening encoder for output stream #0:0 - maybe incorrect parameters such as bit_rate, rate, width or height\n${end}`,
    says: "the encoder knows no such preset or tune: nope",
    shows: [
      "x264 [error]: invalid preset 'nope'",
      "[libx264] Error setting preset/tune nope/(null).",
      "Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0 - maybe incorrect parameters such as bit_rate, rate, width or height"
    ]
  },
  {
    log: "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x561d4a82b0c0] Format mov,mp4,m4a,3gp,3g2,mj2 detected only with low score of 1, misdetection possible!\n[mov,mp4,m4a,3gp,3g2,mj2 @ 0x561d4a82b0c0] moov atom not found\n[AVIOContext @ 0x561d4a833c40] Statistics: 30000 bytes read, 0 seeks\nfile:bad.mp4: Invalid data found when processing input\n",
    says: '"bad.mp4" is not a media file that can be read (a web page may have been saved under its name), or it is cut off: its index (moov atom) is missing',
    shows: [
      "[mov,mp4,m4a,3gp,3g2,mj2] moov atom not found",
      "bad.mp4: Invalid data found when processing input"
    ]
  },
  {
    log: "[AVIOContext @ 0x56249b11dc40] Statistics: 6 bytes read, 0 seeks\nfile:it's [1] a: b.txt: Invalid data found when processing input\n",
    says: '"it\'s [1] a: b.txt" is not a media file that can be read, or it is damaged',
    shows: ["it's [1] a: b.txt: Invalid data found when processing input"]
  },
  {
    log: "[in#0 @ 0x5a] Error opening input: Invalid data found when processing input\nError opening input file file:t.txt.\nError opening input files: Invalid data found when processing input\n",
    says: '"t.txt" is not a media file that can be read, or it is damaged',
    shows: ["[in#0] Error opening input: Invalid data found when processing input"]
  },
  {
    log: "[matroska @ 0x5a] Only audio, video, and subtitles are supported for Matroska.\nCould not write header for output file #0 (incorrect codec parameters ?): Invalid argument\n",
    says: "the output format takes pictures, sound and subtitles alone: leave streams of data out by -dn",
    shows: [
      "[matroska] Only audio, video, and subtitles are supported for Matroska.",
      "Could not write header for output file #0 (incorrect codec parameters ?): Invalid argument"
    ]
  },
  {
    log: "One of -r/-fpsmax was specified together a non-CFR -vsync/-fps_mode. This is contradictory.\n",
    says: "-r and -fpsmax need a constant frame rate: leave them out, or write -fps_mode cfr",
    shows: ["One of -r/-fpsmax was specified together a non-CFR -vsync/-fps_mode. This is contradictory."]
  },
  {
    log: "[vf#0:0 @ 0x5a] No filtered frames for output stream, trying to initialize anyway.\n[vost#0:0/mjpeg @ 0x5a] [enc:mjpeg @ 0x5b] Error while opening encoder - maybe incorrect parameters such as bit_rate, rate, width or height.\n",
    says: "an output is empty: nothing was encoded (check -ss, -t, -to and -frames: does the input last that long?)",
    shows: [
      "[vf#0:0] No filtered frames for output stream, trying to initialize anyway.",
      "[vost#0:0/mjpeg] [enc:mjpeg] Error while opening encoder - maybe incorrect parameters such as bit_rate, rate, width or height."
    ]
  },
  {
    log: 'Fontconfig warning: "/usr/share/fontconfig/a.conf", line 6: unknown element "reset-dirs"\nfile:missing.mp4: No such file or directory\n',
    says: "no such file: missing.mp4",
    shows: ["missing.mp4: No such file or directory"]
  },
  {
    log: "file:missing.mp4: No such file or directory\n",
    says: "no such file: missing.mp4",
    shows: ["missing.mp4: No such file or directory"]
  },
  {
    log: "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5635cf381180] Format not on whitelist 'matroska'\nfile:a.mp4: Invalid argument\n",
    says: 'an input has the format "mov,mp4,m4a,3gp,3g2,mj2", which is not accepted: convert it to a common format first',
    shows: ["[mov,mp4,m4a,3gp,3g2,mj2] Format not on whitelist", "a.mp4: Invalid argument"]
  },
  {
    log: "[dash @ 0x5635cf381180] Format not on whitelist '3dostr,4xm,aa'\nfile:a.mp4: Invalid argument\n",
    says: 'an input has the format "dash", which is not accepted: upload the media itself: a manifest reads other files',
    shows: ["[dash] Format not on whitelist", "a.mp4: Invalid argument"]
  },
  {
    log: "[h264 @ 0x5587c0d10540] [IMGUTILS @ 0x7ffd402f7f70] Picture size 320x180 exceeds specified max pixel count 10, see the documentation if you wish to increase it\n",
    says: "the picture is too large: 320x180 has more than the 10 pixels that are allowed (limit maxPixels)",
    shows: [
      "[h264] [IMGUTILS] Picture size 320x180 exceeds specified max pixel count 10, see the documentation if you wish to increase it"
    ]
  },
  { log: "", says: "ffmpeg ended with status 1", shows: [] },
  { log: "Something new\n", says: "ffmpeg ended with status 1", shows: ["Something new"] }
]

const linesOf = (log: string) => log.split("\n").filter((line) => line !== "")
const exit = (code: number | null, signal: string | null = null) => ({ code, signal })
const setting = { work, inputs: [{ name: FileName("input-0.mp4"), givenName: FileName("holiday 1.mp4") }] }

describe("explain", () => {
  for (const { log, says, shows } of failures) {
    it(says, () => {
      expect(explain("ffmpeg", { ended: exit(1), log: linesOf(log) }, setting)).toBe(
        [says, ...shows].join("\n")
      )
    })
  }

  it.each([
    {
      signal: "SIGSEGV",
      says: "ffmpeg was killed by signal SIGSEGV (often because it ran out of memory: the limit memoryBytes bounds the address space of its process)"
    },
    { signal: "SIGHUP", says: "ffmpeg was killed by signal SIGHUP" },
    { signal: "SIGKILL", says: "ffmpeg was killed by signal SIGKILL (usually because it ran out of memory)" }
  ])("$signal", ({ signal, says }) => {
    expect(explain("ffmpeg", { ended: exit(null, signal), log: [] }, setting)).toBe(says)
  })

  it("calls sequences, their pictures and the folder of fonts as callers do", () => {
    const named = { name: FileName("picture-0-00002.png"), givenName: FileName("img007.png") }
    const sequences = [{ pattern: "picture-0-%05d.png", givenName: FileName("img%03d.png") }]
    const log = [
      "[image2 @ 0x5a] Could not open file : file:picture-0-00002.png",
      "[Parsed_subtitles_0 @ 0x5b] Error opening font: '%fonts/own.ttf', 0 of a.srt:fontsdir=%fonts",
      "file:picture-0-%05d.png: Invalid argument"
    ]
    const reason = explain("ffmpeg", { ended: exit(1), log }, { work, inputs: [named], sequences })
    expect(reason.split("\n").slice(1)).toEqual([
      "[image2] Could not open file : img007.png",
      "[Parsed_subtitles_0] Error opening font: 'own.ttf', 0 of a.srt:fontsdir=.",
      "img%03d.png: Invalid argument"
    ])
  })

  it("SIGABRT with an assertion is a fault of the program, not of memory", () => {
    const log = ["Assertion best_input >= 0 failed at src/fftools/ffmpeg_filter.c:2122"]
    expect(explain("ffmpeg", { ended: exit(null, "SIGABRT"), log }, setting).split("\n")[0]).toBe(
      "this task meets a fault of ffmpeg itself (best_input >= 0): write it in another way, or leave that part out"
    )
  })

  it("names no path of ours", () => {
    const log = [
      `${work.path}/in/a.mp4: bad`,
      `'file:../out/o.mp4' and (file:a.mp4) and ../out/x.log`,
      `file:/etc/hostname: Invalid argument`
    ]
    const reason = explain("ffmpeg", { ended: exit(1), log }, setting)
    expect(reason).not.toContain("/var/work")
    expect(reason).not.toContain("../out")
    expect(reason).not.toContain("file:")
    expect(reason).toContain("'o.mp4' and (a.mp4) and x.log")
  })

  it("calls inputs by their callers' names", () => {
    const log = ["file:input-0.mp4: Invalid data found when processing input"]
    expect(explain("ffmpeg", { ended: exit(1), log }, setting)).toBe(
      '"holiday 1.mp4" is not a media file that can be read, or it is damaged\nholiday 1.mp4: Invalid data found when processing input'
    )
  })

  it("shows no control characters", () => {
    const log = ["Something \u001b[31mred\u0007\u0000\u0085 and\ttabs"]
    expect(explain("ffmpeg", { ended: exit(1), log }, setting)).toBe(
      "ffmpeg ended with status 1\nSomething  [31mred    and tabs"
    )
  })

  it("shows the last few lines only, and of long ones the beginning", () => {
    const log = Array.from({ length: 50 }, (_, index) => `${index} ${"x".repeat(5000)}`)
    const lines = explain("ffmpeg", { ended: exit(1), log }, setting)
      .split("\n")
      .slice(1)
    expect(lines.map((line) => line.split(" ")[0])).toEqual(["46", "47", "48", "49"])
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(400)
  })
})

describe("stoppedFromOutside", () => {
  const term = "Exiting normally, received signal 15."

  it.each([
    { ended: exit(255), log: [term] },
    { ended: exit(255), log: ["Exiting normally, received signal 2."] },
    { ended: exit(255), log: [term, "Exiting with exit code 255"] },
    { ended: exit(null, "SIGTERM"), log: [] },
    { ended: exit(null, "SIGINT"), log: [] },
    { ended: exit(null, "SIGHUP"), log: [] }
  ])("yes: $ended, $log", (failure) => {
    expect(stoppedFromOutside(failure)).toBe(true)
  })

  it.each([
    { ended: exit(1), log: [term] },
    { ended: exit(1), log: ["lavfi.k=x", term, "Conversion failed!"] },
    { ended: exit(255), log: [] },
    { ended: exit(255), log: [term, "Error opening input files: Operation not permitted"] },
    {
      ended: exit(255),
      log: [term, "Error opening input files: Operation not permitted", "Exiting with exit code -1"]
    },
    { ended: exit(255), log: ["Exiting normally, received signal 24."] },
    { ended: exit(null, "SIGSEGV"), log: [term] },
    { ended: exit(null, "SIGKILL"), log: [] },
    { ended: { ...exit(null), refused: "E2BIG" as const }, log: [] }
  ])("no: $ended, $log", (failure) => {
    expect(stoppedFromOutside(failure)).toBe(false)
  })
})

describe("of a success", () => {
  it.each([
    { log: "[mov,mp4 @ 0x560de39840c0] stream 0, offset 0xa438: partial file", warns: true },
    { log: "file:cut.mp4: corrupt input packet in stream 1", warns: true },
    { log: "[matroska,webm @ 0x5a] File ended prematurely at pos. 900000 (0xdbba0)", warns: true },
    { log: "    title           : [x] File ended prematurely", warns: false },
    { log: "    title           : a: partial file ", warns: false },
    { log: "    comment         : x: partial file", warns: false },
    { log: "[aac @ 0x5592d8c8f440] Qavg: 1556.052", warns: false }
  ])("a cut off input is worth a warning: $log", ({ log, warns }) => {
    expect(damageIn([log])).toHaveLength(warns ? 1 : 0)
  })

  // Messages of encoders of 2160p whose memory limit is too low.
  it.each([
    {
      log: "[libsvtav1 @ 0x5616de21df40] Error initializing encoder: insufficient resources (0x80001000)",
      code: 1
    },
    { log: "SvtMalloc[fatal]: allocate memory failed, at ./Source/Lib/Codec/pcs.c:1528", code: 244 },
    { log: "x264 [error]: malloc of size 44329344 failed", code: 1 },
    { log: "x265 [error]: malloc of size 16711680 failed", signal: "SIGSEGV" },
    { log: "x265 [error]: memory allocation failure, aborting encode", code: 187 },
    { log: "[libaom-av1 @ 0x560fe83c5f40] Error encoding frame: Memory allocation error", code: 1 },
    { log: "memory allocation of 4147200 bytes failed", signal: "SIGABRT" },
    { log: "[libvpx-vp9 @ 0x55874ac07280] Failed to initialize encoder: Memory allocation error", code: 234 },
    { log: "terminate called after throwing an instance of 'std::bad_alloc'", signal: "SIGABRT" }
  ])("names the limit of memory: $log", ({ log, code = null, signal = null }) => {
    const said = explain("ffmpeg", { ended: { code, signal }, log: [log] }, { work, inputs: [] })
    expect(said).toMatch(
      /^(?:not enough memory for this task|ffmpeg was killed by signal SIG[A-Z]+ because it ran out of memory): the limit memoryBytes bounds the address space/
    )
  })

  const tag = (codec: string, stream: number) =>
    `[mp4 @ 0x5a] Could not find tag for codec ${codec} in stream #${stream}, codec not currently supported in container`
  const noMatch = (specifier: string, graph: string) =>
    `Stream specifier '${specifier}' in filtergraph description ${graph} matches no streams.`
  it.each([
    {
      log: tag("none", 2),
      says: "the output format mp4 takes no none (stream 2 of the output): leave streams of data out by -dn"
    },
    {
      log: tag("ttf", 3),
      says: /takes no ttf \(stream 3 of the output\): leave attachments out by -map -0:t/
    },
    {
      log: tag("h264", 0),
      says: /takes no h264 \(stream 0 of the output\): leave pictures out by -vn, keep a cover by .*attached_pic/
    },
    {
      log: tag("vp8", 0),
      says: /takes no vp8 \(stream 0 of the output\): choose another codec, or another format \(vp8 fits into \.webm or \.mkv\)$/
    },
    {
      log: noMatch(":a", "[0:v][1:a]concat=v=1:a=1"),
      says: /takes \[1:a\], but input 1 \(counted from 0\) has no such stream/
    },
    {
      log: noMatch(":a", "[0:a][1:a]amix"),
      says: /takes ":a" of the inputs 0, 1 \(counted from 0\), and one of them has no such stream/
    },
    { log: noMatch("", "[3]hflip"), says: /takes \[3\], but input 3/ },
    {
      log: noMatch("out", "[out]hflip"),
      says: /takes "out", which is neither a stream of an input nor a label/
    },
    { log: noMatch(":a", `${"[0:v]null;".repeat(1000)}[2:a]anull`), says: /but input 2/ },
    { log: noMatch(`:m:title:${"x".repeat(1000)}`, "[0:v]null"), says: /^.{300,500}$/ }
  ])("names the stream and the cure: $says", ({ log, says }) => {
    const said = explain("ffmpeg", { ended: exit(1), log: [log] }, { work, inputs: [] }).split("\n")[0]
    expect(said).toEqual(typeof says === "string" ? says : expect.stringMatching(says))
  })

  const header51 =
    "Could not write header for output file #0 (incorrect codec parameters ?): Operation not permitted"
  const header90 =
    "[out#0/avi @ 0x557e3824b040] Could not write header (incorrect codec parameters ?): Operation not permitted"
  const streams = [
    "Input #0, matroska,webm, from 'file:a.mka':",
    "  Stream #0:0: Audio: opus, 48000 Hz",
    "  Stream #0:1: Video: mpeg4 (x)"
  ]
  const copied = [...streams, "Stream mapping:", "  Stream #0:0 -> #0:0 (copy)"]
  const both = [
    ...streams,
    "Stream mapping:",
    "  Stream #0:1 -> #0:0 (mpeg4 (native) -> h264 (libx264))",
    "  Stream #0:0 -> #0:1 (copy)"
  ]
  const noOpus =
    "takes no opus: choose another codec, or another format (opus fits into .mkv, .webm, .ogg or .mp4)"
  it.each([
    { log: [...copied, header51], file: "o.avi", says: `the format of "o.avi" ${noOpus}` },
    { log: [...both, header51], file: "o.avi", says: `the format of "o.avi" ${noOpus}` },
    { log: [...both, header90], file: "x", says: `the output format avi ${noOpus}` },
    {
      log: [...both, header51],
      file: "o.amr",
      says: 'the format of "o.amr" does not take one of these streams: h264 (h264 fits into .mp4, .mov, .ts or .mkv), opus (opus fits into'
    },
    {
      log: ["[mov @ 0x5a] vp9 only supported in MP4.", header51],
      file: "o.mov",
      says: "or another format (vp9 fits into .mp4, .webm or .mkv)"
    },
    {
      log: [header51],
      file: "o.avi",
      says: 'the format of "o.avi" does not take these streams: choose codecs that fit the container'
    },
    ...[
      "x265 [error]: Picture width must be an integer multiple of the specified chroma subsampling",
      "Svt[error]: Source Width must be even for YUV_420"
    ].map((line) => ({
      log: [line],
      file: "o.mp4",
      says: "this encoder needs an even width and height: put scale=trunc(iw/2)*2:trunc(ih/2)*2 at the end"
    })),
    {
      log: ["Stream map '0:q' matches no streams."],
      file: "o.mp4",
      says: 'the map "0:q" names no kind of stream: the letters are v (video), V (video without covers), a (sound), s (subtitles), d (data) and t'
    },
    {
      log: ["Stream map '0:m:x' matches no streams."],
      file: "o.mp4",
      says: 'the map "0:m:x" matches no stream'
    },
    {
      log: [noMatch(":q", "[0:q]hflip")],
      file: "o.mp4",
      says: 'takes ":q" of an input, which is no kind of stream: the letters are v'
    },
    {
      log: [
        "[vist#0:0/qtrle @ 0x55] Decoding requested, but no decoder found for: qtrle",
        "Error initializing a simple filtergraph"
      ],
      file: "o.webm",
      says: "has no decoder for the codec qtrle of an input"
    },
    {
      log: ["Decoder (codec qtrle) not found for input stream #0:0"],
      file: "o.webm",
      says: "has no decoder for the codec qtrle"
    },
    {
      log: ["Decoder (codec none) not found for input stream #0:1"],
      file: "o.mp4",
      says: "has no known codec"
    }
  ])("says what fits: $says", ({ log, file, says }) => {
    expect(
      explain("ffmpeg", { ended: exit(1), log }, { work, inputs: [], outputs: [FileName(file)] })
    ).toContain(says)
  })

  const dump = (input: number, ...streams: ReadonlyArray<string>) => [
    `Input #${input}, mov,mp4,m4a,3gp,3g2,mj2, from 'file:input-${input}.mp4':`,
    "  Metadata:",
    "    title           : x",
    ...streams.map(
      (kind, index) => `  Stream #${input}:${index}[0x1](und): ${kind}: x (avc1 / 0x31637661), 320x180`
    )
  ]
  it.each([
    { dumps: [...dump(0, "Video", "Audio"), ...dump(1, "Video")], names: /takes \[1:a\], but input 1/ },
    { dumps: [...dump(0, "Video"), ...dump(1, "Video", "Audio")], names: /takes \[0:a\], but input 0/ },
    {
      dumps: [...dump(0, "Video"), ...dump(1, "Video")],
      names: /takes ":a" of the inputs 0, 1 .*and these have no such stream/
    },
    { dumps: [], names: /and one of them has no such stream/ }
  ])("names the input without the stream: $names", ({ dumps, names }) => {
    const log = [...dumps, noMatch(":a", "[0:a][1:a]amix")]
    expect(explain("ffmpeg", { ended: exit(1), log }, { work, inputs: [] })).toMatch(names)
  })

  it.each([
    { log: "Error writing trailer of file:../out/o: No space left on device", is: true },
    { log: "[out#0/mp4 @ 0x5a] Error closing file: Input/output error", is: true },
    { log: "    title  : Error writing trailer of x", is: false },
    { log: "Error while decoding stream #0:1: Invalid data found when processing input", is: false }
  ])("an output may be unfinished all the same: $log", ({ log, is }) => {
    expect(leftUnfinished([log])).toBe(is)
  })
})

describe("a successful run that left something out", () => {
  it.each([
    ["5.1", "[concat @ 0x5584398238c0] Impossible to open 'page.mp4'"],
    ["9.0", "[in#0/concat @ 0x5626860ecf00] Impossible to open 'file:page.mp4'"]
  ])("names entries of lists that could not be opened, once each: %s", (_, line) => {
    expect(unreadEntries(["frame=1", line, line])).toEqual(["page.mp4"])
    expect(unreadEntries([`  title : ${line}`])).toEqual([])
  })

  it.each([
    ["Stray % near ' of", "% of"],
    ["Stray % near ''", "%"],
    ["Stray % near ' b'", "% b"],
    ["Unterminated %{} near '{pts'", "%{pts"],
    ["%{foo} is not known", "%{foo}"],
    ["%{eif} requires at least 2 arguments", "%{eif}"],
    ["%{pts} requires at most 3 arguments", "%{pts}"],
    ["Expression 'foo' for the expr text expansion function is not valid", "foo"],
    ["Text expansion expression 'foo' is not valid", "foo"]
  ])("names the text that was not drawn, which fails from version 9 on: %s", (line, part) => {
    const log = [`[Parsed_drawtext_0 @ 0x55ca08bc3040] ${line}`, "its own signs'"]
    const why = `the filter "drawtext" cannot read its text at "${part}": a percent sign begins a value such as %{pts}: add expansion=none`
    expect(textWarnings(log, { work, inputs: [] })).toEqual([
      expect.stringContaining(`the result lacks a text: ${why}`)
    ])
    expect(textWarnings([`  title : ${log[0]}`], { work, inputs: [] })).toEqual([])
    const failure = {
      ended: exit(234),
      log: [...log, "[vf#0:0 @ 0x55c17de74300] Error while filtering: Invalid argument"]
    }
    expect(explain("ffmpeg", failure, { work, inputs: [] })).toContain(why)
  })

  it.each([
    ["4.3, 5.1", "Error while decoding stream #0:0: Invalid data found when processing input", true],
    ["6.1", "[vist#0:0/png @ 0x55f8ec8d5dc0] Decoding error: Invalid data found when processing input", true],
    [
      "9.0",
      "[vist#0:0/png @ 0x564268aad5c0] [dec:png @ 0x564268ab3e00] Decoding error: Invalid data found when processing input",
      true
    ],
    ["an ordinary line", "[png @ 0x564268ab3e00] Invalid PNG signature 0x00000000.", false]
  ])("reports what could not be decoded: %s", (_, line, is) => {
    expect(leftOut([line])).toBe(is)
  })
})
