import type { FileName } from "./ids.js"
import { numberIn } from "./sequence.js"
import type { Output, SideFile } from "./task.js"

/** A file, or the pattern of several, that a run writes. */
export interface Written extends Pick<SideFile, "passing" | "updated" | "kind"> {
  readonly pattern: string
  /** What writes it. */
  readonly by: string
  /** What gives it another name. */
  readonly rename: string
  /** The numbers that the files of a pattern may have; absent where they are not known, and where the pattern is no more than a name. */
  readonly numbers?: { readonly first: number; readonly last: number }
  /** Whatever is in it, it is the name of one file. */
  readonly isPlain?: true
}

/** What gives the named file of an output another name. */
const ownName = "as its file"

/** All that a run of a task may write. */
export const filesWritten = (outputs: ReadonlyArray<Output>, made: ReadonlyArray<SideFile>): ReadonlyArray<Written> => [
  ...outputs.flatMap(writtenBy),
  ...made.map(({ name, rename = "there", ...rest }) => ({ ...rest, pattern: name, rename }))
]

/** Finds what may write a file of some name, and leave it there. */
export const writerOf = (written: ReadonlyArray<Written>): ((name: FileName) => Written | undefined) => {
  const lasting = written.filter(({ passing }) => !passing).map((one) => ({ one, fits: fitting(one) }))
  return (name) => lasting.find(({ fits }) => fits(name))?.one
}

const fitting = ({ pattern, isPlain, numbers = { first: 0, last: Number.POSITIVE_INFINITY } }: Written): ((name: FileName) => boolean) => {
  if (isPlain || !/[%$]/.test(pattern)) return (name) => name === pattern
  const number = /\$\w*(?:%\d+d)?\$/.test(pattern) ? undefined : numberIn(pattern)
  if (number !== undefined) return (name) => name === pattern || between(number(name), numbers)
  const parts = partsOf(pattern)
  const start = pattern.replace(/[%$].*$/s, "")
  return (name) =>
    name === pattern ||
    (name.startsWith(start) &&
      overlap(
        parts,
        Array.from(name, (character) => ({ character }))
      ))
}

const between = (number: number | undefined, { first, last }: NonNullable<Written["numbers"]>): boolean =>
  number !== undefined && first <= number && number <= last

/**
 * A sentence on two parts of a task that would write one file, each over the other, or on an output that would write over its
 * own file; undefined where there are none. Muxers write more than the file that is named: playlists for one, their segments
 * and what initialises those.
 */
export const writtenTwice = (outputs: ReadonlyArray<Output>, made: ReadonlyArray<SideFile>): string | undefined => {
  const all = filesWritten(outputs, made)
  const byOutline = new Map<string, Array<Written & { readonly parts: ReadonlyArray<PatternPart> }>>()
  for (const one of all) {
    const parts = partsOf(one.pattern)
    const key = outline(parts)
    const alike = byOutline.get(key) ?? []
    const own = alike.find(({ by, rename, parts: others }) => by === one.by && rename === ownName && overlap(others, parts))
    if (own !== undefined) return `${one.by} would write "${one.pattern}" over its own file: set another name ${one.rename}`
    const other = alike.find(
      ({ by, kind, parts: others }) => by !== one.by && (kind === undefined || kind !== one.kind) && overlap(others, parts)
    )
    if (other !== undefined) return `${other.by} and ${one.by} both write "${one.pattern}": set another name ${one.rename} in one of them`
    alike.push({ ...one, parts })
    byOutline.set(key, alike)
  }
  return undefined
}

