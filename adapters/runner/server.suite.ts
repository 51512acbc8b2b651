import { createHash } from "node:crypto"
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { buffer } from "node:stream/consumers"
import { Effect, type Scope } from "effect"
import { protocolVersion, versionHeader } from "../../core/contract/runner-protocol.js"
import { BlobKey } from "../../core/ids.js"
import type { Web } from "./http-client.js"
import type { InputSource } from "./inputs/range-download.js"
import type { Waits } from "./timeouts.js"

/** Short retry delays, with the default timeouts. */
export const shortWaits: Partial<Waits> = { pauseSeconds: 0.001, mostPauseSeconds: 0.01 }

export interface LocalServer {
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  readonly url: string
  /** The received requests, in order. */
  readonly requests: ReadonlyArray<IncomingMessage>
  readonly connections: () => number
}

/** An HTTP server on loopback. Closing the scope closes it and all its connections. */
export const localServer = (handler: RequestListener): Effect.Effect<LocalServer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const requests: Array<IncomingMessage> = []
      const sockets = new Set<Socket>()
      const server = createServer((request, response) => {
        requests.push(request)
        handler(request, response)
      })
      // The server never closes idle connections; only clients do.
      server.keepAliveTimeout = 0
      server.on("connection", (socket: Socket) => {
        sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)))
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const { port } = server.address() as AddressInfo
      const close = () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
          for (const socket of sockets) socket.destroy()
        })
      return { url: `http://127.0.0.1:${port}`, requests, connections: () => sockets.size, close }
    }),
    ({ close }) => Effect.promise(close)
  )

/** Answers a request and returns true, or returns false to leave it to the normal handler. */
export type Trick = (request: IncomingMessage, response: ServerResponse, count: number) => boolean

/**
 * Serves one content at any path like a correct storage server, except for requests that the trick answers.
 */
export const fileServer = (content: Buffer, trick: Trick = () => false) => {
  let count = 0
  return localServer((request, response) => {
    if (!trick(request, response, count++)) serveFile(content)(request, response)
  })
}

export const etagOf = (content: Buffer): string => `"${createHash("sha256").update(content).digest("hex")}"`

/** Answers GET with one range, If-Range and If-None-Match. */
export const serveFile =
  (content: Buffer): RequestListener =>
  ({ headers }, response) => {
    const etag = etagOf(content)
    if (headers["if-none-match"] === etag) return void response.writeHead(304, { etag }).end()
    const range = rangeOf(headers)
    if (range === undefined || (headers["if-range"] ?? etag) !== etag) {
      return void response.writeHead(200, { etag, "content-length": content.length }).end(content)
    }
    const piece = content.subarray(range.start, range.end)
    const about = {
      "content-length": piece.length,
      "content-range": `bytes ${range.start}-${range.end - 1}/${content.length}`
    }
    response.writeHead(206, { etag, ...about }).end(piece)
  }

/** The range of a request; `end` is exclusive. */
export const rangeOf = ({
  range
}: IncomingMessage["headers"]): { readonly start: number; readonly end: number } | undefined => {
  const [match, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? []
  return match === undefined ? undefined : { start: Number(start), end: Number(end) + 1 }
}

export const sourceOf = (
  web: Web,
  { url }: LocalServer,
  content: Buffer,
  key = "dir/slot/in.mp4"
): InputSource => ({
  web,
  request: { url: new URL(`${url}/in.mp4`), headers: {} },
  key: BlobKey(key),
  bytes: content.length
})

/** Answers in the form that a host uses for all responses. */
export const say = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {}
): void =>
  void response
    .writeHead(status, {
      "content-type": "application/json",
      [versionHeader]: String(protocolVersion),
      ...headers
    })
    .end(JSON.stringify(body))

export const bodyOf = async (request: IncomingMessage): Promise<unknown> =>
  JSON.parse((await buffer(request)).toString())
