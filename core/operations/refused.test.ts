import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Option, Stream } from "effect"
import { InvalidRequest, Unavailable } from "../errors.js"
import { DirId, FileName, type OwnerId } from "../ids.js"
import { Directories } from "../ports/directories.js"
import { Importer } from "../ports/importer.js"
import { Storage } from "../ports/storage.js"
import { anOwner, until } from "../ports/suites/samples.suite.js"
import type { Task } from "../task.js"
import { createDirectory, listDirectories } from "./directories.js"
import { registerFile, storeFile } from "./files.js"
import { withForm } from "./form.js"
import { submit } from "./submit.js"
import { bytes, ownerWithFile, taskOn, world } from "./world.suite.js"

/** What is refused, or broken off, leaves nothing of what was made for it. */

const quiet = { webhookUrl: null }
const name = FileName("in.mp4")
const nowhere = DirId("no inputs are stored")
const at = (path: string) => `https://media.example/${path}`
const remote = (url: string) => ({ source: { _tag: "Remote", url }, options: [] }) as const
const web = new Map([[at("a.mp4"), { bytes: new Uint8Array(3), type: null }]])

/** What an owner has: the names of the rows in each directory, and how many bytes lie there. */
const left = (owner: OwnerId) =>
  Effect.gen(function* () {
    const [directories, storage] = [yield* Directories, yield* Storage]
    return yield* Effect.forEach(yield* listDirectories(owner), ({ id }) =>
      Effect.all([
        Effect.map(directories.files(id), (files) => files.map((file) => file.name)),
        Effect.map(Stream.runCollect(storage.list(`${id}/`)), (blobs) => blobs.length)
      ])
    )
  })

/** Begins the effect, and interrupts it when it has made a directory for its owner. */
const brokenOff = <A, E, R>(owner: OwnerId, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* until(Effect.map(listDirectories(owner), ({ length }) => length > 0))
    yield* Fiber.interrupt(fiber)
  })

const endless = Stream.concat(bytes("123"), Stream.never)
const broken = Stream.concat(bytes("123"), Stream.fail(new InvalidRequest({ message: "the client left" })))

describe("a registration in a new directory", () => {
  it.effect("that is refused leaves no directory", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      yield* registerFile(owner, { name, dir: null })
      const before = yield* left(owner)
      expect((yield* Effect.flip(registerFile(owner, { name, dir: null })))._tag).toBe("TooManyRequests")
      expect((yield* Effect.flip(storeFile(owner, { name, dir: null }, bytes("1"))))._tag).toBe(
        "TooManyRequests"
      )
      expect(yield* left(owner)).toEqual(before)
      const other = anOwner()
      yield* registerFile(other, { name, dir: null })
      const third = anOwner()
      expect((yield* Effect.flip(registerFile(third, { name, dir: null })))._tag).toBe("Unavailable")
      expect(yield* left(third)).toEqual([])
    }).pipe(Effect.provide(world({ limits: { registrationsPerKey: 1, registrations: 2 } })))
  )

  it.effect("leaves no file and no directory when signing its URL fails or is interrupted", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const storage = yield* Storage
      const down = { ...storage, sign: () => Effect.fail(new Unavailable({ what: "down" })) }
      const ask = registerFile(owner, { name, dir: null })
      expect((yield* Effect.flip(Effect.provideService(ask, Storage, down)))._tag).toBe("Unavailable")
      expect(yield* left(owner)).toEqual([])
      yield* brokenOff(owner, Effect.provideService(ask, Storage, { ...storage, sign: () => Effect.never }))
      expect(yield* left(owner)).toEqual([])
    }).pipe(Effect.provide(world()))
  )

  it.effect("whose bytes are too many, break off or are broken off leaves neither", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const store = (body: Parameters<typeof storeFile<InvalidRequest>>[2]) =>
        storeFile(owner, { name, dir: null }, body)
      expect((yield* Effect.flip(store(bytes("123456"))))._tag).toBe("TooLarge")
      expect((yield* Effect.flip(store(broken)))._tag).toBe("InvalidRequest")
      yield* brokenOff(owner, store(endless))
      expect(yield* left(owner)).toEqual([])
      yield* store(bytes("12345"))
      expect(yield* left(owner)).toEqual([[[name], 1]])
    }).pipe(Effect.provide(world({ limits: { uploadBytes: 5 } })))
  )

  it.effect("in one that was there leaves that as it was, with the registrations of others", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const { id: dir } = yield* createDirectory(owner, null)
      yield* Effect.flip(storeFile(owner, { name, dir }, broken))
      expect(yield* left(owner)).toEqual([[[], 0]])
      const { file } = yield* registerFile(owner, { name, dir })
      yield* Effect.flip(storeFile(owner, { name, dir }, broken))
      expect(yield* (yield* Directories).file(dir, name)).toEqual(Option.some(file))
    }).pipe(Effect.provide(world()))
  )
})

