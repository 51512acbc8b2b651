import { Clock, Deferred, Effect, Exit, Fiber, type Layer, Scope } from "effect"
import type { JobId } from "../../ids.js"
import { Queue, type Ticket } from "../queue.js"
import { describe, expect, it as plainIt } from "./effect-tests.suite.js"
import { aJobId } from "./samples.suite.js"

/**
 * The tests of a `Queue`. Each build of `queue` is an empty queue. They use the real clock, because a queue
 * engine has its own. No test expects an order or depends on timing.
 */
export const queueSuite = (name: string, queue: Layer.Layer<Queue, unknown>): void => {
  describe(name, () => {
    const it = (title: string, test: Effect.Effect<void, unknown, Queue | Scope.Scope>) =>
      plainIt.scopedLive(title, () => test.pipe(Effect.provide(queue)))

    it(
      "what was offered is taken",
      Effect.gen(function* () {
        const id = aJobId()
        yield* offer(id)
        expect(yield* takenAndFinished).toBe(id)
      })
    )

    it(
      "a taker waits for what is offered later",
      Effect.gen(function* () {
        const taker = yield* Effect.fork(takenAndFinished)
        yield* Effect.yieldNow()
        const id = aJobId()
        yield* offer(id)
        expect(yield* Fiber.join(taker)).toBe(id)
      })
    )

    it(
      "takers that wait get one each",
      Effect.gen(function* () {
        const ids = someIds(5)
        const takers = yield* Effect.replicateEffect(Effect.fork(takenAndFinished), 5)
        yield* Effect.forEach(ids, offer)
        expect(sorted(yield* Effect.forEach(takers, Fiber.join))).toEqual(sorted(ids))
      })
    )

    it(
      "offered again while it waits it is still one",
      Effect.gen(function* () {
        const id = aJobId()
        yield* Effect.replicateEffect(offer(id), 3, { concurrency: "unbounded" })
        expect(yield* takenAndFinished).toBe(id)
        yield* nothingWaits
      })
    )

    it(
      "offered again while it is held it is not handed to another",
      Effect.gen(function* () {
        const id = aJobId()
        yield* offer(id)
        const { ticket, finish } = yield* held
        yield* offer(id)
        yield* nothingWaits
        expect(ticket.id).toBe(id)
        yield* finish
      })
    )

    it(
      "once finished it can be offered anew",
      Effect.gen(function* () {
        const id = aJobId()
        for (let round = 0; round < 3; round++) {
          yield* offer(id)
          expect(yield* takenAndFinished).toBe(id)
        }
        yield* nothingWaits
      })
    )

    it(
      "a ticket that is to come again comes at that time, not before, and once",
      Effect.gen(function* () {
        const id = aJobId()
        yield* offer(id)
        const { ticket, finish } = yield* held
        const at = (yield* Clock.currentTimeMillis) + 50
        yield* ticket.again(new Date(at))
        yield* finish
        expect(yield* takenAndFinished).toBe(id)
        // A timer may fire one millisecond early.
        expect(yield* Clock.currentTimeMillis).toBeGreaterThanOrEqual(at - 1)
        yield* nothingWaits
      })
    )

    it(
      "a ticket that is to come again at a time that has passed comes at once",
      Effect.gen(function* () {
        const id = aJobId()
        yield* offer(id)
        const { ticket, finish } = yield* held
        yield* ticket.again(new Date(0))
        yield* finish
        expect(yield* takenAndFinished).toBe(id)
      })
    )

    it(
      "a taker that is interrupted while it waits takes nothing along",
      Effect.gen(function* () {
        const taker = yield* Effect.fork(takenAndFinished)
        yield* Effect.replicateEffect(Effect.yieldNow(), 10)
        yield* Fiber.interrupt(taker)
        const id = aJobId()
        yield* offer(id)
        expect(yield* takenAndFinished).toBe(id)
      })
    )

    it(
      "a taker that is interrupted just as something comes either has it or leaves it",
      Effect.gen(function* () {
        for (let round = 0; round < 50; round++) {
          const id = aJobId()
          const taker = yield* Effect.fork(takenAndFinished)
          yield* Effect.replicateEffect(Effect.yieldNow(), round % 5)
          const [, exit] = yield* Effect.all([offer(id), Fiber.interrupt(taker)], {
            concurrency: "unbounded"
          })
          expect(Exit.isSuccess(exit) ? exit.value : yield* takenAndFinished).toBe(id)
        }
      })
    )

    it(
      "a taker that goes away leaves the others what comes",
      Effect.gen(function* () {
        const [leaving, staying] = [
          yield* Effect.fork(takenAndFinished),
          yield* Effect.fork(takenAndFinished)
        ]
        yield* Effect.replicateEffect(Effect.yieldNow(), 10)
        yield* Fiber.interrupt(leaving)
        const id = aJobId()
        yield* offer(id)
        expect(yield* Fiber.join(staying)).toBe(id)
      })
    )

    it(
      "of 500 offers to 8 takers each arrives exactly once",
      Effect.gen(function* () {
        const ids = someIds(500)
        const got: Array<JobId> = []
        const all = yield* Deferred.make<void>()
        const taker = Effect.forever(
          Effect.flatMap(takenAndFinished, (id) => {
            got.push(id)
            return got.length === ids.length ? Deferred.succeed(all, undefined) : Effect.void
          })
        )
        const takers = yield* Effect.replicateEffect(Effect.fork(taker), 8)
        yield* Effect.forEach(
          ids,
          (id, index) => Effect.flatMap(Queue, (queue) => queue.offer(id, index % 3)),
          { concurrency: 16 }
        )
        yield* Deferred.await(all)
        yield* Fiber.interruptAll(takers)
        yield* nothingWaits
        expect(sorted(got)).toEqual(sorted(ids))
      })
    )
  })
}

const someIds = (count: number) => Array.from({ length: count }, aJobId)
const sorted = (ids: ReadonlyArray<JobId>) => [...ids].sort()

const offer = (id: JobId) => Effect.flatMap(Queue, (queue) => queue.offer(id, 0))

const takenAndFinished = Effect.scoped(
  Effect.map(
    Effect.flatMap(Queue, ({ take }) => take),
    ({ id }) => id
  )
)

/** A taken ticket, and the effect that finishes it. */
const held: Effect.Effect<{ readonly ticket: Ticket; readonly finish: Effect.Effect<void> }, unknown, Queue> =
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const ticket = yield* Scope.extend((yield* Queue).take, scope)
    return { ticket, finish: Scope.close(scope, Exit.void) }
  })

/** Offers a marker: a waiting message would come before it. Orders differ, so both are checked. */
const nothingWaits = Effect.gen(function* () {
  const marker = aJobId()
  yield* offer(marker)
  const { ticket, finish } = yield* held
  expect(ticket.id).toBe(marker)
  const second = yield* Effect.fork(takenAndFinished)
  yield* Effect.replicateEffect(Effect.yieldNow(), 10)
  expect(yield* Fiber.poll(second)).toMatchObject({ _tag: "None" })
  yield* Fiber.interrupt(second)
  yield* finish
})
