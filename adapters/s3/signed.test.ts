import { execFile } from "node:child_process"
import { randomBytes, randomUUID } from "node:crypto"
import { promisify } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Clock, Context, Effect, Layer, Option, Redacted, Stream } from "effect"
import { BlobMissing, SignedUrlExpired } from "../../core/errors.js"
import { BlobKey, FileName } from "../../core/ids.js"
import { type Grant, Storage } from "../../core/ports/storage.js"
import { grantToken } from "../blob/index.js"
import { faulty } from "./faulty.suite.js"
import { s3 } from "./index.js"
import { aBucket, optionsFor, s3Server } from "./server.suite.js"

const server = await s3Server()
const bucket = await aBucket(server)
const secret = Redacted.make(randomUUID())
const options = { ...optionsFor(server, bucket), secret }
const start = Effect.map(Layer.build(s3(options)), Context.get(Storage))

/** The status, the headers and the body that curl receives. */
const curl = (...args: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const { stdout } = await promisify(execFile)("curl", ["--silent", "--show-error", "--include", ...args], {
      encoding: "latin1"
    })
    const end = stdout.lastIndexOf("HTTP/1.1 ")
    const [head = "", ...body] = stdout.slice(end).split("\r\n\r\n")
    const headers = new Headers(
      head
        .split("\r\n")
        .slice(1)
        .map((line): [string, string] => [
          line.slice(0, line.indexOf(":")),
          line.slice(line.indexOf(":") + 1).trim()
        ])
    )
    return {
      status: Number(head.split(" ")[1]),
      headers,
      body: Buffer.from(body.join("\r\n\r\n"), "latin1").toString()
    }
  })

const aKey = (name = "a.bin") => BlobKey(`dir_${randomUUID()}/slot_1/${name}`)
const inAMinute = Effect.map(Clock.currentTimeMillis, (now) => new Date(now + 60_000))
const over = new Date(Date.now() - 1000)
const put = (key: BlobKey, text: string) =>
  Effect.flatMap(start, (storage) => storage.write(key, Stream.make(Buffer.from(text)), text.length))

describe("a presigned upload", () => {
  it.scopedLive("takes any body, once and again, until it ends", () =>
    Effect.gen(function* () {
      const storage = yield* start
      const key = aKey()
      const { url, method, headers } = yield* storage.sign({
        method: "PUT",
        key,
        expiresAt: yield* inAMinute,
        maxBytes: 100
      })
      expect([method, headers]).toEqual(["PUT", {}])
      expect(
        (yield* curl("-X", "PUT", "-H", "content-type: video/mp4", "--data-binary", "first", url)).status
      ).toBe(200)
      expect((yield* curl("-X", "PUT", "--data-binary", "second!", url)).status).toBe(200)
      expect(Option.map(yield* storage.stat(key), ({ bytes }) => bytes)).toEqual(Option.some(7))
      const late = yield* storage.sign({ method: "PUT", key, expiresAt: over, maxBytes: 100 })
      expect((yield* curl("-X", "PUT", "--data-binary", "late", late.url)).status).toBe(403)
      expect(Option.map(yield* storage.stat(key), ({ bytes }) => bytes)).toEqual(Option.some(7))
    })
  )

  it.scopedLive("is for one key and for writing alone", () =>
    Effect.gen(function* () {
      const storage = yield* start
      const [key, other] = [aKey(), aKey()]
      const { url } = yield* storage.sign({ method: "PUT", key, expiresAt: yield* inAMinute, maxBytes: 100 })
      yield* put(key, "kept")
      expect((yield* curl("-X", "PUT", "--data-binary", "x", url.replace(key, other))).status).toBe(403)
      expect((yield* curl(url)).status).toBe(403)
      expect((yield* curl("-X", "DELETE", url)).status).toBe(403)
      expect(
        (yield* curl(
          "-X",
          "PUT",
          "--data-binary",
          "x",
          url.replace(/X-Amz-Expires=\d+/, "X-Amz-Expires=604800")
        )).status
      ).toBe(403)
      expect(yield* storage.stat(other)).toEqual(Option.none())
    })
  )
})

