import { BlobKey, DirId, FileName } from "../../../core/ids.js"
import { defaultLimits } from "../../../core/limits.js"
import { makePlan, type Plan } from "../../../core/plan.js"

/**
 * Tasks that fail, each with the sentence that its caller reads. They run with the installed ffmpeg; logs of
 * other versions are recorded.
 */

/** Short inputs of half a second, for tasks whose content does not matter. */
export const sources: Readonly<Record<string, ReadonlyArray<string>>> = {
  "clip.mp4": [
    ...[
      "-f",
      "lavfi",
      "-i",
      "testsrc=d=0.5:s=64x48:r=10",
      "-f",
      "lavfi",
      "-i",
      "sine=d=0.5",
      "-pix_fmt",
      "yuv420p"
    ],
    ...["-c:v", "libx264", "-preset", "ultrafast"]
  ],
  "odd.mkv": ["-f", "lavfi", "-i", "testsrc=d=0.5:s=34x34:r=10", "-c:v", "mpeg4"],
  "sound.wav": ["-f", "lavfi", "-i", "sine=d=0.5"]
}
export const texts: Readonly<Record<string, string>> = {
  "notes.txt": "no media at all\n",
  "text.jpg": "no picture at all\n",
  "text.png": "no picture at all\n",
  "empty.mp4": "",
  "page.mp4": "<!DOCTYPE html>\n<html><head><title>Not found</title></head><body></body></html>\n",
  "page.jpg": "<html><body>Not found</body></html>\n",
  "page.mp3": "<html><body>Not found</body></html>\n",
  "text.mp3": "no sound at all\n",
  "text.gif": "no picture at all\n",
  "words.srt": "1\n00:00:00,000 --> 00:00:00,400\nhello\n",
  "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n"
}

export interface FailingTask {
  readonly options?: ReadonlyArray<string>
  readonly inputs?: ReadonlyArray<string>
  readonly inputOptions?: ReadonlyArray<string>
  readonly graph?: string
  readonly maps?: ReadonlyArray<string>
  readonly file?: string
  readonly says: string | RegExp
  /** A part of the lines below the sentence. */
  readonly shows?: string
}

