import type { Ordinary } from "./command.suite.js"

/** Pictures from videos, videos from pictures, and pictures from pictures. */
export const stills: ReadonlyArray<Ordinary> = [
  {
    wish: "a thumbnail",
    inputs: [["clip.mp4", "-ss 00:00:01"]],
    outputs: [["thumb.jpg", "-frames:v 1 -q:v 2"]]
  },
  {
    wish: "a small thumbnail, as it used to be written",
    inputs: ["clip.mp4"],
    outputs: [["thumb.png", "-vframes 1 -vf scale=64:-1 -an -ss 0.5"]]
  },
  {
    wish: "the frame that stands for the film",
    inputs: ["clip.mp4"],
    outputs: [["poster.png", "-vf thumbnail=25 -frames:v 1"]]
  },
  {
    wish: "the first frame after a cut",
    inputs: ["cuts.mp4"],
    outputs: [["scene.jpg", "-vf select='gt(scene,0.2)' -frames:v 1 -q:v 3"]]
  },
  {
    wish: "every scene as a picture",
    inputs: ["cuts.mp4"],
    outputs: [["scene%02d.jpg", "-vf select='gt(scene,0.2)' -vsync vfr"]]
  },
  {
    wish: "two thumbnails at once",
    inputs: ["clip.mp4"],
    graph: "[0:v]split=2[a][b];[a]select='gte(t,0.5)'[t1];[b]select='gte(t,1.5)'[t2]",
    outputs: [
      ["one.png", "-frames:v 1", "[t1]"],
      ["two.png", "-frames:v 1", "[t2]"]
    ]
  },
  {
    wish: "a picture every half second",
    inputs: ["clip.mp4"],
    outputs: [["shot%03d.jpg", "-r 2 -q:v 5 -f image2"]]
  },
  {
    wish: "all frames as they are",
    inputs: [["clip.mp4", "-t 0.4"]],
    outputs: [["frame-%d.png", "-vsync 0 -start_number 0"]]
  },
  {
    wish: "key frames only",
    inputs: [["clip.mp4", "-skip_frame nokey"]],
    outputs: [["key%02d.webp", "-an -vsync 0"]]
  },
  {
    wish: "frames named by their time",
    inputs: ["clip.mp4"],
    outputs: [["at%d.bmp", "-vf fps=4 -frame_pts 1"]]
  },
  {
    wish: "the same file written again and again",
    inputs: ["clip.mp4"],
    outputs: [["latest.jpg", "-vf fps=5 -update 1"]]
  },
  {
    wish: "a contact sheet",
    inputs: ["clip.mp4"],
    outputs: [["sheet.png", "-vf fps=4,scale=48:-1,tile=3x2:padding=2:margin=2:color=white -frames:v 1"]]
  },
  {
    wish: "sprites for a player's timeline",
    inputs: ["clip.mp4"],
    outputs: [["sprite.jpg", "-vf select=not(mod(n\\,10)),scale=32:18,tile=5x1 -frames:v 1 -qscale:v 3"]]
  },
  {
    wish: "several sheets",
    inputs: ["clip.mp4"],
    outputs: [["sheet%02d.jpg", "-an -vf fps=10,scale=32:-2,tile=3x3 -vsync 0"]]
  },
  {
    wish: "a small animation",
    inputs: ["clip.mp4"],
    outputs: [["small.gif", "-vf fps=8,scale=64:-1:flags=lanczos -loop 0"]]
  },
  {
    wish: "an animation in its own colours",
    inputs: ["clip.mp4"],
    graph:
      "[0:v]fps=8,scale=64:-1:flags=lanczos,split[a][b];[a]palettegen=max_colors=64:stats_mode=diff[p];[b][p]paletteuse=dither=bayer:bayer_scale=3",
    outputs: ["good.gif"]
  },
  {
    wish: "an animation in two steps",
    inputs: ["clip.mp4"],
    outputs: [["palette.png", "-vf fps=8,scale=64:-1,palettegen -frames:v 1 -update 1"]],
    next: [
      {
        inputs: ["clip.mp4", "palette.png"],
        graph: "fps=8,scale=64:-1[x];[x][1:v]paletteuse",
        outputs: ["good.gif"]
      }
    ]
  },
  {
    wish: "a film from an animation",
    inputs: ["banner.gif"],
    outputs: [
      [
        "banner.mp4",
        ["-movflags", "faststart", "-pix_fmt", "yuv420p", "-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2"]
      ]
    ]
  },
  {
    wish: "an animated webp",
    inputs: ["clip.mp4"],
    outputs: [
      ["moving.webp", "-an -vf fps=5,scale=48:-2 -c:v libwebp -lossless 0 -quality 60 -loop 0 -vsync 0"]
    ]
  },
  { wish: "an animated png", inputs: ["banner.gif"], outputs: [["moving.apng", "-plays 0 -f apng"]] },
  { wish: "another kind of picture", inputs: ["photo.png"], outputs: ["converted.jpg"] },
  {
    wish: "a picture for the web",
    inputs: ["photo.jpg"],
    outputs: [["photo.webp", "-quality 70 -vf scale=100:-1"]]
  },
  { wish: "a picture from the web", inputs: ["sticker.webp"], outputs: ["sticker.png"] },
  {
    wish: "a picture for printing",
    inputs: ["photo.png"],
    outputs: [["photo.tiff", "-compression_algo deflate -pix_fmt rgb24"]]
  },
  {
    wish: "a picture's part, turned and grey",
    inputs: ["photo.jpg"],
    outputs: [["part.png", "-vf crop=80:80:20:10,transpose=1,format=gray"]]
  },
  {
    wish: "an icon of several sizes' first",
    inputs: ["logo.png"],
    outputs: [["favicon.ico", "-vf scale=32:32"]]
  },
  {
    wish: "a collage",
    inputs: ["photo.png", "photo.jpg", "sticker.webp"],
    graph:
      "[1]scale=64:36,pad=68:40:2:2:black[a];[2]scale=64:36,pad=68:40:2:2:black[b];[0][a]overlay=0:main_h-overlay_h[t];[t][b]overlay=main_w-overlay_w:main_h-overlay_h",
    outputs: [["collage.png", "-frames:v 1"]]
  },
  {
    wish: "a film of one picture and a song",
    inputs: [["photo.jpg", "-loop 1 -framerate 10"], "song.mp3"],
    outputs: [
      ["video.mp4", "-c:v libx264 -preset ultrafast -tune stillimage -c:a copy -pix_fmt yuv420p -shortest"]
    ]
  },
  {
    wish: "a slide show with fades and music",
    inputs: [["photo.png", "-loop 1 -t 0.6"], ["photo.jpg", "-loop 1 -t 0.6"], "song.mp3"],
    graph:
      "[0:v]scale=128:96,setsar=1,format=yuv420p,fade=t=in:st=0:d=0.2,setpts=PTS-STARTPTS[v0];[1:v]scale=128:96,setsar=1,format=yuv420p,fade=t=out:st=0.4:d=0.2,setpts=PTS-STARTPTS[v1];" +
      "[v0][v1]concat=n=2:v=1:a=0,format=yuv420p[v]",
    outputs: [["show.mp4", "-preset ultrafast -shortest", "[v] 2:a"]]
  },
  {
    wish: "a slide show that zooms and dissolves",
    inputs: [
      ["photo.png", "-loop 1"],
      ["photo.jpg", "-loop 1"]
    ],
    graph:
      "[0:v]scale=640:-1,zoompan=z='zoom+0.01':x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)':d=20:s=128x96:fps=25,trim=duration=0.8,format=yuv420p,setpts=PTS-STARTPTS[a];" +
      "[1:v]scale=640:-1,zoompan=z='if(lte(zoom,1.0),1.5,max(zoom-0.01,1.005))':x=0:y='ih/2-(ih/zoom/2)':d=20:s=128x96:fps=25,trim=duration=0.8,format=yuv420p,setpts=PTS-STARTPTS[b];" +
      "[a][b]xfade=transition=fade:duration=0.3:offset=0.5,format=yuv420p[v]",
    outputs: [["kenburns.mp4", "-preset ultrafast", "[v]"]]
  },
  {
    wish: "a slide show from a list with durations",
    inputs: [["slides.txt", "-f concat -safe 0"]],
    also: ["slide1.png", "slide2.png", "slide3.png"],
    outputs: [["show.mp4", "-vsync vfr -pix_fmt yuv420p -preset ultrafast"]]
  },
  {
    wish: "a film of numbered pictures",
    inputs: [["slide%d.png", "-framerate 2 -start_number 1"]],
    also: ["slide1.png", "slide2.png", "slide3.png"],
    outputs: [["show.mp4", "-pix_fmt yuv420p -preset ultrafast"]]
  },
  {
    wish: "a film of all pictures of a kind",
    inputs: [["slide*.png", "-pattern_type glob -framerate 4"]],
    also: ["slide1.png", "slide2.png", "slide3.png"],
    outputs: [["show.mp4", "-pix_fmt yuv420p -preset ultrafast"]]
  },
  {
    wish: "pictures that follow each other in one file",
    inputs: [["frames.mjpeg", "-f mjpeg -framerate 12"]],
    outputs: [["film.mp4", "-pix_fmt yuv420p -preset ultrafast"]]
  },
  {
    wish: "coloured bars with a beep",
    inputs: ["photo.png"],
    graph: "smptehdbars=size=128x72:rate=25:duration=0.5[v];sine=1000:d=0.5[a]",
    outputs: [["bars.mp4", "-preset ultrafast -pix_fmt yuv420p", "[v] [a]"]]
  },
  {
    wish: "a card of one colour with words",
    inputs: ["logo.png"],
    graph:
      "color=c=navy:s=128x72:d=0.4,drawtext=text=Soon:fontsize=20:fontcolor=white:x=(w-tw)/2:y=(h-th)/2[c];[c][0:v]overlay=4:4[v]",
    outputs: [["card.mp4", "-preset ultrafast", "[v]"]]
  },
  {
    wish: "a picture in a modern format",
    inputs: ["photo.jpg"],
    outputs: [["still.avif", "-frames:v 1 -c:v libaom-av1 -cpu-used 8 -crf 40 -still-picture 1"]]
  }
]
