import { randomBytes } from "node:crypto"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { readFile, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { afterAll, describe } from "vitest"
import { BlobMissing, Unavailable } from "../../../core/errors.js"
import { until } from "../../../core/ports/suites/samples.suite.js"
import { thisProcess } from "../../process/index.js"
import { openWeb } from "../http-client.js"
import { fileServer, rangeOf, serveFile, shortWaits, sourceOf, type Trick } from "../server.suite.js"
import { type CacheOptions, inputCache } from "./input-cache.js"

const root = mkdtempSync(join(tmpdir(), "input-cache-test-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const MiB = 1024 * 1024
let count = 0

/** A new place, with a folder for the cache and one for the inputs of runs. */
const aPlace = () => {
  const folder = join(root, `${count++}`)
  mkdirSync(join(folder, "runs"), { recursive: true })
  return { cached: join(folder, "cache"), run: (name: string) => join(folder, "runs", name) }
}

const openCache = (folder: string, options: Partial<CacheOptions> = {}) =>
  Effect.all({
    web: openWeb({ waits: shortWaits }),
    cache: inputCache({ folder, maxBytes: 100 * MiB, ...options })
  })

/** Files of all kinds that a cache has on its disk. */
const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name))

const holds = (path: string, content: Buffer) =>
  Effect.map(
    Effect.promise(() => readFile(path)),
    (read) => expect(content.equals(read)).toBe(true)
  )

describe("the cache of inputs", () => {
  it.live("fetches an input once, and asks each time whether it is still the same", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(3 * MiB)
      const server = yield* fileServer(content)
      const { web, cache } = yield* openCache(cached)
      const source = sourceOf(web, server, content)
      expect(yield* Effect.scoped(cache.bring(source, run("1")))).toBeUndefined()
      yield* holds(run("1"), content)
      const fetched = server.requests.length
      expect(yield* Effect.scoped(cache.bring(source, run("2")))).toBeUndefined()
      yield* holds(run("2"), content)
      expect(server.requests.length).toBe(fetched + 1)
      expect(statSync(run("2")).ino).toBe(statSync(run("1")).ino)
      expect(statSync(run("2")).mode & 0o222).toBe(0)
    }).pipe(Effect.scoped)
  )

  it.live("fetches anew what is no longer the same", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const [before, after] = [randomBytes(MiB), randomBytes(MiB)]
      let now = before
      const server = yield* fileServer(before, (request, response) => {
        serveFile(now)(request, response)
        return true
      })
      const { web, cache } = yield* openCache(cached)
      const source = sourceOf(web, server, before)
      yield* Effect.scoped(cache.bring(source, run("1")))
      now = after
      yield* Effect.scoped(cache.bring(source, run("2")))
      yield* holds(run("1"), before)
      yield* holds(run("2"), after)
      expect(filesOf(cached).length).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live("reports that an input was deleted, although it is cached", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(1000)
      let isGone = false
      const server = yield* fileServer(content, (_, response) => {
        if (isGone) response.writeHead(404).end()
        return isGone
      })
      const { web, cache } = yield* openCache(cached)
      const source = sourceOf(web, server, content)
      yield* Effect.scoped(cache.bring(source, run("1")))
      isGone = true
      expect(yield* Effect.flip(Effect.scoped(cache.bring(source, run("2"))))).toBeInstanceOf(BlobMissing)
      expect(
        yield* Effect.flip(Effect.scoped(cache.bring({ ...source, bytes: 999 }, run("3"))))
      ).toBeInstanceOf(BlobMissing)
    }).pipe(Effect.scoped)
  )

  it.live("keeps asking about what is kept while its server is in trouble", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(1000)
      const server = yield* fileServer(content, (_, response, n) => {
        if (n >= 1 && n <= 4) response.writeHead(503).end()
        return n >= 1 && n <= 4
      })
      const { web, cache } = yield* openCache(cached)
      const source = sourceOf(web, server, content)
      yield* Effect.scoped(cache.bring(source, run("1")))
      yield* Effect.scoped(cache.bring(source, run("2")))
      yield* holds(run("2"), content)
    }).pipe(Effect.scoped)
  )

  it.live("takes no file of another size for the input, nor one that is damaged in length", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(1000)
      const server = yield* fileServer(content)
      const { web, cache } = yield* openCache(cached)
      const source = sourceOf(web, server, content)
      yield* Effect.scoped(cache.bring(source, run("1")))
      rmSync(run("1"))
      const [kept = ""] = filesOf(cached)
      rmSync(kept)
      writeFileSync(kept, content.subarray(0, 500))
      yield* Effect.scoped(cache.bring(source, run("2")))
      yield* holds(run("2"), content)
    }).pipe(Effect.scoped)
  )

  it.live("downloads once for concurrent runs; one that is interrupted does not affect the others", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(2 * MiB)
      const held: Array<() => void> = []
      let hold = true
      const server = yield* fileServer(content, (request, response, n) => {
        if (n === 0 || !hold) return false
        held.push(() => serveFile(content)(request, response))
        return true
      })
      const { web, cache } = yield* openCache(cached, { pieceBytes: MiB / 2 })
      const source = sourceOf(web, server, content)
      const [one, two, three] = yield* Effect.forEach(["1", "2", "3"], (name) =>
        Effect.fork(Effect.scoped(cache.bring(source, run(name))))
      )
      yield* until(Effect.sync(() => held.length === 3))
      if (one === undefined || two === undefined || three === undefined) throw new Error("three were started")
      yield* Fiber.interrupt(one)
      hold = false
      for (const release of held) release()
      yield* Fiber.join(two)
      yield* Fiber.join(three)
      yield* holds(run("2"), content)
      yield* holds(run("3"), content)
      expect(existsSync(run("1"))).toBe(false)
      expect(server.requests.length).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live("takes an input of another size for another one, though it has the same key", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(2 * MiB)
      const server = yield* fileServer(
        content,
        (request, _, n) => n >= 1 && (rangeOf(request.headers)?.start ?? 0) > 0
      )
      const { web, cache } = yield* openCache(cached, { pieceBytes: MiB / 2 })
      const source = sourceOf(web, server, content)
      yield* Effect.fork(Effect.scoped(cache.bring(source, run("1"))))
      yield* until(Effect.sync(() => server.requests.length === 4))
      const other = Effect.scoped(cache.bring({ ...source, bytes: content.length - 1 }, run("2")))
      expect(yield* Effect.flip(other)).toMatchObject({
        _tag: "Unavailable",
        what: expect.stringContaining(`${content.length - 1} bytes`)
      })
    }).pipe(Effect.scoped)
  )

  it.live("stops the download when no run needs it any more, and removes the file", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(2 * MiB)
      const server = yield* fileServer(content, (_, __, n) => n >= 1)
      const { web, cache } = yield* openCache(cached, { pieceBytes: MiB / 2 })
      const fiber = yield* Effect.fork(Effect.scoped(cache.bring(sourceOf(web, server, content), run("1"))))
      yield* until(Effect.sync(() => server.requests.length === 4))
      expect(filesOf(cached).length).toBe(1)
      yield* Fiber.interrupt(fiber)
      expect(filesOf(cached)).toEqual([])
      yield* until(Effect.sync(() => server.connections() <= 1))
    }).pipe(Effect.scoped)
  )

  it.live("tries again for the next run what failed for one", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(1000)
      const server = yield* fileServer(content, (_, response, n) => {
        if (n === 0) response.writeHead(403).end()
        return n === 0
      })
      const { web, cache } = yield* openCache(cached)
      const source = sourceOf(web, server, content)
      const scope = yield* Scope.make()
      expect(yield* Effect.flip(Scope.extend(cache.bring(source, run("1")), scope))).toBeInstanceOf(
        Unavailable
      )
      // The failed run has not ended yet.
      yield* Effect.scoped(cache.bring(source, run("2")))
      yield* holds(run("2"), content)
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.scoped)
  )

  it.live("lets go what was used least recently, but nothing that is in use", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const contents = Array.from({ length: 4 }, () => randomBytes(MiB))
      const server = yield* fileServer(Buffer.alloc(0), (request, response) => {
        serveFile(contents[Number(/\d/.exec(request.url ?? "")?.[0])] as Buffer)(request, response)
        return true
      })
      const { web, cache } = yield* openCache(cached, { maxBytes: 3 * MiB })
      const bring = (index: number, name: string) => {
        const source = sourceOf(web, server, contents[index] as Buffer, `dir/slot/${index}.mp4`)
        return Effect.scoped(
          cache.bring(
            { ...source, request: { url: new URL(`${server.url}/${index}`), headers: {} } },
            run(name)
          )
        )
      }
      const isKept = (index: number) =>
        Effect.gen(function* () {
          const before = server.requests.length
          yield* bring(index, `look-${count++}`)
          return server.requests.slice(before).every(({ headers }) => headers.range === undefined)
        })
      // The first file is still in use by its run.
      for (const index of [0, 1, 2]) yield* bring(index, `first-${index}`)
      for (const index of [1, 2]) rmSync(run(`first-${index}`))
      const aged = new Date(Date.now() - 60_000)
      for (const file of filesOf(cached)) utimesSync(file, aged, aged)
      const oldest = new Date(Date.now() - 120_000)
      utimesSync(run("first-0"), oldest, oldest)
      // This file was just used, so the third one is removed.
      yield* bring(1, "again-1")
      rmSync(run("again-1"))
      yield* bring(3, "first-3")
      expect(filesOf(cached).length).toBe(3)
      expect(yield* isKept(0)).toBe(true)
      expect(yield* isKept(1)).toBe(true)
      expect(yield* isKept(3)).toBe(true)
      expect(yield* isKept(2)).toBe(false)
    }).pipe(Effect.scoped)
  )

  it.live("brings an input that is larger than all it may keep, and does not keep it", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(2 * MiB)
      const server = yield* fileServer(content)
      const { web, cache } = yield* openCache(cached, { maxBytes: MiB })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* cache.bring(sourceOf(web, server, content), run("1"))
          yield* holds(run("1"), content)
          rmSync(run("1"))
        })
      )
      yield* cache.trim
      expect(filesOf(cached)).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("copies where no link can lead", (context) =>
    Effect.gen(function* () {
      const { cached } = aPlace()
      const elsewhere = "/dev/shm"
      if (!existsSync(elsewhere) || statSync(elsewhere).dev === statSync(root).dev) return context.skip()
      const path = join(mkdtempSync(join(elsewhere, "input-cache-test-")), "in.mp4")
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(join(path, ".."), { recursive: true })))
      const content = randomBytes(MiB)
      const server = yield* fileServer(content)
      const { web, cache } = yield* openCache(cached)
      yield* Effect.scoped(cache.bring(sourceOf(web, server, content), path))
      yield* holds(path, content)
    }).pipe(Effect.scoped)
  )

  it.live("makes an empty input without asking", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const server = yield* fileServer(Buffer.alloc(0))
      const { web, cache } = yield* openCache(cached)
      expect(
        yield* Effect.scoped(cache.bring(sourceOf(web, server, Buffer.alloc(0)), run("1")))
      ).toBeUndefined()
      yield* holds(run("1"), Buffer.alloc(0))
      expect(server.requests).toEqual([])
    }).pipe(Effect.scoped)
  )
})

