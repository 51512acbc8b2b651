import { randomBytes, randomUUID } from "node:crypto"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Chunk, Context, Deferred, Effect, Fiber, Layer, Option, Redacted, Stream } from "effect"
import { BlobMissing, Unavailable } from "../../core/errors.js"
import { BlobKey } from "../../core/ids.js"
import { Storage } from "../../core/ports/storage.js"
import { until } from "../../core/ports/suites/samples.suite.js"
import { type Asked, type Fault, faulty } from "./faulty.suite.js"
import { type S3Options, s3 } from "./index.js"
import { aBucket, clientOf, optionsFor, s3Server } from "./server.suite.js"

const MiB = 1024 * 1024
const server = await s3Server()
const bucket = await aBucket(server)
const client = clientOf(server)
afterAll(() => client.destroy())

const aKey = () => BlobKey(`dir_${randomUUID()}/slot_1/a.bin`)
const content = randomBytes(20 * MiB)
const body = (bytes: Uint8Array) => Stream.fromIterable([bytes.subarray(0, 1000), bytes.subarray(1000)])
const collect = <E>(bytes: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runCollect(bytes), (parts) => Buffer.concat(Chunk.toReadonlyArray(parts)))

const start = (options: Partial<S3Options> = {}) =>
  Effect.map(
    Layer.build(s3({ ...optionsFor(server, bucket), secret: Redacted.make("0123456789abcdef"), ...options })),
    Context.get(Storage)
  )

/** A storage behind a proxy that injects the faults which `fault` returns for requests for blobs. */
const behind = (fault: (asked: Asked) => Fault | Promise<Fault>, options: Partial<S3Options> = {}) =>
  Effect.gen(function* () {
    const way = yield* faulty(server.endpoint, (asked) =>
      asked.url.includes("dir_") ? fault(asked) : "none"
    )
    const storage = yield* start({ endpoint: way.endpoint, requestSeconds: 20, ...options })
    return { storage, asked: () => way.asked.filter(({ url }) => url.includes("dir_")), waiting: way.waiting }
  })

/** These faults, one a request, then none. */
const first = (...faults: ReadonlyArray<Fault>) => {
  const left = [...faults]
  return () => left.shift() ?? "none"
}

