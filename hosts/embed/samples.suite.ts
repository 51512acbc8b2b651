import { execFile } from "node:child_process"
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

const video = (source: string) => `-f lavfi -i ${source}`
const audio = (expression: string, seconds: number, rate = 44_100) =>
  `-f lavfi -i aevalsrc='${expression}':d=${seconds}:s=${rate}`
const twoTones = "0.4*sin(880*PI*t)|0.3*sin(1320*PI*t)"
/** A tone that comes and goes, with silence before and after. */
const speech = "0.5*sin(600*PI*t)*gt(sin(9*t),0)*between(t,0.2,1.3)"
const quick = "-pix_fmt yuv420p -preset ultrafast"

/** The tested build may be unable to make all of them, or to describe a result. */
const maker = process.env.FFKILN_TEST_SAMPLES_FFMPEG || "ffmpeg"

/**
 * Short samples of each kind of media: the arguments that make each one, in an order in which later ones may
 * use earlier ones.
 */
const made: ReadonlyArray<readonly [name: string, args: string]> = [
  [
    "clip.mp4",
    `${video("testsrc2=s=128x72:r=25:d=2")} ${audio(twoTones, 2)} -f lavfi -i sine=330:d=2 -map 0 -map 1 -map 2 ${quick} -g 12 ` +
      "-c:a aac -b:a 64k -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu"
  ],
  [
    "talk.mp4",
    `${video("mandelbrot=s=96x96:r=30")} -f lavfi -i sine=220:r=48000 -t 1 -ac 1 ${quick} -c:a aac`
  ],
  [
    "green.mp4",
    `${video("color=0x00FF00:s=96x54:r=25:d=1,drawbox=x=30:y=10:w=30:h=30:color=red:t=fill")} ${quick}`
  ],
  [
    "cuts.mp4",
    `${video("color=red:s=64x48:d=0.4")} ${video("testsrc=s=64x48:d=0.4")} ${video("color=blue:s=64x48:d=0.4")} -filter_complex concat=n=3 ${quick}`
  ],
  [
    "phone.mp4",
    `${video("testsrc2=s=96x54:r=30:d=1,select='not(eq(mod(n,4),1))'")} ${audio(twoTones, 1)} ${quick} -c:a aac -metadata:s:v rotate=90`
  ],
  [
    "clip.webm",
    "-i clip.mp4 -map 0:v -map 0:a:0 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 200k -c:a libopus -b:a 48k"
  ],
  [
    "alpha.mov",
    `${video("testsrc2=s=128x72:r=25:d=1,format=argb,colorchannelmixer=aa=0.6,fade=out:st=0.6:d=0.3:alpha=1")} -c:v qtrle`
  ],
  [
    "tape.ts",
    `${video("testsrc2=s=128x96:r=50:d=1,tinterlace=mode=interleave_top")} ${audio(twoTones, 1, 48_000)} -c:v mpeg2video -flags +ilme+ildct -b:v 1M -c:a mp2`
  ],
  ["piece.ts", "-i clip.mp4 -map 0:v -map 0:a:0 -c copy"],
  ["part1.mp4", `${video("testsrc=s=96x54:r=25:d=0.6")} ${audio(twoTones, 0.6)} ${quick} -c:a aac`],
  ["part2.mp4", `${video("testsrc2=s=96x54:r=25:d=0.6")} ${audio(twoTones, 0.6)} ${quick} -c:a aac`],
  ["video.264", "-i clip.mp4 -an -c:v copy"],
  ["photo.png", `${video("mandelbrot=s=160x120")} -frames:v 1`],
  ["photo.jpg", `${video("testsrc=s=160x120")} -frames:v 1`],
  ["logo.png", `${video("testsrc=s=32x24,format=rgba,colorchannelmixer=aa=0.7")} -frames:v 1`],
  ["sticker.webp", `${video("testsrc2=s=64x64")} -frames:v 1`],
  ["banner.gif", `${video("testsrc2=s=49x31:r=10:d=0.8")}`],
  ["slide1.png", `${video("color=red:s=64x48")} -frames:v 1`],
  ["slide2.png", `${video("testsrc=s=64x48")} -frames:v 1`],
  ["slide3.png", `${video("testsrc2=s=64x48")} -frames:v 1`],
  ["frames.mjpeg", `${video("testsrc2=s=64x48:r=12:d=0.5")} -f mjpeg`],
  ["frames.raw", `${video("testsrc2=s=64x48:r=25:d=0.4")} -f rawvideo -pix_fmt yuv420p`],
  ["voice.wav", `${audio(speech, 1.6, 16_000)}`],
  ["voice.mp3", "-i voice.wav -b:a 48k"],
  ["samples.raw", "-i voice.wav -f s16le"],
  ["music.flac", `${audio("0.4*sin(880*PI*t)|0.4*sin(500*PI*t*(1+0.1*t))", 1.5, 48_000)} -sample_fmt s16`],
  [
    "surround.flac",
    `${audio("0.2*sin(200*t)|0.2*sin(300*t)|0.2*sin(400*t)|0.1*sin(90*t)|0.2*sin(500*t)|0.2*sin(600*t)", 1, 48_000)} -sample_fmt s16`
  ],
  ["tune.ogg", `${audio(twoTones, 1.5)} -c:a libvorbis`],
  [
    "song.mp3",
    `${audio(twoTones, 1.5)} -i photo.jpg -map 0 -map 1 -c:v mjpeg -b:a 96k -disposition:v attached_pic -metadata title=Song`
  ],
  [
    "film.mkv",
    "-i clip.mp4 -i talk.srt -i chapters.ini -map 0:v -map 0:a:0 -map 1 -map_metadata 2 -c copy -c:s srt"
  ]
]

