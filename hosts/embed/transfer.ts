import { createReadStream } from "node:fs"
import { open, rename, rm } from "node:fs/promises"
import { basename } from "node:path"
import { Effect, Exit, Stream } from "effect"
import type { FileBody } from "../../core/contract/bodies.js"
import { type Caller, putFile, readBytes } from "../../core/contract/endpoints.js"
import { InvalidRequest } from "../../core/errors.js"
import type { Instance } from "./runtime.js"

/** The path of a local file, bytes, or a stream of bytes. */
export type Upload = string | Uint8Array | AsyncIterable<Uint8Array>

/** Chunk size, large enough that the overhead per chunk is negligible: 1 MiB. */
const chunkBytes = 1024 * 1024

/** Stores the source as a file. */
export const upload = (caller: Caller, source: Upload, body: Partial<typeof FileBody.Encoded> = {}) =>
  putFile(
    caller,
    typeof source === "string" ? { file_name: basename(source), ...body } : body,
    bytesOf(source)
  )

const bytesOf = (source: Upload): Stream.Stream<Uint8Array, InvalidRequest> => {
  if (source instanceof Uint8Array) return Stream.make(source)
  const chunks =
    typeof source === "string"
      ? createLazily(() => createReadStream(source, { highWaterMark: chunkBytes }))
      : source
  return Stream.fromAsyncIterable(
    chunks,
    (cause) =>
      new InvalidRequest({
        message: `the source can't be read: ${cause instanceof Error ? cause.message : cause}`
      })
  )
}

/** Opens the file when it is read: a refused upload opens none. */
const createLazily = (make: () => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => make()[Symbol.asyncIterator]()
})

/** Copies a stored file to a local path. The file gets its name only when it is complete. */
export const save = (caller: Caller, [dirId, fileName]: readonly [string, string], path: string) => {
  const part = `${path}.part`
  const file = Effect.acquireRelease(
    onOwnDisk(path, () => open(part, "w")),
    (handle, exit) =>
      Effect.promise(() =>
        handle.close().then(() => (Exit.isFailure(exit) ? rm(part, { force: true }) : undefined))
      )
  )
  const copy = Effect.flatMap(file, (handle) =>
    Stream.runForEach(readBytes(caller, dirId, fileName), (bytes) =>
      onOwnDisk(path, () => handle.writeFile(bytes))
    )
  )
  return Effect.zipRight(
    Effect.scoped(copy),
    onOwnDisk(path, () => rename(part, path))
  )
}

const onOwnDisk = <A>(path: string, work: () => Promise<A>) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) =>
      new InvalidRequest({ message: `"${path}" can't be written: ${(cause as NodeJS.ErrnoException).code}` })
  })

/** The bytes of a stored file. */
export async function* read(
  instance: Instance,
  caller: Caller,
  [dirId, fileName]: readonly [string, string]
): AsyncGenerator<Uint8Array, void> {
  const bytes = await instance.run(Stream.toAsyncIterableEffect(readBytes(caller, dirId, fileName)))
  if (Exit.isFailure(bytes)) throw new Error("ffkiln is closed")
  yield* bytes.value
}
