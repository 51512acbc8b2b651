/**
 * Options that are accepted and ignored, because they often come with pasted commands. The server sets them
 * itself.
 */
export const droppedNames: ReadonlyArray<string> =
  "y n hide_banner stats loglevel v benchmark benchmark_all".split(" ")

/** Options that are ignored with a leading `no` and refused without it. */
export const droppedNegations: ReadonlyArray<string> = ["stdin"]

/** Ignored options of ffmpeg's libraries. The server parses concat lists itself and decides about `safe`. */
export const droppedAvOptions: ReadonlyArray<string> = ["safe"]

/** Refused options, also with a `:specifier` or a leading `no`, keyed by the reason or the alternative. */
const refusals: Readonly<Record<string, string>> = {
  "it reads or writes a file or URL of its own naming":
    "report progress sdp_file print_graphs print_graphs_file print_graphs_format fpre vpre apre spre pre",
  'it writes a file of its own naming: name one with "-vstats_file", "vstats.log"': "vstats",
  "a graph can't be read from a file: write it as the value of -filter, or into task.filter_complex":
    "filter_script filter_complex_script",
  "inputs are listed in task.inputs": "i",
  "the graph belongs in task.filter_complex": "filter_complex lavfi",
  "it only prints something and exits":
    "h help ? version L license buildconf formats muxers demuxers devices codecs decoders encoders bsfs protocols filters pix_fmts layouts sample_fmts " +
    "dispositions colors sources sinks hwaccels",
  "the server decides it":
    "stdin timelimit max_alloc cpuflags cpucount stats_period dump hex debug debug_ts fdebug max_pixels protocol_whitelist " +
    "protocol_blacklist format_whitelist codec_whitelist",
  "it opens devices or libraries":
    "init_hw_device filter_hw_device vaapi_device qsv_device hwaccel_device omx_libname omx_libprefix load_plugins device server",
  "it lets an input reach other files":
    "enable_drefs use_absolute_path allowed_extensions allowed_segment_extensions sub_name ifo_palette graph graph_file dumpgraph " +
    "assetmaps export_path_metadata",
  "it lets an output reach other files":
    "hls_key_info_file hls_enc hls_enc_key hls_enc_key_url hls_subtitle_path header strftime strftime_mkdir",
  "its value is a list of options that cannot be checked":
    "segment_format_options hls_segment_options format_options format_opts fifo_options protocol_opts http_opts",
  "it belongs to network connections, and a task has none":
    "headers cookies user_agent referer http_proxy method ca_file cafile cert_file key_file private_key localaddr utc_timing_url"
}

const refused: ReadonlyMap<string, string> = new Map(
  Object.entries(refusals).flatMap(([why, names]) => names.split(" ").map((name) => [name, why] as const))
)

/** Options for hardware, refused unless the operator enables hardware. */
const hardwareNames: ReadonlyArray<string> = ["hwaccel", "hwaccel_output_format"]

/** Why an option is refused regardless of its value; undefined if it is not. */
export const whyRefused = (name: string, hardware: boolean): string | undefined =>
  hardwareNames.includes(name)
    ? hardware
      ? undefined
      : "this server has no hardware for it: leave it out"
    : refused.get(name)

/** The grammar of an option's value. option-values.ts checks each. */
export type Grammar =
  | "attachment"
  | "besideNames"
  | "besideOutput"
  | "bitstreamFilters"
  | "codec"
  | "dashNames"
  | "expression"
  | "format"
  | "frameSize"
  | "graph"
  | "hlsFlags"
  | "madeFile"
  | "madePath"
  | "map"
  | "metadataMap"
  | "params"
  | "passLog"
  | "patternType"
  | "queue"
  | "segmentFormat"
  | "segmentNames"
  | "streamMap"
  | "target"
  | "text"
  | "threads"
  | "word"

/**
 * The options of the ffmpeg program that a task may use, by the grammar of their value. Options without a
 * value are under `expression`.
 */