const written: Readonly<Record<string, string>> = {
  "talk.srt":
    "1\n00:00:00,200 --> 00:00:01,000\nHello <i>there</i>\n\n2\n00:00:01,200 --> 00:00:01,900\nand good night\n",
  "styled.ass":
    "[Script Info]\nScriptType: v4.00+\nPlayResX: 128\nPlayResY: 72\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour\n" +
    "Style: Default,DejaVu Sans,14,&H0000FFFF\n\n[Events]\nFormat: Layer, Start, End, Style, Text\n" +
    "Dialogue: 0,0:00:00.20,0:00:01.50,Default,{\\b1}Bold{\\b0} and {\\fad(200,200)}fading\n",
  "chapters.ini":
    ";FFMETADATA1\ntitle=A film\nartist=Somebody\n\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=Before\n\n" +
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=900\nEND=2000\ntitle=After\n",
  "list.txt": "file 'part1.mp4'\nfile 'part2.mp4'\n",
  "slides.txt":
    "file slide1.png\nduration 0.3\nfile slide2.png\nduration 0.2\nfile slide3.png\nduration 0.3\nfile slide3.png\n",
  "title.txt": "A title: with 100% of\nits own signs\n",
  "warm.cube": [
    "LUT_3D_SIZE 2",
    "0 0 0",
    "1 .1 0",
    "0 .9 .1",
    "1 1 .1",
    "0 0 .8",
    "1 .1 .8",
    "0 .9 .8",
    "1 1 .8",
    ""
  ].join("\n")
}

/** A network for `arnndn` in its format, with the smallest layers: it halves the volume of every band. */
const denoiser = (): string => {
  const dense = (inputs: number, neurons: number) => [
    [inputs, neurons, 1],
    Array(inputs * neurons).fill(0),
    Array(neurons).fill(0)
  ]
  const gru = (inputs: number, neurons: number) => [
    [inputs, neurons, 0],
    ...[inputs * neurons * 3, neurons * neurons * 3, neurons * 3].map((count) => Array(count).fill(0))
  ]
  const layers = [dense(42, 2), gru(2, 2), gru(46, 2), gru(46, 2), dense(2, 22), dense(2, 1)]
  return ["rnnoise-nu model file version 1", ...layers.flat().map((numbers) => numbers.join(" ")), ""].join(
    "\n"
  )
}

/** Subtitles as pictures, in the format of Blu-ray discs: one of 8x2 pixels from 0.2 s to 1 s. */
const pictured = (): Buffer => {
  const segment = (seconds: number, type: number, ...content: ReadonlyArray<number>) => {
    const head = Buffer.alloc(13)
    head.write("PG")
    head.writeUInt32BE(seconds * 90_000, 2)
    head.writeUInt8(type, 10)
    head.writeUInt16BE(content.length, 11)
    return [head, Buffer.from(content)]
  }
  const size = [0, 128, 0, 72]
  const window = [1, 0, 0, 10, 0, 10, 0, 8, 0, 2]
  // Eight pixels of the colour 1 in each line.
  const lines = [0, 0x88, 1, 0, 0, 0, 0x88, 1, 0, 0]
  return Buffer.concat([
    ...segment(0.2, 0x16, ...size, 0x10, 0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 10, 0, 10),
    ...segment(0.2, 0x17, ...window),
    ...segment(0.2, 0x14, 0, 0, 1, 200, 128, 128, 255),
    ...segment(0.2, 0x15, 0, 0, 0, 0xc0, 0, 0, lines.length + 4, 0, 8, 0, 2, ...lines),
    ...segment(0.2, 0x80),
    ...segment(1, 0x16, ...size, 0x10, 0, 2, 0, 0, 0, 0),
    ...segment(1, 0x17, ...window),
    ...segment(1, 0x80)
  ])
}

const fonts = "/usr/share/fonts"

/** Makes all samples in the folder and returns their names. */
export const makeSamples = async (folder: string): Promise<ReadonlyArray<string>> => {
  for (const [name, text] of Object.entries(written)) await writeFile(join(folder, name), text)
  await writeFile(
    join(folder, "latin.srt"),
    Buffer.from("1\n00:00:00,200 --> 00:00:01,000\nCaf\xe9\n", "latin1")
  )
  await writeFile(join(folder, "quiet.rnnn"), denoiser())
  await writeFile(join(folder, "disc.sup"), pictured())
  const font = (await readdir(fonts, { recursive: true })).sort().find((file) => file.endsWith(".ttf"))
  if (font === undefined) throw new Error("there is no font to write with: install fonts-dejavu-core")
  await copyFile(join(fonts, font), join(folder, "font.ttf"))
  for (const [name, args] of made)
    await run(maker, ["-v", "error", "-nostdin", ...args.split(" "), name], { cwd: folder })
  return readdir(folder)
}

/**
 * The content of a file for comparisons: decoded frames with their times, streams, tags and chapters, without
 * random ids.
 */
export const contentOf = async (file: string): Promise<string> => {
  const decoding = "-map 0:v? -map 0:a? -map 0:s? -c:s copy -f framemd5 -".split(" ")
  const decoded = await run(maker, ["-v", "error", "-nostdin", "-i", file, ...decoding])
  const shown = [
    "-show_streams",
    "-show_chapters",
    "-show_entries",
    "format=format_name,nb_streams,start_time,duration:format_tags"
  ]
  const probed = await run("ffprobe", ["-v", "error", ...shown, "-of", "json", file])
  return `${decoded.stdout}\n${probed.stdout.replaceAll(/^.*_umid".*$/gm, "")}`
}

/** Whether two files are equal to the byte. A few muxers write random ids and never make such files. */
export const identical = async (one: string, other: string): Promise<boolean> =>
  (await readFile(one)).equals(await readFile(other))
