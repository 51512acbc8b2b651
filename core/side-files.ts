import type { FileName } from "./ids.js"
import { numberIn } from "./sequence.js"
import type { Output, SideFile } from "./task.js"

/** A file that a run writes, or a pattern of several. */
export interface Written extends Pick<SideFile, "passing" | "updated" | "kind"> {
  readonly pattern: string
  /** The part of the task that writes it. */
  readonly by: string
  /** How to rename it, for messages. */
  readonly rename: string
  /**
   * The numbers that the files of a pattern may have. Absent if unknown, or if the pattern is a plain name.
   */
  readonly numbers?: { readonly first: number; readonly last: number }
  /** The pattern is a plain name, even if it contains `%` or `$`. */
  readonly isPlain?: true
}

/** How to rename the named file of an output. */
const ownName = "as its file"

/** All files that a run of a task may write. */
export const filesWritten = (
  outputs: ReadonlyArray<Output>,
  made: ReadonlyArray<SideFile>
): ReadonlyArray<Written> => [
  ...outputs.flatMap(writtenBy),
  ...made.map(({ name, rename = "there", ...rest }) => ({ ...rest, pattern: name, rename }))
]

/** Returns a function that finds what may write a file of a given name and not remove it. */
export const writerOf = (written: ReadonlyArray<Written>): ((name: FileName) => Written | undefined) => {
  const lasting = written.filter(({ passing }) => !passing).map((one) => ({ one, fits: fitting(one) }))
  return (name) => lasting.find(({ fits }) => fits(name))?.one
}

