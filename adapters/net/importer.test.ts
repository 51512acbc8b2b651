import { mkdtempSync, rmSync } from "node:fs"
import { readdir } from "node:fs/promises"
import type { RequestListener } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option } from "effect"
import { afterAll, describe } from "vitest"
import { defaultLimits, Limits, type LimitValues } from "../../core/limits.js"
import { Importer } from "../../core/ports/importer.js"
import { Storage } from "../../core/ports/storage.js"
import { importerSuite, Served } from "../../core/ports/suites/importer.suite.js"
import { aKey, until } from "../../core/ports/suites/samples.suite.js"
import { fileSystem } from "../fs/index.js"
import { memoryStorage } from "../memory/storage.js"
import type { GuardOptions } from "./guarded.js"
import { localHttps, localTls, scoped } from "./https.suite.js"
import { importer } from "./importer.js"

const folder = mkdtempSync(join(tmpdir(), "importer-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const film = Buffer.alloc(300_000, "film")

const serveFilm: RequestListener = (request, response) => {
  if (request.url === "/film.mp4")
    response.writeHead(200, { "content-type": "Video/MP4; codecs=avc1" }).end(film)
  else response.writeHead(404).end("none")
}

for (const [name, storage] of [
  ["files", fileSystem({ root: join(folder, "suite") })],
  ["memory", memoryStorage]
] as const) {
  importerSuite(
    `https importer over ${name}`,
    Layer.unwrapScoped(
      Effect.map(
        scoped(() => localHttps(serveFilm)),
        ({ url, guard }) =>
          Layer.merge(
            Layer.provideMerge(importer(guard), storage),
            Layer.succeed(Served, {
              url: `${url}/film.mp4`,
              bytes: film,
              type: "video/mp4",
              missing: `${url}/none.mp4`
            })
          )
      )
    )
  )
}

let roots = 0

/** An import into a new storage. Afterwards the storage may contain only successful imports. */
const importing = (guard: GuardOptions, url: string, over: Partial<LimitValues> = {}, maxBytes = 1_000_000) =>
  Effect.gen(function* () {
    const root = join(folder, `root-${++roots}`)
    const key = aKey()
    const world = Layer.provideMerge(importer(guard), fileSystem({ root })).pipe(
      Layer.provide(Layer.succeed(Limits, { ...defaultLimits, ...over }))
    )
    const outcome = yield* Effect.gen(function* () {
      const result = yield* Effect.either((yield* Importer).import(url, key, maxBytes))
      const stored = yield* (yield* Storage).stat(key)
      expect(Option.isSome(stored)).toBe(result._tag === "Right")
      return result
    }).pipe(Effect.provide(world))
    if (outcome._tag === "Left") expect(yield* filesBelow(root)).toEqual([])
    return yield* outcome
  })

const filesBelow = (root: string) =>
  Effect.promise(async () => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile() && entry.name !== "secret").map(({ name }) => name)
  })

