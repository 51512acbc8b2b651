import type { IncomingMessage, Server } from "node:http"
import type { Socket } from "node:net"

/**
 * Limits the number of connections so that silent clients can't lock others out. A new connection beyond the
 * limit replaces the one that has waited longest for its client. The new one is closed only when the server
 * owes all others a response.
 */
export const boundConnections = (server: Server, most: number, stalledSeconds: number): void => {
  // Between requests or with incomplete headers, longest first.
  const idle = new Set<Socket>()
  const busy = new Map<Socket, Busy>()
  let lookedAt = Number.NEGATIVE_INFINITY

  const makeRoom = (added: Socket) => {
    const [first = added] = idle
    if (first !== added) return void first.destroy()
    const now = performance.now()
    // Checks all connections, so not for every new one of a flood.
    if (now - lookedAt < lookMilliseconds) return void added.destroy()
    lookedAt = now
    const stalled = [...busy].flatMap(([socket, use]) =>
      isStalled(socket, use, now - stalledSeconds * 1000, now) ? [socket] : []
    )
    for (const socket of stalled.length > 0 ? stalled : [added]) socket.destroy()
  }

  server.on("connection", (socket: Socket) => {
    idle.add(socket)
    socket.once("close", () => {
      idle.delete(socket)
      busy.delete(socket)
    })
    if (idle.size + busy.size > most) makeRoom(socket)
  })
  server.on("request", (request, response) => {
    const { socket } = request
    idle.delete(socket)
    const use = busy.get(socket) ?? {
      requests: 0,
      request,
      transferred: transferred(socket),
      since: performance.now()
    }
    busy.set(socket, { ...use, request, requests: use.requests + 1 })
    response.once("close", () => {
      const now = busy.get(socket)
      if (now === undefined) return
      if (now.requests > 1) return void busy.set(socket, { ...now, requests: now.requests - 1 })
      busy.delete(socket)
      if (!socket.destroyed) idle.add(socket)
    })
  })
}

/** Minimum time between two checks of all connections. */
const lookMilliseconds = 500

interface Busy {
  /** Requests without a response yet. */
  readonly requests: number
  /** The newest of these requests. */
  readonly request: IncomingMessage
  transferred: number
  /** When `transferred` last changed. */
  since: number
}

/** Bytes received from the client, and bytes that the kernel accepted for it. */
const transferred = (socket: Socket) => socket.bytesRead + socket.bytesWritten - socket.writableLength

/** Whether nothing was transferred since `before`, though it is the client's turn to send or to read. */
const isStalled = (socket: Socket, use: Busy, before: number, now: number): boolean => {
  const bytes = transferred(socket)
  if (bytes !== use.transferred) {
    use.transferred = bytes
    use.since = now
  }
  const { complete, readableLength } = use.request
  return use.since <= before && (socket.writableLength > 0 || (!complete && readableLength === 0))
}
