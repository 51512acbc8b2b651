import { createHash, randomBytes, randomUUID } from "node:crypto"
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand
} from "@aws-sdk/client-s3"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Chunk, Context, Data, Deferred, Effect, Fiber, Layer, Option, Redacted, Stream } from "effect"
import { TooLarge } from "../../core/errors.js"
import { BlobKey } from "../../core/ids.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import { Storage } from "../../core/ports/storage.js"
import { until } from "../../core/ports/suites/samples.suite.js"
import { inParts } from "../blob/index.js"
import { loadSdk, openBucket } from "./bucket.js"
import { s3 } from "./index.js"
import { abortUploads } from "./leftovers.js"
import { aBucket, clientOf, optionsFor, s3Server } from "./server.suite.js"

const MiB = 1024 * 1024
const server = await s3Server()
const bucket = await aBucket(server)
const options = { ...optionsFor(server, bucket), secret: Redacted.make("0123456789abcdef") }
const client = clientOf(server)
afterAll(() => client.destroy())

class Broken extends Data.TaggedError("Broken") {}

const aKey = () => BlobKey(`dir_${randomUUID()}/slot_1/a.bin`)
const start = Effect.map(Layer.build(s3(options)), Context.get(Storage))
const content = randomBytes(20 * MiB + 3)
const chunks = (bytes: Uint8Array, size: number) =>
  Stream.map(Stream.range(0, Math.ceil(bytes.length / size) - 1, 1), (index) =>
    bytes.subarray(index * size, (index + 1) * size)
  )