describe("presigned parts", () => {
  const parted = { bytes: 5 * 1024 * 1024 + 10, partBytes: 5 * 1024 * 1024 }
  const content = randomBytes(parted.bytes)
  const [first, last] = [content.subarray(0, parted.partBytes), content.subarray(parted.partBytes)]
  const send = (url: string, body: Buffer) =>
    Effect.promise(() =>
      fetch(url, { method: "PUT", body: new Uint8Array(body) }).then(({ status }) => status)
    )

  const opened = Effect.gen(function* () {
    const storage = yield* start
    const key = aKey()
    const upload = yield* storage.openParts(key, parted.partBytes)
    const expiresAt = yield* inAMinute
    const urlOf = (number: number, until = expiresAt) =>
      Effect.map(
        storage.sign({
          method: "PUT",
          key,
          expiresAt: until,
          maxBytes: 0,
          part: { upload, number, ...parted }
        }),
        ({ url }) => url
      )
    return { storage, key, upload, urlOf }
  })

  it.scopedLive("go straight to the server, and another host joins them", () =>
    Effect.gen(function* () {
      const { storage, key, upload, urlOf } = yield* opened
      expect(new URL(yield* urlOf(1)).origin).toBe(server.endpoint)
      for (const [number, bytes] of [
        [2, last],
        [1, first.subarray(1)],
        [1, first]
      ] as const) {
        expect(yield* send(yield* urlOf(number), bytes)).toBe(200)
      }
      expect((yield* (yield* start).joinParts(key, upload, parted)).bytes).toBe(parted.bytes)
      const bytes = Chunk.toReadonlyArray(yield* Stream.runCollect(storage.read(key)))
      expect(Buffer.concat(bytes).equals(content)).toBe(true)
    })
  )

  it.scopedLive("of another length are not joined: nothing else looks at what is sent there", () =>
    Effect.gen(function* () {
      const { storage, key, upload, urlOf } = yield* opened
      for (const [one, two] of [
        [first, content.subarray(0, 11)],
        [first, last.subarray(1)],
        [content, last]
      ] as const) {
        expect(yield* send(yield* urlOf(1), one)).toBe(200)
        expect(yield* send(yield* urlOf(2), two)).toBe(200)
        expect(yield* Effect.flip(storage.joinParts(key, upload, parted))).toBeInstanceOf(BlobMissing)
      }
      expect(yield* storage.stat(key)).toEqual(Option.none())
    })
  )

  it.scopedLive("end on time, and are for one part of one upload alone", () =>
    Effect.gen(function* () {
      const { urlOf, upload } = yield* opened
      const url = yield* urlOf(1)
      const other = yield* (yield* start).openParts(aKey(), parted.partBytes)
      for (const altered of [
        yield* urlOf(1, over),
        url.replace("partNumber=1", "partNumber=2"),
        url.replace(
          encodeURIComponent(upload.split(":")[1] ?? ""),
          encodeURIComponent(other.split(":")[1] ?? "")
        ),
        url.replace(/[?&]partNumber=1/, "")
      ]) {
        expect(altered).not.toBe(url)
        expect(yield* send(altered, first)).toBe(403)
      }
    })
  )
})

