import { SqlClient, TransactionConnection } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { Context, DateTime, Effect, Option, Schedule } from "effect"
import { Unavailable } from "../../core/errors.js"
import { isContention, isFull, isViolation } from "./dialect.js"
import { Medium } from "./medium.js"

/** The SQL access of the ports: every call of a port is one `run` or one `transaction`. */
export interface Database {
  readonly sql: SqlClient
  /** One statement, or several that need no transaction. `what` completes "could not ...". */
  readonly run: Guard
  /**
   * A transaction. It must start with a write: on SQLite a transaction that reads first can't wait for
   * another writer.
   */
  readonly transaction: Guard
  /**
   * A transaction that only deletes. On a full disk it is retried once, after the medium has freed some
   * space.
   */
  readonly freeing: Guard
}

type Guard = (
  what: string
) => <A, E, R>(
  effect: Effect.Effect<A, E | SqlError, R>
) => Effect.Effect<A, Exclude<E, SqlError> | Unavailable, R>

export const makeDatabase: Effect.Effect<Database, never, SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient
  const { giveRoom, intact } = yield* Medium
  const guarded: Guard = (what) => (effect) => Effect.zipLeft(run(what)(effect), intact)
  const transaction: Guard = (what) => (effect) => guarded(what)(withTransaction(sql, effect))
  const freeing: Guard = (what) => (effect) => {
    const once = transaction(what)(effect)
    return Effect.catchIf(once, isDiskFull, (error) =>
      Effect.flatMap(giveRoom, (given) => (given ? once : Effect.fail(error)))
    )
  }
  return { sql, run: guarded, transaction, freeing }
})

const isDiskFull = (error: unknown): boolean =>
  error instanceof Unavailable && error.cause instanceof SqlError && isFull(error.cause)

/** The current time in column format. */
export const nowText: Effect.Effect<string> = Effect.map(DateTime.nowAsDate, (now) => now.toISOString())

/** Retries while other writers are active. The only place that converts SQL errors. */
const run: Guard =
  (what) =>
  <A, E, R>(effect: Effect.Effect<A, E | SqlError, R>) =>
    alone(effect).pipe(
      Effect.retry({
        while: (error) => error instanceof SqlError && isContention(error),
        schedule: contention
      }),
      Effect.catchAll((error): Effect.Effect<never, Exclude<E, SqlError> | Unavailable> => {
        if (!(error instanceof SqlError)) return Effect.fail(error as Exclude<E, SqlError>)
        return isViolation(error)
          ? Effect.die(error)
          : Effect.fail(new Unavailable({ what: `could not ${what}`, cause: error }))
      })
    )

/**
 * The driver's message, which the client wraps. A host name with several addresses has one error for each.
 */
export const reasonOf = (cause: unknown): string => {
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(reasonOf).join(", ")
  return cause instanceof Error
    ? cause.cause instanceof Error
      ? reasonOf(cause.cause)
      : cause.message
    : String(cause)
}

/**
 * Runs an effect outside of the caller's transaction. All clients share one tag for the current transaction,
 * so a call inside a transaction of another database would otherwise run in that database.
 */
const alone = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.mapInputContext(
    effect,
    (context: Context.Context<R>) => Context.omit(TransactionConnection)(context) as Context.Context<R>
  )

/**
 * Rolls back after a failed COMMIT, for example on a full disk. The client reports it as a defect and leaves
 * the transaction open, so that no later one could start. If the database has already ended it, the ROLLBACK
 * fails, which is ignored.
 */
const withTransaction = <A, E, R>(
  sql: SqlClient,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  sql
    .withTransaction(effect)
    .pipe(
      Effect.catchSomeDefect((defect) =>
        defect instanceof SqlError
          ? Option.some(Effect.zipRight(Effect.ignore(sql`ROLLBACK`), Effect.fail(defect)))
          : Option.none()
      )
    )

/**
 * The backoff between attempts. Each attempt blocks the process for the driver's busy timeout; the delays do
 * not.
 */
const contention = Schedule.exponential("20 millis").pipe(
  Schedule.either(Schedule.spaced("1 seconds")),
  Schedule.jittered,
  Schedule.upTo("10 seconds")
)
