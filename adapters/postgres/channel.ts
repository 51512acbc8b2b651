import { Chunk, Data, Deferred, Effect, Queue, Runtime, type Scope } from "effect"
import { Client, escapeIdentifier, type Pool } from "pg"
import { endless, every } from "../../core/fibers/loop.js"
import { reasonOf } from "../sql/database.js"

/**
 * A channel of Postgres' NOTIFY, over a connection of its own, which is reopened when it is lost.
 * Notifications may be lost meanwhile: they only make receivers look earlier than their next poll.
 */
export interface Channel {
  /**
   * Sends words to all other processes that have this channel open, without waiting. The sender does not
   * receive them.
   */
  readonly tell: (words: ReadonlyArray<string>) => Effect.Effect<void>
}

/** The most unsent words, far more than one batch has. Without a connection the oldest are dropped. */
const capacity = 10_000

/** The delay before a lost connection is reopened. */
const reconnectSeconds = 1

class ConnectionLost extends Data.TaggedError("ConnectionLost")<{ readonly cause: unknown }> {}

/** Opens the channel. Returns after the first attempt to connect, whether it succeeded or failed. */
export const openChannel = (
  pool: Pool,
  name: string,
  hear: (word: string) => Effect.Effect<void>
): Effect.Effect<Channel, never, Scope.Scope> =>
  Effect.gen(function* () {
    const outgoing = yield* Queue.sliding<string>(capacity)
    const tried = yield* Deferred.make<void>()
    const session = Effect.gen(function* () {
      const { client, lost } = yield* connected(pool)
      const runFork = Runtime.runFork(yield* Effect.runtime())
      client.on("notification", ({ payload, processId }) => {
        if (payload !== undefined && processId !== processOf(client)) runFork(hear(payload))
      })
      yield* asked(client, `LISTEN ${escapeIdentifier(name)}`)
      yield* Deferred.succeed(tried, undefined)
      const tellOn = Effect.flatMap(Queue.takeBetween(outgoing, 1, 1000), (words) =>
        asked(client, "SELECT pg_notify($1, word) FROM unnest($2::text[]) AS word", [
          name,
          Chunk.toArray(words)
        ])
      )
      return yield* Effect.raceFirst(Deferred.await(lost), endless(tellOn))
    })
    const hold = Effect.scoped(session).pipe(
      Effect.catchAll(({ cause }) =>
        Effect.logWarning(
          `the connection for the database's notifications is lost and will be reopened: ${reasonOf(cause)}`
        )
      ),
      Effect.zipRight(Deferred.succeed(tried, undefined))
    )
    yield* Effect.forkScoped(every(reconnectSeconds, hold))
    yield* Deferred.await(tried)
    return { tell: (words) => Effect.asVoid(Queue.offerAll(outgoing, words)) }
  })

/** A connection beside the pool, and an effect that fails when it is lost. */
const connected = (pool: Pool) =>
  Effect.gen(function* () {
    const lost = yield* Deferred.make<never, ConnectionLost>()
    const lose = (cause: unknown) => Deferred.unsafeDone(lost, new ConnectionLost({ cause }))
    const open = Effect.sync(() =>
      new Client(pool.options).on("error", lose).on("end", () => lose("the connection has ended"))
    )
    const client = yield* Effect.acquireRelease(open, (client) =>
      Effect.promise(() => client.end().catch(() => {})).pipe(
        Effect.interruptible,
        Effect.timeoutOption("1 seconds")
      )
    )
    yield* Effect.tryPromise({ try: () => client.connect(), catch: (cause) => new ConnectionLost({ cause }) })
    return { client, lost }
  })

const asked = (client: Client, text: string, values: ReadonlyArray<unknown> = []) =>
  Effect.tryPromise({
    try: () => client.query(text, [...values]),
    catch: (cause) => new ConnectionLost({ cause })
  })

/** The process id of a connection, which notifications contain. The driver's types lack it. */
const processOf = (client: Client) => ("processID" in client ? client.processID : undefined)
