import { constants } from "node:fs"
import { type FileHandle, open, unlink } from "node:fs/promises"
import { Chunk, Effect, Exit, Option, Stream } from "effect"
import { TooLarge, type Unavailable } from "../../core/errors.js"
import type { Bytes } from "../../core/ports/effect.js"
import type { ByteRange } from "../../core/ports/storage.js"
import { onDisk, unavailable } from "./disk.js"

const pieceBytes = 512 * 1024

export const close = (file: FileHandle): Effect.Effect<void> =>
  Effect.promise(() => file.close().catch(() => undefined))

/**
 * Makes a new file at `path`, open while `use` runs. Removes it if that fails or is interrupted. Never
 * replaces a file.
 */
export const withNewFile = <A, E>(
  path: string,
  use: (file: FileHandle) => Effect.Effect<A, E>
): Effect.Effect<A, E | Unavailable> =>
  Effect.acquireUseRelease(
    // Mode 0444: this handle can write, but later opens of the blob or its links can't.
    onDisk("create", () => open(path, "wx", 0o444)),
    use,
    (file, exit) =>
      Effect.zipRight(
        close(file),
        Exit.isSuccess(exit) ? Effect.void : Effect.promise(() => unlink(path).catch(() => undefined))
      )
  )

/**
 * Writes the body at offset `start`, and returns its length. Pulls the next chunks after the last ones are
 * written.
 */
export const fill = <E>(
  file: FileHandle,
  body: Bytes<E>,
  start = 0
): Effect.Effect<number, E | Unavailable> =>
  Effect.suspend(() => {
    let at = start
    const write = (pieces: Chunk.Chunk<Uint8Array>) =>
      // The file is closed only after the current write has ended.
      Effect.uninterruptible(
        onDisk("write", async () => {
          at = await writeAll(file, Chunk.toReadonlyArray(pieces), at)
        })
      )
    return Effect.map(Stream.runForEachChunk(body, write), () => at - start)
  })

/**
 * Writes all chunks, and returns the end offset. After a partial write, writing the rest gives the reason as
 * an error.
 */
const writeAll = async (file: FileHandle, pieces: ReadonlyArray<Uint8Array>, at: number): Promise<number> => {
  const { bytesWritten } = await file.writev(pieces, at)
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
  return bytesWritten === bytes
    ? at + bytes
    : writeAll(file, [Buffer.concat(pieces).subarray(bytesWritten)], at + bytesWritten)
}

/** The same body, which fails at the chunk that exceeds `maxBytes`. */
export const capped = <E>(body: Bytes<E>, maxBytes: number): Bytes<E | TooLarge> =>
  Stream.suspend(() => {
    let bytes = 0
    return Stream.mapChunksEffect(body, (pieces) => {
      for (const piece of pieces) bytes += piece.length
      return bytes > maxBytes
        ? Effect.fail(new TooLarge({ what: "The file", maxBytes }))
        : Effect.succeed(pieces)
    })
  })

/** The same bytes, copied into chunks of exactly `partBytes`; the last one may be shorter. */
export const inParts = <E>(body: Bytes<E>, partBytes: number): Bytes<E> =>
  Stream.suspend(() => {
    let part = Buffer.allocUnsafe(partBytes)
    let filled = 0
    const full = (piece: Uint8Array): ReadonlyArray<Uint8Array> => {
      const parts: Array<Uint8Array> = []
      for (let at = 0; at < piece.length; ) {
        const taken = Math.min(piece.length - at, partBytes - filled)
        part.set(piece.subarray(at, at + taken), filled)
        at += taken
        filled += taken
        if (filled < partBytes) continue
        parts.push(part)
        part = Buffer.allocUnsafe(partBytes)
        filled = 0
      }
      return parts
    }
    const last = Stream.suspend(() => (filled === 0 ? Stream.empty : Stream.make(part.subarray(0, filled))))
    return Stream.concat(Stream.mapConcat(body, full), last)
  })

/**
 * The bytes of a file, or a range of them, cut at the end of the file. Uses the spare buffers before it
 * allocates new ones.
 */
export const pieces = (file: FileHandle, range?: ByteRange, spare: Array<Uint8Array> = []): Bytes =>
  Stream.unwrap(
    Effect.map(
      onDisk("read", () => file.stat()),
      ({ size }) => {
        const end = Math.min(size, (range?.end ?? size) + 1)
        const pieceAt = async (at: number) => {
          const into = spare.pop() ?? Buffer.allocUnsafe(Math.min(pieceBytes, end - at))
          const { bytesRead } = await file.read(into, 0, Math.min(into.length, end - at), at)
          return bytesRead === 0
            ? Option.none()
            : Option.some([Chunk.of(into.subarray(0, bytesRead)), at + bytesRead] as const)
        }
        return Stream.unfoldChunkEffect(range?.start ?? 0, (at) =>
          at < end ? onDisk("read", () => pieceAt(at)) : Effect.succeedNone
        )
      }
    )
  )

/**
 * Opens a file to upload while `use` runs. A run may leave anything at `path`: links are not followed, and
 * opening a pipe does not wait for its other end.
 */
export const withRegularFile = <A, E>(
  path: string,
  use: (file: FileHandle, bytes: number) => Effect.Effect<A, E>
): Effect.Effect<A, E | Unavailable> =>
  Effect.acquireUseRelease(
    onDisk("upload", () => open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)),
    (file) =>
      Effect.flatMap(
        onDisk("upload", () => file.stat()),
        (stats): Effect.Effect<A, E | Unavailable> =>
          stats.isFile() ? use(file, stats.size) : unavailable("upload", "not a regular file")
      ),
    close
  )
