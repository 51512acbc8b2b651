import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3"
import { afterAll, afterEach, describe, expect, it, vi } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Redacted, Stream } from "effect"
import { BlobKey, FileName } from "../../core/ids.js"
import { Storage } from "../../core/ports/storage.js"
import { type S3Options, s3 } from "./index.js"
import { aBucket, clientOf, optionsFor, s3Server } from "./server.suite.js"

const server = await s3Server()
const bucket = await aBucket(server)
const options = { ...optionsFor(server, bucket), attempts: 2 }
const client = clientOf(server)
afterAll(() => client.destroy())
afterEach(() => void vi.unstubAllEnvs())

const start = (more: Partial<S3Options> = {}) =>
  Effect.map(Layer.build(s3({ ...options, ...more })), Context.get(Storage))
const problem = (more: Partial<S3Options>) => Effect.flip(Effect.scoped(start(more)))
const keys = (Bucket: string) =>
  Effect.promise(async () =>
    ((await client.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key)
  )

const closedPort = Effect.promise(async () => {
  const listener = createServer().listen(0, "127.0.0.1")
  await once(listener, "listening")
  const { port } = listener.address() as AddressInfo
  listener.close()
  await once(listener, "close")
  return port
})

/** Only the settings of the test, and no network requests for credentials. */
const noSettings = () => {
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined)
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true")
  vi.stubEnv("AWS_CONFIG_FILE", `${tmpdir()}/none`)
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", `${tmpdir()}/none`)
}

const secretAccessKey = Redacted.make("wrong-secret")
const own = options.credentials as NonNullable<S3Options["credentials"]>
const { credentials: _, ...withoutCredentials } = options

describe("a start that can't succeed says why in one sentence", () => {
  it.live.each<[string, Partial<S3Options>, string]>([
    ["a bucket that is not there", { bucket: "nowhere" }, 'has no bucket "nowhere": create it'],
    [
      "a wrong secret",
      { credentials: { ...own, secretAccessKey } },
      "does not know these credentials (SignatureDoesNotMatch)"
    ],
    [
      "an unknown key",
      { credentials: { accessKeyId: "nobody", secretAccessKey } },
      "does not know these credentials (InvalidAccessKeyId)"
    ],
    ["a prefix that is no name", { prefix: "a/../b" }, 'the prefix "a/../b" must be made of names'],
    ["an endpoint that is none", { endpoint: "not a url" }, "can't be reached"]
  ])("%s", ([, more, sentence]) =>
    Effect.gen(function* () {
      const { what } = yield* problem(more)
      expect(what).toContain(sentence)
      expect(what).toMatch(/^S3 storage: [^\n]+$/)
      expect(what).not.toContain("wrong-secret")
    })
  )

  it.live("a server that is not there", () =>
    Effect.gen(function* () {
      const port = yield* closedPort
      const { what } = yield* problem({ endpoint: `http://user:password@127.0.0.1:${port}/path` })
      expect(what).toBe(
        `S3 storage: the S3 server at http://127.0.0.1:${port} can't be reached (ECONNREFUSED): check the endpoint and that the server is up`
      )
    })
  )

  it.live("no credentials", () =>
    Effect.gen(function* () {
      noSettings()
      const { what } = yield* Effect.flip(Effect.scoped(Layer.build(s3(withoutCredentials))))
      expect(what).toContain("no credentials were found: set AWS_ACCESS_KEY_ID")
    })
  )

  it.live("a secret that can be guessed is the bug it is", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.scoped(start({ secret: Redacted.make("short") })))
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
    })
  )
})

