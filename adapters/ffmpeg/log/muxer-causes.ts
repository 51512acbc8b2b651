import { fileMuxers } from "../../../core/policy/allowed.js"
import { quoted, type Rule } from "./cause-rule.js"

/** For each kind of stream: its name in sentences, and the options that concern it. */
const kinds: Readonly<
  Record<
    string,
    { readonly said: string; readonly leaveOut: string; readonly codec: string; readonly map: string }
  >
> = {
  video: { said: "video", leaveOut: "-vn", codec: "-c:v", map: "0:v:0" },
  audio: { said: "sound", leaveOut: "-an", codec: "-c:a", map: "0:a:0" },
  subtitle: { said: "subtitles", leaveOut: "-sn", codec: "-c:s", map: "0:s:0" },
  data: { said: "data", leaveOut: "-dn", codec: "-c:d", map: "0:d:0" }
}

const leftOut = (kind: string): string => `leave it out by ${kinds[kind]?.leaveOut ?? "-map"}`
const said = (kind: string): string => kinds[kind]?.said ?? kind

const otherCodec = "choose another codec, or another format"

/** File name endings of the formats that a codec fits into. */
const homes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    opus: ".mkv, .webm, .ogg or .mp4",
    vorbis: ".mkv, .webm or .ogg",
    flac: ".flac, .mkv or .ogg",
    alac: ".m4a, .mov or .mkv",
    aac: ".mp4, .m4a, .mov or .mkv",
    mp3: ".mp3, .mp4 or .mkv",
    "ac3 eac3": ".mp4, .mov, .ts or .mkv",
    "pcm_s16le pcm_s24le pcm_s32le pcm_f32le": ".wav, .mov or .mkv",
    "h264 hevc": ".mp4, .mov, .ts or .mkv",
    "av1 vp9": ".mp4, .webm or .mkv",
    vp8: ".webm or .mkv",
    theora: ".ogv or .mkv",
    prores: ".mov or .mkv",
    dnxhd: ".mov, .mxf or .mkv",
    mjpeg: ".mov, .avi or .mkv",
    ffv1: ".mkv or .avi"
  }).flatMap(([codecs, endings]) => codecs.split(" ").map((codec) => [codec, endings] as const))
)

/** The formats that a codec fits into, to be appended to a sentence; "" if unknown. */
const home = (codec: string): string => (homes.has(codec) ? ` (${codec} fits into ${homes.get(codec)})` : "")

const otherFor = (codec = ""): string => cures.get(codec) ?? `${otherCodec}${home(codec)}`

/** Common codecs that a format refuses without a message. */
const refused: Readonly<Record<string, ReadonlyArray<string>>> = {
  avi: ["opus", "alac"],
  asf: ["opus", "alac", "hevc"],
  wmv: ["opus", "alac", "hevc"]
}

/**
 * The sentence for a header that could not be written, if the muxer gives no reason. `subject` names the
 * format.
 */
const silentRefusal = (format: string, subject: string, codecs: ReadonlyArray<string>): string => {
  const guilty =
    refused[format]?.find((codec) => codecs.includes(codec)) ?? (codecs.length === 1 ? codecs[0] : undefined)
  if (guilty !== undefined) return `${subject} takes no ${guilty}: ${otherFor(guilty)}`
  if (codecs.length === 0)
    return `${subject} does not take these streams: choose codecs that fit the container`
  return `${subject} does not take one of these streams: ${codecs.map((codec) => `${codec}${home(codec)}`).join(", ")}: ${otherCodec}`
}

/** ffmpeg's own messages, if a muxer gave none. Before version 6 they do not name the format. */
export const headers: ReadonlyArray<Rule> = [
  {
    forms: ["[out#{number}/{word}] Could not write header"],
    sayOf: ({ outputs }, number, format = "") =>
      silentRefusal(format, `the output format ${format}`, outputs.get(Number(number)) ?? [])
  },
  {
    forms: ["Could not write header for output file #{number}"],
    sayOf: ({ outputs, files = [] }, number) => {
      const name = files[Number(number)] ?? ""
      const subject = name === "" ? "the output format" : `the format of ${quoted(name)}`
      return silentRefusal(name.slice(name.lastIndexOf(".") + 1), subject, outputs.get(Number(number)) ?? [])
    }
  }
]

