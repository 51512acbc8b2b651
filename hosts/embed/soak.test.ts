import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Layer } from "effect"
import { expect, it } from "vitest"
import { memoryDatabase, memoryExecutor, memoryProber, memoryStorage } from "../../adapters/memory/index.js"
import { open } from "./index.js"

/**
 * Jobs by the thousand on one host, with all that they need in memory and an ffmpeg that is a function: what is left of each is
 * ours. What is over is forgotten after a moment, since rows and bytes that are kept would be heap here.
 * `npm run test:long -- hosts/embed/soak.test.ts` runs 20,000 of them, `npm test` 150.
 */
const long = process.env.FFKILN_LONG !== undefined
const [early, late] = long ? [1000, 20_000] : [50, 150]
/** Before each mark so many jobs are measured. */
const measured = early / 2

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const heapMegabytes = async () => {
  // A second pass takes what finalizers of the first have let go.
  for (let pass = 0; pass < 3; pass++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed / 1024 / 1024
}

const cpuMillis = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

it(
  `costs per job and live heap after ${late} jobs are those after ${early}`,
  async () => {
    const limits = { jobSeconds: 1, sweepSeconds: 0.5, orphanSeconds: 1, orphanSweepSeconds: 0.5 }
    const parts = { storage: memoryStorage, database: memoryDatabase(), executor: Layer.mergeAll(memoryExecutor(), memoryProber()) }
    const ffkiln = await open({ ...parts, slots: 2, limits })
    try {
      const file = await ffkiln.upload(new TextEncoder().encode("content"), { file_name: "in.mp4" })
      const task = { inputs: [{ file_path: file.file_path }], outputs: [{ file: "out.mp4" }] }
      let done = 0
      const runUntil = async (count: number) => {
        const caller = async () => {
          while (done < count) {
            done++
            await ffkiln.process({ task })
          }
        }
        await Promise.all([caller(), caller()])
      }
      /** Milliseconds of processor time a job just before the mark, and the live heap at it. */
      const markAt = async (count: number) => {
        await runUntil(count - measured)
        const before = cpuMillis()
        await runUntil(count)
        const cpu = (cpuMillis() - before) / measured
        return { cpu, heap: await heapMegabytes() }
      }
      const first = await markAt(early)
      const last = await markAt(late)
      for (const [count, { cpu, heap }] of [
        [early, first],
        [late, last]
      ] as const) {
        console.info(`after ${count} jobs: ${cpu.toFixed(2)} ms of CPU a job, ${heap.toFixed(2)} MB of live heap`)
      }
      // Small runs still warm up; what grew with each job was a fifth of the heap in 18,000 and several times the time.
      expect(last.heap).toBeLessThan(first.heap * (long ? 1.05 : 1.3))
      expect(last.cpu).toBeLessThan(first.cpu * 1.5)
    } finally {
      await ffkiln.close()
    }
  },
  long ? 3_600_000 : 60_000
)
