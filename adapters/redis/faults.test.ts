import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { aJobId, until } from "../../core/ports/suites/samples.suite.js"
import {
  clientOf,
  counts,
  dashboard,
  expectNoPassword,
  host,
  nobody,
  ownServer,
  takenAndFinished,
  warnings
} from "./temporary.suite.js"

const unavailable = expect.objectContaining({ _tag: "Unavailable" })

/** Checks the error and the time of a call while the server can't be reached. */
const failsSoon = <A, E>(call: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const started = Date.now()
    expect(yield* Effect.flip(call)).toEqual(unavailable)
    expect(Date.now() - started).toBeLessThan(4000)
  })

/** Retries until Redis responds again. */
const eventually = <A, E>(call: Effect.Effect<A, E>) =>
  Effect.eventually(Effect.tapError(call, () => Effect.sleep("20 millis")))

it.scopedLive(
  "while Redis is down, offers and takes fail soon without spinning and one warning is logged; then both work again",
  () =>
    warnings((said) =>
      Effect.gen(function* () {
        const server = yield* ownServer()
        const queue = yield* host(server)
        yield* queue.offer(aJobId(), 0)
        yield* takenAndFinished(queue)
        const waiting = yield* Effect.fork(Effect.flip(takenAndFinished(queue)))
        yield* Effect.promise(() => server.stop("SIGKILL"))
        expect(yield* Fiber.join(waiting)).toEqual(unavailable)
        yield* failsSoon(queue.offer(aJobId(), 0))
        let takes = 0
        const started = Date.now()
        while (Date.now() - started < 2500) {
          yield* failsSoon(takenAndFinished(queue))
          takes++
        }
        expect(takes).toBeLessThanOrEqual(4)
        yield* Effect.promise(() => server.start())
        const id = aJobId()
        yield* eventually(queue.offer(id, 0))
        expect(yield* eventually(takenAndFinished(queue))).toBe(id)
        expect(said).toEqual([
          expect.stringMatching(
            /^lost Redis at 127\.0\.0\.1:\d+, jobs are found by polling until it is back: /
          )
        ])
        expectNoPassword(said, server.url)
      })
    )
)

it.scopedLive("waiting, held and delayed jobs survive a restart of Redis", () =>
  Effect.gen(function* () {
    const server = yield* ownServer({ appendfsync: "always" })
    const [queue, dash] = [yield* host(server), yield* dashboard(server)]
    const [held, waiting] = [aJobId(), aJobId()]
    const scope = yield* Scope.make()
    yield* queue.offer(held, 0)
    const ticket = yield* Scope.extend(queue.take, scope)
    yield* queue.offer(waiting, 0)
    yield* Effect.promise(() => server.stop())
    yield* Effect.promise(() => server.start())
    expect(yield* eventually(takenAndFinished(queue))).toBe(waiting)
    yield* ticket.again(new Date())
    yield* Scope.close(scope, Exit.void)
    expect(yield* takenAndFinished(queue)).toBe(held)
    yield* until(Effect.map(counts(dash), (all) => JSON.stringify(all) === JSON.stringify(nobody)))
  })
)

it.scopedLive(
  "a ticket that ends during an outage is released at once, and finished when Redis is back",
  () =>
    Effect.gen(function* () {
      const server = yield* ownServer({ appendfsync: "always" })
      const queue = yield* host(server)
      const id = aJobId()
      yield* queue.offer(id, 0)
      const scope = yield* Scope.make()
      yield* Scope.extend(queue.take, scope)
      yield* Effect.promise(() => server.stop("SIGKILL"))
      const started = Date.now()
      yield* Scope.close(scope, Exit.void)
      expect(Date.now() - started).toBeLessThan(4000)
      yield* Effect.promise(() => server.start())
      const dash = yield* dashboard(server)
      yield* until(Effect.map(counts(dash), ({ active }) => active === 0))
      expect(yield* counts(dash)).toEqual(nobody)
    })
)

