import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { open } from "node:fs/promises"
import { Agent, request as ask, createServer, type IncomingMessage } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { buffer } from "node:stream/consumers"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Logger, LogLevel, TestClock } from "effect"
import { afterAll, describe } from "vitest"
import { until } from "../../../core/ports/suites/samples.suite.js"
import { openWeb } from "../http-client.js"
import { fileServer, rangeOf, serveFile, shortWaits, sourceOf, type Trick } from "../server.suite.js"
import { defaultWaits } from "../timeouts.js"
import { arrive } from "./range-download.js"
import { lateAnswers } from "./serve-partial.js"

const folder = mkdtempSync(join(tmpdir(), "late-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const MiB = 1024 * 1024
const content = randomBytes(3 * MiB + 77)

let count = 0

/** A file that arrives from a server with such tricks, and the path of the socket where it is answered. */
const late = (trick?: Trick) =>
  Effect.gen(function* () {
    const server = yield* fileServer(content, trick)
    const name = `${count++}`
    const file = yield* Effect.acquireRelease(
      Effect.promise(() => open(join(folder, name), "wx+")),
      (each) => Effect.promise(() => each.close())
    )
    const web = yield* openWeb({ waits: shortWaits })
    const arriving = yield* arrive(file, sourceOf(web, server, content), {
      pieceBytes: 256 * 1024,
      connections: 2
    })
    let hungUp = 0
    const wait = (offset: number) =>
      Effect.onInterrupt(arriving.wait(offset), () => Effect.sync(() => hungUp++))
    const answer = yield* lateAnswers(file, { ...arriving, wait })
    const socketPath = join(folder, `${name}.sock`)
    yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const own = createServer(answer)
        own.keepAliveTimeout = 0
        await new Promise<void>((resolve) => own.listen(socketPath, resolve))
        return own
      }),
      (own) =>
        Effect.promise(() => {
          own.closeAllConnections()
          return new Promise((resolve) => own.close(resolve))
        })
    )
    return { server, socketPath, hungUp: () => hungUp }
  })

const keptOpen = new Agent({ keepAlive: true })
afterAll(() => keptOpen.destroy())

const got = (
  socketPath: string,
  { method = "GET", range }: { readonly method?: string; readonly range?: string } = {}
) =>
  Effect.async<IncomingMessage>((resume) => {
    const headers = range === undefined ? {} : { range }
    const request = ask({ socketPath, path: "/in.mp4", method, headers, agent: keptOpen }, (response) =>
      resume(Effect.succeed(response))
    )
    request.on("error", (cause) => resume(Effect.die(cause)))
    request.end()
  })

const bytesOf = (response: IncomingMessage) => Effect.promise(() => buffer(response))

describe("a late input", () => {
  it.live.each([
    [undefined, 200, 0, content.length],
    ["bytes=0-", 206, 0, content.length],
    ["bytes=5-9", 206, 5, 10],
    [`bytes=${2 * MiB}-`, 206, 2 * MiB, content.length],
    ["bytes=-100", 206, content.length - 100, content.length],
    ["bytes=3-99999999999", 206, 3, content.length],
    ["bytes=9-5", 200, 0, content.length],
    ["bytes=0-1,4-5", 200, 0, content.length],
    ["lines=0-1", 200, 0, content.length]
  ] as const)("answers %s with %i and the bytes from %i to %i", ([range, status, start, end]) =>
    Effect.gen(function* () {
      const { socketPath } = yield* late()
      const about = {
        "accept-ranges": "bytes",
        "content-length": String(end - start),
        ...(status === 206 && { "content-range": `bytes ${start}-${end - 1}/${content.length}` })
      }
      const asked = range === undefined ? {} : { range }
      const head = yield* got(socketPath, { method: "HEAD", ...asked })
      expect(head).toMatchObject({ statusCode: status, headers: about })
      expect((yield* bytesOf(head)).length).toBe(0)
      const response = yield* got(socketPath, asked)
      expect(response).toMatchObject({ statusCode: status, headers: about })
      expect(content.subarray(start, end).equals(yield* bytesOf(response))).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("refuses what lies behind its end, and what would change it", () =>
    Effect.gen(function* () {
      const { socketPath } = yield* late()
      const behind = yield* got(socketPath, { range: `bytes=${content.length}-` })
      expect(behind).toMatchObject({
        statusCode: 416,
        headers: { "content-range": `bytes */${content.length}` }
      })
      yield* bytesOf(behind)
      const post = yield* got(socketPath, { method: "POST" })
      expect(post.statusCode).toBe(405)
      yield* bytesOf(post)
    }).pipe(Effect.scoped)
  )

  it.live("is read to where it has come, and then on as it comes", () =>
    Effect.gen(function* () {
      const held: Array<() => void> = []
      const { socketPath } = yield* late((request, response) => {
        if ((rangeOf(request.headers)?.start ?? 0) < MiB) return false
        held.push(() => serveFile(content)(request, response))
        return true
      })
      const response = yield* got(socketPath)
      const read: Array<Buffer> = []
      response.on("data", (piece: Buffer) => read.push(piece))
      yield* until(Effect.sync(() => Buffer.concat(read).length === MiB))
      const ended = new Promise((resolve) => response.once("end", resolve))
      const release = setInterval(() => held.shift()?.(), 1)
      yield* Effect.promise(() => ended)
      clearInterval(release)
      expect(content.equals(Buffer.concat(read))).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.effect("is cut off, not ended, where it stops coming", () =>
    Effect.gen(function* () {
      const { socketPath, server } = yield* late((_, __, n) => n >= 2)
      const response = yield* got(socketPath)
      const read = yield* Effect.fork(Effect.flip(Effect.tryPromise(() => buffer(response))))
      yield* until(Effect.sync(() => server.requests.length >= 4))
      yield* TestClock.adjust(`${defaultWaits.transferSeconds} seconds`)
      expect(yield* Fiber.join(read)).toMatchObject({ error: { code: "ECONNRESET" } })
    }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))
  )

  it.live("is no longer waited for when the client disconnects", () =>
    Effect.gen(function* () {
      const { socketPath, server, hungUp } = yield* late((_, __, n) => n >= 1)
      const response = yield* got(socketPath, { range: `bytes=${2 * MiB}-` })
      response.on("error", () => undefined)
      yield* until(
        Effect.sync(() => server.requests.some(({ headers }) => rangeOf(headers)?.start === 2 * MiB))
      )
      expect(hungUp()).toBe(0)
      response.destroy()
      yield* until(Effect.sync(() => hungUp() === 1))
    }).pipe(Effect.scoped)
  )
})