describe("a task whose outputs go to a new directory", () => {
  const task = (over: Partial<Task> = {}) => taskOn(nowhere, { inputs: [remote(at("a.mp4"))], ...over })

  it.effect.each([
    ["a URL that leads nowhere", { inputs: [remote(at("a.mp4")), remote(at("none.mp4"))] }, "UrlRefused"],
    [
      "a file that it names",
      { named: [{ name: FileName("a.srt"), by: "task.filter_complex" }] },
      "InvalidTask"
    ]
  ] as ReadonlyArray<readonly [string, Partial<Task>, string]>)(
    "leaves none where it is refused for %s",
    ([_, over, tag]) =>
      Effect.gen(function* () {
        const owner = anOwner()
        expect((yield* Effect.flip(submit(owner, task(over), quiet)))._tag).toBe(tag)
        expect(yield* left(owner)).toEqual([])
      }).pipe(Effect.provide(world({ web })))
  )

  it.effect("leaves none where the waiting room is full", () =>
    Effect.gen(function* () {
      const { owner: other, dir } = yield* ownerWithFile
      yield* submit(other, taskOn(dir), quiet)
      const owner = anOwner()
      expect((yield* Effect.flip(submit(owner, task(), quiet)))._tag).toBe("Busy")
      expect(yield* left(owner)).toEqual([])
    }).pipe(Effect.provide(world({ web, limits: { pendingJobs: 1 } })))
  )

  it.effect("leaves none where its caller goes while a URL is fetched", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      yield* brokenOff(
        owner,
        Effect.provideService(submit(owner, task(), quiet), Importer, { import: () => Effect.never })
      )
      expect(yield* left(owner)).toEqual([])
    }).pipe(Effect.provide(world({ web })))
  )

  it.effect("leaves one where it is sent twice at once", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const once = submit(owner, task(), { ...quiet, idempotencyKey: "a" })
      const ids = yield* Effect.all([once, once], { concurrency: "unbounded" })
      expect(new Set(ids).size).toBe(1)
      expect(yield* left(owner)).toEqual([[["a.mp4"], 1]])
    }).pipe(Effect.provide(world({ web })))
  )

  it.effect("is refused where there is no room for one, in a sentence that says so", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const errors = [
        yield* Effect.flip(submit(owner, task(), quiet)),
        yield* Effect.flip(registerFile(owner, { name, dir: null })),
        yield* Effect.flip(createDirectory(owner, 60))
      ]
      for (const error of errors) {
        expect([error._tag, error.message]).toEqual([
          "TooManyRequests",
          expect.stringContaining("at most 1 are allowed at a time")
        ])
      }
      expect(yield* left(owner)).toEqual([[["in.mp4"], 1]])
      yield* submit(owner, taskOn(dir), quiet)
    }).pipe(Effect.provide(world({ web, limits: { directoriesPerKey: 1 } })))
  )

  it.effect("is refused where a URL's file does not fit into the directory", () =>
    Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const inputs = [...taskOn(dir).inputs, remote(at("a.mp4"))]
      const error = yield* Effect.flip(submit(owner, taskOn(dir, { inputs }), quiet))
      expect([error._tag, error.message]).toEqual([
        "TooManyRequests",
        expect.stringMatching(/^Too many files in this directory: at most 1/)
      ])
      expect(yield* left(owner)).toEqual([[["in.mp4"], 1]])
    }).pipe(Effect.provide(world({ web, limits: { filesPerDirectory: 1 } })))
  )
})

describe("a form", () => {
  const file = (field: string, body = bytes("1")) =>
    ({ _tag: "File", field, name: `${field}.mp4`, bytes: body }) as const
  const command = { _tag: "Command", body: {} } as const

  it.effect("that breaks off, or whose use fails, leaves neither files nor directory", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const form = (...parts: ReadonlyArray<typeof command | ReturnType<typeof file>>) =>
        withForm(owner, Stream.fromIterable(parts), () => new InvalidRequest({ message: "no" }))
      yield* Effect.flip(form(command, file("a"), file("b")))
      yield* Effect.flip(form(file("a"), file("b")))
      yield* brokenOff(owner, form(command, file("a"), file("b", endless)))
      expect(yield* left(owner)).toEqual([])
    }).pipe(Effect.provide(world()))
  )

  it.effect("that is used leaves both", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      const use = (_: unknown, keep: () => void) =>
        Effect.zipRight(Effect.sync(keep), new InvalidRequest({ message: "the job failed" }))
      yield* Effect.flip(withForm(owner, Stream.make(command, file("a"), file("b")), use))
      expect(yield* left(owner)).toEqual([[["a.mp4", "b.mp4"], 2]])
    }).pipe(Effect.provide(world()))
  )
})
