import { Effect, Either, Option, TestClock } from "effect"
import { noQuota } from "../../account.js"
import { expiresAt, type StoredFile } from "../../directory.js"
import { BlobKey, blobKey, DirId, FileName, JobId } from "../../ids.js"
import { defaultLimits, Limits } from "../../limits.js"
import { blobsRead } from "../../task.js"
import { Accounts } from "../accounts.js"
import { Directories } from "../directories.js"
import { Jobs } from "../jobs.js"
import { describe, expect, layer, it as plainIt } from "./effect-tests.suite.js"
import {
  aDirectory,
  aDirId,
  aFile,
  aJob,
  aKey,
  anOwner,
  aTask,
  aUsage,
  claimed,
  inSeconds,
  inserted,
  now,
  type RowsLayer,
  started
} from "./samples.suite.js"

/** The tests of `Directories`. Each build of `rows` is an empty database. */
export const directoriesSuite = (name: string, rows: RowsLayer): void => {
  describe(name, () => {
    describe("directories", () => directoryTests(rows))
    describe("files", () => fileTests(rows))
    describe("dropping what expired", () => dropTests(rows))
    describe("unreferenced keys", () => unreferencedTests(rows))
  })
}

type KeptFile = StoredFile & { readonly bytes: number }

const created = (over: Parameters<typeof aDirectory>[0] = {}) =>
  Effect.tap(aDirectory(over), (directory) =>
    Effect.flatMap(Directories, (directories) => directories.create(directory))
  )

const directoryTests = (rows: RowsLayer) =>
  layer(rows)((it) => {
    it.effect("a directory is found as it was made until the moment it expires", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const directory = yield* created({ ttlSeconds: 60 })
        expect(yield* directories.find(directory.owner, directory.id)).toEqual(Option.some(directory))
        yield* TestClock.adjust("59999 millis")
        expect(yield* directories.find(directory.owner, directory.id)).toEqual(Option.some(directory))
        yield* TestClock.adjust("1 millis")
        expect(yield* directories.find(directory.owner, directory.id)).toEqual(Option.none())
        expect(yield* directories.list(directory.owner)).toEqual([])
      })
    )

    it.effect("does not find unknown directories and those of other owners", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const directory = yield* created()
        expect(yield* directories.find(anOwner(), directory.id)).toEqual(Option.none())
        expect(yield* directories.find(directory.owner, aDirId())).toEqual(Option.none())
      })
    )

    it.effect("the list holds the owner's live ones, oldest first", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const owner = anOwner()
        const first = yield* created({ owner, ttlSeconds: 1000 })
        yield* TestClock.adjust("1 seconds")
        yield* created({ owner, ttlSeconds: 60 })
        yield* created({ ttlSeconds: 1000 })
        yield* TestClock.adjust("1 seconds")
        const third = yield* created({ owner, ttlSeconds: 2000 })
        expect(yield* directories.list(owner)).toHaveLength(3)
        yield* TestClock.adjust("60 seconds")
        expect(yield* directories.list(owner)).toEqual([first, third])
        expect(yield* directories.list(anOwner())).toEqual([])
      })
    )

    it.effect(
      "an owner has so many live ones, also of many that are made at once; expired ones and other owners' do not count",
      () =>
        Effect.gen(function* () {
          const directories = yield* Directories
          const owner = anOwner()
          yield* created({ owner, ttlSeconds: 60 })
          yield* TestClock.adjust("60 seconds")
          const results = yield* Effect.replicateEffect(Effect.either(created({ owner })), 8, {
            concurrency: "unbounded"
          })
          const made = results.flatMap((result) => (Either.isRight(result) ? [result.right] : []))
          expect(made).toHaveLength(3)
          const refused = results.flatMap((result) => (Either.isLeft(result) ? [result.left] : []))
          const sentence = expect.stringMatching(
            /at most 3 are allowed at a time, use one of them \(dir_id\)/
          )
          expect(refused).toEqual(
            refused.map(() => expect.objectContaining({ _tag: "TooManyRequests", message: sentence }))
          )
          yield* created()
          expect(yield* directories.dropEmpty(made[0]?.id ?? aDirId())).toBe(true)
          yield* created({ owner })
          expect((yield* Effect.flip(created({ owner })))._tag).toBe("TooManyRequests")
          expect(yield* directories.list(owner)).toHaveLength(3)
        }).pipe(Effect.provideService(Limits, { ...defaultLimits, directoriesPerKey: 3 }))
    )

    it.effect("one without files is dropped, unless a live job uses it", () =>
      Effect.gen(function* () {
        const [jobs, directories] = [yield* Jobs, yield* Directories]
        const [empty, full, used] = [yield* created(), yield* created(), yield* created()]
        const file = yield* aFile({ dir: full.id, bytes: null })
        yield* directories.addFile(file)
        const job = aJob({ owner: used.owner, task: aTask({ directory: used.id }) })
        yield* inserted(job)
        for (const [directory, drops] of [
          [empty, true],
          [full, false],
          [used, false]
        ] as const) {
          expect(yield* directories.dropEmpty(directory.id)).toBe(drops)
          expect(Option.isSome(yield* directories.find(directory.owner, directory.id))).toBe(!drops)
        }
        yield* directories.removeFile(full.id, file.name)
        yield* jobs.cancel(job.owner, job.id)
        for (const { id } of [full, used]) expect(yield* directories.dropEmpty(id)).toBe(true)
        expect(yield* directories.dropEmpty(empty.id)).toBe(false)
      })
    )
  })

