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

/** What a run or a probe may open: files of its own folder. */
export const allowedProtocols = "file"

/** Frames above this many pixels are refused by ffmpeg itself before it allocates them. */
export const maxPixels = 67_108_864
