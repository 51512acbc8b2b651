import { expect, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { queueSuite } from "../../core/ports/suites/queue.suite.js"
import { aJobId, until } from "../../core/ports/suites/samples.suite.js"
import { bullPriority } from "./bull.js"
import { redisQueue } from "./index.js"
import {
  clientOf,
  counts,
  dashboard,
  emptyQueue,
  host,
  keysOf,
  nobody,
  ownServer,
  takenAndFinished
} from "./temporary.suite.js"

queueSuite("redis: queue", Layer.unwrapScoped(Effect.map(emptyQueue, redisQueue)))

const someIds = (count: number) => Array.from({ length: count }, aJobId)

it.each([
  [Number.MAX_SAFE_INTEGER, 1],
  [2 ** 20 - 1, 1],
  [1, 2 ** 20 - 1],
  [0, 2 ** 20],
  [-1, 2 ** 20 + 1],
  [Number.MIN_SAFE_INTEGER, 2 ** 21 - 1]
])("priority %d is %d to BullMQ", (ours, theirs) => expect(bullPriority(ours)).toBe(theirs))

it.scopedLive("jobs with a higher priority go first, equal ones in the order of their arrival", () =>
  Effect.gen(function* () {
    const queue = yield* host(yield* emptyQueue)
    const priorities = [0, -1, 5, 0, 2 ** 31, -(2 ** 31), -(2 ** 31), -(2 ** 31), 5, 0]
    const offered = priorities.map((priority) => ({ id: aJobId(), priority }))
    yield* Effect.forEach(offered, ({ id, priority }) => queue.offer(id, priority))
    const taken = yield* Effect.forEach(offered, () => takenAndFinished(queue))
    const expected = offered.toSorted((a, b) => b.priority - a.priority)
    expect(taken).toEqual(expected.map(({ id }) => id))
  })
)

it.scopedLive("two hosts share 500 offers, each job exactly once", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [one, two] = [yield* host(options), yield* host(options)]
    const ids = someIds(500)
    const got: Array<readonly [string, string]> = []
    const takers = yield* Effect.forEach([one, two, one, two, one, two], (queue) =>
      Effect.fork(
        Effect.forever(
          Effect.map(takenAndFinished(queue), (id) => got.push([id, queue === one ? "one" : "two"]))
        )
      )
    )
    yield* Effect.forEach(ids, (id) => one.offer(id, 0), { concurrency: 16 })
    yield* until(Effect.sync(() => got.length >= ids.length))
    yield* Fiber.interruptAll(takers)
    expect(got.map(([id]) => id).sort()).toEqual([...ids].sort())
    expect(new Set(got.map(([, who]) => who)).size).toBe(2)
    const queue = yield* dashboard(options)
    expect(yield* counts(queue)).toEqual(nobody)
  })
)

it.scopedLive("a held job is active under its id, and a finished one leaves nothing", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [client, queue, { offer, take }] = [
      yield* clientOf(options.url),
      yield* dashboard(options),
      yield* host(options)
    ]
    const round = Effect.gen(function* () {
      const id = aJobId()
      yield* offer(id, 0)
      const scope = yield* Scope.make()
      yield* Scope.extend(take, scope)
      return { id, finish: Scope.close(scope, Exit.void) }
    })
    const { id, finish } = yield* round
    expect((yield* Effect.promise(() => queue.getActive())).map((job) => job.id)).toEqual([id])
    yield* finish
    expect(yield* counts(queue)).toEqual(nobody)
    const before = yield* keysOf(client, options.prefix)
    yield* Effect.replicateEffect(
      Effect.flatMap(round, ({ finish }) => finish),
      1000,
      { concurrency: 10 }
    )
    expect(yield* counts(queue)).toEqual(nobody)
    const after = yield* keysOf(client, options.prefix)
    expect(after.filter((key) => !before.includes(key) && !/:(marker|stalled-check|pc)$/.test(key))).toEqual(
      []
    )
    // About 1000 are kept: the server drops blocks of a hundred.
    expect(yield* Effect.promise(() => client.xlen(`${options.prefix}:ffkiln:events`))).toBeLessThan(1300)
  })
)

