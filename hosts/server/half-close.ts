import type { Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/**
 * Answers clients that close their sending side after the request, which RFC 9112, 9.6, allows. A client that
 * disconnected looks the same until something is sent to it, so the server sends `102 Processing` while the
 * response is pending: a disconnected client answers with a reset, and the next write closes its connection.
 * HTTP/1.0 has no such status; there the request is processed to its end.
 */
export const answerHalfClosed = (server: Server): void => {
  // Missing in Node's types. Without it Node closes the connection when the client has closed its side.
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

/**
 * Delay before each of the first two probes: the second one detects a disconnect, and most responses need no
 * probe.
 */
const soonMilliseconds = 250
const seldomMilliseconds = 2000