const fileTests = (rows: RowsLayer) =>
  layer(rows)((it) => {
    it.effect("a file is found as it was added, whatever its legal name", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const { id: dir } = yield* created()
        for (const name of [
          "plain.mp4",
          "-x.mp4",
          "pipe:1",
          "a%03d.mp4",
          `it's "q" [1].mp4`,
          "ünï 日本.mp4",
          "x".repeat(255),
          "A.mp4",
          "a.mp4"
        ]) {
          const file = yield* aFile({ dir, name: FileName(name) })
          yield* directories.addFile(file)
          expect(yield* directories.file(dir, file.name)).toEqual(Option.some(file))
        }
        expect(yield* directories.files(dir)).toHaveLength(9)
        expect(yield* directories.file(dir, FileName("PLAIN.mp4"))).toEqual(Option.none())
        expect(yield* directories.file((yield* created()).id, FileName("plain.mp4"))).toEqual(Option.none())
      })
    )

    it.effect("files come oldest first, stored and registered alike, and only the directory's own", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const { id: dir } = yield* created()
        const added = []
        for (const [name, bytes] of [
          ["z", 1],
          ["a", null],
          ["m", 0]
        ] as const) {
          yield* TestClock.adjust("1 millis")
          const file = yield* aFile({ dir, name: FileName(name), bytes })
          yield* directories.addFile(file)
          added.push(file)
        }
        const late = yield* aFile({ dir, name: FileName("b"), addedAt: yield* inSeconds(-3600) })
        yield* directories.addFile(late)
        yield* directories.addFile(yield* aFile({ dir: (yield* created()).id }))
        expect(yield* directories.files(dir)).toEqual([late, ...added])
      })
    )

    it.effect("a registration takes its own bytes, once, and nothing else's", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const { id: dir } = yield* created()
        const registered = yield* aFile({ dir, bytes: null })
        yield* directories.addFile(registered)
        const refused = (file: typeof registered) =>
          Effect.map(Effect.flip(directories.addFile(file)), (error) => error._tag)
        expect(yield* refused({ ...registered, key: aKey(dir), bytes: 5 })).toBe("NameTaken")
        expect(yield* refused({ ...registered, key: aKey(dir) })).toBe("NameTaken")
        expect(yield* refused(registered)).toBe("NameTaken")
        expect(yield* directories.file(dir, registered.name)).toEqual(Option.some(registered))
        yield* TestClock.adjust("1 seconds")
        const stored = { ...registered, bytes: 0, addedAt: yield* now }
        yield* directories.addFile(stored)
        expect(yield* directories.file(dir, registered.name)).toEqual(Option.some(stored))
        expect(yield* refused({ ...stored, bytes: 6 })).toBe("NameTaken")
        expect(yield* refused({ ...stored, bytes: null })).toBe("NameTaken")
        expect(yield* refused({ ...stored, key: aKey(dir) })).toBe("NameTaken")
        expect(yield* directories.files(dir)).toEqual([stored])
      })
    )

    it.effect("adds no file to a removed directory, because its row would never be swept", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const swept = yield* created({ ttlSeconds: 60 })
        yield* directories.dropExpired(yield* inSeconds(60), 10)
        for (const dir of [aDirId(), swept.id]) {
          for (const bytes of [null, 1000]) {
            const file = yield* aFile({ dir, bytes })
            yield* directories.addFile(file)
            expect(yield* directories.files(dir)).toEqual([])
            expect(yield* directories.unreferenced([file.key])).toEqual([file.key])
          }
        }
      })
    )

    it.effect("sums the owner's stored bytes over all directories and lists files of unknown size", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const owner = anOwner()
        const stored = Effect.map(directories.stored(owner), ({ bytes, unsized }) => ({
          bytes,
          unsized: unsized.map(({ key }) => key).sort()
        }))
        expect(yield* directories.stored(owner)).toEqual({ bytes: 0, unsized: [] })
        const [first, second, expired] = [
          yield* created({ owner }),
          yield* created({ owner }),
          yield* created({ owner, ttlSeconds: 60 })
        ]
        yield* created({ owner })
        expect(yield* stored).toEqual({ bytes: 0, unsized: [] })
        const registered = yield* aFile({ dir: first.id, name: FileName("registered"), bytes: null })
        const other = yield* aFile({ dir: second.id, name: FileName("other"), bytes: null })
        for (const file of [
          yield* aFile({ dir: first.id, bytes: 10 }),
          yield* aFile({ dir: first.id, name: FileName("made"), bytes: 2 ** 40, origin: "output" }),
          yield* aFile({ dir: second.id, bytes: 0, origin: "import" }),
          yield* aFile({ dir: expired.id, bytes: 300 }),
          registered,
          other,
          yield* aFile({ dir: (yield* created()).id, bytes: 4000 }),
          yield* aFile({ dir: (yield* created()).id, bytes: null })
        ]) {
          yield* directories.addFile(file)
        }
        expect(yield* stored).toEqual({ bytes: 2 ** 40 + 310, unsized: [registered.key, other.key].sort() })
        expect((yield* directories.stored(owner)).unsized).toContainEqual(registered)

        yield* directories.addFile({ ...registered, bytes: 5 })
        yield* directories.removeFile(first.id, FileName("made"))
        expect(yield* stored).toEqual({ bytes: 315, unsized: [other.key] })
        yield* TestClock.adjust("60 seconds")
        expect(yield* stored).toEqual({ bytes: 315, unsized: [other.key] })
        yield* directories.dropExpired(yield* now, 10)
        expect(yield* stored).toEqual({ bytes: 15, unsized: [other.key] })
      })
    )

    it.effect(
      "bytes that lose their file while a live job reads them are counted until it has ended, and their keys come back once",
      () =>
        Effect.gen(function* () {
          const [jobs, directories] = [yield* Jobs, yield* Directories]
          const { id: dir, owner } = yield* created()
          const total = Effect.map(directories.stored(owner), ({ bytes }) => bytes)
          const file = (name: string, bytes: number, origin: StoredFile["origin"] = "upload") =>
            Effect.map(aFile({ dir, name: FileName(name), origin }), (found) => ({ ...found, bytes }))
          const [deleted, replaced, made] = [
            yield* file("deleted", 1),
            yield* file("replaced", 20),
            yield* file("out.mp4", 300, "output")
          ]
          const unread = yield* file("unread", 4000)
          for (const each of [deleted, replaced, made, unread]) yield* directories.addFile(each)
          const inputs = [deleted, replaced, made].map(({ name, key, bytes }) => ({
            name,
            key,
            bytes,
            options: []
          }))
          const readers = [aJob({ owner, task: aTask({ inputs }) }), aJob({ owner, task: aTask({ inputs }) })]
          for (const reader of readers) yield* inserted(reader)
          const maker = aJob({ owner, task: aTask({ directory: dir, inputs: [] }) })
          yield* inserted(maker)

          yield* directories.removeFile(dir, deleted.name)
          yield* directories.removeFile(dir, unread.name)
          expect(yield* total).toBe(321)
          expect(
            yield* directories.keepFile(owner, { ...replaced, key: aKey(dir), bytes: 2 }, replaced.key)
          ).toBe(true)
          expect(yield* total).toBe(323)
          const claim = yield* claimed(maker.id)
          const blob = { key: aKey(dir), bytes: 50, modifiedAt: yield* now }
          expect(
            yield* jobs.complete(claim, { outputs: [{ name: made.name, blob }], usage: aUsage, warnings: [] })
          ).toBe(true)
          expect(yield* total).toBe(373)

          const keys = sorted([deleted, replaced, made].map(({ key }) => key))
          const own = Effect.map(directories.releaseHeld(100), (released) =>
            sorted(released.filter((key) => keys.includes(key)))
          )
          for (const { id } of readers) {
            expect(yield* own).toEqual([])
            expect(yield* total).toBe(373)
            yield* jobs.cancel(owner, id)
          }
          expect(yield* own).toEqual(keys)
          expect(yield* own).toEqual([])
          expect(yield* total).toBe(52)
        })
    )

    it.effect("of several files added at once under one name one gets it", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const { id: dir } = yield* created()
        const files = yield* Effect.replicateEffect(
          Effect.suspend(() => aFile({ dir, key: aKey(dir) })),
          8
        )
        const results = yield* Effect.forEach(files, (file) => Effect.either(directories.addFile(file)), {
          concurrency: "unbounded"
        })
        expect(results.filter(({ _tag }) => _tag === "Right")).toHaveLength(1)
        const winner = files[results.findIndex(({ _tag }) => _tag === "Right")]
        expect(yield* directories.files(dir)).toEqual([winner])
      })
    )

    it.effect(
      "registrations are looked at when their URL ends, and end with the time for late uploads; new URLs begin that anew",
      () =>
        Effect.gen(function* () {
          const directories = yield* Directories
          const { registrationSeconds, signedUrlSeconds } = yield* Limits
          const { id: dir } = yield* created({ ttlSeconds: 86_400 })
          const [late, renewed, arrived] = [
            yield* aFile({ dir, name: FileName("late"), bytes: null }),
            yield* aFile({ dir, name: FileName("renewed"), bytes: null }),
            yield* aFile({ dir, name: FileName("arrived"), bytes: null })
          ]
          yield* Effect.forEach([late, renewed, arrived], directories.register)
          const ours = new Set([late.key, renewed.key, arrived.key])
          const due = Effect.map(directories.dueRegistrations(1_000_000), (files) =>
            sorted(files.flatMap(({ key }) => (ours.has(key) ? [key] : [])))
          )
          yield* TestClock.adjust(`${signedUrlSeconds * 1000 - 1} millis`)
          expect(yield* due).toEqual([])
          expect(yield* directories.renewRegistration(renewed.key)).toBe(true)
          yield* TestClock.adjust("1 millis")
          expect(yield* due).toEqual(sorted([late.key, arrived.key]))
          expect(yield* directories.dueRegistrations(1)).toHaveLength(1)
          yield* directories.addFile({ ...arrived, bytes: 5 })
          expect(yield* directories.renewRegistration(arrived.key)).toBe(false)
          yield* directories.keepWaiting([late.key, arrived.key])
          expect(yield* due).toEqual([])
          yield* TestClock.adjust(`${registrationSeconds} seconds`)
          expect(yield* due).toEqual(sorted([late.key, renewed.key]))
          yield* directories.keepWaiting([late.key, renewed.key])
          expect((yield* directories.files(dir)).map(({ key }) => key).sort()).toEqual(
            sorted([renewed.key, arrived.key])
          )
          expect(yield* directories.renewRegistration(late.key)).toBe(false)
        })
    )

    it.effect(
      "an owner has so many registrations over all directories; uploads that arrived, files and other owners do not count",
      () =>
        Effect.gen(function* () {
          const directories = yield* Directories
          const owner = anOwner()
          const [first, second] = [yield* created({ owner }), yield* created({ owner })]
          const register = (dir: DirId, name: string) =>
            Effect.flatMap(aFile({ dir, name: FileName(name), bytes: null }), (file) =>
              Effect.as(directories.register(file), file)
            )
          yield* directories.addFile(yield* aFile({ dir: first.id, name: FileName("stored") }))
          const one = yield* register(first.id, "one")
          yield* register(second.id, "two")
          const refused = yield* Effect.flip(register(second.id, "three"))
          expect([refused._tag, refused.message]).toEqual([
            "TooManyRequests",
            expect.stringContaining("at most 2 are allowed")
          ])
          expect((yield* Effect.flip(register(first.id, "one")))._tag).toBe("NameTaken")
          expect(yield* directories.file(second.id, FileName("three"))).toEqual(Option.none())
          yield* register((yield* created()).id, "of another")
          yield* directories.addFile({ ...one, bytes: 1 })
          yield* register(second.id, "three")
          // Four are allowed in the whole database.
          yield* register((yield* created()).id, "the last")
          expect((yield* Effect.flip(register((yield* created()).id, "too many")))._tag).toBe("Unavailable")
        }).pipe(
          Effect.provide(rows),
          Effect.provideService(Limits, { ...defaultLimits, registrationsPerKey: 2, registrations: 4 })
        )
    )

    it.effect(
      "a directory has so many files, registrations included, also of many that are added at once; what replaces one fits",
      () =>
        Effect.gen(function* () {
          const directories = yield* Directories
          const { id: dir, owner } = yield* created()
          const named = (name: string, over: Partial<StoredFile> = {}) =>
            aFile({ dir, name: FileName(name), key: aKey(dir), ...over })
          const stored = (name: string) =>
            Effect.map(named(name), (file): KeptFile => ({ ...file, bytes: 5 }))
          const refusal = expect.objectContaining({
            _tag: "TooManyRequests",
            message:
              "Too many files in this directory: at most 4 are allowed, delete some or use another directory"
          })
          const registered = yield* named("registered", { bytes: null })
          yield* directories.register(registered)
          yield* directories.addFile(yield* named("added"))
          const ways = [
            (name: string) => Effect.flatMap(named(name, { bytes: null }), directories.register),
            (name: string) => Effect.flatMap(named(name), directories.addFile),
            (name: string) => Effect.flatMap(stored(name), (file) => directories.keepFile(owner, file))
          ]
          const at = (name: string) => ways.map((way, index) => Effect.either(way(`${name}${index}`)))
          const results = yield* Effect.all([...at("a"), ...at("b"), ...at("c")], {
            concurrency: "unbounded"
          })
          expect(results.filter(Either.isRight)).toHaveLength(2)
          const refused = results.filter(Either.isLeft).map(({ left }) => left)
          expect(refused).toEqual(refused.map(() => refusal))
          expect(yield* directories.files(dir)).toHaveLength(4)
          // An existing name gives `NameTaken`, and a registration still gets its size.
          for (const way of ways) expect((yield* Effect.flip(way("registered")))._tag).toBe("NameTaken")
          yield* directories.addFile({ ...registered, bytes: 1 })
          expect(
            yield* directories.keepFile(owner, { ...(yield* stored("registered")) }, registered.key)
          ).toBe(true)
          yield* directories.removeFile(dir, FileName("added"))
          expect(yield* directories.keepFile(owner, yield* stored("another"))).toBe(true)
          yield* directories.addFile(yield* aFile({ dir: (yield* created({ owner })).id }))
        }).pipe(Effect.provideService(Limits, { ...defaultLimits, filesPerDirectory: 4 }))
    )

    it.effect("an owner has so many files in all directories; another owner's are not counted", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const { id: one, owner } = yield* created()
        const { id: two } = yield* created({ owner })
        const { id: others, owner: other } = yield* created()
        const named = (dir: DirId, name: string, bytes: number | null = 5) =>
          aFile({ dir, name: FileName(name), key: aKey(dir), bytes })
        const ways = [
          (dir: DirId, name: string) => Effect.flatMap(named(dir, name, null), directories.register),
          (dir: DirId, name: string) => Effect.flatMap(named(dir, name), directories.addFile),
          (dir: DirId, name: string) =>
            Effect.flatMap(named(dir, name), (file) =>
              directories.keepFile(dir === others ? other : owner, { ...file, bytes: 5 })
            )
        ]
        for (const [index, way] of ways.entries()) yield* way(index === 0 ? one : two, `made${index}`)
        for (const way of ways) {
          expect(yield* Effect.flip(way(one, "further"))).toMatchObject({
            _tag: "TooManyRequests",
            message:
              "Too many files of this API key: at most 3 are allowed in all its directories, delete some or try again when directories have expired"
          })
          yield* way(others, `other${ways.indexOf(way)}`)
        }
        yield* directories.removeFile(two, FileName("made1"))
        yield* directories.addFile(yield* named(one, "further"))
      }).pipe(Effect.provideService(Limits, { ...defaultLimits, filesPerKey: 3 }))
    )

    it.effect(
      "files are looked for by what their names begin with, to the letter, and come in the order of their names",
      () =>
        Effect.gen(function* () {
          const directories = yield* Directories
          const { id: dir } = yield* created()
          const all = [
            "a%b1",
            "a%b2",
            "a_b",
            "axb",
            "A%b",
            "A_B",
            "é1",
            "é2",
            "e1",
            "É1",
            "日本1",
            "日",
            "😀1",
            "\u{fffd}1",
            "zz",
            "zé",
            "Z"
          ]
          for (const [index, name] of all.entries()) {
            // In another order than by name.
            const addedAt = yield* inSeconds(-index)
            yield* directories.addFile(yield* aFile({ dir, name: FileName(name), addedAt }))
          }
          yield* directories.addFile(yield* aFile({ dir: (yield* created()).id, name: FileName("a%b3") }))
          const search = (which: Parameters<typeof directories.search>[1]) =>
            Effect.map(directories.search(dir, which), (files) => files.map(({ name }): string => name))
          const inOrder = (names: ReadonlyArray<string>) =>
            [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          for (const prefix of [
            "",
            "a",
            "A",
            "a%",
            "a%b",
            "a_",
            "_",
            "%",
            "é",
            "e",
            "É",
            "日",
            "日本",
            "😀",
            "\u{fffd}",
            "z",
            "zz",
            "zzz",
            "Z"
          ]) {
            expect(yield* search({ prefix }), prefix).toEqual(
              inOrder(all.filter((name) => name.startsWith(prefix)))
            )
          }
          expect(yield* search({ prefix: "a", fits: (name) => name.endsWith("b") })).toEqual(["a_b", "axb"])
          expect(yield* search({ prefix: "a", limit: 2 })).toEqual(["a%b1", "a%b2"])
          expect(yield* search({ fits: (name) => /[12]$/.test(name), limit: 3 })).toEqual(
            inOrder(all.filter((name) => /[12]$/.test(name))).slice(0, 3)
          )
          expect(yield* directories.search(aDirId(), {})).toEqual([])
        })
    )

    it.effect("bytes become a file where its row still has the key that they replace", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const { id: dir, owner } = yield* created()
        const registered = { ...(yield* aFile({ dir })), bytes: null }
        yield* directories.addFile(registered)
        const [first, second] = [aKey(dir), aKey(dir)].map((key) => ({ ...registered, key, bytes: 5 })) as [
          KeptFile,
          KeptFile
        ]
        expect(yield* directories.keepFile(owner, first, registered.key)).toBe(true)
        expect(yield* directories.keepFile(owner, second, registered.key)).toBe(false)
        expect(yield* directories.file(dir, registered.name)).toEqual(Option.some(first))
        expect(yield* directories.keepFile(owner, second, first.key)).toBe(true)
        expect(yield* directories.files(dir)).toEqual([second])
        expect((yield* Effect.flip(directories.keepFile(owner, first)))._tag).toBe("NameTaken")
        const other = { ...first, name: FileName("another") }
        expect(yield* directories.keepFile(owner, other)).toBe(true)
        expect(yield* directories.keepFile(owner, { ...first, name: FileName("none") }, aKey(dir))).toBe(
          false
        )
        expect(yield* directories.keepFile(owner, { ...first, dir: aDirId() })).toBe(false)
      })
    )

    it.effect("an owner's files pass no quota, also when many are kept at once", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const { id: owner } = yield* (yield* Accounts).issue({
          name: "",
          quota: { ...noQuota, storedBytes: 20 }
        })
        const { id: dir } = yield* created({ owner })
        const many = yield* Effect.forEach(Array.from({ length: 8 }), (_, index) =>
          Effect.map(aFile({ dir, name: FileName(`f${index}`), key: aKey(dir) }), (file) => ({
            ...file,
            bytes: 7
          }))
        )
        const results = yield* Effect.forEach(
          many,
          (file) => Effect.either(directories.keepFile(owner, file)),
          {
            concurrency: "unbounded"
          }
        )
        expect(results.filter(Either.isRight)).toHaveLength(2)
        const refused = results.filter(Either.isLeft).map(({ left }) => [left._tag, left.message])
        const sentence =
          "Quota exceeded: 20 stored bytes are allowed, 14 are stored, and this does not fit: delete files or let directories expire"
        expect(refused).toEqual(refused.map(() => ["QuotaExceeded", sentence]))
        const [kept] = yield* directories.files(dir)
        if (kept === undefined) return yield* Effect.dieMessage("no file was kept")
        // Replaced files do not count.
        expect(yield* directories.keepFile(owner, { ...kept, key: aKey(dir), bytes: 13 }, kept.key)).toBe(
          true
        )
        const grown = yield* directories.file(dir, kept.name)
        const tooMuch = { ...kept, key: aKey(dir), bytes: 14 }
        expect(
          (yield* Effect.flip(directories.keepFile(owner, tooMuch, Option.getOrThrow(grown).key)))._tag
        ).toBe("QuotaExceeded")
        expect(yield* directories.file(dir, kept.name)).toEqual(grown)
      })
    )

    it.effect("removes a file, returns its key once and frees its name", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const { id: dir } = yield* created()
        const [file, other] = [yield* aFile({ dir }), yield* aFile({ dir, name: FileName("other") })]
        yield* directories.addFile(file)
        yield* directories.addFile(other)
        const removals = yield* Effect.replicateEffect(directories.removeFile(dir, file.name), 5, {
          concurrency: "unbounded"
        })
        expect(removals.filter(Option.isSome)).toEqual([Option.some(file.key)])
        expect(yield* directories.removeFile(dir, file.name)).toEqual(Option.none())
        expect(yield* directories.removeFile(dir, other.name, file.key)).toEqual(Option.none())
        expect(yield* directories.files(dir)).toEqual([other])
        yield* directories.addFile({ ...file, key: aKey(dir) })
        expect(yield* directories.removeFile(dir, other.name, other.key)).toEqual(Option.some(other.key))
      })
    )
  })

