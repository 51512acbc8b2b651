import type { Ordinary } from "./command.suite.js"

/** Containers, streams, tags, chapters, segments, raw data and checksums. */
export const containers: ReadonlyArray<Ordinary> = [
  {
    wish: "the same streams in another box",
    inputs: ["clip.mp4"],
    outputs: [["clip.mkv", "-c copy -map 0"]]
  },
  { wish: "a mov from an mp4", inputs: ["clip.mp4"], outputs: [["clip.mov", "-codec copy"]] },
  {
    wish: "an mp4 from a film with subtitles",
    inputs: ["film.mkv"],
    outputs: [["film.mp4", "-c copy -c:s mov_text", "0:v 0:a 0:s"]]
  },
  {
    wish: "a film that starts before it is loaded",
    inputs: ["clip.mp4"],
    outputs: [["fast.mp4", "-c copy -movflags +faststart"]]
  },
  {
    wish: "a film in fragments",
    inputs: ["clip.mp4"],
    outputs: [["fragments.mp4", "-c copy -movflags frag_keyframe+empty_moov+default_base_moof"]]
  },
  {
    wish: "a transport stream",
    inputs: ["clip.mp4"],
    outputs: [["clip.ts", "-c copy -bsf:v h264_mp4toannexb -f mpegts"]]
  },
  {
    wish: "a transport stream brought home",
    inputs: ["piece.ts"],
    outputs: [["home.mp4", "-c copy -bsf:a aac_adtstoasc"]]
  },
  {
    wish: "the bare video",
    inputs: ["clip.mp4"],
    outputs: [["video.h264", "-an -c:v copy -bsf:v h264_mp4toannexb"]]
  },
  {
    wish: "the bare video, boxed again",
    inputs: [["video.264", "-framerate 25 -f h264"]],
    outputs: [["video.mp4", "-c copy"]]
  },
  {
    wish: "a broken index rebuilt",
    inputs: [["film.mkv", "-fflags +genpts+igndts -err_detect ignore_err"]],
    outputs: [["rebuilt.mp4", "-c copy -sn"]]
  },
  {
    wish: "all but the data and the subtitles",
    inputs: ["film.mkv"],
    outputs: [["bare.mkv", "-c copy -dn -sn -map_chapters -1", "0 -0:s"]]
  },
  {
    wish: "a track if there is one",
    inputs: ["green.mp4"],
    outputs: [["copy.mp4", "-c copy", "0:v:0 0:a:0? 0:s?"]]
  },
  {
    wish: "maps among the options",
    inputs: ["clip.mp4", "song.mp3"],
    outputs: [["mixed.mp4", "-map 0:v:0 -map 1:a:0 -c:v copy -c:a copy -shortest"]]
  },
  {
    wish: "the second language first",
    inputs: ["clip.mp4"],
    outputs: [["deu.mp4", "-c copy -disposition:a:0 default -disposition:a:1 0", "0:v 0:a:1 0:a:0"]]
  },
  {
    wish: "a title and an author",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "tagged.mp4",
        [
          "-c",
          "copy",
          "-metadata",
          "title=The long way home",
          "-metadata",
          "artist=Ann O'Neill",
          "-metadata:s:a:0",
          "language=fra"
        ]
      ]
    ]
  },
  {
    wish: "no tags at all",
    inputs: ["song.mp3"],
    outputs: [["plain.mp3", "-c copy -map_metadata -1 -fflags +bitexact", "0:a"]]
  },
  { wish: "the tags as a text", inputs: ["film.mkv"], outputs: [["tags.txt", "-f ffmetadata"]] },
  {
    wish: "chapters from a text",
    inputs: ["clip.mp4", "chapters.ini"],
    outputs: [["chapters.mp4", "-c copy -map_metadata 1", "0:v 0:a"]]
  },
  {
    wish: "chapters from a text, told to be one",
    inputs: ["clip.mp4", ["chapters.ini", "-f ffmetadata"]],
    outputs: [["chapters.mkv", "-codec copy -map_chapters 1"]]
  },
  {
    wish: "a cover for a song",
    inputs: ["voice.mp3", "photo.jpg"],
    outputs: [
      [
        "covered.mp3",
        [
          "-c",
          "copy",
          "-id3v2_version",
          "3",
          "-metadata:s:v",
          "title=Album cover",
          "-metadata:s:v",
          "comment=Cover (front)"
        ],
        "0:0 1:0"
      ]
    ]
  },
  {
    wish: "a poster for a film",
    inputs: ["clip.mp4", "photo.jpg"],
    outputs: [["poster.mp4", "-c copy -disposition:v:1 attached_pic", "0 1"]]
  },
  { wish: "a song's cover as a picture", inputs: ["song.mp3"], outputs: [["cover.jpg", "-an -vcodec copy"]] },
  {
    wish: "a font in a film",
    inputs: ["film.mkv"],
    outputs: [["font.mkv", "-c copy -attach font.ttf -metadata:s:t mimetype=application/x-truetype-font"]]
  },
  {
    wish: "subtitles that can be switched on",
    inputs: ["clip.mp4", "talk.srt"],
    outputs: [["subs.mp4", "-c:v copy -c:a copy -c:s mov_text -metadata:s:s:0 language=eng", "0:v 0:a:0 1"]]
  },
  {
    wish: "subtitles that are on",
    inputs: ["clip.mp4", "talk.srt"],
    outputs: [["subs.mkv", "-c copy -c:s srt -disposition:s:0 default"]]
  },
  { wish: "a film's subtitles as a text", inputs: ["film.mkv"], outputs: [["film.srt", "", "0:s:0"]] },
  { wish: "subtitles for the web", inputs: ["talk.srt"], outputs: ["talk.vtt"] },
  {
    wish: "subtitles with styles, later by a second",
    inputs: [["talk.srt", "-itsoffset 1"]],
    outputs: [["later.ass", "-c:s ass"]]
  },
  {
    wish: "subtitles in an old spelling",
    inputs: [["latin.srt", "-sub_charenc ISO-8859-1"]],
    outputs: ["utf8.srt"]
  },
  { wish: "a timecode track", inputs: ["clip.mp4"], outputs: [["tc.mov", "-c copy -timecode 01:00:00:00"]] },
  {
    wish: "a stream's own time base",
    inputs: ["clip.mp4"],
    outputs: [["base.mp4", "-c copy -video_track_timescale 90000 -brand mp42"]]
  },
  {
    wish: "a file for a broadcaster",
    inputs: ["clip.mp4"],
    outputs: [["air.mxf", "-c:v mpeg2video -b:v 2M -r 25 -c:a pcm_s16le -ar 48000 -t 0.4"]]
  },
  {
    wish: "hls",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "stream.m3u8",
        "-c:v libx264 -preset ultrafast -g 12 -sc_threshold 0 -c:a aac -f hls -hls_time 0.5 -hls_list_size 0 -hls_playlist_type vod -hls_segment_filename part%03d.ts"
      ]
    ]
  },
  {
    wish: "hls without encoding",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "index.m3u8",
        "-codec copy -start_number 0 -hls_time 1 -hls_list_size 0 -f hls -hls_flags independent_segments"
      ]
    ]
  },
  {
    wish: "hls in one file",
    inputs: ["clip.mp4"],
    outputs: [["one.m3u8", "-c copy -hls_flags single_file -hls_time 1 -hls_list_size 0"]]
  },
  {
    wish: "hls in fragments",
    inputs: ["clip.mp4"],
    outputs: [["cmaf.m3u8", "-c copy -map 0:v -hls_segment_type fmp4 -hls_time 0.5 -hls_playlist_type vod"]]
  },
  {
    wish: "hls of several qualities",
    inputs: ["clip.mp4"],
    graph: "[0:v]split=2[a][b];[a]scale=96:-2[v0];[b]scale=64:-2[v1]",
    outputs: [
      [
        "v%v.m3u8",
        [
          ..."-c:v libx264 -preset ultrafast -g 12 -b:v:0 200k -b:v:1 100k -c:a aac -f hls -hls_time 1 -hls_list_size 0 -var_stream_map".split(
            " "
          ),
          "v:0,a:0 v:1,a:1",
          "-hls_segment_filename",
          "v%v-%02d.ts"
        ],
        "[v0] [v1] 0:a:0 0:a:0"
      ]
    ]
  },
  {
    wish: "dash",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "manifest.mpd",
        [
          "-c",
          "copy",
          "-f",
          "dash",
          "-seg_duration",
          "1",
          "-use_template",
          "1",
          "-use_timeline",
          "1",
          "-adaptation_sets",
          "id=0,streams=v id=1,streams=a"
        ],
        "0:v 0:a:0"
      ]
    ]
  },
  {
    wish: "pieces of a length",
    inputs: ["clip.mp4"],
    outputs: [
      ["piece%03d.mp4", "-c copy -map 0:v -map 0:a:0 -f segment -segment_time 0.5 -reset_timestamps 1"]
    ]
  },
  {
    wish: "pieces at given times",
    inputs: ["song.mp3"],
    outputs: [["track%d.mp3", "-vn -c copy -f segment -segment_times 0.5,1 -segment_start_number 1"]]
  },
  {
    wish: "pieces in another box",
    inputs: ["clip.mp4"],
    outputs: [
      ["piece%02d.ts", "-c copy -f segment -segment_format mpegts -segment_time 1 -break_non_keyframes 1"]
    ]
  },
  {
    wish: "streams of the first input, by their kind",
    inputs: ["clip.mp4"],
    outputs: [["kinds.mkv", "-c copy", "v a:0"]]
  },
  {
    wish: "a map with a stream to keep in step with",
    inputs: ["clip.mp4"],
    outputs: [["step.mkv", "-c copy", "0:v:0,0:a:0 0:a:0"]]
  },
  {
    wish: "a stream by its tag",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "tag.mkv",
        [
          "-c",
          "copy",
          "-map",
          "0:m:handler_name:VideoHandler",
          "-metadata:s:m:handler_name:A B (c)",
          "title=x"
        ]
      ]
    ]
  },
  {
    wish: "an input whose format is a list, as ffprobe tells it",
    inputs: [["clip.mp4", "-f mov,mp4,m4a,3gp,3g2,mj2 -benchmark"]],
    outputs: [["listed.mkv", "-c copy -threads 24"]]
  },
  {
    wish: "hls in fragments with names of one's own",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "own.m3u8",
        "-c copy -map 0:v -hls_segment_type fmp4 -hls_time 0.5 -hls_playlist_type vod -hls_fmp4_init_filename head.mp4 -master_pl_name main.m3u8 -hls_base_url https://cdn.example.com/v/"
      ]
    ]
  },
  {
    wish: "pieces and a list of them",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "part%03d.ts",
        "-c copy -f segment -segment_time 0.5 -segment_list parts.csv -segment_list_entry_prefix media/",
        "0:v 0:a:0"
      ]
    ]
  },
  {
    wish: "dash with names of one's own",
    inputs: ["clip.mp4"],
    outputs: [
      [
        "own.mpd",
        "-c copy -f dash -seg_duration 1 -init_seg_name i-$RepresentationID$.$ext$ -media_seg_name m-$RepresentationID$-$Number%03d$.$ext$",
        "0:v 0:a:0"
      ]
    ]
  },
  {
    wish: "raw frames",
    inputs: ["clip.mp4"],
    outputs: [["frames.yuv", "-f rawvideo -pix_fmt yuv420p -frames:v 3"]]
  },
  {
    wish: "a film from raw frames",
    inputs: [["frames.raw", "-f rawvideo -pix_fmt yuv420p -video_size 64x48 -framerate 25"]],
    outputs: [["film.mp4", "-preset ultrafast"]]
  },
  {
    wish: "raw samples",
    inputs: ["voice.wav"],
    outputs: [["voice.pcm", "-f s16le -acodec pcm_s16le -ar 8000"]]
  },
  {
    wish: "a song from raw samples",
    inputs: [["samples.raw", "-f s16le -ar 16000 -ac 1"]],
    outputs: ["song.wav"]
  },
  {
    wish: "frames for another program",
    inputs: ["clip.mp4"],
    outputs: [["frames.y4m", "-f yuv4mpegpipe -pix_fmt yuv420p -t 0.2"]]
  },
  { wish: "a checksum of what is decoded", inputs: ["clip.mp4"], outputs: [["sum.txt", "-f md5 -map 0:v"]] },
  { wish: "a checksum of every frame", inputs: ["clip.mp4"], outputs: [["frames.md5", "-an -f framemd5"]] },
  {
    wish: "a checksum of each stream",
    inputs: ["clip.mp4"],
    outputs: [["streams.sha256", "-c copy -f streamhash -hash sha256", "0"]]
  },
  {
    wish: "what everybody pastes along",
    inputs: [["clip.mp4", "-y -hide_banner -loglevel error"]],
    outputs: [["copy.mp4", "-c copy -nostdin -nostats -v warning"]]
  },
  {
    wish: "numbers with their units",
    inputs: [["clip.mp4", "-ss 500ms -t 1s -probesize 5M -analyzeduration 10M"]],
    outputs: [
      [
        "units.mp4",
        "-b:v 0.2M -maxrate 300K -bufsize 1Mi -ab 64k -preset ultrafast -max_muxing_queue_size 1024"
      ]
    ]
  },
  {
    wish: "tags kept as they are",
    inputs: ["phone.mp4"],
    outputs: [
      [
        "tags.mp4",
        "-c copy -map_metadata 0 -movflags use_metadata_tags -map_metadata:s:v 0:s:v -write_tmcd 0"
      ]
    ]
  },
  {
    wish: "one input for several outputs, each in its way",
    inputs: ["clip.mp4"],
    outputs: [
      ["copy.mkv", "-map 0 -c copy"],
      ["sound.mp3", "-map 0:a:0 -q:a 4"],
      ["thumb.jpg", "-map 0:v -ss 1 -frames:v 1"],
      ["low.webm", "-map 0:v -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 50k -t 0.5"]
    ]
  },
  {
    wish: "subtitles that are pictures, as they are",
    inputs: ["disc.sup"],
    outputs: [["same.sup", "-c copy", "0"]]
  },
  {
    wish: "subtitles that are pictures, beside a film",
    inputs: ["clip.mp4", "disc.sup"],
    outputs: [["disc.mkv", "-map 0:v -map 1:s -c:v copy -c:s copy"]]
  }
]
