import type { FileHandle } from "node:fs/promises"
import type { ClientRequest, IncomingMessage } from "node:http"
import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"
import { giveBack } from "../process/release-buffer.js"
import { Broken } from "./errors.js"

/** Bytes of an open file, from `start` on. */
export interface FilePart {
  readonly file: FileHandle
  readonly start: number
  readonly bytes: number
  /** Sees what is read, in order. */
  readonly read?: (piece: Buffer) => void
}

/** Bytes moved between disk and network at a time: below, the steps around them cost more than they do. */
export const pieceBytes = 1024 * 1024

/** More than a fast network needs for a piece. */
const momentMillis = 5

/** Small ones come from servers that send so; a system call takes no more than 1024. */
const mostPieces = 512

/** Sends them as the body of a request, and ends it; over when the request is closed, at the latest. Rejects with Unavailable. */
export const sendBytes = async (request: ClientRequest, part: FilePart): Promise<void> => {
  const closed = new Promise<void>((resolve) => request.once("close", () => resolve()))
  const write = (piece: Buffer) => Promise.race([closed, new Promise<void>((resolve) => request.write(piece, () => resolve()))])
  const buffers = buffersFor(part)
  let writing: Promise<void> = Promise.resolve()
  for await (const piece of piecesOf(part, buffers)) {
    await writing
    if (request.destroyed) break
    writing = write(piece)
  }
  await writing
  // Of a request that was closed the system may still hold one.
  if (!request.destroyed) giveBack(buffers)
  request.end()
}

/** Two, so that one is read while the other goes out. */
export const buffersFor = ({ bytes }: Pick<FilePart, "bytes">): ReadonlyArray<Buffer> =>
  [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(pieceBytes, bytes)))

/** Each lies in one of the buffers, in turn, and is good until that is needed again. */
export async function* piecesOf({ file, start, bytes, read }: FilePart, buffers: ReadonlyArray<Buffer>): AsyncGenerator<Buffer, void> {
  const end = start + bytes
  for (let at = start; at < end; at += pieceBytes) {
    const buffer = buffers[((at - start) / pieceBytes) % buffers.length] as Buffer
    const wanted = Math.min(pieceBytes, end - at)
    const { bytesRead } = await file.read(buffer, 0, wanted, at).catch((cause: unknown) => {
      throw new Unavailable({ what: "read an output", cause })
    })
    if (bytesRead < wanted) throw new Unavailable({ what: "read an output: it became shorter while it was sent" })
    const piece = buffer.subarray(0, wanted)
    read?.(piece)
    yield piece
  }
}

export interface Receiving {
  readonly file: FileHandle
  readonly start: number
  /** Neither more nor fewer may come. */
  readonly bytes: number
  /** Hears how far the file is filled. */
  readonly reached: (at: number) => void
  /** Whether somebody waits for these very bytes: then they are not gathered for longer than a moment. */
  readonly eager: () => boolean
}

/** Writes a body into a file. Broken where the body is not as long as announced, unavailable where the disk refuses it. */
export const receive = (message: IncomingMessage, receiving: Receiving): Effect.Effect<void, Broken | Unavailable> =>
  Effect.async((resume) => {
    const done = write(message, receiving).then(
      () => Effect.void,
      (cause: unknown) => Effect.fail(cause instanceof Unavailable ? cause : new Broken({ what: "a file was cut off", cause }))
    )
    void done.then(resume)
    // A piece that is begun is finished before the file is closed.
    return Effect.zipRight(
      Effect.sync(() => message.destroy()),
      Effect.promise(() => done)
    )
  })

const write = async (message: IncomingMessage, { file, start, bytes, reached, eager }: Receiving): Promise<void> => {
  let at = start
  let held: Array<Buffer> = []
  let heldBytes = 0
  let flushed = performance.now()
  const flush = async () => {
    const pieces = held
    const length = heldBytes
    held = []
    heldBytes = 0
    const { bytesWritten } = await file.writev(pieces, at).catch((cause: unknown) => {
      throw new Unavailable({ what: "write an input", cause })
    })
    if (bytesWritten < length) throw new Unavailable({ what: "write an input: the disk took only a part" })
    giveBack(pieces)
    flushed = performance.now()
    at += length
    reached(at)
  }
  try {
    for await (const piece of message as AsyncIterable<Buffer>) {
      if (at + heldBytes + piece.length > start + bytes) throw new Unavailable({ what: "more of an input came than was announced" })
      held.push(piece)
      heldBytes += piece.length
      const isLate = performance.now() - flushed >= momentMillis
      if (heldBytes >= pieceBytes || held.length >= mostPieces || (isLate && eager())) await flush()
    }
  } finally {
    // What came before it broke off need not come again.
    if (heldBytes > 0) await flush()
  }
  if (at < start + bytes) throw new Error("fewer came than were announced")
}
