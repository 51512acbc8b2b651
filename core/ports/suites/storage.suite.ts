import { randomUUID } from "node:crypto"
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  Cause,
  Chunk,
  Clock,
  Data,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  type Scope,
  Stream,
  TestClock
} from "effect"
import { BlobMissing, SignedUrlExpired, TooLarge, Unavailable } from "../../errors.js"
import { BlobKey, blobKey, DirId, FileName } from "../../ids.js"
import { type Blob, type ByteRange, type Grant, Storage } from "../storage.js"
import { describe, expect, it } from "./effect-tests.suite.js"
import { storagePartsSuite } from "./storage-parts.suite.js"

const KiB = 1024
const MiB = 1024 * KiB

class Broken extends Data.TaggedError("Broken") {}

/** A new directory for each test, so that the store may be shared and need not be empty. */
const place = () => {
  const dir = DirId(`dir_${randomUUID()}`)
  return { dir, key: (name = "a.bin", slot = "slot_1") => blobKey(dir, slot, FileName(name)) }
}

const pattern = (length: number, seed = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) + seed) & 255)

const body = (...parts: ReadonlyArray<Uint8Array | string>) =>
  Stream.rechunk(
    Stream.fromIterable(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part))),
    1
  )

const put = (key: BlobKey, content: Uint8Array | string) =>
  Effect.flatMap(Storage, (storage) => storage.write(key, body(content), Buffer.byteLength(content)))

const collect = <E>(stream: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runCollect(stream), (parts) => Buffer.concat(Chunk.toArray(parts)))

const get = (key: BlobKey, range?: ByteRange) =>
  Effect.flatMap(Storage, (storage) => collect(storage.read(key, range)))

const text = (key: BlobKey) => Effect.map(get(key), (bytes) => bytes.toString())

const keysUnder = (prefix: string) =>
  Effect.flatMap(Storage, (storage) => Stream.runCollect(storage.list(prefix))).pipe(
    Effect.map((blobs) => Array.from(blobs, (blob: Blob): string => blob.key).sort())
  )

const scratch = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "storage-suite-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** Bodies that fail after some bytes were sent. */
const begun = pattern(300 * KiB, 7)
const brokenWrites: ReadonlyArray<{
  readonly title: string
  readonly attempt: (key: BlobKey) => Effect.Effect<void, unknown, Storage>
}> = [
  {
    title: "fails midway",
    attempt: (key) =>
      Effect.gen(function* () {
        const storage = yield* Storage
        const error = yield* Effect.flip(
          storage.write(key, Stream.concat(body(begun, begun), Stream.fail(new Broken())), 10 * MiB)
        )
        expect(error).toBeInstanceOf(Broken)
      })
  },
  {
    title: "dies midway",
    attempt: (key) =>
      Effect.gen(function* () {
        const storage = yield* Storage
        const exit = yield* Effect.exit(
          storage.write(key, Stream.concat(body(begun), Stream.dieMessage("a bug")), 10 * MiB)
        )
        expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      })
  },
  {
    title: "is one byte too long",
    attempt: (key) =>
      Effect.gen(function* () {
        const storage = yield* Storage
        const error = yield* Effect.flip(storage.write(key, body(begun, begun), 2 * begun.length - 1))
        expect(error).toBeInstanceOf(TooLarge)
        expect(error).toMatchObject({ maxBytes: 2 * begun.length - 1 })
      })
  },
  {
    title: "never ends",
    attempt: (key) =>
      Effect.gen(function* () {
        const storage = yield* Storage
        let pulled = 0
        const endless = Stream.repeatEffect(
          Effect.sync(() => {
            pulled += begun.length
            return begun
          })
        )
        expect(yield* Effect.flip(storage.write(key, endless, 3 * MiB))).toBeInstanceOf(TooLarge)
        expect(pulled).toBeLessThan(12 * MiB)
      })
  },
  {
    title: "is interrupted midway",
    attempt: (key) =>
      Effect.gen(function* () {
        const storage = yield* Storage
        const waiting = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<void>()
        const stuck = Stream.concat(
          body(begun, begun),
          Stream.fromEffect(Effect.zipRight(Deferred.succeed(waiting, undefined), Effect.never))
        ).pipe(Stream.ensuring(Deferred.succeed(closed, undefined)))
        const writer = yield* Effect.fork(storage.write(key, stuck, 10 * MiB))
        yield* Deferred.await(waiting)
        yield* Fiber.interrupt(writer)
        expect(yield* Deferred.isDone(closed)).toBe(true)
      })
  }
]