const dropTests = (rows: RowsLayer) => {
  const it = (title: string, test: Effect.Effect<void, unknown, Directories | Jobs>) =>
    plainIt.effect(title, () => test.pipe(Effect.provide(rows)))

  it(
    "directories go at the moment they expire, with their files, and the keys come back once",
    Effect.gen(function* () {
      const directories = yield* Directories
      const directory = yield* created({ ttlSeconds: 60 })
      const kept = yield* aFile({ dir: (yield* created()).id })
      yield* directories.addFile(kept)
      const files = [
        yield* aFile({ dir: directory.id }),
        yield* aFile({ dir: directory.id, name: FileName("registered"), bytes: null }),
        yield* aFile({ dir: directory.id, name: FileName("made"), origin: "output" })
      ]
      yield* Effect.forEach(files, directories.addFile)
      const end = expiresAt(directory)
      expect(yield* directories.dropExpired(new Date(end.getTime() - 1), 10)).toEqual({
        directories: 0,
        keys: []
      })
      const dropped = yield* directories.dropExpired(end, 10)
      expect([dropped.directories, sorted(dropped.keys)]).toEqual([1, sorted(files.map(({ key }) => key))])
      expect(yield* directories.files(directory.id)).toEqual([])
      expect(yield* directories.find(directory.owner, directory.id)).toEqual(Option.none())
      expect(yield* directories.dropExpired(end, 10)).toEqual({ directories: 0, keys: [] })
      expect(yield* directories.files(kept.dir)).toEqual([kept])
    })
  )

  it(
    "no more than `limit` directories go at once",
    Effect.gen(function* () {
      const directories = yield* Directories
      for (let index = 0; index < 5; index++) {
        const { id: dir } = yield* created({ ttlSeconds: 60 })
        yield* directories.addFile(yield* aFile({ dir }))
        yield* directories.addFile(yield* aFile({ dir, name: FileName("b") }))
      }
      const later = yield* inSeconds(61)
      const counts = []
      for (let round = 0; round < 4; round++)
        counts.push((yield* directories.dropExpired(later, 2)).keys.length)
      expect(counts).toEqual([4, 4, 2, 0])
    })
  )

  it(
    "sweeps that meet give each key to one of them",
    Effect.gen(function* () {
      const directories = yield* Directories
      for (let index = 0; index < 6; index++) {
        yield* directories.addFile(yield* aFile({ dir: (yield* created({ ttlSeconds: 60 })).id }))
      }
      const later = yield* inSeconds(61)
      const dropped = yield* Effect.replicateEffect(directories.dropExpired(later, 10), 3, {
        concurrency: "unbounded"
      })
      const keys = dropped.flatMap(({ keys }) => keys)
      expect(new Set(keys).size).toBe(6)
      expect(keys).toHaveLength(6)
    })
  )

  for (const use of ["reads from it", "writes to it"] as const) {
    for (const state of ["pending", "processing"] as const) {
      it(
        `a directory waits while a ${state} job ${use}`,
        Effect.gen(function* () {
          const [jobs, directories] = [yield* Jobs, yield* Directories]
          const used = yield* created({ ttlSeconds: 60 })
          const other = yield* created({ ttlSeconds: 60 })
          const file = yield* aFile({ dir: used.id })
          yield* directories.addFile(file)
          const [otherFile, elsewhere] = [yield* aFile({ dir: other.id }), yield* created()]
          yield* directories.addFile(otherFile)
          const input = (from: typeof file) => ({ name: from.name, key: from.key, bytes: 1000, options: [] })
          const job = aJob({
            task:
              use === "reads from it"
                ? aTask({ directory: elsewhere.id, inputs: [input(file)] })
                : aTask({ directory: used.id, inputs: [input(yield* aFile({ dir: elsewhere.id }))] })
          })
          yield* inserted(job)
          if (state === "processing") yield* claimed(job.id)
          const later = yield* inSeconds(61)
          // It must not use up the limit of the batch either.
          expect((yield* directories.dropExpired(later, 1)).keys).toEqual([otherFile.key])
          expect(yield* directories.files(used.id)).toEqual([file])
          if (state === "pending") yield* jobs.cancel(job.owner, job.id)
          else yield* jobs.abandon(job.owner, job.id)
          expect((yield* directories.dropExpired(later, 10)).keys).toEqual([file.key])
        })
      )
    }
  }
}