const unfinishedUploads = Effect.promise(
  async () => (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []
)

describe("a server that fails", () => {
  for (const fault of ["500", "reset"] as const) {
    it.scopedLive(`is asked again after ${fault}`, () =>
      Effect.gen(function* () {
        const key = aKey()
        for (const use of [
          (storage: typeof Storage.Service) => storage.write(key, body(content.subarray(0, 2000)), 2000),
          (storage: typeof Storage.Service) => storage.stat(key),
          (storage: typeof Storage.Service) => collect(storage.read(key)),
          (storage: typeof Storage.Service) => Stream.runCollect(storage.list(`${key.split("/")[0]}/`)),
          (storage: typeof Storage.Service) => storage.write(key, body(content), content.length),
          (storage: typeof Storage.Service) => storage.remove(key)
        ] as ReadonlyArray<(storage: typeof Storage.Service) => Effect.Effect<unknown, unknown>>) {
          const { storage, asked } = yield* behind(first(fault, fault))
          yield* use(storage)
          expect(asked().length).toBeGreaterThanOrEqual(3)
        }
        expect(yield* (yield* start()).stat(key)).toEqual(Option.none())
      })
    )
  }

  it.scopedLive("is given up after the attempts that were set, and leaves nothing", () =>
    Effect.gen(function* () {
      const key = aKey()
      const { storage, asked } = yield* behind(() => "500", { attempts: 3 })
      const failures = [
        storage.write(key, body(content.subarray(0, 2000)), 2000),
        storage.stat(key),
        collect(storage.read(key)),
        storage.remove(key),
        Stream.runCollect(storage.list(`${key.split("/")[0]}/`)),
        storage.write(key, body(content), content.length)
      ] as ReadonlyArray<Effect.Effect<unknown, unknown>>
      for (const [index, attempt] of failures.entries()) {
        expect(yield* Effect.flip(attempt)).toBeInstanceOf(Unavailable)
        expect(asked()).toHaveLength(3 * (index + 1))
      }
      expect(yield* (yield* start()).stat(key)).toEqual(Option.none())
    })
  )

  it.scopedLive("is not asked again for what it says is not there", () =>
    Effect.gen(function* () {
      const key = aKey()
      const { storage, asked } = yield* behind(() => "none")
      expect(yield* Effect.flip(Stream.runDrain(storage.read(key)))).toBeInstanceOf(BlobMissing)
      expect(asked()).toHaveLength(1)
    })
  )
})

describe("a server that is silent", () => {
  it.scopedLive("is asked again, and given up", () =>
    Effect.gen(function* () {
      const key = aKey()
      const once = yield* behind(first("silence"), { requestSeconds: 3 })
      expect(yield* once.storage.stat(key)).toEqual(Option.none())
      const always = yield* behind(() => "silence", { requestSeconds: 3, attempts: 2 })
      expect(yield* Effect.flip(always.storage.stat(key))).toBeInstanceOf(Unavailable)
      expect(always.asked()).toHaveLength(2)
    })
  )
})

describe("whoever gives up waiting", () => {
  it.scopedLive("is let go at once, though the server stays silent", () =>
    Effect.gen(function* () {
      const key = aKey()
      const direct = yield* start()
      yield* direct.write(key, body(content), content.length)
      const uses = [
        [() => "silence", (storage) => storage.stat(key)],
        [() => ({ stallsAfter: 1000 }), (storage) => Stream.runDrain(storage.read(key))]
      ] satisfies ReadonlyArray<
        readonly [() => Fault, (storage: typeof Storage.Service) => Effect.Effect<unknown, unknown>]
      >
      for (const [fault, use] of uses) {
        const { storage, asked, waiting } = yield* behind(fault, { requestSeconds: 3600 })
        const user = yield* Effect.fork(use(storage))
        yield* until(Effect.sync(() => asked().length === 1))
        yield* Fiber.interrupt(user)
        yield* until(Effect.sync(() => waiting.size === 0))
      }
    })
  )
})

describe("a download that breaks off", () => {
  const key = aKey()
  const stored = Effect.flatMap(start(), (storage) => storage.write(key, body(content), content.length))

  for (const [how, fault] of [
    ["breaks", { breaksAfter: 3 * MiB + 7 }],
    ["stalls", { stallsAfter: 3 * MiB + 7 }]
  ] as const) {
    it.scopedLive(`goes on where it ${how}`, () =>
      Effect.gen(function* () {
        yield* stored
        const { storage, asked } = yield* behind(first(fault, fault), { requestSeconds: 3 })
        const range = { start: 5, end: content.length - 2 }
        expect((yield* collect(storage.read(key, range))).equals(content.subarray(5, -1))).toBe(true)
        const starts = asked().map(({ range }) => Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1]))
        // A slow response may be requested twice.
        expect(new Set(starts).size).toBeGreaterThanOrEqual(2)
        expect(starts).toEqual([...starts].sort((one, other) => one - other))
      })
    )
  }

  it.scopedLive("never goes on in other content", () =>
    Effect.gen(function* () {
      yield* stored
      const direct = yield* start()
      let requests = 0
      const { storage } = yield* behind(async () => {
        if (requests++ === 0) return { breaksAfter: 1 * MiB }
        await Effect.runPromise(direct.write(key, body(randomBytes(content.length)), content.length))
        return "none"
      })
      expect(yield* Effect.flip(Stream.runDrain(storage.read(key)))).toBeInstanceOf(Unavailable)
    })
  )

  it.scopedLive("is given up when no try brings a byte", () =>
    Effect.gen(function* () {
      yield* stored
      const { storage, asked } = yield* behind(() => ({ breaksAfter: 0 }))
      expect(yield* Effect.flip(Stream.runDrain(storage.read(key)))).toBeInstanceOf(Unavailable)
      expect(asked()).toHaveLength(3)
    })
  )

  it.scopedLive("leaves no file on the disk", () =>
    Effect.gen(function* () {
      yield* stored
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "s3-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      )
      let requests = 0
      const { storage } = yield* behind(() => ({ breaksAfter: requests++ === 0 ? 1 * MiB : 0 }))
      expect(yield* Effect.flip(storage.download(key, join(folder, "in")))).toBeInstanceOf(Unavailable)
      expect(yield* Effect.promise(() => readdir(folder))).toEqual([])
    })
  )
})

