/**
 * Demuxers that read one file and nothing else. A file's name says nothing of its content: a playlist that comes as
 * `.mp4` would make ffmpeg open whatever it lists, so only these may be chosen, for ffmpeg and ffprobe alike.
 */
export const selfContainedDemuxers: ReadonlyArray<string> = (
  "mov,mp4,m4a,3gp,3g2,mj2 matroska,webm avi flv live_flv mpegts mpeg mpegvideo h264 hevc vvc av1 obu ivf m4v mjpeg mxf asf ogg wav w64 " +
  "mp3 aac ac3 eac3 dts dtshd truehd mlp flac aiff au caf amr amrnb amrwb tta wv ape nut dv rawvideo yuv4mpegpipe gif apng image2 " +
  "png_pipe jpeg_pipe jpegls_pipe webp_pipe bmp_pipe tiff_pipe jpegxl_pipe gif_pipe ppm_pipe pgm_pipe pbm_pipe pam_pipe qoi_pipe exr_pipe dpx_pipe psd_pipe " +
  "srt ass webvtt ttml ffmetadata s8 u8 s16le s16be u16le u16be s24le s24be u24le u24be s32le s32be u32le u32be f32le f32be f64le f64be alaw mulaw"
).split(/[ ,]/)

/** Demuxers of what the filters for subtitles may read: text that refers to nothing, and containers of it. */
export const subtitleDemuxers: ReadonlyArray<string> = (
  "srt ass webvtt microdvd subviewer subviewer1 jacosub mpl2 mpsub pjs realtext sami stl vplayer aqtitle lrc tedcaptions scc ttml matroska,webm " +
  "mov,mp4,m4a,3gp,3g2,mj2"
).split(/[ ,]/)

/** What a run or a probe may open: files of its own folder. */
export const allowedProtocols = "file"

/** Demuxers that may be named by `-f` before an input; concat reads other files, but safe ones alone: they are staged. */
export const inputFormats: ReadonlySet<string> = new Set([...selfContainedDemuxers, "concat"])

const rawSound =
  "s8 u8 s16le s16be u16le u16be s24le s24be u24le u24be s32le s32be u32le u32be f32le f32be f64le f64be alaw mulaw pcm_s16le g722 g726 g726le gsm"

/** Muxers that write one file, named by the task. */
const fileMuxers = (
  "mp4 mov m4v ipod psp 3gp 3g2 f4v ismv matroska webm avi flv mpegts mpeg mpeg1video mpeg2video vob dvd svcd vcd dv ogg oga ogv spx opus mp2 mp3 " +
  "adts latm flac wav w64 aiff caf au amr ac3 eac3 dts truehd mlp tta wv voc gif apng webp avif ico mjpeg rawvideo yuv4mpegpipe image2pipe " +
  "h261 h263 h264 hevc vvc vc1 dnxhd dirac cavsvideo ivf obu mxf mxf_d10 mxf_opatom gxf nut asf wtv bit sbc " +
  "srt webvtt ass ttml lrc sup scc microdvd jacosub ffmetadata null hash md5 crc framehash framemd5 framecrc streamhash chromaprint " +
  rawSound
).split(" ")

/** Muxers that may be named by `-f` before an output: these few more make several files, all of them in its folder. */
export const outputFormats: ReadonlySet<string> = new Set([...fileMuxers, "image2", "hls", "dash", "segment"])

/** Muxers of the parts that the segment muxer makes. */
export const segmentFormats: ReadonlySet<string> = new Set(fileMuxers)

/** Formats that people know of, and what would do instead. */
export const insteadOfFormat: ReadonlyMap<string, string> = new Map(
  Object.entries({
    lavfi: "use a source filter in task.filter_complex",
    tee: "list each output in task.outputs",
    fifo: "list the output itself",
    stream_segment: "use segment",
    ssegment: "use segment",
    image2pipe: "use image2",
    hls: "upload the media itself: a playlist reads other files",
    dash: "upload the media itself: a manifest reads other files"
  })
)

/** Bitstream filters: none of them opens anything. One that a later version brings is refused until it is looked at. */
export const bitstreamFilters: ReadonlySet<string> = new Set(
  (
    "aac_adtstoasc ahx_to_mp2 apv_metadata av1_frame_merge av1_frame_split av1_metadata chomp dca_core dovi_rpu dovi_split dts2pts dump_extra " +
    "dump_extradata dv_error_marker eac3_core eia608_to_smpte436m evc_frame_merge extract_extradata filter_units h264_metadata h264_mp4toannexb " +
    "h264_redundant_pps hapqa_extract hevc_metadata hevc_mp4toannexb imxdump lcevc_metadata media100_to_mjpegb mjpeg2jpeg mjpegadump mov2textsub " +
    "mp3decomp mpeg2_metadata mpeg4_unpack_bframes noise null opus_metadata pcm_rechunk pgs_frame_merge prores_metadata remove_extra " +
    "remove_extradata setts showinfo smpte436m_to_eia608 text2movsub trace_headers truehd_core vp9_metadata vp9_raw_reorder vp9_superframe " +
    "vp9_superframe_split vvc_metadata vvc_mp4toannexb"
  ).split(" ")
)

/** Codecs that run on hardware, by how their names begin or end. */
export const hardwareCodec =
  /(^|_)(omx|v4l2m2m|vaapi|qsv|nvenc|cuvid|nvdec|amf|mf|videotoolbox|at|mediacodec|vdpau|vulkan|d3d11va|d3d12va|dxva2|rkmpp|mmal|oh)$|^nvenc/
