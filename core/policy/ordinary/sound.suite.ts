import type { Ordinary } from "./command.suite.js"

/** Audio: extracted, added, mixed, improved and visualized. */
export const sound: ReadonlyArray<Ordinary> = [
  { wish: "a film's sound as mp3", inputs: ["clip.mp4"], outputs: ["sound.mp3"] },
  { wish: "a film's sound as it is", inputs: ["clip.mp4"], outputs: [["sound.aac", "-vn -acodec copy"]] },
  {
    wish: "speech for a machine that listens",
    inputs: ["clip.mp4"],
    outputs: [["speech.wav", "-vn -ar 16000 -ac 1 -c:a pcm_s16le"]]
  },
  {
    wish: "sound and picture apart",
    inputs: ["clip.mp4"],
    outputs: [
      ["sound.mp3", "-ar 16000 -ab 48k -codec:a libmp3lame -ac 1"],
      ["silent.mp4", "-c:v copy -an", "0:v"]
    ]
  },
  {
    wish: "the second language only",
    inputs: ["clip.mp4"],
    outputs: [["deu.m4a", "-c copy", "0:a:m:language:deu"]]
  },
  {
    wish: "another sound for the film",
    inputs: ["clip.mp4", "song.mp3"],
    outputs: [["dubbed.mp4", "-c:v copy -c:a aac -b:a 96k -shortest", "0:v:0 1:a:0"]]
  },
  {
    wish: "one more sound track",
    inputs: ["clip.mp4", "song.mp3"],
    outputs: [["more.mkv", "-c copy -metadata:s:a:2 title=Music", "0 1:a"]]
  },
  { wish: "no sound", inputs: ["clip.mp4"], outputs: [["mute.mp4", "-c:v copy -an"]] },
  {
    wish: "silence for a film that has no sound",
    inputs: ["green.mp4"],
    graph: "anullsrc=channel_layout=stereo:sample_rate=44100[s]",
    outputs: [["silence.mp4", "-c:v copy -c:a aac -shortest", "0:v [s]"]]
  },
  {
    wish: "music under the voice",
    inputs: ["clip.mp4", "song.mp3"],
    graph: "[1:a]volume=0.2[m];[0:a:0][m]amix=inputs=2:duration=shortest[a]",
    outputs: [["mixed.mp4", "-c:v copy -c:a aac", "0:v [a]"]]
  },
  {
    wish: "music that ducks when somebody speaks",
    inputs: ["voice.wav", "song.mp3"],
    graph:
      "[0:a]asplit[v][key];[1:a][key]sidechaincompress=threshold=0.05:ratio=8:attack=20:release=400[d];[v][d]amix=inputs=2:duration=first:normalize=0[a]",
    outputs: [["podcast.mp3", "-b:a 96k", "[a]"]]
  },
  {
    wish: "two songs that cross",
    inputs: ["song.mp3", "tune.ogg"],
    graph: "[0:a][1:a]acrossfade=d=0.4:c1=exp:c2=qsin",
    outputs: [["set.mp3", "-q:a 4"]]
  },
  { wish: "louder", inputs: ["voice.wav"], outputs: [["loud.wav", "-af volume=6dB"]] },
  {
    wish: "louder where it is needed",
    inputs: ["voice.wav"],
    outputs: [["loud.wav", "-filter:a volume='if(lt(t,0.5),1,0.5)':eval=frame"]]
  },
  {
    wish: "the loudness of broadcasts",
    inputs: ["voice.wav"],
    outputs: [["even.wav", "-af loudnorm=I=-16:TP=-1.5:LRA=11:print_format=json -ar 48000"]]
  },
  {
    wish: "the loudness of broadcasts, as measured before",
    inputs: ["voice.wav"],
    outputs: [
      [
        "even.wav",
        "-af loudnorm=I=-16:TP=-1.5:LRA=11:measured_I=-23.5:measured_LRA=1.2:measured_TP=-12.3:measured_thresh=-34.1:offset=0.4:linear=true -ar 48k"
      ]
    ]
  },
  {
    wish: "an even level all along",
    inputs: ["voice.wav"],
    outputs: [["even.wav", "-af dynaudnorm=f=150:g=15,alimiter=limit=0.9"]]
  },
  {
    wish: "a voice made clear",
    inputs: ["voice.wav"],
    outputs: [
      [
        "clear.wav",
        "-af highpass=f=200,lowpass=f=3000,afftdn=nf=-25,compand=attacks=0.3:points=-70/-60|-20/-14"
      ]
    ]
  },
  {
    wish: "clicks, hum and hiss away",
    inputs: ["voice.wav"],
    outputs: [
      [
        "clean.wav",
        "-af adeclick,bandreject=f=50:width_type=h:w=4,anlmdn=s=0.001,agate=threshold=0.01,deesser"
      ]
    ]
  },
  {
    wish: "more bass, less treble",
    inputs: ["song.mp3"],
    outputs: [["warm.mp3", "-af bass=g=6:f=110,treble=g=-3,equalizer=f=1000:t=q:w=1:g=2 -map_metadata -1"]]
  },
  {
    wish: "fades at both ends",
    inputs: ["song.mp3"],
    outputs: [["faded.ogg", "-vn -af afade=t=in:ss=0:d=0.3,afade=t=out:st=1.2:d=0.3"]]
  },
  {
    wish: "silence cut off at both ends",
    inputs: ["voice.wav"],
    outputs: [
      [
        "tight.wav",
        "-af silenceremove=start_periods=1:start_threshold=-50dB,areverse,silenceremove=start_periods=1:start_threshold=-50dB,areverse"
      ]
    ]
  },
  {
    wish: "silences told",
    inputs: ["voice.wav"],
    outputs: [["same.flac", "-af silencedetect=n=-30dB:d=0.1,volumedetect,astats,ebur128"]]
  },
  {
    wish: "an echo in a large hall",
    inputs: ["voice.wav"],
    outputs: [["hall.wav", "-af aecho=0.8:0.9:200:0.3,extrastereo,chorus=0.5:0.9:50:0.4:0.25:2"]]
  },
  {
    wish: "a higher voice",
    inputs: ["voice.wav"],
    outputs: [["high.wav", "-af asetrate=16000*1.2,aresample=16000,atempo=1/1.2"]]
  },
  {
    wish: "another pitch at the same speed",
    inputs: ["voice.wav"],
    outputs: [["high.wav", "-af rubberband=pitch=1.25"]]
  },
  { wish: "stereo from mono", inputs: ["voice.wav"], outputs: [["stereo.wav", "-ac 2"]] },
  {
    wish: "mono from both sides",
    inputs: ["music.flac"],
    outputs: [["mono.wav", "-af pan=mono|c0=.5*c0+.5*c1"]]
  },
  {
    wish: "left and right changed over",
    inputs: ["music.flac"],
    outputs: [["swapped.flac", "-af pan=stereo|c0=c1|c1=c0"]]
  },
  {
    wish: "left and right as files of their own",
    inputs: ["music.flac"],
    graph: "[0:a]channelsplit=channel_layout=stereo[left][right]",
    outputs: [
      ["left.wav", "", "[left]"],
      ["right.wav", "", "[right]"]
    ]
  },
  {
    wish: "one channel by its number",
    inputs: ["music.flac"],
    outputs: [
      ["left.wav", "-map_channel 0.0.0"],
      ["right.wav", "-map_channel 0.0.1"]
    ]
  },
  {
    wish: "two microphones as one stereo track",
    inputs: ["voice.wav", "voice.wav"],
    graph: "[0:a]adelay=100[l];[l][1:a]join=inputs=2:channel_layout=stereo[a]",
    outputs: [["pair.wav", "", "[a]"]]
  },
  {
    wish: "all tracks as one",
    inputs: ["clip.mp4"],
    graph: "[0:a:0][0:a:1]amerge=inputs=2,pan=stereo|c0<c0+c2|c1<c1+c2[a]",
    outputs: [["one.m4a", "", "[a]"]]
  },
  {
    wish: "surround for headphones",
    inputs: ["surround.flac"],
    outputs: [["stereo.flac", "-af pan=stereo|FL=0.5*FC+0.7*FL+0.3*BL|FR=0.5*FC+0.7*FR+0.3*BR"]]
  },
  {
    wish: "surround, plainly mixed down",
    inputs: ["surround.flac"],
    outputs: [["stereo.m4a", "-ac 2 -b:a 96k"]]
  },
  {
    wish: "a finer resampler",
    inputs: ["music.flac"],
    outputs: [
      ["cd.wav", "-af aresample=44100:resampler=soxr:precision=28,aformat=sample_fmts=flt -c:a pcm_f32le"]
    ]
  },
  {
    wish: "sound that stays with the picture",
    inputs: ["phone.mp4"],
    outputs: [["sync.mp4", "-af aresample=async=1:first_pts=0 -c:v copy"]]
  },
  {
    wish: "a song repeated to a length",
    inputs: [["tune.ogg", "-stream_loop -1"]],
    outputs: [["long.mp3", "-t 3 -b:a 64k"]]
  },
  {
    wish: "a tone",
    inputs: ["photo.png"],
    graph: "sine=frequency=1000:sample_rate=48000:duration=0.5[a]",
    outputs: [["tone.wav", "", "[a]"]]
  },
  {
    wish: "the waveform as a picture",
    inputs: ["song.mp3"],
    graph: "[0:a]aformat=channel_layouts=mono,showwavespic=s=160x60:colors=#9cf42f",
    outputs: [["wave.png", "-frames:v 1"]]
  },
  {
    wish: "the spectrum as a picture",
    inputs: ["song.mp3"],
    graph: "showspectrumpic=s=160x96:legend=0",
    outputs: ["spectrum.png"]
  },
  {
    wish: "waves that move with the music",
    inputs: ["song.mp3"],
    graph: "[0:a]showwaves=s=128x72:mode=cline:rate=25:colors=white,format=yuv420p[v]",
    outputs: [["waves.mp4", "-preset ultrafast", "[v] 0:a"]]
  },
  {
    wish: "a picture for the podcast, with waves",
    inputs: [["photo.jpg", "-loop 1"], "voice.wav"],
    graph:
      "[0:v]scale=128:96[back];[1:a]showwaves=s=128x40:mode=line:colors=yellow[w];[back][w]overlay=0:H-h:shortest=1,format=yuv420p[v]",
    outputs: [["podcast.mp4", "-preset ultrafast -tune stillimage -shortest", "[v] 1:a"]]
  },
  {
    wish: "scopes and bars of a song",
    inputs: ["music.flac"],
    graph:
      "[0:a]asplit=3[a][b][c];[a]avectorscope=s=64x64:rate=25[x];[b]showspectrum=s=64x64:slide=scroll:color=rainbow,fps=25[y];[c]showfreqs=s=64x64:mode=bar,fps=25[z];[x][y][z]hstack=inputs=3:shortest=1,format=yuv420p[v]",
    outputs: [["scopes.mp4", "-t 0.6 -preset ultrafast", "[v]"]]
  },
  {
    wish: "a loudness meter",
    inputs: ["music.flac"],
    graph: "[0:a]showvolume=f=0.5:b=4:w=128:h=20:r=25[v]",
    outputs: [["meter.mp4", "-t 0.5 -preset ultrafast -pix_fmt yuv420p", "[v]"]]
  },
  {
    wish: "the notes of a song",
    inputs: ["music.flac"],
    graph: "[0:a]showcqt=s=160x96:fps=25:axis=0,format=yuv420p[v]",
    outputs: [["notes.mp4", "-t 0.3 -preset ultrafast", "[v]"]]
  },
  {
    wish: "noise taken out by a network of one's own",
    inputs: ["voice.wav"],
    outputs: [["clean.wav", "-af arnndn=m=quiet.rnnn"]]
  }
]
