/** Where an option may stand: before an input, before an output, or anywhere, with one meaning for the whole run. */
export type OptionPlace = "input" | "output" | "global"

/** An option of the ffmpeg program itself. */
export interface CommandOption {
  /** Whether a value follows. */
  readonly takesValue: boolean
  /** Whether `-noNAME` turns it off; no value follows that. */
  readonly negatable: boolean
  /** Empty for an option that prints something and exits. */
  readonly places: ReadonlyArray<OptionPlace>
}

/**
 * What an AVOption belongs to: `codec` to every codec, `private` to some, `format` to muxers, demuxers and protocols,
 * `scaler` to conversion of pictures and sound. Only the first two take a stream specifier.
 */
export type OptionOwner = "codec" | "private" | "format" | "scaler"

/** An option of ffmpeg's libraries: one value always follows. One name may mean several things. */
export interface AvOption {
  readonly owners: ReadonlyArray<OptionOwner>
  readonly directions: ReadonlyArray<"decode" | "encode">
  /** Whether any bearer of the name takes text of any kind (string, dictionary). */
  readonly text: boolean
}

/** Major and minor version of libavutil, which every build of ffmpeg tells, also those from between releases. */
export type LibraryVersion = readonly [major: number, minor: number]

/** What one build of ffmpeg understands on its command line, and how many arguments each option takes. */
export interface OptionTable {
  /** As `5.1`: see `tableVersion`. */
  readonly version: string
  readonly library: LibraryVersion
  /** Stands for the build: a hash of all that it says of itself. */
  readonly build: string
  readonly options: ReadonlyMap<string, CommandOption>
  readonly avOptions: ReadonlyMap<string, AvOption>
  /** Names that the help lists among the options of libraries, and that the program does not find there. */
  readonly unread: ReadonlySet<string>
}

/** The part of ffmpeg's own version that decides what options there are; a build of no release is its own version. */
export const tableVersion = (version: string): string =>
  /^n?(\d+\.\d+)(?:[^\dA-Za-z]|$)/.exec(version)?.[1] ?? version

/** How far two builds are apart in time. */
export const libraryDistance = (
  [major, minor]: LibraryVersion,
  [otherMajor, otherMinor]: LibraryVersion
): number => Math.abs((major - otherMajor) * 1000 + minor - otherMinor)

const emptyTable: OptionTable = {
  version: "",
  library: [0, 0],
  build: "",
  options: new Map(),
  avOptions: new Map(),
  unread: new Set()
}

/** Whether a printed table is whole, or holds what is known so far. */
export type Extent = "whole" | "part"

const endWords: Readonly<Record<Extent, string>> = { whole: "end", part: "so far" }

/** What is known of one name, as the words that begin a line of a printed table. */
type Kinds = ReadonlyMap<string, string>

const kindsOf = ({ options, avOptions, unread }: OptionTable): Kinds =>
  new Map([
    ...[...options].map(
      ([name, { takesValue, negatable, places }]) =>
        [
          `option ${name}`,
          words("option", takesValue ? "value" : "flag", negatable && "negatable", ...places)
        ] as const
    ),
    ...[...avOptions].map(
      ([name, { owners, directions, text }]) =>
        [`avoption ${name}`, words("avoption", ...owners, ...directions, text && "text")] as const
    ),
    ...[...unread].map((name) => [`unread ${name}`, "unread"] as const)
  ])

const words = (...parts: ReadonlyArray<string | false>): string =>
  parts.filter((part) => part !== false).join(" ")

/**
 * The table as text: each kind of option with the names of that kind, and the number of all at the end. With a `base`, only
 * what differs from that one, which `parseTable` then needs too.
 */
export const printTable = (
  table: OptionTable,
  { base = emptyTable, extent = "whole" }: { base?: OptionTable; extent?: Extent } = {}
): string => {
  const lines = new Map<string, Array<string>>()
  const add = (kind: string, name: string) => lines.set(kind, [...(lines.get(kind) ?? []), name])
  const [before, now] = [kindsOf(base), kindsOf(table)]
  for (const [key, kind] of now) if (before.get(key) !== kind) add(kind, nameIn(key))
  for (const key of before.keys()) if (!now.has(key)) add(`without ${sortIn(key)}`, nameIn(key))
  return [
    `ffmpeg ${table.version} libavutil ${table.library.join(".")} build ${table.build}`,
    ...[...lines]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, names]) => folded(`${kind}: ${names.sort().join(" ")}`)),
    `${endWords[extent]} ${now.size}`,
    ""
  ].join("\n")
}

const sortIn = (key: string): string => key.slice(0, key.indexOf(" "))
const nameIn = (key: string): string => key.slice(key.indexOf(" ") + 1)

/** What `printTable` printed over the same base; undefined for anything else, and for a part of it. */
export const parseTable = (
  text: string,
  { base = emptyTable, extent = "whole" }: { base?: OptionTable; extent?: Extent } = {}
): OptionTable | undefined => {
  const [first = "", ...lines] = text.trimEnd().replaceAll("\n  ", " ").split("\n")
  const [, version, major, minor, build = ""] =
    /^ffmpeg (\S+) libavutil (\d+)\.(\d+) build (\S*)$/.exec(first) ?? []
  const [, end, count] = /^(\D+) (\d+)$/.exec(lines.pop() ?? "") ?? []
  const kinds = new Map(kindsOf(base))
  for (const line of lines) {
    const [, kind, names = ""] = /^((?:without|option|avoption|unread)(?: [a-z ]+)?): (.+)$/.exec(line) ?? []
    if (kind === undefined) return undefined
    for (const name of names.split(" ")) {
      if (kind.startsWith("without ")) kinds.delete(`${kind.slice("without ".length)} ${name}`)
      else kinds.set(`${kind.split(" ")[0]} ${name}`, kind)
    }
  }
  if (version === undefined || end !== endWords[extent] || kinds.size === 0 || Number(count) !== kinds.size)
    return undefined
  return { version, library: [Number(major), Number(minor)], build, ...tableOf(kinds) }
}

const tableOf = (kinds: Kinds): Pick<OptionTable, "options" | "avOptions" | "unread"> => {
  const options = new Map<string, CommandOption>()
  const avOptions = new Map<string, AvOption>()
  const unread = new Set<string>()
  for (const [key, kind] of kinds) {
    const name = nameIn(key)
    const found = kind.split(" ")
    const only = <Word extends string>(...known: ReadonlyArray<Word>) =>
      known.filter((word) => found.includes(word))
    if (kind === "unread") unread.add(name)
    else if (found[0] === "avoption")
      avOptions.set(name, {
        owners: only("codec", "private", "format", "scaler"),
        directions: only("decode", "encode"),
        text: found.includes("text")
      })
    else
      options.set(name, {
        takesValue: found.includes("value"),
        negatable: found.includes("negatable"),
        places: only("input", "output", "global")
      })
  }
  return { options, avOptions, unread }
}

/** Over several lines of at most 130 characters where words allow it, all but the first indented. */
const folded = (line: string): string => {
  const lines: Array<string> = []
  for (const word of line.split(" ")) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > 130) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join("\n  ")
}