/** The output itself, and what its muxer writes beside it, under its own names or those that options give. */
const writtenBy = ({ name, options, discarded }: Output): ReadonlyArray<Written> => {
  const by = `output "${name}"`
  const valueOf = (option: string): string | undefined => {
    const at = options.lastIndexOf(option)
    return at < 0 ? undefined : options[at + 1]?.replace(/^file:\.\.\/out\//, "")
  }
  const written = (pattern: string, option: string): Written => ({
    pattern,
    by,
    rename: `with ${option}`,
    ...(option === "-hls_segment_filename" && { numbers: from(valueOf("-start_number"), 0) })
  })
  const format = valueOf("-f")?.toLowerCase() ?? formatOf(name)
  const beside = (besides[format] ?? []).map(({ option, pattern }) => written(valueOf(option) ?? pattern(name, valueOf), option))
  const asked = sideOptions.flatMap((option) => {
    const value = valueOf(option)
    return value === undefined ? [] : [written(value, option)]
  })
  const own: Written = { pattern: name, by, rename: ownName, ...numbersOf(name, format, options, valueOf) }
  return [...(discarded ? [] : [own]), ...beside.filter(({ pattern }) => pattern !== ""), ...asked]
}

const formatOf = (name: FileName): string => {
  if (/\.m3u8?$/i.test(name)) return "hls"
  if (/\.mpd$/i.test(name)) return "dash"
  return pictures.test(name) && numberIn(name) !== undefined ? "image2" : ""
}

/** Endings by which ffmpeg takes a name with a number for those of single pictures. */
const pictures =
  /\.(?:bmp|cri|dds|dpx|exr|gif|hdr|j2c|j2k|jls|jp2|jpc|jpe?g|jps|jxl|ljpg|mng|mpo|pam|pbm|pcx|pfm|pgm|pgmyuv|phm|pix|png|pnm|ppm|psd|qoi|ras|rs|sgi|sun|sunras|tga|tiff?|wbmp|webp|xbm|xface|xpm|xwd|y)$/i

/** Which files the name of an output stands for, by its muxer. */
const numbersOf = (
  name: FileName,
  format: string,
  options: ReadonlyArray<string>,
  valueOf: ValueOf
): Pick<Written, "numbers" | "isPlain"> => {
  if (format === "hls" && name.includes("%v")) return {}
  if (/^(?:stream_)?s?segment$/.test(format)) return { numbers: from(valueOf("-segment_start_number"), 0) }
  if (format !== "image2" || isOn(valueOf("-update"))) return { isPlain: true }
  if (isOn(valueOf("-frame_pts"))) return {}
  const numbers = from(valueOf("-start_number"), 1)
  const frames = options.findLast((_, index) => /^-(?:v?frames|frames:v(?::0)?)$/.test(options[index - 1] ?? ""))
  return { numbers: /^\d{1,9}$/.test(frames ?? "") ? { ...numbers, last: numbers.first + Number(frames) - 1 } : numbers }
}

const from = (first: string | undefined, otherwise: number) => ({
  first: /^\d{1,9}$/.test(first ?? "") ? Number(first) : otherwise,
  last: Number.POSITIVE_INFINITY
})

const stem = (name: string): string => name.replace(/\.[^.]*$/, "")
const isOn = (value: string | undefined): boolean => value !== undefined && !["0", "false"].includes(value)

type ValueOf = (option: string) => string | undefined
const fragmented = (valueOf: ValueOf): boolean => valueOf("-hls_segment_type") === "fmp4"
const inOneFile = (valueOf: ValueOf): boolean => valueOf("-hls_flags")?.includes("single_file") ?? false

/** What muxers write without being asked: the option that names it, and its name without that option, "" for none. */
const besides: Readonly<
  Record<string, ReadonlyArray<{ readonly option: string; readonly pattern: (name: FileName, valueOf: ValueOf) => string }>>
> = {
  hls: [
    {
      option: "-hls_segment_filename",
      pattern: (name, valueOf) => `${stem(name)}${inOneFile(valueOf) ? "" : "%d"}.${fragmented(valueOf) ? "m4s" : "ts"}`
    },
    {
      option: "-hls_fmp4_init_filename",
      pattern: (_, valueOf) =>
        !fragmented(valueOf) || inOneFile(valueOf) ? "" : valueOf("-var_stream_map")?.includes(" ") ? "init_%v.mp4" : "init.mp4"
    }
  ],
  dash: [
    { option: "-init_seg_name", pattern: (_, valueOf) => (isOn(valueOf("-single_file")) ? "" : "init-stream$RepresentationID$.$ext$") },
    {
      option: "-media_seg_name",
      pattern: (_, valueOf) => (isOn(valueOf("-single_file")) ? "" : "chunk-stream$RepresentationID$-$Number%05d$.$ext$")
    },
    {
      option: "-single_file_name",
      pattern: (name, valueOf) => (isOn(valueOf("-single_file")) ? `${stem(name)}-stream$RepresentationID$.$ext$` : "")
    },
    { option: "-hls_master_name", pattern: (_, valueOf) => (isOn(valueOf("-hls_playlist")) ? "master.m3u8" : "") }
  ]
}

/** Options that add a file whatever the muxer is called. */
const sideOptions = ["-master_pl_name", "-segment_list", "-segment_header_filename"]

const muxerOptions: ReadonlySet<string> = new Set([
  ...sideOptions,
  ...Object.values(besides).flatMap((all) => all.map(({ option }) => option))
])

/** Whether an option names a file that a muxer writes: what is written under it is known by the output. */
export const isOfMuxer = (name: string): boolean => muxerOptions.has(`-${name}`)

/** Parts of a pattern: digits, any text, or one character. */
type PatternPart = "digits" | "text" | { readonly character: string }

const partsOf = (pattern: string): ReadonlyArray<PatternPart> =>
  Array.from(pattern.matchAll(/%%|%\d*d|%v|\$\w*(?:%\d+d)?\$|./gsu), ([part]): PatternPart => {
    if (part === "%%" || part === "$$") return { character: part.charAt(0) }
    if (part.length === 1 || (part.length === 2 && !part.startsWith("%"))) return { character: part }
    return part === "%v" || part === "$ext$" ? "text" : "digits"
  })

/** The same for patterns that may overlap, whatever the digits in them. */
const outline = (parts: ReadonlyArray<PatternPart>): string =>
  parts
    .map((part) => (typeof part === "object" ? part.character : "0"))
    .join("")
    .replace(/\d+/g, "0")

const isPlaceholder = (part: PatternPart | undefined): boolean => typeof part === "string"

/** Patterns of more placeholders are not compared: it would take long. */
const maxPlaceholders = 4

/** Whether one name fits both patterns. Each part of them stands for one character at least. */
const overlap = (a: ReadonlyArray<PatternPart>, b: ReadonlyArray<PatternPart>): boolean => {
  if ([a, b].some((parts) => parts.filter(isPlaceholder).length > maxPlaceholders)) return false
  const seen = new Set<number>()
  const open: Array<readonly [number, number]> = [[0, 0]]
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    let [x, y] = place
    while (x < a.length && y < b.length && !isPlaceholder(a[x]) && !isPlaceholder(b[y]) && meet(a[x], b[y])) {
      x++
      y++
    }
    if (x === a.length && y === b.length) return true
    const id = x * (b.length + 1) + y
    if (!meet(a[x], b[y]) || seen.has(id)) continue
    seen.add(id)
    for (const nextX of isPlaceholder(a[x]) ? [x, x + 1] : [x + 1]) {
      for (const nextY of isPlaceholder(b[y]) ? [y, y + 1] : [y + 1]) open.push([nextX, nextY])
    }
  }
  return false
}

/** Whether one character fits both parts. */
const meet = (p: PatternPart | undefined, q: PatternPart | undefined): boolean => {
  if (p === undefined || q === undefined) return false
  if (p === "text" || q === "text") return true
  if (typeof p === "object" && typeof q === "object") return p.character === q.character
  return [p, q].every((part) => typeof part === "string" || /\d/.test(part.character))
}
