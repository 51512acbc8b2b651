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

/** What one version of ffmpeg understands on its command line, and how many arguments each option takes. */
export interface OptionTable {
  /** As `5.1`: see `tableVersion`. */
  readonly version: string
  readonly options: ReadonlyMap<string, CommandOption>
  readonly avOptions: ReadonlyMap<string, AvOption>
}

/** The part of ffmpeg's own version that decides what options there are; a build of no release is its own version. */
export const tableVersion = (version: string): string => /^n?(\d+\.\d+)(?![\dA-Za-z])/.exec(version)?.[1] ?? version

/** The table as text: each kind of option with the names of that kind, and the number of all at the end. */
export const printTable = ({ version, options, avOptions }: OptionTable): string => {
  const kinds = new Map<string, Array<string>>()
  const add = (kind: string, name: string) => kinds.set(kind, [...(kinds.get(kind) ?? []), name])
  for (const [name, { takesValue, negatable, places }] of options) {
    add(`option ${[takesValue ? "value" : "flag", ...(negatable ? ["negatable"] : []), ...places].join(" ")}`, name)
  }
  for (const [name, { owners, directions, text }] of avOptions) {
    add(`avoption ${[...owners, ...directions, ...(text ? ["text"] : [])].join(" ")}`, name)
  }
  const lines = [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, names]) => folded(`${kind}: ${names.sort().join(" ")}`))
  return [`ffmpeg ${version}`, ...lines, `end ${options.size + avOptions.size}`, ""].join("\n")
}

/** What `printTable` printed; undefined for anything else, and for a part of it. */
export const parseTable = (text: string): OptionTable | undefined => {
  const [first = "", ...lines] = text.trimEnd().replaceAll("\n  ", " ").split("\n")
  const [, version] = /^ffmpeg (\S.*)$/.exec(first) ?? []
  const [, count] = /^end (\d+)$/.exec(lines.pop() ?? "") ?? []
  const options = new Map<string, CommandOption>()
  const avOptions = new Map<string, AvOption>()
  for (const line of lines) {
    const [, sort, kind = "", names = ""] = /^(option|avoption) ([a-z ]+): (.+)$/.exec(line) ?? []
    if (sort === undefined) return undefined
    const words = kind.split(" ")
    const only = <Word extends string>(...known: ReadonlyArray<Word>) => known.filter((word) => words.includes(word))
    for (const name of names.split(" ")) {
      if (sort === "avoption") {
        avOptions.set(name, { owners: only(...owners), directions: only("decode", "encode"), text: words.includes("text") })
      } else {
        const places = only("input", "output", "global")
        options.set(name, { takesValue: words.includes("value"), negatable: words.includes("negatable"), places })
      }
    }
  }
  if (version === undefined || options.size === 0 || Number(count) !== options.size + avOptions.size) return undefined
  return { version, options, avOptions }
}

/** Over several lines, all but the first indented. */
const folded = (line: string): string => line.replace(/(.{1,130})(?: |$)/g, "$1\n  ").trimEnd()

const owners = ["codec", "private", "format", "scaler"] as const
