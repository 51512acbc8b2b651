import { describe, expect, it } from "@effect/vitest"
import {
  Deferred,
  Effect,
  Queue as EffectQueue,
  Exit,
  Fiber,
  Layer,
  Option,
  Ref,
  Scope,
  Stream
} from "effect"
import { copyFirstInput, type ScriptedRun } from "../../adapters/memory/executor.js"
import { FfmpegFailed, RunLimitExceeded, Unavailable } from "../errors.js"
import { FileName, type JobId, type OwnerId } from "../ids.js"
import type { JobState } from "../job.js"
import type { LimitValues } from "../limits.js"
import { Closing } from "../ports/closing.js"
import { Executor } from "../ports/executor.js"
import { Jobs } from "../ports/jobs.js"
import { Queue } from "../ports/queue.js"
import { Storage } from "../ports/storage.js"
import { until } from "../ports/suites/samples.suite.js"
import { awaitJob, findJob, processTask } from "./await-job.js"
import { describeFile } from "./files.js"
import { submit } from "./submit.js"
import { sweep, sweeper } from "./sweep.js"
import { workers } from "./work.js"
import { ownerWithFile, taskOn, world } from "./world.suite.js"

const quiet = { webhookUrl: null }

/** Real time, so short waits: what takes long here is a failure, not a slow machine. */
const brisk: Partial<LimitValues> = {
  pollSeconds: 0.2,
  retrySeconds: 0.01,
  progressSeconds: 0.01,
  renewSeconds: 0.02,
  watchSeconds: 0.05,
  drainSeconds: 0.2
}

/** Starts workers in a scope of their own, so that a test can stop them. */
const working = (slots: number, tags: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Layer.buildWithScope(workers(slots, tags), scope)
    return Effect.ensuring(Scope.close(scope, Exit.void), Effect.void)
  })

const reaches = (owner: OwnerId, id: JobId, state: JobState) =>
  until(Effect.map(findJob(owner, id), (job) => job.state === state))

const blobs = (prefix: string) =>
  Effect.flatMap(Storage, (storage) =>
    Effect.map(Stream.runCollect(storage.list(prefix)), (all) => [...all].map(({ key }) => key))
  )

/** The first of these jobs that is over and was not before. */
const untilAnotherIsOver = (
  owner: OwnerId,
  other: OwnerId,
  ids: ReadonlyArray<JobId>,
  before: ReadonlyArray<JobId>
) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const over = Effect.map(
      Effect.forEach(ids, (id) =>
        Effect.map(Effect.all([jobs.find(owner, id), jobs.find(other, id)]), (found) => [id, found] as const)
      ),
      (all) =>
        all.flatMap(([id, found]) =>
          found.some((job) => Option.isSome(job) && job.value.state === "completed") ? [id] : []
        )
    )
    yield* until(Effect.map(over, ({ length }) => length > before.length))
    return (yield* over).find((id) => !before.includes(id)) as JobId
  })

/** A run that signals its start, waits for permission to continue, and records an interruption. */
const gated = Effect.gen(function* () {
  const begun = yield* Deferred.make<void>()
  const gate = yield* Deferred.make<void>()
  const interrupted = yield* Ref.make(0)
  const run: ScriptedRun = (plan, inputs) =>
    Deferred.succeed(begun, undefined).pipe(
      Effect.zipRight(Deferred.await(gate)),
      Effect.zipRight(copyFirstInput(plan, inputs)),
      Effect.onInterrupt(() => Ref.update(interrupted, (count) => count + 1))
    )
  return { begun, gate, interrupted, run }
})

