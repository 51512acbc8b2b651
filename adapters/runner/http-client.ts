import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp
} from "node:http"
import { Agent as HttpsAgent, request as requestHttps } from "node:https"
import { Effect, type Scope } from "effect"
import { Unavailable } from "../../core/errors.js"
import { giveBackRead } from "../process/release-buffer.js"
import { Broken } from "./errors.js"
import { type FilePart, sendBytes } from "./file-bytes.js"
import { defaultWaits, type Waits } from "./timeouts.js"

export interface HostRequest {
  readonly method: "GET" | "POST" | "PUT"
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | FilePart
  /** Idle timeout in seconds. Default: `idleSeconds`. */
  readonly silenceSeconds?: number
}

export interface HostResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body. Unless it is read to its end, closing the scope closes the connection. */
  readonly message: IncomingMessage
}

/**
 * An HTTP client with persistent connections. It follows no redirects, uses no proxy and decompresses
 * nothing.
 */
export interface Web {
  readonly waits: Waits
  /**
   * Sends a request and returns once the headers of the response have arrived. Closing the scope ends the
   * request.
   */
  readonly exchange: (question: HostRequest) => Effect.Effect<HostResponse, Broken | Unavailable, Scope.Scope>
}

export interface WebOptions {
  /** CA certificates to trust instead of Node's own, in PEM. */
  readonly ca?: string | Buffer
  readonly waits?: Partial<Waits>
}

/** The most bytes of all headers of a response together. */
const headerBytes = 32 * 1024

/** Makes an HTTP client. Closing the scope closes its connections. */
export const openWeb = ({ ca, waits }: WebOptions = {}): Effect.Effect<Web, never, Scope.Scope> =>
  Effect.gen(function* () {
    const bounds = { ...defaultWaits, ...waits }
    const kept = { keepAlive: true, maxFreeSockets: 16 }
    const agents = yield* Effect.acquireRelease(
      Effect.sync(() => ({
        "http:": new HttpAgent(kept),
        // Set explicitly, since an environment variable changes the default.
        "https:": new HttpsAgent({
          ...kept,
          minVersion: "TLSv1.2",
          rejectUnauthorized: true,
          ...(ca !== undefined && { ca })
        })
      })),
      (both) =>
        Effect.sync(() => {
          for (const agent of Object.values(both)) agent.destroy()
        })
    )
    const ask = ({ method, url, headers, body, silenceSeconds = bounds.idleSeconds }: HostRequest) => {
      const secure = url.protocol === "https:"
      return (secure ? requestHttps : requestHttp)({
        agent: secure ? agents["https:"] : agents["http:"],
        method,
        hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        ...(url.port !== "" && { port: url.port }),
        path: `${url.pathname}${url.search}`,
        headers: {
          accept: "*/*",
          "user-agent": "ffkiln-runner",
          ...headers,
          "accept-encoding": "identity",
          ...lengthOf(body)
        },
        maxHeaderSize: headerBytes,
        insecureHTTPParser: false,
        timeout: silenceSeconds * 1000
      })
    }
    const exchange = (question: HostRequest) =>
      Effect.acquireRelease(
        Effect.sync(() => begin(ask(question), question, bounds)),
        ({ request, sent }) =>
          Effect.zipRight(
            Effect.sync(() => request.destroy()),
            Effect.promise(() => sent)
          )
      ).pipe(
        Effect.flatMap(({ answered }) => Effect.promise(() => answered)),
        Effect.flatMap((answer) => ("status" in answer ? Effect.succeed(answer) : Effect.fail(answer)))
      )
    return { waits: bounds, exchange }
  })

const lengthOf = (body: HostRequest["body"]): { readonly "content-length"?: number } => {
  if (body === undefined) return {}
  return { "content-length": typeof body === "string" ? Buffer.byteLength(body) : body.bytes }
}

const begin = (request: ClientRequest, { body, url }: HostRequest, { answerSeconds }: Waits) => {
  giveBackRead(request)
  const answered = new Promise<HostResponse | Broken | Unavailable>((resolve) => {
    const broke = (cause?: unknown) =>
      resolve(
        cause instanceof Unavailable ? cause : new Broken({ what: `${url.host} did not respond`, cause })
      )
    request.on("response", (message: IncomingMessage) => {
      // Without a listener, an error before the body is read would end the process. The reader gets the error
      // later.
      message.on("error", () => undefined)
      resolve({ status: message.statusCode ?? 0, headers: message.headers, message })
    })
    request.on("timeout", () => request.destroy(new Error("the connection timed out")))
    request.on("error", broke)
    request.on("close", broke)
  })
  if (body === undefined || typeof body === "string") {
    request.end(body)
    return { request, answered, sent: Promise.resolve() }
  }
  // The server may now need longer to store the bytes than the idle timeout allows.
  const waitLonger = () => void (request.destroyed || request.setTimeout(answerSeconds * 1000))
  return {
    request,
    answered,
    sent: sendBytes(request, body).then(waitLonger, (cause) => void request.destroy(cause))
  }
}

/** `Broken` for a temporary status; undefined for any other. */
export const later = ({ status, headers }: HostResponse, what: string): Broken | undefined => {
  if (status < 500 && ![408, 425, 429].includes(status)) return undefined
  const afterSeconds = secondsAfter(headers["retry-after"])
  return new Broken({
    what: `${what} answered ${status}`,
    ...(afterSeconds !== undefined && { afterSeconds })
  })
}

/** Retry-After in seconds. Dates are ignored, since the two clocks may differ. */
const secondsAfter = (header: string | undefined): number | undefined =>
  /^\d{1,6}$/.test(header ?? "") ? Number(header) : undefined

/** Reads the whole body as text. Broken if it is cut off, encoded, or longer than `maxBytes`. */
export const textOf = ({ headers, message }: HostResponse, maxBytes: number): Effect.Effect<string, Broken> =>
  Effect.tryPromise({
    try: async () => {
      if ((headers["content-encoding"] ?? "identity") !== "identity")
        throw new Error("the response is compressed, although no compression was requested")
      const pieces: Array<Buffer> = []
      let bytes = 0
      for await (const piece of message as AsyncIterable<Buffer>) {
        bytes += piece.length
        if (bytes > maxBytes) throw new Error(`the response is longer than ${maxBytes} bytes`)
        pieces.push(piece)
      }
      if (!message.complete) throw new Error("the response was cut off")
      return Buffer.concat(pieces).toString("utf8")
    },
    catch: (cause) => new Broken({ what: "a response could not be read", cause })
  })
