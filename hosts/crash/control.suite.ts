import { createHash } from "node:crypto"
import { Effect, Layer, ManagedRuntime, Option, Stream } from "effect"
import { randomIds } from "../../adapters/crypto/index.js"
import { type DirId, FileName, JobId, OwnerId } from "../../core/ids.js"
import { isTerminal, type Job } from "../../core/job.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import { createDirectory } from "../../core/operations/directories.js"
import { storeFile } from "../../core/operations/files.js"
import { sweepOrphans } from "../../core/operations/sweep.js"
import { Accounts } from "../../core/ports/accounts.js"
import { Directories } from "../../core/ports/directories.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Outbox } from "../../core/ports/outbox.js"
import { Storage } from "../../core/ports/storage.js"
import { adaptersOn, type Kept } from "./kept.suite.js"

/** Reads the stored state directly, without running, sweeping or delivering anything. */

export const owner = OwnerId("local")

export const control = (kept: Kept) => {
  const { storage, database } = adaptersOn(kept)
  const runtime = ManagedRuntime.make(Layer.mergeAll(storage, database, randomIds))
  const run = <A, E>(effect: Effect.Effect<A, E, ManagedRuntime.ManagedRuntime.Context<typeof runtime>>) =>
    runtime.runPromise(effect)

  /** Makes a directory with this file and returns its id. */
  const stored = (name: string, bytes: Uint8Array) =>
    run(
      Effect.gen(function* () {
        const { id } = yield* createDirectory(owner, null)
        yield* storeFile(owner, { name: FileName(name), dir: id }, Stream.make(bytes))
        return id
      })
    )

  const job = (id: string): Promise<Job> =>
    run(Effect.flatMap(Jobs, (jobs) => Effect.map(jobs.find(owner, JobId(id)), Option.getOrThrow)))

  /** The state of these finished jobs, and of everything that is stored. */
  const account = (ids: ReadonlyArray<string>, dir: DirId) =>
    run(
      Effect.gen(function* () {
        const jobs = yield* Effect.forEach(ids, (id) => Effect.promise(() => job(id)))
        const files = yield* (yield* Directories).files(dir)
        const storage = yield* Storage
        const hashes = new Map<string, string>()
        for (const { key, name } of files) {
          const hash = createHash("sha256")
          yield* Stream.runForEach(storage.read(key), (bytes) => Effect.sync(() => hash.update(bytes)))
          hashes.set(name, hash.digest("hex"))
        }
        const deliveries = yield* (yield* Outbox).list(owner, 100_000)
        return {
          jobs,
          hashes,
          charged: (yield* (yield* Accounts).account(owner)).jobs,
          undelivered: deliveries.filter(({ state }) => state !== "delivered").length
        }
      })
    )

  /** Number of blobs without a row: before a sweep that ignores their age, and after it. */
  const orphans = () =>
    run(
      Effect.gen(function* () {
        const storage = yield* Storage
        const directories = yield* Directories
        const count = Effect.gen(function* () {
          const keys = yield* Stream.runCollect(Stream.map(storage.list(""), ({ key }) => key))
          return (yield* directories.unreferenced([...keys])).length
        })
        const before = yield* count
        yield* Effect.provideService(sweepOrphans, Limits, { ...defaultLimits, orphanSeconds: -60 })
        return { before, after: yield* count }
      })
    )

  const isOver = async (id: string) => isTerminal((await job(id)).state)
  return { run, stored, job, isOver, account, orphans, close: () => runtime.dispose() }
}

export type Control = ReturnType<typeof control>
