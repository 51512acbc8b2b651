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
