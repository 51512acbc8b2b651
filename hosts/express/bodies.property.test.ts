import { Effect, FastCheck as fc, Stream } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { postDirectory, putFile } from "../../core/contract/endpoints.js"
import { long, mangledBody, requestBodies } from "../../core/contract/mangled.suite.js"
import { defaultLimits } from "../../core/limits.js"
import { bytes, world } from "../../core/operations/world.suite.js"
import { anOwner } from "../../core/ports/suites/samples.suite.js"
import { type Instance, startInstance } from "../embed/runtime.js"
import { answer } from "../http/answer.js"
import type { ApiReply, ApiRequest } from "../http/api.js"
import { conformance } from "../http/conformance.suite.js"
import { routes } from "../http/routes.js"
import { type Host, startHost } from "./host.suite.js"

/** No mangled body gives a 500 or no response. Every response is documented in the OpenAPI document. */

const direct = long ? 15_000 : 1500
const overHttp = long ? 1000 : 100
const owner = anOwner()
const { faultOf } = conformance()
const utf8 = new TextEncoder()

/** Only ends a hanging run. The first limit is for one body, which is then printed. */
const hangs = { timeout: 30_000 }
const patience = long ? 3_000_000 : 300_000

const deep = (inner: string) => `{"task":{"inputs":${inner}},"file_name":${inner},"probe":${inner}}`

/** Changes that a text may suffer in transit. */
const encoded = (text: string): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(utf8.encode(text)) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(
          `\ufeff${text}`,
          `${text}${text}`,
          `${text}\0`,
          `'${text}'`,
          encodeURIComponent(text),
          deep("[".repeat(60_000)),
          deep(`${"[".repeat(30_000)}${"]".repeat(30_000)}`)
        )
        .map((odd) => utf8.encode(odd))
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom("utf16le" as const, "latin1" as const, "base64" as const)
        .map((label) => Buffer.from(text, label))
    },
    { weight: 1, arbitrary: fc.nat(text.length).map((length) => utf8.encode(text.slice(0, length))) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.nat(text.length), fc.uint8Array({ minLength: 1, maxLength: 8 }))
        .map(([at, junk]) =>
          Buffer.concat([utf8.encode(text.slice(0, at)), junk, utf8.encode(text.slice(at))])
        )
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) }
  )

const label = fc.constantFrom(
  undefined,
  "application/json",
  "application/x-www-form-urlencoded",
  "application/json; charset=utf-16",
  "\u00ff/"
)

/** Bodies that the memory adapters accept, so that some requests succeed. */
const ownBodies = (
  dir: string
): { readonly [Name in keyof typeof requestBodies]: ReadonlyArray<unknown> } => {
  const task = {
    inputs: [{ file_path: `${dir}/in.mp4` }],
    outputs: [{ file: "out.mp4", options: ["-crf", 23] }],
    output_dir_id: dir
  }
  return {
    process: [{ task }],
    async: [{ task, webhook_url: "https://example.com/hook" }],
    analyze: [
      { file_path: `${dir}/in.mp4`, probe: { format: [], streams: ["codec_name"], select_streams: "v:0" } }
    ],
    file: [{ file_name: "b.mp4", dir_id: dir }],
    directory: [{ ttl: 3600 }, {}]
  }
}

const jsonRoutes: { readonly [Path in string]: keyof typeof requestBodies } = {
  "/ffmpeg/process": "process",
  "/ffmpeg/process/async": "async",
  "/ffprobe/analyze": "analyze",
  "/file": "file",
  "/directory": "directory"
}
const boundary = "a-boundary"
const form = (command: Uint8Array): Uint8Array =>
  Buffer.concat([
    utf8.encode(`--${boundary}\r\nContent-Disposition: form-data; name="command"\r\n\r\n`),
    command,
    utf8.encode(
      `\r\n--${boundary}\r\nContent-Disposition: form-data; name="video"; filename="in.mp4"\r\n\r\ncontent\r\n--${boundary}--\r\n`
    )
  ])
const formCommands = [{ inputs: [{ file_path: "in.mp4" }], outputs: [{ file: "out.mp4" }] }]

