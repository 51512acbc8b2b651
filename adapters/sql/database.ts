import { SqlClient, TransactionConnection } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { Context, DateTime, Effect, Option, Schedule } from "effect"
import { Unavailable } from "../../core/errors.js"
import { isContention, isFull, isViolation } from "./dialect.js"
import { Medium } from "./medium.js"

/** How the ports talk to SQL: every call of a port is one `run` or one `transaction`. */
export interface Database {
  readonly sql: SqlClient
  /** One statement, or several that need no common moment. `what` completes "could not ...". */
  readonly run: Guard
  /** All or nothing. Begins with a write: on SQLite a transaction that reads first can't wait for another writer. */
  readonly transaction: Guard
  /** A transaction that only removes: on a full disk it is tried once more when the medium has given up some room. */
  readonly freeing: Guard
}

type Guard = (
  what: string
) => <A, E, R>(effect: Effect.Effect<A, E | SqlError, R>) => Effect.Effect<A, Exclude<E, SqlError> | Unavailable, R>

export const makeDatabase: Effect.Effect<Database, never, SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient
  const { giveRoom, intact } = yield* Medium
  const guarded: Guard = (what) => (effect) => Effect.zipLeft(run(what)(effect), intact)
  const transaction: Guard = (what) => (effect) => guarded(what)(withTransaction(sql, effect))
  const freeing: Guard = (what) => (effect) => {
    const once = transaction(what)(effect)
    return Effect.catchIf(once, isDiskFull, (error) => Effect.flatMap(giveRoom, (given) => (given ? once : Effect.fail(error))))
  }
  return { sql, run: guarded, transaction, freeing }
})

const isDiskFull = (error: unknown): boolean => error instanceof Unavailable && error.cause instanceof SqlError && isFull(error.cause)

/** Now, as the columns hold it. */
export const nowText: Effect.Effect<string> = Effect.map(DateTime.nowAsDate, (now) => now.toISOString())

/** Waits out other writers, and is the one place where a failure of SQL becomes one of ours. */
const run: Guard =
  (what) =>
  <A, E, R>(effect: Effect.Effect<A, E | SqlError, R>) =>
    alone(effect).pipe(
      Effect.retry({ while: (error) => error instanceof SqlError && isContention(error), schedule: contention }),
      Effect.catchAll((error): Effect.Effect<never, Exclude<E, SqlError> | Unavailable> => {
        if (!(error instanceof SqlError)) return Effect.fail(error as Exclude<E, SqlError>)
        return isViolation(error) ? Effect.die(error) : Effect.fail(new Unavailable({ what: `could not ${what}`, cause: error }))
      })
    )

/** The driver's own sentence, which the client wraps. A host name with several addresses fails once for each of them. */
export const reasonOf = (cause: unknown): string => {
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(reasonOf).join(", ")
  return cause instanceof Error ? (cause.cause instanceof Error ? reasonOf(cause.cause) : cause.message) : String(cause)
}

/**
 * The client finds the transaction it is in by a tag that all clients share: without this, a call made inside a
 * transaction of another database would be sent to that one.
 */
const alone = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.mapInputContext(effect, (context: Context.Context<R>) => Context.omit(TransactionConnection)(context) as Context.Context<R>)

/**
 * The client reports a COMMIT that fails, say for lack of disk space, as a defect, and leaves the transaction open, in
 * which no later one could begin. Where the database has ended it already, this ROLLBACK fails and means nothing.
 */
const withTransaction = <A, E, R>(sql: SqlClient, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> =>
  sql
    .withTransaction(effect)
    .pipe(
      Effect.catchSomeDefect((defect) =>
        defect instanceof SqlError ? Option.some(Effect.zipRight(Effect.ignore(sql`ROLLBACK`), Effect.fail(defect))) : Option.none()
      )
    )

/** Every try itself waits for the driver's busy timeout, and blocks the process meanwhile; between tries others get on. */
const contention = Schedule.exponential("20 millis").pipe(
  Schedule.either(Schedule.spaced("1 seconds")),
  Schedule.jittered,
  Schedule.upTo("10 seconds")
)