describe("the importer", () => {
  it.scopedLive.each([
    { status: 204, tag: "UrlRefused" },
    { status: 205, tag: "UrlRefused" },
    { status: 206, tag: "UrlRefused" },
    { status: 304, tag: "UrlRefused" },
    { status: 300, tag: "UrlRefused" },
    { status: 400, tag: "UrlRefused" },
    { status: 401, tag: "UrlRefused" },
    { status: 403, tag: "UrlRefused" },
    { status: 404, tag: "UrlRefused" },
    { status: 410, tag: "UrlRefused" },
    { status: 429, tag: "UrlRefused" },
    { status: 500, tag: "UrlUnreachable" },
    { status: 502, tag: "UrlUnreachable" },
    { status: 503, tag: "UrlUnreachable" },
    { status: 599, tag: "UrlUnreachable" },
    { status: 999, tag: "UrlUnreachable" }
  ])("a response of $status gives $tag with the status in its message", ({ status, tag }) =>
    Effect.gen(function* () {
      const server = yield* scoped(() => localHttps((_, response) => response.writeHead(status).end()))
      const error = yield* Effect.flip(importing(server.guard, server.url))
      expect(error).toMatchObject({ _tag: tag, message: expect.stringContaining(`${status}`) })
      expect(error.message).not.toMatch(/127\.0\.0\.1|example\.com|\d{5}/)
    })
  )

  it.scopedLive.each([
    { given: "video/mp4", is: "video/mp4" },
    { given: "Audio/MPEG ; charset=x; a=b", is: "audio/mpeg" },
    { given: "application/vnd.x+json", is: "application/vnd.x+json" },
    { given: "nonsense", is: null },
    { given: "a/b/c", is: null },
    { given: '<b>/"x"', is: null },
    { given: undefined, is: null }
  ])("the type $given becomes $is", ({ given, is }) =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localHttps((_, response) => {
          if (given !== undefined) response.setHeader("content-type", given)
          response.end("x")
        })
      )
      expect(yield* importing(server.guard, server.url)).toMatchObject({ type: is, blob: { bytes: 1 } })
    })
  )

  it.scopedLive.each([
    { given: 'attachment; filename="a b.mp4"', is: "a b.mp4" },
    { given: "attachment; filename=plain.mp4; filename*=UTF-8''caf%C3%A9.mp4", is: "café.mp4" },
    { given: Buffer.from('attachment; filename="café.mp4"').toString("latin1"), is: "café.mp4" },
    { given: "inline", is: null },
    { given: "attachment; filename=", is: null },
    { given: `attachment; filename="${"x".repeat(3000)}"`, is: null },
    { given: ';;=;"', is: null },
    { given: undefined, is: null }
  ])("a Content-Disposition of $given gives the file name $is", ({ given, is }) =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localHttps((_, response) => {
          if (given !== undefined) response.setHeader("content-disposition", given)
          response.end("x")
        })
      )
      expect(yield* importing(server.guard, server.url)).toMatchObject({ fileName: is })
    })
  )

  it.scopedLive.each(["<!DOCTYPE html><p>log in", "\ufeff\n  <html>", "<html>"])(
    "refuses a web page with an explanation: %s",
    (page) =>
      Effect.gen(function* () {
        const server = yield* scoped(() =>
          localHttps(
            (_, response) =>
              void response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page)
          )
        )
        const error = yield* Effect.flip(importing(server.guard, server.url))
        expect(error).toMatchObject({
          _tag: "UrlRefused",
          message: expect.stringContaining("web page (text/html)")
        })
      })
  )

  it.scopedLive("accepts media that the server labels as a web page", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localHttps((_, response) => void response.writeHead(200, { "content-type": "text/html" }).end(film))
      )
      expect(yield* importing(server.guard, server.url)).toMatchObject({ blob: { bytes: film.length } })
    })
  )

  it.scopedLive("follows redirects up to the limit", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localHttps(({ url = "" }, response) => {
          const left = Number(url.slice(1))
          left === 0 ? response.end("film") : response.writeHead(302, { location: `/${left - 1}` }).end()
        })
      )
      expect(yield* importing(server.guard, `${server.url}/5`)).toMatchObject({ blob: { bytes: 4 } })
      expect(yield* Effect.flip(importing(server.guard, `${server.url}/6`))).toMatchObject({
        _tag: "UrlRefused",
        message: "The URL redirects too often"
      })
      expect(yield* Effect.flip(importing(server.guard, `${server.url}/1`, { redirects: 0 }))).toMatchObject({
        _tag: "UrlRefused"
      })
    })
  )

  it.scopedLive("refuses a file of announced excessive size before its first byte", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localTls((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n"))
      )
      expect(yield* Effect.flip(importing(server.guard, server.url))).toMatchObject({
        _tag: "TooLarge",
        maxBytes: 1_000_000
      })
    })
  )

  it.scopedLive.each([
    { title: "without an end", header: "x-y: z" },
    { title: "without an end in chunks", header: "transfer-encoding: chunked" }
  ])("refuses a file $title when it exceeds the limit, and closes its connection", ({ header }) =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localTls((socket) => {
          const piece = Buffer.alloc(8192, "x")
          const framed = header.endsWith("chunked")
            ? Buffer.concat([Buffer.from("2000\r\n"), piece, Buffer.from("\r\n")])
            : piece
          const more = () => {
            while (!socket.destroyed && socket.write(framed));
          }
          socket.on("drain", more).write(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n`)
          more()
        })
      )
      expect(yield* Effect.flip(importing(server.guard, server.url))).toMatchObject({ _tag: "TooLarge" })
      yield* until(Effect.sync(() => server.connections() === 0))
    })
  )

  it.scopedLive.each([
    { title: "gzip", headers: { "content-encoding": "gzip" }, body: gzipSync(Buffer.alloc(1_000_000)) },
    { title: "an unknown coding", headers: { "content-encoding": "x-none" }, body: "x" },
    { title: "two codings", headers: { "content-encoding": "identity, gzip" }, body: "x" }
  ])("refuses content in $title, and never decompresses it", ({ headers, body }) =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localHttps((_, response) => response.writeHead(200, headers).end(body))
      )
      expect(yield* Effect.flip(importing(server.guard, server.url))).toMatchObject({
        _tag: "UrlRefused",
        message: expect.stringContaining("Content-Encoding")
      })
    })
  )

  it.scopedLive("keeps content labelled identity, and gzip files, as they are", () =>
    Effect.gen(function* () {
      const file = gzipSync("film")
      const server = yield* scoped(() =>
        localHttps((_, response) => response.writeHead(200, { "content-encoding": "Identity" }).end(file))
      )
      expect(yield* importing(server.guard, server.url)).toMatchObject({ blob: { bytes: file.length } })
    })
  )

  it.scopedLive.each([
    { title: "is shorter than announced", text: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbytes" },
    {
      title: "lacks its last chunk",
      text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n"
    },
    { title: "never begins", text: "" }
  ])("a body that $title stores nothing", ({ text }) =>
    Effect.gen(function* () {
      const server = yield* scoped(() => localTls((socket) => socket.once("data", () => socket.end(text))))
      expect(yield* Effect.flip(importing(server.guard, server.url))).toMatchObject({
        _tag: "UrlUnreachable"
      })
    })
  )

  it.scopedLive("ends a slow body after the total time limit", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localTls((socket) => {
          socket.write("HTTP/1.1 200 OK\r\n\r\n")
          const timer = setInterval(() => socket.write("x"), 10)
          socket.on("close", () => clearInterval(timer))
        })
      )
      expect(yield* Effect.flip(importing(server.guard, server.url, { importSeconds: 0.3 }))).toMatchObject({
        _tag: "UrlUnreachable",
        message: "Fetching the URL took longer than 0.3 s"
      })
      yield* until(Effect.sync(() => server.connections() === 0))
    })
  )

  it.scopedLive("an interrupted import closes its connection and stores nothing", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localTls((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfilm"))
      )
      const root = join(folder, `root-${++roots}`)
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.fork((yield* Importer).import(server.url, aKey(), 1000))
        yield* until(Effect.map(filesBelow(root), (files) => files.length > 0))
        yield* Fiber.interrupt(fiber)
        expect(yield* filesBelow(root)).toEqual([])
        yield* until(Effect.sync(() => server.connections() === 0))
      }).pipe(Effect.provide(Layer.provideMerge(importer(server.guard), fileSystem({ root }))))
    })
  )

  it.scopedLive("accepts an empty file", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() => localHttps((_, response) => response.end()))
      expect(yield* importing(server.guard, server.url)).toMatchObject({ blob: { bytes: 0 } })
    })
  )

  it.scopedLive("imports a file of many chunks completely", () =>
    Effect.gen(function* () {
      const piece = Buffer.alloc(1_000_000, "film")
      const server = yield* scoped(() =>
        localHttps((_, response) => {
          let left = 64
          const more = () => {
            while (left > 0 && response.write(piece)) left--
            if (left-- <= 0) response.end()
          }
          response.on("drain", more)
          more()
        })
      )
      const { blob } = yield* importing(server.guard, server.url, {}, 100_000_000)
      expect(blob.bytes % piece.length).toBe(0)
      expect(blob.bytes).toBeGreaterThan(60 * piece.length)
    })
  )
})
