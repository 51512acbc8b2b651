import { Effect, Redacted, type Scope } from "effect"
import { Redis, type RedisOptions } from "ioredis"
import { Unavailable } from "../../core/errors.js"

/** The Redis server: its URL, or a client that the caller makes and closes. */
export type RedisServer =
  | {
      /**
       * `redis://USER:PASSWORD@HOST:PORT/DB`, or `rediss://` for TLS, with percent codes for special
       * characters.
       */
      readonly url: string | Redacted.Redacted
    }
  | {
      /**
       * Its settings (TLS, Sentinel, login) are used for new connections. The client itself is neither used
       * nor closed.
       */
      readonly connection: Redis
    }

/** A server, and its name in logs. */
export interface Server {
  readonly address: string
  /** Makes a client that has not connected yet. */
  readonly client: (settings: RedisOptions) => Redis
}

/** Settings of every connection. */
const common: RedisOptions = {
  lazyConnect: true,
  connectTimeout: 5000,
  // Milliseconds after which a closing connection is cut.
  disconnectTimeout: 200,
  keepAlive: 10_000,
  retryStrategy: (times) => Math.min(times * 100, 1000),
  // The primary has become a replica: its name may lead to the new primary by now.
  reconnectOnError: ({ message }) => message.startsWith("READONLY")
}

/**
 * Parses the settings. Fails with Unavailable when the URL is not one of Redis. No message contains the
 * password.
 */
export const serverOf = (server: RedisServer): Effect.Effect<Server, Unavailable> =>
  Effect.gen(function* () {
    if ("connection" in server) {
      const { connection } = server
      const { host, port, path, sentinels } = connection.options
      return {
        address: sentinels ? "Redis" : `Redis at ${path ?? `${host}:${port}`}`,
        client: (settings) => connection.duplicate({ ...common, ...settings })
      }
    }
    const text = Redacted.isRedacted(server.url) ? Redacted.value(server.url) : server.url
    const address = addressOf(text)
    if (address === undefined) return yield* new Unavailable({ what: unreadable })
    return { address, client: (settings) => new Redis(text, { ...common, ...settings }) }
  })

/**
 * The server's name in logs; undefined when the URL is invalid. A password with an unescaped `/`, `?`, `#` or
 * `@` makes it parse as another URL, which is refused.
 */
const addressOf = (text: string): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isRedis =
    url !== undefined &&
    /^rediss?:$/.test(url.protocol) &&
    url.hostname !== "" &&
    /^(\/\d*)?$/.test(url.pathname)
  if (!isRedis || /[@#]/.test(url.search + url.hash) || !isDecodable(url.username + url.password))
    return undefined
  return `Redis at ${url.hostname}:${url.port || 6379}`
}

const isDecodable = (text: string): boolean => {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const unreadable =
  "the URL of Redis can't be read: write it as redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS, " +
  "with percent codes for special characters in the password"

const startSeconds = 10
const commandMillis = 1000

/**
 * Opens a connection, and checks the server before it returns. Commands fail at once while the server can't
 * be reached, and within a second while it does not respond; the connection recovers by itself. Fails with
 * Unavailable when the server can't be reached or used.
 */
export const openConnection = ({
  address,
  client: make
}: Server): Effect.Effect<Redis, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    let problem: unknown
    const client = yield* Effect.acquireRelease(
      // A host that starts is busy: its own commands may take longer than later ones of users.
      Effect.sync(() =>
        make({ enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: startSeconds * 1000 })
      ),
      (client) => Effect.sync(() => client.disconnect())
    )
    // Without a listener the client prints its errors, and the rejection of `connect` has fewer details.
    client.on("error", (error) => {
      problem ??= error
    })
    const failed = (cause: unknown) =>
      new Unavailable({ what: `could not connect to ${address}: ${connectionProblem(problem ?? cause)}` })
    yield* Effect.tryPromise({ try: () => client.connect(), catch: failed }).pipe(
      Effect.timeoutFail({
        duration: `${startSeconds} seconds`,
        onTimeout: () => failed(`no answer within ${startSeconds} seconds`)
      })
    )
    const about = yield* Effect.tryPromise({ try: () => client.info(), catch: failed })
    client.options.commandTimeout = commandMillis
    const refusal = refusalOf(about)
    return refusal === undefined ? client : yield* new Unavailable({ what: `${address} ${refusal}` })
  })

/** Why a server can't be used, from its INFO. Continues a sentence that begins with its name. */
export const refusalOf = (about: string): string | undefined => {
  const lines = about.split("\n").map((line) => line.trimEnd())
  const field = (name: string) => lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1)
  const version = field("redis_version")
  if (version !== undefined && Number.parseInt(version, 10) < 5)
    return `is version ${version}: version 5 or later is needed, 6.2 or later is better`
  // Some servers hide this field.
  const policy = field("maxmemory_policy")
  if (policy !== undefined && policy !== "noeviction") {
    return (
      `may drop keys when its memory is full (maxmemory-policy is "${policy}"): set maxmemory-policy to "noeviction" in its ` +
      `configuration, or now by CONFIG SET maxmemory-policy noeviction`
    )
  }
  return undefined
}

/** The message of a client's error, without the command, which may contain the password. */
export const connectionProblem = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === "")
    return error.errors.map(connectionProblem).join(", ")
  return error instanceof Error ? error.message : String(error)
}
