import type { FileHandle } from "node:fs/promises"
import type { ClientRequest, IncomingMessage } from "node:http"
import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"
import { giveBack } from "../process/release-buffer.js"
import { Broken } from "./errors.js"

/** A range of an open file, starting at `start`. */
export interface FilePart {
  readonly file: FileHandle
  readonly start: number
  readonly bytes: number
  /** Called with each chunk that is read, in order. */
  readonly read?: (piece: Buffer) => void
}

/** Bytes moved between disk and network at a time. With smaller chunks the overhead dominates. */
export const pieceBytes = 1024 * 1024

/** Longer than a fast network needs for a chunk. */
const momentMillis = 5

/** The most buffers per write, for servers that send small chunks. A system call takes at most 1024. */
const mostPieces = 512

/**
 * Sends a file range as the body of a request, and ends it. Returns at the latest when the request closes.
 * Rejects with Unavailable.
 */
export const sendBytes = async (request: ClientRequest, part: FilePart): Promise<void> => {
  const closed = new Promise<void>((resolve) => request.once("close", () => resolve()))
  const write = (piece: Buffer) =>
    Promise.race([closed, new Promise<void>((resolve) => request.write(piece, () => resolve()))])
  const buffers = buffersFor(part)
  let writing: Promise<void> = Promise.resolve()
  for await (const piece of piecesOf(part, buffers)) {
    await writing
    if (request.destroyed) break
    writing = write(piece)
  }
  await writing
  // The system may still use a buffer of a request that was destroyed.
  if (!request.destroyed) giveBack(buffers)
  request.end()
}

/** Two buffers, so that one is filled while the other is sent. */
export const buffersFor = ({ bytes }: Pick<FilePart, "bytes">): ReadonlyArray<Buffer> =>
  [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(pieceBytes, bytes)))

/** Reads chunks into the buffers in turn. A chunk is valid until its buffer is needed again. */
export async function* piecesOf(
  { file, start, bytes, read }: FilePart,
  buffers: ReadonlyArray<Buffer>
): AsyncGenerator<Buffer, void> {
  const end = start + bytes
  for (let at = start; at < end; at += pieceBytes) {
    const buffer = buffers[((at - start) / pieceBytes) % buffers.length] as Buffer
    const wanted = Math.min(pieceBytes, end - at)
    const { bytesRead } = await file.read(buffer, 0, wanted, at).catch((cause: unknown) => {
      throw new Unavailable({ what: "read an output", cause })
    })
    if (bytesRead < wanted)
      throw new Unavailable({ what: "read an output: it became shorter while it was sent" })
    const piece = buffer.subarray(0, wanted)
    read?.(piece)
    yield piece
  }
}

export interface Receiving {
  readonly file: FileHandle
  readonly start: number
  /** The exact length of the body. */
  readonly bytes: number
  /** Called with the offset up to which the file is written. */
  readonly reached: (at: number) => void
  /** Whether a reader waits for these bytes: then they are written soon instead of being collected. */
  readonly eager: () => boolean
}

/**
 * Writes a body into a file. Broken if the body has another length than announced, Unavailable if the disk
 * refuses it.
 */
export const receive = (
  message: IncomingMessage,
  receiving: Receiving
): Effect.Effect<void, Broken | Unavailable> =>
  Effect.async((resume) => {
    const done = write(message, receiving).then(
      () => Effect.void,
      (cause: unknown) =>
        Effect.fail(cause instanceof Unavailable ? cause : new Broken({ what: "a file was cut off", cause }))
    )
    void done.then(resume)
    // The file is closed only after the current write has ended.
    return Effect.zipRight(
      Effect.sync(() => message.destroy()),
      Effect.promise(() => done)
    )
  })

const write = async (
  message: IncomingMessage,
  { file, start, bytes, reached, eager }: Receiving
): Promise<void> => {
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
      if (at + heldBytes + piece.length > start + bytes)
        throw new Unavailable({ what: "an input is longer than announced" })
      held.push(piece)
      heldBytes += piece.length
      const isLate = performance.now() - flushed >= momentMillis
      if (heldBytes >= pieceBytes || held.length >= mostPieces || (isLate && eager())) await flush()
    }
  } finally {
    // Bytes that arrived before the connection broke are kept.
    if (heldBytes > 0) await flush()
  }
  if (at < start + bytes) throw new Error("the body is shorter than announced")
}
