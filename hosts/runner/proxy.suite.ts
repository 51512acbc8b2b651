import { once } from "node:events"
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse
} from "node:http"
import type { AddressInfo, Socket } from "node:net"
import type { Writable } from "node:stream"
import { buffer } from "node:stream/consumers"
import { Effect, type Scope } from "effect"

/** A proxy between a runner and its host that simulates network faults. */
export interface Proxy {
  readonly url: string
  /** Decides the fate of each request. Default: it passes. */
  handle: (path: string, method: string) => Fate
  /** All requests, in order. */
  readonly seen: ReadonlyArray<{ readonly method: string; readonly path: string }>
  /** Cuts all open connections. */
  readonly cut: () => void
}

export type Fate =
  | "pass"
  /** The connection breaks before the host receives the request. */
  | "drop request"
  /** The host handles the request, and its response is lost. */
  | "drop answer"
  /** No response comes, and the host receives nothing. */
  | "silence"
  /** Only half of the transferred body passes. */
  | "cut in the middle"
  /** Replaces a small body of a response. */
  | { readonly rewrite: (body: string) => string }
  | { readonly status: number }
  /** Bytes per second, in both directions. */
  | { readonly slow: number }

export const openProxy = (target: string): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const seen: Array<{ readonly method: string; readonly path: string }> = []
      const server = createServer((incoming, response) => {
        const { method = "", url: path = "" } = incoming
        seen.push({ method, path })
        void forward(new URL(target), incoming, response, proxy.handle(path, method)).catch(() =>
          response.destroy()
        )
      })
      server.on("connection", (socket) => {
        sockets.add(socket)
        socket.on("close", () => sockets.delete(socket))
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const cut = () => {
        for (const socket of sockets) socket.destroy()
      }
      const close = async () => {
        server.close()
        cut()
        await once(server, "close")
      }
      const proxy: Proxy = {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        handle: () => "pass",
        seen,
        cut
      }
      return { proxy, close }
    }),
    ({ close }) => Effect.promise(close)
  ).pipe(Effect.map(({ proxy }) => proxy))

const forward = async (
  target: URL,
  incoming: IncomingMessage,
  response: ServerResponse,
  fate: Fate
): Promise<void> => {
  if (fate === "silence") return void incoming.resume()
  if (fate === "drop request") return void response.destroy()
  if (typeof fate === "object" && "status" in fate) {
    incoming.resume()
    response.writeHead(fate.status, { "content-type": "application/json" })
    return void response.end('{"ok":false,"error":"made up by a test"}')
  }
  const { method, url: path, headers } = incoming
  const outgoing = request({ host: target.hostname, port: target.port, method, path, headers }, (answer) => {
    passBack(answer, response, fate).catch(() => response.destroy())
  })
  outgoing.on("error", () => response.destroy())
  response.on("close", () => outgoing.destroy())
  // Cuts the body of the request; for GET that of the response.
  if (
    await pumped(
      incoming,
      outgoing,
      method === "GET" ? Number.POSITIVE_INFINITY : halfOf(headers, fate),
      paceOf(fate)
    )
  )
    outgoing.end()
  else {
    outgoing.destroy()
    response.destroy()
  }
}

const passBack = async (answer: IncomingMessage, response: ServerResponse, fate: Fate): Promise<void> => {
  if (fate === "drop answer") {
    await buffer(answer)
    return void response.destroy()
  }
  const status = answer.statusCode ?? 500
  if (typeof fate === "object" && "rewrite" in fate) {
    const body = Buffer.from(fate.rewrite((await buffer(answer)).toString()))
    response.writeHead(status, { ...answer.headers, "content-length": body.length })
    return void response.end(body)
  }
  response.writeHead(status, answer.headers)
  if (await pumped(answer, response, halfOf(answer.headers, fate), paceOf(fate))) response.end()
  else response.destroy()
}

const halfOf = (headers: IncomingHttpHeaders, fate: Fate): number =>
  fate === "cut in the middle" ? Number(headers["content-length"]) / 2 : Number.POSITIVE_INFINITY

const paceOf = (fate: Fate): number =>
  typeof fate === "object" && "slow" in fate ? fate.slow : Number.POSITIVE_INFINITY

/** Passes chunks on until `most` bytes went through. Returns whether all did. */
const pumped = async (
  from: AsyncIterable<Buffer>,
  to: Writable,
  most: number,
  pace: number
): Promise<boolean> => {
  let passed = 0
  for await (const piece of from) {
    const part = piece.subarray(0, Math.ceil(most - passed))
    passed += part.length
    if (!to.write(part)) {
      const heard = new AbortController()
      await Promise.race(["drain", "close"].map((event) => once(to, event, { signal: heard.signal }))).catch(
        () => {}
      )
      heard.abort()
    }
    if (passed >= most) return false
    if (Number.isFinite(pace))
      await new Promise((resolve) => setTimeout(resolve, (part.length / pace) * 1000))
  }
  return true
}
