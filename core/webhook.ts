/** Retry delays of a webhook in seconds: eleven tries in total, over a day. */
const retryDelays = [5, 60, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 36_600] as const

/** The retry delay in seconds after a failed try, by its number from 1; undefined after the last. */
export const retryDelaySeconds = (attempt: number): number | undefined => retryDelays[attempt - 1]
