import { expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { Queue } from "../../core/ports/queue.js"
import { queueSuite } from "../../core/ports/suites/queue.suite.js"
import { aJobId } from "../../core/ports/suites/samples.suite.js"
import { memoryQueue } from "../memory/queue.js"
import { postgresQueue } from "./queue.js"
import { connection, temporaryDatabase } from "./temporary.suite.js"

/** The queue of a host; each build has a local queue of its own. */
const host = (url: string) => Layer.fresh(Layer.provide(postgresQueue({ url }), Layer.fresh(memoryQueue)))

queueSuite("Queue over Postgres", Layer.unwrapScoped(Effect.map(temporaryDatabase, host)))

it.scopedLive("what is offered on one host wakes those who wait on all others, each once", () =>
  Effect.gen(function* () {
    const url = yield* temporaryDatabase
    const [here, there, idle] = yield* Effect.all([
      Layer.build(host(url)),
      Layer.build(host(url)),
      Layer.build(host(url))
    ])
    const next = (rows: Context.Context<Queue>) =>
      Effect.scoped(Effect.map(Context.get(rows, Queue).take, ({ id }) => id))
    for (let round = 0; round < 20; round++) {
      const id = aJobId()
      const waiting = yield* Effect.forEach([here, there, idle], (rows) => Effect.fork(next(rows)))
      yield* Context.get(here, Queue).offer(id, round)
      expect(yield* Effect.forEach(waiting, Fiber.join)).toEqual([id, id, id])
    }
  })
)

it.scopedLive("a host whose listening connection was cut listens again", () =>
  Effect.gen(function* () {
    const url = yield* temporaryDatabase
    const [here, there] = yield* Effect.all([Layer.build(host(url)), Layer.build(host(url))])
    const admin = yield* connection(url)
    const cut = yield* Effect.promise(() =>
      admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
      )
    )
    expect(cut.rowCount).toBe(2)
    const waiting = yield* Effect.fork(Effect.scoped(Context.get(there, Queue).take))
    // Hints are lost until the other host listens again, so they are offered until one arrives.
    const offering = yield* Effect.fork(
      Effect.forever(Effect.zipRight(Context.get(here, Queue).offer(aJobId(), 0), Effect.sleep("20 millis")))
    )
    yield* Fiber.join(waiting)
    yield* Fiber.interrupt(offering)
  })
)
