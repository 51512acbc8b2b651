import { createHash } from "node:crypto"
import { type LibraryVersion, tableVersion } from "../../core/policy/tables/option-table.js"

type Version = readonly [major: number, minor: number, patch: number]

interface Hole {
  readonly from: Version
  /** The first fixed version of that branch. */
  readonly mended: Version
  readonly says: string
}

/**
 * Vulnerabilities that a malicious file can use, from their CVE entries. A distribution may have fixed one
 * without a new version number.
 */
const holes: ReadonlyArray<Hole> = [
  {
    from: [0, 0, 0],
    mended: [2, 8, 5],
    says: "a playlist sent as a video reads local files and sends them away (CVE-2016-1897)"
  },
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

/** Major, minor and patch in the first line of `ffmpeg -version`; undefined for a development build. */
export const parseVersion = (line: string): Version | undefined => {
  const [, major, minor = "0", patch = "0"] =
    /^ff\w+ version n?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:[-\s]|$)/.exec(line) ?? []
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)]
}

/**
 * A warning about known vulnerabilities of a version, as a sentence for the operator; undefined if none is
 * known. `line` is the first line of `ffmpeg -version`.
 */
export const knownHole = (line: string): string | undefined => {
  const version = parseVersion(line)
  if (version === undefined) return undefined
  const hole = holes.find(
    ({ from, mended }) => order(from) <= order(version) && order(version) < order(mended)
  )
  return (
    hole &&
    `ffmpeg ${version.join(".")} has a known hole: ${hole.says}: install ${hole.mended.join(".")} or later`
  )
}

const order = ([major, minor, patch]: Version): number => (major * 1000 + minor) * 1000 + patch

/** Version and build of an ffmpeg program. */
export interface Build {
  /** Such as `5.1`. For the names of development builds see `tableVersion`. */
  readonly version: string
  /** The version of its libavutil, which also orders development builds. */
  readonly library: LibraryVersion
  /** A hash of version, configuration and library versions: equal for equal builds. */
  readonly build: string
}

/** Parses the output of `ffmpeg -version` or `ffprobe -version`; undefined for any other text. */
export const buildOf = (printed: string): Build | undefined => {
  const [, version] = /^ff\w+ version (\S+)/.exec(printed) ?? []
  if (version === undefined) return undefined
  const [, major, minor] = /^libavutil +(\d+)\. *(\d+)\./m.exec(printed) ?? []
  const [release = 0] = parseVersion(printed) ?? []
  return {
    version: tableVersion(version),
    // Release 5 has libavutil 57, release 6 has 58, and so on.
    library: major === undefined ? [release + 52, 0] : [Number(major), Number(minor)],
    build: createHash("sha256").update(printed.trim()).digest("hex").slice(0, 16)
  }
}

/** The oldest supported version. */
const oldest: { readonly release: string; readonly library: LibraryVersion } = {
  release: "4.3",
  library: [56, 51]
}

/** Why a build can't be used, as the rest of a sentence after its name; undefined if it can. */
export const whyTooOld = ({ version, library: [major, minor] }: Build): string | undefined =>
  major < oldest.library[0] || (major === oldest.library[0] && minor < oldest.library[1])
    ? `is too old (${version}): ffkiln needs ffmpeg ${oldest.release} or later`
    : undefined
