import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Option, Scope, TestClock } from "effect"
import { Unavailable } from "../errors.js"
import { JobId, type RunnerName } from "../ids.js"
import { Limits } from "../limits.js"
import { Abilities, type Capabilities, offered } from "../needs.js"
import { Closing } from "../ports/closing.js"
import { Queue } from "../ports/queue.js"
import { Runners } from "../ports/runners.js"
import { Storage } from "../ports/storage.js"
import { aProcess, claimed, someCapabilities, until } from "../ports/suites/samples.suite.js"
import { findJob } from "./await-job.js"
import { finishRun, giveUpRun, keepRun } from "./runs.js"
import { aRunner, asks, made, quiet, runOf, sent, stateOf, takes } from "./runs.suite.js"
import { submit } from "./submit.js"
import { type Assignment, takeRun } from "./take-run.js"
import { makeTurn, type Preference, Turn } from "./turn.js"
import { workers } from "./work.js"
import { makeRunnerHealth, RunnerHealth } from "./worker-health.js"
import { ownerWithFile, taskOn, world } from "./world.suite.js"

/** Whether the queue has a hint to give within a second. */
const hinted = Effect.gen(function* () {
  const fiber = yield* Effect.fork(Effect.scoped(Effect.timeoutOption((yield* Queue).take, "1 seconds")))
  yield* TestClock.adjust("1 seconds")
  return Option.map(yield* Fiber.join(fiber), ({ id }) => id)
})

const waitingRunner = (over: Partial<Capabilities> = {}) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(asks({ capabilities: someCapabilities(over) }))
    // Past its first look: from now on a hint wakes it.
    yield* TestClock.adjust("100 millis")
    return fiber
  })

const jobFor = (tags: ReadonlyArray<string> = [], options: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const { owner, dir } = yield* ownerWithFile
    const outputs = [{ name: made("out.mp4", "").name, options, maps: [] }]
    return { owner, id: yield* submit(owner, taskOn(dir, { outputs }), { ...quiet, tags }) }
  })

describe("a runner under which infrastructure broke", () => {
  const remembering = Layer.merge(world(), Layer.succeed(RunnerHealth, makeRunnerHealth()))
  const asksAs = (runner: RunnerName) => Effect.scoped(takeRun({ runner, process: aProcess(), free: 1 }))
  const takesAs = (runner: RunnerName) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(asksAs(runner))
      yield* until(Effect.zipRight(TestClock.adjust("10 millis"), Effect.map(fiber.poll, Option.isSome)))
      return yield* Effect.map(fiber, Option.getOrUndefined)
    })
  const breaks = (assignment: Assignment | undefined) =>
    Effect.flatMap(
      Effect.flatMap(Runners, (runners) => runners.unseal(assignment?.token ?? "")),
      (right) => giveUpRun(right, "broken")
    )

  it.effect("gets another key's job and none of that key for a while, which another runner gets", () =>
    Effect.gen(function* () {
      const [failing, other] = [yield* ownerWithFile, yield* ownerWithFile]
      const [bad, good] = [yield* aRunner, yield* aRunner]
      yield* Effect.replicateEffect(submit(failing.owner, taskOn(failing.dir), quiet), 3)
      const first = yield* takesAs(bad)
      expect(first?.claim.owner).toBe(failing.owner)
      yield* breaks(first)
      yield* submit(other.owner, taskOn(other.dir), quiet)
      expect((yield* takesAs(bad))?.claim.owner).toBe(other.owner)
      const waiting = yield* Effect.fork(asksAs(bad))
      yield* TestClock.adjust("100 millis")
      expect(yield* Fiber.poll(waiting)).toEqual(Option.none())
      expect((yield* takesAs(good))?.claim.owner).toBe(failing.owner)
      yield* TestClock.adjust("2 seconds")
      expect(Option.map(yield* Fiber.join(waiting), ({ claim }) => claim.owner)).toEqual(
        Option.some(failing.owner)
      )
    }).pipe(Effect.provide(remembering))
  )

  it.effect("for several keys in a row waits before it gets any job", () =>
    Effect.gen(function* () {
      const runner = yield* aRunner
      for (let key = 0; key < 3; key++) {
        const { owner, dir } = yield* ownerWithFile
        yield* submit(owner, taskOn(dir), quiet)
        yield* breaks(yield* takesAs(runner))
      }
      const { owner, dir } = yield* ownerWithFile
      yield* submit(owner, taskOn(dir), quiet)
      const waiting = yield* Effect.fork(asksAs(runner))
      yield* TestClock.adjust("4 seconds")
      expect(yield* Fiber.poll(waiting)).toEqual(Option.none())
      yield* TestClock.adjust("3 seconds")
      expect(Option.isSome(yield* Fiber.join(waiting))).toBe(true)
    }).pipe(Effect.provide(remembering))
  )
})

