import { type FileHandle, open, unlink } from "node:fs/promises"
import { Chunk, Effect, Exit, Option, Stream } from "effect"
import { TooLarge, type Unavailable } from "../../core/errors.js"
import type { Bytes } from "../../core/ports/effect.js"
import type { ByteRange } from "../../core/ports/storage.js"
import { onDisk } from "./disk.js"

const pieceBytes = 256 * 1024

export const close = (file: FileHandle): Effect.Effect<void> => Effect.promise(() => file.close().catch(() => undefined))

/** A new file at `path`, open while `use` runs; gone again when that fails or is interrupted. Replaces nothing. */
export const withNewFile = <A, E>(path: string, use: (file: FileHandle) => Effect.Effect<A, E>): Effect.Effect<A, E | Unavailable> =>
  Effect.acquireUseRelease(
    // The mode is for those who come later: this handle may write, who opens the blob or a link to it may not.
    onDisk("create", () => open(path, "wx", 0o444)),
    use,
    (file, exit) =>
      Effect.zipRight(close(file), Exit.isSuccess(exit) ? Effect.void : Effect.promise(() => unlink(path).catch(() => undefined)))
  )

/** Appends the body; the next piece is asked for when the system has the last. */
export const fill = <E>(file: FileHandle, body: Bytes<E>): Effect.Effect<void, E | Unavailable> =>
  Stream.runForEachChunk(body, (pieces) =>
    // A piece that is begun is finished before the file is closed.
    Effect.uninterruptible(
      onDisk("write", async () => {
        for (const piece of pieces) await file.writeFile(piece)
      })
    )
  )

/** The body, failing at the piece that leads past the cap. */
export const capped = <E>(body: Bytes<E>, maxBytes: number): Bytes<E | TooLarge> =>
  Stream.suspend(() => {
    let bytes = 0
    return Stream.mapChunksEffect(body, (pieces) => {
      for (const piece of pieces) bytes += piece.length
      return bytes > maxBytes ? Effect.fail(new TooLarge({ what: "The file", maxBytes })) : Effect.succeed(pieces)
    })
  })

/** The bytes of a file, or the range of them cut to what is there. */
export const pieces = (file: FileHandle, range?: ByteRange): Bytes =>
  Stream.unwrap(
    Effect.map(
      onDisk("read", () => file.stat()),
      ({ size }) => {
        const end = Math.min(size, (range?.end ?? size) + 1)
        return Stream.unfoldChunkEffect(range?.start ?? 0, (at) =>
          at < end
            ? Effect.map(
                pieceAt(file, at, end),
                Option.map((piece) => [Chunk.of(piece), at + piece.length] as const)
              )
            : Effect.succeedNone
        )
      }
    )
  )

const pieceAt = (file: FileHandle, at: number, end: number) =>
  onDisk("read", async () => {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(pieceBytes, end - at)), 0, null, at)
    return bytesRead === 0 ? Option.none() : Option.some(buffer.subarray(0, bytesRead))
  })