const fitting = ({
  pattern,
  isPlain,
  numbers = { first: 0, last: Number.POSITIVE_INFINITY }
}: Written): ((name: FileName) => boolean) => {
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
 * The message if two parts of a task would write the same file, or an output would overwrite its own file;
 * else undefined. Some muxers write further files: those of playlists also write segments and initialization
 * segments.
 */
export const writtenTwice = (
  outputs: ReadonlyArray<Output>,
  made: ReadonlyArray<SideFile>
): string | undefined => {
  const all = filesWritten(outputs, made)
  const byOutline = new Map<string, Array<Written & { readonly parts: ReadonlyArray<PatternPart> }>>()
  for (const one of all) {
    const parts = partsOf(one.pattern)
    const key = outline(parts)
    const alike = byOutline.get(key) ?? []
    const own = alike.find(
      ({ by, rename, parts: others }) => by === one.by && rename === ownName && overlap(others, parts)
    )
    if (own !== undefined)
      return `${one.by} would write "${one.pattern}" over its own file: set another name ${one.rename}`
    const other = alike.find(
      ({ by, kind, parts: others }) =>
        by !== one.by && (kind === undefined || kind !== one.kind) && overlap(others, parts)
    )
    if (other !== undefined)
      return `${other.by} and ${one.by} both write "${one.pattern}": set another name ${one.rename} in one of them`
    alike.push({ ...one, parts })
    byOutline.set(key, alike)
  }
  return undefined
}

/**
 * The files that an output writes: its named file, and further files of its muxer with default or given
 * names.
 */
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
  const beside = (besides[format] ?? []).map(({ option, pattern }) =>
    written(valueOf(option) ?? pattern(name, valueOf), option)
  )
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

/** File extensions with which ffmpeg treats a name with a number as a sequence of pictures. */
const pictures =
  /\.(?:bmp|cri|dds|dpx|exr|gif|hdr|j2c|j2k|jls|jp2|jpc|jpe?g|jps|jxl|ljpg|mng|mpo|pam|pbm|pcx|pfm|pgm|pgmyuv|phm|pix|png|pnm|ppm|psd|qoi|ras|rs|sgi|sun|sunras|tga|tiff?|wbmp|webp|xbm|xface|xpm|xwd|y)$/i

/** The files that the name of an output stands for, depending on its muxer. */
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
  const frames = options.findLast((_, index) =>
    /^-(?:v?frames|frames:v(?::0)?)$/.test(options[index - 1] ?? "")
  )
  return {
    numbers: /^\d{1,9}$/.test(frames ?? "")
      ? { ...numbers, last: numbers.first + Number(frames) - 1 }
      : numbers
  }
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

/** Files that muxers write by default: the option that names each, and the default name ("" for none). */
const besides: Readonly<
  Record<
    string,
    ReadonlyArray<{ readonly option: string; readonly pattern: (name: FileName, valueOf: ValueOf) => string }>
  >
> = {
  hls: [
    {
      option: "-hls_segment_filename",
      pattern: (name, valueOf) =>
        `${stem(name)}${inOneFile(valueOf) ? "" : "%d"}.${fragmented(valueOf) ? "m4s" : "ts"}`
    },
    {
      option: "-hls_fmp4_init_filename",
      pattern: (_, valueOf) =>
        !fragmented(valueOf) || inOneFile(valueOf)
          ? ""
          : valueOf("-var_stream_map")?.includes(" ")
            ? "init_%v.mp4"
            : "init.mp4"
    }
  ],
  dash: [
    {
      option: "-init_seg_name",
      pattern: (_, valueOf) => (isOn(valueOf("-single_file")) ? "" : "init-stream$RepresentationID$.$ext$")
    },
    {
      option: "-media_seg_name",
      pattern: (_, valueOf) =>
        isOn(valueOf("-single_file")) ? "" : "chunk-stream$RepresentationID$-$Number%05d$.$ext$"
    },
    {
      option: "-single_file_name",
      pattern: (name, valueOf) =>
        isOn(valueOf("-single_file")) ? `${stem(name)}-stream$RepresentationID$.$ext$` : ""
    },
    {
      option: "-hls_master_name",
      pattern: (_, valueOf) => (isOn(valueOf("-hls_playlist")) ? "master.m3u8" : "")
    }
  ]
}

/** Options that add a file with any muxer. */
const sideOptions = ["-master_pl_name", "-segment_list", "-segment_header_filename"]

const muxerOptions: ReadonlySet<string> = new Set([
  ...sideOptions,
  ...Object.values(besides).flatMap((all) => all.map(({ option }) => option))
])

/** Whether an option names a file that a muxer writes. `filesWritten` derives such files from the output. */
export const isOfMuxer = (name: string): boolean => muxerOptions.has(`-${name}`)

/** A part of a pattern: digits, any text, or one character. */
type PatternPart = "digits" | "text" | { readonly character: string }

const partsOf = (pattern: string): ReadonlyArray<PatternPart> =>
  Array.from(pattern.matchAll(/%%|%\d*d|%v|\$\w*(?:%\d+d)?\$|./gsu), ([part]): PatternPart => {
    if (part === "%%" || part === "$$") return { character: part.charAt(0) }
    if (part.length === 1 || (part.length === 2 && !part.startsWith("%"))) return { character: part }
    return part === "%v" || part === "$ext$" ? "text" : "digits"
  })

/** A key that is equal for all patterns that may overlap, regardless of digits. */
const outline = (parts: ReadonlyArray<PatternPart>): string =>
  parts
    .map((part) => (typeof part === "object" ? part.character : "0"))
    .join("")
    .replace(/\d+/g, "0")

const isPlaceholder = (part: PatternPart | undefined): boolean => typeof part === "string"

/** Patterns with more placeholders are not compared, because that would take too long. */
const maxPlaceholders = 4

/** Whether a name exists that matches both patterns. Each part matches at least one character. */
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

/** Whether a character exists that matches both parts. */
const meet = (p: PatternPart | undefined, q: PatternPart | undefined): boolean => {
  if (p === undefined || q === undefined) return false
  if (p === "text" || q === "text") return true
  if (typeof p === "object" && typeof q === "object") return p.character === q.character
  return [p, q].every((part) => typeof part === "string" || /\d/.test(part.character))
}
