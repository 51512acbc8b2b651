import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option } from "effect"
import { copyFirstInput, type ScriptedRun } from "../../adapters/memory/executor.js"
import { shallow, withDepth } from "../fibers/fiber-depth.suite.js"
import { JobId } from "../ids.js"
import type { LimitValues } from "../limits.js"
import { Jobs } from "../ports/jobs.js"
import { Outbox } from "../ports/outbox.js"
import { anOwner, aProcess, until } from "../ports/suites/samples.suite.js"
import { awaitJob, processTask } from "./await-job.js"
import { deliverer } from "./deliver.js"
import { owed, receiving } from "./receiving.suite.js"
import { aRunner, quiet } from "./runs.suite.js"
import { submit } from "./submit.js"
import { sweeper } from "./sweep.js"
import { takeRun } from "./take-run.js"
import { makeTurn, Turn } from "./turn.js"
import { workers } from "./work.js"
import { ownerWithFile, taskOn, world } from "./world.suite.js"

const turns = 1000

/** Waits so short that a thousand of them take a moment. */
const quick: Partial<LimitValues> = {
  pollSeconds: 0.001,
  sweepSeconds: 0.001,
  orphanSweepSeconds: 0.001,
  webhookPollSeconds: 0.001,
  runnerLookSeconds: 0.001,
  progressSeconds: 0.001,
  renewSeconds: 0.001,
  noWorkerSeconds: 3600
}

/** Counts how often an effect is run. */
const counter = () => {
  let count = 0
  const counted = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      count++
      return effect
    })
  return { counted, reached: until(Effect.sync(() => count >= turns)) }
}