describe("workers", () => {
  it.live("run what was submitted before they were there, and publish it", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const id = yield* submit(owner, taskOn(dir), quiet)
      const stop = yield* working(1)
      const job = yield* awaitJob(owner, id)
      expect(job).toMatchObject({
        state: "completed",
        attempt: 1,
        outputs: [{ name: "out.mp4", bytes: 7 }],
        usage: { inputBytes: 7, outputBytes: 7 }
      })
      expect((yield* describeFile(owner, dir, FileName("out.mp4"))).origin).toBe("output")
      yield* stop
    }).pipe(Effect.provide(world({ limits: brisk })))
  )

  it.live("find a job whose hint was lost", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const stop = yield* working(2)
      const silent = Effect.provideService(Queue, { offer: () => Effect.void, take: Effect.never })
      const id = yield* silent(submit(owner, taskOn(dir), quiet))
      expect((yield* awaitJob(owner, id)).state).toBe("completed")
      yield* stop
    }).pipe(Effect.provide(world({ limits: brisk })))
  )

  it.live("claim from the table while the queue is out of reach", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const down = new Unavailable({ what: "the queue" })
      const broken = Effect.provideService(Queue, { offer: () => down, take: down })
      const stop = yield* broken(working(1))
      const ids = yield* Effect.replicateEffect(broken(submit(owner, taskOn(dir), quiet)), 3)
      yield* Effect.forEach(ids, (id) => reaches(owner, id, "completed"))
      yield* stop
    }).pipe(Effect.provide(world({ limits: brisk })))
  )

  it.live("leave the choice of the next job to the table: a hint is no claim", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const other = yield* ownerWithFile
      const ids = yield* Effect.replicateEffect(submit(owner, taskOn(dir), quiet), 2)
      const urgent = yield* submit(other.owner, taskOn(other.dir), { ...quiet, priority: 5 })
      const order: Array<JobId> = []
      const [first] = ids as [JobId]
      const hints = yield* EffectQueue.unbounded<JobId>()
      const engine = {
        offer: () => Effect.void,
        take: Effect.map(EffectQueue.take(hints), (id) => ({ id, again: () => Effect.void }))
      }
      const stop = yield* Effect.provideService(working(1), Queue, engine)
      for (const hint of [first, first, first]) {
        yield* EffectQueue.offer(hints, hint)
        const ran = yield* untilAnotherIsOver(owner, other.owner, [...ids, urgent], order)
        order.push(ran)
      }
      expect(order).toEqual([urgent, ...ids])
      yield* stop
    }).pipe(Effect.provide(world({ limits: { ...brisk, pollSeconds: 60 } })))
  )

  it.live("run what asks for a tag only where it is", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const id = yield* submit(owner, taskOn(dir), { ...quiet, tags: ["gpu"] })
      const without = yield* working(1)
      const plain = yield* submit(owner, taskOn(dir), quiet)
      yield* reaches(owner, plain, "completed")
      expect((yield* findJob(owner, id)).state).toBe("pending")
      const stop = yield* working(1, ["gpu", "nvme"])
      yield* reaches(owner, id, "completed")
      yield* Effect.zipRight(stop, without)
    }).pipe(Effect.provide(world({ limits: brisk })))
  )

  it.live("replace an earlier output of the same name", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const stop = yield* working(1)
      yield* processTask(owner, taskOn(dir), quiet)
      const first = yield* describeFile(owner, dir, FileName("out.mp4"))
      yield* processTask(owner, taskOn(dir), quiet)
      expect((yield* describeFile(owner, dir, FileName("out.mp4"))).key).not.toBe(first.key)
      yield* stop
    }).pipe(Effect.provide(world({ limits: brisk })))
  )

  const answers = [
    [
      "ffmpeg's own failure",
      new FfmpegFailed({ reason: "no such filter" }),
      "FFmpeg processing failed: no such filter"
    ],
    [
      "a limit",
      new RunLimitExceeded({ limit: "the run took longer than 1 s" }),
      "FFmpeg processing failed: the run took longer than 1 s"
    ]
  ] as const
  it.live.each(answers)("%s fails the job at once, with its usage", ([_, error, message]) =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const ids: Array<JobId> = []
      const stop = yield* working(1)
      const failure = yield* Effect.flip(
        processTask(owner, taskOn(dir), { ...quiet, onSubmitted: (id) => void ids.push(id) })
      )
      expect([failure._tag, failure.message]).toEqual([error._tag, message])
      expect(yield* findJob(owner, ids[0] as JobId)).toMatchObject({
        state: "failed",
        attempt: 1,
        usage: { inputBytes: 7, outputBytes: 0 }
      })
      yield* stop
    }).pipe(Effect.provide(world({ limits: brisk, run: () => Effect.fail(error) })))
  )

  it.live("broken infrastructure is tried again, and given up after the last attempt", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const stop = yield* working(1)
      const failure = yield* Effect.flip(processTask(owner, taskOn(dir), quiet))
      expect(failure._tag).toBe("WorkerLost")
      yield* stop
    }).pipe(
      Effect.provide(
        world({
          limits: { ...brisk, attempts: 3 },
          run: () => Effect.fail(new Unavailable({ what: "the disk" }))
        })
      )
    )
  )

  it.live("a table that is out of reach for a moment when a run ends costs no second run", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const jobs = yield* Jobs
      let refused = 0
      const complete: typeof jobs.complete = (...args) =>
        Effect.suspend(() =>
          refused++ < 3 ? new Unavailable({ what: "the table" }) : jobs.complete(...args)
        )
      const stop = yield* Effect.provideService(working(1), Jobs, { ...jobs, complete })
      const job = yield* processTask(owner, taskOn(dir), quiet)
      expect([job.state, job.attempt, refused]).toEqual(["completed", 1, 4])
      yield* stop
    }).pipe(Effect.provide(world({ limits: brisk })))
  )

  const failures = [
    ["infrastructure that breaks", Effect.fail(new Unavailable({ what: "the disk" }))],
    ["a bug", Effect.dieMessage("a bug")]
  ] as const
  it.live.each(failures)(
    "one key's jobs that fail by %s hold no slot: another key's job runs at once",
    ([_, failure]) =>
      Effect.gen(function* () {
        let broken = 0
        const failing = new Set<string>()
        const run: ScriptedRun = (plan, inputs) =>
          failing.has(plan.outputPrefix.split("/")[0] ?? "")
            ? Effect.zipRight(
                Effect.sync(() => broken++),
                failure
              )
            : copyFirstInput(plan, inputs)
        yield* Effect.gen(function* () {
          const [one, other] = [yield* ownerWithFile, yield* ownerWithFile]
          failing.add(one.dir)
          const ids = yield* Effect.replicateEffect(submit(one.owner, taskOn(one.dir), quiet), 12)
          const stop = yield* working(2)
          yield* until(Effect.sync(() => broken > 0))
          yield* processTask(other.owner, taskOn(other.dir), quiet)
          yield* processTask(other.owner, taskOn(other.dir), quiet)
          // At most one for each slot: then the key is passed over.
          expect(broken).toBeLessThanOrEqual(2)
          const states = yield* Effect.forEach(ids, (id) =>
            Effect.map(findJob(one.owner, id), ({ state }) => state)
          )
          expect(new Set(states)).toEqual(new Set(["pending"]))
          yield* stop
          // A slot that waits for any pause would not get to the other key's job within the time of this test.
        }).pipe(Effect.provide(world({ limits: { ...brisk, retrySeconds: 3600, pollSeconds: 3600 }, run })))
      })
  )

  it.live(
    "hints of a key that is passed over come again: its other jobs run as soon as one of them does well",
    () =>
      Effect.gen(function* () {
        let runs = 0
        const run: ScriptedRun = (plan, inputs) =>
          runs++ === 0 ? Effect.fail(new Unavailable({ what: "the disk" })) : copyFirstInput(plan, inputs)
        yield* Effect.gen(function* () {
          const { owner, dir } = yield* ownerWithFile
          const ids = yield* Effect.replicateEffect(submit(owner, taskOn(dir), quiet), 4)
          const stop = yield* working(1)
          yield* Effect.forEach(ids, (id) => reaches(owner, id, "completed"))
          yield* stop
        }).pipe(Effect.provide(world({ limits: { ...brisk, retrySeconds: 0.05, pollSeconds: 0.2 }, run })))
      })
  )

  it.live(
    "a worker under which jobs of several keys break pauses as a whole, and goes on when one does well",
    () =>
      Effect.gen(function* () {
        let broken = 0
        let isBroken = true
        const run: ScriptedRun = (plan, inputs) =>
          isBroken
            ? Effect.zipRight(
                Effect.sync(() => broken++),
                Effect.fail(new Unavailable({ what: "the disk" }))
              )
            : copyFirstInput(plan, inputs)
        yield* Effect.gen(function* () {
          const keys = yield* Effect.replicateEffect(ownerWithFile, 20)
          const ids = yield* Effect.forEach(keys, ({ owner, dir }) => submit(owner, taskOn(dir), quiet))
          const stop = yield* working(1)
          yield* until(Effect.sync(() => broken >= 3))
          expect(broken).toBe(3)
          isBroken = false
          for (const [index, { owner }] of keys.entries())
            yield* reaches(owner, ids[index] as JobId, "completed")
          yield* stop
        }).pipe(Effect.provide(world({ limits: { ...brisk, retrySeconds: 0.5, pollSeconds: 0.5 }, run })))
      })
  )

  it.live(
    "fails a job whose tag no worker has, with the reason; a job that a busy worker can run keeps waiting",
    () =>
      Effect.gen(function* () {
        const { begun, gate, run } = yield* gated
        yield* Effect.gen(function* () {
          const { owner, dir } = yield* ownerWithFile
          yield* Layer.build(sweeper)
          const stop = yield* working(1, ["nvme"])
          yield* submit(owner, taskOn(dir), quiet)
          yield* Deferred.await(begun)
          const possible = yield* submit(owner, taskOn(dir), { ...quiet, tags: ["nvme"] })
          const impossible = yield* submit(owner, taskOn(dir), { ...quiet, tags: ["gpu"] })
          const { failure } = yield* awaitJob(owner, impossible)
          expect(failure).toEqual({
            reason: "no-worker",
            detail: 'no worker or runner with all of "gpu", "ffmpeg:5.1" was available for 1 s'
          })
          expect((yield* findJob(owner, possible)).state).toBe("pending")
          yield* Deferred.succeed(gate, undefined)
          yield* reaches(owner, possible, "completed")
          yield* stop
        }).pipe(
          Effect.scoped,
          Effect.provide(world({ limits: { ...brisk, noWorkerSeconds: 1, sweepSeconds: 0.05 }, run }))
        )
      })
  )

  it.live("a slot under which infrastructure breaks steps back, so that others get the jobs", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      let broken = 0
      const failing: Executor["Type"] = {
        run: () => Stream.fail(new Unavailable({ what: `the disk, ${++broken}` }))
      }
      const bad = yield* Effect.provideService(working(1), Executor, failing)
      const ids = yield* Effect.replicateEffect(submit(owner, taskOn(dir), quiet), 3)
      yield* until(Effect.sync(() => broken > 0))
      const good = yield* working(1)
      yield* Effect.forEach(ids, (id) => reaches(owner, id, "completed"))
      expect(broken).toBeLessThan(5)
      yield* Effect.zipRight(bad, good)
    }).pipe(Effect.provide(world({ limits: { ...brisk, retrySeconds: 0.3 } })))
  )

  it.live("a bug in a run gives the job back, and the slot goes on", () =>
    Effect.gen(function* () {
      let runs = 0
      const run: ScriptedRun = (plan, inputs) =>
        runs++ === 0 ? Effect.dieMessage("a bug") : copyFirstInput(plan, inputs)
      yield* Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const stop = yield* working(1)
        expect((yield* processTask(owner, taskOn(dir), quiet)).attempt).toBe(2)
        yield* stop
      }).pipe(Effect.provide(world({ limits: brisk, run })))
    })
  )

  it.live("fails the job if the bytes of an input are missing", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const id = yield* submit(owner, taskOn(dir), quiet)
      const [input] = (yield* findJob(owner, id)).task.inputs
      if (input !== undefined) yield* (yield* Storage).remove(input.key)
      const stop = yield* working(1)
      expect((yield* awaitJob(owner, id)).failure).toEqual({ reason: "input-missing" })
      yield* stop
    }).pipe(Effect.provide(world({ limits: brisk })))
  )

  it.live("one slot runs one job at a time, two run two", () =>
    Effect.gen(function* () {
      let now = 0
      let most = 0
      const run: ScriptedRun = (plan, inputs) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            most = Math.max(most, ++now)
          }),
          () => Effect.zipRight(Effect.sleep("5 millis"), copyFirstInput(plan, inputs)),
          () => Effect.sync(() => void now--)
        )
      for (const slots of [1, 2]) {
        most = 0
        yield* Effect.gen(function* () {
          const { owner, dir } = yield* ownerWithFile
          const outputs = (index: number) => [{ name: FileName(`${index}.mp4`), options: [], maps: [] }]
          const ids = yield* Effect.forEach([0, 1, 2, 3, 4, 5], (index) =>
            submit(owner, taskOn(dir, { outputs: outputs(index) }), quiet)
          )
          const stop = yield* working(slots)
          yield* Effect.forEach(ids, (id) => reaches(owner, id, "completed"))
          yield* stop
        }).pipe(Effect.provide(world({ limits: brisk, run })))
        expect(most).toBe(slots)
      }
    })
  )
})