export const failingTasks: ReadonlyArray<FailingTask> = [
  // Unknown names.
  { options: ["-crff", "3"], says: "unknown option: -crff", shows: "Unrecognized option 'crff'" },
  { options: ["-c:v", "nosuch"], says: "unknown encoder: nosuch" },
  { inputOptions: ["-c:v", "nosuch"], says: "unknown decoder: nosuch" },
  { inputOptions: ["-f", "nosuch"], says: "unknown input format: nosuch" },
  { options: ["-f", "nosuch"], says: "unknown output format: nosuch" },
  { options: ["-vf", "nosuch"], says: "unknown filter: nosuch" },
  { graph: "[0:v]nosuch[v]", maps: ["[v]"], says: "unknown filter: nosuch" },
  { options: ["-bsf:v", "nosuch"], says: "unknown bitstream filter: nosuch" },
  { options: ["-pix_fmt", "nosuch"], says: "unknown pixel format: nosuch" },
  { options: ["-vf", "format=nosuch"], says: "unknown pixel format: nosuch" },
  { options: ["-sample_fmt", "nosuch"], says: "unknown sample format: nosuch" },
  { options: ["-channel_layout", "nosuch"], says: "unknown channel layout: nosuch" },
  { options: ["-ac", "99"], says: "unknown channel layout: 99 channels" },
  {
    options: ["-c:v", "libx264", "-preset", "nosuch"],
    says: "the encoder knows no such preset or tune: nosuch"
  },
  {
    options: ["-c:v", "libx264", "-tune", "nosuch"],
    says: /^the encoder knows no such preset or tune: .*nosuch/
  },
  {
    options: ["-c:v", "libx264", "-profile:v", "nosuch"],
    says: "this encoder cannot be used with the profile nosuch"
  },
  { options: ["-vf", "scale=nosuch=3"], says: 'the filter "scale" has no option "nosuch"' },

  // Values.
  { options: ["-c:v", "libx264", "-crf", "abc"], says: "invalid value for -crf: abc" },
  { options: ["-b:v", "12foo"], says: "invalid value for -b: 12foo" },
  { options: ["-t", "abc"], says: "invalid value for -t: abc" },
  { inputOptions: ["-ss", "1:99:99"], says: "invalid value for -ss: 1:99:99" },
  { options: ["-frames:v", "abc"], says: "invalid value for -frames:v: abc" },
  { options: ["-r", "abc"], says: "invalid frame size or rate: abc" },
  { inputOptions: ["-r", "often"], says: "invalid frame size or rate: often" },
  { inputOptions: ["-t", "soon"], says: "invalid value for -t: soon" },
  { inputOptions: ["-itsoffset", "later"], says: "invalid value for -itsoffset: later" },
  { options: ["-ar", "loud"], says: "invalid value for -ar: loud" },
  { options: ["-ac", "two"], says: "invalid value for -ac: two" },
  { options: ["-vframes", "one"], says: "invalid value for -frames:v: one" },
  { options: ["-q:v", "good"], says: "invalid value for -q:v: good" },
  { options: ["-g", "twelve"], says: "invalid value for -g: twelve" },
  { options: ["-c:a", "aac", "-b:a", "fast"], says: "invalid value for -b: fast" },
  { options: ["-s", "12by4"], says: "invalid frame size or rate: 12by4" },
  { options: ["-s", "0x0"], says: "invalid frame size or rate: 0x0" },
  { options: ["-aspect", "abc"], says: "invalid value for -aspect: abc" },
  { options: ["-movflags", "abc"], says: "invalid value for -movflags: abc" },
  { options: ["-disposition:v:0", "abc"], says: /^invalid (?:option value|value for -disposition): abc$/ },
  { options: ["-to", "1", "-ss", "2"], says: "-to lies before -ss: give a later -to, or a length by -t" },

  // Options in the wrong place.
  {
    inputOptions: ["-vf", "hflip"],
    says: "the option -vf does not belong to an input: put it among the options of an output"
  },
  {
    options: ["-stream_loop", "1"],
    says: "the option -stream_loop does not belong to an output: put it among the options of an input"
  },
  { options: ["-metadata"], says: "the last option of an output needs a value" },
  { options: ["-c:v", "aac"], says: /^the encoder aac is for another kind of stream/ },
  {
    options: ["-c", "copy", "-vf", "hflip"],
    says: "a filter needs the stream to be encoded: choose a codec other than copy for it"
  },
  {
    graph: "[0:v]hflip[v]",
    maps: ["[v]"],
    options: ["-c", "copy"],
    says: "a filter needs the stream to be encoded: choose a codec other than copy for it"
  },

  // Graphs and maps.
  { options: ["-vf", "scale=10:10]"], says: "the filter graph is not well-formed" },
  {
    options: ["-vf", "hflip,,vflip"],
    says: "the name of a filter is missing: the graph has one separator too many"
  },
  {
    options: ["-vf", "overlay"],
    says: /^-vf and -af take filters with one input and one output: write (?:"overlay"|the graph) as task.filter_complex, with labels$/
  },
  {
    options: ["-vf", "split"],
    says: /^-vf and -af take filters with one input and one output: write (?:"split"|the graph) as task.filter_complex, with labels$/
  },
  {
    options: ["-af", "amix"],
    says: /^-vf and -af take filters with one input and one output: write (?:"amix"|the graph) as task.filter_complex, with labels$/
  },
  { options: ["-vf", "anull"], says: /^a filter for pictures meets sound/ },
  { options: ["-af", "hflip"], says: /^a filter for pictures meets sound/ },
  { graph: "[0:v]hflip,anull", says: /^a filter for pictures meets sound/ },
  {
    graph: "[0:s]hflip",
    says: "the filter graph takes [0:s], but input 0 (counted from 0) has no such stream"
  },
  {
    graph: "[vdieo]hflip",
    says: 'the filter graph takes "vdieo", which is neither a stream of an input nor a label that the graph makes'
  },
  { graph: "[3:v]hflip", says: "there is no input number 3: inputs are counted from 0" },
  {
    graph: "[0:v]overlay",
    says: /^(?:the input number 1|an input) of the filter "overlay" gets nothing: name what it takes by labels, as in \[0:v\]\[1:v\]overlay$/
  },
  {
    graph: "[0:v]hflip[a][b]",
    maps: ["[a]", "[b]"],
    says: /^the label \[b\] is one more than its filter has outputs$|^the filter "hflip" has 2 labels behind it, but 1 output/
  },
  { graph: "[0:v][0:v]hflip", says: 'the filter "hflip" has fewer inputs than labels in front of it' },
  {
    graph: "[0:v]hflip[v]",
    says: /^an output of the filter "hflip" leads nowhere: give it a label and name that label in the maps/
  },
  {
    graph: "[0:v]hflip[v]",
    maps: ["[v]", "[v]"],
    says: "a map names [v], but no filter output has that label, or it is used already"
  },
  {
    maps: ["0:5"],
    says: 'the map "0:5" matches no stream of the inputs (a "?" at its end makes it optional)'
  },
  { maps: ["0:s"], says: /^the map "0:s" matches no stream/ },
  { maps: ["nosuch"], says: /^the map "nosuch" matches no stream/ },
  { maps: ["0:v", "0:a:3"], says: /^the map "0:a:3" matches no stream/ },
  { maps: ["7:0"], says: "there is no input number 7: inputs are counted from 0" },

  // Filters and their inputs.
  {
    options: ["-vf", "scale=-1:abc"],
    says: 'the filter "scale" does not take these arguments',
    shows: "in 'abc'"
  },
  {
    options: ["-af", "atempo=500"],
    says: 'the filter "atempo" takes for "tempo" only values from 0.5 to 100',
    shows: "500"
  },
  {
    options: ["-vf", "setpts=PTS/nosuch"],
    says: 'the filter "setpts" does not take these arguments',
    shows: "nosuch"
  },
  {
    options: ["-vf", "scale=bogus:90"],
    says: 'the filter "scale" does not take these arguments',
    shows: "bogus"
  },
  {
    options: ["-vf", "fade=sideways"],
    says: 'the filter "fade" does not take these arguments',
    shows: "sideways"
  },
  {
    options: ["-vf", "rotate=nosuch"],
    says: 'the filter "rotate" does not take this input with these arguments',
    shows: "nosuch"
  },
  {
    options: ["-vf", "fps=often"],
    says: /^the filter "fps" does not take (?:this input with )?these arguments/,
    shows: "often"
  },
  {
    options: ["-vf", "drawbox=color=nosuch"],
    says: 'the filter "drawbox" does not take these arguments',
    shows: "nosuch"
  },
  {
    graph: "[0:v]scale=bogus:90[v]",
    maps: ["[v]"],
    says: 'the filter "scale" does not take these arguments',
    shows: "bogus"
  },
  {
    options: ["-vf", "crop=1000:900"],
    says: "the part to be cut out, 1000x900, is larger than the picture, or empty"
  },
  { options: ["-vf", "pad=10:10"], says: "the padded picture must be at least as large as the picture" },
  {
    options: ["-vf", "subtitles=nosuch.srt"],
    says: 'the filter "subtitles" finds no file "nosuch.srt" that it can read'
  },
  {
    options: ["-vf", "drawtext=text=a:x=nosuch("],
    says: 'the filter "drawtext" does not take this input with these arguments',
    shows: "nosuch("
  },
  {
    options: ["-vf", "scale=99999:99999"],
    says: /^the size of the picture is not possible: 99999x99999 has more pixels than ffmpeg takes/
  },
  {
    inputs: ["clip.mp4", "odd.mkv"],
    graph: "[0:v][1:v]concat[v]",
    maps: ["[v]"],
    says: "pictures that are joined must be alike, but are 34x34 and 64x48: give each the same scale and setsar=1 first"
  },
  {
    inputs: ["clip.mp4", "odd.mkv"],
    graph: "[0:v][1:v]hstack[v]",
    maps: ["[v]"],
    says: "pictures that are put together must have the same height, but have 34 and 48: scale them first"
  },

  // Encoders and formats.
  {
    options: ["-vf", "scale=33:33"],
    says: "this encoder needs an even width and height, not 33x33: put scale=trunc(iw/2)*2:trunc(ih/2)*2 at the end of its filters"
  },
  {
    options: ["-vn", "-ar", "12345"],
    file: "a.mp3",
    says: "this encoder takes no sample rate of 12345 Hz: choose another by -ar, for example 48000"
  },
  {
    options: ["-vn", "-ac", "7"],
    file: "a.mp3",
    says: "this encoder takes no sound of 6.1 channels: choose fewer by -ac, for example 2"
  },
  {
    options: ["-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv444p"],
    says: "this encoder cannot be used with the profile baseline",
    shows: "baseline"
  },
  {
    options: ["-c:a", "pcm_s16le"],
    says: "the output format mp4 takes no pcm_s16le (stream 1 of the output): choose another codec, or another format (pcm_s16le fits into .wav, .mov or .mkv)"
  },
  {
    options: ["-c", "copy"],
    file: "a.webm",
    says: /^the output format webm takes only VP8, VP9 or AV1 as video/,
    shows: "Only VP8"
  },
  {
    options: ["-c", "copy"],
    file: "a.mp3",
    says: 'the output format mp3 takes one stream of MP3 sound alone: choose it by a map, as in "maps": ["0:a:0"], and its codec by -c',
    shows: "MP3"
  },
  {
    options: ["-c", "copy", "-bsf:v", "vp9_superframe"],
    says: 'the bitstream filter "vp9_superframe" does not take h264'
  },
  {
    options: ["-c", "copy", "-f", "segment"],
    file: "a.mkv",
    says: 'the name "a.mkv" is no pattern for segments: it needs a number such as %03d, and no other percent sign'
  },
  { file: "a.jpg", says: /^several frames for one picture: use -frames:v 1/ },
  {
    file: "a.nosuch",
    says: 'the name "a.nosuch" tells no output format: give it a usual ending, or choose the format by -f'
  },
  { file: "noending", says: /^the name "noending" tells no output format/ },
  { options: ["-an", "-vn"], says: /^an output would have no stream/ },
  { inputs: ["sound.wav"], file: "a.png", says: /^an output would have no stream/ },
  {
    inputs: ["clip.mp4", "words.srt"],
    maps: ["1"],
    options: ["-c:s", "dvdsub"],
    file: "a.mkv",
    says: /^subtitles of text cannot become pictures/
  },
  {
    inputs: ["clip.mp4", "words.srt"],
    maps: ["0", "1"],
    options: ["-c:s", "srt"],
    says: /^the output format mp4 takes no subrip \(stream 2 of the output\): write -c:s mov_text for MP4/
  },
  {
    inputs: ["clip.mp4", "words.srt"],
    maps: ["0", "1"],
    file: "a.mpg",
    says: /^the format mpeg has no usual encoder for one of the streams/
  },
  { options: ["-attach", "nosuch.ttf"], file: "a.mkv", says: 'no file "nosuch.ttf" to attach' },

  // Codecs that a format refuses.
  {
    inputs: ["sound.wav"],
    options: ["-c", "copy"],
    file: "a.ogg",
    says: /^the output format ogg does not take the codec of stream 0 .*it takes Vorbis/
  },
  {
    inputs: ["sound.wav"],
    options: ["-c:a", "alac"],
    file: "a.wav",
    says: /^the output format wav takes no alac: write -vn -c:a pcm_s16le/
  },
  {
    inputs: ["sound.wav"],
    options: ["-c", "copy"],
    file: "a.mp3",
    says: /^the output format mp3 takes one stream of MP3 sound alone/
  },
  {
    inputs: ["sound.wav"],
    options: ["-c", "copy"],
    file: "a.flac",
    says: /^the output format flac takes one stream of FLAC sound alone/
  },
  {
    inputs: ["sound.wav"],
    options: ["-c", "copy"],
    file: "a.webm",
    says: /^the output format webm takes only VP8, VP9 or AV1 as video/
  },
  {
    inputs: ["clip.mp4", "words.srt"],
    maps: ["0", "1"],
    options: ["-c:s", "mov_text"],
    file: "a.mkv",
    says: /^the output format matroska (?:takes no mov_text|does not take the codec of the subtitles).*-c:s srt or ass for Matroska/
  },
  {
    inputs: ["clip.mp4", "words.srt"],
    maps: ["0", "1"],
    options: ["-c:s", "webvtt"],
    says: /^the output format mp4 takes no webvtt .*write -c:s mov_text for MP4/
  },
  {
    options: ["-c:a", "opus", "-strict", "-2"],
    file: "a.mov",
    says: /^the output format mov does not take these streams \("opus only supported in MP4"\)/
  },
  // Version 9 has no -vsync.
  {
    options: ["-vsync", "drop"],
    says: /^stream 0 of the output has packets without a time.*leave out -vsync drop$|^unknown option: -vsync$/
  },

  // Common mistakes.
  {
    options: ["-c", "copy", "-bsf:v", "hevc_mp4toannexb"],
    file: "a.ts",
    says: 'the bitstream filter "hevc_mp4toannexb" does not take h264'
  },
  {
    inputs: ["sound.wav"],
    options: ["-c", "copy", "-bsf:a", "aac_adtstoasc"],
    file: "a.wav",
    says: 'the bitstream filter "aac_adtstoasc" does not take pcm_s16le'
  },
  { maps: ["0:v:1"], says: /^the map "0:v:1" matches no stream/ },
  { options: ["-aspect", "16:0"], says: "invalid value for -aspect: 16:0" },
  {
    options: ["-af", "loudnorm=I=5"],
    says: 'the filter "loudnorm" takes for "I" only values from -70 to -5'
  },
  { options: ["-af", "loudnorm=target=-16"], says: 'the filter "loudnorm" has no option "target"' },
  {
    inputs: ["clip.mp4", "odd.mkv"],
    graph: "[0:v][1:v]xfade=duration=0.1:offset=0.2[v]",
    maps: ["[v]"],
    says: "pictures that are put together must have the same size, but have 64x48 and 34x34: scale them first"
  },
  {
    inputs: ["clip.mp4", "clip.mp4"],
    graph: "[0:v]fps=10[a];[1:v]fps=25[b];[a][b]xfade=duration=0.1:offset=0.2[v]",
    maps: ["[v]"],
    says: /^the inputs of the filter "xfade" must have the same frame rate and time base: put the same fps and settb before both/
  },
  {
    options: ["-vf", "paletteuse"],
    file: "a.gif",
    says: /^-vf and -af take filters with one input and one output: write (?:"paletteuse"|the graph) as task.filter_complex/
  },
  {
    inputs: ["clip.mp4", "odd.mkv"],
    graph: "[0:a][1:a]amix[a]",
    maps: ["[a]"],
    says: "the filter graph takes [1:a], but input 1 (counted from 0) has no such stream"
  },
  {
    inputs: ["odd.mkv", "clip.mp4"],
    graph: "[0:a][1:a]amix[a]",
    maps: ["[a]"],
    says: "the filter graph takes [0:a], but input 0 (counted from 0) has no such stream"
  },
  {
    inputs: ["odd.mkv", "odd.mkv"],
    graph: "[0:a][1:a]amix[a]",
    maps: ["[a]"],
    says: 'the filter graph takes ":a" of the inputs 0, 1 (counted from 0), and these have no such stream'
  },
  {
    inputs: ["clip.mp4", "clip.mp4"],
    graph: "[0:v][1:v]concat=n=2:v=1:a=1[v]",
    maps: ["[v]"],
    says: /^the filter graph gives ":v" of an input to a filter that takes another kind of stream there: check the order of its labels/
  },
  { options: ["-c:v", "prores_ks", "-profile:v", "9"], file: "a.mov", says: "invalid value for -profile: 9" },
  {
    options: ["-c:v", "prores", "-profile:v", "8"],
    file: "a.mov",
    says: /^the encoder has no profile 8: write as -profile:v one of 0 - apco|^invalid value for -profile: 8$/
  },
  {
    options: ["-c:v", "h264_nvenc"],
    says: /^the codec needs hardware that this machine does not have|^unknown encoder: h264_nvenc$/
  },
  {
    options: ["-c:v", "h264_vaapi"],
    says: /^two filters, or a filter and an encoder, have no pixel or sample format in common/
  },
  {
    inputOptions: ["-hwaccel", "cuda"],
    options: ["-vf", "scale_cuda=32:32"],
    says: /^the codec needs hardware that this machine does not have|^unknown filter: scale_cuda/
  },
  {
    options: ["-vf", "scale=64:48:force_original_aspect_ratio=fit"],
    says: 'the filter "scale" does not take these arguments',
    shows: "fit"
  },
  { options: ["-b:v", "-5"], says: "invalid value for -b: -5" },
  { options: ["-r", "0"], says: "invalid frame size or rate: 0" },
  { options: ["-t", "-5"], says: "-t is a length, and must not be negative" },
  {
    options: ["-c", "copy", "-af", "volume=2"],
    says: "a filter needs the stream to be encoded: choose a codec other than copy for it"
  },
  { options: ["-vf", "crop=0:0"], says: "the part to be cut out, 0x0, is larger than the picture, or empty" },
  {
    options: ["-vf", "setsar=0/0"],
    says: 'the filter "setsar" does not take this input with these arguments',
    shows: "0/0"
  },
  {
    options: ["-af", "volume=loud"],
    says: 'the filter "volume" does not take these arguments',
    shows: "loud"
  },

  // Inputs.
  { inputs: ["notes.txt"], says: '"notes.txt" is not a media file that can be read, or it is damaged' },
  { inputs: ["text.jpg"], says: /^nothing of stream 0 of "text\.jpg" can be decoded/ },
  { inputs: ["text.png"], says: /^nothing of stream 0 of "text\.png" can be decoded/ },
  {
    inputs: ["cut.mp4"],
    says: /^"cut\.mp4" is not a media file that can be read \(a web page .*\), or it is cut off/
  },
  { inputs: ["empty.mp4"], says: '"empty.mp4" is empty (0 bytes): upload it again' },
  { inputs: ["page.mp4"], says: /^"page\.mp4" is a web page, not media: upload the file itself/ },
  { inputs: ["page.jpg"], says: /^"page\.jpg" is a web page, not media: upload the file itself/ },
  { inputs: ["page.mp3"], says: /^"page\.mp3" is a web page, not media: upload the file itself/ },
  { inputs: ["text.mp3"], says: '"text.mp3" is not a media file that can be read, or it is damaged' },
  { inputs: ["text.gif"], says: '"text.gif" is not a media file that can be read, or it is damaged' },
  {
    inputs: ["clip.mp4", "text.png"],
    graph: "[0:v][1:v]overlay",
    says: /^nothing of stream 0 of "text\.png" can be decoded|^the filter "overlay"/
  },
  {
    inputs: ["list.m3u8"],
    // ffmpeg 9 does not name the format that it found.
    says: /^an input (?:has the format "hls", which is not accepted: upload the media itself: a playlist|is of a kind that is not accepted: playlists)/
  },
  { inputOptions: ["-ss", "100"], says: /^the output "a\.mp4" is empty: nothing was encoded/ }
]

export const titleOf = ({
  inputs = ["clip.mp4"],
  inputOptions = [],
  graph,
  maps = [],
  options = [],
  file = "a.mp4"
}: FailingTask): string =>
  [...inputOptions, ...inputs, ...(graph === undefined ? [] : [graph]), ...maps, ...options, file].join(" ")

export const keyOf = (input: string): BlobKey => BlobKey(`dir_1/blob_1/${input}`)

export const planOf = (task: FailingTask, bytesOf: (input: string) => number): Plan => {
  const {
    inputs = ["clip.mp4"],
    inputOptions = [],
    graph = null,
    maps = [],
    options = [],
    file = "a.mp4"
  } = task
  return makePlan(
    {
      directory: DirId("dir_1"),
      inputs: inputs.map((name) => ({
        name: FileName(name),
        key: keyOf(name),
        bytes: bytesOf(name),
        options: inputOptions
      })),
      outputs: [{ name: FileName(file), options, maps }],
      filterComplex: graph
    },
    "job_1-1",
    defaultLimits
  )
}
