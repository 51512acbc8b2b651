import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { noQuota } from "../account.js"
import { blobKeyParts, DirId, FileName, type OwnerId } from "../ids.js"
import { Accounts } from "../ports/accounts.js"
import type { Directories } from "../ports/directories.js"
import { DiskSpace } from "../ports/disk-space.js"
import type { Storage } from "../ports/storage.js"
import { anOwner } from "../ports/suites/samples.suite.js"
import { Reserved, UploadGate } from "../reservations.js"
import { deleteFile, receiveFile, registerFile, storeFile } from "./files.js"
import { withForm } from "./form.js"
import { submit } from "./submit.js"
import { bytes, ownerWithFile, taskOn, world } from "./world.suite.js"

const MiB = 1024 * 1024
const name = FileName("in.mp4")

const registered = (owner: OwnerId) =>
  Effect.map(registerFile(owner, { name, dir: null }), ({ file }) => file.key)

const tagOf = <A, E extends { readonly _tag: string }, R>(call: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(call), ({ _tag }) => _tag)

/** A body that brings these bytes, and then stands still. `begun` is done when they have come. */
const standing = (length: number) =>
  Effect.map(Deferred.make<void>(), (begun) => {
    const still = Stream.fromEffectOption(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
    return {
      begun,
      body: Stream.concat(length === 0 ? Stream.empty : Stream.make(new Uint8Array(length)), still)
    }
  })

/** An upload that has brought so many bytes when this returns, and goes no further. */
const underWay = (owner: OwnerId, brings: number, announced: number | null) =>
  Effect.gen(function* () {
    const key = yield* registered(owner)
    const { begun, body } = yield* standing(brings)
    const fiber = yield* Effect.fork(receiveFile(owner, key, body, announced))
    yield* Deferred.await(begun)
    return fiber
  })

describe("room on the disk", () => {
  /** A disk on which ten MiB may be taken, as long as nothing is written to it. */
  const small = world({ limits: { diskFreeBytes: 1, uploadBytes: 100 * MiB } }).pipe(
    Layer.merge(Layer.succeed(DiskSpace, { free: Effect.succeed(10 * MiB + 1) }))
  )
  const announcing = (owner: OwnerId, announced: number) =>
    Effect.flatMap(registered(owner), (key) => receiveFile(owner, key, bytes("1"), announced))

  it.effect("is refused before the first byte to what can't fit", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const key = yield* registered(owner)
      let pulled = false
      const body = Stream.sync(() => {
        pulled = true
        return new Uint8Array(1)
      })
      expect(yield* tagOf(receiveFile(owner, key, body, 10 * MiB + 1))).toBe("DiskFull")
      expect(pulled).toBe(false)
    }).pipe(Effect.provide(small))
  )

  it.effect("is not reduced for other keys by an announced length, but in full for its own key", () =>
    Effect.gen(function* () {
      const greedy = anOwner()
      yield* underWay(greedy, 0, 6 * MiB)
      expect(yield* tagOf(announcing(greedy, 4 * MiB + 1))).toBe("DiskFull")
      yield* underWay(greedy, 0, 4 * MiB)
      expect(yield* tagOf(announcing(greedy, 1))).toBe("DiskFull")
      expect((yield* Reserved).onDisk).toBe(0)
      yield* announcing(anOwner(), 10 * MiB)
    }).pipe(Effect.provide(small))
  )

  it.effect("is held for as much again as has come: all of the rest once that is half", () =>
    Effect.gen(function* () {
      const other = anOwner()
      const first = yield* underWay(anOwner(), 2 * MiB, 8 * MiB)
      expect(yield* tagOf(announcing(other, 6 * MiB + 1))).toBe("DiskFull")
      yield* announcing(other, 6 * MiB)
      yield* Fiber.interrupt(first)
      yield* underWay(anOwner(), 4 * MiB, 8 * MiB)
      expect(yield* tagOf(announcing(other, 2 * MiB + 1))).toBe("DiskFull")
      yield* announcing(other, 2 * MiB)
    }).pipe(Effect.provide(small))
  )

  it.effect("is held for no more than 8 MiB where the length is not known, and given back at the end", () =>
    Effect.gen(function* () {
      const fiber = yield* underWay(anOwner(), 1, null)
      const reserved = yield* Reserved
      expect(reserved.onDisk).toBe(MiB + 1)
      yield* Fiber.interrupt(fiber)
      const large = yield* underWay(anOwner(), 20 * MiB, null).pipe(
        Effect.provideService(DiskSpace, { free: Effect.succeed(100 * MiB) })
      )
      expect(reserved.onDisk).toBe(28 * MiB)
      yield* Fiber.interrupt(large)
      expect([reserved.onDisk, reserved.byOwner.size, reserved.replaced.size]).toEqual([0, 0, 0])
    }).pipe(Effect.provide(small))
  )
})

