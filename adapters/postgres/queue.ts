import { Effect, Layer } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { JobId } from "../../core/ids.js"
import { Queue } from "../../core/ports/queue.js"
import { openChannel } from "./channel.js"
import { openPool, type PostgresServer } from "./pool.js"

/**
 * Hints for all hosts of one database: what is offered on one goes into the local queue of each, which is the one this
 * layer asks for. All who wait for work look for that job, and one gets it.
 */
export const postgresQueue = (server: PostgresServer): Layer.Layer<Queue, Unavailable, Queue> =>
  Layer.scoped(
    Queue,
    Effect.gen(function* () {
      const local = yield* Queue
      const pool = yield* openPool(server)
      const { tell } = yield* openChannel(pool, "ffkiln_hints", (word) => {
        const [priority = "", id = ""] = word.split(" ")
        // One that could not be kept is found by the next poll.
        return Effect.ignore(local.offer(JobId(id), Number(priority)))
      })
      return {
        // First here, where it is known at once whether it waits already.
        offer: (id, priority) => Effect.zipRight(local.offer(id, priority), tell([`${priority} ${id}`])),
        take: local.take
      }
    })
  )