const ranges: ReadonlyArray<readonly [string, ByteRange, readonly [number, number]]> = [
  ["from the start", { start: 0, end: 9 }, [0, 10]],
  ["in the middle", { start: 500, end: 599 }, [500, 600]],
  ["of one byte", { start: 7, end: 7 }, [7, 8]],
  ["of the last byte", { start: 999, end: 999 }, [999, 1000]],
  ["of everything", { start: 0, end: 999 }, [0, 1000]],
  ["that ends past the end", { start: 990, end: 5000 }, [990, 1000]],
  ["without an end", { start: 10, end: Number.POSITIVE_INFINITY }, [10, 1000]],
  ["that starts at the end", { start: 1000, end: 1001 }, [0, 0]],
  ["that starts past the end", { start: 4000, end: 5000 }, [0, 0]],
  ["that ends before it starts", { start: 5, end: 4 }, [0, 0]]
]

/**
 * Malformed keys, which `blobKey` can't produce from parsed parts. Using one is a programming error and gives
 * a defect.
 */
const hostileKeys = [
  "../x/y",
  "../../etc/passwd",
  "a/../../b",
  "a/../b",
  "a/b/..",
  "a/b/.",
  "./b/c",
  "a/./c",
  "../tmp/leftover",
  "/a/b/c",
  "/a/b",
  "//a",
  "a//c",
  "a/b/",
  "a/b",
  "a",
  "",
  "a/b/c/d",
  "a/b/..\\..\\c",
  "a/b/c\u0000.mp4",
  "a/b\u0000/c",
  "a/b/c\nd",
  `a/b/${"n".repeat(256)}`
]

const hostilePrefixes = ["../", "a/../", "a/../../", "/", "//", "a//", "./", "a/b", "a", "a/b/c/", "a\u0000/"]

const oddNames = [
  "with some spaces .mp4",
  `${"\u3042".repeat(83)}%.mp4`,
  "\uffff\ufffe.mp4",
  " ",
  "-x",
  "--help",
  "pipe:1",
  "concat:a|b",
  "a%03d.mp4",
  "%2e%2e%2f",
  "100%",
  "...",
  ".hidden",
  "~",
  "$HOME",
  "a&b=c?d#e;f",
  "*",
  "'quoted' \"twice\"",
  "[x]{y}",
  "été ναι 日本語.mp4",
  "🎬.mov",
  "n".repeat(255),
  "é".repeat(127)
]

/** Options of the tests of a `Storage`. */
export interface StorageSuiteOptions {
  /**
   * False if requests are signed for the storage's own address, so that tokens are never redeemed. Default:
   * true.
   */
  readonly tokens?: boolean
}

/**
 * The tests of a `Storage`. `layer` may use one shared store, but two builds must have different token
 * secrets.
 */