describe("bytes that uploads replace", () => {
  it.effect("are subtracted for one upload at a time, and only while they exist", () =>
    Effect.gen(function* () {
      const owner = (yield* (yield* Accounts).issue({ name: "", quota: { ...noQuota, storedBytes: 10 } })).id
      const key = yield* registered(owner)
      yield* receiveFile(owner, key, bytes("content"), 7)
      const { begun, body } = yield* standing(3)
      const first = yield* Effect.fork(receiveFile(owner, key, body, 3))
      yield* Deferred.await(begun)
      expect(yield* tagOf(receiveFile(owner, key, bytes("x"), 1))).toBe("QuotaExceeded")
      expect(yield* tagOf(receiveFile(owner, key, bytes("x"), null))).toBe("QuotaExceeded")
      yield* Fiber.interrupt(first)
      yield* receiveFile(owner, key, bytes("0123456789"), 10)

      // If they are deleted meanwhile, they are not subtracted twice.
      const dir = DirId(blobKeyParts(key)[0])
      const drop = yield* Effect.map(Effect.context<Directories | Storage>(), (context) =>
        Effect.provide(Effect.orDie(deleteFile(owner, dir, name)), context)
      )
      const late = Stream.fromEffect(Effect.as(drop, new Uint8Array(10)))
      expect(
        yield* tagOf(receiveFile(owner, key, Stream.concat(Stream.make(new Uint8Array(1)), late), null))
      ).toBe("QuotaExceeded")
    }).pipe(Effect.provide(world()))
  )
})

describe("uploads at one time", () => {
  const url = "https://media.example/a.mp4"
  const web = new Map([[url, { bytes: new Uint8Array(4), type: null }]])
  const limits = { uploads: 2, uploadsPerKey: 1, uploadsWaitingPerKey: 1 }

  it.effect(
    "of one key are bounded whatever way they come; another key's are taken meanwhile, and further ones wait",
    () =>
      Effect.gen(function* () {
        const { owner, dir } = yield* ownerWithFile
        const key = yield* registered(owner)
        const first = yield* underWay(owner, 1, null)
        const waiting = yield* Effect.fork(storeFile(owner, { name: FileName("waits"), dir }, bytes("1")))
        const gate = yield* UploadGate
        yield* Effect.repeat(Effect.yieldNow(), { until: () => gate.load().waiting === 1 })
        const form = Stream.make({
          _tag: "File",
          field: "video",
          name: "form.mp4",
          bytes: bytes("1")
        } as const)
        const importing = taskOn(dir, {
          inputs: [{ source: { _tag: "Remote", url }, options: [] }],
          outputDirectory: dir
        })
        expect(yield* tagOf(receiveFile(owner, key, bytes("1"), 1))).toBe("UploadsBusy")
        expect(yield* tagOf(storeFile(owner, { name: FileName("b"), dir }, bytes("1")))).toBe("UploadsBusy")
        expect(yield* tagOf(withForm(owner, form, () => Effect.void))).toBe("UploadsBusy")
        expect(yield* tagOf(submit(owner, importing, { webhookUrl: null }))).toBe("UploadsBusy")
        const other = anOwner()
        yield* receiveFile(other, yield* registered(other), bytes("1"), 1)
        yield* Fiber.interrupt(first)
        expect((yield* Fiber.join(waiting)).bytes).toBe(1)
        yield* submit(owner, importing, { webhookUrl: null })
      }).pipe(Effect.provide(world({ web, limits })))
  )
})
