import { Chunk, Data, Deferred, Effect, Queue, Runtime, type Scope } from "effect"
import { Client, escapeIdentifier, type Pool } from "pg"
import { endless, every } from "../../core/loop.js"
import { reasonOf } from "../sql/database.js"

/**
 * A channel of Postgres' NOTIFY, over a connection of its own which is made anew when it is lost. What is told meanwhile
 * may reach nobody: it saves those who hear it the time until they look for themselves.
 */
export interface Channel {
  /** Tells all others that have this channel open, soon; the teller itself hears nothing of it. */
  readonly tell: (words: ReadonlyArray<string>) => Effect.Effect<void>
}

/** More than are ever told before the next batch leaves. While nothing can be told the newest are kept. */
const capacity = 10_000

/** Pause before a lost connection is made again. */
const reconnectSeconds = 1

class ConnectionLost extends Data.TaggedError("ConnectionLost")<{ readonly cause: unknown }> {}

/** Opens the channel, and has been heard by the server once, or has failed to be, when this returns. */
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
        asked(client, "SELECT pg_notify($1, word) FROM unnest($2::text[]) AS word", [name, Chunk.toArray(words)])
      )
      return yield* Effect.raceFirst(Deferred.await(lost), endless(tellOn))
    })
    const hold = Effect.scoped(session).pipe(
      Effect.catchAll(({ cause }) => Effect.logWarning(`lost the database's notifications, asking for them again: ${reasonOf(cause)}`)),
      Effect.zipRight(Deferred.succeed(tried, undefined))
    )
    yield* Effect.forkScoped(every(reconnectSeconds, hold))
    yield* Deferred.await(tried)
    return { tell: (words) => Effect.asVoid(Queue.offerAll(outgoing, words)) }
  })

/** A connection beside the pool's, and what fails once it is lost. */
const connected = (pool: Pool) =>
  Effect.gen(function* () {
    const lost = yield* Deferred.make<never, ConnectionLost>()
    const lose = (cause: unknown) => Deferred.unsafeDone(lost, new ConnectionLost({ cause }))
    const open = Effect.sync(() => new Client(pool.options).on("error", lose).on("end", () => lose("the connection has ended")))
    const client = yield* Effect.acquireRelease(open, (client) =>
      Effect.promise(() => client.end().catch(() => {})).pipe(Effect.interruptible, Effect.timeoutOption("1 seconds"))
    )
    yield* Effect.tryPromise({ try: () => client.connect(), catch: (cause) => new ConnectionLost({ cause }) })
    return { client, lost }
  })

const asked = (client: Client, text: string, values: ReadonlyArray<unknown> = []) =>
  Effect.tryPromise({ try: () => client.query(text, [...values]), catch: (cause) => new ConnectionLost({ cause }) })

/** The number by which notifications name the connection they came from; the driver's types leave it out. */
const processOf = (client: Client) => ("processID" in client ? client.processID : undefined)
