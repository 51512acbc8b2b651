import type { IncomingMessage, Server, ServerResponse } from "node:http"

/**
 * Closes connections whose request body has chunks of a few bytes. Node's parser calls back for each chunk,
 * and parses many reads of a connection in one turn of the event loop: with chunks of one byte that is up to
 * 300,000 calls. `answer` is a complete HTTP response, sent when none has begun.
 */
export const closeOnTinyChunks = (server: Server, answer: string): void => {
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers["transfer-encoding"] === undefined) return
    const { socket } = request
    const push = request.push.bind(request)
    let turn: { chunks: number; bytes: number } | undefined
    request.push = (chunk: Buffer | null, encoding) => {
      if (socket.writableEnded) return push(chunk, encoding)
      if (turn === undefined) {
        turn = { chunks: 0, bytes: 0 }
        setImmediate(() => {
          turn = undefined
        })
      }
      turn.chunks++
      turn.bytes += chunk?.length ?? 0
      if (turn.chunks > mostChunks && turn.bytes < turn.chunks * fewBytes) {
        if (!response.headersSent) socket.write(answer)
        socket.destroySoon()
      }
      return push(chunk, encoding)
    }
  })
}

/** Limit per turn of the event loop. */
const mostChunks = 2048
const fewBytes = 128
