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

/** Large enough that the cost per chunk does not show: 1 MiB. */
const chunkBytes = 1024 * 1024

export const upload = (caller: Caller, source: Upload, body: Partial<typeof FileBody.Encoded> = {}) =>
  putFile(caller, typeof source === "string" ? { file_name: basename(source), ...body } : body, bytesOf(source))

const bytesOf = (source: Upload): Stream.Stream<Uint8Array, InvalidRequest> => {
  if (source instanceof Uint8Array) return Stream.make(source)
  const chunks = typeof source === "string" ? createLazily(() => createReadStream(source, { highWaterMark: chunkBytes })) : source
  return Stream.fromAsyncIterable(
    chunks,
    (cause) => new InvalidRequest({ message: `the source can't be read: ${cause instanceof Error ? cause.message : cause}` })
  )
}

/** A file that is opened only when somebody reads: a refused upload leaves none open. */
const createLazily = (make: () => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => make()[Symbol.asyncIterator]()
})

/** Whole or not at all: the file appears under its name when it is complete. */
export const save = (caller: Caller, [dirId, fileName]: readonly [string, string], path: string) => {
  const part = `${path}.part`
  const file = Effect.acquireRelease(
    attempt(path, () => open(part, "w")),
    (handle, exit) => Effect.promise(() => handle.close().then(() => (Exit.isFailure(exit) ? rm(part, { force: true }) : undefined)))
  )
  const copy = Effect.flatMap(file, (handle) =>
    Stream.runForEach(readBytes(caller, dirId, fileName), (bytes) => attempt(path, () => handle.writeFile(bytes)))
  )
  return Effect.zipRight(
    Effect.scoped(copy),
    attempt(path, () => rename(part, path))
  )
}

const attempt = <A>(path: string, work: () => Promise<A>) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => new InvalidRequest({ message: `"${path}" can't be written: ${(cause as NodeJS.ErrnoException).code}` })
  })

export async function* read(
  instance: Instance,
  caller: Caller,
  [dirId, fileName]: readonly [string, string]
): AsyncGenerator<Uint8Array, void> {
  const bytes = await instance.run(Stream.toAsyncIterableEffect(readBytes(caller, dirId, fileName)))
  if (Exit.isFailure(bytes)) throw new Error("ffkiln is closed")
  yield* bytes.value
}
