/** Seconds from a failed try to the next one: soon at first, eleven tries over a day in all. */
const retryDelays = [5, 60, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 36_600] as const

/** How long to wait after the try of this number (from 1) has failed; undefined when it was the last. */
export const retryDelaySeconds = (attempt: number): number | undefined => retryDelays[attempt - 1]