describe("stopping", () => {
  it.live("lets a running job finish, and takes no other", () =>
    Effect.gen(function* () {
      const { begun, gate, run } = yield* gated
      yield* Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const id = yield* submit(owner, taskOn(dir), quiet)
        const next = yield* submit(owner, taskOn(dir), quiet)
        const stop = yield* working(1)
        yield* Deferred.await(begun)
        const stopping = yield* Effect.fork(stop)
        yield* Effect.yieldNow()
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(stopping)
        // Jobs of one millisecond have no order, so either may have been the one that ran.
        expect([(yield* findJob(owner, id)).state, (yield* findJob(owner, next)).state].sort()).toEqual([
          "completed",
          "pending"
        ])
      }).pipe(Effect.provide(world({ limits: { ...brisk, drainSeconds: 30 }, run })))
    })
  )

  it.live("gives back what is not finished in time, with nothing left of it", () =>
    Effect.gen(function* () {
      const { begun, interrupted, run } = yield* gated
      yield* Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const id = yield* submit(owner, taskOn(dir), quiet)
        const stop = yield* working(1)
        yield* Deferred.await(begun)
        yield* stop
        expect((yield* findJob(owner, id)).state).toBe("pending")
        expect(yield* Ref.get(interrupted)).toBe(1)
        expect(yield* blobs(`${dir}/${id}-1/`)).toEqual([])
      }).pipe(Effect.provide(world({ limits: brisk, run })))
    })
  )

  it.live("returns the id of the job to waiting callers", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const waiting = Effect.provideService(processTask(owner, taskOn(dir), quiet), Closing, Effect.void)
      const error = yield* Effect.flip(waiting)
      expect([error._tag, error.message]).toEqual(["StillRunning", expect.stringMatching(/GET \/job\/job_/)])
    }).pipe(Effect.provide(world({ limits: brisk })))
  )
})

