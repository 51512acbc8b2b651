import { Effect, Redacted, type Scope } from "effect"
import { Pool } from "pg"
import { Unavailable } from "../../core/errors.js"
import { reasonOf } from "../sql/database.js"

/** Where the database is: its URL with what may be set beside it, or a pool that the caller made and ends. */
export type PostgresServer =
  | {
      /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with percent codes for special characters; the driver's parameters may follow. */
      readonly url: string | Redacted.Redacted
      /** Most connections of this host, beside one that listens; 10 unless given. Calls that find all taken wait for one. */
      readonly maxConnections?: number
      /** How long a call waits for a connection before it is Unavailable; 5 unless given. */
      readonly connectTimeoutSeconds?: number
    }
  /** Its connections need the isolation level "read committed", and should end a transaction that idles for long. */
  | { readonly pool: Pool }

/** A pool that has answered once. Unavailable, in a sentence that names the server and never the password, when it can't. */
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
    // Of our own pool some connections may break after its end, while they are still closing.
    if (given) yield* Effect.addFinalizer(() => Effect.sync(letGo))
    yield* Effect.tryPromise({
      try: () => pool.query("SELECT 1"),
      catch: (cause) => new Unavailable({ what: `could not connect to ${address}: ${reasonOf(cause)}`, cause })
    })
    return pool
  })

const makePool = (server: Exclude<PostgresServer, { readonly pool: Pool }>) =>
  new Pool({
    connectionString: textOf(server.url),
    max: server.maxConnections ?? 10,
    connectionTimeoutMillis: (server.connectTimeoutSeconds ?? 5) * 1000,
    application_name: "ffkiln",
    // A server that went away without a word is noticed.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    onConnect: (client) => client.query(settings)
  })

const settings = [
  // A host that is frozen inside a transaction would keep all others from submitting for as long as its socket stands.
  "SET idle_in_transaction_session_timeout = '10s'",
  // A transaction that waited for another one's lock must see what that one wrote.
  "SET default_transaction_isolation = 'read committed'"
].join("; ")

/** A connection that is still busy ends by itself, or with the process: nobody waits for it for long. */
const end = (pool: Pool) => Effect.promise(() => pool.end()).pipe(Effect.interruptible, Effect.timeoutOption("1 seconds"))

/** Watches over the pool until what it returns is called. */
const guard = (pool: Pool) => {
  // An idle connection that breaks leaves the pool by itself, but without a listener its error ends the process.
  const onError = () => {}
  // A call cut off at the wrong moment may hand its connection back inside a transaction, which the next one would be part of.
  const onRelease: Parameters<typeof pool.on>[1] = (_, client) => {
    if (client.getTransactionStatus() !== "I") client.end()
  }
  pool.on("error", onError).on("release", onRelease)
  return () => void pool.off("error", onError).off("release", onRelease)
}

const textOf = (url: string | Redacted.Redacted): string => (Redacted.isRedacted(url) ? Redacted.value(url) : url)

/** What may be said of the URL. A password with raw `/`, `?`, `#` or `@` makes it read as another one: such a URL is refused unread. */
const addressOf = (url: string | Redacted.Redacted): Effect.Effect<string, Unavailable> => {
  const text = textOf(url)
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  return parsed === undefined || !/^postgres(ql)?:$/.test(parsed.protocol) || /[@#]/.test(parsed.pathname + parsed.search + parsed.hash)
    ? new Unavailable({ what: unreadable })
    : Effect.succeed(`${parsed.protocol}//${parsed.username}${parsed.username && "@"}${parsed.host}${parsed.pathname}`)
}

const unreadable =
  "the URL of the Postgres database can't be read: write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE, " +
  "with percent codes for special characters in the password"
