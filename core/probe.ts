import type { FileName } from "./ids.js"
import { allowedProtocols, maxPixels, selfContainedDemuxers } from "./policy/allowed.js"

/** Sections of a report, in the API's and ffprobe's plural. */
export const probeSections = ["format", "streams", "chapters", "programs", "frames", "packets"] as const
export type ProbeSection = (typeof probeSections)[number]

/** What a caller wants to know: each section with its fields ("all" where none are named), parsed and within limits. */
export interface ProbeRequest {
  readonly sections: Readonly<Partial<Record<ProbeSection, ReadonlyArray<string> | "all">>>
  /** As ffprobe takes it: `v:0`. */
  readonly selectStreams: string | null
  /** As ffprobe takes it: `0%+10`, `%+#500`. */
  readonly readIntervals: string | null
  readonly countFrames: boolean
  readonly analyzeMicroseconds: number | null
  readonly probeBytes: number | null
}

/** ffprobe's own word for one entry of a section. */
const entryOf: Readonly<Record<ProbeSection, string>> = {
  format: "format",
  streams: "stream",
  chapters: "chapter",
  programs: "program",
  frames: "frame",
  packets: "packet"
}

/** Fields that hold fields: ffprobe takes them as sections of their own (`stream_tags`). */
const nested = ["tags", "disposition"]

/** All arguments but the program, for a file of the working directory. */
export const probeArgs = (request: ProbeRequest, name: FileName): ReadonlyArray<string> => {
  const asked = Object.entries(withCount(request)) as ReadonlyArray<readonly [ProbeSection, ReadonlyArray<string> | "all"]>
  const named = asked.flatMap(([section, fields]) => (fields === "all" ? [] : entries(section, fields)))
  return [
    ...["-v", "error", "-hide_banner", "-print_format", "json=compact=1"],
    ...asked.flatMap(([section, fields]) => (fields === "all" ? [`-show_${section}`] : [])),
    ...(named.length === 0 ? [] : ["-show_entries", named.join(":")]),
    ...(request.selectStreams === null ? [] : ["-select_streams", request.selectStreams]),
    ...(request.readIntervals === null ? [] : ["-read_intervals", request.readIntervals]),
    ...(request.countFrames ? ["-count_frames"] : []),
    ...(request.analyzeMicroseconds === null ? [] : ["-analyzeduration", `${request.analyzeMicroseconds}`]),
    ...(request.probeBytes === null ? [] : ["-probesize", `${request.probeBytes}`]),
    ...["-protocol_whitelist", allowedProtocols, "-format_whitelist", selfContainedDemuxers.join(","), "-max_pixels", `${maxPixels}`],
    ...["-i", `file:${name}`]
  ]
}

/** A count of frames appears in the streams, so these are asked for too. */
const withCount = ({ sections, countFrames }: ProbeRequest): ProbeRequest["sections"] => {
  if (!countFrames || sections.streams === "all") return sections
  return { ...sections, streams: [...(sections.streams ?? ["index"]), "nb_read_frames"] }
}

const entries = (section: ProbeSection, fields: ReadonlyArray<string>): ReadonlyArray<string> => {
  const entry = entryOf[section]
  const plain = fields.filter((field) => !nested.includes(field))
  return [`${entry}=${plain.join(",")}`, ...fields.filter((field) => nested.includes(field)).map((field) => `${entry}_${field}`)]
}

/**
 * ffprobe's report as the API shows it: the sections and fields asked for and no others (ffprobe adds empty lists of its
 * own), and `filename` as the API names the file.
 */
export const pickReport = (
  request: ProbeRequest,
  raw: Readonly<Record<string, unknown>>,
  filePath: string
): Readonly<Record<string, unknown>> => {
  const report: Readonly<Record<string, unknown>> = { ...raw, ...unmix(raw["packets_and_frames"]) }
  const asked = withCount(request)
  const picked = probeSections.flatMap((section) => {
    const fields = asked[section]
    if (fields === undefined) return []
    const content = report[section] ?? (section === "format" ? {} : [])
    return [[section, Array.isArray(content) ? content.map((item) => only(item, fields)) : only(content, fields)] as const]
  })
  const sections = Object.fromEntries(picked)
  const format = sections["format"]
  return isFields(format) && "filename" in format ? { ...sections, format: { ...format, filename: filePath } } : sections
}

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const only = (item: unknown, fields: ReadonlyArray<string> | "all"): unknown =>
  fields === "all" || !isFields(item) ? item : Object.fromEntries(Object.entries(item).filter(([name]) => fields.includes(name)))

/** Of frames and packets together ffprobe makes one list, told apart by `type`. */
const unmix = (mixed: unknown): { readonly frames?: ReadonlyArray<unknown>; readonly packets?: ReadonlyArray<unknown> } => {
  if (!Array.isArray(mixed)) return {}
  const pick = (isPacket: boolean) => mixed.filter((item) => (item.type === "packet") === isPacket).map(({ type: _, ...rest }) => rest)
  return { frames: pick(false), packets: pick(true) }
}
