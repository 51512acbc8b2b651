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
