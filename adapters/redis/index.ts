import { Effect, Layer, Scope } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { Queue } from "../../core/ports/queue.js"
import { bullPriority, type Naming, queueOn } from "./bull.js"
import { openDispatch } from "./dispatch.js"
import { openLink } from "./link.js"
import { type RedisServer, serverOf } from "./server.js"
import type { Locks } from "./worker.js"

export { bullQueue } from "./bull.js"
export type { RedisServer } from "./server.js"

/** Options of `redisQueue`. */
export type RedisQueueOptions = RedisServer & Naming & Locks

/**
 * The queue on BullMQ, with Redis 5 or later or a compatible server. A host that only offers jobs has one
 * connection, a host that takes jobs has three. Fails with Unavailable when Redis can't be reached or used at
 * the start. Later, calls fail within about a second, and work again when Redis is back.
 */
export const redisQueue = (options: RedisQueueOptions): Layer.Layer<Queue, Unavailable> =>
  Layer.scoped(
    Queue,
    Effect.gen(function* () {
      const server = yield* serverOf(options)
      const link = yield* openLink(server)
      const queue = yield* queueOn(link.client, options)
      const scope = yield* Effect.scope
      // Opened by the first take: hosts that only offer never take.
      const dispatch = yield* Effect.cached(
        Effect.uninterruptible(
          Effect.provideService(openDispatch(link, server, queue, options), Scope.Scope, scope)
        )
      )
      return {
        offer: (id, priority) =>
          Effect.asVoid(
            link.ask("offer a job", () =>
              queue.add("job", {}, { jobId: id, priority: bullPriority(priority) })
            )
          ),
        take: Effect.flatten(dispatch)
      }
    })
  )
