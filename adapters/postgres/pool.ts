import { Effect, Redacted, type Scope } from "effect"
import { Pool } from "pg"
import { Unavailable } from "../../core/errors.js"
import { reasonOf } from "../sql/database.js"

/** The database: its URL with options, or a pool that the caller made and closes. */
export type PostgresServer =
  | {
      /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with percent codes for special characters; the driver's parameters may follow. */
      readonly url: string | Redacted.Redacted
      /**
       * The most connections of this process, besides one for notifications. Further calls wait. Default 10.
       */
      readonly maxConnections?: number
      /** Seconds that a call waits for a connection before it fails as Unavailable. Default 5. */
      readonly connectTimeoutSeconds?: number
    }
  /**
   * Its connections need the isolation level "read committed", and should have a timeout for idle
   * transactions.
   */
  | { readonly pool: Pool }

/**
 * Opens a pool and tests it. Unavailable if that fails, with a sentence that names the server but not the
 * password.
 */
export const openPool = (server: PostgresServer): Effect.Effect<Pool, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const given = "pool" in server
    const address = given ? "the Postgres server" : yield* addressOf(server.url)
    const pool = given
      ? server.pool
      : yield* Effect.acquireRelease(
          Effect.sync(() => makePool(server)),
          end
        )
    const letGo = guard(pool)
    // Connections of an own pool may still break while they close, so their listeners stay.
    if (given) yield* Effect.addFinalizer(() => Effect.sync(letGo))
    yield* Effect.tryPromise({
      try: () => pool.query("SELECT 1"),
      catch: (cause) =>
        new Unavailable({ what: `could not connect to ${address}: ${reasonOf(cause)}`, cause })
    })
    return pool
  })

const makePool = (server: Exclude<PostgresServer, { readonly pool: Pool }>) =>
  new Pool({
    connectionString: textOf(server.url),
    max: server.maxConnections ?? 10,
    connectionTimeoutMillis: (server.connectTimeoutSeconds ?? 5) * 1000,
    application_name: "ffkiln",
    // Detects a server that disappeared without closing its connections.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    onConnect: (client) => client.query(settings)
  })

const settings = [
  // A host that is frozen inside a transaction would block submissions on all others while its socket is
  // open.
  "SET idle_in_transaction_session_timeout = '10s'",
  // A transaction that waited for a lock must see what the other transaction wrote.
  "SET default_transaction_isolation = 'read committed'"
].join("; ")

/**
 * Closes the pool. Waits at most a second for busy connections, which end by themselves or with the process.
 */
const end = (pool: Pool) =>
  Effect.promise(() => pool.end()).pipe(Effect.interruptible, Effect.timeoutOption("1 seconds"))

/** Adds listeners to the pool, and returns a function that removes them. */
const guard = (pool: Pool) => {
  // The pool removes an idle connection that breaks, but without a listener its error would end the process.
  const onError = () => {}
  // An interrupted call may return its connection inside a transaction, which the next call would then join.
  const onRelease: Parameters<typeof pool.on>[1] = (_, client) => {
    if (client.getTransactionStatus() !== "I") client.end()
  }
  pool.on("error", onError).on("release", onRelease)
  return () => void pool.off("error", onError).off("release", onRelease)
}

const textOf = (url: string | Redacted.Redacted): string =>
  Redacted.isRedacted(url) ? Redacted.value(url) : url

/**
 * The part of the URL that may be shown. A password with raw `/`, `?`, `#` or `@` changes how it parses: such
 * a URL is refused.
 */
const addressOf = (url: string | Redacted.Redacted): Effect.Effect<string, Unavailable> => {
  const text = textOf(url)
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  return parsed === undefined ||
    !/^postgres(ql)?:$/.test(parsed.protocol) ||
    /[@#]/.test(parsed.pathname + parsed.search + parsed.hash)
    ? new Unavailable({ what: unreadable })
    : Effect.succeed(
        `${parsed.protocol}//${parsed.username}${parsed.username && "@"}${parsed.host}${parsed.pathname}`
      )
}

const unreadable =
  "the URL of the Postgres database can't be read: write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE, " +
  "with percent codes for special characters in the password"