const ordinary: Readonly<Partial<Record<Grammar, string>>> = {
  attachment: "attach",
  bitstreamFilters: "bsf vbsf absf",
  codec: "c codec vcodec acodec scodec dcodec",
  format: "f",
  frameSize: "s canvas_size",
  graph: "filter vf af",
  madeFile: "dump_attachment stats_enc_pre stats_enc_post stats_mux_pre",
  madePath: "vstats_file",
  map: "map",
  metadataMap: "map_metadata",
  passLog: "passlogfile",
  queue: "thread_queue_size max_muxing_queue_size filter_buffered_frames",
  target: "target",
  text: "metadata program timecode timestamp mastering_display content_light stats_enc_pre_fmt stats_enc_post_fmt stats_mux_pre_fmt",
  threads: "filter_threads filter_complex_threads",
  word: "map_channel map_chapters streamid hwaccel hwaccel_output_format",
  expression:
    // Time, rate and length.
    "ss t to sseof itsoffset itsscale isync seek_timestamp accurate_seek re readrate readrate_initial_burst readrate_catchup r fpsmax force_fps " +
    "fps_mode vsync async stream_loop frames vframes aframes dframes fs shortest shortest_buf_duration apad stream_group time_base enc_time_base " +
    "copyts start_at_zero copytb copyinkf copypriorss muxdelay muxpreload muxing_queue_data_threshold max_error_rate xerror abort_on " +
    "dts_delta_threshold dts_error_threshold frame_drop_threshold adrift_threshold find_stream_info discard " +
    // Streams.
    "an vn sn dn ignore_unknown copy_unknown recast_media disposition tag vtag atag stag bitexact " +
    // Pictures.
    "aspect pix_fmt q qscale b pass profile rc_override intra_matrix inter_matrix chroma_intra_matrix top force_key_frames vstats_version autorotate autoscale " +
    "apply_cropping reinit_filter drop_changed auto_conversion_filters bits_per_raw_sample display_rotation display_hflip display_vflip psnr qphist " +
    // Sound and subtitles.
    "ab aq ar ac vol sample_fmt channel_layout ch_layout guess_layout_max fix_sub_duration fix_sub_duration_heartbeat"
}

const commandGrammars: ReadonlyMap<string, Grammar> = new Map(
  Object.entries(ordinary).flatMap(([grammar, names]) =>
    names.split(" ").map((name) => [name, grammar as Grammar] as const)
  )
)

/** The grammar of an option of the ffmpeg program; undefined if a task may not use it. */
export const commandGrammar = (name: string): Grammar | undefined => commandGrammars.get(name)

/** All options of the ffmpeg program that have a rule here, for every version. */
export const knownOptions: ReadonlyArray<string> = [
  ...commandGrammars.keys(),
  ...refused.keys(),
  ...hardwareNames,
  ...droppedNames
]

const avGrammars: ReadonlyMap<string, Grammar> = new Map(
  Object.entries({
    threads: "threads",
    video_size: "frameSize",
    sub_charenc: "word",
    hls_flags: "hlsFlags",
    hls_segment_filename: "segmentNames",
    hls_fmp4_init_filename: "besideNames",
    master_pl_name: "besideOutput",
    hls_master_name: "besideOutput",
    hls_base_url: "text",
    segment_list: "madeFile",
    segment_header_filename: "madeFile",
    segment_list_entry_prefix: "text",
    init_seg_name: "dashNames",
    media_seg_name: "dashNames",
    single_file_name: "dashNames",
    pattern_type: "patternType",
    segment_format: "segmentFormat",
    var_stream_map: "streamMap",
    x264opts: "params"
  })
)

/** The grammar of an option of ffmpeg's libraries, such as a list of encoder parameters. */
export const avGrammar = (name: string): Grammar =>
  avGrammars.get(name) ?? (/[-_]param(s|eters)$/.test(name) ? "params" : "expression")

/**
 * Whether the name of a text option suggests that its value is a file, a host or a list of other options.
 * Such options are refused unless they have a grammar, so that options of later versions are refused until
 * they are reviewed.
 */
export const namesAPlace = (name: string): boolean =>
  !avGrammars.has(name) &&
  /(file|filename|path|url|uri|dir|libname|libprefix|log|stats|table|model|plugin|dump|key|cert|pem|proxy|host|addr|device|server|socket|headers|cookies|list|graph|script|template|options|opts|whitelist)$/.test(
    name
  )
