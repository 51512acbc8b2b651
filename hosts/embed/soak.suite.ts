import { getHeapCodeStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Measurements of a soak test in its own process. */

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

/**
 * Live heap: without garbage and without code, of which V8 compiles more, and more versions, during the first
 * tens of thousands of calls.
 */
export const heapMegabytes = async (): Promise<number> => {
  // A second pass frees what finalizers of the first one released.
  for (let pass = 0; pass < 3; pass++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { code_and_metadata_size: code, bytecode_and_metadata_size: bytecode } = getHeapCodeStatistics()
  return (process.memoryUsage().heapUsed - code - bytecode) / 1024 / 1024
}

/** Milliseconds of processor time that the work took this process. */
export const cpuMillis = async (work: () => Promise<unknown>): Promise<number> => {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

export const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** Calls `once` `count` times, by two callers that each wait for one call to end before the next. */
export const twoAtATime = async (count: number, once: () => Promise<unknown>): Promise<void> => {
  let begun = 0
  const caller = async () => {
    while (begun < count) {
      begun++
      await once()
    }
  }
  await Promise.all([caller(), caller()])
}