export const storageSuite = (
  name: string,
  layer: Layer.Layer<Storage, unknown>,
  options: StorageSuiteOptions = {}
) =>
  describe(name, () => {
    const live = (title: string, program: Effect.Effect<void, unknown, Storage | Scope.Scope>) =>
      it.live(title, () => Effect.provide(Effect.scoped(program), layer))

    describe("write", () => {
      live(
        "keeps the bytes, their number and the time",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const parts = [pattern(70 * KiB), pattern(1, 3), new Uint8Array(0), pattern(200 * KiB, 9)]
          const blob = yield* storage.write(key(), body(...parts), 1 * MiB)
          expect(yield* get(key())).toEqual(Buffer.concat(parts))
          expect(blob).toMatchObject({ key: key(), bytes: 270 * KiB + 1 })
          // Stores have their own clock.
          expect(Math.abs(blob.modifiedAt.getTime() - (yield* Clock.currentTimeMillis))).toBeLessThan(60_000)
          expect(yield* storage.stat(key())).toEqual(Option.some(blob))
        })
      )

      live(
        "makes an empty blob of an empty body, also under a cap of nothing",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          expect((yield* storage.write(key(), Stream.empty, 0)).bytes).toBe(0)
          expect(Option.map(yield* storage.stat(key()), (blob) => blob.bytes)).toEqual(Option.some(0))
          expect((yield* get(key())).length).toBe(0)
        })
      )

      live(
        "takes a body that is exactly as long as the cap",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          expect((yield* storage.write(key(), body(begun, begun), 2 * begun.length)).bytes).toBe(
            2 * begun.length
          )
        })
      )

      live(
        "copies a blob to another key, where it stays as it was when the first is written anew or removed",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const [from, to] = [key("a b+%2F.bin"), key("a b+%2F.bin", "slot_2")]
          yield* put(from, "first")
          const copied = yield* storage.copy(from, to)
          expect(copied).toEqual(Option.getOrThrow(yield* storage.stat(to)))
          expect([copied.key, copied.bytes]).toEqual([to, 5])
          yield* put(from, "another")
          expect(yield* text(to)).toBe("first")
          yield* storage.copy(from, to)
          yield* storage.remove(from)
          expect(yield* text(to)).toBe("another")
          expect(yield* Effect.flip(storage.copy(from, to))).toBeInstanceOf(BlobMissing)
          expect(yield* text(to)).toBe("another")
        })
      )

      for (const { title, attempt } of brokenWrites) {
        live(
          `leaves nothing of a body that ${title}`,
          Effect.gen(function* () {
            const { dir, key } = place()
            const storage = yield* Storage
            yield* attempt(key())
            expect(yield* storage.stat(key())).toEqual(Option.none())
            expect(yield* keysUnder(`${dir}/`)).toEqual([])
            expect(yield* Effect.flip(get(key()))).toBeInstanceOf(BlobMissing)
          })
        )
        live(
          `leaves what was there before a body that ${title}`,
          Effect.gen(function* () {
            const { dir, key } = place()
            yield* put(key(), "before")
            yield* attempt(key())
            expect(yield* text(key())).toBe("before")
            expect(yield* keysUnder(`${dir}/`)).toEqual([key()])
          })
        )
      }

      live(
        "shows nothing before it is over",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          const seen = Effect.zip(storage.stat(key()), keysUnder(`${dir}/`))
          const during = yield* Deferred.make<Effect.Effect.Success<typeof seen>>()
          const look = Stream.fromEffect(
            Effect.flatMap(Effect.orDie(seen), (now) => Deferred.succeed(during, now))
          )
          yield* storage.write(
            key(),
            Stream.concat(body(begun), Stream.drain(Stream.provideService(look, Storage, storage))),
            1 * MiB
          )
          expect(yield* Deferred.await(during)).toEqual([Option.none(), []])
          expect(yield* keysUnder(`${dir}/`)).toEqual([key()])
        })
      )

      live(
        "replaces content at once: who began to read the old reads it to its end, also when the new is removed",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const old = pattern(8 * MiB)
          yield* put(key(), old)
          const pull = yield* Stream.toPull(storage.read(key()))
          const got = [...(yield* pull)]
          yield* put(key(), "new")
          expect(yield* text(key())).toBe("new")
          yield* storage.remove(key())
          const rest = Effect.forever(Effect.map(pull, (parts) => void got.push(...parts)))
          expect(yield* Effect.flip(rest)).toEqual(Option.none())
          expect(Buffer.concat(got).equals(old)).toBe(true)
        })
      )

      live(
        "mixes no two bodies written at once",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const contents = Array.from({ length: 6 }, (_, index) => Buffer.alloc(400 * KiB, index))
          const write = (content: Buffer) =>
            storage.write(key(), body(content.subarray(0, 1000), content.subarray(1000)), 1 * MiB)
          yield* Effect.forEach(contents, write, { concurrency: "unbounded" })
          const kept = yield* get(key())
          expect(contents.some((content) => content.equals(kept))).toBe(true)
        })
      )

      live(
        "shares no memory with those who write and read",
        Effect.gen(function* () {
          const { key } = place()
          const mine = Buffer.from("mine")
          yield* put(key(), mine)
          mine.fill("x")
          const storage = yield* Storage
          const spare: Array<Uint8Array> = []
          const done = (bytes: Uint8Array) => Effect.sync(() => spare.push(bytes.fill(120)))
          for (let time = 0; time < 2; time++)
            yield* Stream.runForEach(storage.read(key(), undefined, spare), done)
          expect(yield* text(key())).toBe("mine")
        })
      )

      live(
        "has taken what it needs of a piece when it asks for the next",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const memory = Buffer.alloc(300 * KiB)
          const numbers = Array.from({ length: 40 }, (_, index) => index + 1)
          const overwritten = Stream.mapEffect(Stream.fromIterable(numbers), (number) =>
            Effect.sync(() => memory.fill(number))
          )
          yield* storage.write(key(), overwritten, 40 * memory.length)
          const expected = Buffer.concat(numbers.map((number) => Buffer.alloc(memory.length, number)))
          expect((yield* get(key())).equals(expected)).toBe(true)
        })
      )

      live(
        "succeeds while others remove the last blob beside it",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          const comeAndGo = (index: number) =>
            Effect.zipRight(put(key(`${index}`), `${index}`), storage.remove(key(`${index}`)))
          yield* Effect.forEach(Array.from({ length: 150 }).keys(), comeAndGo, { concurrency: 8 })
          expect(yield* keysUnder(`${dir}/`)).toEqual([])
        })
      )
    })

    describe("read", () => {
      for (const [title, range, [from, to]] of ranges) {
        live(
          `gives a range ${title}`,
          Effect.gen(function* () {
            const { key } = place()
            const content = pattern(1000)
            yield* put(key(), content)
            expect(yield* get(key(), range)).toEqual(Buffer.from(content.subarray(from, to)))
          })
        )
      }

      live(
        "gives no bytes of any range of an empty blob",
        Effect.gen(function* () {
          const { key } = place()
          yield* put(key(), "")
          expect((yield* get(key(), { start: 0, end: 0 })).length).toBe(0)
        })
      )

      live(
        "gives a range across its own chunks",
        Effect.gen(function* () {
          const { key } = place()
          const content = pattern(5 * MiB + 3)
          yield* put(key(), content)
          const range = { start: 1 * MiB - 1, end: 4 * MiB + 1 }
          expect((yield* get(key(), range)).equals(content.subarray(range.start, range.end + 1))).toBe(true)
        })
      )

      live(
        "may read into pieces that are done with, whatever their lengths",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const content = pattern(5 * MiB + 3)
          yield* put(key(), content)
          const spare: Array<Uint8Array> = [new Uint8Array(1), new Uint8Array(700 * KiB)]
          const got: Array<Uint8Array> = []
          yield* Stream.runForEach(storage.read(key(), { start: 3, end: 5 * MiB }, spare), (piece) =>
            Effect.sync(() => {
              got.push(Buffer.from(piece))
              spare.push(piece)
            })
          )
          expect(Buffer.concat(got).equals(content.subarray(3, 5 * MiB + 1))).toBe(true)
        })
      )

      live(
        "fails before the first chunk when the blob is missing, with or without a range",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          for (const range of [undefined, { start: 5, end: 4 }]) {
            expect(yield* Effect.flip(Stream.runHead(storage.read(key(), range)))).toEqual(
              new BlobMissing({ dir })
            )
          }
        })
      )

      live(
        "gives a large blob in pieces of at most 1 MiB, to several readers, of whom some leave early",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const content = pattern(24 * MiB)
          const pieces = Array.from({ length: 96 }, (_, index) =>
            content.subarray(index * 256 * KiB, (index + 1) * 256 * KiB)
          )
          yield* storage.write(key(), body(...pieces), 24 * MiB)
          const whole = Effect.gen(function* () {
            const parts = Chunk.toArray(yield* Stream.runCollect(storage.read(key())))
            expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(1 * MiB)
            expect(Buffer.concat(parts).equals(content)).toBe(true)
          })
          const leaving = Stream.runDrain(Stream.take(storage.read(key()), 1))
          yield* Effect.all([whole, leaving, whole, leaving], { concurrency: "unbounded" })
        })
      )
    })

    describe("stat, remove and list", () => {
      live(
        "know nothing of what was never written",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          expect(yield* storage.stat(key())).toEqual(Option.none())
          expect(yield* keysUnder(`${dir}/`)).toEqual([])
          expect(yield* keysUnder(`${dir}/slot_1/`)).toEqual([])
          yield* storage.remove(key())
        })
      )

      live(
        "remove once, twice and together, and nothing else",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          yield* put(key("gone"), "1")
          yield* put(key("kept"), "2")
          yield* Effect.all([storage.remove(key("gone")), storage.remove(key("gone"))], {
            concurrency: "unbounded"
          })
          yield* storage.remove(key("gone"))
          expect(yield* storage.stat(key("gone"))).toEqual(Option.none())
          expect(yield* keysUnder(`${dir}/`)).toEqual([key("kept")])
          yield* put(key("gone"), "again")
          expect(yield* text(key("gone"))).toBe("again")
        })
      )

      live(
        "list whole parts of keys only",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          const longer = blobKey(DirId(`${dir}c`), "slot_1", FileName("a.bin"))
          const all = [key("x", "b"), key("y", "b"), key("x", "bc"), key("b", "a")].sort()
          yield* Effect.forEach([...all, longer], (each) => put(each, each))
          expect(yield* keysUnder(`${dir}/`)).toEqual(all)
          expect(yield* keysUnder(`${dir}/b/`)).toEqual([key("x", "b"), key("y", "b")])
          expect(yield* keysUnder("")).toEqual(expect.arrayContaining([...all, longer]))
          yield* Effect.forEach([...all, longer], storage.remove)
        })
      )

      live(
        "list the same as stat, for more blobs than one page or folder of any store holds",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          const keys = Array.from({ length: 1100 }, (_, index) => key(`f${index}`, `slot_${index % 7}`))
          yield* Effect.forEach(keys, (each) => put(each, "x"), { concurrency: 16 })
          const listed = Chunk.toArray(yield* Stream.runCollect(storage.list(`${dir}/`)))
          expect(listed.map((blob) => blob.key).sort()).toEqual([...keys].sort())
          const first = listed[0] as Blob
          expect(yield* storage.stat(first.key)).toEqual(Option.some(first))
        })
      )
    })

    describe("download", () => {
      live(
        "makes a file that stays as it is when the blob is replaced and removed",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const folder = yield* scratch
          const path = join(folder, "-odd %03d name.mp4")
          const content = pattern(3 * MiB)
          yield* put(key(), content)
          yield* storage.download(key(), path)
          yield* put(key(), "other")
          yield* storage.remove(key())
          expect((yield* Effect.promise(() => readFile(path))).equals(content)).toBe(true)
        })
      )

      live(
        "leaves the blob as it is when the file is removed",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const path = join(yield* scratch, "in")
          yield* put(key(), "kept")
          yield* storage.download(key(), path)
          yield* Effect.promise(() => rm(path))
          yield* storage.download(key(), path)
          expect(yield* text(key())).toBe("kept")
        })
      )

      live(
        "fails for a missing blob, and makes no file",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          const path = join(yield* scratch, "in")
          expect(yield* Effect.flip(storage.download(key(), path))).toEqual(new BlobMissing({ dir }))
          expect(yield* Effect.promise(() => stat(path).catch((error) => error.code))).toBe("ENOENT")
        })
      )

      live(
        "blames the disk, not the blob, for a folder that is not there",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          yield* put(key(), "x")
          expect(
            yield* Effect.flip(storage.download(key(), join(yield* scratch, "no", "in")))
          ).toBeInstanceOf(Unavailable)
        })
      )

      live(
        "replaces no file",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const path = join(yield* scratch, "in")
          yield* put(key(), "x")
          yield* Effect.promise(() => writeFile(path, "mine"))
          expect(yield* Effect.flip(storage.download(key(), path))).toBeInstanceOf(Unavailable)
          expect(yield* Effect.promise(() => readFile(path, "utf8"))).toBe("mine")
        })
      )
    })

    describe("upload", () => {
      live(
        "takes a file whole, as of now, however old the file is",
        Effect.gen(function* () {
          const { key } = place()
          const storage = yield* Storage
          const path = join(yield* scratch, "out.mp4")
          const content = pattern(3 * MiB, 5)
          yield* Effect.promise(() => writeFile(path, content))
          yield* Effect.promise(() => utimes(path, 1, 1))
          const blob = yield* storage.upload(path, key())
          expect(blob).toMatchObject({ key: key(), bytes: content.length })
          // The orphan sweep goes by age: it would remove a result with an old date.
          expect(Math.abs(blob.modifiedAt.getTime() - (yield* Clock.currentTimeMillis))).toBeLessThan(60_000)
          expect(yield* storage.stat(key())).toEqual(Option.some(blob))
          expect((yield* get(key())).equals(content)).toBe(true)
        })
      )

      live(
        "replaces content, and takes empty files",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          const path = join(yield* scratch, "out")
          yield* put(key(), "before")
          yield* Effect.promise(() => writeFile(path, ""))
          expect((yield* storage.upload(path, key())).bytes).toBe(0)
          expect(yield* text(key())).toBe("")
          expect(yield* keysUnder(`${dir}/`)).toEqual([key()])
        })
      )

      live(
        "takes back what it gave",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          const path = join(yield* scratch, "same")
          yield* put(key("one"), "same")
          yield* storage.download(key("one"), path)
          yield* storage.upload(path, key("two"))
          yield* storage.remove(key("one"))
          expect(yield* text(key("two"))).toBe("same")
          expect(yield* keysUnder(`${dir}/`)).toEqual([key("two")])
        })
      )

      live(
        "fails for a missing path or one that is no file, and keeps the previous content",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          const folder = yield* scratch
          yield* put(key(), "before")
          yield* Effect.promise(() => mkdir(join(folder, "sub")))
          for (const path of [join(folder, "nothing"), join(folder, "sub")]) {
            expect(yield* Effect.flip(storage.upload(path, key()))).toBeInstanceOf(Unavailable)
            expect(yield* Effect.flip(storage.upload(path, key("other", "slot_2")))).toBeInstanceOf(
              Unavailable
            )
          }
          expect(yield* text(key())).toBe("before")
          expect(yield* keysUnder(`${dir}/`)).toEqual([key()])
        })
      )
    })

    describe("keys", () => {
      for (const hostile of hostileKeys) {
        live(
          `refuses ${JSON.stringify(hostile.length > 40 ? `${hostile.slice(0, 40)}...` : hostile)} as the bug it is`,
          Effect.gen(function* () {
            const storage = yield* Storage
            const key = BlobKey(hostile)
            const path = join(yield* scratch, "file")
            yield* Effect.promise(() => writeFile(path, "x"))
            const attempts: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
              storage.write(key, body("x"), 1),
              Stream.runDrain(storage.read(key)),
              storage.stat(key),
              storage.remove(key),
              storage.download(key, `${path}.in`),
              storage.upload(path, key),
              storage.openParts(key, 1),
              storage.writePart(key, { upload: "x", number: 1, bytes: 1, partBytes: 1 }, body("x")),
              storage.joinParts(key, "x", { bytes: 1, partBytes: 1 }),
              storage.sign({ method: "PUT", key, expiresAt: new Date(0), maxBytes: 1 })
            ]
            for (const attempt of attempts) {
              const exit = yield* Effect.exit(attempt)
              expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
            }
          })
        )
      }

      for (const prefix of hostilePrefixes) {
        live(
          `refuses to list ${JSON.stringify(prefix)}`,
          Effect.gen(function* () {
            const exit = yield* Effect.exit(keysUnder(prefix))
            expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
          })
        )
      }

      live(
        "takes odd but legal names as they are",
        Effect.gen(function* () {
          const { dir, key } = place()
          const storage = yield* Storage
          const folder = yield* scratch
          const keys = oddNames.map((odd) => key(odd))
          yield* Effect.forEach(keys, (each) => put(each, each))
          expect(yield* keysUnder(`${dir}/`)).toEqual([...keys].sort())
          for (const [index, each] of keys.entries()) {
            expect(yield* text(each)).toBe(each)
            yield* storage.download(each, join(folder, `${index}`))
            yield* storage.upload(join(folder, `${index}`), each)
            yield* storage.remove(each)
          }
          expect(yield* keysUnder(`${dir}/`)).toEqual([])
        })
      )
    })

    storagePartsSuite(layer)

    describe("signed requests", () => {
      if (options.tokens ?? true) tokenSuite(layer)
      else {
        live(
          "are for the storage's own address, and nothing is redeemed here",
          Effect.gen(function* () {
            const { key } = place()
            const storage = yield* Storage
            const expiresAt = new Date((yield* Clock.currentTimeMillis) + 60_000)
            const request = yield* storage.sign({
              method: "GET",
              key: key(),
              expiresAt,
              fileName: FileName("a.bin")
            })
            expect(new URL(request.url).pathname.startsWith("/")).toBe(true)
            expect(yield* Effect.flip(storage.redeem("anything"))).toBeInstanceOf(SignedUrlExpired)
          })
        )
      }
    })
  })

