import type { ResourceLimits } from "../sandbox/rlimits.js"
import { type Failure, lastWord } from "./explain.js"

/**
 * The process limit that ended a run, in a sentence; undefined if none did. `longestFile` is the size in bytes of
 * the longest file that the run left.
 */
export const limitReached = (
  limits: ResourceLimits,
  { ended, log }: Failure,
  longestFile: number
): string | undefined => {
  // The first process of a sandbox does not receive SIGXFSZ; its write fails.
  if (ended.signal === "SIGXFSZ" || longestFile >= limits.fsize)
    return `a file grew larger than ${limits.fsize} bytes`
  const overtime =
    ended.signal === "SIGXCPU" ||
    ended.code === hardExit ||
    (ended.code === 255 && lastWord(log) === heardOfCpu)
  return overtime ? `it took more than ${limits.cpu} s of processor time` : undefined
}

/** ffmpeg stops on SIGXCPU (signal 24), and exits with 123 if it receives more signals before it has stopped. */
const heardOfCpu = "Exiting normally, received signal 24."
const hardExit = 123