const unreferencedTests = (rows: RowsLayer) =>
  layer(rows)((it) => {
    it.effect("a file's key is referred to while its row is there", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const [stored, registered] = [
          yield* aFile({ dir: (yield* created()).id }),
          yield* aFile({ dir: (yield* created()).id, bytes: null })
        ]
        yield* directories.addFile(stored)
        yield* directories.addFile(registered)
        const orphan = aKey(stored.dir)
        expect(yield* directories.unreferenced([stored.key, orphan, registered.key])).toEqual([orphan])
        yield* directories.removeFile(stored.dir, stored.name)
        expect(sorted(yield* directories.unreferenced([stored.key, orphan, registered.key]))).toEqual(
          sorted([stored.key, orphan])
        )
      })
    )

    for (const ending of ["cancel", "fail"] as const) {
      it.effect(`a live job refers to what it reads and what it makes, until it ends by ${ending}`, () =>
        Effect.gen(function* () {
          const [jobs, directories] = [yield* Jobs, yield* Directories]
          const task = aTask({
            inputs: [aKey(), aKey(), aKey()].map((key) => ({
              name: FileName("in.mp4"),
              key,
              bytes: 1000,
              options: []
            })),
            files: [aKey(), aKey()].map((key) => ({ name: FileName("in.srt"), key, bytes: 10 }))
          })
          const job = aJob({ task })
          const inputs = [...blobsRead(task).keys()]
          const made = [1, 2, 12].map((attempt) =>
            blobKey(task.directory, `${job.id}-${attempt}`, FileName("out.mp4"))
          )
          yield* inserted(job)
          expect(yield* directories.unreferenced([...inputs, ...made])).toEqual([])
          if (ending === "cancel") yield* jobs.cancel(job.owner, job.id)
          else {
            const claim = yield* claimed(job.id)
            expect(yield* directories.unreferenced([...inputs, ...made])).toEqual([])
            yield* jobs.fail(claim, { reason: "input-missing" }, aUsage)
          }
          expect(sorted(yield* directories.unreferenced([...inputs, ...made]))).toEqual(
            sorted([...inputs, ...made])
          )
        })
      )
    }

    it.effect("slots that only resemble that of a live job are unreferenced", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        // `_` and `%` are wildcards in SQL patterns, and one id may be the prefix of another.
        const job = aJob({ id: JobId("job_1_2"), task: aTask({ directory: DirId("dir_1_2") }) })
        yield* inserted(job)
        const strangers = [
          "dir_1_2/job_1_22-1/out.mp4",
          "dir_1_2/jobX1X2-1/out.mp4",
          "dirX1X2/job_1_2-1/out.mp4",
          "dir_1_2/job_1_2/out.mp4",
          "dir_1_2/xjob_1_2-1/out.mp4",
          "dir_9/job_1_2-1/out.mp4",
          "dir_1_2/JOB_1_2-1/out.mp4",
          "dir_1_2/blob_1/job_1_2-1"
        ].map((key) => BlobKey(key))
        const own = BlobKey("dir_1_2/job_1_2-1/out.mp4")
        expect(sorted(yield* directories.unreferenced([own, ...strangers]))).toEqual(sorted(strangers))
      })
    )

    it.effect("accepts a thousand keys, and no keys", () =>
      Effect.gen(function* () {
        const directories = yield* Directories
        const { id: dir } = yield* created()
        const known = yield* aFile({ dir })
        yield* directories.addFile(known)
        const claim = yield* started(aJob())
        const orphans = Array.from({ length: 1000 }, () => aKey(dir))
        const kept = [known.key, ...claim.task.inputs.map(({ key }) => key)]
        expect(sorted(yield* directories.unreferenced([...orphans, ...kept]))).toEqual(sorted(orphans))
        expect(yield* directories.unreferenced([])).toEqual([])
      })
    )
  })

const sorted = (keys: ReadonlyArray<string>) => [...keys].sort()
