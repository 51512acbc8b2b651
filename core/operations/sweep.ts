import { Chunk, Effect, Layer, Stream } from "effect"
import type { Unavailable } from "../errors.js"
import type { BlobKey } from "../ids.js"
import { Limits } from "../limits.js"
import { every } from "../loop.js"
import { meets, offered } from "../needs.js"
import { Directories } from "../ports/directories.js"
import { Jobs } from "../ports/jobs.js"
import { Outbox } from "../ports/outbox.js"
import { Runners } from "../ports/runners.js"
import { Storage } from "../ports/storage.js"
import { SteadyTime } from "../steady-time.js"
import { removeUnused, settleRegistrations } from "./files.js"
import { offerWaiting } from "./hints.js"

/** Sweeps for as long as the layer lives, first at once. Every host may: each step is one idempotent statement. */
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

/** Leases that ended, directories that expired, jobs nobody asks for any more. */
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
 * Fails waiting jobs that nobody here could run for `noWorkerSeconds`. Workers note those that they can run; for runners
 * that were heard of in that time it is done here. A host does so only when it has been up for so long itself: after an
 * outage of all of them others get as much time to come back.
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
      yield* jobs.markRunnable({ tags: capabilities.tags, meets: (needs) => meets(offer, needs) }, before(noWorkerSeconds / 2))
    }
    yield* jobs.expire(before(noWorkerSeconds))
  })

const batch = 100

/** Each may have `filesPerDirectory` rows, which go in one transaction. */
const directoryBatch = 10

const dropExpired = (now: Date): Effect.Effect<void, never, Directories | Storage> =>
  Effect.gen(function* () {
    const directories = yield* Directories
    // Rows first, bytes after: what a crash leaves behind is bytes that nobody sees. On a full disk there may be room for
    // one directory's rows where there is none for many, and its bytes then make more.
    const dropped = yield* Effect.orElse(directories.dropExpired(now, directoryBatch), () => directories.dropExpired(now, 1))
    yield* removeAll(dropped.keys)
    // Also where all of them were empty: they may come faster than sweeps do.
    if (dropped.directories > 0) yield* dropExpired(now)
  }).pipe(Effect.catchAll((error) => Effect.logWarning("expired directories stay until the next sweep", error.what, error.cause)))

/** Bytes that lost their file while a job read them go when the last such job has ended. */
const releaseHeld: Effect.Effect<void, Unavailable, Directories | Storage> = Effect.gen(function* () {
  const keys = yield* (yield* Directories).releaseHeld(batch)
  yield* Effect.forEach(keys, removeUnused, { discard: true })
  if (keys.length > 0) yield* releaseHeld
})

/** Bytes that no row and no live job needs, once they are old enough to belong to nothing that is still under way. */
export const sweepOrphans = Effect.gen(function* () {
  const { orphanSeconds } = yield* Limits
  const before = (yield* (yield* SteadyTime).now) - orphanSeconds * 1000
  yield* removeUnreferenced("", before)
})

/** Removes the blobs below `prefix` that nothing refers to, and that were last written before a time. */
export const removeUnreferenced = (prefix: string, before = Number.POSITIVE_INFINITY) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    const storage = yield* Storage
    yield* storage.list(prefix).pipe(
      Stream.filter(({ modifiedAt }) => modifiedAt.getTime() < before),
      Stream.map(({ key }) => key),
      Stream.grouped(batch),
      Stream.runForEach((keys) => Effect.flatMap(directories.unreferenced(Chunk.toReadonlyArray(keys)), removeAll))
    )
  })

const removeAll = (keys: ReadonlyArray<BlobKey>) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    yield* Effect.forEach(keys, storage.remove, { concurrency: 8, discard: true })
  })
