import type { Ordinary, Words } from "./command.suite.js"

const encoded = (wish: string, file: string, options: Words, input = "clip.mp4"): Ordinary => ({
  wish,
  inputs: [[input, "-t 0.8"]],
  outputs: [[file, options]]
})

/** Codecs and quality. */
export const codecs: ReadonlyArray<Ordinary> = [
  encoded("a smaller film", "small.mp4", "-crf 28"),
  encoded(
    "good settings for every day",
    "good.mp4",
    "-vf scale=w=96:h=-2,setsar=1:1 -crf 18 -preset veryslow -threads 0 -tune fastdecode -movflags +faststart"
  ),
  encoded(
    "a film that plays everywhere",
    "plain.mp4",
    "-c:v libx264 -profile:v baseline -level 3.0 -pix_fmt yuv420p -c:a aac -ac 2 -ar 44100 -b:a 96k"
  ),
  encoded(
    "a bit rate that is held",
    "steady.mp4",
    "-c:v libx264 -b:v 200k -minrate 200k -maxrate 200k -bufsize 400k -x264-params nal-hrd=cbr:force-cfr=1 -preset ultrafast"
  ),
  encoded(
    "a cap on the bit rate",
    "capped.mp4",
    "-c:v libx264 -crf 23 -maxrate 300k -bufsize 600k -g 25 -keyint_min 25 -sc_threshold 0 -bf 2 -refs 2"
  ),
  encoded(
    "the encoder's own words",
    "tuned.mp4",
    "-c:v libx264 -x264opts keyint=25:min-keyint=25:no-scenecut:bframes=2:ref=2 -preset superfast -tune film"
  ),
  encoded("nothing lost", "lossless.mkv", "-c:v libx264 -qp 0 -preset ultrafast -c:a flac"),
  encoded(
    "finer colours",
    "fine.mp4",
    "-an -c:v libx264 -profile:v high422 -pix_fmt yuv422p10le -crf 20 -preset ultrafast"
  ),
  encoded(
    "colours that are named",
    "named.mp4",
    "-an -c:v libx264 -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv -preset ultrafast"
  ),
  {
    wish: "a size reached in two passes",
    inputs: ["clip.mp4"],
    outputs: [["first.mp4", "-an -c:v libx264 -b:v 150k -pass 1 -passlogfile run -preset fast"]],
    next: [
      {
        inputs: ["clip.mp4"],
        outputs: [
          ["second.mp4", "-c:v libx264 -b:v 150k -pass 2 -passlogfile run -preset fast -c:a aac -b:a 64k"]
        ]
      }
    ]
  },
  {
    wish: "a web film in two passes",
    inputs: [["talk.mp4", "-t 0.5"]],
    outputs: [
      ["first.ivf", "-an -c:v libvpx-vp9 -b:v 100k -pass 1 -passlogfile run -deadline good -cpu-used 5"]
    ],
    next: [
      {
        inputs: [["talk.mp4", "-t 0.5"]],
        outputs: [
          [
            "second.webm",
            "-c:v libvpx-vp9 -b:v 100k -pass 2 -passlogfile run -deadline good -cpu-used 5 -c:a libopus"
          ]
        ]
      }
    ]
  },
  encoded("hevc for an apple", "apple.mp4", "-c:v libx265 -preset ultrafast -crf 28 -vtag hvc1 -c:a copy"),
  encoded(
    "hevc with its own words",
    "fine.mkv",
    "-an -c:v libx265 -preset ultrafast -x265-params crf=26:keyint=25:no-open-gop=1:log-level=error -pix_fmt yuv420p10le"
  ),
  encoded(
    "vp8 and vorbis",
    "old.webm",
    "-c:v libvpx -crf 10 -b:v 200k -deadline good -cpu-used 5 -c:a libvorbis -q:a 4"
  ),
  encoded(
    "vp9 and opus",
    "new.webm",
    "-c:v libvpx-vp9 -crf 35 -b:v 0 -row-mt 1 -tile-columns 1 -deadline realtime -cpu-used 8 -c:a libopus -b:a 48k"
  ),
  encoded(
    "av1",
    "next.mp4",
    "-an -c:v libsvtav1 -preset 12 -crf 40 -svtav1-params tune=0 -frames:v 10",
    "talk.mp4"
  ),
  encoded(
    "av1 from another encoder",
    "next.mkv",
    "-an -c:v libaom-av1 -cpu-used 8 -usage realtime -crf 40 -b:v 0 -aom-params enable-cdef=0 -frames:v 5",
    "talk.mp4"
  ),
  encoded(
    "a film for the cutting room",
    "edit.mov",
    "-c:v prores_ks -profile:v 3 -vendor apl0 -pix_fmt yuv422p10le -c:a pcm_s16le"
  ),
  {
    wish: "a proxy for the other cutting room",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "proxy.mov",
        "-c:v dnxhd -profile:v dnxhr_lb -vf scale=256:144,format=yuv422p -c:a pcm_s16le -frames:v 4"
      ]
    ]
  },
  encoded(
    "a film with alpha for the web",
    "alpha.webm",
    "-c:v libvpx-vp9 -pix_fmt yuva420p -auto-alt-ref 0 -deadline realtime -cpu-used 8",
    "alpha.mov"
  ),
  encoded("mpeg2 with gops", "old.mpg", "-c:v mpeg2video -q:v 4 -g 12 -bf 2 -c:a mp2 -b:a 128k"),
  { wish: "a disc", inputs: ["clip.mp4"], outputs: [["disc.mpg", "-target pal-dvd -t 0.3"]] },
  encoded(
    "a film for a very old player",
    "old.avi",
    "-c:v mpeg4 -vtag xvid -qscale:v 5 -c:a libmp3lame -b:a 96k"
  ),
  encoded("another old encoder", "xvid.avi", "-an -c:v libxvid -q:v 4"),
  encoded("theora", "free.ogv", "-c:v libtheora -q:v 5 -c:a libvorbis -q:a 3"),
  encoded("a film for a telephone of its time", "phone.3gp", "-c:v h263 -s qcif -r 15 -b:v 60k -an"),
  encoded("motion jpeg", "jpegs.avi", "-c:v mjpeg -q:v 3 -pix_fmt yuvj420p -c:a pcm_s16le"),
  encoded(
    "archived without loss",
    "archive.mkv",
    "-c:v ffv1 -level 3 -coder 1 -context 1 -g 1 -slices 4 -slicecrc 1 -c:a flac"
  ),
  encoded("raw frames in a box", "huge.avi", "-an -c:v huffyuv -frames:v 5"),
  encoded("windows media", "win.wmv", "-c:v wmv2 -b:v 200k -c:a wmav2 -b:a 64k"),
  encoded("flash", "flash.flv", "-c:v flv -b:v 200k -ar 22050 -c:a libmp3lame"),
  encoded(
    "mp3 by quality",
    "good.mp3",
    "-c:a libmp3lame -q:a 2 -write_xing 0 -id3v2_version 3",
    "music.flac"
  ),
  encoded("mp3 by rate", "rate.mp3", "-codec:a libmp3lame -b:a 128k -compression_level 2", "music.flac"),
  encoded("aac at a rate", "song.m4a", "-c:a aac -b:a 64k -aac_coder twoloop -cutoff 15000", "music.flac"),
  encoded(
    "opus for speech",
    "voice.opus",
    "-c:a libopus -b:a 24k -vbr on -application voip -frame_duration 20",
    "voice.wav"
  ),
  encoded("flac, as small as it can be", "song.flac", "-compression_level 12 -sample_fmt s16", "music.flac"),
  encoded("alac", "song.m4a", "-c:a alac", "music.flac"),
  encoded("dolby digital", "room.ac3", "-c:a ac3 -b:a 384k", "surround.flac"),
  encoded("dolby digital plus", "room.eac3", "-c:a eac3 -b:a 192k", "surround.flac"),
  encoded("long samples", "studio.wav", "-c:a pcm_s24le -ar 96000 -rf64 auto", "music.flac"),
  encoded("speech for a telephone", "call.gsm", "-c:a libgsm -ar 8000 -ac 1", "voice.wav"),
  encoded(
    "sound of a disc without losses",
    "disc.thd",
    "-c:a truehd -strict experimental -f truehd",
    "music.flac"
  ),
  encoded("samples for a mac", "mac.aiff", "-c:a pcm_s16be", "music.flac"),
  encoded("speech in a telephone's samples", "phone.wav", "-c:a pcm_mulaw -ar 8000 -ac 1", "voice.wav"),
  encoded("wavpack", "song.wv", "-c:a wavpack", "music.flac"),
  encoded(
    "one quality for each track",
    "tracks.mp4",
    "-map 0 -c:v copy -c:a:0 aac -b:a:0 96k -c:a:1 aac -b:a:1 32k -ac:a:1 1"
  ),
  {
    wish: "a ladder of sizes at once",
    inputs: ["clip.mp4"],
    graph: "[0:v]split=3[a][b][c];[a]scale=-2:72[v1];[b]scale=-2:54[v2];[c]scale=-2:36[v3]",
    outputs: [
      ["72p.mp4", "-c:v libx264 -crf 23 -preset ultrafast -c:a copy", "[v1] 0:a:0"],
      ["54p.mp4", "-c:v libx264 -crf 26 -preset ultrafast -c:a copy", "[v2] 0:a:0"],
      ["36p.mp4", "-c:v libx264 -crf 30 -preset ultrafast -c:a copy", "[v3] 0:a:0"]
    ]
  },
  {
    wish: "two passes, as they are mostly written",
    inputs: ["clip.mp4"],
    outputs: [["first.mp4", "-an -c:v libx264 -b:v 150k -pass 1"]],
    next: [{ inputs: ["clip.mp4"], outputs: [["second.mp4", "-c:v libx264 -b:v 150k -pass 2 -c:a aac"]] }]
  },
  encoded(
    "a level for each stream, and threads",
    "level.mp4",
    "-vcodec libx264 -profile:v main -level:v 4.0 -threads 2 -filter_threads 1 -acodec aac -strict -2 -vol 256"
  ),
  encoded(
    "no more than a quantizer",
    "quant.mp4",
    "-c:v mpeg4 -qmin 2 -qmax 12 -mbd rd -trellis 2 -me_method epzs -an"
  )
]
