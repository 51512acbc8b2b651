import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, Stream, TestClock } from "effect"
import { noQuota } from "../account.js"
import { BlobKey, DirId, FileName, type OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Accounts } from "../ports/accounts.js"
import { Directories } from "../ports/directories.js"
import { Jobs } from "../ports/jobs.js"
import { Storage } from "../ports/storage.js"
import { anOwner, claimed, publishedBy } from "../ports/suites/samples.suite.js"
import { findJob } from "./await-job.js"
import { createDirectory, listDirectories } from "./directories.js"
import {
  deleteFile,
  describeFile,
  listFiles,
  readFile,
  receiveFile,
  registerFile,
  signDownload,
  storeFile
} from "./files.js"
import { storedBytes } from "./quota.js"
import { submit } from "./submit.js"
import { sweep, sweepOrphans } from "./sweep.js"
import { bytes, ownerWithFile, taskOn, world } from "./world.suite.js"

const quiet = { webhookUrl: null }
const name = FileName("in.mp4")

const stored = (key: BlobKey) =>
  Effect.flatMap(Storage, (storage) => Effect.map(storage.stat(key), Option.isSome))
const contentOf = (key = BlobKey("")) =>
  Effect.flatMap(Storage, (storage) => Stream.mkString(Stream.decodeText(storage.read(key))))
const names = (owner: OwnerId, dir: DirId) =>
  Effect.map(listFiles(owner, dir), (files) => files.map((file) => file.name))