describe("a late input of the cache", () => {
  const heldBack = (content: Buffer) => {
    const held: Array<() => void> = []
    let hold = true
    const trick: Trick = (request, response, n) => {
      if (n === 0 || !hold) return false
      held.push(() => serveFile(content)(request, response))
      return true
    }
    const release = () => {
      hold = false
      for (const each of held) each()
    }
    return { trick, release, count: () => held.length }
  }

  it.live("is given at once, and lies in its place when it is whole", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(2 * MiB)
      const { trick, release, count: heldNow } = heldBack(content)
      const server = yield* fileServer(content, trick)
      const { web, cache } = yield* openCache(cached, { lateBytes: MiB, pieceBytes: MiB / 2 })
      const source = sourceOf(web, server, content)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const late = yield* cache.bring(source, run("1"))
          expect(late).toBeDefined()
          expect(existsSync(run("1"))).toBe(false)
          yield* until(Effect.sync(() => heldNow() === 3))
          release()
          yield* late?.whole ?? Effect.void
          yield* late?.whole ?? Effect.void
          yield* holds(run("1"), content)
          // Another run gets it at once, although the first one has not ended.
          expect(yield* cache.bring(source, run("2"))).toBeUndefined()
        })
      )
      expect(yield* Effect.scoped(cache.bring(source, run("3")))).toBeUndefined()
      yield* holds(run("3"), content)
      expect(server.requests.filter(({ headers }) => headers.range !== undefined).length).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live("that never comes says so", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(2 * MiB)
      const server = yield* fileServer(content, (request, response) => {
        if (rangeOf(request.headers)?.start === 0) return false
        response.writeHead(404).end()
        return true
      })
      const { web, cache } = yield* openCache(cached, { lateBytes: MiB, pieceBytes: MiB / 2 })
      const late = yield* cache.bring(sourceOf(web, server, content), run("1"))
      expect(yield* Effect.flip(late?.whole ?? Effect.void)).toBeInstanceOf(BlobMissing)
      expect(existsSync(run("1"))).toBe(false)
    }).pipe(Effect.scoped)
  )
})