const collect = <E>(bytes: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runCollect(bytes), (parts) => Buffer.concat(Chunk.toReadonlyArray(parts)))
const unfinished = (Bucket: string) =>
  Effect.promise(async () =>
    ((await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).map(({ Key }) => Key)
  )
const tagOf = (key: BlobKey) =>
  Effect.promise(
    async () => (await client.send(new HeadObjectCommand({ Bucket: bucket, Key: `blobs/${key}` }))).ETag
  )

describe("parts", () => {
  it.effect.each<[ReadonlyArray<number>, ReadonlyArray<number>]>([
    [[], []],
    [[0], []],
    [[3], [3]],
    [[4], [4]],
    [[5], [4, 1]],
    [
      [1, 1, 1, 1, 1],
      [4, 1]
    ],
    [
      [4, 4],
      [4, 4]
    ],
    [
      [3, 6, 0, 2],
      [4, 4, 3]
    ],
    [[13], [4, 4, 4, 1]]
  ])("%j bytes become %j", ([sizes, expected]) =>
    Effect.gen(function* () {
      let next = 0
      const pieces = sizes.map((size) => Uint8Array.from({ length: size }, () => next++))
      const parts = Chunk.toReadonlyArray(yield* Stream.runCollect(inParts(Stream.fromIterable(pieces), 4)))
      expect(parts.map(({ length }) => length)).toEqual(expected)
      expect(Buffer.concat(parts)).toEqual(Buffer.concat(pieces))
    })
  )
})

describe("large blobs", () => {
  it.scopedLive("go up in parts of 8 MiB, small ones in one request", () =>
    Effect.gen(function* () {
      const storage = yield* start
      for (const [bytes, parts] of [
        [content, 3],
        [content.subarray(0, 16 * MiB), 2],
        [content.subarray(0, 8 * MiB + 1), 2]
      ] as const) {
        const key = aKey()
        expect(yield* storage.write(key, chunks(bytes, 300_000), bytes.length)).toMatchObject({
          key,
          bytes: bytes.length
        })
        expect((yield* collect(storage.read(key))).equals(bytes)).toBe(true)
        expect(yield* tagOf(key)).toMatch(new RegExp(`-${parts}"$`))
      }
      const key = aKey()
      yield* storage.write(key, chunks(content.subarray(0, 8 * MiB), 300_000), 8 * MiB)
      expect(yield* tagOf(key)).toBe(
        `"${createHash("md5")
          .update(content.subarray(0, 8 * MiB))
          .digest("hex")}"`
      )
    })
  )

  it.scopedLive("go up from the disk, and come down to it", () =>
    Effect.gen(function* () {
      const storage = yield* start
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "s3-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      )
      const key = aKey()
      yield* Effect.promise(() => writeFile(join(folder, "out"), content))
      expect(yield* storage.upload(join(folder, "out"), key)).toMatchObject({ bytes: content.length })
      expect(yield* tagOf(key)).toMatch(/-3"$/)
      yield* Effect.promise(() => truncate(join(folder, "out")))
      yield* storage.download(key, join(folder, "in"))
      yield* storage.upload(join(folder, "in"), aKey())
      expect((yield* collect(storage.read(key))).equals(content)).toBe(true)
    })
  )

  it.scopedLive("that come to no good end leave no unfinished upload", () =>
    Effect.gen(function* () {
      const storage = yield* start
      const [tooLarge, broken, interrupted] = [aKey(), aKey(), aKey()]
      const error = yield* Effect.flip(storage.write(tooLarge, chunks(content, MiB), content.length - 1))
      expect(error).toBeInstanceOf(TooLarge)

      const failing = Stream.concat(chunks(content, MiB), Stream.fail(new Broken()))
      expect(yield* Effect.flip(storage.write(broken, failing, 100 * MiB))).toBeInstanceOf(Broken)

      const waiting = yield* Deferred.make<void>()
      const stuck = Stream.fromEffect(Effect.zipRight(Deferred.succeed(waiting, undefined), Effect.never))
      const writer = yield* Effect.fork(
        storage.write(interrupted, Stream.concat(chunks(content, MiB), stuck), 100 * MiB)
      )
      yield* Deferred.await(waiting)
      yield* until(Effect.map(unfinished(bucket), (keys) => keys.length === 1))
      yield* Fiber.interrupt(writer)

      expect(yield* unfinished(bucket)).toEqual([])
      for (const key of [tooLarge, broken, interrupted])
        expect(yield* storage.stat(key)).toEqual(Option.none())
    })
  )

  it.scopedLive(
    "take memory for a few parts, not for themselves",
    () =>
      Effect.gen(function* () {
        const storage = yield* start
        const piece = randomBytes(MiB)
        const key = aKey()
        let highest = 0
        const measured = <E>(body: Stream.Stream<Uint8Array, E>) =>
          Stream.map(body, (bytes) => {
            highest = Math.max(highest, process.memoryUsage.rss())
            return bytes
          })
        // Memory that the first uploads leave is the base line.
        yield* storage.write(key, chunks(content, MiB), content.length)
        const before = process.memoryUsage.rss()
        yield* storage.write(key, measured(Stream.take(Stream.repeatValue(piece), 512)), 512 * MiB)
        yield* Stream.runDrain(measured(storage.read(key)))
        expect(highest - before).toBeLessThan(192 * MiB)
        yield* storage.remove(key)
      }),
    // A GiB through a busy machine.
    300_000
  )
})

describe("abandoned uploads", () => {
  const begin = (Bucket: string, Key: string) =>
    Effect.promise(() => client.send(new CreateMultipartUploadCommand({ Bucket, Key })))

  it.scopedLive("are aborted once they are old, and only below the prefix", () =>
    Effect.gen(function* () {
      const name = yield* Effect.promise(() => aBucket(server))
      const place = yield* openBucket(yield* loadSdk, { ...options, bucket: name, prefix: "ours" })
      for (const key of ["ours/blobs/a/b/c", "ours/blobs/a/b/d", "other/blobs/a/b/c"]) yield* begin(name, key)
      expect(yield* abortUploads(place, new Date(Date.now() - 60_000))).toBe(0)
      expect(yield* unfinished(name)).toHaveLength(3)
      expect(yield* abortUploads(place, new Date(Date.now() + 60_000))).toBe(2)
      expect(yield* unfinished(name)).toEqual(["other/blobs/a/b/c"])
    })
  )

  it.scopedLive("are looked for when a storage starts", () =>
    Effect.gen(function* () {
      const name = yield* Effect.promise(() => aBucket(server))
      yield* begin(name, "blobs/a/b/c")
      // Clocks may differ by less than this.
      const limits = Layer.succeed(Limits, { ...defaultLimits, orphanSeconds: -60 })
      yield* Layer.build(Layer.provide(s3({ ...options, bucket: name }), limits))
      yield* until(Effect.map(unfinished(name), (keys) => keys.length === 0))
    })
  )
})
