import type { FileName } from "./ids.js"
import type { Output, SideFile } from "./task.js"

/** A file, or the pattern of several, that a run writes. */
interface Written {
  readonly pattern: string
  /** What writes it. */
  readonly by: string
  /** What gives it another name. */
  readonly rename: string
}

/** What gives the named file of an output another name. */
const ownName = "as its file"

/**
 * A sentence on two parts of a task that would write one file, each over the other, or on an output that would write over its
 * own file; undefined where there are none. Muxers write more than the file that is named: playlists for one, their segments
 * and what initialises those.
 */
export const writtenTwice = (outputs: ReadonlyArray<Output>, made: ReadonlyArray<SideFile>): string | undefined => {
  const all = [...outputs.flatMap(writtenBy), ...made.map(({ name, by }) => ({ pattern: name, by, rename: "there" }))]
  const byOutline = new Map<string, Array<Written & { readonly parts: ReadonlyArray<Part> }>>()
  for (const one of all) {
    const parts = partsOf(one.pattern)
    const key = outline(parts)
    const alike = byOutline.get(key) ?? []
    const own = alike.find(({ by, rename, parts: others }) => by === one.by && rename === ownName && overlap(others, parts))
    if (own !== undefined) return `${one.by} would write "${one.pattern}" over its own file: set another name ${one.rename}`
    const other = alike.find(({ by, parts: others }) => by !== one.by && overlap(others, parts))
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
  const written = (pattern: string, option: string): Written => ({ pattern, by, rename: `with ${option}` })
  const format = valueOf("-f")?.toLowerCase() ?? formatOf(name)
  const beside = (besides[format] ?? []).map(({ option, pattern }) => written(valueOf(option) ?? pattern(name, valueOf), option))
  const asked = sideOptions.flatMap((option) => {
    const value = valueOf(option)
    return value === undefined ? [] : [written(value, option)]
  })
  return [...(discarded ? [] : [{ pattern: name, by, rename: ownName }]), ...beside.filter(({ pattern }) => pattern !== ""), ...asked]
}

const formatOf = (name: FileName): string => (/\.m3u8?$/i.test(name) ? "hls" : /\.mpd$/i.test(name) ? "dash" : "")

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

/** Parts of a pattern: digits, any text, or one character. */
type Part = "digits" | "text" | { readonly character: string }

const partsOf = (pattern: string): ReadonlyArray<Part> =>
  Array.from(pattern.matchAll(/%%|%\d*d|%v|\$\w*(?:%\d+d)?\$|./gsu), ([part]): Part => {
    if (part === "%%" || part === "$$") return { character: part.charAt(0) }
    if (part.length === 1 || (part.length === 2 && !part.startsWith("%"))) return { character: part }
    return part === "%v" || part === "$ext$" ? "text" : "digits"
  })

/** The same for patterns that may overlap, whatever the digits in them. */
const outline = (parts: ReadonlyArray<Part>): string =>
  parts
    .map((part) => (typeof part === "object" ? part.character : "0"))
    .join("")
    .replace(/\d+/g, "0")

const isPlaceholder = (part: Part | undefined): boolean => typeof part === "string"

/** Patterns of more placeholders are not compared: it would take long. */
const maxPlaceholders = 4

/** Whether one name fits both patterns. Each part of them stands for one character at least. */
const overlap = (a: ReadonlyArray<Part>, b: ReadonlyArray<Part>): boolean => {
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
const meet = (p: Part | undefined, q: Part | undefined): boolean => {
  if (p === undefined || q === undefined) return false
  if (p === "text" || q === "text") return true
  if (typeof p === "object" && typeof q === "object") return p.character === q.character
  return [p, q].every((part) => typeof part === "string" || /\d/.test(part.character))
}
