import type { Ordinary } from "./command.suite.js"

/** A use case of one filter chain for the video of one clip. */
const filtered = (wish: string, chain: string, input = "clip.mp4"): Ordinary => ({
  wish,
  inputs: [input],
  outputs: [["result.mp4", ["-t", "0.6", "-an", "-vf", chain, "-preset", "ultrafast", "-pix_fmt", "yuv420p"]]]
})

/** Size, shape, colour, noise, and effects on one picture. */
export const picture: ReadonlyArray<Ordinary> = [
  filtered("a fixed size", "scale=96:54"),
  filtered("a width, and the height that goes with it", "scale=96:-2"),
  filtered("half the size", "scale=iw/2:ih/2:flags=lanczos"),
  filtered("a size that is never enlarged", "scale='min(320,iw)':-2"),
  filtered(
    "an upright frame with bars",
    "scale=72:128:force_original_aspect_ratio=decrease,pad=72:128:(ow-iw)/2:(oh-ih)/2:color=black,setsar=1:1"
  ),
  filtered("a square filled to the edges", "scale=64:64:force_original_aspect_ratio=increase,crop=64:64"),
  {
    wish: "an upright frame over its own blurred copy",
    inputs: ["clip.mp4"],
    graph:
      "[0:v]split[a][b];[a]scale=72:128,boxblur=8:2[back];[b]scale=72:-2[front];[back][front]overlay=(W-w)/2:(H-h)/2[v]",
    outputs: [["story.mp4", "-c:a copy -preset ultrafast", "[v] 0:a:0"]]
  },
  {
    wish: "a size by its own option",
    inputs: ["clip.mp4"],
    outputs: [["small.mp4", "-s 64x36 -sws_flags bicubic"]]
  },
  {
    wish: "a size by its name, and a shape",
    inputs: ["talk.mp4"],
    outputs: [["small.mp4", "-s qcif -aspect 4:3 -frames:v 5"]]
  },
  filtered("the middle of the frame", "crop=64:48"),
  filtered("a cut that follows the time", "crop=iw/2:ih:'(iw-ow)*t/2':0"),
  filtered("bars found by detection", "pad=160:120:16:24,cropdetect=24:2:0,crop=128:72:16:24"),
  filtered("a quarter turn", "transpose=1"),
  filtered("half a turn", "transpose=2,transpose=2"),
  filtered("a mirror", "hflip"),
  filtered("upside down", "vflip"),
  filtered(
    "tilted by thirty degrees",
    "rotate=30*PI/180:ow=rotw(iw):oh=roth(ih):c=white,scale='trunc(iw/2)*2':'trunc(ih/2)*2'"
  ),
  filtered("a spinning picture", "rotate='2*PI*t:c=none'"),
  filtered("a phone's film turned upright", "scale=64:-2", "phone.mp4"),
  {
    wish: "a phone's film left as it lies",
    inputs: [["phone.mp4", "-noautorotate"]],
    outputs: [["lying.mp4", "-an -preset ultrafast"]]
  },
  {
    wish: "a turn in the metadata alone",
    inputs: ["clip.mp4"],
    outputs: [["turned.mp4", "-c copy -metadata:s:v:0 rotate=90"]]
  },
  filtered("another display shape", "setdar=16/9,setsar=1"),
  filtered("brighter, with more contrast", "eq=brightness=0.06:contrast=1.2:saturation=1.5:gamma=0.9"),
  filtered("black and white", "hue=s=0"),
  filtered("colours that go round", "hue='H=2*PI*t:s=sin(2*PI*t)+1'"),
  filtered("sepia", "colorchannelmixer=.393:.769:.189:0:.349:.686:.168:0:.272:.534:.131"),
  filtered("an old film's curves", "curves=preset=vintage"),
  filtered(
    "curves of one's own",
    "curves=r='0/0.11 .42/.51 1/0.95':g='0/0 0.50/0.48 1/1':b='0/0.22 .49/.44 1/0.8'"
  ),
  filtered("warmer shadows", "colorbalance=rs=.3:bh=-.2"),
  filtered("another colour temperature", "colortemperature=temperature=4500,vibrance=intensity=0.5"),
  filtered("a look from a table", "lut3d=warm.cube"),
  filtered(
    "a look from a table, by its key",
    "format=rgb24,lut3d=file='warm.cube':interp=trilinear,format=yuv420p"
  ),
  filtered("a negative", "negate"),
  filtered("one channel lifted", "lutyuv=u='val+10':v=128"),
  filtered("levels pulled apart", "colorlevels=rimin=0.06:gimin=0.06:bimin=0.06,normalize=smoothing=10"),
  filtered("standard colours, told and converted", "colorspace=all=bt709:iall=bt601-6-625:fast=1"),
  filtered(
    "pictures out of yuv and back",
    "zscale=matrixin=709:matrix=170m:rangein=limited:range=limited,format=yuv420p"
  ),
  filtered("sharper", "unsharp=5:5:1.0:5:5:0.0"),
  filtered("sharper by contrast", "cas=0.5"),
  filtered("less noise", "hqdn3d=4:3:6:4.5"),
  filtered("less noise, slowly", "nlmeans=s=2:p=3:r=5"),
  filtered("less noise over time", "atadenoise=0a=0.1:s=5,deflicker"),
  filtered("no banding and no blocks", "deband,deblock=filter=weak:block=4"),
  filtered("lines of a tape woven together", "yadif", "tape.ts"),
  filtered("twice as many frames from lines", "bwdif=mode=send_field:parity=auto:deint=all", "tape.ts"),
  {
    wish: "lines kept as lines",
    inputs: ["tape.ts"],
    outputs: [["lines.mpg", "-an -c:v mpeg2video -flags +ilme+ildct -vf fieldorder=bff -b:v 1M -t 0.5"]]
  },
  filtered("lines made from frames", "tinterlace=mode=interleave_top"),
  filtered("cinema frames out of television", "fieldmatch,decimate", "tape.ts"),
  filtered("a soft blur", "gblur=sigma=4"),
  filtered("a blurred half", "split[a][b];[b]crop=iw/2:ih:0:0,boxblur=5:1[c];[a][c]overlay=0:0"),
  filtered("big pixels", "pixelize=w=8:h=8"),
  filtered("big pixels, the old way", "scale=iw/8:ih/8,scale=128:72:flags=neighbor"),
  filtered("a logo painted over", "delogo=x=10:y=10:w=30:h=20"),
  filtered("a frame drawn round something", "drawbox=x=20:y=10:w=iw/3:h=ih/2:color=red@0.5:t=3"),
  filtered("a filled bar behind the titles", "drawbox=y=ih-20:color=black@0.4:width=iw:height=20:t=fill"),
  filtered("a grid", "drawgrid=w=iw/3:h=ih/3:t=1:c=white@0.5"),
  filtered("dark corners and grain", "vignette=PI/4,noise=alls=10:allf=t:all_seed=7"),
  filtered("only edges", "edgedetect=low=0.1:high=0.4"),
  filtered("trails of light", "lagfun=decay=.95"),
  filtered("motion blur", "tmix=frames=3:weights='1 1 1'"),
  filtered("a wide lens straightened", "lenscorrection=k1=-0.227:k2=-0.022"),
  filtered("a screen seen straight", "perspective=x0=5:y0=5:x1=W-5:y1=0:x2=0:y2=H:x3=W:y3=H-5"),
  filtered("a flat view of a round one", "v360=equirect:flat:yaw=30:h_fov=90:v_fov=60:w=96:h=54"),
  filtered(
    "a slow zoom into the middle",
    "zoompan=z='min(zoom+0.01,1.5)':d=1:x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)':s=128x72:fps=25"
  ),
  filtered(
    "a frame of one colour from the green screen",
    "chromakey=0x00FF00:0.1:0.2,despill=green",
    "green.mp4"
  ),
  filtered("the pulse of every pixel", "geq=lum='lum(X,Y)*(0.5+0.5*sin(T*6))':cb=128:cr=128"),
  filtered("red and cyan glasses", "stereo3d=sbsl:arcg"),
  filtered(
    "a histogram beside it",
    "split[a][b];[b]histogram=display_mode=stack,scale=64:72[h];[a][h]hstack"
  ),
  filtered(
    "scopes for the colourist",
    "format=yuv444p,split=3[a][b][c];[b]waveform=m=column,scale=128:72[w];[c]vectorscope=m=color4,scale=128:72[s];[a][w][s]vstack=inputs=3"
  ),
  filtered(
    "black, frozen and new scenes told",
    "blackdetect=d=0.1:pix_th=0.1,freezedetect=n=0.003:d=0.2,scdet=t=10,showinfo,signalstats"
  ),
  filtered(
    "the sizes of a chain told apart by names",
    "scale@one=96:54,eq@two=contrast=1.1,scale@three=128:72"
  ),
  {
    wish: "a shaky film made steady at once",
    inputs: ["clip.mp4"],
    outputs: [["steady.mp4", "-an -vf deshake -preset ultrafast"]]
  },
  {
    wish: "a shaky film made steady in two passes",
    inputs: ["clip.mp4"],
    outputs: [["first.mp4", "-an -vf vidstabdetect=shakiness=7:result=shakes.trf -preset ultrafast"]],
    next: [
      {
        inputs: ["clip.mp4"],
        outputs: [
          [
            "steady.mp4",
            "-an -vf vidstabtransform=input=shakes.trf:smoothing=10,unsharp=5:5:0.8 -preset ultrafast"
          ]
        ]
      }
    ]
  }
]
