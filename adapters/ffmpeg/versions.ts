import { createHash } from "node:crypto"
import { type LibraryVersion, tableVersion } from "../../core/policy/tables/option-table.js"

type Version = readonly [major: number, minor: number, patch: number]

interface Hole {
  readonly from: Version
  /** The first version of that branch that is mended. */
  readonly mended: Version
  readonly says: string
}

/** Holes that a stranger's file is enough for, from their CVE entries. A distribution may have mended one under the old number. */
const holes: ReadonlyArray<Hole> = [
  { from: [0, 0, 0], mended: [2, 8, 5], says: "a playlist sent as a video reads local files and sends them away (CVE-2016-1897)" },
  ...(
    [
      [
        [2, 8, 5],
        [2, 8, 12]
      ],
      [
        [3, 0, 0],
        [3, 1, 9]
      ],
      [
        [3, 2, 0],
        [3, 2, 6]
      ],
      [
        [3, 3, 0],
        [3, 3, 2]
      ]
    ] as const
  ).map(([from, mended]) => ({ from, mended, says: "a playlist reads any local file (CVE-2017-9993)" })),
  { from: [7, 0, 0], mended: [7, 0, 2], says: "a picture overflows memory (CVE-2024-7055)" }
]

/** Major, minor and patch in the first line of `ffmpeg -version`; undefined for a build from between releases. */
export const parseVersion = (line: string): Version | undefined => {
  const [, major, minor = "0", patch = "0"] = /^ff\w+ version n?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:[-\s]|$)/.exec(line) ?? []
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)]
}

/** A warning for the operator, in a sentence; undefined where nothing is known against that version. `line` is ffmpeg's own first one. */
export const knownHole = (line: string): string | undefined => {
  const version = parseVersion(line)
  if (version === undefined) return undefined
  const hole = holes.find(({ from, mended }) => order(from) <= order(version) && order(version) < order(mended))
  return hole && `ffmpeg ${version.join(".")} has a known hole: ${hole.says}: install ${hole.mended.join(".")} or later`
}

const order = ([major, minor, patch]: Version): number => (major * 1000 + minor) * 1000 + patch

/** What a program of ffmpeg says of itself. */
export interface Build {
  /** As `5.1`; a build from between releases has a name of its own: see `tableVersion`. */
  readonly version: string
  /** The version of its libavutil, by which builds from between releases have their place too. */
  readonly library: LibraryVersion
  /** The same for two programs that say the same: version, configuration and libraries. */
  readonly build: string
}

/** Reads what `ffmpeg -version` or `ffprobe -version` prints; undefined for any other text. */
export const buildOf = (printed: string): Build | undefined => {
  const [, version] = /^ff\w+ version (\S+)/.exec(printed) ?? []
  if (version === undefined) return undefined
  const [, major, minor] = /^libavutil +(\d+)\. *(\d+)\./m.exec(printed) ?? []
  const [release = 0] = parseVersion(printed) ?? []
  return {
    version: tableVersion(version),
    // Release 5 has version 57, and so on.
    library: major === undefined ? [release + 52, 0] : [Number(major), Number(minor)],
    build: createHash("sha256").update(printed.trim()).digest("hex").slice(0, 16)
  }
}

/** The oldest that ffkiln works with. */
const oldest: { readonly release: string; readonly library: LibraryVersion } = { release: "4.3", library: [56, 51] }

/** Why a build can't be used, worded to follow its name; undefined where it can. */
export const whyTooOld = ({ version, library: [major, minor] }: Build): string | undefined =>
  major < oldest.library[0] || (major === oldest.library[0] && minor < oldest.library[1])
    ? `is too old (${version}): ffkiln needs ffmpeg ${oldest.release} or later`
    : undefined
