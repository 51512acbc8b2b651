/** Names separated by spaces, keyed by their common reason. */
type Reasons = Readonly<Record<string, string>>

const byName = (reasons: Reasons): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(reasons).flatMap(([reason, names]) =>
      names.split(" ").map((name) => [name, reason] as const)
    )
  )

/**
 * Demuxers, by their full names, that read only the given file: in libavformat they call neither `io_open`
 * nor `avformat_open_input` with a name found in the file. Two exceptions are limited: `mov` follows
 * references only with `enable_drefs`, and `image2` opens the numbered files of its own folder. The name of a
 * file does not determine its content: ffmpeg opens the entries of a playlist that is named `.mp4`. So ffmpeg
 * and ffprobe may choose only these.
 */
export const inputDemuxers: ReadonlyArray<string> = (
  "3dostr 4xm aa aac aax ac3 ac4 ace acm act adf adp ads adx aea afc aiff aix alaw alias_pix alp amr amrnb amrwb anm apac apc ape " +
  "apm apng aptx aptx_hd apv aqtitle argo_asf argo_brp argo_cvg asf asf_o ass ast au av1 avi avr avs avs2 avs3 bethsoftvid bfi " +
  "bfstm bin bink binka bit bitpacked bmp_pipe bmv boa bonk brender_pix brstm c93 caf cavsvideo cdg cdxl cine codec2 codec2raw " +
  "cri_pipe data daud dcstr dds_pipe derf dfa dfpwm dhav dirac dnxhd dpx_pipe dsf dsicin dss dts dtshd dv dvbsub dvbtxt dxa ea " +
  "ea_cdata eac3 epaf evc exr_pipe f32be f32le f64be f64le ffmetadata film_cpk filmstrip fits flac flic flv frm fsb fwse g722 " +
  "g723_1 g726 g726le g728 g729 gdv gem_pipe genh gif gif_pipe gsm gxf h261 h263 h264 hca hcom hdr_pipe hevc hnm hxvs iamf ico " +
  "idcin idf iff ifv ilbc image2 image2pipe ingenient ipmovie ipu ircam iss iv8 ivf ivr j2k_pipe jacosub jpeg_pipe jpegls_pipe " +
  "jpegxl_anim jpegxl_pipe jpegxs_pipe jv kux kvag laf lc3 live_flv lmlm4 loas lrc luodat lvf lxf m4v matroska,webm mca mcc mgsts " +
  "microdvd mjpeg mjpeg_2000 mlp mm mmf mods moflex mov,mp4,m4a,3gp,3g2,mj2 mp3 mpc mpc8 mpeg mpegts mpegtsraw mpegvideo mpjpeg " +
  "mpl2 mpsub msf msnwctcp msp mtaf mtv mulaw musx mv mvi mxf mxg nc nistsphere nsp nsv nut nuv obu ogg oma osq paf pam_pipe " +
  "pbm_pipe pcx_pipe pdv pfm_pipe pgm_pipe pgmyuv_pipe pgx_pipe phm_pipe photocd_pipe pictor_pipe pjs pmp png_pipe pp_bnk ppm_pipe " +
  "psd_pipe psxstr pva pvf qcp qdraw_pipe qoa qoi_pipe r3d rawvideo rcwt realtext redspark rka rl2 rm roq rpl rsd rso s16be s16le " +
  "s24be s24le s32be s32le s337m s8 sami sbc scc scd sdns sdr2 sds sdx ser sga sgi_pipe shn siff simbiosis_imx sln smjpeg smk smush " +
  "sol sox spdif srt stl subviewer subviewer1 sunrast_pipe sup svag svg_pipe svs swf tak tedcaptions thp tiertexseq tiff_pipe tmv " +
  "truehd tta txd ty u16be u16le u24be u24le u32be u32le u8 usm v210 v210x vag vbn_pipe vc1 vc1test vidc vividas vivo vmd voc vpk " +
  "vplayer vqf vvc w64 wady wav wavarc wc3movie webp_anim webp_pipe webvtt wsaud wsd wsvqa wtv wv wve xa xbin xbm_pipe xmd xmv " +
  "xpm_pipe xvag xwd_pipe xwma yop yuv4mpegpipe"
).split(" ")

const device = "it is a device, not a file"
const network = "it belongs to a network connection"

/** Refused demuxers and the reasons. `concat` is allowed only with an explicit `-f concat`. */
export const refusedDemuxers: ReadonlyMap<string, string> = byName({
  "upload the media itself: a playlist reads other files": "hls hls,applehttp",
  "upload the media itself: a manifest reads other files": "dash imf",
  "upload the media itself: a script reads other files": "avisynth vapoursynth",
  "it reads files that lie beside it: upload a single file": "vobsub mlv",
  "name it with -f concat, so that the files it lists can be checked": "concat",
  [network]: "sdp rtsp rtp sap",
  [device]:
    "alsa android_camera avfoundation bktr decklink dshow fbdev gdigrab iec61883 jack kmsgrab libcdio libdc1394 openal oss pulse sndio " +
    "vfwcap video4linux2,v4l2 x11grab xcbgrab",
  "it reads a folder or drive of a DVD": "dvdvideo",
  "use a source filter in task.filter_complex": "lavfi",
  "a library outside ffmpeg reads it, and its access to files is not reviewed":
    "libgme libmodplug libopenmpt",
  "it describes a WebM file for a manifest, and gives no packets": "webm_dash_manifest",
  "it turns any text into pictures, so that a text file passes for a video": "tty",
  "it is a script that generates sound, without an end of its own": "sbg"
})

