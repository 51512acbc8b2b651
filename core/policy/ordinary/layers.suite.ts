import type { Ordinary } from "./command.suite.js"

/** Several pictures in one frame, text, subtitles and transitions. */
export const layers: ReadonlyArray<Ordinary> = [
  {
    wish: "a logo in the corner",
    inputs: ["clip.mp4", "logo.png"],
    graph: "overlay=W-w-10:H-h-10",
    outputs: [["marked.mp4", "-preset ultrafast -c:a copy"]]
  },
  {
    wish: "a logo for a while, half transparent",
    inputs: ["clip.mp4", "logo.png"],
    graph:
      "[1:v]format=rgba,colorchannelmixer=aa=0.5,scale=iw*0.8:-1[logo];[0:v][logo]overlay=x=(main_w-overlay_w)/8:y=8:enable='gte(t,0.4)*lte(t,1.2)'",
    outputs: [["marked.mp4", "-preset ultrafast"]]
  },
  {
    wish: "a logo faded by an expression",
    inputs: ["talk.mp4", "logo.png"],
    graph: "[1:v]format=argb,geq='p(X,Y)':a='0.5*alpha(X,Y)'[v1];[0:v][v1]overlay=5:5",
    outputs: [["faded.mp4", "-t 0.4 -an -preset ultrafast"]]
  },
  {
    wish: "a logo as large as a part of the film",
    inputs: ["clip.mp4", "logo.png"],
    graph: "[1][0]scale2ref=w=iw/4:h=ow/mdar[logo][film];[film][logo]overlay=main_w-overlay_w:0[v]",
    outputs: [["marked.mp4", "-an -preset ultrafast", "[v]"]]
  },
  {
    wish: "a logo that fades in and out",
    inputs: ["clip.mp4", ["logo.png", "-loop 1 -t 2"]],
    graph: "[1:v]fade=in:st=0:d=0.3:alpha=1,fade=out:st=1:d=0.3:alpha=1[l];[0:v][l]overlay=shortest=1[v]",
    outputs: [["marked.mp4", "-preset ultrafast", "[v] 0:a:0"]]
  },
  {
    wish: "a dancing sticker on the film",
    inputs: ["clip.mp4", ["banner.gif", "-ignore_loop 0"]],
    graph: "[0:v][1:v]overlay=x='mod(40*t,W)':y=H-h:shortest=1",
    outputs: [["dance.mp4", "-an -preset ultrafast"]]
  },
  {
    wish: "a picture in the picture",
    inputs: ["clip.mp4", "talk.mp4"],
    graph:
      "[1:v]scale=iw/3:-2,pad=iw+4:ih+4:2:2:white[small];[0:v][small]overlay=W-w-4:H-h-4:eof_action=pass[v];[0:a:0][1:a]amix=inputs=2[a]",
    outputs: [["pip.mp4", "-preset ultrafast", "[v] [a]"]]
  },
  {
    wish: "a film before a picture",
    inputs: ["clip.mp4", "photo.png"],
    graph: "[1:v][0:v]overlay=(W-w)/2:(H-h)/2",
    outputs: [["stage.mp4", "-c:v libx264 -c:a copy -preset ultrafast"]]
  },
  {
    wish: "a film with alpha over another",
    inputs: ["clip.mp4", "alpha.mov"],
    graph: "[0:v][1:v]overlay=format=auto,format=yuv420p[out]",
    outputs: [["lower-third.mp4", "-preset ultrafast", "[out] 0:a:0?"]]
  },
  {
    wish: "somebody before another background",
    inputs: ["photo.jpg", "green.mp4"],
    graph: "[1:v]colorkey=0x00FF00:0.3:0.2[key];[0:v]scale=128:72[back];[back][key]overlay[v]",
    outputs: [["keyed.mp4", "-t 0.5 -preset ultrafast", "[v]"]]
  },
  {
    wish: "side by side",
    inputs: ["clip.mp4", "talk.mp4"],
    graph: "[0:v]scale=-2:72[l];[1:v]scale=-2:72,fps=25[r];[l][r]hstack=inputs=2:shortest=1[v]",
    outputs: [["pair.mp4", "-preset ultrafast", "[v]"]]
  },
  {
    wish: "one over the other, with the sound of the second",
    inputs: ["clip.mp4", "talk.mp4"],
    graph:
      "[0:v]scale=96:-2,pad=96:64:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=25[t];[1:v]scale=96:64,setsar=1,fps=25[b];[t][b]vstack=inputs=2:shortest=1[v]",
    outputs: [["stack.mp4", "-c:a aac -shortest -preset ultrafast", "[v] 1:a"]]
  },
  {
    wish: "four in a grid",
    inputs: ["clip.mp4", "talk.mp4", "green.mp4", "clip.webm"],
    graph:
      "[0:v]scale=64:48[a];[1:v]scale=64:48[b];[2:v]scale=64:48[c];[3:v]scale=64:48[d];[a][b][c][d]xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0:shortest=1[v]",
    outputs: [["wall.mp4", "-r 25 -preset ultrafast", "[v]"]]
  },
  {
    wish: "what two versions differ in",
    inputs: ["clip.mp4", "clip.webm"],
    graph: "[0:v][1:v]blend=all_mode=difference:shortest=1,format=yuv420p[v]",
    outputs: [["difference.mp4", "-preset ultrafast", "[v]"]]
  },
  {
    wish: "how alike two versions are, beside the film",
    inputs: ["clip.mp4", "clip.webm"],
    graph: "[0:v]split[a][v];[a][1:v]ssim,nullsink;[v]null[out]",
    outputs: [["same.mp4", "-an -preset ultrafast", "[out]"]]
  },
  {
    wish: "the transparency alone",
    inputs: ["alpha.mov"],
    graph: "[0:v]alphaextract[v]",
    outputs: [["mask.mp4", "-pix_fmt yuv420p -preset ultrafast", "[v]"]]
  },
  {
    wish: "a film cut out by a mask",
    inputs: ["clip.mp4", "photo.png"],
    graph: "[1:v]scale=128:72,format=gray[m];[0:v][m]alphamerge[v]",
    outputs: [["cut.mov", "-an -c:v prores_ks -profile:v 4444 -frames:v 5", "[v]"]]
  },
  {
    wish: "one clip that dissolves into the next",
    inputs: ["clip.mp4", "talk.mp4"],
    graph:
      "[0:v]fps=25,format=yuv420p,settb=AVTB[a];[1:v]scale=128:72,setsar=1,fps=25,format=yuv420p,settb=AVTB[b];[a][b]xfade=transition=fade:duration=0.5:offset=1.2[v];" +
      "[0:a:0][1:a]acrossfade=d=0.5:c1=tri:c2=tri[s]",
    outputs: [["dissolve.mp4", "-preset ultrafast", "[v] [s]"]]
  },
  {
    wish: "one clip that wipes over the other",
    inputs: [
      ["photo.png", "-loop 1 -t 0.6 -framerate 25"],
      ["photo.jpg", "-loop 1 -t 0.6 -framerate 25"]
    ],
    graph:
      "[0:v]scale=128:96,setsar=1,format=yuv420p[a];[1:v]scale=128:96,setsar=1,format=yuv420p[b];[a][b]xfade=transition=circleopen:duration=0.3:offset=0.3[v]",
    outputs: [["wipe.mp4", "-preset ultrafast", "[v]"]]
  },
  {
    wish: "a fade from black and back",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "faded.mp4",
        "-vf fade=t=in:st=0:d=0.4,fade=t=out:st=1.5:d=0.5 -af afade=t=in:st=0:d=0.4,afade=t=out:st=1.5:d=0.5"
      ]
    ]
  },
  {
    wish: "a title",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "title.mp4",
        ["-an", "-vf", "drawtext=text='A fine day':fontsize=16:fontcolor=white:x=(w-text_w)/2:y=(h-text_h)/2"]
      ]
    ]
  },
  {
    wish: "titles one after another, in boxes",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "titles.mp4",
        [
          "-an",
          "-vf",
          "drawtext=text='Ready':x=10:y=10:fontsize=14:alpha='if(lte(t,0.5),t/0.5,1)':box=1:boxcolor=#6bb666@0.6:boxborderw=3:enable='gte(t,0.2)', drawtext=text='Go!':x=10:y=40:fontsize=14:enable='between(t,1,1.5)'"
        ]
      ]
    ]
  },
  {
    wish: "a title in a font and from a file of one's own",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "title.mp4",
        "-an -vf drawtext=fontfile=font.ttf:textfile=title.txt:fontsize=14:fontcolor=yellow:borderw=1:x=4:y=4"
      ]
    ]
  },
  {
    wish: "a running clock and frame number",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "clock.mp4",
        [
          "-an",
          "-vf",
          "drawtext=text='%{pts\\:hms} %{n}':fontsize=10:x=2:y=h-12:fontcolor=white:box=1:boxcolor=black@0.5"
        ]
      ]
    ]
  },
  {
    wish: "a timecode in the picture",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "tc.mp4",
        ["-an", "-vf", "drawtext=timecode='01\\:00\\:00\\:00':rate=25:fontsize=12:fontcolor=white:x=5:y=5"]
      ]
    ]
  },
  {
    wish: "news that run along the bottom",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "ticker.mp4",
        [
          "-an",
          "-vf",
          "drawtext=text='It rains, it pours\\; the old man snores':fontsize=12:y=h-line_h:x=w-mod(60*t\\,w+tw)"
        ]
      ]
    ]
  },
  {
    wish: "subtitles burned in",
    inputs: ["clip.mp4"],
    outputs: [["burned.mp4", "-an -vf subtitles=talk.srt -preset ultrafast"]]
  },
  {
    wish: "subtitles burned in, in a style of one's own",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "burned.mp4",
        [
          "-c:a",
          "copy",
          "-vf",
          "subtitles=filename=talk.srt:force_style='FontName=DejaVu Sans,FontSize=24,PrimaryColour=&H00FFFF&,Outline=1,BorderStyle=3'"
        ]
      ]
    ]
  },
  {
    wish: "styled subtitles burned in",
    inputs: ["clip.mp4"],
    outputs: [["burned.mp4", "-an -vf ass=styled.ass -preset ultrafast"]]
  },
  {
    wish: "a film's own subtitles burned in",
    inputs: ["film.mkv"],
    outputs: [["burned.mp4", "-an -sn -vf subtitles=film.mkv:si=0 -preset ultrafast"]]
  },
  {
    wish: "an intro, a talk and music under both",
    inputs: ["clip.mp4", "talk.mp4", "song.mp3"],
    graph:
      "[0:v]fps=30,format=yuv420p,setsar=1[iv];[1:v]scale=-2:72,pad=128:72:(ow-iw)/2:(oh-ih)/2:black,fps=30,format=yuv420p,setsar=1[mv];" +
      "[0:a:0]aformat=sample_fmts=fltp:sample_rates=44100:channel_layouts=stereo[ia];[1:a]aformat=sample_fmts=fltp:sample_rates=44100:channel_layouts=stereo[ma];" +
      "[iv][ia][mv][ma]concat=n=2:v=1:a=1[v][voice];[2:a]volume=0.1,afade=t=in:ss=0:d=0.3[bed];[voice][bed]amix=inputs=2:duration=first:dropout_transition=1[a]",
    outputs: [["show.mp4", "-c:v libx264 -preset ultrafast -c:a aac -shortest", "[v] [a]"]]
  },
  {
    wish: "one film for two screens",
    inputs: ["clip.mp4", "logo.png"],
    graph:
      "[0:v]split=2[s0][s1];[s0]scale=w=160:h=90,setsar=1:1[wide];[s1]scale=w=72:h=128:force_original_aspect_ratio=decrease,pad=72:128:(ow-iw)/2:(oh-ih)/2,setsar=1:1[t];[t][1]overlay=(main_w-overlay_w)/2:5[tall]",
    outputs: [
      ["wide.mp4", "-preset ultrafast", "[wide] 0:a:0"],
      ["tall.mp4", "-preset ultrafast", "[tall] 0:a:0"]
    ]
  },
  {
    wish: "a title in a font of the system",
    inputs: ["talk.mp4"],
    outputs: [
      [
        "title.mp4",
        [
          "-an",
          "-vf",
          "drawtext=font='DejaVu Sans':text=Hello\\, world:fontsize=h/6:x=2:y=2:shadowx=1:shadowy=1"
        ]
      ]
    ]
  }
]