describe("the folder of the cache", () => {
  it.live("has the inputs of the process before; what that left unfinished goes", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(1000)
      const server = yield* fileServer(content)
      yield* Effect.scoped(
        Effect.flatMap(openCache(cached), ({ web, cache }) =>
          cache.bring(sourceOf(web, server, content), run("1"))
        )
      )
      const [realm = "", , startedAt = ""] = thisProcess().split("-")
      const unfinished = (owner: string) =>
        join(cached, realm, `${owner}.7c9e6679-7425-40de-944b-e07fc1f90ae7.part`)
      const dead = unfinished(`${realm}-999999999-${startedAt}`)
      const living = unfinished(`${realm}-1-${startedAt}`.replace(/-1-.*/, `-${process.pid}-${startedAt}`))
      for (const path of [dead, living]) writeFileSync(path, "half")
      const { web, cache } = yield* openCache(cached)
      expect(existsSync(dead)).toBe(false)
      expect(existsSync(living)).toBe(true)
      yield* cache.bring(sourceOf(web, server, content), run("2"))
      yield* holds(run("2"), content)
      expect(server.requests.map(({ headers }) => headers.range)).toEqual(["bytes=0-999", undefined])
    }).pipe(Effect.scoped)
  )

  it.live(
    "counts what other boots have left, takes nothing from there, and lets that go first when it is older",
    () =>
      Effect.gen(function* () {
        const { cached, run } = aPlace()
        const content = randomBytes(1000)
        const server = yield* fileServer(content)
        yield* Effect.scoped(
          Effect.flatMap(openCache(cached), ({ web, cache }) =>
            cache.bring(sourceOf(web, server, content), run("1"))
          )
        )
        rmSync(run("1"))
        const [realm = ""] = thisProcess().split("-")
        const [kept = ""] = filesOf(cached)
        const foreign = join(cached, "another_boot")
        mkdirSync(foreign)
        const theirs = kept.replace(realm, "another_boot")
        writeFileSync(theirs, content)
        const stale = join(foreign, "another_boot-1-1.7c9e6679-7425-40de-944b-e07fc1f90ae7.part")
        const fresh = stale.replace("-1-1.", "-2-2.")
        for (const path of [stale, fresh]) writeFileSync(path, "half")
        const aged = new Date(Date.now() - 2 * 86_400_000)
        for (const path of [theirs, stale]) utimesSync(path, aged, aged)
        const { web, cache } = yield* openCache(cached, { maxBytes: 2100 })
        expect([stale, fresh, theirs].map((path) => existsSync(path))).toEqual([false, true, true])
        const other = sourceOf(web, server, content, "dir/slot/other.mp4")
        yield* Effect.scoped(cache.bring(other, run("2")))
        expect(server.requests.at(-1)?.headers.range).toBeDefined()
        expect([kept, theirs].map((path) => existsSync(path))).toEqual([true, false])
      }).pipe(Effect.scoped)
  )

  it.live("may be shared: what one removes another one fetches again", () =>
    Effect.gen(function* () {
      const { cached, run } = aPlace()
      const content = randomBytes(1000)
      const server = yield* fileServer(content)
      const [one, two] = yield* Effect.all([openCache(cached), openCache(cached)])
      const both = [one, two].map(({ web, cache }, index) =>
        Effect.scoped(cache.bring(sourceOf(web, server, content), run(`${index}`)))
      )
      yield* Effect.all(both, { concurrency: "unbounded" })
      for (const index of [0, 1]) yield* holds(run(`${index}`), content)
      expect(filesOf(cached).length).toBe(1)
      for (const file of filesOf(cached)) rmSync(file)
      yield* Effect.scoped(two.cache.bring(sourceOf(two.web, server, content), run("2")))
      yield* holds(run("2"), content)
    }).pipe(Effect.scoped)
  )

  it.live("that can't be made is unavailable", () =>
    Effect.gen(function* () {
      const { run } = aPlace()
      writeFileSync(run("file"), "")
      expect(yield* Effect.flip(Effect.scoped(openCache(run("file"))))).toBeInstanceOf(Unavailable)
      expect((yield* Effect.promise(() => stat(run("file")))).size).toBe(0)
    })
  )
})
