import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Layer } from "effect"
import { expect, it } from "vitest"
import { memoryDatabase, memoryExecutor, memoryProber, memoryStorage } from "../../adapters/memory/index.js"
import { sqliteClient } from "../../adapters/sqlite/client.js"
import { type Options, open } from "./index.js"
import { cpuMillis, heapMegabytes, median, twoAtATime } from "./soak.suite.js"

/**
 * Thousands of jobs on one host, with a function in place of ffmpeg, so that the rest is the cost of ffkiln.
 * Finished jobs are removed after a moment, since stored rows and bytes would be heap here. `npm run
 * test:long -- hosts/embed/soak.test.ts` runs 20,000 of them, `npm test` 100.
 */
const long = process.env.FFKILN_TEST_LONG !== undefined
const [early, late] = long ? [1000, 20_000] : [50, 100]

const limits = { jobSeconds: 1, sweepSeconds: 0.5, orphanSeconds: 1, orphanSweepSeconds: 0.5 }

/**
 * For files: one that a busy machine writes for longer than this would be removed as an orphan, and its job
 * would run again.
 */
const orphanSeconds = 3

/** A host that runs jobs of one task on request. */
const startHost = async ({
  limits: others,
  ...parts
}: Pick<Options, "storage" | "database" | "dataDir" | "limits">) => {
  const executor = Layer.mergeAll(memoryExecutor(), memoryProber())
  const ffkiln = await open({ ...parts, executor, slots: 2, limits: { ...limits, ...others } })
  const file = await ffkiln.upload(new TextEncoder().encode("content"), { file_name: "in.mp4" })
  const task = { inputs: [{ file_path: file.file_path }], outputs: [{ file: "out.mp4" }] }
  const isKnown = (id: string) =>
    ffkiln.job(id).then(
      () => true,
      () => false
    )
  /** Runs one more job, and waits until it and all earlier ones are removed. */
  const forget = async () => {
    const { job_id } = await ffkiln.submit({ task })
    while (await isKnown(job_id)) await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    run: (count: number) => twoAtATime(count, () => ffkiln.process({ task })),
    // The outputs that were replaced last are removed with the second one.
    idle: async () => {
      await forget()
      await forget()
    },
    close: ffkiln.close
  }
}

type Host = Awaited<ReturnType<typeof startHost>>

/**
 * Milliseconds of processor time per job, for two hosts in turn: both run warm code, and other load slows
 * both.
 */
const compareCosts = async (hosts: readonly [Host, Host]) => {
  const [slices, jobs] = [40, 50]
  const costs: readonly [Array<number>, Array<number>] = [[], []]
  for (let slice = 0; slice < slices; slice++) {
    for (const [index, host] of hosts.entries())
      costs[index]?.push((await cpuMillis(() => host.run(jobs))) / jobs)
  }
  return [median(costs[0]), median(costs[1])] as const
}

/** `leftBehind` waits until the old host stores as little as possible, and returns what that is. */
const soak = async (
  startAnother: () => Promise<Host>,
  leftBehind: () => Promise<unknown> = async () => undefined
) => {
  // Growth while code is new is not growth of a host.
  if (long) {
    const first = await startAnother()
    await first.run(early)
    await first.close()
  }
  const old = await startAnother()
  /** The measurements after `count` more jobs have run and are removed. */
  const after = async (count: number) => {
    await old.run(count)
    await old.idle()
    return { left: await leftBehind(), heap: await heapMegabytes() }
  }
  try {
    const first = await after(early)
    const last = await after(late - early)
    console.info(
      `after ${early} and ${late} jobs: ${first.heap.toFixed(2)} and ${last.heap.toFixed(2)} MB of live heap`
    )
    expect(last.left).toEqual(first.left)
    // Small runs still warm up. A leak per job would be several MB by the end of a long run.
    expect(last.heap).toBeLessThan(first.heap * (long ? 1.05 : 1.3))
    if (!long) return
    const young = await startAnother()
    try {
      await young.run(early)
      const [oldCost, youngCost] = await compareCosts([old, young])
      console.info(
        `after ${early} and ${late} jobs: ${youngCost.toFixed(2)} and ${oldCost.toFixed(2)} ms of processor time a job`
      )
      expect(oldCost).toBeLessThan(youngCost * 1.5)
    } finally {
      await young.close()
    }
  } finally {
    await old.close()
  }
}

const title = (where: string) =>
  `live heap and cost of a job after ${late} jobs are those after ${early}: ${where}`
const time = long ? 3_600_000 : 240_000

it(
  title("rows and bytes in memory"),
  () => soak(() => startHost({ storage: memoryStorage, database: memoryDatabase() })),
  time
)

it(
  title("rows in SQLite, bytes in files"),
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "ffkiln-soak-"))
    let hosts = 0
    // A long run warms up on the first one.
    const old = join(folder, long ? "2" : "1")
    try {
      await soak(
        () => startHost({ dataDir: join(folder, `${++hosts}`), limits: { orphanSeconds } }),
        async () => {
          const blobs = join(old, "blobs")
          // The input, and the output that was written last.
          while ((await filesIn(blobs)) > 2) await new Promise((resolve) => setTimeout(resolve, 200))
          return rowsIn(join(old, "ffkiln.db"))
        }
      )
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
  time
)

/** Number of rows in each table. */
const rowsIn = (file: string): Promise<unknown> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const tables = yield* sql<{
      readonly name: string
    }>`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`
    return yield* Effect.forEach(tables, ({ name }) =>
      Effect.map(sql<{ readonly rows: number }>`SELECT count(*) AS rows FROM ${sql(name)}`, ([count]) => [
        name,
        count?.rows
      ])
    )
  }).pipe(Effect.provide(sqliteClient(file)), Effect.runPromise)

/** Counts again when a folder is removed during the count. */
const filesIn = async (folder: string): Promise<number> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error
    }
  )
  return entries === undefined ? filesIn(folder) : entries.filter((entry) => entry.isFile()).length
}