const tokenSuite = (layer: Layer.Layer<Storage, unknown>) => {
  const { key } = place()
  const expiresAt = new Date(300_000)
  const grants: ReadonlyArray<Grant> = [
    { method: "GET", key: key(), expiresAt, fileName: FileName("a.bin") },
    ...oddNames.map((odd): Grant => ({ method: "GET", key: key(odd), expiresAt, fileName: FileName(odd) })),
    { method: "GET", key: key("list.m3u8"), expiresAt, fileName: FileName("list.m3u8"), siblings: true },
    { method: "PUT", key: key(), expiresAt, maxBytes: 2 ** 31 },
    { method: "PUT", key: key("é %2f"), expiresAt: new Date(1), maxBytes: 0 },
    {
      method: "PUT",
      key: key(),
      expiresAt,
      maxBytes: 5,
      part: { upload: "an upload / of: é", number: 3, bytes: 25, partBytes: 10 }
    }
  ]
  const download = grants[0] as Grant

  /** `/blob/<token>`, optionally followed by the name of the download. */
  const tokenOf = (url: string) =>
    /^\/blob\/([A-Za-z0-9._~-]+)(?:\/[^/?#]*)?$/.exec(url)?.[1] ?? expect.fail(`no token in ${url}`)

  const timed = (title: string, program: Effect.Effect<void, unknown, Storage>) =>
    it.effect(title, () => Effect.provide(program, layer))

  timed(
    "give the grant back",
    Effect.gen(function* () {
      const storage = yield* Storage
      for (const grant of grants) {
        const request = yield* storage.sign(grant)
        expect(request.method).toBe(grant.method)
        expect(yield* storage.redeem(tokenOf(request.url))).toEqual(grant)
        expect(yield* storage.redeem(tokenOf(request.url))).toEqual(grant)
      }
    })
  )

  timed(
    "name a download by the last part of their path",
    Effect.gen(function* () {
      const storage = yield* Storage
      for (const odd of oddNames) {
        const { url } = yield* storage.sign({ method: "GET", key: key(), expiresAt, fileName: FileName(odd) })
        expect(decodeURIComponent(url.slice(url.lastIndexOf("/") + 1))).toBe(odd)
      }
    })
  )

  timed(
    "end on time",
    Effect.gen(function* () {
      const storage = yield* Storage
      const token = tokenOf((yield* storage.sign(download)).url)
      yield* TestClock.setTime(expiresAt.getTime() - 1)
      expect(yield* storage.redeem(token)).toEqual(download)
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(storage.redeem(token))).toBeInstanceOf(SignedUrlExpired)
      yield* TestClock.adjust("30 days")
      expect(yield* Effect.flip(storage.redeem(token))).toBeInstanceOf(SignedUrlExpired)
    })
  )

  timed(
    "are void when altered, cut, stretched or made up",
    Effect.gen(function* () {
      const storage = yield* Storage
      const token = tokenOf((yield* storage.sign(download)).url)
      const other = tokenOf((yield* storage.sign({ ...download, key: key("other") } as Grant)).url)
      const half = Math.floor(token.length / 2)
      const altered = Array.from(
        token,
        (letter, index) => `${token.slice(0, index)}${letter === "A" ? "B" : "A"}${token.slice(index + 1)}`
      )
      const forged = [
        ...altered,
        token.slice(0, -1),
        `${token}A`,
        `${token}=`,
        ` ${token}`,
        token.slice(0, half) + other.slice(half),
        token.repeat(2)
      ]
      for (const bad of [
        ...forged,
        "",
        ".",
        "..",
        "a.b",
        "%",
        "\u0000",
        "é",
        "\ud800",
        "constructor",
        "__proto__"
      ]) {
        if (bad === token || bad === other) continue
        expect(yield* Effect.flip(storage.redeem(bad)), bad).toBeInstanceOf(SignedUrlExpired)
      }
      expect(yield* storage.redeem(token)).toEqual(download)
    })
  )

  timed(
    "of another storage are void",
    Effect.gen(function* () {
      const storage = yield* Storage
      const foreign = yield* Effect.provide(
        Effect.flatMap(Storage, (other) => other.sign(download)),
        Layer.fresh(layer)
      )
      expect(yield* Effect.flip(storage.redeem(tokenOf(foreign.url)))).toBeInstanceOf(SignedUrlExpired)
    })
  )
}
