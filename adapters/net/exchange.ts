import type { IncomingHttpHeaders, IncomingMessage } from "node:http"
import { request as requestOf } from "node:https"
import type { TLSSocket } from "node:tls"
import { Effect, Option, type Scope, Stream } from "effect"
import { UrlUnreachable } from "../../core/errors.js"
import type { Target } from "./url.js"

/** An HTTP request, without its URL. */
export interface GuardedRequest {
  /** Default GET. */
  readonly method?: "GET" | "POST"
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** An HTTP response. */
export interface GuardedResponse {
  /** URL of the response: after redirects not the requested one. */
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Read on demand. Fails when it breaks off, is shorter than announced, or stalls. */
  readonly body: Stream.Stream<Uint8Array, UrlUnreachable>
}

/** Limit of all response headers together, in bytes. */
const headerBytes = 16 * 1024

/** Sends one request over its own connection. The end of the scope stops it at any stage. */
export const exchange = (
  socket: TLSSocket,
  { url, host }: Target,
  { method = "GET", headers = {}, body }: GuardedRequest,
  idleSeconds: number
): Effect.Effect<GuardedResponse, UrlUnreachable, Scope.Scope> => {
  const ask = Effect.sync(() => {
    const request = requestOf({
      createConnection: () => socket,
      method,
      host,
      path: `${url.pathname}${url.search}`,
      headers: {
        host: url.host,
        connection: "close",
        accept: "*/*",
        "accept-encoding": "identity",
        "user-agent": "ffkiln",
        ...headers
      },
      maxHeaderSize: headerBytes,
      insecureHTTPParser: false
    })
    const answered = new Promise<IncomingMessage | undefined>((resolve) => {
      request.on("response", (message: IncomingMessage) => {
        // An error before the body is read is reported to its reader, and must not end the process.
        message.on("error", () => undefined)
        resolve(message)
      })
      request.on("error", () => resolve(undefined))
      request.on("close", () => resolve(undefined))
    })
    request.end(body)
    return { request, answered }
  })
  return Effect.gen(function* () {
    const { answered } = yield* Effect.acquireRelease(ask, ({ request }) =>
      Effect.sync(() => request.destroy())
    )
    const message = yield* withIdleTimeout(
      Effect.promise(() => answered),
      idleSeconds
    )
    if (message === undefined) return yield* new UrlUnreachable({})
    return {
      url,
      status: message.statusCode ?? 0,
      headers: message.headers,
      body: bodyOf(message, idleSeconds)
    }
  })
}

const withIdleTimeout = <A, E>(
  effect: Effect.Effect<A, E>,
  idleSeconds: number
): Effect.Effect<A, E | UrlUnreachable> =>
  Effect.timeoutFail(effect, { duration: idleSeconds * 1000, onTimeout: () => new UrlUnreachable({}) })

/**
 * Pulls the iterator itself: a stream of an iterator waits for its next chunk before it can be interrupted.
 */
const bodyOf = (message: IncomingMessage, idleSeconds: number): Stream.Stream<Uint8Array, UrlUnreachable> => {
  const pieces = message[Symbol.asyncIterator]()
  const next = Effect.tryPromise({ try: () => pieces.next(), catch: () => new UrlUnreachable({}) })
  return Stream.repeatEffectOption(
    withIdleTimeout(next, idleSeconds).pipe(
      Effect.mapError(Option.some),
      Effect.flatMap(({ done, value }) => {
        if (done !== true) return Effect.succeed<Uint8Array>(value)
        return Effect.fail(message.complete ? Option.none() : Option.some(new UrlUnreachable({})))
      })
    )
  )
}
