import { Either } from "effect"
import { InvalidRequest } from "../errors.js"
import type { LimitValues } from "../limits.js"
import { type ProbeRequest, type ProbeSection, probeSections } from "../probe.js"
import type { ProbeBody } from "./bodies.js"

type Wire = typeof ProbeBody.Encoded
type Parsed<A> = Either.Either<A, InvalidRequest>

/**
 * API reference: "Resource limits: 60s max analysis, 50MB max probe size". ffprobe itself refuses sizes under
 * 32.
 */
const maxAnalyzeMicroseconds = 60_000_000
const minProbeBytes = 32
const maxProbeBytes = 50_000_000

/** Parses a probe request. Every section and value is checked; none is passed to ffprobe unparsed. */
export const parseProbe = (body: Wire, limits: LimitValues): Parsed<ProbeRequest> =>
  Either.gen(function* () {
    const sections = yield* parseSections(body, limits)
    if (
      body.select_streams === undefined &&
      (sections.frames !== undefined || sections.packets !== undefined)
    ) {
      return yield* refuse('probe.frames and probe.packets require probe.select_streams, for example "v:0"')
    }
    return {
      sections,
      selectStreams: body.select_streams === undefined ? null : yield* parseSelection(body.select_streams),
      readIntervals: body.read_intervals === undefined ? null : yield* parseIntervals(body.read_intervals),
      countFrames: body.count_frames ?? false,
      countPackets: body.count_packets ?? false,
      analyzeMicroseconds:
        body.analyzeduration === undefined ? null : yield* parseDuration(body.analyzeduration),
      probeBytes: body.probesize === undefined ? null : yield* parseSize(body.probesize)
    }
  })

const parseSections = (body: Wire, limits: LimitValues): Parsed<ProbeRequest["sections"]> =>
  Either.gen(function* () {
    const sections: Partial<Record<ProbeSection, ReadonlyArray<string> | "all">> = {}
    for (const section of probeSections) {
      const fields = body[section]
      if (fields === undefined) continue
      const bad = fields.findIndex((field) => !/^[A-Za-z0-9_]{1,64}$/.test(field))
      if (bad >= 0)
        return yield* refuse(
          `probe.${section}[${bad}] must be a field's name, of at most 64 A-Z a-z 0-9 and _`
        )
      if (fields.length > limits.probeFields)
        return yield* refuse(
          `probe.${section} has too many fields: at most ${limits.probeFields} are allowed`
        )
      sections[section] = fields.length === 0 ? "all" : fields
    }
    return Object.keys(sections).length === 0 ? { format: "all", streams: "all" } : sections
  })

/** The stream specifiers that ffprobe's `-select_streams` accepts. */
const selections: ReadonlyArray<RegExp> = [
  /^(?:\d{1,9}|u)$/,
  /^(?:#|i:)(?:0x[0-9a-fA-F]{1,8}|\d{1,9})$/,
  /^(?:p:\d{1,9}:)?[vVasdt](?::\d{1,9})?$/,
  /^(?:(?:p:\d{1,9}:)?[vVasdt]:)?m:[\w-]+(?::[\w -]+)?$/,
  /^p:\d{1,9}(?::\d{1,9})?$/
]
const maxSelection = 200
const parseSelection = (text: string): Parsed<string> =>
  text.length <= maxSelection && selections.some((form) => form.test(text))
    ? Either.right(text)
    : refuse('probe.select_streams must be a stream specifier such as "v:0", "a" or "s:1"')

const time = /^\+?\d{1,6}(?::\d{1,2}){0,2}(?:\.\d{1,9})?$/
const packets = /^\+#\d{1,9}$/

/** Longest interval that is accepted, in characters. */
const maxInterval = 100

/** `START%END`; both parts are optional. */
const isInterval = (text: string): boolean => {
  if (text === "" || text.length > maxInterval) return false
  const [start = "", end = "", ...more] = text.split("%")
  return (
    more.length === 0 &&
    (start === "" || time.test(start)) &&
    (end === "" || time.test(end) || packets.test(end))
  )
}

/** `#500` means the first 500 packets; ffprobe's syntax is `%+#500`. */
const parseIntervals = (text: string): Parsed<string> => {
  const intervals = text.split(",", 101).map((part) => part.replace(/^(?:\+?|([^%]*)%)#/, "$1%+#"))
  return intervals.length <= 100 && intervals.every(isInterval)
    ? Either.right(intervals.join(","))
    : refuse('probe.read_intervals must be a list of intervals such as "0%+10", "01:30%01:45" or "#500"')
}

const decimal: Readonly<Record<string, number>> = { "": 1, K: 1e3, k: 1e3, M: 1e6, G: 1e9 }
const durations: Readonly<Record<string, number>> = { ...decimal, us: 1, ms: 1e3, s: 1e6 }

const parseDuration = (value: string | number): Parsed<number> => {
  const microseconds = scaled(value, durations)
  if (microseconds === undefined)
    return refuse(
      'probe.analyzeduration must be a duration such as "10s", "500ms" or a number of microseconds'
    )
  return microseconds <= maxAnalyzeMicroseconds
    ? Either.right(microseconds)
    : refuse("probe.analyzeduration is too long: at most 60s are allowed")
}

const parseSize = (value: string | number): Parsed<number> => {
  const bytes = scaled(typeof value === "string" ? value.replace(/B$/, "") : value, decimal)
  if (bytes === undefined || bytes < minProbeBytes)
    return refuse('probe.probesize must be a size such as "10M" or a number of bytes, at least 32')
  return bytes <= maxProbeBytes
    ? Either.right(bytes)
    : refuse("probe.probesize is too large: at most 50M are allowed")
}

/** A number with a unit, converted to a whole number of the smallest unit. Undefined if it is malformed. */
const scaled = (value: string | number, units: Readonly<Record<string, number>>): number | undefined => {
  const [, amount, unit = ""] = /^(\d{1,15}(?:\.\d{1,9})?)([A-Za-z]{0,2})$/.exec(String(value)) ?? []
  if (amount === undefined || !Object.hasOwn(units, unit)) return undefined
  return Math.round(Number(amount) * (units[unit] as number))
}

const refuse = (message: string) => Either.left(new InvalidRequest({ message }))
