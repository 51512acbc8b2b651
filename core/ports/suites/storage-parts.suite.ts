import { randomUUID } from "node:crypto"
import { Chunk, Data, Deferred, Effect, Fiber, type Layer, Option, type Scope, Stream } from "effect"
import { BlobMissing, TooLarge } from "../../errors.js"
import { type BlobKey, blobKey, DirId, FileName } from "../../ids.js"
import { partCount, partSpan } from "../parts.js"
import { type Blob, type Parted, Storage, type StorageShape } from "../storage.js"
import { describe, expect, it } from "./effect-tests.suite.js"

const MiB = 1024 * 1024
/** S3 servers refuse parts below 5 MiB, except the last. */
const partBytes = 5 * MiB
const parted: Parted = { bytes: 2 * partBytes + 1000, partBytes }
const content = Buffer.from(
  Uint8Array.from({ length: parted.bytes }, (_, index) => (index * 31 + (index >> 8) + (index >> 16)) & 255)
)

class Broken extends Data.TaggedError("Broken") {}

const partOf = (number: number, cut: Parted = parted): Buffer => {
  const { start, length } = partSpan(cut, number)
  return content.subarray(start, start + length)
}
/** A body whose buffer is overwritten when the next chunk is pulled. */
const pieces = (bytes: Uint8Array) =>
  Stream.suspend(() => {
    let last = Buffer.alloc(0)
    return Stream.mapEffect(Stream.make(bytes.subarray(0, 1000), bytes.subarray(1000)), (piece) =>
      Effect.sync(() => {
        last.fill(0)
        last = Buffer.from(piece)
        return last
      })
    )
  })

/** A multipart upload of a new blob. */
const opened = (cut: Parted = parted) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const dir = DirId(`dir_${randomUUID()}`)
    const key = blobKey(dir, "slot_1", FileName("a.bin"))
    const upload = yield* storage.openParts(key, cut.partBytes)
    const send = (number: number, bytes: Uint8Array = partOf(number, cut)) =>
      storage.writePart(key, { upload, number, ...cut }, pieces(bytes))
    const join = storage.joinParts(key, upload, cut)
    const seen = Effect.zip(storage.stat(key), listed(storage, dir))
    return { storage, dir, key, upload, send, join, seen }
  })

const listed = (storage: StorageShape, dir: DirId) =>
  Effect.map(Stream.runCollect(storage.list(`${dir}/`)), (blobs) => Array.from(blobs, ({ key }) => key))

const get = (storage: StorageShape, key: BlobKey) =>
  Effect.map(Stream.runCollect(storage.read(key)), (parts) => Buffer.concat(Chunk.toArray(parts)))

const nothing = [Option.none<Blob>(), []]