describe("a caller who leaves", () => {
  it.live("ends the job and its run", () =>
    Effect.gen(function* () {
      const { begun, interrupted, run } = yield* gated
      yield* Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const ids: Array<JobId> = []
        const stop = yield* working(1)
        const call = yield* Effect.fork(
          processTask(owner, taskOn(dir), { ...quiet, onSubmitted: (id) => void ids.push(id) })
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(call)
        yield* reaches(owner, ids[0] as JobId, "cancelled")
        yield* until(Effect.map(Ref.get(interrupted), (count) => count === 1))
        yield* stop
      }).pipe(Effect.provide(world({ limits: brisk, run })))
    })
  )

  it.live("leaves the job alone where it is to go on", () =>
    Effect.gen(function* () {
      const { begun, gate, run } = yield* gated
      yield* Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const ids: Array<JobId> = []
        const stop = yield* working(1)
        const call = yield* Effect.fork(
          processTask(owner, taskOn(dir), {
            ...quiet,
            onGone: "continue",
            onSubmitted: (id) => void ids.push(id)
          })
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(call)
        yield* Deferred.succeed(gate, undefined)
        yield* reaches(owner, ids[0] as JobId, "completed")
        yield* stop
      }).pipe(Effect.provide(world({ limits: brisk, run })))
    })
  )
})

