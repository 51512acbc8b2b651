import type { Queue as BullQueue } from "bullmq"
import { Context, Effect, Layer, Logger, LogLevel, type Scope } from "effect"
import { Redis } from "ioredis"
import { expect } from "vitest"
import type { JobId } from "../../core/ids.js"
import { Queue, type QueueShape } from "../../core/ports/queue.js"
import { startRedis } from "../../scripts/servers/redis.mjs"
import { testServer } from "../servers.suite.js"
import { bullQueue, type RedisQueueOptions, redisQueue } from "./index.js"

/** A client for one test, closed with the scope. */
export const clientOf = (url: string): Effect.Effect<Redis, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Redis(url).on("error", () => {})),
    (client) => Effect.sync(() => client.disconnect())
  )

export const keysOf = (client: Redis, prefix: string) => Effect.promise(() => client.keys(`${prefix}:*`))

/** An empty queue on the server of the run. Its keys are deleted with the scope. */
export const emptyQueue: Effect.Effect<
  { readonly url: string; readonly prefix: string },
  never,
  Scope.Scope
> = Effect.gen(function* () {
  const { url } = yield* Effect.promise(() => testServer("redis"))
  const client = yield* clientOf(url)
  const prefix = `test-${crypto.randomUUID()}`
  yield* Effect.addFinalizer(() =>
    Effect.flatMap(keysOf(client, prefix), (keys) =>
      Effect.promise(async () => void (keys.length > 0 && (await client.del(keys))))
    )
  )
  return { url, prefix }
})

/** A server for one test, removed with the scope. */
export const ownServer = (settings: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => startRedis(settings)),
    ({ remove }) => Effect.promise(() => remove())
  )

/** The queue as a host opens it, until the scope ends. */
export const host = (options: RedisQueueOptions) =>
  Effect.map(Layer.build(Layer.fresh(redisQueue(options))), Context.get(Queue))

/** The queue as a dashboard opens it. */
export const dashboard = (options: RedisQueueOptions): Effect.Effect<BullQueue, never, Scope.Scope> =>
  Effect.orDie(bullQueue(options))

export const counts = (queue: BullQueue) =>
  Effect.promise(() => queue.getJobCounts("active", "prioritized", "delayed", "wait", "completed", "failed"))

export const nobody = { active: 0, prioritized: 0, delayed: 0, wait: 0, completed: 0, failed: 0 }

export const takenAndFinished = ({ take }: QueueShape): Effect.Effect<JobId, unknown> =>
  Effect.scoped(Effect.map(take, ({ id }) => id))

/** Collects warnings and errors that are logged while `effect` runs. */
export const warnings = <A, E, R>(
  effect: (said: ReadonlyArray<string>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const said: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (LogLevel.greaterThanEqual(logLevel, LogLevel.Warning)) said.push(String(message))
    })
    return Effect.provide(effect(said), Logger.replace(Logger.defaultLogger, logger))
  })

/** Checks that no message contains the password. */
export const expectNoPassword = (texts: ReadonlyArray<string>, url: string) => {
  for (const text of texts) expect(text).not.toContain(new URL(url).password)
}
