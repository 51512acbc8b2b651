import { Effect, Layer } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { JobId } from "../../core/ids.js"
import { Queue } from "../../core/ports/queue.js"
import { openChannel } from "./channel.js"
import { openPool, type PostgresServer } from "./pool.js"

/**
 * A queue for all hosts of one database. A hint that is offered on one host goes into the local queue of
 * each; this layer requires that local queue. All waiting slots try to claim the job, and one gets it.
 */
export const postgresQueue = (server: PostgresServer): Layer.Layer<Queue, Unavailable, Queue> =>
  Layer.scoped(
    Queue,
    Effect.gen(function* () {
      const local = yield* Queue
      const pool = yield* openPool(server)
      const { tell } = yield* openChannel(pool, "ffkiln_hints", (word) => {
        const [priority = "", id = ""] = word.split(" ")
        // If the local queue fails, the next poll finds the job.
        return Effect.ignore(local.offer(JobId(id), Number(priority)))
      })
      return {
        // The local queue first: it detects hints that already wait.
        offer: (id, priority) => Effect.zipRight(local.offer(id, priority), tell([`${priority} ${id}`])),
        take: local.take
      }
    })
  )
