import { Effect } from "effect"
import { type FetchError, mostReadBytes, type NotInPieces, type Pieces } from "./ranges.js"

const ids = {
  segment: 0x18538067,
  cluster: 0x1f43b675,
  seekHead: 0x114d9b74,
  seek: 0x4dbb,
  seekId: 0x53ab,
  seekPosition: 0x53ac,
  cues: 0x1c53bb6b
}

interface Element {
  readonly id: number
  /**
   * Where its content starts and ends, relative to where it was read. The end is infinite if the size is
   * unknown.
   */
  readonly start: number
  readonly end: number
}

/** An id has at most four bytes, a size at most eight. */
const headerBytes = 12

/**
 * Matroska and WebM: downloads everything before the first cluster (attachments can be large), the start of
 * that cluster, and the elements that seek heads point to, without cues: ffprobe reads those only when it
 * seeks. False for a file with another structure.
 */
export const matroskaIndex = (
  pieces: Pieces,
  headBytes: number
): Effect.Effect<boolean, FetchError | NotInPieces> =>
  Effect.gen(function* () {
    const elementAt = (at: number) =>
      Effect.map(pieces.read(at, at + headerBytes), (bytes) => shifted(elementIn(bytes, 0), at))
    const header = yield* elementAt(0)
    const segment = header === undefined ? undefined : yield* elementAt(header.end)
    if (segment?.id !== ids.segment) return false

    const targets: Array<number> = []
    let seekHeadBytes = 0
    let at = segment.start
    while (true) {
      const element = yield* elementAt(at)
      if (element === undefined || (element.id !== ids.cluster && element.end > pieces.size)) return false
      if (element.id === ids.cluster) break
      yield* pieces.fetch(at, element.end)
      if (element.id === ids.seekHead) {
        seekHeadBytes += element.end - element.start
        // The sum over all seek heads, since there may be many.
        if (seekHeadBytes > mostReadBytes) return false
        targets.push(...seekTargets(yield* pieces.read(element.start, element.end)))
      }
      at = element.end
    }
    yield* pieces.fetch(at, at + headBytes)
    for (const target of targets) {
      const place = segment.start + target
      const element = yield* elementAt(place)
      // A second seek head after the first cluster would have to be followed as well.
      if (element === undefined || element.end > pieces.size || (element.id === ids.seekHead && place > at))
        return false
      yield* pieces.fetch(place, element.end)
    }
    return true
  })

const shifted = (element: Element | undefined, by: number): Element | undefined =>
  element === undefined ? undefined : { ...element, start: element.start + by, end: element.end + by }

/** Reads a number whose leading zero bits give its length. An id keeps the marker bit. */
const numberIn = (
  bytes: Buffer,
  at: number,
  keepMark: boolean
): { readonly value: number; readonly length: number } | undefined => {
  const first = bytes[at] ?? 0
  const length = Math.clz32(first) - 23
  if (first === 0 || at + length > bytes.length) return undefined
  const mark = 0x80 >> (length - 1)
  let value = keepMark ? first : first - mark
  let unknown = first === mark * 2 - 1
  for (const byte of bytes.subarray(at + 1, at + length)) {
    value = value * 256 + byte
    unknown &&= byte === 0xff
  }
  return { value: unknown && !keepMark ? Number.POSITIVE_INFINITY : value, length }
}

const elementIn = (bytes: Buffer, at: number): Element | undefined => {
  const id = numberIn(bytes, at, true)
  const size = id === undefined ? undefined : numberIn(bytes, at + id.length, false)
  if (id === undefined || size === undefined) return undefined
  const start = at + id.length + size.length
  return { id: id.value, start, end: start + size.value }
}

const childrenOf = (bytes: Buffer): ReadonlyArray<Element> => {
  const children: Array<Element> = []
  let at = 0
  for (
    let child = elementIn(bytes, at);
    child !== undefined && child.end <= bytes.length;
    child = elementIn(bytes, at)
  ) {
    children.push(child)
    at = child.end
  }
  return children
}

/** The positions in a seek head, relative to the start of the segment's content. */
const seekTargets = (seekHead: Buffer): ReadonlyArray<number> =>
  childrenOf(seekHead)
    .filter(({ id }) => id === ids.seek)
    .flatMap(({ start, end }) => {
      const seek = seekHead.subarray(start, end)
      const valueOf = (wanted: number) => {
        const child = childrenOf(seek).find(({ id }) => id === wanted)
        return child === undefined
          ? undefined
          : seek.subarray(child.start, child.end).reduce((value, byte) => value * 256 + byte, 0)
      }
      const position = valueOf(ids.seekPosition)
      const wanted = valueOf(ids.seekId)
      return position === undefined || wanted === ids.cues || wanted === ids.cluster ? [] : [position]
    })