const namesIn = (fullNames: Iterable<string>): ReadonlyArray<string> =>
  [...fullNames].flatMap((name) => name.split(","))

/** The single names of `inputDemuxers`, as ffmpeg compares them: one of several aliases is enough. */
export const selfContainedDemuxers: ReadonlyArray<string> = namesIn(inputDemuxers)

/** Demuxers that subtitle filters may use: text formats without references, and containers of them. */
export const subtitleDemuxers: ReadonlyArray<string> = (
  "srt ass webvtt microdvd subviewer subviewer1 jacosub mpl2 mpsub pjs realtext sami stl vplayer aqtitle lrc tedcaptions scc matroska,webm " +
  "mov,mp4,m4a,3gp,3g2,mj2"
).split(/[ ,]/)

/** Protocols that a run or a probe may use. The sandbox limits `file` to its own folder. */
export const allowedProtocols = "file"

/** Demuxers that `-f` may name for an input. `concat` reads other files, but only staged ones. */
export const inputFormats: ReadonlySet<string> = new Set([...selfContainedDemuxers, "concat"])

/** Muxers, by their full names, that write only the file named by the task. */
export const fileMuxers: ReadonlyArray<string> = (
  "3g2 3gp a64 ac3 ac4 adts adx aea aiff alaw alp amr amv apm apng aptx aptx_hd apv argo_asf argo_cvg asf asf_stream ass ast au avi " +
  "avif avm2 avs2 avs3 bit caf cavsvideo chromaprint codec2 codec2raw crc data daud dfpwm dirac dnxhd dts dv dvd eac3 evc f32be " +
  "f32le f4v f64be f64le ffmetadata film_cpk filmstrip fits flac flv framecrc framehash framemd5 g722 g723_1 g726 g726le gif gsm " +
  "gxf h261 h263 h264 hash hevc iamf ico ilbc image2pipe ipod ircam ismv ivf jacosub kvag latm lc3 lrc m4v matroska mcc md5 " +
  "microdvd mjpeg mkvtimestamp_v2 mlp mmf mov mp2 mp3 mp4 mpeg mpeg1video mpeg2video mpegts mpjpeg mulaw mxf mxf_d10 mxf_opatom " +
  "null nut obu oga ogg ogv oma opus pdv psp rawvideo rcwt rm roq rso s16be s16le s24be s24le s32be s32le s8 sbc scc singlejpeg " +
  "smjpeg sox spdif spx srt streamhash sup svcd swf truehd tta ttml u16be u16le u24be u24le u32be u32le u8 uncodedframecrc vc1 " +
  "vc1test vcd vidc vob voc vvc w64 wav webm webp webvtt wsaud wtv wv yuv4mpegpipe"
).split(" ")

/** Muxers that write several files, all in the output folder. */
export const folderMuxers: ReadonlyArray<string> = "image2 hls dash segment stream_segment,ssegment".split(
  " "
)

/** Refused muxers and the reasons. */
export const refusedMuxers: ReadonlyMap<string, string> = byName({
  "list each output in task.outputs": "tee",
  "list the output itself": "fifo fifo_test",
  "use hls or dash: it makes folders, and outputs are files": "hds smoothstreaming",
  "use dash or hls: it writes its header to a file of another option": "webm_chunk",
  "it describes WebM files of other tasks: use dash": "webm_dash_manifest",
  [network]: "rtp rtp_mpegts rtsp sap whip",
  [device]: "alsa audiotoolbox caca decklink fbdev opengl oss pulse sdl,sdl2 sndio video4linux2,v4l2 xv"
})

/** Muxers that `-f` may name for an output. */
export const outputFormats: ReadonlySet<string> = new Set(namesIn([...fileMuxers, ...folderMuxers]))

/** Muxers that the segment muxer may use for its segments. */
export const segmentFormats: ReadonlySet<string> = new Set(namesIn(fileMuxers))

/**
 * The reason why a format is refused, or what to use instead. A name refused for inputs and outputs has one
 * reason.
 */
export const insteadOfFormat: ReadonlyMap<string, string> = new Map(
  [...refusedDemuxers, ...refusedMuxers].flatMap(([names, reason]) =>
    names.split(",").map((name) => [name, reason] as const)
  )
)

/**
 * Reviewed bitstream filters; none of them opens a file. Filters of later versions are refused until they are
 * reviewed.
 */
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

/** Names of codecs that run on hardware, matched by prefix or suffix. */
export const hardwareCodec =
  /(^|_)(omx|v4l2m2m|vaapi|qsv|nvenc|cuvid|nvdec|amf|mf|videotoolbox|at|mediacodec|vdpau|vulkan|d3d11va|d3d12va|dxva2|rkmpp|mmal|oh)$|^nvenc/