interface Sent {
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** The body for a POST route; undefined when it reads none. */
const sendable = (path: string, dir: string): fc.Arbitrary<Sent> | undefined => {
  if (path === "/ffmpeg/run") {
    const wrapped = mangledBody(requestBodies.process, formCommands)
      .chain(encoded)
      .map(form)
      .chain((whole) =>
        fc.oneof(
          { weight: 3, arbitrary: fc.constant(whole) },
          { weight: 1, arbitrary: fc.nat(whole.length).map((length) => whole.slice(0, length)) }
        )
      )
    const type = fc.oneof(
      { weight: 8, arbitrary: fc.constant(`multipart/form-data; boundary=${boundary}`) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "multipart/form-data",
          "multipart/form-data; boundary=",
          "multipart/mixed; boundary=x",
          "text/plain"
        )
      }
    )
    return fc
      .tuple(wrapped, type)
      .map(([body, contentType]) => ({ body, headers: { "content-type": contentType } }))
  }
  const name = jsonRoutes[path]
  if (name === undefined) return undefined
  return fc
    .tuple(mangledBody(requestBodies[name], ownBodies(dir)[name]).chain(encoded), label)
    .map(([body, contentType]) => ({
      body,
      headers: contentType === undefined ? {} : { "content-type": contentType }
    }))
}

const posts = routes
  .filter(({ method, path }) => method === "POST" && !path.includes(":"))
  .map(({ path }) => path)

it("has a body for every POST route that reads one", () => {
  expect(posts.filter((path) => sendable(path, "dir_1") === undefined)).toEqual([])
})

describe(`${direct} mangled bodies for each POST route, handled in memory`, () => {
  let instance: Instance
  let dir: string
  beforeAll(async () => {
    const limits = {
      ...defaultLimits,
      jsonBytes: 200_000,
      pendingJobs: 1_000_000,
      pendingJobsPerKey: 1_000_000
    }
    instance = await startInstance(world({ limits }), { limits, slots: 2 })
    const made = Effect.gen(function* () {
      const caller = { owner, baseUrl: "http://test" }
      const { directory } = yield* postDirectory(caller, {})
      yield* putFile(caller, { file_name: "in.mp4", dir_id: directory.id }, bytes("content"))
      return directory.id
    })
    dir = Effect.runSync(await instance.run(made))
  })
  afterAll(() => instance.close())

  it.each(posts)(
    "%s",
    async (path) => {
      const seen = new Map<number, number>()
      await fc.assert(
        fc.asyncProperty(sendable(path, dir) as fc.Arbitrary<Sent>, async ({ body, headers }) => {
          const request: ApiRequest = {
            method: "POST",
            path,
            header: (name) => headers[name as keyof typeof headers],
            body: { _tag: "Bytes", bytes: Stream.make(body.slice(0, 10), body.slice(10)) },
            baseUrl: "http://test"
          }
          const reply = Effect.runSync(
            await instance.run(Effect.scoped(answer(request, { identify: Effect.succeed(owner) })))
          )
          seen.set(reply.status, (seen.get(reply.status) ?? 0) + 1)
          expect(faultOf(exchange(path, reply))).toBeUndefined()
          expect(reply.status).toBeLessThan(500)
        }),
        { numRuns: direct, ...hangs }
      )
      const succeeded = (seen.get(200) ?? 0) + (seen.get(202) ?? 0)
      expect([...seen.values()].reduce((sum, count) => sum + count, 0)).toBe(direct)
      expect(Math.min(succeeded, seen.get(400) ?? 0), JSON.stringify([...seen])).toBeGreaterThan(direct / 50)
    },
    patience
  )
})

/** The exchange as it would be sent: values that JSON can't represent are missing. */
const exchange = (path: string, { body, headers, status }: ApiReply) => ({
  method: "POST",
  path,
  status,
  contentType: body._tag === "Json" ? "application/json" : (headers["content-type"] ?? null),
  body: body._tag === "Json" ? JSON.parse(JSON.stringify(body.value)) : undefined
})

describe(`${overHttp} mangled bodies for each POST route, over HTTP`, () => {
  let host: Host
  beforeAll(async () => {
    host = await startHost({ slots: 1 })
  })
  afterAll(() => host.close())

  it.each(posts)(
    "%s",
    async (path) => {
      await fc.assert(
        fc.asyncProperty(sendable(path, "dir_none") as fc.Arbitrary<Sent>, async ({ body, headers }) => {
          const reply = await host.call("POST", path, { body, headers })
          // A file that ffmpeg can't read gives a 500 with a reason.
          if (reply.status >= 500) expect(reply.body.error).toMatch(/^FFmpeg processing failed: /)
        }),
        { numRuns: overHttp, ...hangs }
      )
    },
    patience
  )
})