describe("a lease that is lost", () => {
  it.live("ends the run; only the later attempt publishes", () =>
    Effect.gen(function* () {
      const { begun, interrupted, run } = yield* gated
      yield* Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const jobs = yield* Jobs
        const id = yield* submit(owner, taskOn(dir), quiet)
        const stop = yield* working(1)
        yield* Deferred.await(begun)
        // As a sweep with a faster clock would, and another worker after it.
        yield* jobs.reclaim(new Date(Date.now() + 3_600_000))
        const second = Option.getOrThrow(yield* jobs.claim(new Date(Date.now() + 60_000), id))
        yield* until(Effect.map(Ref.get(interrupted), (count) => count === 1))
        expect((yield* findJob(owner, id)).state).toBe("processing")
        yield* jobs.complete(second, {
          outputs: [],
          usage: { seconds: 0, inputBytes: 0, outputBytes: 0 },
          warnings: []
        })
        yield* stop
        expect(yield* findJob(owner, id)).toMatchObject({ state: "completed", attempt: 2 })
        expect(yield* blobs(`${dir}/${id}-1/`)).toEqual([])
      }).pipe(Effect.provide(world({ limits: brisk, run })))
    })
  )

  it.live("renews the lease and writes the progress during the run", () =>
    Effect.gen(function* () {
      const { begun, gate, run } = yield* gated
      yield* Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const id = yield* submit(owner, taskOn(dir), quiet)
        const stop = yield* working(1)
        yield* Deferred.await(begun)
        // Far longer than the lease: without renewals a sweep would take the job away.
        yield* Effect.sleep("400 millis")
        yield* sweep
        expect(yield* findJob(owner, id)).toMatchObject({ state: "processing", attempt: 1 })
        yield* Deferred.succeed(gate, undefined)
        expect((yield* awaitJob(owner, id)).attempt).toBe(1)
        yield* stop
      }).pipe(Effect.provide(world({ limits: { ...brisk, leaseSeconds: 0.2 }, run })))
    })
  )
})
