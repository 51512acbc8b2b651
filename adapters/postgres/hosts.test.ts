import { expect, it } from "@effect/vitest"
import { Array, Context, Effect, Fiber, Layer, Option, Queue, Stream, TestClock } from "effect"
import type { OwnerId } from "../../core/ids.js"
import type { Job } from "../../core/job.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import { Directories } from "../../core/ports/directories.js"
import { Jobs } from "../../core/ports/jobs.js"
import {
  aDirectory,
  aFile,
  aJob,
  anOwner,
  aUsage,
  inSeconds,
  leaseSeconds,
  roomy,
  until
} from "../../core/ports/suites/samples.suite.js"
import { postgres } from "./index.js"
import { ask, connection, temporaryDatabase } from "./temporary.suite.js"

/** Two hosts on one empty database. */
const hosts = Effect.gen(function* () {
  const url = yield* temporaryDatabase
  const [here, there] = yield* Effect.all([Layer.build(postgres({ url })), Layer.build(postgres({ url }))])
  return { url, here, there }
})

it.scoped("what another host did to a job is heard at once: no time passes here", () =>
  Effect.gen(function* () {
    const { here, there } = yield* hosts
    const [mine, theirs] = [Context.get(here, Jobs), Context.get(there, Jobs)]
    const job = aJob()
    yield* mine.insert(job, roomy)
    const seen = yield* Queue.unbounded<Job>()
    const watcher = yield* Effect.forkScoped(
      Stream.runForEach(mine.watch(job.owner, job.id), (row) => Queue.offer(seen, row))
    )
    const sees = (expected: (row: Job) => boolean): Effect.Effect<void> =>
      Effect.flatMap(Queue.take(seen), (row) => (expected(row) ? Effect.void : sees(expected)))
    yield* sees(({ state }) => state === "pending")
    const claim = yield* Effect.orDie(yield* theirs.claim(yield* inSeconds(leaseSeconds), job.id))
    yield* sees(({ state }) => state === "processing")
    yield* theirs.renew(claim, yield* inSeconds(leaseSeconds), 0.5)
    yield* sees(({ progress }) => progress === 0.5)
    yield* theirs.fail(claim, { reason: "input-missing" }, aUsage)
    yield* sees(({ state }) => state === "failed")
    yield* Fiber.join(watcher)
    expect(yield* TestClock.currentTimeMillis).toBe(0)
  })
)

/** The number of accepted inserts of 40 that are sent to all hosts in turn. */
const insertsOf = (hosts: ReadonlyArray<Context.Context<Jobs>>, maxPending: number, owner?: OwnerId) =>
  Effect.gen(function* () {
    const inserts = Array.makeBy(20, () =>
      hosts.map((rows) =>
        Context.get(rows, Jobs).insert(aJob(owner === undefined ? {} : { owner }), maxPending)
      )
    )
    const results = yield* Effect.all(inserts.flat().map(Effect.either), { concurrency: "unbounded" })
    return results.filter(({ _tag }) => _tag === "Right").length
  })

it.scopedLive(
  "of inserts to two hosts at once as many fit as there is room, and as an owner's share is",
  () =>
    Effect.gen(function* () {
      const { here, there } = yield* hosts
      expect(yield* insertsOf([here, there], 5)).toBe(5)
      const share = insertsOf([here, there], roomy, anOwner())
      expect(yield* Effect.provideService(share, Limits, { ...defaultLimits, pendingJobsPerKey: 7 })).toBe(7)
    })
)

it.scopedLive("a file that is added while its directory is dropped goes with it", () =>
  Effect.gen(function* () {
    const { url, here, there } = yield* hosts
    const [mine, theirs] = [Context.get(here, Directories), Context.get(there, Directories)]
    for (let round = 0; round < 20; round++) {
      const directory = yield* aDirectory({ ttlSeconds: 0 })
      yield* mine.create(directory)
      const file = yield* aFile({ dir: directory.id })
      const drop = Effect.flatMap(inSeconds(1), (now) => theirs.dropExpired(now, 10))
      yield* Effect.all([drop, mine.addFile(file)], { concurrency: "unbounded" })
      yield* drop
    }
    expect(yield* ask(url, "SELECT * FROM ffkiln_files")).toEqual([])
  })
)

it.scopedLive(
  "a file that comes while another host drops its directory waits for that, and is not added",
  () =>
    Effect.gen(function* () {
      const { url, here } = yield* hosts
      const directories = Context.get(here, Directories)
      const directory = yield* aDirectory()
      yield* directories.create(directory)
      const other = yield* connection(url)
      yield* Effect.promise(() =>
        other.query(`BEGIN; DELETE FROM ffkiln_directories WHERE id = '${directory.id}'`)
      )
      const adding = yield* Effect.fork(directories.addFile(yield* aFile({ dir: directory.id })))
      const waiting = ask(
        url,
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
      )
      yield* until(Effect.map(waiting, (rows) => rows.length > 0))
      yield* Effect.promise(() => other.query("COMMIT"))
      yield* Fiber.join(adding)
      expect(yield* ask(url, "SELECT * FROM ffkiln_files")).toEqual([])
    })
)

it.scopedLive("a claim does not wait for a job that another host is just taking: it takes the next", () =>
  Effect.gen(function* () {
    const { url, here } = yield* hosts
    const jobs = Context.get(here, Jobs)
    const [first, second] = [aJob({ priority: 1 }), aJob()]
    yield* Effect.forEach([first, second], (job) => jobs.insert(job, roomy))
    const other = yield* connection(url)
    yield* Effect.promise(() =>
      other.query(`BEGIN; SELECT 1 FROM ffkiln_jobs WHERE id = '${first.id}' FOR UPDATE`)
    )
    const until = yield* inSeconds(leaseSeconds)
    expect(Option.map(yield* jobs.claim(until, first.id), ({ id }) => id)).toEqual(Option.some(second.id))
    expect(yield* jobs.claim(until, first.id)).toEqual(Option.none())
    yield* Effect.promise(() => other.query("ROLLBACK"))
    expect(Option.map(yield* jobs.claim(until), ({ id }) => id)).toEqual(Option.some(first.id))
  })
)