describe("after a thousand turns no fiber holds more FiberRefs than after a few", () => {
  it.live("slots that run jobs", () =>
    withDepth((deepest) =>
      Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        yield* Layer.build(workers(1))
        for (let turn = 0; turn < turns; turn++) yield* processTask(owner, taskOn(dir), quiet)
        expect(yield* deepest).toBeLessThan(shallow)
      }).pipe(Effect.scoped, Effect.provide(world({ limits: quick })))
    )
  )

  it.live("slots that yield to others, and long polls of runners, where there is nothing to do", () =>
    withDepth((deepest) =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const { counted, reached } = counter()
        const looking = Layer.succeed(Jobs, { ...jobs, claim: (...args) => counted(jobs.claim(...args)) })
        const runner = yield* aRunner
        const both = Effect.gen(function* () {
          yield* Layer.build(workers(1, ["gpu"]))
          yield* Effect.forkScoped(takeRun({ runner, process: aProcess(), free: 1 }))
          yield* reached
          expect(yield* deepest).toBeLessThan(shallow)
        })
        yield* Effect.provide(both, Layer.merge(looking, Layer.succeed(Turn, makeTurn("remote"))))
      }).pipe(Effect.scoped, Effect.provide(world({ limits: { ...quick, runnerWaitSeconds: 600 } })))
    )
  )

  it.live("a turn that comes and goes while a taker waits", () =>
    withDepth((deepest) =>
      Effect.gen(function* () {
        const { take } = makeTurn("local")
        const waiting = take({ side: "remote", load: () => 0 }, Effect.never, 600)
        yield* Effect.forkScoped(waiting)
        for (let turn = 0; turn < turns; turn++) {
          yield* Effect.scoped(take({ side: "local", load: () => 0 }, Effect.yieldNow(), 600))
        }
        expect(yield* deepest).toBeLessThan(shallow)
      }).pipe(Effect.scoped)
    )
  )

  it.live("a renewed lease, and a caller who waits for the job meanwhile", () =>
    withDepth((deepest) =>
      Effect.gen(function* () {
        const { counted, reached } = counter()
        const run: ScriptedRun = (plan, inputs) => Effect.zipRight(reached, copyFirstInput(plan, inputs))
        yield* Effect.gen(function* () {
          const jobs = yield* Jobs
          const { owner, dir } = yield* ownerWithFile
          const renewing = Layer.succeed(Jobs, { ...jobs, renew: (...args) => counted(jobs.renew(...args)) })
          yield* Layer.build(Layer.provide(workers(1), renewing))
          const id = yield* submit(owner, taskOn(dir), quiet)
          const waiter = yield* Effect.fork(awaitJob(owner, id))
          yield* reached
          expect(yield* deepest).toBeLessThan(shallow)
          expect((yield* Fiber.join(waiter)).state).toBe("completed")
        }).pipe(Effect.scoped, Effect.provide(world({ limits: quick, run })))
      })
    )
  )

  it.live("sweeps, and the search for due webhooks", () =>
    withDepth((deepest) =>
      Effect.gen(function* () {
        const [jobs, outbox] = [yield* Jobs, yield* Outbox]
        const [swept, searched] = [counter(), counter()]
        const watched = Layer.merge(
          Layer.succeed(Jobs, { ...jobs, reclaim: (before) => swept.counted(jobs.reclaim(before)) }),
          Layer.succeed(Outbox, { ...outbox, claim: (until) => searched.counted(outbox.claim(until)) })
        )
        yield* Layer.build(Layer.provide(Layer.merge(sweeper, deliverer), watched))
        yield* Effect.all([swept.reached, searched.reached])
        expect(yield* deepest).toBeLessThan(shallow)
      }).pipe(Effect.scoped, Effect.provide(world({ limits: quick })))
    )
  )

  it.live("webhooks of which each begins when the one before has ended", () =>
    withDepth((deepest) =>
      Effect.gen(function* () {
        // Each would add an entry or more.
        const many = 5 * shallow
        const last = yield* Deferred.make<void>()
        let posts = 0
        // As the real one does, which has a bound on its time.
        const post = Effect.suspend(() =>
          Effect.timeout(++posts < many ? Effect.yieldNow() : Deferred.await(last), "1 minute")
        )
        const { layer } = receiving(() => Effect.orDie(Effect.as(post, 200)))
        yield* Effect.gen(function* () {
          const owner = anOwner()
          yield* Effect.replicateEffect(owed(owner), many, { discard: true })
          yield* Layer.build(deliverer)
          yield* until(Effect.sync(() => posts === many))
          expect(yield* deepest).toBeLessThan(shallow)
          yield* Deferred.succeed(last, undefined)
        }).pipe(
          Effect.scoped,
          Effect.provide(layer),
          Effect.provide(world({ limits: { ...quick, webhookConcurrency: 1 } }))
        )
      })
    )
  )

  it.live("webhooks that end at once do not run inside each other", () =>
    Effect.gen(function* () {
      const many = 100
      let claims = 0
      const frames: Array<number> = []
      const outbox = yield* Outbox
      const lost = Layer.succeed(Outbox, {
        ...outbox,
        // An unknown job, so that there is nothing to post.
        claim: () => {
          const id = JobId(`job_${++claims}`)
          const due = {
            id: `msg_${id}`,
            jobId: id,
            owner: anOwner(),
            url: "https://a.example/hook",
            attempt: 1,
            claim: 1
          }
          return Effect.succeed(claims > many ? Option.none() : Option.some(due))
        },
        settle: () => Effect.sync(() => void frames.push(stackFrames()))
      })
      yield* Layer.build(Layer.provide(deliverer, lost))
      yield* until(Effect.sync(() => frames.length === many))
      expect(frames.at(-1)).toBeLessThan(2 * Math.max(...frames.slice(0, 2)))
    }).pipe(Effect.scoped, Effect.provide(world({ limits: { ...quick, webhookConcurrency: 1 } })))
  )
})

/** How deep the stack is. */
const stackFrames = (): number => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = Number.POSITIVE_INFINITY
  const frames = new Error().stack?.split("\n").length ?? 0
  Error.stackTraceLimit = stackTraceLimit
  return frames
}
