import { Effect, Redacted, type Scope } from "effect"
import { Redis, type RedisOptions } from "ioredis"
import { Unavailable } from "../../core/errors.js"

/** Where Redis is: its URL, or a client that the caller made and ends. */
export type RedisServer =
  | {
      /** `redis://USER:PASSWORD@HOST:PORT/DB`, or `rediss://` for TLS, with percent codes for special characters. */
      readonly url: string | Redacted.Redacted
    }
  | {
      /** Its settings (TLS, Sentinel, login) are those of our own connections; itself it is neither used nor ended. */
      readonly connection: Redis
    }

/** A server, and how it may be called in a log. */
export interface Server {
  readonly address: string
  /** A client that has not connected yet. */
  readonly client: (settings: RedisOptions) => Redis
}

/** What every connection has, whoever gave the rest. */
const common: RedisOptions = {
  lazyConnect: true,
  connectTimeout: 5000,
  // What is still open that long after its end is cut.
  disconnectTimeout: 200,
  keepAlive: 10_000,
  retryStrategy: (times) => Math.min(times * 100, 1000),
  // A primary that has become a replica: its name may lead to the new one by now.
  reconnectOnError: ({ message }) => message.startsWith("READONLY")
}

/** Unavailable where the URL is none of Redis. Its password is told nowhere. */
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

/** A password with raw `/`, `?`, `#` or `@` makes the URL read as another one, which is none of these. */
const addressOf = (text: string): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isOurs = url !== undefined && /^rediss?:$/.test(url.protocol) && url.hostname !== "" && /^(\/\d*)?$/.test(url.pathname)
  if (!isOurs || /[@#]/.test(url.search + url.hash) || !isDecodable(url.username + url.password)) return undefined
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
 * A connection that fails at once while the server is out of reach, and within a second while it is silent, and works
 * again by itself. It has been made, and the server looked at, when this returns. Unavailable, in one sentence, when the
 * server can't be reached or used.
 */
export const openConnection = ({ address, client: make }: Server): Effect.Effect<Redis, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    let problem: unknown
    const client = yield* Effect.acquireRelease(
      // A host that starts has much to do: its own questions may take longer than those of users later.
      Effect.sync(() => make({ enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: startSeconds * 1000 })),
      (client) => Effect.sync(() => client.disconnect())
    )
    // Without a listener the client writes its errors to the console, and the promise of a connection tells less.
    client.on("error", (error) => {
      problem ??= error
    })
    const failed = (cause: unknown) => new Unavailable({ what: `could not connect to ${address}: ${reasonOf(problem ?? cause)}` })
    yield* Effect.tryPromise({ try: () => client.connect(), catch: failed }).pipe(
      Effect.timeoutFail({ duration: `${startSeconds} seconds`, onTimeout: () => failed(`no answer within ${startSeconds} seconds`) })
    )
    const about = yield* Effect.tryPromise({ try: () => client.info(), catch: failed })
    client.options.commandTimeout = commandMillis
    const refusal = refusalOf(about)
    return refusal === undefined ? client : yield* new Unavailable({ what: `${address} ${refusal}` })
  })

/** Why a server that says this of itself (INFO) can't be used, worded to follow its name. */
export const refusalOf = (about: string): string | undefined => {
  const lines = about.split("\n").map((line) => line.trimEnd())
  const field = (name: string) => lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1)
  const version = field("redis_version")
  if (version !== undefined && Number.parseInt(version, 10) < 5)
    return `is version ${version}: version 5 or later is needed, 6.2 or later is better`
  // Some servers keep it to themselves.
  const policy = field("maxmemory_policy")
  if (policy !== undefined && policy !== "noeviction") {
    return (
      `may drop keys when its memory is full (maxmemory-policy is "${policy}"): set maxmemory-policy to "noeviction" in its ` +
      `configuration, or now by CONFIG SET maxmemory-policy noeviction`
    )
  }
  return undefined
}

/** What an error of the client says, without the command it belongs to, which may hold the password. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(reasonOf).join(", ")
  return error instanceof Error ? error.message : String(error)
}
