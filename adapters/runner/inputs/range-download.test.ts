import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { open, readFile } from "node:fs/promises"
import type { RequestListener, ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import { afterAll, describe } from "vitest"
import { BlobMissing, Unavailable } from "../../../core/errors.js"
import { until } from "../../../core/ports/suites/samples.suite.js"
import { openWeb } from "../http-client.js"
import {
  etagOf,
  fileServer,
  type LocalServer,
  localServer,
  rangeOf,
  serveFile,
  shortWaits,
  sourceOf,
  type Trick
} from "../server.suite.js"
import { defaultWaits, type Waits } from "../timeouts.js"
import { type ArrivingOptions, arrive } from "./range-download.js"

const folder = mkdtempSync(join(tmpdir(), "arriving-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const MiB = 1024 * 1024
const content = randomBytes(5 * MiB + 12345)

let files = 0

interface Case {
  readonly waits?: Partial<Waits>
  readonly options?: ArrivingOptions
  readonly bytes?: number
}

/** A file at `path` that is being downloaded from a server. */
const started = (server: LocalServer, { waits, options, bytes = content.length }: Case = {}) =>
  Effect.gen(function* () {
    const path = join(folder, `${files++}`)
    const file = yield* Effect.acquireRelease(
      Effect.promise(() => open(path, "wx+")),
      (each) => Effect.promise(() => each.close())
    )
    const web = yield* openWeb({ waits: { ...shortWaits, ...waits } })
    const arriving = yield* arrive(
      file,
      { ...sourceOf(web, server, content), bytes },
      { pieceBytes: MiB, ...options }
    )
    return { arriving, path }
  })

const isWhole = (server: LocalServer, aCase?: Case) =>
  Effect.gen(function* () {
    const { arriving, path } = yield* started(server, aCase)
    yield* arriving.whole
    expect(content.equals(yield* Effect.promise(() => readFile(path)))).toBe(true)
    expect(arriving.reach(0)).toBe(content.length)
    expect(arriving.etag).toBe(etagOf(content))
  })

const startsOf = ({ requests }: LocalServer) => requests.map(({ headers }) => rangeOf(headers)?.start ?? -1)

/** Sends the beginning of the requested range, then closes the connection. */
const cutOff =
  (bytes: number): Trick =>
  ({ headers }, response) => {
    const range = rangeOf(headers) ?? { start: 0, end: content.length }
    const length = range.end - range.start
    response.writeHead(206, {
      etag: etagOf(content),
      "content-length": length,
      "content-range": `bytes ${range.start}-${range.end - 1}/${content.length}`
    })
    response.write(content.subarray(range.start, range.start + bytes), () => response.destroy())
    return true
  }

const answers =
  (status: number, headers: Readonly<Record<string, string>> = {}): Trick =>
  (_, response) => {
    response.writeHead(status, headers).end()
    return true
  }

const answered =
  (listener: RequestListener): Trick =>
  (request, response) => {
    listener(request, response)
    return true
  }

const first =
  (count: number, trick: Trick): Trick =>
  (request, response, n) =>
    n < count && trick(request, response, n)

describe("an arriving file", () => {
  it.live("comes by ranges, each byte asked for once", () =>
    Effect.gen(function* () {
      const server = yield* fileServer(content)
      yield* isWhole(server)
      expect(startsOf(server).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5].map((each) => each * MiB))
      expect(server.requests.slice(1).every(({ headers }) => headers["if-range"] === etagOf(content))).toBe(
        true
      )
    }).pipe(Effect.scoped)
  )

  it.live("goes on where it broke off", () =>
    Effect.gen(function* () {
      const server = yield* fileServer(content, first(3, cutOff(300_000)))
      yield* isWhole(server, { options: { connections: 1, pieceBytes: 8 * MiB } })
      expect(startsOf(server)).toEqual([0, 300_000, 600_000, 900_000])
    }).pipe(Effect.scoped)
  )

  it.live.each([
    ["500", answers(500)],
    ["429", answers(429)],
    ["503 for a while", answers(503, { "retry-after": "1" })],
    ["nothing", answered((_, response) => void response.destroy())],
    ["headers that never end in bytes", cutOff(0)]
  ] satisfies ReadonlyArray<[string, Trick]>)("outlasts a server that answers %s", ([, trick]) =>
    Effect.gen(function* () {
      const server = yield* fileServer(content, first(7, trick))
      yield* isWhole(server)
      expect(server.requests.length).toBe(6 + 7)
    }).pipe(Effect.scoped)
  )

  it.live("asks again a server that falls silent in the middle", () =>
    Effect.gen(function* () {
      const silent: Trick = ({ headers }, response) => {
        const { start, end } = rangeOf(headers) ?? { start: 0, end: 0 }
        response.writeHead(206, {
          etag: etagOf(content),
          "content-range": `bytes ${start}-${end - 1}/${content.length}`
        })
        response.write(content.subarray(start, start + 1000))
        return true
      }
      const server = yield* fileServer(content, first(2, silent))
      yield* isWhole(server, { waits: { idleSeconds: 0.3 } })
      expect(startsOf(server)).toContain(1000)
    }).pipe(Effect.scoped)
  )

  it.live("takes bytes that come one by one", () =>
    Effect.gen(function* () {
      const small = content.subarray(0, 3000)
      const server = yield* localServer((request, response) => {
        const { start, end } = rangeOf(request.headers) ?? { start: 0, end: 0 }
        const about = {
          etag: etagOf(small),
          "content-length": end - start,
          "content-range": `bytes ${start}-${end - 1}/${small.length}`
        }
        response.writeHead(206, about).flushHeaders()
        const drip = (at: number): unknown =>
          at < end ? response.write(small.subarray(at, at + 1), () => drip(at + 1)) : response.end()
        drip(start)
      })
      const { arriving, path } = yield* started(server, { bytes: small.length })
      yield* arriving.whole
      expect(small.equals(yield* Effect.promise(() => readFile(path)))).toBe(true)
    }).pipe(Effect.scoped)
  )

  /** A correct response except for its ETag. */
  const named = (etag: string | undefined): Trick =>
    answered(({ headers }, response) => {
      const { start, end } = rangeOf(headers) ?? { start: 0, end: 0 }
      response.writeHead(206, {
        ...(etag && { etag }),
        "content-range": `bytes ${start}-${end - 1}/${content.length}`
      })
      response.end(content.subarray(start, end))
    })

  const other = randomBytes(content.length)
  const refusals: ReadonlyArray<[string, Trick, string]> = [
    ["does not let us in", answers(403), "Unavailable"],
    ["does not have it", answers(404), "BlobMissing"],
    ["has it no longer", answers(410), "BlobMissing"],
    ["leads elsewhere", answers(302, { location: "/elsewhere" }), "Unavailable"],
    [
      "knows no ranges",
      answered((_, response) => void response.writeHead(200, { etag: etagOf(content) }).end(content)),
      "Unavailable"
    ],
    ["names no content", named(undefined), "Unavailable"],
    ["names it weakly", named(`W/${etagOf(content)}`), "Unavailable"],
    ["has a longer file", answered(serveFile(Buffer.concat([content, other]))), "Unavailable"],
    ["has a shorter file", answered(serveFile(content.subarray(0, 2 * MiB))), "Unavailable"],
    [
      "has other content from some moment on",
      (request, response, n) => n >= 2 && answered(serveFile(other))(request, response, n),
      "Unavailable"
    ],
    [
      "mixes contents",
      (request, response, n) => {
        if (n < 2) return false
        request.headers["if-range"] = etagOf(other)
        serveFile(other)(request, response)
        return true
      },
      "Unavailable"
    ]
  ]
  it.live.each(refusals)("fails at once where its server %s", ([, trick, tag]) =>
    Effect.gen(function* () {
      const server = yield* fileServer(content, trick)
      const error = yield* Effect.flip(isWhole(server))
      expect(error._tag).toBe(tag)
      // Those that were under way beside the refused one, and none again.
      expect(server.requests.length).toBeLessThanOrEqual(6)
      expect(server.requests.every(({ url }) => url === "/in.mp4")).toBe(true)
    }).pipe(Effect.scoped)
  )

  const chunked = (more: (response: ServerResponse) => void): Trick =>
    answered(({ headers }, response) => {
      const { start, end } = rangeOf(headers) ?? { start: 0, end: 0 }
      // Without a Content-Length only the receiver counts the bytes.
      response.writeHead(206, {
        etag: etagOf(content),
        "content-range": `bytes ${start}-${end - 1}/${content.length}`
      })
      response.write(content.subarray(start, end), () => more(response))
    })

  it.live("takes no more than was announced", () =>
    Effect.gen(function* () {
      const server = yield* fileServer(
        content,
        chunked((response) => response.end("!"))
      )
      const { arriving, path } = yield* started(server)
      expect(yield* Effect.flip(arriving.whole)).toBeInstanceOf(Unavailable)
      expect((yield* Effect.promise(() => readFile(path))).length).toBeLessThanOrEqual(content.length)
    }).pipe(Effect.scoped)
  )

  it.live("needs nothing more once its last byte is there", () =>
    Effect.gen(function* () {
      const server = yield* fileServer(
        content,
        chunked((response) => response.destroy())
      )
      yield* isWhole(server)
    }).pipe(Effect.scoped)
  )

  it.live("asks again for what a server leaves out", () =>
    Effect.gen(function* () {
      const server = yield* fileServer(
        content,
        first(
          3,
          answered(({ headers }, response) => {
            const { start, end } = rangeOf(headers) ?? { start: 0, end: 0 }
            response.writeHead(206, {
              etag: etagOf(content),
              "content-range": `bytes ${start}-${end - 1}/${content.length}`
            })
            response.end(content.subarray(start, start + 1000))
          })
        )
      )
      yield* isWhole(server)
    }).pipe(Effect.scoped)
  )

  it.live("is complete only when its last byte is there, whichever request brings it", () =>
    Effect.gen(function* () {
      let release: (() => void) | undefined
      const server = yield* fileServer(content, (request, response) => {
        if (rangeOf(request.headers)?.start !== 4 * MiB + 5) return false
        release = () => serveFile(content)(request, response)
        return true
      })
      const { arriving } = yield* started(server, { options: { connections: 2 } })
      yield* Effect.forkScoped(arriving.wait(4 * MiB + 5))
      const whole = yield* Effect.fork(arriving.whole)
      yield* until(Effect.sync(() => arriving.reach(0) === 4 * MiB + 5 && release !== undefined))
      yield* until(
        Effect.sync(() => server.requests.length >= 6 && arriving.reach(5 * MiB + 5) === content.length)
      )
      yield* Effect.yieldNow()
      expect(whole.unsafePoll()).toBeNull()
      release?.()
      yield* Fiber.join(whole)
      expect(arriving.reach(0)).toBe(content.length)
    }).pipe(Effect.scoped)
  )

  it.effect("fails all waiting readers at the transfer timeout", () =>
    Effect.gen(function* () {
      const server = yield* fileServer(content, (_, __, n) => n >= 1)
      const { arriving } = yield* started(server)
      const failures = yield* Effect.fork(
        Effect.all([Effect.flip(arriving.wait(content.length - 1)), Effect.flip(arriving.whole)], {
          concurrency: "unbounded"
        })
      )
      yield* until(Effect.sync(() => server.requests.length >= 5))
      yield* TestClock.adjust(`${defaultWaits.transferSeconds} seconds`)
      for (const failure of yield* Fiber.join(failures)) expect(failure).toBeInstanceOf(Unavailable)
    }).pipe(Effect.scoped)
  )

  it.live("downloads first what a reader waits for, and next what follows it", () =>
    Effect.gen(function* () {
      const held: Array<() => void> = []
      let hold = true
      const front: Trick = (request, response, n) => {
        const start = rangeOf(request.headers)?.start ?? 0
        if (!hold || n === 0 || start >= 3 * MiB) return false
        held.push(() => serveFile(content)(request, response))
        return true
      }
      const server = yield* fileServer(content, front)
      const { arriving } = yield* started(server, { options: { connections: 2, pieceBytes: 256 * 1024 } })
      yield* until(Effect.sync(() => held.length === 2))
      yield* arriving.wait(4 * MiB + 5)
      expect(startsOf(server)).toContain(4 * MiB + 5)
      expect(arriving.reach(3 * MiB)).toBe(3 * MiB)
      expect(arriving.reach(4 * MiB)).toBe(4 * MiB)
      hold = false
      for (const release of held) release()
      yield* arriving.whole
      const after = startsOf(server).slice(startsOf(server).indexOf(4 * MiB + 5) + 1)
      expect(after[0]).toBe(4 * MiB + 5 + 256 * 1024)
    }).pipe(Effect.scoped)
  )

  it.live("keeps the limit of concurrent requests, however many readers wait", () =>
    Effect.gen(function* () {
      let most = 0
      let now = 0
      const held: Array<() => void> = []
      // All but the first wait for as many as there may be.
      const server = yield* fileServer(content, (request, response, n) => {
        most = Math.max(most, ++now)
        response.once("finish", () => now--)
        held.push(() => serveFile(content)(request, response))
        if (n === 0 || most >= 4) for (const serve of held.splice(0)) serve()
        return true
      })
      const { arriving } = yield* started(server, {
        options: { connections: 2, moreForWaiters: 2, pieceBytes: 64 * 1024 }
      })
      const offsets = Array.from({ length: 20 }, (_, index) => (index + 1) * 200_000)
      yield* Effect.all(offsets.map(arriving.wait), { concurrency: "unbounded" })
      yield* arriving.whole
      expect(most).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live("stops with its scope, wherever it is", () =>
    Effect.gen(function* () {
      const server = yield* fileServer(content, (_, __, n) => n >= 2)
      const scope = yield* Scope.make()
      const { arriving } = yield* Scope.extend(started(server), scope)
      const waiter = yield* Effect.fork(arriving.whole)
      yield* until(Effect.sync(() => server.requests.length >= 5))
      yield* Scope.close(scope, Exit.void)
      yield* until(Effect.sync(() => server.connections() === 0))
      yield* Fiber.interrupt(waiter)
    }).pipe(Effect.scoped)
  )

  it.live("that is missing on the server fails before a file is made", () =>
    Effect.gen(function* () {
      const server = yield* fileServer(content, answers(404))
      expect(yield* Effect.flip(started(server))).toBeInstanceOf(BlobMissing)
    }).pipe(Effect.scoped)
  )
})
