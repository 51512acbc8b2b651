import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Scope, TestClock } from "effect"
import { JobId } from "../../core/ids.js"
import { Queue } from "../../core/ports/queue.js"
import { queueSuite } from "../../core/ports/suites/queue.suite.js"
import { until } from "../../core/ports/suites/samples.suite.js"
import { memoryQueue } from "./index.js"

queueSuite("memory: queue", memoryQueue)

const [a, b, c] = [JobId("job_a"), JobId("job_b"), JobId("job_c")]

const takeId = Effect.scoped(Effect.flatMap(Queue, ({ take }) => Effect.map(take, ({ id }) => id)))

describe("memory queue", () => {
  it.effect("higher priorities go first, equals in the order of their arrival", () =>
    Effect.gen(function* () {
      const { offer } = yield* Queue
      yield* offer(b, 0)
      yield* offer(a, 0)
      yield* offer(c, 5)
      expect([yield* takeId, yield* takeId, yield* takeId]).toEqual([c, b, a])
    }).pipe(Effect.provide(memoryQueue))
  )

  it.effect("a ticket comes again at its time and not a millisecond before", () =>
    Effect.gen(function* () {
      const queue = yield* Queue
      yield* queue.offer(a, 0)
      const scope = yield* Scope.make()
      const ticket = yield* Scope.extend(queue.take, scope)
      yield* ticket.again(new Date(60_000))
      yield* TestClock.adjust("10 seconds")
      yield* Scope.close(scope, Exit.void)
      const taker = yield* Effect.fork(takeId)
      yield* TestClock.adjust("49999 millis")
      expect(yield* Fiber.poll(taker)).toEqual(Option.none())
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(taker)).toBe(a)
    }).pipe(Effect.provide(memoryQueue))
  )

  it.effect("a holder that is interrupted leaves its hint to the next", () =>
    Effect.gen(function* () {
      const queue = yield* Queue
      yield* queue.offer(a, 0)
      const holder = yield* Effect.fork(Effect.scoped(Effect.zipRight(queue.take, Effect.never)))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(holder)
      expect(yield* takeId).toBe(a)
    }).pipe(Effect.provide(memoryQueue))
  )

  it.effect("closing the queue ends the delay of a ticket that was put back", () =>
    Effect.gen(function* () {
      const queue = yield* Queue
      yield* queue.offer(a, 0)
      yield* Effect.scoped(Effect.flatMap(queue.take, ({ again }) => again(new Date(60_000))))
      yield* until(Effect.map(TestClock.sleeps(), (sleeps) => sleeps.length === 1))
    }).pipe(Effect.provide(memoryQueue))
  )
})