describe("a runner that asks for work", () => {
  it.effect("gets what waits, with all it needs and no more", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const id = yield* submit(owner, taskOn(dir), quiet)
      const { assignment, right } = yield* runOf(owner, id, yield* takes())
      const [input] = assignment.plan.inputs
      expect(assignment.plan.inputs).toHaveLength(1)
      expect(assignment.plan).toMatchObject({ outputs: ["out.mp4"], outputPrefix: `${dir}/${id}-1/` })
      const request = assignment.inputs.get(input?.key as never)
      expect(yield* (yield* Storage).redeem(request?.url.split("/")[2] ?? "")).toMatchObject({
        method: "GET",
        key: input?.key
      })
      expect(right).toMatchObject({ id, owner, attempt: 1, directory: dir })
      expect(yield* findJob(owner, id)).toMatchObject({ state: "processing", attempt: 1 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("and waits is given a job the moment it is there", () =>
    Effect.gen(function* () {
      const runner = yield* waitingRunner()
      const { owner, id } = yield* jobFor()
      // No time passes any more.
      yield* runOf(owner, id, yield* Effect.orDie(yield* Fiber.join(runner)))
    }).pipe(Effect.provide(world()))
  )

  it.effect("gets an empty response after the wait, and is known from then on", () =>
    Effect.gen(function* () {
      const { runnerWaitSeconds } = yield* Limits
      const fiber = yield* Effect.fork(asks({ id: "p1", slots: 3 }))
      yield* TestClock.adjust(`${runnerWaitSeconds - 1} seconds`)
      expect(yield* fiber.poll).toEqual(Option.none())
      yield* TestClock.adjust("1 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(Option.none())
      const [known] = yield* (yield* Runners).list
      expect(known?.processes).toMatchObject([{ id: "p1", slots: 3, seenAt: new Date(0) }])
    }).pipe(Effect.provide(world()))
  )

  it.effect("without a free slot gets nothing, and is known all the same", () =>
    Effect.gen(function* () {
      const { owner, id } = yield* jobFor()
      const runner = yield* aRunner
      expect(yield* Effect.scoped(takeRun({ runner, process: aProcess(), free: 0 }))).toEqual(Option.none())
      expect(yield* stateOf({ owner, id })).toEqual({ state: "pending", attempt: 0 })
      expect((yield* (yield* Runners).list).map(({ processes }) => processes.length)).toEqual([1])
    }).pipe(Effect.provide(world()))
  )

  it.effect("is answered when the host stops, and given nothing any more", () =>
    Effect.gen(function* () {
      const closing = yield* Deferred.make<void>()
      const fiber = yield* Effect.provideService(waitingRunner(), Closing, Deferred.await(closing))
      yield* Deferred.succeed(closing, undefined)
      expect(yield* Fiber.join(fiber)).toEqual(Option.none())
    }).pipe(Effect.provide(world()))
  )

  it.effect("that hangs up while it waits takes no job with it, and no hint", () =>
    Effect.gen(function* () {
      const fiber = yield* waitingRunner()
      yield* Fiber.interrupt(fiber)
      const { owner, id } = yield* jobFor()
      expect(yield* stateOf({ owner, id })).toEqual({ state: "pending", attempt: 0 })
      expect(yield* hinted).toEqual(Option.some(id))
    }).pipe(Effect.provide(world()))
  )

  it.effect("loses its job if it disconnects before the response", () =>
    Effect.gen(function* () {
      const { retrySeconds } = yield* Limits
      const { owner, id } = yield* jobFor()
      const runner = yield* aRunner
      const exchange = yield* Scope.make()
      const take = yield* Effect.fork(
        Scope.extend(takeRun({ runner, process: aProcess(), free: 1 }), exchange)
      )
      yield* TestClock.adjust("50 millis")
      const { token } = yield* Effect.orDie(yield* Fiber.join(take))
      expect(yield* stateOf({ owner, id })).toEqual({ state: "processing", attempt: 1 })
      yield* Scope.close(exchange, Exit.die("the client is gone"))
      expect(yield* stateOf({ owner, id })).toEqual({ state: "pending", attempt: 1 })
      expect(yield* keepRun(yield* (yield* Runners).unseal(token), null)).toBe(false)
      yield* TestClock.adjust(`${retrySeconds} seconds`)
      yield* takes()
      expect(yield* stateOf({ owner, id })).toEqual({ state: "processing", attempt: 2 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("is asked in vain where its inputs can't be signed: the job goes back", () =>
    Effect.gen(function* () {
      const { owner, id } = yield* jobFor()
      const storage = yield* Storage
      const broken = { ...storage, sign: () => new Unavailable({ what: "storage" }) }
      const fiber = yield* Effect.fork(Effect.flip(Effect.provideService(asks(), Storage, broken)))
      yield* TestClock.adjust("50 millis")
      expect((yield* Fiber.join(fiber))._tag).toBe("Unavailable")
      expect(yield* stateOf({ owner, id })).toEqual({ state: "pending", attempt: 1 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("gets its work from the table while the queue is out of reach", () =>
    Effect.gen(function* () {
      const down = new Unavailable({ what: "the queue" })
      const without = Effect.provideService(Queue, { offer: () => down, take: down })
      const { owner, id } = yield* without(jobFor())
      yield* runOf(owner, id, yield* without(takes()))
    }).pipe(Effect.provide(world()))
  )

  it.effect("is the only one that gets a job", () =>
    Effect.gen(function* () {
      const runners = yield* Effect.replicateEffect(Effect.fork(asks()), 3)
      yield* TestClock.adjust("100 millis")
      yield* jobFor()
      yield* TestClock.adjust("30 seconds")
      const answers = yield* Effect.forEach(runners, Fiber.join)
      expect(answers.filter(Option.isSome)).toHaveLength(1)
    }).pipe(Effect.provide(world()))
  )
})

describe("the hint of a run", () => {
  const hintedRun = Effect.gen(function* () {
    const runner = yield* waitingRunner()
    const { owner, id } = yield* jobFor()
    return yield* runOf(owner, id, yield* Effect.orDie(yield* Fiber.join(runner)))
  })

  it.effect("is held as long as it runs", () =>
    Effect.gen(function* () {
      const { id, right } = yield* hintedRun
      const queue = yield* Queue
      yield* queue.offer(id, 0)
      expect(yield* hinted).toEqual(Option.none())
      yield* finishRun(right, {
        outputs: yield* sent(right, made("out.mp4", "film")),
        warnings: [],
        seconds: 1
      })
      yield* until(Effect.zipRight(queue.offer(id, 0), Effect.map(hinted, Option.isSome)))
    }).pipe(Effect.provide(world()))
  )

  it.effect("is there again when the run is given back, as soon as the job may be claimed", () =>
    Effect.gen(function* () {
      const { id, right } = yield* hintedRun
      yield* giveUpRun(right, "broken")
      yield* until(Effect.map(hinted, (found) => Option.getOrUndefined(found) === id))
    }).pipe(Effect.provide(world()))
  )

  it.effect("is let go when the host stops, and the run goes on", () =>
    Effect.gen(function* () {
      const closing = yield* Deferred.make<void>()
      const { id, right } = yield* Effect.provideService(hintedRun, Closing, Deferred.await(closing))
      yield* Deferred.succeed(closing, undefined)
      yield* until(
        Effect.zipRight(
          Effect.flatMap(Queue, (queue) => queue.offer(id, 0)),
          Effect.map(hinted, Option.isSome)
        )
      )
      expect(yield* keepRun(right, 0.5)).toBe(true)
    }).pipe(Effect.provide(world()))
  )

  it.effect("that was not for this runner goes on to others at once", () =>
    Effect.gen(function* () {
      const { id } = yield* jobFor([], ["-c:v", "libsvtav1"])
      const unfit = yield* waitingRunner()
      expect(yield* hinted).toEqual(Option.some(id))
      yield* Fiber.interrupt(unfit)
    }).pipe(Effect.provide(world()))
  )

  it.effect("that came as the runner hung up goes back", () =>
    Effect.gen(function* () {
      const came = yield* Deferred.make<void>()
      const ends: Array<boolean> = []
      // In hand, but not handed over yet.
      const ticket = Effect.acquireRelease(Deferred.succeed(came, undefined), (_, exit) =>
        Effect.sync(() => ends.push(Exit.isInterrupted(exit)))
      )
      const take = Effect.uninterruptible(
        Effect.as(Effect.zipRight(ticket, Effect.sleep("10 millis")), {
          id: JobId("job_x"),
          again: () => Effect.void
        })
      )
      const fiber = yield* Effect.provideService(Effect.fork(asks()), Queue, {
        offer: () => Effect.void,
        take
      })
      yield* Deferred.await(came)
      const gone = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("10 millis")
      yield* Fiber.join(gone)
      expect(ends).toEqual([true])
    }).pipe(Effect.provide(world()))
  )

  it.effect("of a job that is already claimed does not delay a waiting runner", () =>
    Effect.gen(function* () {
      const { owner, id } = yield* jobFor()
      yield* claimed(id)
      const runner = yield* waitingRunner()
      const next = yield* jobFor()
      yield* runOf(next.owner, next.id, yield* Effect.orDie(yield* Fiber.join(runner)))
      expect(yield* stateOf({ owner, id })).toEqual({ state: "processing", attempt: 1 })
    }).pipe(Effect.provide(world()))
  )
})

describe("who gets which job", () => {
  const able = someCapabilities({ encoders: ["libx264", "aac", "libsvtav1"] })

  it.effect("only a runner that has the encoder, however long it waits for one", () =>
    Effect.gen(function* () {
      const { owner, id } = yield* jobFor([], ["-c:v", "libsvtav1"])
      const unfit = yield* waitingRunner()
      yield* TestClock.adjust("30 seconds")
      expect(yield* Fiber.join(unfit)).toEqual(Option.none())
      yield* runOf(owner, id, yield* takes({ capabilities: able }))
    }).pipe(Effect.provide(world()))
  )

  it.effect("only a runner with its tags, within a second also where the hint went elsewhere", () =>
    Effect.gen(function* () {
      const [without, other] = [yield* waitingRunner(), yield* waitingRunner({ tags: ["nvme"] })]
      const { owner, id } = yield* jobFor(["gpu"])
      yield* TestClock.adjust("100 millis")
      const fit = yield* waitingRunner({ tags: ["gpu", "nvme"] })
      yield* TestClock.adjust("1 seconds")
      yield* runOf(owner, id, yield* Effect.orDie(yield* Fiber.join(fit)))
      yield* Fiber.interruptAll([without, other])
    }).pipe(Effect.provide(world()))
  )

  it.effect("one of another version of ffmpeg gets none that was judged by this one's options", () =>
    Effect.gen(function* () {
      const { owner, id } = yield* jobFor()
      const other = yield* waitingRunner({ version: "7.1" })
      yield* TestClock.adjust("30 seconds")
      expect(yield* Fiber.join(other)).toEqual(Option.none())
      expect((yield* stateOf({ owner, id })).state).toBe("pending")
    }).pipe(Effect.provide(world()))
  )

  const own = Effect.provideService(Abilities, { own: Effect.succeed(offered(someCapabilities())) })

  it.effect("refuses a task at once if no known machine can run it; a runner seen earlier is enough", () =>
    Effect.gen(function* () {
      const { runnerKnownSeconds } = yield* Limits
      const av1 = jobFor([], ["-c:v", "libsvtav1"])
      const refusal = yield* Effect.flip(av1)
      expect([refusal._tag, refusal.message]).toEqual([
        "InvalidTask",
        'Invalid task format: no machine here has the encoder "libsvtav1": use another, or add a runner that has it'
      ])
      const runner = yield* aRunner
      yield* Effect.scoped(takeRun({ runner, process: aProcess({ capabilities: able }), free: 0 }))
      yield* av1
      yield* TestClock.adjust(`${runnerKnownSeconds + 1} seconds`)
      expect((yield* Effect.flip(av1))._tag).toBe("InvalidTask")
      yield* Effect.scoped(takeRun({ runner, process: aProcess({ capabilities: able }), free: 0 }))
      yield* (yield* Runners).revoke(runner)
      expect((yield* Effect.flip(av1))._tag).toBe("InvalidTask")
    }).pipe(own, Effect.provide(world()))
  )
})

describe("a host with slots of its own", () => {
  /** Whose one of three jobs, which come while a slot of the host and a runner wait, is. */
  const winners = (
    preference: Preference,
    over: Partial<Capabilities>,
    options: ReadonlyArray<string> = []
  ) =>
    Effect.gen(function* () {
      const working = yield* Scope.make()
      yield* Layer.buildWithScope(workers(1), working)
      const sides: Array<string> = []
      for (let round = 0; round < 3; round++) {
        const runner = yield* waitingRunner(over)
        const { owner, id } = yield* jobFor([], options)
        yield* until(
          Effect.zipRight(
            TestClock.adjust("10 millis"),
            Effect.map(stateOf({ owner, id }), ({ state }) => state !== "pending")
          )
        )
        yield* TestClock.adjust("10 millis")
        const answer = yield* runner.poll
        sides.push(Option.isSome(answer) ? "runner" : (yield* stateOf({ owner, id })).state)
        yield* Fiber.interrupt(runner)
      }
      yield* Scope.close(working, Exit.void)
      return sides
    }).pipe(
      Effect.provideService(Turn, makeTurn(preference)),
      Effect.provideService(Abilities, { own: Effect.succeed(offered(someCapabilities())) })
    )

  it.effect.each([
    ["local", "completed"],
    ["remote", "runner"]
  ] as const)("that prefers %s has what both can run end as %s", ([preference, side]) =>
    Effect.gen(function* () {
      expect(yield* winners(preference, {})).toEqual([side, side, side])
    }).pipe(Effect.provide(world()))
  )

  it.effect.each(["local", "remote", "least-loaded"] as const)(
    "and prefers %s leaves to a runner what only that can run",
    (preference) =>
      Effect.gen(function* () {
        const over = { encoders: ["libsvtav1"] }
        // Known before it is asked for: else it would be refused.
        yield* asksOnce(over)
        expect(yield* winners(preference, over, ["-c:v", "libsvtav1"])).toEqual([
          "runner",
          "runner",
          "runner"
        ])
      }).pipe(Effect.provide(world()))
  )

  it.effect.each(["local", "remote", "least-loaded"] as const)(
    "and prefers %s runs itself what the runner can't, though that waits",
    (preference) =>
      Effect.gen(function* () {
        expect(yield* winners(preference, { encoders: [] }, ["-c:v", "libx264"])).toEqual([
          "completed",
          "completed",
          "completed"
        ])
      }).pipe(Effect.provide(world()))
  )

  const asksOnce = (over: Partial<Capabilities>) =>
    Effect.flatMap(aRunner, (runner) =>
      Effect.scoped(takeRun({ runner, process: aProcess({ capabilities: someCapabilities(over) }), free: 0 }))
    )
})
