import type { ClientRequest } from "node:http"
import type { Socket } from "node:net"
import { MessageChannel } from "node:worker_threads"

/** Node 20 has no other way to free memory: what is transferred to a port that is closed is gone. */
const { port1: nowhere } = new MessageChannel()
nowhere.close()

/**
 * Gives the memory of pieces back at once, which nobody may look at any more. Left to the garbage collector, the pieces of a
 * large body make it run every 20 MiB, which was measured to take more than half of a transfer's processor time.
 */
export const giveBack = (pieces: Iterable<Uint8Array>): void => {
  const whole = [...pieces].filter(isWhole)
  nowhere.postMessage(
    null,
    whole.map(({ buffer }) => buffer)
  )
}

/** Its memory is not shared with others, as that of small pieces is. */
const isWhole = (piece: Uint8Array): piece is Uint8Array<ArrayBuffer> =>
  piece.buffer instanceof ArrayBuffer && piece.buffer.byteLength === piece.byteLength

/**
 * Gives back what is read from the network for an answer to this request, as soon as Node's parser is done with it: the
 * pieces of a body are copies, so that all bytes would be left to the garbage collector a second time.
 */
export const giveBackRead = (request: ClientRequest): void => {
  const release = (read: Buffer) => giveBack([read])
  request.once("socket", (socket: Socket) => {
    // The parser's own listener is there already, and so comes first.
    socket.on("data", release)
    request.once("close", () => socket.off("data", release))
  })
}
