import { randomBytes } from "node:crypto"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { open, readFile } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { buffer } from "node:stream/consumers"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { execa } from "execa"
import { afterAll, describe } from "vitest"
import { BlobMissing, Unavailable } from "../../core/errors.js"
import { BlobKey, FileName } from "../../core/ids.js"
import type { Plan } from "../../core/plan.js"
import { until } from "../../core/ports/suites/samples.suite.js"
import type { Made } from "../ffmpeg/outputs.js"
import { openHost } from "./host.js"
import { openWeb } from "./http-client.js"
import { inputCache } from "./inputs/input-cache.js"
import type { Run, Sent } from "./run.js"
import { bodyOf, localServer, say, serveFile, shortWaits } from "./server.suite.js"
import type { Waits } from "./timeouts.js"
import { type RunTransfer, transferOf } from "./transfer.js"

const root = mkdtempSync(join(tmpdir(), "transfer-test-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const MiB = 1024 * 1024
const partBytes = 2 * MiB + 1
let count = 0

type Trick = (request: IncomingMessage, response: ServerResponse, count: number) => boolean

const plan: Plan = {
  args: [],
  inputs: [],
  outputs: [],
  outputPrefix: "run/out/",
  timeline: { inputs: [], outputs: [] },
  limits: { seconds: 1, outputBytes: 1, outputFiles: 1 }
}

/** A host that takes outputs in parts, and has one input. A trick may answer a PUT instead. */
const hostWith = (
  input: Buffer,
  trick: Trick = () => false,
  waits: Partial<Waits> = {},
  args: ReadonlyArray<string> = []
) =>
  Effect.gen(function* () {
    const folder = join(root, `${count++}`)
    mkdirSync(folder)
    const arrived = new Map<string, Map<number, Buffer>>()
    const asked: Array<{ readonly [name in "upload" | "start"]: Sent[name] | undefined }> = []
    let uploads = 0
    let puts = 0
    let now = 0
    let most = 0
    const server = yield* localServer((request, response) => {
      const { method, url = "" } = request
      if (url.endsWith("/outputs")) {
        void bodyOf(request).then((body) => {
          const { files } = body as { readonly files: ReadonlyArray<Sent> }
          asked.push(...files.map(({ upload, start }) => ({ upload, start })))
          say(response, 200, {
            files: files.map(({ name, bytes, upload, start: wanted = 0 }) => {
              const count = Math.max(1, Math.ceil(bytes / partBytes))
              const starts = Array.from({ length: count }, (_, index) => index * partBytes).filter(
                (start) => start >= wanted
              )
              const its = upload ?? (count > 1 ? `upload ${++uploads}` : null)
              const requests = starts.map((start) => ({
                method: "PUT",
                url: `/put/${encodeURIComponent(its === null ? name : `${name} ${its}`)}/${start}`,
                headers: { "x-signed": "yes" },
                start,
                bytes: Math.min(partBytes, bytes - start)
              }))
              return { name, upload: its, requests }
            })
          })
        })
        return
      }
      if (method === "GET")
        return url === "/in" ? serveFile(input)(request, response) : void response.writeHead(404).end()
      most = Math.max(most, ++now)
      request.once("close", () => now--)
      if (trick(request, response, puts++)) return
      const [, , name = "", start = ""] = url.split("/")
      void buffer(request).then(
        (bytes) => {
          const parts = arrived.get(decodeURIComponent(name)) ?? new Map<number, Buffer>()
          arrived.set(decodeURIComponent(name), parts.set(Number(start), bytes))
          say(response, 200, { ok: true })
        },
        () => undefined
      )
    })
    const secret = Redacted.make("a-secret")
    const host = yield* openHost({ url: server.url, name: "box", secret, waits: { ...shortWaits, ...waits } })
    const cache = yield* inputCache({ folder: join(folder, "cache"), maxBytes: 100 * MiB, lateBytes: MiB })
    const request = (path: string) => ({ url: new URL(server.url + path), headers: {} })
    const file = (name: string, path: string, bytes = input.length) => ({
      name: FileName(name),
      key: BlobKey(name),
      bytes,
      request: request(path)
    })
    const run = {
      ...{ id: "job_1", token: "the-run", heartbeatSeconds: 5, silenceSeconds: 60, ...plan },
      inputs: [file("in.mp4", "/in"), file("gone.mp4", "/gone")]
    } satisfies Run
    const transfer = yield* transferOf({
      run: { ...run, args },
      calls: host.run(run),
      cache,
      worthBytes: 2 * partBytes
    })
    /** The received parts of a name, joined. */
    const stored = (name: string, upload = transfer.uploadOf(FileName(name))) =>
      Buffer.concat(
        [...(arrived.get(upload === null ? name : `${name} ${upload}`) ?? [])]
          .sort(([a], [b]) => a - b)
          .map(([, bytes]) => bytes)
      )
    return { server, folder, transfer, run, stored, arrived, asked, puts: () => puts, most: () => most }
  })

const made = (folder: string, name: string, content: Buffer) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return { name: FileName(name), path, bytes: content.length }
}

describe("inputs of a run", () => {
  it.live("are there, or late, or missing", () =>
    Effect.gen(function* () {
      const small = randomBytes(1000)
      const one = yield* hostWith(small)
      const path = join(one.folder, "in.mp4")
      const [input, gone] = one.run.inputs
      if (input === undefined || gone === undefined) throw new Error("the run has two inputs")
      expect(yield* one.transfer.stage(input, path)).toBeUndefined()
      expect(small.equals(yield* Effect.promise(() => readFile(path)))).toBe(true)
      expect(yield* Effect.flip(one.transfer.stage(gone, join(one.folder, "gone.mp4")))).toBeInstanceOf(
        BlobMissing
      )
      const unknown = { ...input, key: BlobKey("another") }
      expect(yield* Effect.flip(one.transfer.stage(unknown, join(one.folder, "another.mp4")))).toBeInstanceOf(
        Unavailable
      )
      const large = randomBytes(2 * MiB)
      const other = yield* hostWith(large)
      const place = join(other.folder, "in.mp4")
      const late = yield* other.transfer.stage({ ...input, bytes: large.length }, place)
      yield* late?.whole ?? Effect.die("it is not late")
      expect(large.equals(yield* Effect.promise(() => readFile(place)))).toBe(true)
    }).pipe(Effect.scoped)
  )
})

describe("outputs of a run", () => {
  const sizes = [0, 1, partBytes, partBytes + 1, 5 * partBytes - 3]

  it.live("arrive byte by byte as they are, whole or in parts", () =>
    Effect.gen(function* () {
      const { folder, transfer, stored, server, most } = yield* hostWith(Buffer.alloc(0))
      const contents = sizes.map((size) => randomBytes(size))
      const files = contents.map((content, index) => made(folder, `ö ${index}%.mp4`, content))
      const published = yield* transfer.publish(plan, files)
      expect(published.map(({ name, blob }) => [name, blob.key, blob.bytes])).toEqual(
        files.map(({ name, bytes }) => [name, `run/out/${name}`, bytes])
      )
      for (const [index, { name }] of files.entries())
        expect(contents[index]?.equals(stored(name))).toBe(true)
      expect(files.map(({ name }) => transfer.uploadOf(name))).toEqual([
        ...[null, null, null],
        ...["upload 1", "upload 2"]
      ])
      const puts = server.requests.filter(({ method }) => method === "PUT")
      expect(puts.length).toBe(1 + 1 + 1 + 2 + 5)
      expect(
        puts.every(
          ({ headers }) => headers["x-signed"] === "yes" && headers["transfer-encoding"] === undefined
        )
      ).toBe(true)
      expect(most()).toBeLessThanOrEqual(4)
    }).pipe(Effect.scoped)
  )

  const cutOff: Trick = (request, response) => {
    request.once("data", () => response.destroy())
    return true
  }
  const answers =
    (status: number, headers: Readonly<Record<string, string>> = {}): Trick =>
    (request, response) => {
      request.resume()
      response.writeHead(status, headers).end()
      return true
    }

  const refused: Trick = (_, response) => {
    response.writeHead(503, { "retry-after": "1" }).end()
    return true
  }

  it.live.each([
    ["is cut off", cutOff],
    ["is answered 500", answers(500)],
    ["is answered 503 before it has come", refused],
    ["is answered 429", answers(429)]
  ] satisfies ReadonlyArray<[string, Trick]>)("are sent again when one of them %s", ([, trick]) =>
    Effect.gen(function* () {
      const { folder, transfer, stored } = yield* hostWith(
        Buffer.alloc(0),
        (request, response, n) => n % 3 !== 2 && n < 9 && trick(request, response, n)
      )
      const content = randomBytes(3 * partBytes)
      yield* transfer.publish(plan, [made(folder, "out.mp4", content)])
      expect(content.equals(stored("out.mp4"))).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("are sent again if the server takes them and does not respond", () =>
    Effect.gen(function* () {
      const mute: Trick = (request, _, n) => {
        if (n === 0) request.resume()
        return n < 2
      }
      const { folder, transfer, stored } = yield* hostWith(Buffer.alloc(0), mute, {
        idleSeconds: 0.3,
        answerSeconds: 0.3
      })
      const content = randomBytes(2 * partBytes)
      yield* transfer.publish(plan, [made(folder, "out.mp4", content)])
      expect(content.equals(stored("out.mp4"))).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live.each([400, 403, 404, 413, 302])("are not sent again where they are answered %i", (status) =>
    Effect.gen(function* () {
      const { folder, transfer, server } = yield* hostWith(
        Buffer.alloc(0),
        answers(status, { location: "/elsewhere" })
      )
      const error = yield* Effect.flip(transfer.publish(plan, [made(folder, "out.mp4", randomBytes(1000))]))
      expect(error).toMatchObject({ _tag: "Unavailable", what: expect.stringContaining(String(status)) })
      expect(server.requests.filter(({ method }) => method === "PUT").length).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live("are sent for no longer than a transfer may take", () =>
    Effect.gen(function* () {
      const { folder, transfer } = yield* hostWith(Buffer.alloc(0), answers(500), { transferSeconds: 0.2 })
      expect(
        yield* Effect.flip(transfer.publish(plan, [made(folder, "out.mp4", randomBytes(1000))]))
      ).toBeInstanceOf(Unavailable)
    }).pipe(Effect.scoped)
  )

  it.live("are files of the size they were found with, and nothing else by their name", () =>
    Effect.gen(function* () {
      const { folder, transfer, arrived } = yield* hostWith(Buffer.alloc(0))
      const secret = made(folder, "secret", Buffer.from("secret"))
      symlinkSync(secret.path, join(folder, "link.mp4"))
      yield* Effect.promise(() => execa("mkfifo", [join(folder, "pipe.mp4")]))
      const shrunk = made(folder, "shrunk.mp4", randomBytes(1000))
      truncateSync(shrunk.path, 999)
      const files = [
        { ...secret, name: FileName("link.mp4"), path: join(folder, "link.mp4") },
        { ...secret, name: FileName("pipe.mp4"), path: join(folder, "pipe.mp4"), bytes: 0 },
        { ...secret, name: FileName("gone.mp4"), path: join(folder, "gone.mp4") },
        shrunk
      ]
      for (const file of files)
        expect(yield* Effect.flip(transfer.publish(plan, [file]))).toBeInstanceOf(Unavailable)
      expect([...arrived.keys()]).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("that become shorter while they are sent are not made up", () =>
    Effect.gen(function* () {
      const { folder, server } = yield* hostWith(Buffer.alloc(0))
      const { path } = made(folder, "out.mp4", randomBytes(2 * MiB))
      const web = yield* openWeb()
      const file = yield* Effect.acquireRelease(
        Effect.promise(() => open(path)),
        (each) => Effect.promise(() => each.close())
      )
      const body = { file, start: 0, bytes: 3 * MiB }
      const error = yield* Effect.flip(
        web.exchange({ method: "PUT", url: new URL(`${server.url}/put/out.mp4/0`), headers: {}, body })
      )
      expect(error).toBeInstanceOf(Unavailable)
    }).pipe(Effect.scoped)
  )

  it.live("are no longer sent when the run is interrupted", () =>
    Effect.gen(function* () {
      const halfway: Array<IncomingMessage> = []
      const { folder, transfer, server } = yield* hostWith(Buffer.alloc(0), (request) => {
        request.once("data", () => halfway.push(request.pause()))
        return true
      })
      const content = randomBytes(20 * MiB)
      const publishing = yield* Effect.fork(transfer.publish(plan, [made(folder, "out.mp4", content)]))
      yield* until(Effect.sync(() => halfway.length === 4))
      yield* Fiber.interrupt(publishing)
      // A server that does not read does not notice that the client has disconnected.
      for (const request of halfway) request.on("error", () => undefined).resume()
      yield* until(Effect.sync(() => server.connections() <= 1))
      expect(server.requests.filter(({ method }) => method === "PUT").length).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live("have no place when the run is over", () =>
    Effect.gen(function* () {
      const server = yield* localServer((_, response) => say(response, 409, {}))
      const host = yield* openHost({
        url: server.url,
        name: "box",
        secret: Redacted.make("a-secret"),
        waits: shortWaits
      })
      const run = {
        ...{ id: "job_1", token: "the-run", heartbeatSeconds: 5, silenceSeconds: 60, ...plan },
        inputs: []
      } satisfies Run
      const cache = yield* inputCache({ folder: join(root, `${count++}`), maxBytes: MiB })
      const transfer = yield* transferOf({ run, calls: host.run(run), cache })
      const error = yield* Effect.flip(transfer.publish(plan, [made(root, "out.mp4", randomBytes(10))]))
      expect(error).toBeInstanceOf(Unavailable)
      expect(server.requests.length).toBe(1)
    }).pipe(Effect.scoped)
  )
})

describe("outputs that grow", () => {
  const grown = (transfer: RunTransfer, file: Made) => transfer.grown?.([file]) ?? Effect.void
  const changed = (content: Buffer) => Buffer.concat([Buffer.from("changed"), content.subarray(7)])

  it.live("are on their way by then: at the end comes what is left, and what has changed", () =>
    Effect.gen(function* () {
      const { folder, transfer, stored, puts, asked } = yield* hostWith(Buffer.alloc(0))
      const content = randomBytes(8.5 * partBytes)
      yield* grown(transfer, made(folder, "a.mkv", content.subarray(0, 1.5 * partBytes)))
      expect(asked).toEqual([])
      yield* grown(transfer, made(folder, "a.mkv", content.subarray(0, 5 * partBytes)))
      yield* until(Effect.sync(() => puts() === 4))
      // A call during an upload starts nothing, so it is repeated.
      yield* until(
        Effect.as(grown(transfer, made(folder, "a.mkv", content)), true).pipe(Effect.map(() => puts() === 8))
      )
      const whole = changed(content)
      yield* transfer.publish(plan, [made(folder, "a.mkv", whole)])
      expect(whole.equals(stored("a.mkv"))).toBe(true)
      expect(puts()).toBe(10)
      expect(asked).toEqual([
        { upload: null, start: 0 },
        { upload: "upload 1", start: 4 * partBytes },
        { upload: "upload 1", start: undefined }
      ])
    }).pipe(Effect.scoped)
  )

  it.live("are waited for when the end comes, and looked at after that", () =>
    Effect.gen(function* () {
      let first = Buffer.alloc(0)
      let answer = () => {}
      const held: Trick = (request, response, count) => {
        if (count > 0) return false
        void buffer(request).then((bytes) => {
          first = bytes
          answer = () => say(response, 200, { ok: true })
        })
        return true
      }
      const { folder, transfer, stored, puts, arrived } = yield* hostWith(Buffer.alloc(0), held)
      const content = randomBytes(3 * partBytes)
      yield* grown(transfer, made(folder, "a.mkv", content))
      yield* until(Effect.sync(() => puts() === 2 && first.length === partBytes))
      const whole = changed(content)
      const published = yield* Effect.fork(transfer.publish(plan, [made(folder, "a.mkv", whole)]))
      yield* until(Effect.sync(() => arrived.get("a.mkv upload 1")?.size === 1))
      expect(published.unsafePoll()).toBeNull()
      expect(puts()).toBe(2)
      answer()
      yield* Fiber.join(published)
      expect(puts()).toBe(4)
      expect(whole.equals(stored("a.mkv"))).toBe(true)
    }).pipe(Effect.scoped)
  )

  const breaks: Trick = (request, _, count) => {
    if (count === 0) request.destroy()
    return count === 0
  }

  it.live(
    "are sent anew, each part once more, where one did not arrive: some of it may still be on its way",
    () =>
      Effect.gen(function* () {
        const { folder, transfer, stored, puts, asked } = yield* hostWith(Buffer.alloc(0), breaks)
        const content = randomBytes(4 * partBytes)
        const file = made(folder, "a.mkv", content)
        yield* grown(transfer, file)
        yield* until(Effect.sync(() => puts() > 0))
        yield* transfer.publish(plan, [file])
        expect(asked.map(({ upload }) => upload)).toEqual([null, null])
        expect(transfer.uploadOf(file.name)).toBe("upload 2")
        expect(content.equals(stored("a.mkv"))).toBe(true)
      }).pipe(Effect.scoped)
  )

  it.live("and become shorter are sent anew", () =>
    Effect.gen(function* () {
      const { folder, transfer, stored, puts } = yield* hostWith(Buffer.alloc(0))
      const content = randomBytes(4 * partBytes)
      yield* grown(transfer, made(folder, "a.mkv", content))
      yield* until(Effect.sync(() => puts() === 3))
      const short = content.subarray(0, 2.5 * partBytes)
      yield* transfer.publish(plan, [made(folder, "a.mkv", short)])
      expect(transfer.uploadOf(FileName("a.mkv"))).toBe("upload 2")
      expect(short.equals(stored("a.mkv"))).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("and are written anew in the end wait for that", () =>
    Effect.gen(function* () {
      const { folder, transfer, asked } = yield* hostWith(Buffer.alloc(0), undefined, {}, [
        "-movflags",
        "+faststart"
      ])
      yield* grown(transfer, made(folder, "a.mp4", randomBytes(4 * partBytes)))
      yield* transfer.publish(plan, [made(folder, "a.mp4", randomBytes(4 * partBytes))])
      expect(asked).toEqual([{ upload: null, start: undefined }])
    }).pipe(Effect.scoped)
  )
})