describe("registration", () => {
  it.effect.each(["../../escape.jpg", "a/b", "..", "", "a\0b", "x".repeat(256)])(
    "refuses the name %j, whatever its type claims",
    (text) =>
      Effect.gen(function* () {
        const owner = anOwner()
        const ask = { name: FileName(text), dir: null }
        const errors = [
          yield* Effect.flip(registerFile(owner, ask)),
          yield* Effect.flip(storeFile(owner, ask, bytes("12345")))
        ]
        for (const error of errors)
          expect([error._tag, error.message]).toEqual([
            "InvalidRequest",
            expect.stringMatching(/^file_name must/)
          ])
        expect(yield* listDirectories(owner)).toEqual([])
      }).pipe(Effect.provide(world()))
  )

  it.effect("a registration is there once its bytes are, and may be asked for again before", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { file } = yield* registerFile(owner, { name, dir: null })
      const missing = yield* Effect.flip(describeFile(owner, file.dir, name))
      expect(missing.message).toMatch(/not been uploaded/)
      expect(yield* names(owner, file.dir)).toEqual([])
      const again = yield* registerFile(owner, { name, dir: file.dir })
      expect(again.file.key).toBe(file.key)
      expect(again.upload.url).not.toBe("")
      yield* (yield* Storage).write(file.key, bytes("12345"), 5)
      expect((yield* describeFile(owner, file.dir, name)).bytes).toBe(5)
      expect(yield* names(owner, file.dir)).toEqual([name])
      expect((yield* Effect.flip(registerFile(owner, { name, dir: file.dir })))._tag).toBe("NameTaken")
      expect((yield* Effect.flip(describeFile(anOwner(), file.dir, name))).message).toBe("File not found")
    }).pipe(Effect.provide(world()))
  )

  it.effect("an upload repeated while its URL lives has the size of the last one", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { file } = yield* registerFile(owner, { name, dir: null })
      const storage = yield* Storage
      yield* storage.write(file.key, bytes("12345"), 5)
      yield* storage.write(file.key, bytes("123"), 5)
      expect((yield* describeFile(owner, file.dir, name)).bytes).toBe(3)
    }).pipe(Effect.provide(world()))
  )

  it.effect(
    "what a job was accepted with stays as it was, whatever is uploaded to the same URL afterwards",
    () =>
      Effect.gen(function* () {
        const owner = anOwner()
        const { file } = yield* registerFile(owner, { name, dir: null })
        yield* receiveFile(owner, file.key, bytes("12345"), 5)
        const pinned = yield* claimed(yield* submit(owner, taskOn(file.dir), quiet))
        yield* receiveFile(owner, file.key, bytes("a longer one"), null)
        expect((yield* describeFile(owner, file.dir, name)).bytes).toBe(12)
        const [input] = pinned.task.inputs
        expect(input?.bytes).toBe(5)
        expect(yield* contentOf(input?.key)).toBe("12345")
        // Without a job the bytes that are replaced go at once.
        const { key } = yield* describeFile(owner, file.dir, name)
        yield* receiveFile(owner, file.key, bytes("third"), null)
        expect(yield* stored(key)).toBe(false)
      }).pipe(Effect.provide(world()))
  )

  it.effect("so it does where the upload went straight to the storage, and is charged at its first use", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const storage = yield* Storage
      const { file } = yield* registerFile(owner, { name, dir: null })
      yield* storage.write(file.key, bytes("12345"), 5)
      const jobs = yield* Effect.forEach(
        [1, 2],
        () => Effect.flatMap(submit(owner, taskOn(file.dir), quiet), claimed),
        { concurrency: 2 }
      )
      yield* storage.write(file.key, bytes("a longer one"), 20)
      for (const { task } of jobs) {
        expect(task.inputs[0]?.bytes).toBe(5)
        expect(yield* contentOf(task.inputs[0]?.key)).toBe("12345")
      }
      expect((yield* describeFile(owner, file.dir, name)).bytes).toBe(5)

      const poor = (yield* (yield* Accounts).issue({ name: "", quota: { ...noQuota, storedBytes: 4 } })).id
      const other = (yield* registerFile(poor, { name, dir: null })).file
      yield* storage.write(other.key, bytes("12345"), 5)
      expect((yield* Effect.flip(signDownload(poor, other.dir, name)))._tag).toBe("QuotaExceeded")
    }).pipe(Effect.provide(world()))
  )

  it.effect("a list is joined as it was checked", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { id: dir } = yield* createDirectory(owner, null)
      yield* storeFile(owner, { name: FileName("a.mp4"), dir }, bytes("a"))
      const { file } = yield* registerFile(owner, { name, dir })
      yield* receiveFile(owner, file.key, bytes("file a.mp4"), null)
      const task = taskOn(dir, {
        inputs: [{ source: { _tag: "Stored", dir, name }, options: [], concat: true }]
      })
      const claim = yield* claimed(yield* submit(owner, task, quiet))
      yield* receiveFile(owner, file.key, bytes("x".repeat(200_000)), null)
      expect(yield* contentOf(claim.task.inputs[0]?.key)).toBe("file a.mp4")
      expect((yield* Effect.flip(submit(owner, task, quiet))).message).toContain("is too long")
    }).pipe(Effect.provide(world()))
  )

  it.effect("of uploads to one URL at one time the row names one, and no other bytes stay", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { file } = yield* registerFile(owner, { name, dir: null })
      const texts = ["1", "22", "333", "4444"]
      yield* Effect.forEach(texts, (text) => receiveFile(owner, file.key, bytes(text), null), {
        concurrency: "unbounded"
      })
      const { key, bytes: length } = yield* describeFile(owner, file.dir, name)
      expect(yield* contentOf(key)).toHaveLength(length)
      expect(yield* Stream.runCount((yield* Storage).list(`${file.dir}/`))).toBe(1)
    }).pipe(Effect.provide(world()))
  )

  it.effect("refuses an upload whose registration has ended, and leaves nothing", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { file } = yield* registerFile(owner, { name, dir: null })
      yield* receiveFile(owner, file.key, bytes("12345"), null)
      yield* deleteFile(owner, file.dir, name)
      yield* registerFile(owner, { name, dir: file.dir })
      expect((yield* Effect.flip(receiveFile(owner, file.key, bytes("12345"), null)))._tag).toBe(
        "SignedUrlExpired"
      )
      expect(yield* Stream.runCount((yield* Storage).list(`${file.dir}/`))).toBe(0)
    }).pipe(Effect.provide(world()))
  )

  it.effect(
    "an upload that is larger than the limit, which a storage's own URL can't hold, is removed and may be made anew",
    () =>
      Effect.gen(function* () {
        const owner = anOwner()
        const { file } = yield* registerFile(owner, { name, dir: null })
        const storage = yield* Storage
        yield* storage.write(file.key, bytes("123456"), 10)
        expect((yield* Effect.flip(describeFile(owner, file.dir, name))).message).toMatch(/not been uploaded/)
        expect(yield* stored(file.key)).toBe(false)
        yield* storage.write(file.key, bytes("123456"), 10)
        yield* TestClock.adjust("1 hours")
        // Counting it must not take its size for final.
        expect(yield* storedBytes(owner)).toBe(6)
        expect((yield* Effect.flip(submit(owner, taskOn(file.dir), quiet)))._tag).toBe("FileNotFound")
        expect((yield* registerFile(owner, { name, dir: file.dir })).file.key).toBe(file.key)
        yield* storage.write(file.key, bytes("12345"), 10)
        expect((yield* describeFile(owner, file.dir, name)).bytes).toBe(5)
      }).pipe(Effect.provide(world({ limits: { uploadBytes: 5 } })))
  )

  it.effect("one whose upload never arrives ends, and one whose upload arrived late has its size", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { id: dir } = yield* createDirectory(owner, null)
      const registered = (text: string) => registerFile(owner, { name: FileName(text), dir })
      const [late, , renewed] = [
        yield* registered("late"),
        yield* registered("never"),
        yield* registered("renewed")
      ]
      const { registrationSeconds, signedUrlSeconds } = yield* Limits
      const rows = Effect.flatMap(Directories, (directories) =>
        Effect.map(directories.files(dir), (files) =>
          Object.fromEntries(files.map((file) => [file.name, file.bytes]))
        )
      )
      yield* TestClock.adjust(`${signedUrlSeconds} seconds`)
      yield* sweep
      expect(yield* rows).toEqual({ late: null, never: null, renewed: null })
      yield* (yield* Storage).write(late.file.key, bytes("12345"), 5)
      expect((yield* registered("renewed")).file.key).toBe(renewed.file.key)
      yield* TestClock.adjust(`${registrationSeconds} seconds`)
      yield* sweep
      expect(yield* rows).toEqual({ late: 5, renewed: null })
      expect((yield* Effect.flip(describeFile(owner, dir, FileName("never")))).message).toBe("File not found")
      // The name is free again, for other bytes.
      expect((yield* registered("never")).file.key).not.toBe("")
    }).pipe(Effect.provide(world()))
  )

  it.effect("a listing asks storage for those that arrived, not for each of many that did not", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { id: dir } = yield* createDirectory(owner, null)
      const files = yield* Effect.forEach(
        Array.from({ length: 100 }, (_, index) => FileName(`${index}.mp4`)),
        (each) => Effect.map(registerFile(owner, { name: each, dir }), ({ file }) => file)
      )
      const storage = yield* Storage
      for (const index of [3, 50]) yield* storage.write(files[index]?.key ?? BlobKey(""), bytes("12345"), 5)
      let asked = 0
      const stat: typeof storage.stat = (key) =>
        Effect.suspend(() =>
          Effect.zipRight(
            Effect.sync(() => void asked++),
            storage.stat(key)
          )
        )
      const listed = yield* listFiles(owner, dir).pipe(Effect.provideService(Storage, { ...storage, stat }))
      expect(listed.map((file) => [file.name, file.bytes])).toEqual([
        ["3.mp4", 5],
        ["50.mp4", 5]
      ])
      expect(asked).toBe(2)
    }).pipe(Effect.provide(world()))
  )

  it.effect("two registrations at once agree on the place", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { id } = yield* createDirectory(owner, null)
      const both = yield* Effect.all(
        [registerFile(owner, { name, dir: id }), registerFile(owner, { name, dir: id })],
        { concurrency: 2 }
      )
      expect(new Set(both.map(({ file }) => file.key)).size).toBe(1)
    }).pipe(Effect.provide(world()))
  )
})

