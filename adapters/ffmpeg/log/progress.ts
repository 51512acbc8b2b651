import type { Timeline, Window } from "../../../core/timeline.js"

/**
 * The expected length of the result in seconds; null if unknown. ffmpeg's progress follows the output that is
 * furthest ahead, so the longest output counts. An output's own length option decides; without one, an output
 * is as long as the longest input after its cuts. Inputs of unknown length (pictures) are ignored if the
 * length of another input is known.
 */
export const expectedSeconds = (
  timeline: Timeline,
  durations: ReadonlyArray<number | null>
): number | null => {
  const repeats = timeline.inputs.some(({ looped }) => looped === true)
  const media = longest(
    timeline.inputs.map((input, index) =>
      lengthOf(input, input.looped === true ? null : (durations[index] ?? null))
    )
  )
  const outputs = timeline.outputs.map((output) =>
    lengthOf(output, repeats && output.length !== null ? null : media)
  )
  return longest(outputs)
}

/** How many of the `available` seconds lie in the window. */
const lengthOf = ({ start, length }: Window, available: number | null): number | null => {
  if (available === null) return length
  // A negative start is counted from the end.
  const left = start < 0 ? Math.min(available, -start) : Math.max(0, available - start)
  return length === null ? left : Math.min(length, left)
}

const longest = (lengths: ReadonlyArray<number | null>): number | null => {
  const known = lengths.filter((length) => length !== null)
  return known.length === 0 ? null : Math.max(...known)
}

/**
 * The largest fraction before the end: the expected length may be too short, and 1 means that the run is
 * done.
 */
const mostOfRunning = 0.99

/**
 * The next fraction of a running run: never less than the one before; null while the expected length is
 * unknown or 0.
 */
export const advance = (
  before: number | null,
  outTimeSeconds: number,
  expected: number | null
): number | null =>
  expected === null || expected <= 0
    ? before
    : Math.max(before ?? 0, Math.min(mostOfRunning, outTimeSeconds / expected))

/**
 * Reads the lines of `-progress`. Calls `onBlock` once per block with the seconds reached, or null if ffmpeg
 * gives none.
 */
export const progressReader = (
  onBlock: (outTimeSeconds: number | null) => void
): ((line: string) => void) => {
  let reached: number | null = null
  return (line) => {
    const [key, value = ""] = line.split("=", 2).map((part) => part.trim())
    if (key === "out_time_us") reached = /^-?\d+$/.test(value) ? Math.max(0, Number(value) / 1e6) : null
    if (key !== "progress") return
    onBlock(reached)
    reached = null
  }
}
