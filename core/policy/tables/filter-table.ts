/** What is known of a filter's options. */
export interface FilterOptions {
  /** In the order in which values without a key are taken for them. */
  readonly ordered: ReadonlyArray<string>
  /** All that may be keys, second names too. */
  readonly names: ReadonlySet<string>
  /** Those whose value is a size, such as `640x480` or `hd720`. */
  readonly sizes: ReadonlySet<string>
  /** Whether pictures come out of it. */
  readonly makesPictures: boolean
}

/** The filters of one version of ffmpeg. */
export type FilterTable = ReadonlyMap<string, FilterOptions>

/**
 * Reads a table: for each filter its name, `picture` or `other`, a colon, the options in their order and, after a `/`,
 * further names. A `*` marks sizes; lines that begin with blanks go on with the one before.
 */
export const parseFilterTable = (text: string): FilterTable =>
  new Map(text.replaceAll("\n  ", " ").split("\n").map(readLine))

const readLine = (line: string): readonly [string, FilterOptions] => {
  const [, name, makes, options = ""] = /^(\S+) (picture|other):(.*)$/.exec(line) ?? []
  if (name === undefined) throw new TypeError(`no line of a filter table: ${line}`)
  const [ordered = [], others = []] = options
    .split(" / ")
    .map((part) => part.split(" ").filter((word) => word !== ""))
  const all = [...ordered, ...others]
  return [
    name,
    {
      ordered: ordered.map(unmarked),
      names: new Set(all.map(unmarked)),
      sizes: new Set(all.filter((word) => word.endsWith("*")).map(unmarked)),
      makesPictures: makes === "picture"
    }
  ]
}

const unmarked = (word: string): string => word.replace("*", "")