describe("a directory", () => {
  it.effect("is not found or listed from the moment it expires", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { id } = yield* createDirectory(owner, 60)
      const later = yield* createDirectory(owner, 61)
      yield* storeFile(owner, { name, dir: id }, bytes("x"))
      yield* TestClock.adjust("60 seconds")
      expect((yield* Effect.flip(describeFile(owner, id, name)))._tag).toBe("FileNotFound")
      expect((yield* Effect.flip(registerFile(owner, { name, dir: id })))._tag).toBe("DirectoryNotFound")
      expect((yield* Effect.flip(listFiles(owner, id)))._tag).toBe("DirectoryNotFound")
      expect((yield* Effect.flip(deleteFile(owner, id, name)))._tag).toBe("FileNotFound")
      expect((yield* listDirectories(owner)).map((directory) => directory.id)).toEqual([later.id])
      expect(yield* listDirectories(anOwner())).toEqual([])
    }).pipe(Effect.provide(world()))
  )

  it.effect("lists uploads, imports and outputs, oldest first", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      yield* TestClock.adjust("1 seconds")
      yield* storeFile(owner, { name: FileName("a.mp4"), dir }, bytes("x"))
      yield* TestClock.adjust("1 seconds")
      const claim = yield* claimed(yield* submit(owner, taskOn(dir), quiet))
      yield* (yield* Jobs).complete(claim, publishedBy(claim))
      expect(yield* names(owner, dir)).toEqual(["in.mp4", "a.mp4", "out.mp4"])
    }).pipe(Effect.provide(world()))
  )
})

