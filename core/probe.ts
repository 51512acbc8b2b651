import type { FileName } from "./ids.js"
import { allowedProtocols, selfContainedDemuxers } from "./policy/allowed.js"

/** Sections of a report, with the names of the API and ffprobe. */
export const probeSections = ["format", "streams", "chapters", "programs", "frames", "packets"] as const
export type ProbeSection = (typeof probeSections)[number]

/** A parsed probe request: each requested section with its fields, or "all". */
export interface ProbeRequest {
  readonly sections: Readonly<Partial<Record<ProbeSection, ReadonlyArray<string> | "all">>>
  /** In ffprobe's syntax: `v:0`. */
  readonly selectStreams: string | null
  /** In ffprobe's syntax: `0%+10`, `%+#500`. */
  readonly readIntervals: string | null
  readonly countFrames: boolean
  readonly countPackets: boolean
  readonly analyzeMicroseconds: number | null
  readonly probeBytes: number | null
}

/** ffprobe's name for an entry of each section. */
const entryOf: Readonly<Record<ProbeSection, string>> = {
  format: "format",
  streams: "stream",
  chapters: "chapter",
  programs: "program",
  frames: "frame",
  packets: "packet"
}

/**
 * Fields that contain fields. ffprobe treats each as a section with a unique name and shows all its contents
 * (`ffprobe -sections`; the names are the same in ffmpeg 4.3 to 9.0).
 */
const nestedSections: Readonly<Record<ProbeSection, Readonly<Record<string, string>>>> = {
  format: { tags: "format_tags" },
  streams: {
    tags: "stream_tags",
    disposition: "stream_disposition",
    side_data_list: "stream_side_data_list"
  },
  chapters: { tags: "chapter_tags" },
  programs: { tags: "program_tags", streams: "program_streams" },
  frames: { tags: "frame_tags", side_data_list: "frame_side_data_list" },
  packets: { tags: "packet_tags", side_data_list: "packet_side_data_list" }
}

/**
 * The arguments of ffprobe for a file of the working directory. The size of pictures and the format are
 * always requested, to check that the content matches the name. `pickReport` removes them if the caller did
 * not request them.
 */
export const probeArgs = (request: ProbeRequest, name: FileName): ReadonlyArray<string> => {
  const wanted = withCounts(request)
  // Only known sections become option names.
  const asked = probeSections.flatMap((section) => {
    const fields = wanted[section]
    return fields === undefined ? [] : [[section, fields] as const]
  })
  const named = asked.flatMap(([section, fields]) => (fields === "all" ? [] : entries(section, fields)))
  return [
    ...["-v", "error", "-hide_banner", "-show_entries", "stream=codec_type,width,height:format=format_name"],
    ...["-print_format", "json=compact=1"],
    ...asked.flatMap(([section, fields]) => (fields === "all" ? [`-show_${section}`] : [])),
    ...(named.length === 0 ? [] : ["-show_entries", named.join(":")]),
    ...(request.selectStreams === null ? [] : ["-select_streams", request.selectStreams]),
    ...(request.readIntervals === null ? [] : ["-read_intervals", request.readIntervals]),
    ...(request.countFrames ? ["-count_frames"] : []),
    ...(request.countPackets ? ["-count_packets"] : []),
    ...(request.analyzeMicroseconds === null ? [] : ["-analyzeduration", `${request.analyzeMicroseconds}`]),
    ...(request.probeBytes === null ? [] : ["-probesize", `${request.probeBytes}`]),
    ...["-protocol_whitelist", allowedProtocols, "-format_whitelist", selfContainedDemuxers.join(",")],
    ...["-i", `file:${name}`]
  ]
}

/** Adds the streams if counts are requested, because ffprobe reports counts there. */
const withCounts = ({ sections, countFrames, countPackets }: ProbeRequest): ProbeRequest["sections"] => {
  if (!(countFrames || countPackets) || sections.streams === "all") return sections
  const counts = [...(countFrames ? ["nb_read_frames"] : []), ...(countPackets ? ["nb_read_packets"] : [])]
  return { ...sections, streams: [...(sections.streams ?? ["index"]), ...counts] }
}

const entries = (section: ProbeSection, fields: ReadonlyArray<string>): ReadonlyArray<string> => {
  const nested = nestedSections[section]
  const plain = fields.filter((field) => !Object.hasOwn(nested, field)).join(",")
  // ffprobe lists decoded subtitles among the frames, as entries of another kind.
  const kinds = section === "frames" ? [entryOf.frames, "subtitle"] : [entryOf[section]]
  return [
    ...kinds.map((kind) => `${kind}=${plain}`),
    ...fields.flatMap((field) => (Object.hasOwn(nested, field) ? (nested[field] as string) : []))
  ]
}

/**
 * The report of the API: only the requested sections and fields (ffprobe adds empty lists), and `filename` as
 * in the request.
 */
export const pickReport = (
  request: ProbeRequest,
  raw: Readonly<Record<string, unknown>>,
  filePath: string
): Readonly<Record<string, unknown>> => {
  const report: Readonly<Record<string, unknown>> = { ...raw, ...unmix(raw.packets_and_frames) }
  const asked = withCounts(request)
  const picked = probeSections.flatMap((section) => {
    const fields = asked[section]
    if (fields === undefined) return []
    const content = report[section] ?? (section === "format" ? {} : [])
    return [
      [
        section,
        Array.isArray(content) ? content.map((item) => only(item, fields)) : only(content, fields)
      ] as const
    ]
  })
  const sections = Object.fromEntries(picked)
  const format = sections.format
  return isFields(format) && "filename" in format
    ? { ...sections, format: { ...format, filename: filePath } }
    : sections
}

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const only = (item: unknown, fields: ReadonlyArray<string> | "all"): unknown =>
  fields === "all" || !isFields(item)
    ? item
    : Object.fromEntries(Object.entries(item).filter(([name]) => fields.includes(name)))

/** Separates frames and packets, which ffprobe reports in one list, by their `type`. */
const unmix = (
  mixed: unknown
): { readonly frames?: ReadonlyArray<unknown>; readonly packets?: ReadonlyArray<unknown> } => {
  if (!Array.isArray(mixed)) return {}
  const pick = (isPacket: boolean) =>
    mixed.filter((item) => (item.type === "packet") === isPacket).map(({ type: _, ...rest }) => rest)
  return { frames: pick(false), packets: pick(true) }
}