describe("a presigned download", () => {
  it.scopedLive.each([
    "video.mp4",
    "a b (1).mp4",
    '50% "it\'s" *.mp4',
    "ünï 😀 日本.mov",
    "a&b=c?d#e;f+g.txt",
    "x".repeat(251).concat(".bin")
  ])("saves %s under its name, with its type", (name) =>
    Effect.gen(function* () {
      const storage = yield* start
      const key = aKey(name)
      yield* put(key, "content")
      const { url } = yield* storage.sign({
        method: "GET",
        key,
        expiresAt: yield* inAMinute,
        fileName: FileName(name)
      })
      const { status, headers, body } = yield* curl(url)
      expect([status, body]).toEqual([200, "content"])
      const saved = /^attachment; filename="[^"]*"; filename\*=UTF-8''(\S+)$/.exec(
        headers.get("content-disposition") ?? ""
      )?.[1]
      expect(decodeURIComponent(saved ?? "")).toBe(name)
      expect(headers.get("content-type")).toBe(
        { mp4: "video/mp4", mov: "video/quicktime", txt: "text/plain", bin: "application/octet-stream" }[
          name.split(".").pop() ?? ""
        ]
      )
    })
  )

  it.scopedLive("gives ranges, ends on time, and is void when altered", () =>
    Effect.gen(function* () {
      const storage = yield* start
      const [key, other] = [aKey(), aKey()]
      yield* put(key, "0123456789")
      yield* put(other, "other")
      const grant = { method: "GET", key, expiresAt: yield* inAMinute, fileName: FileName("a.bin") } as const
      const { url } = yield* storage.sign(grant)
      const part = yield* curl("-r", "3-5", url)
      expect([part.status, part.body]).toEqual([206, "345"])
      expect((yield* curl((yield* storage.sign({ ...grant, expiresAt: over })).url)).status).toBe(403)
      for (const altered of [
        url.replace(key, other),
        url.replace("a.bin%22", "b.bin%22"),
        url.replace("attachment", "inline"),
        url.replace(/X-Amz-Expires=\d+/, "X-Amz-Expires=604800"),
        url.replace(/Signature=./, (text) => `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`)
      ]) {
        expect(altered).not.toBe(url)
        expect((yield* curl(altered)).status).toBe(403)
      }
      expect((yield* curl(`${server.endpoint}/${bucket}/blobs/${key}`)).status).toBe(403)
    })
  )

  it.scopedLive("has an etag, by which a client knows what it has", () =>
    Effect.gen(function* () {
      const storage = yield* start
      const key = aKey()
      yield* put(key, "content")
      const { url } = yield* storage.sign({
        method: "GET",
        key,
        expiresAt: yield* inAMinute,
        fileName: FileName("a.bin")
      })
      const tag = (yield* curl(url)).headers.get("etag") ?? ""
      expect(tag).toMatch(/^"[^"]+"$/)
      expect((yield* curl("-H", `if-none-match: ${tag}`, url)).status).toBe(304)
      const part = yield* curl("-r", "3-5", "-H", `if-match: ${tag}`, url)
      expect([part.status, part.body, part.headers.get("etag")]).toEqual([206, "ten", tag])
      yield* put(key, "others!")
      expect((yield* curl("-H", `if-none-match: ${tag}`, url)).body).toBe("others!")
    })
  )

  it.scopedLive("lasts as long as its grant, and never more than a week", () =>
    Effect.gen(function* () {
      const storage = yield* start
      const life = (millis: number) =>
        Effect.gen(function* () {
          const expiresAt = new Date((yield* Clock.currentTimeMillis) + millis)
          const { url } = yield* storage.sign({
            method: "GET",
            key: aKey(),
            expiresAt,
            fileName: FileName("a.bin")
          })
          return Number(new URL(url).searchParams.get("X-Amz-Expires"))
        })
      expect([299, 300]).toContain(yield* life(300_000))
      expect(yield* life(30 * 86_400_000)).toBe(604_800)
    })
  )

  it.scopedLive("is for the address at which clients reach the server", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* faulty(server.endpoint, () => "none")
      const storage = Context.get(yield* Layer.build(s3({ ...options, publicEndpoint: endpoint })), Storage)
      const key = aKey()
      yield* put(key, "content")
      const { url } = yield* storage.sign({
        method: "GET",
        key,
        expiresAt: yield* inAMinute,
        fileName: FileName("a.bin")
      })
      expect(new URL(url).origin).toBe(endpoint)
      expect((yield* curl(url)).body).toBe("content")
    })
  )
})

describe("a playlist's request", () => {
  const key = aKey("list.m3u8")
  const grant = (expiresAt: Date) =>
    ({ method: "GET", key, expiresAt, fileName: FileName("list.m3u8"), siblings: true }) as const

  it.scopedLive("leads to the server's own route, where every host with the secret accepts it", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* start, yield* start]
      const ours = grant(yield* inAMinute)
      const { url } = yield* one.sign(ours)
      expect(url).toMatch(/^\/blob\/[\w.-]+\/list\.m3u8$/)
      const token = url.split("/")[2] ?? ""
      expect(yield* two.redeem(token)).toEqual(ours)
      const stranger = Context.get(
        yield* Layer.build(s3({ ...options, secret: Redacted.make(randomUUID()) })),
        Storage
      )
      expect(yield* Effect.flip(stranger.redeem(token))).toBeInstanceOf(SignedUrlExpired)
    })
  )

  it.scopedLive("ends on time, and no other grant is taken there, not even with the right secret", () =>
    Effect.gen(function* () {
      const storage = yield* start
      const expiresAt = yield* inAMinute
      const key32 = Buffer.from(Redacted.value(secret))
      const { siblings: _, ...alone } = grant(expiresAt)
      const grants: ReadonlyArray<Grant> = [
        grant(over),
        alone,
        { method: "PUT", key, expiresAt, maxBytes: 1 }
      ]
      expect(yield* storage.redeem(grantToken(key32, grant(expiresAt)))).toEqual(grant(expiresAt))
      for (const each of grants)
        expect(yield* Effect.flip(storage.redeem(grantToken(key32, each)))).toBeInstanceOf(SignedUrlExpired)
      expect(yield* Effect.flip(storage.redeem(randomBytes(20).toString("hex")))).toBeInstanceOf(
        SignedUrlExpired
      )
    })
  )
})