it.scopedLive("after a flush, Redis works again, and tickets held before can end", () =>
  Effect.gen(function* () {
    const server = yield* ownServer()
    const [queue, client, dash] = [yield* host(server), yield* clientOf(server.url), yield* dashboard(server)]
    const [held, lost, next] = [aJobId(), aJobId(), aJobId()]
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* queue.offer(held, 0)
        yield* queue.take
        yield* queue.offer(lost, 0)
        yield* Effect.promise(() => client.flushall())
      })
    )
    yield* queue.offer(next, 0)
    expect(yield* takenAndFinished(queue)).toBe(next)
    yield* queue.offer(held, 0)
    expect(yield* takenAndFinished(queue)).toBe(held)
    expect(yield* counts(dash)).toEqual(nobody)
  })
)

it.scopedLive(
  "while Redis is frozen, offers and takes fail soon and one warning is logged; then both work again",
  () =>
    warnings((said) =>
      Effect.gen(function* () {
        const server = yield* ownServer()
        const queue = yield* host(server)
        yield* queue.offer(aJobId(), 0)
        yield* takenAndFinished(queue)
        const waiting = yield* Effect.fork(Effect.flip(takenAndFinished(queue)))
        process.kill(server.pid() ?? 0, "SIGSTOP")
        yield* failsSoon(queue.offer(aJobId(), 0))
        expect(yield* Fiber.join(waiting)).toEqual(unavailable)
        yield* failsSoon(takenAndFinished(queue))
        yield* failsSoon(takenAndFinished(queue))
        process.kill(server.pid() ?? 0, "SIGCONT")
        const id = aJobId()
        yield* eventually(queue.offer(id, 0))
        yield* until(Effect.map(eventually(takenAndFinished(queue)), (taken) => taken === id))
        expect(said).toEqual([
          expect.stringMatching(/^lost Redis at 127\.0\.0\.1:\d+.*: could not reach the queue .*timed out$/)
        ])
      })
    )
)

for (const [what, harm] of [
  ["down", (server: { readonly stop: (signal: "SIGKILL") => Promise<void> }) => server.stop("SIGKILL")],
  [
    "frozen",
    async (server: { readonly pid: () => number | undefined }) =>
      void process.kill(server.pid() ?? 0, "SIGSTOP")
  ]
] as const) {
  it.scopedLive(`a queue closes soon while Redis is ${what}, with a held ticket and a waiting taker`, () =>
    Effect.gen(function* () {
      const server = yield* ownServer()
      const scope = yield* Scope.make()
      const queue = yield* Scope.extend(host(server), scope)
      yield* queue.offer(aJobId(), 0)
      yield* queue.take
      const waiting = yield* Effect.fork(Effect.flip(takenAndFinished(queue)))
      yield* Effect.promise(() => harm(server))
      const started = Date.now()
      yield* Scope.close(scope, Exit.void)
      expect(Date.now() - started).toBeLessThan(4000)
      expect(yield* Fiber.join(waiting)).toEqual(unavailable)
    })
  )
}

it.scopedLive("a server that refuses writes counts as unreachable, and is not queried without pause", () =>
  warnings((said) =>
    Effect.gen(function* () {
      const server = yield* ownServer()
      const [queue, client] = [yield* host(server), yield* clientOf(server.url)]
      const asked = Effect.promise(async () =>
        Number(/total_commands_processed:(\d+)/.exec(await client.info("stats"))?.[1])
      )
      yield* queue.offer(aJobId(), 0)
      // BullMQ does not wait between fetches while it has jobs to handle.
      yield* queue.take
      yield* Effect.promise(() => client.config("SET", "min-replicas-to-write", "1"))
      const before = yield* asked
      yield* failsSoon(takenAndFinished(queue))
      yield* failsSoon(takenAndFinished(queue))
      expect((yield* asked) - before).toBeLessThan(200)
      yield* Effect.promise(() => client.config("SET", "min-replicas-to-write", "0"))
      const id = aJobId()
      yield* queue.offer(id, 0)
      expect(yield* eventually(takenAndFinished(queue))).toBe(id)
      expect(said).toEqual([expect.stringMatching(/^lost Redis at .*NOREPLICAS/)])
    })
  )
)