it.scopedLive("pausing the queue in a dashboard stops dispatch on all hosts until it is resumed", () =>
  Effect.gen(function* () {
    const [paused, other] = [yield* emptyQueue, yield* emptyQueue]
    const [queue, here, elsewhere] = [yield* dashboard(paused), yield* host(paused), yield* host(other)]
    const taker = yield* Effect.fork(takenAndFinished(here))
    yield* Effect.promise(() => queue.pause())
    const id = aJobId()
    yield* here.offer(id, 0)
    for (const passing of someIds(50)) {
      yield* elsewhere.offer(passing, 0)
      expect(yield* takenAndFinished(elsewhere)).toBe(passing)
    }
    expect(yield* counts(queue)).toMatchObject({ active: 0, prioritized: 1 })
    yield* Effect.promise(() => queue.resume())
    expect(yield* Fiber.join(taker)).toBe(id)
  })
)

it.scopedLive("the queue's global concurrency limits the jobs that run at once", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [queue, one, two] = [yield* dashboard(options), yield* host(options), yield* host(options)]
    yield* Effect.promise(() => queue.setGlobalConcurrency(2))
    let [running, most, done] = [0, 0, 0]
    const run = Effect.gen(function* () {
      running++
      most = Math.max(most, running)
      yield* Effect.replicateEffect(counts(queue), 5)
      running--
      done++
    })
    const ids = someIds(30)
    const takers = yield* Effect.forEach([one, two, one, two, one, two], ({ take }) =>
      Effect.fork(Effect.forever(Effect.scoped(Effect.zipRight(take, run))))
    )
    yield* Effect.forEach(ids, (id) => one.offer(id, 0), { concurrency: 10 })
    yield* until(Effect.sync(() => done === ids.length))
    yield* Fiber.interruptAll(takers)
    expect(most).toBe(2)
  })
)

it.scopedLive("the queue's global rate limit bounds the jobs that start in a time", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [queue, one] = [yield* dashboard(options), yield* host(options)]
    yield* Effect.promise(() => queue.setGlobalRateLimit(5, 300))
    yield* Effect.forEach(someIds(12), (id) => one.offer(id, 0))
    yield* takenAndFinished(one)
    const first = yield* Clock.currentTimeMillis
    yield* Effect.replicateEffect(takenAndFinished(one), 11)
    // The last two start in the third window.
    expect((yield* Clock.currentTimeMillis) - first).toBeGreaterThan(500)
  })
)

it.scopedLive(
  "a host that only offers opens one connection, one that takes opens three, and all are closed in the end",
  () =>
    Effect.gen(function* () {
      const { url } = yield* ownServer()
      const client = yield* clientOf(url)
      const others = Effect.map(
        Effect.promise(async () => `${await client.client("LIST")}`),
        (list) => list.trim().split("\n").length - 1
      )
      const scope = yield* Scope.make()
      const queue = yield* Scope.extend(host({ url }), scope)
      yield* Effect.forEach(someIds(5), (id) => queue.offer(id, 0))
      expect(yield* others).toBe(1)
      yield* takenAndFinished(queue)
      expect(yield* others).toBe(3)
      yield* Scope.close(scope, Exit.void)
      yield* until(Effect.map(others, (count) => count === 0))
    })
)

it.scopedLive("a queue that closes releases held jobs and fails waiting takers", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const scope = yield* Scope.make()
    const [closing, other] = [yield* Scope.extend(host(options), scope), yield* host(options)]
    const ids = someIds(3)
    yield* Effect.forEach(ids, (id) => closing.offer(id, 0))
    yield* Effect.forEach(ids, () => closing.take)
    const waiting = yield* Effect.fork(Effect.flip(closing.take))
    yield* until(Effect.map(Effect.flatMap(dashboard(options), counts), ({ active }) => active === 3))
    yield* Scope.close(scope, Exit.void)
    expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "Unavailable" })
    expect((yield* Effect.forEach(ids, () => takenAndFinished(other))).sort()).toEqual([...ids].sort())
  })
)

it.scopedLive("uses the settings of a given client, and leaves the client open", () =>
  Effect.gen(function* () {
    const { url, prefix } = yield* emptyQueue
    const connection = yield* clientOf(url)
    const id = aJobId()
    yield* Effect.scoped(
      Effect.gen(function* () {
        const queue = yield* host({ connection, prefix })
        yield* queue.offer(id, 0)
        expect(yield* takenAndFinished(queue)).toBe(id)
      })
    )
    expect(yield* Effect.promise(() => connection.ping())).toBe("PONG")
    expect(connection.listenerCount("close")).toBe(0)
  })
)
