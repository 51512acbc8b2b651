import { once } from "node:events"
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"

/** What happens to one request on its way to the server. */
export type Fault =
  | "none"
  /** The request never reaches the server. */
  | "500"
  /** The response of most servers to completing an upload a second time. */
  | "no such upload"
  | "reset"
  | "silence"
  /** The server gets the request, but its response never arrives. */
  | "lost answer"
  /** So many bytes of the response body arrive; then the connection breaks, or stalls. */
  | { readonly breaksAfter: number }
  | { readonly stallsAfter: number }

export interface Asked {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly range: string | undefined
}

/** A proxy to the server at `endpoint`; `fault` decides for each request what goes wrong. */
export const faulty = (endpoint: string, fault: (asked: Asked) => Fault | Promise<Fault>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const asked: Array<Asked> = []
      const waiting = new Set<ServerResponse>()
      const proxy = createServer((incoming, outgoing) => {
        waiting.add(outgoing.once("close", () => waiting.delete(outgoing)))
        // A client may disconnect; that is expected.
        outgoing.on("error", () => undefined)
        const one = { method: incoming.method ?? "", url: incoming.url ?? "", range: incoming.headers.range }
        asked.push(one)
        void Promise.resolve(fault(one)).then((what) => play(endpoint, what, incoming, outgoing))
      }).listen(0, "127.0.0.1")
      await once(proxy, "listening")
      return { proxy, asked, waiting, endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }
    }),
    ({ proxy }) =>
      Effect.promise(async () => {
        proxy.closeAllConnections()
        proxy.close()
        await once(proxy, "close")
      })
  )

const play = (endpoint: string, fault: Fault, incoming: IncomingMessage, outgoing: ServerResponse): void => {
  if (fault === "silence") return void incoming.resume()
  if (fault === "reset") return void incoming.socket.destroy()
  if (fault === "500" || fault === "no such upload") {
    const [status, code] = fault === "500" ? [500, "InternalError"] : [404, "NoSuchUpload"]
    incoming.resume()
    return void outgoing
      .writeHead(status, { "content-type": "application/xml" })
      .end(`<Error><Code>${code}</Code></Error>`)
  }
  const { hostname, port } = new URL(endpoint)
  const onward = request({
    hostname,
    port,
    method: incoming.method,
    path: incoming.url,
    headers: incoming.headers,
    agent: false
  })
  onward.on("error", () => outgoing.destroy())
  outgoing.once("close", () => onward.destroy())
  onward.once("response", (answer) => {
    answer.on("error", () => outgoing.destroy())
    if (fault === "lost answer") return void answer.resume().once("end", () => outgoing.destroy())
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    if (fault === "none") return void answer.pipe(outgoing)
    const most = "breaksAfter" in fault ? fault.breaksAfter : fault.stallsAfter
    outgoing.flushHeaders()
    let sent = 0
    answer.on("data", (bytes: Buffer) => {
      const piece = bytes.subarray(0, most - sent)
      sent += piece.length
      outgoing.write(piece)
      if (sent < most) return
      answer.destroy()
      if ("breaksAfter" in fault) outgoing.write("", () => outgoing.destroy())
    })
  })
  incoming.pipe(onward)
}