describe("deleting", () => {
  it.effect("takes row and bytes, and leaves the name free", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const { key } = yield* deleteFile(owner, dir, name)
      expect(yield* stored(key)).toBe(false)
      expect(yield* names(owner, dir)).toEqual([])
      expect((yield* Effect.flip(deleteFile(owner, dir, name))).message).toBe("File not found")
      expect((yield* registerFile(owner, { name, dir })).file.key).not.toBe(key)
    }).pipe(Effect.provide(world()))
  )

  it.effect("an upload that comes by an old URL brings nothing back, and the sweep of orphans takes it", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const storage = yield* Storage
      const { file } = yield* registerFile(owner, { name, dir: null })
      yield* storage.write(file.key, bytes("first"), 10)
      yield* deleteFile(owner, file.dir, name)
      yield* storage.write(file.key, bytes("late"), 10)
      expect((yield* Effect.flip(describeFile(owner, file.dir, name))).message).toBe("File not found")
      yield* TestClock.adjust("86401 seconds")
      yield* sweepOrphans
      expect(yield* stored(file.key)).toBe(false)
    }).pipe(Effect.provide(world()))
  )

  it.effect.each([
    ["a foreign file", (_: OwnerId, dir: DirId) => deleteFile(anOwner(), dir, name)],
    ["an unknown file", (owner: OwnerId, dir: DirId) => deleteFile(owner, dir, FileName("none.mp4"))],
    ["a file of an unknown directory", (owner: OwnerId) => deleteFile(owner, DirId("dir_none"), name)]
  ] as const)("%s is not found, and nothing goes", ([_, remove]) =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const error = yield* Effect.flip(remove(owner, dir))
      expect([error._tag, error.message]).toEqual(["FileNotFound", "File not found"])
      expect(yield* names(owner, dir)).toEqual([name])
    }).pipe(Effect.provide(world()))
  )

  it.effect("while an accepted job reads it: listings no longer show it, and the job still reads it", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const id = yield* submit(owner, taskOn(dir), quiet)
      const { key } = yield* deleteFile(owner, dir, name)
      expect(yield* names(owner, dir)).toEqual([])
      expect((yield* Effect.flip(submit(owner, taskOn(dir), quiet))).message).toBe("File not found")

      // As old as an orphan may get, the bytes are still there for the job: pending, then running.
      yield* TestClock.adjust("86401 seconds")
      yield* sweepOrphans
      const claim = yield* claimed(id)
      yield* sweepOrphans
      const read = yield* Stream.runCollect((yield* Storage).read(claim.task.inputs[0]?.key ?? BlobKey("")))
      expect(Buffer.concat([...read]).toString()).toBe("content")

      yield* (yield* Jobs).complete(claim, publishedBy(claim))
      yield* sweepOrphans
      expect(yield* stored(key)).toBe(false)
    }).pipe(Effect.provide(world()))
  )

  it.effect("while two rows want its name: the file uploaded anew is another one", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const id = yield* submit(owner, taskOn(dir), quiet)
      yield* deleteFile(owner, dir, name)
      yield* storeFile(owner, { name, dir }, bytes("other"))
      const read = yield* Stream.runCollect(readFile(owner, dir, name))
      expect(Buffer.concat([...read]).toString()).toBe("other")
      expect((yield* findJob(owner, id)).task.inputs[0]?.bytes).toBe("content".length)
    }).pipe(Effect.provide(world()))
  )
})