/** The codecs that a format takes, for formats whose messages do not list them. */
const fits: Readonly<Record<string, string>> = {
  ogg: "it takes Vorbis, Opus, FLAC, Speex, Theora and VP8",
  oga: "it takes Vorbis, Opus, FLAC and Speex",
  ogv: "it takes Theora, VP8, Vorbis, Opus and FLAC",
  opus: "it takes Opus",
  spx: "it takes Speex",
  mxf: "it takes MPEG-2, H.264, DNxHD, ProRes, DV and PCM"
}

const subtitleCure =
  "write -c:s mov_text for MP4 and MOV, -c:s srt or ass for Matroska, -c:s webvtt for WebM, or leave subtitles out by -sn"

/** The advice for a stream that an output got by default, by the codec that its format refuses. */
const cures: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "none bin_data timed_id3 klv": "leave streams of data out by -dn",
    "subrip ass webvtt mov_text text dvd_subtitle hdmv_pgs_subtitle": subtitleCure,
    "ttf otf": 'leave attachments out by -map -0:t, as in "maps": ["0", "-0:t"]',
    "h264 hevc mjpeg png bmp gif": `leave pictures out by -vn, keep a cover by -c:v copy -disposition:v attached_pic, or ${otherCodec}`
  }).flatMap(([codecs, cure]) => codecs.split(" ").map((codec) => [codec, cure] as const))
)

const takesOne = (format: string, what: string, map: string): string =>
  `the output format ${format} takes one stream of ${what} alone: choose it by a map, as in "maps": ["${map}"], and its codec by -c`

const packetsWithoutTime = "packet without a time in stream"

/** Messages of muxers about the codecs, the number and the packets of their streams. */
export const muxers: ReadonlyArray<Rule> = [
  {
    forms: ["[{word}] Could not find tag for codec {name} in stream #{number}"],
    say: (format, codec, stream) =>
      `the output format ${format} takes no ${codec} (stream ${stream} of the output): ${otherFor(codec)}`
  },
  {
    forms: ["Could not find tag for codec {name} in stream #{number}"],
    say: (codec, stream) =>
      `the output format takes no ${codec} (stream ${stream} of the output): ${otherFor(codec)}`
  },
  {
    forms: ["[{word}] {word} muxer does not support any stream of type {word}"],
    say: (_, format, kind = "") =>
      `the output format ${format} takes no ${said(kind)}: ${leftOut(kind)}, or choose another format`
  },
  {
    forms: ["[{word}] {word} muxer does not support more than one stream of type {word}"],
    say: (_, format = "", kind = "") => takesOne(format, said(kind), kinds[kind]?.map ?? "0:0")
  },
  {
    forms: ["[{word}] {word} muxer supports only codec {name} for type {word}"],
    say: (_, format, codec, kind = "") =>
      `the output format ${format} takes only ${codec} as ${said(kind)}: write ${kinds[kind]?.codec ?? "-c"} with an encoder of ${codec}, ${leftOut(kind)}, or choose another format`
  },
  {
    forms: ["Codec {name} not supported in WAVE format", "[wav] {word} codec not supported in WAVE format"],
    say: (codec) =>
      `the output format wav takes no ${codec}: write -vn -c:a pcm_s16le, or choose another format`
  },
  {
    forms: [
      "[{word}] Unsupported codec id in stream {number}",
      "[{word}] Unsupported stream type in stream {number}",
      "[{word}] Invalid codec for stream {number}",
      "[{word}] Invalid media type for stream {number}",
      "[{word}] No codec tag defined for stream {number}"
    ],
    say: (format = "", stream) => {
      const what = fits[format]
      return `the output format ${format} does not take the codec of stream ${stream} of the output${what === undefined ? "" : `: ${what}`}: ${otherCodec}`
    }
  },
  {
    forms: [
      "[{word}] Codec {name} not supported",
      "[{word}] {word} codec not supported",
      "[{word}] No bmp codec tag found for codec {name}",
      "[{word}] No wav codec tag found for codec {name}",
      "[{word}] Unsupported codec id {name}",
      "[{word}] Unsupported subtitle codec: {name}",
      "[{word}] Unsupported subtitles codec: {name}",
      "[{word}] Subtitle codec {name} ({number}) is not supported",
      "[{word}] Video codec '{name}' not compatible with FLV",
      "[{word}] Audio codec '{name}' not compatible with FLV",
      "[{word}] Subtitle codec '{name}' for stream {number} is not compatible with FLV",
      "[{word}] The Matroska muxer does not yet support muxing {name}",
      "[{word}] Support for muxing audio codec {name} not implemented",
      "[{word}] Unknown/unsupported AVCodecID {name}.$"
    ],
    say: (format, codec) => `the output format ${format} takes no ${codec}: ${otherFor(codec)}`
  },
  {
    forms: ["[{word}] Subtitle codec {number} is not supported"],
    say: (format) => `the output format ${format} does not take the codec of the subtitles: ${subtitleCure}`
  },
  {
    forms: ["[{word}] Invalid audio stream. Exactly one {word} audio stream is required"],
    say: (format = "", codec) => takesOne(format, `${codec} sound`, "0:a:0")
  },
  {
    forms: ["[{word}] No audio stream present"],
    say: (format) =>
      `the output format ${format} needs a stream of sound, and none is mapped: map one, or choose another format`
  },
  {
    forms: ["No mimetype is known for stream {number}"],
    say: (stream) =>
      `the picture in stream ${stream} of the output can't be a cover there: write -c:v mjpeg or -c:v png, or leave it out by -vn`
  },
  {
    forms: ["Only VP8 or VP9"],
    say: () =>
      "the output format webm takes only VP8, VP9 or AV1 as video, Vorbis or Opus as sound, and WebVTT as subtitles: choose such codecs, as in -c:v libvpx-vp9 -c:a libopus, or another format"
  },
  {
    forms: ["Only audio streams and pictures are allowed in {word}"],
    say: (format) =>
      `the output format ${(format ?? "").toLowerCase()} takes sound and pictures as covers alone: leave other streams out by -sn -dn`
  },
  {
    forms: [`^${packetsWithoutTime} {number}`],
    say: (stream) =>
      `stream ${stream} of the output has packets without a time, which its format needs: encode it instead of copying it, add -fflags +genpts to its input, and leave out -vsync drop`
  },
  {
    forms: ["^packets out of order in stream {number}"],
    say: (stream) =>
      `the packets of stream ${stream} of the output are not in the order of their times: encode it instead of copying it, or add -fflags +genpts to its input`
  }
]