describe("credentials and clients", () => {
  const key = BlobKey("dir_1/slot_1/a.bin")

  it.scopedLive("are the SDK's own where none are given", () =>
    Effect.gen(function* () {
      noSettings()
      vi.stubEnv("AWS_ACCESS_KEY_ID", server.accessKeyId)
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", server.secretAccessKey)
      const storage = Context.get(yield* Layer.build(s3(withoutCredentials)), Storage)
      expect((yield* storage.write(key, Stream.make(Buffer.from("x")), 1)).bytes).toBe(1)
    })
  )

  it.live("a client that is handed in is used, signs plain URLs, and stays open", () =>
    Effect.gen(function* () {
      const given = clientOf(server)
      const url = yield* Effect.scoped(
        Effect.gen(function* () {
          const storage = Context.get(yield* Layer.build(s3({ bucket, client: given })), Storage)
          yield* storage.write(key, Stream.make(Buffer.from("x")), 1)
          return (yield* storage.sign({
            method: "PUT",
            key,
            expiresAt: new Date(Date.now() + 60_000),
            maxBytes: 10
          })).url
        })
      )
      expect(url.startsWith(`${server.endpoint}/${bucket}/blobs/dir_1/slot_1/a.bin?`)).toBe(true)
      expect(url).not.toMatch(/checksum|crc/i)
      const { status } = yield* Effect.promise(() => fetch(url, { method: "PUT", body: "by URL" }))
      expect(status).toBe(200)
      yield* Effect.promise(() => given.send(new ListObjectsV2Command({ Bucket: bucket })))
      given.destroy()
    })
  )
})

describe("the bucket", () => {
  const key = BlobKey("dir_1/slot_1/a.bin")
  const body = Stream.make(Buffer.from("x"))

  it.scopedLive("holds blobs and a secret below the prefix, and all else in it is nobody's blob", () =>
    Effect.gen(function* () {
      const name = yield* Effect.promise(() => aBucket(server))
      const outer = yield* start({ bucket: name })
      const inner = yield* start({ bucket: name, prefix: "/team a/ffkiln" })
      yield* outer.write(key, body, 1)
      yield* inner.write(key, body, 1)
      expect(yield* keys(name)).toEqual([
        "blobs/dir_1/slot_1/a.bin",
        "secret",
        "team a/ffkiln/blobs/dir_1/slot_1/a.bin",
        "team a/ffkiln/secret"
      ])
      for (const Key of [
        "blobs/README",
        "blobs/dir_1/README",
        "blobs/dir_1/slot_1/sub/x",
        "blobs/dir_1/slot_1/",
        "photos/2024/cat.jpg"
      ]) {
        yield* Effect.promise(() =>
          client.send(new PutObjectCommand({ Bucket: name, Key, Body: new Uint8Array(0) }))
        )
      }
      for (const storage of [outer, inner]) {
        expect(Array.from(yield* Stream.runCollect(storage.list("")), (blob) => blob.key)).toEqual([key])
      }
    })
  )

  it.scopedLive("lists names that XML can't write", () =>
    Effect.gen(function* () {
      const storage = yield* start()
      const odd = BlobKey(`dir_odd/slot_1/${FileName("a\uffff+ b%20&<>.bin")}`)
      yield* storage.write(odd, body, 1)
      expect(Array.from(yield* Stream.runCollect(storage.list("dir_odd/")), (blob) => blob.key)).toEqual([
        odd
      ])
      yield* storage.remove(odd)
    })
  )

  it.scopedLive("has one secret, whoever of several hosts makes it, and later hosts keep it", () =>
    Effect.gen(function* () {
      const name = yield* Effect.promise(() => aBucket(server))
      const hosts = yield* Effect.all(
        Array.from({ length: 6 }, () => start({ bucket: name })),
        { concurrency: "unbounded" }
      )
      const late = yield* start({ bucket: name })
      const expiresAt = new Date(Date.now() + 60_000)
      const grant = {
        method: "GET",
        key,
        expiresAt,
        fileName: FileName("list.m3u8"),
        siblings: true
      } as const
      for (const host of [...hosts, late]) {
        const { url } = yield* host.sign(grant)
        for (const other of [...hosts, late])
          expect(yield* other.redeem(url.split("/")[2] ?? "")).toEqual(grant)
      }
      const kept = yield* Effect.promise(async () =>
        (
          await client.send(new GetObjectCommand({ Bucket: name, Key: "secret" }))
        ).Body?.transformToByteArray()
      )
      expect(kept).toHaveLength(32)
    })
  )
})
