import type { Ordinary } from "./command.suite.js"

/** Cutting, joining, speed and frame rates. */
export const cutting: ReadonlyArray<Ordinary> = [
  {
    wish: "a piece without encoding it again",
    inputs: [["clip.mp4", "-ss 0.5"]],
    outputs: [["piece.mp4", "-t 0.8 -c copy"]]
  },
  {
    wish: "a piece that is exact to the frame",
    inputs: ["clip.mp4"],
    outputs: [["piece.mp4", "-ss 0.44 -to 1.28 -crf 23 -preset ultrafast"]]
  },
  {
    wish: "a piece between two clock times",
    inputs: ["clip.mp4"],
    outputs: [["piece.mp4", "-ss 00:00:00.5 -to 00:00:01.5"]]
  },
  {
    wish: "fast seeking, with timestamps that begin at zero",
    inputs: [["clip.mp4", "-ss 1 -noaccurate_seek"]],
    outputs: [["piece.mp4", "-c copy -avoid_negative_ts make_zero"]]
  },
  {
    wish: "the last half second",
    inputs: [["clip.mp4", "-sseof -0.5"]],
    outputs: [["end.mp4", "-preset ultrafast"]]
  },
  { wish: "only so many frames", inputs: ["clip.mp4"], outputs: [["start.mp4", "-frames:v 10 -an"]] },
  { wish: "an input that ends early", inputs: [["clip.mp4", "-t 0.6"]], outputs: ["start.mkv"] },
  {
    wish: "two pieces of one film as two files",
    inputs: ["clip.mp4"],
    outputs: [
      ["first.mp4", "-t 0.5 -preset ultrafast"],
      ["second.mp4", "-ss 1 -t 0.5 -preset ultrafast"]
    ]
  },
  {
    wish: "the boring middle taken out",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "short.mp4",
        "-vf select='between(t,0,0.6)+between(t,1.4,2)',setpts=N/FRAME_RATE/TB -af aselect='between(t,0,0.6)+between(t,1.4,2)',asetpts=N/SR/TB"
      ]
    ]
  },
  {
    wish: "two scenes with fades, one after the other",
    inputs: ["clip.mp4"],
    graph:
      "[0:v]trim=start=0:end=0.6,setpts=PTS-STARTPTS,fade=t=in:st=0:d=0.2[v1];[0:a:0]atrim=start=0:end=0.6,asetpts=PTS-STARTPTS,afade=t=in:d=0.2[a1];" +
      "[0:v]trim=start=1.2:end=1.8,setpts=PTS-STARTPTS,fade=t=out:st=0.4:d=0.2[v2];[0:a:0]atrim=start=1.2:end=1.8,asetpts=PTS-STARTPTS,afade=t=out:st=0.4:d=0.2[a2];" +
      "[v1][a1][v2][a2]concat=n=2:v=1:a=1[v][a]",
    outputs: [["scenes.mp4", "-preset ultrafast", "[v] [a]"]]
  },
  {
    wish: "two clips of different shapes joined",
    inputs: ["clip.mp4", "talk.mp4"],
    graph:
      "[0:v]scale=96:96:force_original_aspect_ratio=decrease,pad=96:96:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=25[v0];[1:v]setsar=1,fps=25[v1];" +
      "[0:a:0]aformat=sample_rates=44100:channel_layouts=stereo[a0];[1:a]aformat=sample_rates=44100:channel_layouts=stereo[a1];" +
      "[v0][a0][v1][a1]concat=n=2:v=1:a=1[v][a]",
    outputs: [["joined.mp4", "-preset ultrafast", "[v] [a]"]]
  },
  {
    wish: "a list of clips joined without encoding",
    inputs: [["list.txt", "-f concat"]],
    also: ["part1.mp4", "part2.mp4"],
    outputs: [["joined.mp4", "-c copy"]]
  },
  {
    wish: "three songs in a row",
    inputs: ["song.mp3", "tune.ogg", "voice.wav"],
    graph: "[0:a][1:a][2:a]concat=n=3:v=0:a=1[a]",
    outputs: [["row.mp3", "-q:a 2", "[a]"]]
  },
  {
    wish: "twice the speed, at the same pitch",
    inputs: ["clip.mp4"],
    graph: "[0:v]setpts=PTS/2[v];[0:a:0]atempo=2.0[a]",
    outputs: [["fast.mp4", "-preset ultrafast", "[v] [a]"]]
  },
  {
    wish: "slow motion",
    inputs: ["clip.mp4"],
    outputs: [["slow.mp4", "-filter:v setpts=2.0*PTS -filter:a atempo=0.5 -preset ultrafast"]]
  },
  {
    wish: "slow motion with frames made up between",
    inputs: ["talk.mp4"],
    outputs: [["slow.mp4", "-an -t 0.6 -vf setpts=2*PTS,minterpolate=fps=30:mi_mode=mci"]]
  },
  {
    wish: "everything backwards",
    inputs: ["clip.mp4"],
    outputs: [["back.mp4", "-vf reverse -af areverse -preset ultrafast"]]
  },
  {
    wish: "there and back again",
    inputs: ["talk.mp4"],
    graph: "[0:v]split[a][b];[b]reverse[r];[a][r]concat=n=2:v=1:a=0[v]",
    outputs: [["boomerang.mp4", "-an", "[v]"]]
  },
  {
    wish: "a clip three times over",
    inputs: [["clip.mp4", "-stream_loop 2"]],
    outputs: [["loop.mp4", "-c copy"]]
  },
  {
    wish: "a frame that stands still for a while",
    inputs: ["clip.mp4"],
    outputs: [["still.mp4", "-an -vf loop=loop=15:size=1:start=20,setpts=N/FRAME_RATE/TB"]]
  },
  {
    wish: "the last frame held",
    inputs: ["clip.mp4"],
    outputs: [["held.mp4", "-an -vf tpad=stop_mode=clone:stop_duration=0.5 -preset ultrafast"]]
  },
  { wish: "ten frames a second", inputs: ["clip.mp4"], outputs: [["ten.mp4", "-vf fps=10 -c:a copy"]] },
  {
    wish: "another rate by repeating and dropping",
    inputs: ["clip.mp4"],
    outputs: [["ntsc.mp4", "-r 30000/1001 -preset ultrafast"]]
  },
  {
    wish: "a smoother rate by blending",
    inputs: ["clip.mp4"],
    outputs: [["fifty.mp4", "-an -vf framerate=fps=50 -preset ultrafast"]]
  },
  {
    wish: "a time lapse of every fifth frame",
    inputs: ["clip.mp4"],
    outputs: [["lapse.mp4", "-an -vf select='not(mod(n,5))',setpts=N/25/TB -r 25"]]
  },
  {
    wish: "a constant rate from a phone's",
    inputs: ["phone.mp4"],
    outputs: [["steady.mp4", "-vsync cfr -r 25 -preset ultrafast"]]
  },
  {
    wish: "frames that repeat dropped",
    inputs: ["phone.mp4"],
    outputs: [["less.mp4", "-an -vf mpdecimate -fps_mode vfr -preset ultrafast"]]
  },
  {
    wish: "sound that comes a little later",
    inputs: ["clip.mp4", ["clip.mp4", "-itsoffset 0.25"]],
    outputs: [["sync.mp4", "-c copy", "0:v 1:a:0"]]
  },
  {
    wish: "timestamps that begin later",
    inputs: ["clip.mp4"],
    outputs: [["later.ts", "-c copy -output_ts_offset 10 -muxdelay 0 -muxpreload 0"]]
  },
  {
    wish: "a key frame every half second",
    inputs: ["clip.mp4"],
    outputs: [["keys.mp4", "-an -force_key_frames expr:gte(t,n_forced*0.5) -preset ultrafast"]]
  },
  {
    wish: "no more than so many bytes",
    inputs: ["clip.mp4"],
    outputs: [["limited.mp4", "-fs 20k -preset ultrafast"]]
  },
  {
    wish: "a film that ends with its music",
    inputs: ["clip.mp4", "voice.wav"],
    outputs: [["sung.mp4", "-c:v copy -c:a aac -shortest", "0:v:0 1:a:0"]]
  },
  {
    wish: "original timestamps kept",
    inputs: [["clip.mp4", "-ss 1"]],
    outputs: [["piece.mkv", "-copyts -start_at_zero -c copy"]]
  },
  {
    wish: "a list of clips joined and made smaller",
    inputs: [["list.txt", "-f concat"]],
    also: ["part1.mp4", "part2.mp4"],
    outputs: [["joined.mp4", "-vf scale=64:-2 -preset ultrafast -vsync 2 -async 1"]]
  },
  {
    wish: "streams that stay together in a short film",
    inputs: ["clip.mp4", ["song.mp3", "-ss 0.2"]],
    outputs: [["short.mp4", "-c:v copy -fflags +shortest -max_interleave_delta 100M -shortest", "0:v 1:a"]]
  },
  {
    wish: "an input read at another rate",
    inputs: [["clip.mp4", "-r 50"]],
    outputs: [["quick.mp4", "-an -preset ultrafast"]]
  },
  {
    wish: "an input whose time runs slower",
    inputs: [["clip.mp4", "-itsscale 1.5"]],
    outputs: [["slow.mp4", "-an -c:v copy"]]
  }
]
