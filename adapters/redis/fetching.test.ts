import { expect, it, vi } from "@effect/vitest"
import { Worker } from "bullmq"
import { Deferred, Effect, Exit, Fiber, FiberId, Scope } from "effect"
import type { JobId } from "../../core/ids.js"
import { aJobId, until } from "../../core/ports/suites/samples.suite.js"
import { clientOf, counts, dashboard, emptyQueue, host, takenAndFinished } from "./temporary.suite.js"

const someIds = (count: number) => Array.from({ length: count }, aJobId)

it.scopedLive("a busy host leaves all waiting jobs to another host", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [busy, idle] = [yield* host(options), yield* host(options)]
    const [first, rest] = [aJobId(), someIds(10)]
    yield* busy.offer(first, 0)
    yield* Effect.scoped(
      Effect.gen(function* () {
        expect((yield* busy.take).id).toBe(first)
        yield* Effect.forEach(rest, (id) => busy.offer(id, 0))
        expect(yield* Effect.forEach(rest, () => takenAndFinished(idle))).toEqual(rest)
      })
    )
  })
)

it.scopedLive("a job that arrives at a host without takers goes to another host", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [left, staying] = [yield* host(options), yield* host(options)]
    for (const id of someIds(20)) {
      const leaving = yield* Effect.fork(takenAndFinished(left))
      const queue = yield* dashboard(options)
      yield* until(Effect.map(counts(queue), () => true))
      yield* Fiber.interrupt(leaving)
      yield* left.offer(id, 0)
      expect(yield* takenAndFinished(staying)).toBe(id)
    }
  })
)

it.scopedLive("a host fetches only as many jobs as takers wait, also right after one has finished", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [client, queue, one] = [
      yield* clientOf(options.url),
      yield* dashboard(options),
      yield* host(options)
    ]
    const fetched = Effect.map(
      Effect.promise(() => client.xrange(`${options.prefix}:ffkiln:events`, "-", "+")),
      (events) => events.filter(([, fields]) => fields[1] === "active").length
    )
    const rounds = 20
    for (let round = 0; round < rounds; round++) {
      const scope = yield* Scope.make()
      yield* one.offer(aJobId(), 0)
      yield* Scope.extend(one.take, scope)
      const had = yield* Deferred.make<void>()
      const waiting = yield* Effect.fork(Effect.scoped(Effect.zipRight(one.take, Deferred.await(had))))
      yield* Effect.promise(() => queue.pause())
      yield* Effect.forEach(someIds(3), (id) => one.offer(id, 0))
      yield* Effect.all([Effect.promise(() => queue.resume()), Scope.close(scope, Exit.void)], {
        concurrency: 2
      })
      yield* until(Effect.map(counts(queue), ({ active, prioritized }) => active === 1 && prioritized === 2))
      yield* Deferred.succeed(had, undefined)
      yield* Fiber.join(waiting)
      yield* Effect.replicateEffect(takenAndFinished(one), 2)
    }
    expect(yield* fetched).toBe(4 * rounds)
  })
)

it.scopedLive("an interrupted holder leaves its job to the next taker", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [queue, one] = [yield* dashboard(options), yield* host(options)]
    const id = aJobId()
    yield* one.offer(id, 0)
    const holder = yield* Effect.fork(Effect.scoped(Effect.zipRight(one.take, Effect.never)))
    yield* until(Effect.map(counts(queue), ({ active }) => active === 1))
    yield* Fiber.interrupt(holder)
    expect(yield* takenAndFinished(one)).toBe(id)
  })
)

it.scopedLive(
  "a job that arrives while its taker is interrupted belongs to that taker or the next one, at any moment",
  () =>
    Effect.gen(function* () {
      const options = yield* emptyQueue
      const [queue, one] = [yield* dashboard(options), yield* host(options)]
      let [onFetch, ours, left] = [() => {}, 0, 0]
      const { emit } = Worker.prototype
      const spy = vi.spyOn(Worker.prototype, "emit").mockImplementation(function (
        this: Worker,
        ...args: Parameters<typeof emit>
      ) {
        if (args[0] === "active") onFetch()
        return emit.apply(this, args)
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => spy.mockRestore()))
      for (let steps = 0; steps < 40; steps++) {
        const id = aJobId()
        const had: Array<JobId> = []
        const taker = yield* Effect.fork(Effect.scoped(Effect.map(one.take, (ticket) => had.push(ticket.id))))
        onFetch = () => void after(steps, () => taker.unsafeInterruptAsFork(FiberId.none))
        yield* one.offer(id, 0)
        yield* Fiber.await(taker)
        onFetch = () => {}
        yield* until(Effect.map(counts(queue), ({ active }) => active === 0))
        const { prioritized = 0, delayed = 0 } = yield* counts(queue)
        if (had.length > 0) ours++
        else left++
        // The taker that had the job may have been interrupted before or after the end of the job.
        if (had.length === 0) expect(prioritized + delayed).toBe(1)
        if (prioritized + delayed > 0) expect(yield* takenAndFinished(one)).toBe(id)
      }
      expect(Math.min(ours, left)).toBeGreaterThan(0)
    })
)

/** In the same turn of the event loop, this number of microtasks later. */
const after = async (steps: number, run: () => void) => {
  for (let step = 0; step < steps; step++) await null
  run()
}