/** Repeats a muxer's own message if no other rule matches. It has to be the last rule. */
export const anyRefusal: Rule = {
  forms: ["^refused by {word}: {}"],
  say: (format, words = "") => {
    const codec =
      words
        .toLowerCase()
        .split(/\W+/)
        .find((word) => homes.has(word)) ?? ""
    return `the output format ${format} does not take these streams (${quoted(words)}): choose codecs and a number of streams that it takes, or another format${home(codec)}`
  }
}

/** Messages of ffmpeg if a muxer fails at its header, or at a packet. */
const headerFails = ["Could not write header"]
const packetFails = [
  "^av_interleaved_write_frame()",
  "Error muxing a packet",
  "Error submitting a packet to the muxer"
]

const knownMuxers = new Set(fileMuxers)

/** A muxer's last message before it fails; undefined for messages of codecs. */
const refusal = (name = "", words = ""): string | undefined =>
  knownMuxers.has(name) && !words.startsWith("Reinit context")
    ? `refused by ${name}: ${words.trimEnd().replace(/\.$/, "")}`
    : undefined

/** Pairs of lines, as in causes.ts. */
export const muxerPairs: ReadonlyArray<{
  readonly first: string
  readonly second: string
  readonly as: (...groups: ReadonlyArray<string>) => string | undefined
}> = [
  ...packetFails.flatMap((second) => [
    ...[
      "Timestamps are unset in a packet for stream {number}",
      "Can't write packet with unknown timestamp",
      "first pts value must be set"
    ].map((first) => ({ first, second, as: (stream = "0") => `${packetsWithoutTime} ${stream}` })),
    {
      first: "non monotonically increasing dts to muxer in stream {number}",
      second,
      as: (stream = "0") => `packets out of order in stream ${stream}`
    }
  ]),
  ...[...headerFails, ...packetFails].map((second) => ({ first: "[{word}] {}", second, as: refusal }))
]