/** The tests of multipart uploads. Every upload is joined at the end, so that leftovers can be detected. */
export const storagePartsSuite = (layer: Layer.Layer<Storage, unknown>) =>
  describe("parts", () => {
    const live = (title: string, program: Effect.Effect<void, unknown, Storage | Scope.Scope>) =>
      it.live(title, () => Effect.provide(Effect.scoped(program), layer))

    live(
      "become a blob in whatever order and how often they come, and nothing is seen before",
      Effect.gen(function* () {
        const { storage, key, send, join, seen } = yield* opened()
        for (const number of [3, 1, 3]) yield* send(number)
        expect(yield* seen).toEqual(nothing)
        yield* Effect.all([send(2), send(1)], { concurrency: "unbounded" })
        expect(yield* seen).toEqual(nothing)
        const blob = yield* join
        expect(blob).toMatchObject({ key, bytes: content.length })
        expect(Math.abs(blob.modifiedAt.getTime() - Date.now())).toBeLessThan(60_000)
        expect(yield* seen).toEqual([Option.some(blob), [key]])
        expect((yield* get(storage, key)).equals(content)).toBe(true)
      })
    )

    for (const [title, cut] of [
      ["one that is full", { bytes: partBytes, partBytes }],
      ["one that is not", { bytes: 1, partBytes }],
      ["several that are all full", { bytes: 2 * partBytes, partBytes }]
    ] as const) {
      live(
        `may be ${title}`,
        Effect.gen(function* () {
          const { storage, key, send, join } = yield* opened(cut)
          for (let number = 1; number <= partCount(cut); number++) yield* send(number)
          expect((yield* join).bytes).toBe(cut.bytes)
          expect((yield* get(storage, key)).equals(content.subarray(0, cut.bytes))).toBe(true)
        })
      )
    }

    live(
      "may be sent before it is known how long the blob becomes, and again with other bytes",
      Effect.gen(function* () {
        const { storage, key, upload, send } = yield* opened({ bytes: 2 * partBytes, partBytes })
        yield* send(1)
        yield* send(2)
        const first = Buffer.concat([Buffer.from("changed"), partOf(1).subarray(7)])
        yield* send(1, first)
        yield* storage.writePart(key, { upload, number: 3, ...parted }, pieces(partOf(3)))
        expect((yield* storage.joinParts(key, upload, parted)).bytes).toBe(parted.bytes)
        expect((yield* get(storage, key)).equals(Buffer.concat([first, content.subarray(partBytes)]))).toBe(
          true
        )
      })
    )

    live(
      "replace what was there, when they are joined",
      Effect.gen(function* () {
        const { storage, key, send, join } = yield* opened()
        yield* storage.write(key, Stream.make(Buffer.from("before")), 6)
        yield* Effect.forEach([1, 2, 3], (number) => send(number))
        expect((yield* get(storage, key)).toString()).toBe("before")
        yield* join
        expect((yield* get(storage, key)).equals(content)).toBe(true)
      })
    )

    live(
      "are no blob while one is missing, whichever, and are one once it has come",
      Effect.gen(function* () {
        const missing = (number: number) =>
          Effect.gen(function* () {
            const { dir, send, join, seen } = yield* opened()
            for (const other of [1, 2, 3]) if (other !== number) yield* send(other)
            expect(yield* Effect.flip(join)).toEqual(new BlobMissing({ dir }))
            expect(yield* seen).toEqual(nothing)
            yield* send(number)
            expect((yield* join).bytes).toBe(content.length)
          })
        yield* Effect.forEach([1, 2, 3], missing)
      })
    )

    live(
      "are taken whole or not at all, and may come again",
      Effect.gen(function* () {
        const { storage, dir, key, upload, send, join, seen } = yield* opened()
        const cut = { upload, number: 2, ...parted }
        const begun = pieces(partOf(2).subarray(0, MiB))
        yield* send(1)
        yield* send(3)

        expect(yield* Effect.flip(send(2, partOf(2).subarray(1)))).toEqual(new BlobMissing({ dir }))
        expect(yield* Effect.flip(send(2, content.subarray(0, partBytes + 1)))).toBeInstanceOf(TooLarge)
        expect(
          yield* Effect.flip(storage.writePart(key, cut, Stream.concat(begun, Stream.fail(new Broken()))))
        ).toBeInstanceOf(Broken)
        const waiting = yield* Deferred.make<void>()
        const stuck = Stream.fromEffect(Effect.zipRight(Deferred.succeed(waiting, undefined), Effect.never))
        const writer = yield* Effect.fork(storage.writePart(key, cut, Stream.concat(begun, stuck)))
        yield* Deferred.await(waiting)
        yield* Fiber.interrupt(writer)

        expect(yield* Effect.flip(join)).toEqual(new BlobMissing({ dir }))
        expect(yield* seen).toEqual(nothing)
        yield* send(2)
        // A complete part stays complete, even if sending it again fails.
        expect(yield* Effect.flip(send(2, partOf(2).subarray(0, 10)))).toEqual(new BlobMissing({ dir }))
        yield* join
        expect((yield* get(storage, key)).equals(content)).toBe(true)
      })
    )

    live(
      "belong to one upload, of one blob, cut in one way",
      Effect.gen(function* () {
        const one = yield* opened()
        const other = yield* opened()
        const { storage } = one
        const sendTo = (key: BlobKey, upload: string, number: number, cut: Parted = parted) =>
          storage.writePart(key, { upload, number, ...cut }, pieces(partOf(number, cut)))
        for (const number of [1, 2, 3]) yield* one.send(number)
        yield* other.send(1)
        yield* other.send(2)
        const missing = [
          other.join,
          sendTo(other.key, one.upload, 3),
          sendTo(other.key, `${other.upload}x`, 3),
          storage.joinParts(other.key, one.upload, parted),
          storage.joinParts(other.key, `${other.upload}x`, parted),
          storage.joinParts(other.key, "../../secret", parted),
          storage.joinParts(one.key, one.upload, { bytes: parted.bytes - 1, partBytes }),
          storage.joinParts(one.key, one.upload, { bytes: parted.bytes, partBytes: 2 * partBytes }),
          ...[0, -1, 4].map((number) =>
            storage.writePart(other.key, { upload: other.upload, number, ...parted }, Stream.empty)
          )
        ]
        for (const attempt of missing)
          expect(yield* Effect.flip(attempt as typeof other.join)).toBeInstanceOf(BlobMissing)
        expect(yield* other.seen).toEqual(nothing)
        expect((yield* one.join).bytes).toBe(content.length)
        yield* other.send(3)
        expect((yield* other.join).bytes).toBe(content.length)
      })
    )

    live(
      "are no upload any more once those of their slot are dropped, and other slots' are",
      Effect.gen(function* () {
        const [one, joined, other] = [yield* opened(), yield* opened(), yield* opened()]
        for (const { send } of [one, joined, other])
          yield* Effect.forEach([1, 2, 3], (number) => send(number))
        yield* joined.join
        for (const { storage, dir } of [one, joined]) yield* storage.dropParts(`${dir}/slot_1/`)
        yield* one.storage.dropParts(`${one.dir}/slot_1/`)
        expect(yield* Effect.flip(one.join)).toEqual(new BlobMissing({ dir: one.dir }))
        expect(yield* Effect.flip(one.send(1))).toEqual(new BlobMissing({ dir: one.dir }))
        expect(yield* one.seen).toEqual(nothing)
        for (const { storage, key, seen } of [joined, other]) {
          if (key === other.key) yield* other.join
          expect((yield* seen)[1]).toEqual([key])
          expect((yield* get(storage, key)).equals(content)).toBe(true)
        }
      })
    )

    live(
      "are joined once: again, and together, it is the same blob or none is found",
      Effect.gen(function* () {
        const { storage, key, send, join, seen } = yield* opened()
        yield* Effect.forEach([1, 2, 3], (number) => send(number), { concurrency: "unbounded" })
        const joins = yield* Effect.all([Effect.either(join), Effect.either(join), Effect.either(join)], {
          concurrency: "unbounded"
        })
        const blobs = [...joins, yield* Effect.either(join)].flatMap((each) => {
          if (each._tag === "Right") return [each.right]
          expect(each.left).toBeInstanceOf(BlobMissing)
          return []
        })
        expect(blobs.length).toBeGreaterThan(0)
        for (const blob of blobs) expect(yield* seen).toEqual([Option.some(blob), [key]])
        expect((yield* get(storage, key)).equals(content)).toBe(true)
      })
    )

    live(
      "that come when all is joined change nothing",
      Effect.gen(function* () {
        const { storage, dir, key, upload, send, join } = yield* opened()
        yield* Effect.forEach([1, 2, 3], (number) => send(number))
        const waiting = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        const pause = Stream.fromEffect(
          Effect.zipRight(Deferred.succeed(waiting, undefined), Deferred.await(goOn))
        )
        const other = Buffer.alloc(partBytes, "other")
        const late = Stream.concat(
          pieces(partOf(1).subarray(0, MiB)),
          Stream.concat(Stream.drain(pause), pieces(other.subarray(MiB)))
        )
        const sender = yield* Effect.fork(
          Effect.either(storage.writePart(key, { upload, number: 1, ...parted }, late))
        )
        yield* Deferred.await(waiting)
        yield* join
        yield* Deferred.succeed(goOn, undefined)
        expect(yield* Fiber.join(sender)).toMatchObject({ _tag: "Left", left: new BlobMissing({ dir }) })
        expect(yield* Effect.flip(send(1, other))).toEqual(new BlobMissing({ dir }))
        expect((yield* get(storage, key)).equals(content)).toBe(true)
      })
    )
  })
