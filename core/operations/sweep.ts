import { Chunk, Effect, Layer, Stream } from "effect"
import type { Unavailable } from "../errors.js"
import { every } from "../fibers/loop.js"
import { SteadyTime } from "../fibers/steady-time.js"
import type { BlobKey } from "../ids.js"
import { Limits } from "../limits.js"
import { meets, offered } from "../needs.js"
import { Directories } from "../ports/directories.js"
import { Jobs } from "../ports/jobs.js"
import { Outbox } from "../ports/outbox.js"
import { Runners } from "../ports/runners.js"
import { Storage } from "../ports/storage.js"
import { removeUnused, settleRegistrations } from "./files.js"
import { offerWaiting } from "./hints.js"

/**
 * Sweeps at the start and then periodically while the layer lives. Every host may do so: each step is one
 * idempotent statement.
 */
export const sweeper = Layer.scopedDiscard(
  Effect.gen(function* () {
    const { orphanSweepSeconds, sweepSeconds } = yield* Limits
    const since = yield* (yield* SteadyTime).now
    yield* Effect.forkScoped(repeatedly(Effect.zipRight(sweep, expireJobs(since)), sweepSeconds))
    yield* Effect.forkScoped(repeatedly(sweepOrphans, orphanSweepSeconds))
  })
)

const repeatedly = <E, R>(pass: Effect.Effect<void, E, R>, seconds: number) =>
  every(
    seconds,
    Effect.catchAllCause(pass, (cause) => Effect.logWarning("sweep failed; the next one tries again", cause))
  )

/** Reclaims jobs with expired leases and removes expired directories, registrations and old rows. */
export const sweep = Effect.gen(function* () {
  const jobs = yield* Jobs
  const { deliverySeconds, jobSeconds, runnerKnownSeconds } = yield* Limits
  const now = yield* (yield* SteadyTime).now
  if ((yield* jobs.reclaim(new Date(now))) > 0) yield* Effect.ignoreLogged(offerWaiting)
  yield* dropExpired(new Date(now))
  yield* releaseHeld
  yield* settleRegistrations
  yield* jobs.purge(new Date(now - jobSeconds * 1000))
  yield* (yield* Outbox).purge(new Date(now - deliverySeconds * 1000))
  yield* (yield* Runners).forget(new Date(now - runnerKnownSeconds * 1000))
})

/**
 * Fails waiting jobs that no worker or runner could run for `noWorkerSeconds`. Workers mark the jobs that
 * they can run; for runners seen within that time it is done here. A host does this only after it has been up
 * for that long, so that after an outage workers have as much time to return.
 */
const expireJobs = (upSince: number) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const { noWorkerSeconds } = yield* Limits
    const now = yield* (yield* SteadyTime).now
    const before = (seconds: number) => new Date(now - seconds * 1000)
    if (upSince > now - noWorkerSeconds * 1000) return
    for (const capabilities of yield* (yield* Runners).capabilities(before(noWorkerSeconds))) {
      const offer = offered(capabilities)
      yield* jobs.markRunnable(
        { tags: capabilities.tags, meets: (needs) => meets(offer, needs) },
        before(noWorkerSeconds / 2)
      )
    }
    yield* jobs.expire(before(noWorkerSeconds))
  })

const batch = 100

/** A directory may have `filesPerDirectory` rows, and a batch is deleted in one transaction. */
const directoryBatch = 10

const dropExpired = (now: Date): Effect.Effect<void, never, Directories | Storage> =>
  Effect.gen(function* () {
    const directories = yield* Directories
    // Rows first, then bytes: a crash in between leaves only unreferenced bytes. On a full disk there may be
    // room to delete the rows of one directory but not of many; its bytes then free more.
    const dropped = yield* Effect.orElse(directories.dropExpired(now, directoryBatch), () =>
      directories.dropExpired(now, 1)
    )
    yield* removeAll(dropped.keys)
    // Also if all of them were empty: directories may be created faster than sweeps run.
    if (dropped.directories > 0) yield* dropExpired(now)
  }).pipe(
    Effect.catchAll((error) =>
      Effect.logWarning("expired directories stay until the next sweep", error.what, error.cause)
    )
  )

/**
 * Removes blobs whose file was deleted or replaced during a job, after the last job that reads them has
 * ended.
 */
const releaseHeld: Effect.Effect<void, Unavailable, Directories | Storage> = Effect.gen(function* () {
  const keys = yield* (yield* Directories).releaseHeld(batch)
  yield* Effect.forEach(keys, removeUnused, { discard: true })
  if (keys.length > 0) yield* releaseHeld
})

/**
 * Removes unreferenced blobs older than `orphanSeconds`; newer ones may belong to an upload or a run in
 * progress.
 */
export const sweepOrphans = Effect.gen(function* () {
  const { orphanSeconds } = yield* Limits
  const before = (yield* (yield* SteadyTime).now) - orphanSeconds * 1000
  yield* removeUnreferenced("", before)
})

/** Removes the unreferenced blobs below `prefix` that were last written before `before` (milliseconds). */
export const removeUnreferenced = (prefix: string, before = Number.POSITIVE_INFINITY) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    const storage = yield* Storage
    yield* storage.list(prefix).pipe(
      Stream.filter(({ modifiedAt }) => modifiedAt.getTime() < before),
      Stream.map(({ key }) => key),
      Stream.grouped(batch),
      Stream.runForEach((keys) =>
        Effect.flatMap(directories.unreferenced(Chunk.toReadonlyArray(keys)), removeAll)
      )
    )
  })

const removeAll = (keys: ReadonlyArray<BlobKey>) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    yield* Effect.forEach(keys, storage.remove, { concurrency: 8, discard: true })
  })
