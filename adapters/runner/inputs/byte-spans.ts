/**
 * A range of a file: `start` to `at` is downloaded, `at` to `end` is requested. Offsets count from 0; ends
 * are exclusive.
 */
export interface Span {
  readonly start: number
  at: number
  readonly end: number
}

/** Which bytes of a file are downloaded, which are requested, and which are neither. */
export interface Spans {
  /** The end of the downloaded bytes that start at `from`; `from` itself if that byte is missing. */
  readonly reach: (from: number) => number
  /** Whether the byte at this offset is requested. */
  readonly isComing: (offset: number) => boolean
  /**
   * Takes the first bytes after `from` that are not requested, at most `most`, and marks them as requested.
   */
  readonly take: (from: number, most: number) => Span | undefined
  /** The number of downloaded bytes. */
  readonly count: () => number
}

export const makeSpans = (size: number): Spans => {
  /** Sorted by offset, without overlaps. */
  let spans: Array<Span> = []

  const reach = (from: number) => {
    let reached = from
    for (const { start, at } of spans) if (start <= reached && reached < at) reached = at
    return reached
  }

  const take = (from: number, most: number) => {
    spans = joined(spans)
    let start = from
    let end = Math.min(size, from + most)
    for (const span of spans) {
      if (span.end <= start) continue
      if (span.start > start) {
        end = Math.min(size, start + most, span.start)
        break
      }
      start = span.end
      end = Math.min(size, start + most)
    }
    if (start >= size) return undefined
    const taken: Span = { start, at: start, end }
    spans = [...spans, taken].sort((a, b) => a.start - b.start)
    return taken
  }

  return {
    reach,
    take,
    isComing: (offset) => spans.some(({ at, end }) => at <= offset && offset < end),
    count: () => spans.reduce((sum, { start, at }) => sum + at - start, 0)
  }
}

/**
 * Merges adjacent downloaded spans. Spans that are still being filled stay, since a request refers to them.
 */
const joined = (spans: ReadonlyArray<Span>): Array<Span> => {
  const whole: Array<Span> = []
  for (const span of spans) {
    const last = whole.at(-1)
    const isHere = span.at === span.end
    if (last !== undefined && isHere && last.at === last.end && last.end === span.start) {
      whole[whole.length - 1] = { start: last.start, at: span.end, end: span.end }
    } else whole.push(span)
  }
  return whole
}
