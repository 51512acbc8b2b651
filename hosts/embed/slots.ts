import { availableParallelism } from "node:os"

/** ffmpeg spreads an encode over the cores by itself; two at least, so that a short task does not wait behind a long one. */
export const defaultSlots = (): number => Math.max(2, availableParallelism())
