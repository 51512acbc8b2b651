import { Queue } from "bullmq"
import { Effect, type Scope } from "effect"
import type { Redis } from "ioredis"
import { Unavailable } from "../../core/errors.js"
import { connectionProblem, openConnection, type RedisServer, serverOf } from "./server.js"

/** Names of the queue in Redis. */
export interface Naming {
  /** Name of the queue in dashboards, without colons. Hosts of one fleet share it. Default "ffkiln". */
  readonly name?: string
  /** Prefix of all keys. Default "bull", which dashboards expect. */
  readonly prefix?: string
}

/** Name of the queue, with its default. */
export const nameOf = ({ name }: Naming) => name ?? "ffkiln"
/** Prefix of all keys, with its default. */
export const keyPrefixOf = ({ prefix }: Naming) => prefix ?? "bull"

/** About how many of the latest events BullMQ keeps for observers of the queue. */
const keptEvents = 1000

/**
 * BullMQ's own queue object, over its own connection: for dashboards, and for scripts that pause the queue or
 * set its limits. Fails with Unavailable when Redis can't be reached or used.
 */
export const bullQueue = (options: RedisServer & Naming): Effect.Effect<Queue, Unavailable, Scope.Scope> =>
  Effect.flatMap(Effect.flatMap(serverOf(options), openConnection), (client) => queueOn(client, options))

/** The queue over an open connection. */
export const queueOn = (client: Redis, naming: Naming): Effect.Effect<Queue, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const failed = (error: unknown) =>
      new Unavailable({ what: `the queue in Redis could not be opened: ${connectionProblem(error)}` })
    const queue = yield* Effect.acquireRelease(
      Effect.try({
        try: () =>
          new Queue(nameOf(naming), {
            connection: client,
            prefix: keyPrefixOf(naming),
            streams: { events: { maxLen: keptEvents } },
            // A finished job that stays in Redis would block later offers of its id.
            defaultJobOptions: { removeOnComplete: true, removeOnFail: true }
          }),
        catch: failed
      }),
      (queue) => Effect.promise(() => queue.close())
    )
    // Each command reports its own failure; without a listener an error event would end the process.
    queue.on("error", () => {})
    yield* Effect.tryPromise({ try: () => queue.waitUntilReady(), catch: failed })
    return queue
  })

/** A write that changes nothing: full servers and replicas refuse it, though they answer a PING. */
export const touch = (queue: Queue): Promise<unknown> =>
  queue.getBackend().setQueueMeta({ "opts.maxLenEvents": keptEvents })

/** The highest number that BullMQ accepts. */
const lowest = 2 ** 21 - 1
const usual = 2 ** 20

/**
 * Converts a priority. Here a higher number goes first and 0 is normal. In BullMQ 1 goes first, and jobs
 * without a priority go before all others. Beyond about a million either way all priorities are equal.
 */
export const bullPriority = (priority: number): number => Math.min(Math.max(usual - priority, 1), lowest)
