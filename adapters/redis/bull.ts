import { Queue } from "bullmq"
import { Effect, type Scope } from "effect"
import type { Redis } from "ioredis"
import { Unavailable } from "../../core/errors.js"
import { openConnection, type RedisServer, reasonOf, serverOf } from "./server.js"

export interface Naming {
  /** Name of the queue in dashboards, without colons; "ffkiln" unless given. Hosts of one fleet share it. */
  readonly name?: string
  /** What all keys begin with; "bull" unless given, which dashboards expect. */
  readonly prefix?: string
}

export const nameOf = ({ name }: Naming) => name ?? "ffkiln"
export const prefixOf = ({ prefix }: Naming) => prefix ?? "bull"

/** About how many of the latest events are kept for those who watch the queue. */
const keptEvents = 1000

/**
 * BullMQ's own view of the queue, over a connection of its own: for dashboards, and for scripts that pause it or set its
 * limits. Unavailable, in one sentence, when Redis can't be reached or used.
 */
export const bullQueue = (options: RedisServer & Naming): Effect.Effect<Queue, Unavailable, Scope.Scope> =>
  Effect.flatMap(Effect.flatMap(serverOf(options), openConnection), (client) => queueOn(client, options))

/** The queue over a connection that is open. */
export const queueOn = (client: Redis, naming: Naming): Effect.Effect<Queue, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const failed = (error: unknown) => new Unavailable({ what: `the queue in Redis could not be opened: ${reasonOf(error)}` })
    const queue = yield* Effect.acquireRelease(
      Effect.try({
        try: () =>
          new Queue(nameOf(naming), {
            connection: client,
            prefix: prefixOf(naming),
            streams: { events: { maxLen: keptEvents } },
            // A job that stayed when it is done would swallow later offers of its id.
            defaultJobOptions: { removeOnComplete: true, removeOnFail: true }
          }),
        catch: failed
      }),
      (queue) => Effect.promise(() => queue.close())
    )
    // Whoever asks for something hears of its failure; unheard events end the process.
    queue.on("error", () => {})
    yield* Effect.tryPromise({ try: () => queue.waitUntilReady(), catch: failed })
    return queue
  })

/** A write that changes nothing: servers that are full, or replicas, would answer a mere PING. */
export const touch = (queue: Queue): Promise<unknown> => queue.getBackend().setQueueMeta({ "opts.maxLenEvents": keptEvents })

/** The largest that BullMQ takes. */
const lowest = 2 ** 21 - 1
const usual = 2 ** 20

/**
 * Our priority, where higher goes first and 0 is usual, as BullMQ's, where 1 goes first and those without any before all
 * others. Beyond a million either way all are equal.
 */
export const bullPriority = (priority: number): number => Math.min(Math.max(usual - priority, 1), lowest)
