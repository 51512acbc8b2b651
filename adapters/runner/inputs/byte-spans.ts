/** Bytes of a file: `start` to `at` are here, `at` to `end` are on their way. Offsets count from 0, the second is not included. */
export interface Span {
  readonly start: number
  at: number
  readonly end: number
}

/** Which bytes of a file are here, which on their way, and which nobody has asked for yet. */
export interface Spans {
  /** The end of the bytes that are here from there on: itself where that one is not. */
  readonly reach: (from: number) => number
  /** Whether that byte is on its way. */
  readonly isComing: (offset: number) => boolean
  /** The first bytes from there on that nobody has asked for, at most so many, which are on their way from now on. */
  readonly take: (from: number, most: number) => Span | undefined
  /** How many are here. */
  readonly count: () => number
}

export const makeSpans = (size: number): Spans => {
  /** By their offsets, none over another. */
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

/** Neighbours that are here become one; those still filled stay what they are, since somebody holds them. */
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