describe("an upload in parts", () => {
  const isPart = ({ url }: Asked) => url.includes("partNumber=")
  const isFinish = ({ method, url }: Asked) => method === "POST" && url.includes("uploadId=")

  it.scopedLive("ends and leaves nothing where one part can't be stored", () =>
    Effect.gen(function* () {
      const key = aKey()
      const { storage } = yield* behind((asked) =>
        isPart(asked) && asked.url.includes("partNumber=2") ? "500" : "none"
      )
      expect(yield* Effect.flip(storage.write(key, body(content), content.length))).toBeInstanceOf(
        Unavailable
      )
      expect(yield* storage.stat(key)).toEqual(Option.none())
      expect(yield* unfinishedUploads).toEqual([])
    })
  )

  for (const second of ["none", "no such upload"] as const) {
    it.scopedLive(
      `is finished also when the answer to that is lost, and the next is: ${second === "none" ? "finished" : second}`,
      () =>
        Effect.gen(function* () {
          const key = aKey()
          const faults = first("lost answer", second)
          const { storage, asked } = yield* behind((one) => (isFinish(one) ? faults() : "none"))
          expect((yield* storage.write(key, body(content), content.length)).bytes).toBe(content.length)
          expect(asked().filter(isFinish)).toHaveLength(2)
          expect((yield* collect(storage.read(key))).equals(content)).toBe(true)
          expect(yield* unfinishedUploads).toEqual([])
        })
    )
  }

  it.scopedLive(
    "that others sent in parts is joined also when the answer is lost, by this host or the next one asked",
    () =>
      Effect.gen(function* () {
        const parted = { bytes: content.length, partBytes: content.length / 2 }
        const sent = Effect.gen(function* () {
          const key = aKey()
          const direct = yield* start()
          const upload = yield* direct.openParts(key, parted.partBytes)
          for (const number of [1, 2]) {
            const part = content.subarray((number - 1) * parted.partBytes, number * parted.partBytes)
            yield* direct.writePart(key, { upload, number, ...parted }, body(part))
          }
          return { key, upload, direct }
        })
        for (const second of ["none", "no such upload"] as const) {
          const { key, upload, direct } = yield* sent
          const faults = first("lost answer", second)
          const { storage } = yield* behind((one) => (isFinish(one) ? faults() : "none"))
          expect((yield* storage.joinParts(key, upload, parted)).bytes).toBe(content.length)
          expect((yield* collect(direct.read(key))).equals(content)).toBe(true)
        }
        const { key, upload, direct } = yield* sent
        const { storage } = yield* behind((one) => (isFinish(one) ? "lost answer" : "none"), { attempts: 1 })
        expect(yield* Effect.flip(storage.joinParts(key, upload, parted))).toBeInstanceOf(Unavailable)
        const blob = yield* direct.joinParts(key, upload, parted)
        expect(blob.bytes).toBe(content.length)
        // An object that another writer has stored since is not that of the upload.
        yield* direct.write(key, body(content.subarray(0, 2000)), 2000)
        expect(yield* Effect.flip(direct.joinParts(key, upload, parted))).toBeInstanceOf(BlobMissing)
        expect(yield* unfinishedUploads).toEqual([])
      })
  )

  it.scopedLive("has failed when it is gone and the object is another's", () =>
    Effect.gen(function* () {
      const key = aKey()
      const direct = yield* start()
      yield* direct.write(key, body(content), content.length)
      const { storage } = yield* behind((one) => (isFinish(one) ? "no such upload" : "none"))
      expect(yield* Effect.flip(storage.write(key, body(content), content.length))).toBeInstanceOf(
        Unavailable
      )
      expect(yield* unfinishedUploads).toEqual([])
    })
  )

  it.scopedLive("is aborted when it is interrupted while a part is under way", () =>
    Effect.gen(function* () {
      const key = aKey()
      const underWay = yield* Deferred.make<void>()
      const { storage } = yield* behind((one) => {
        if (!isPart(one)) return "none"
        Effect.runSync(Deferred.succeed(underWay, undefined))
        return "silence"
      })
      const writer = yield* Effect.fork(storage.write(key, body(content), content.length))
      yield* Deferred.await(underWay)
      expect(yield* unfinishedUploads).toHaveLength(1)
      yield* Fiber.interrupt(writer)
      expect(yield* unfinishedUploads).toEqual([])
      expect(yield* storage.stat(key)).toEqual(Option.none())
    })
  )
})
