import type { Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/**
 * Answers clients that close their sending side after the request (RFC 9112 9.6 leaves that open). A client that left looks the
 * same until something is sent to it, so such a client gets `102 Processing` while it waits: one that left answers with a
 * reset, and the write after that closes its connection. HTTP/1.0 knows no such answer; there the request is worked off.
 */
export const answerHalfClosed = (server: Server): void => {
  // Not in Node's types. Without it Node ends the connection when the client has closed its side.
  Object.assign(server, { httpAllowHalfOpen: true })
  const waiting = new WeakMap<Socket, Set<ServerResponse>>()
  server.on("connection", (socket: Socket) => {
    waiting.set(socket, new Set())
    socket.once("end", () => {
      let probes = 0
      const probe = () => {
        const [response] = waiting.get(socket) ?? []
        if (response?.req.httpVersionMinor === 1 && !response.headersSent) response.writeProcessing()
        probes++
        timer = setTimeout(probe, probes < 2 ? soonMilliseconds : seldomMilliseconds)
      }
      let timer = setTimeout(probe, soonMilliseconds)
      socket.once("close", () => clearTimeout(timer))
    })
  })
  server.on("request", ({ socket }, response) => {
    waiting.get(socket)?.add(response)
    response.once("close", () => waiting.get(socket)?.delete(response))
  })
}

/** Before the first two probes: the second one finds out a client that left, and most answers need none. */
const soonMilliseconds = 250
const seldomMilliseconds = 2000
