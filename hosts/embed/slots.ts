import { availableParallelism } from "node:os"

/**
 * Default number of slots. ffmpeg uses several cores by itself; at least 2, so that a short task does not
 * wait for a long one.
 */
export const defaultSlots = (): number => Math.max(2, availableParallelism())
