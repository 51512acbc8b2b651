import { parseFileName } from "../ids.js"

/** Accepted and dropped, since people paste them; true where a value follows. */
export const droppedOptions: Readonly<Record<string, boolean>> = {
  "-y": false,
  "-n": false,
  "-hide_banner": false,
  "-nostdin": false,
  "-stats": false,
  "-nostats": false,
  "-loglevel": true,
  "-v": true
}

/** Refused on the bare name, with a `:specifier` or a leading `no` too; the key says why, or what would do. */
const refusals: Readonly<Record<string, string>> = {
  "it reads or writes a file or URL of its own naming":
    "report progress vstats vstats_file sdp_file stats_enc_pre stats_enc_post stats_mux_pre print_graphs print_graphs_file filter_script " +
    "filter_complex_script fpre vpre apre spre pre dump_attachment",
  "inputs are listed in task.inputs": "i",
  "the graph belongs in task.filter_complex": "filter_complex lavfi",
  "it only prints something and exits":
    "h help ? version L buildconf formats muxers demuxers devices codecs decoders encoders bsfs protocols filters pix_fmts layouts sample_fmts " +
    "dispositions colors sources sinks hwaccels",
  "the server decides it":
    "stdin timelimit max_alloc cpuflags cpucount stats_period benchmark benchmark_all dump hex debug debug_ts protocol_whitelist " +
    "protocol_blacklist format_whitelist codec_whitelist",
  "it opens devices or libraries":
    "init_hw_device filter_hw_device vaapi_device qsv_device hwaccel hwaccel_device hwaccel_output_format omx_libname omx_libprefix load_plugins " +
    "device server",
  "it lets an input reach other files":
    "safe enable_drefs use_absolute_path allowed_extensions allowed_segment_extensions sub_name ifo_palette graph graph_file dumpgraph " +
    "assetmaps pattern_type export_path_metadata",
  "it lets an output reach other files":
    "segment_list segment_header_filename hls_key_info_file hls_enc hls_enc_key hls_enc_key_url hls_subtitle_path hls_base_url master_pl_name " +
    "hls_fmp4_init_filename init_seg_name media_seg_name single_file_name header strftime strftime_mkdir",
  "its value is a list of options that cannot be checked":
    "segment_format_options hls_segment_options format_options format_opts fifo_options protocol_opts http_opts",
  "it belongs to network connections, and a task has none":
    "headers cookies user_agent referer http_proxy method ca_file cafile cert_file key_file private_key localaddr utc_timing_url"
}

const refusedNames: ReadonlyMap<string, string> = new Map(
  Object.entries(refusals).flatMap(([why, names]) => names.split(" ").map((name) => [name, why] as const))
)

/** Options that no value follows. */
const flags: ReadonlySet<string> = new Set(
  (
    "an vn sn dn re copyts start_at_zero shortest accurate_seek noaccurate_seek bitexact autorotate noautorotate autoscale noautoscale " +
    "ignore_unknown copy_unknown copyinkf xerror find_stream_info nofind_stream_info fix_sub_duration apply_cropping noapply_cropping"
  ).split(" ")
)

/** The options to hand on, with dropped ones left out; or why the list is refused, naming the item. */
export const parseOptions = (items: ReadonlyArray<string>): { readonly options: ReadonlyArray<string> } | { readonly problem: string } => {
  const options: Array<string> = []
  let previous: string | undefined
  for (let index = 0; index < items.length; index++) {
    const item = items[index] as string
    const takesValue = Object.hasOwn(droppedOptions, item) ? droppedOptions[item] : undefined
    if (takesValue !== undefined) {
      if (takesValue && ++index >= items.length) return { problem: `option ${item} needs a value` }
      previous = undefined
      continue
    }
    const problem = isSegmentOption(previous) ? problemOfSegmentName(item) : problemOf(item, previous)
    if (problem !== undefined) return { problem }
    options.push(item)
    previous = item
  }
  return { options }
}

/** Whether the value of this option names files that the run makes: `placedSegments` puts it into the folder of outputs. */
const isSegmentOption = (item: string | undefined): boolean => item !== undefined && /^-hls_segment_filename(?::|$)/.test(item)

/** The options with the names of segments, checked by `parseOptions`, as files of `folder`: a prefix that ends with a slash. */
export const placedSegments = (options: ReadonlyArray<string>, folder: string): ReadonlyArray<string> =>
  options.map((item, index) => (isSegmentOption(options[index - 1]) ? `${folder}${item}` : item))

const problemOfSegmentName = (value: string): string | undefined => {
  const plain = "name" in parseFileName(value) && !/[:|]/.test(value) && !/%(?!\d*d|v)/.test(value)
  return plain ? undefined : `the value of -hls_segment_filename must be a file name alone, such as "part%03d.ts", not "${shown(value)}"`
}

const problemOf = (item: string, previous: string | undefined): string | undefined => {
  const [, name] = /^-([A-Za-z0-9_?-]+)(?::.*)?$/s.exec(item) ?? []
  const [, first, rest] = /^(-[A-Za-z_][\w-]*(?::\S*)?)\s+(\S.*)$/s.exec(item) ?? []
  if (first !== undefined && rest !== undefined)
    return `"${shown(item)}" holds several items in one string: write "${first}", "${shown(rest)}"`
  if (name !== undefined) {
    const why = refusedNames.get(name) ?? (name.startsWith("no") ? refusedNames.get(name.slice(2)) : undefined)
    return why === undefined ? undefined : `option ${shown(item)} is not allowed: ${why}`
  }
  if (item.startsWith("-")) return undefined
  return mayHaveValue(previous) ? undefined : `"${shown(item)}" is neither an option nor the value of one: options start with "-"`
}

/** Whether what follows `item` can be its value: no option takes two, and a flag takes none. */
const mayHaveValue = (item: string | undefined): boolean => item !== undefined && /^-./s.test(item) && !flags.has(item.slice(1))

/** As much of a caller's text as a message should repeat. */
const shown = (text: string): string => (text.length <= 100 ? text : `${text.slice(0, 100)}...`)
