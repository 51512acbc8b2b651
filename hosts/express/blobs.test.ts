import { createHash, randomBytes, randomUUID } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { request } from "node:http"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { Cause, Effect, Exit, Stream } from "effect"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { fileSystem } from "../../adapters/fs/index.js"
import { blobKey, DirId, FileName, JobId, RunnerName } from "../../core/ids.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Runners } from "../../core/ports/runners.js"
import { Storage, type StorageShape } from "../../core/ports/storage.js"
import { bobKey, type Host, startHost } from "./host.suite.js"

/** Uploads and downloads by signed URLs, with files on a real disk. */

let host: Host
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln-blobs-"))
  host = await startHost({
    storage: fileSystem({ root: folder }),
    slots: 0,
    limits: { uploadBytes: 96 * 1024 * 1024 }
  })
})
afterAll(async () => {
  await host.close()
  await rm(folder, { recursive: true })
})

const register = async (name: string, over: Host = host) =>
  (await over.call("POST", "/file", { body: { file_name: name } })).body
const downloadUrl = async (path: string) =>
  (await host.call("GET", `/file/download/${path.split("/").map(encodeURIComponent).join("/")}`)).body
    .download.url
const put = (url: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  host.call("PUT", url, { body, headers, authorization: null })

/** Number of unfinished uploads on the disk. */
const unfinished = async () => (await readdir(join(folder, "tmp"))).length

describe("upload", () => {
  it.each([
    ["no label", {}],
    ["curl's label", { "content-type": "application/x-www-form-urlencoded" }],
    ["a JSON Content-Type", { "content-type": "application/json" }],
    ["a multipart Content-Type", { "content-type": "multipart/form-data; boundary=x" }],
    ["nonsense", { "content-type": "\t;;;" }],
    ["the encoding identity", { "content-encoding": "identity" }]
  ])("accepts raw bytes with %s", async (_, headers) => {
    const { file, upload } = await register("a.bin")
    const bytes = randomBytes(1000)
    expect(await put(upload.url, bytes, headers as Record<string, string>)).toMatchObject({
      status: 200,
      body: { ok: true }
    })
    const got = await fetch(await downloadUrl(file.file_path))
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true)
  })

  const formBytes = Buffer.from(
    '--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nbytes\r\n--x--\r\n'
  )
  const inPieces = (bytes: Buffer) =>
    ({
      body: Readable.toWeb(Readable.from([...bytes].map((byte) => Buffer.of(byte)))) as ReadableStream,
      duplex: "half"
    }) as const

  it.each([
    [
      "a multipart form",
      { "content-type": "multipart/form-data; boundary=x" },
      { body: formBytes },
      /multipart form: send the bytes/
    ],
    [
      "a form in single bytes",
      { "content-type": 'Multipart/Form-Data; charset=utf-8; boundary="x"' },
      inPieces(formBytes),
      /multipart form/
    ],
    [
      "a part of a file",
      { "content-range": "bytes 0-4/10" },
      { body: "first" },
      /Content-Range header: send the whole file/
    ],
    ["an empty Content-Range", { "content-range": "" }, { body: "first" }, /Content-Range/],
    [
      "a compressed file",
      { "content-encoding": "gzip" },
      { body: "zipped" },
      /Content-Encoding header \(gzip\): send its bytes as they are/
    ]
  ])("%s is a 400, and changes nothing", async (_, headers, body, message) => {
    const { file, upload } = await register("a.bin")
    expect((await put(upload.url, "before")).status).toBe(200)
    const reply = await fetch(upload.url, {
      method: "PUT",
      headers: headers as Record<string, string>,
      ...body
    })
    expect(reply.status).toBe(400)
    expect(((await reply.json()) as { error: string }).error).toMatch(message)
    expect(await (await fetch(await downloadUrl(file.file_path))).text()).toBe("before")
  })

  it("may be a form that its Content-Type does not announce", async () => {
    const { file, upload } = await register("a.bin")
    expect(
      (await put(upload.url, formBytes, { "content-type": "multipart/form-data; boundary=other" })).status
    ).toBe(200)
    expect((await put(upload.url, formBytes)).status).toBe(200)
    expect(await (await fetch(await downloadUrl(file.file_path))).text()).toBe(formBytes.toString())
  })

  it("may be empty, and may be repeated while its URL is valid", async () => {
    const { file, upload } = await register("a.bin")
    expect((await put(upload.url, "")).status).toBe(200)
    expect((await host.call("GET", `/file/${file.file_path}`)).body.file_info.file_size).toBe(0)
    expect(await (await fetch(await downloadUrl(file.file_path))).text()).toBe("")
    expect((await put(upload.url, "second")).status).toBe(200)
    expect(await (await fetch(await downloadUrl(file.file_path))).text()).toBe("second")
  })

  it("of an announced length over the limit is a 413 before anything is read", async () => {
    const { file, upload } = await register("a.bin")
    const call = request(upload.url, { method: "PUT", headers: { "content-length": 97 * 1024 * 1024 } })
    call.flushHeaders()
    const [response] = await once(call, "response")
    call.on("error", () => {})
    expect(response.statusCode).toBe(413)
    expect(JSON.parse((await response.toArray()).join(""))).toEqual({
      ok: false,
      error: "The upload is too large: at most 100663296 bytes are allowed"
    })
    call.destroy()
    expect((await host.call("GET", `/file/${file.file_path}`)).status).toBe(404)
  })

  it("over the limit without a length is a 413 that the client can read, and stores nothing", async () => {
    await using small = await startHost({
      storage: fileSystem({ root: folder }),
      slots: 0,
      limits: { uploadBytes: 1_000_000 }
    })
    const { file, upload } = await register("a.bin", small)
    const pieces = Readable.from(Array.from({ length: 200 }, () => Buffer.alloc(64 * 1024)))
    const reply = await fetch(upload.url, {
      method: "PUT",
      body: Readable.toWeb(pieces) as ReadableStream,
      duplex: "half"
    })
    expect([reply.status, await reply.json()]).toEqual([
      413,
      { ok: false, error: "The upload is too large: at most 1000000 bytes are allowed" }
    ])
    expect((await small.call("GET", `/file/${file.file_path}`)).status).toBe(404)
    expect(await unfinished()).toBe(0)
  })

  it("that is cut off stores nothing, and leaves no temporary files", async () => {
    const { file, upload } = await register("a.bin")
    const call = request(upload.url, { method: "PUT", headers: { "content-length": 2_000_000 } })
    call.on("error", () => {})
    call.write(randomBytes(1_000_000))
    await vi.waitFor(async () => expect(await unfinished()).toBe(1), 10_000)
    call.destroy()
    await vi.waitFor(async () => expect(await unfinished()).toBe(0), 10_000)
    expect((await host.call("GET", `/file/${file.file_path}`)).status).toBe(404)
  })

  it("beyond the running and waiting ones of a key is a 503 with Retry-After; another key's upload is accepted meanwhile", async () => {
    await using busy = await startHost({
      storage: fileSystem({ root: folder }),
      slots: 0,
      limits: {
        uploads: 3,
        uploadsPerKey: 2,
        uploadsWaitingPerKey: 1,
        uploadWaitSeconds: 600,
        idleSeconds: 600
      }
    })
    const open = async (name: string) => {
      const { upload } = await register(name, busy)
      const call = request(upload.url, { method: "PUT", headers: { "content-length": 10 } })
      call.on("error", () => {})
      call.flushHeaders()
      return call
    }
    const calls = await Promise.all(["a", "b", "c", "d"].map(open))
    const refused = await Promise.race(calls.map(async (call) => (await once(call, "response"))[0]))
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([503, "5"])
    expect(JSON.parse((await refused.toArray()).join("")).error).toContain(
      "Too many uploads are under way or waiting"
    )
    const { body } = await busy.call("POST", "/file", { body: { file_name: "bobs" }, authorization: bobKey })
    expect((await put(body.upload.url, "second")).status).toBe(200)
    for (const call of calls) call.destroy()
  })

  it("of malformed chunks stores nothing either", async () => {
    const { file, upload } = await register("a.bin")
    const socket = connect(host.port, "127.0.0.1")
    socket.on("error", () => {})
    socket.write(
      `PUT ${new URL(upload.url).pathname} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n`
    )
    socket.resume()
    await once(socket, "close")
    await vi.waitFor(async () => expect(await unfinished()).toBe(0), 10_000)
    expect((await host.call("GET", `/file/${file.file_path}`)).status).toBe(404)
  })

  it("needs an upload URL", async () => {
    const { file, upload } = await register("a.bin")
    const expired = (what: string) => ({
      status: 403,
      body: { ok: false, error: `${what} URL expired or invalid: request a new one` }
    })
    expect(await host.call("GET", upload.url)).toMatchObject(expired("Download"))
    expect(await put(`${upload.url}/other.bin`, "x")).toMatchObject(expired("Upload"))
    expect((await put(`${upload.url}/a.bin`, "x")).status).toBe(200)
    expect(await put(await downloadUrl(file.file_path), "y")).toMatchObject(expired("Upload"))
  })

  it("after the expiry is a 403", async () => {
    await using quick = await startHost({ slots: 0, limits: { signedUrlSeconds: 0 } })
    const { upload } = await register("a.bin", quick)
    expect(await put(upload.url, "x")).toMatchObject({
      status: 403,
      body: { ok: false, error: "Upload URL expired or invalid: request a new one" }
    })
  })
})

describe("upload of a part", () => {
  const parted = { bytes: 2_500_000, partBytes: 1_000_000 }
  const content = randomBytes(parted.bytes)

  /** A multipart upload, opened by the host for a runner, and the URL of each part. */
  const opened = async () => {
    const key = blobKey(DirId(`dir_${randomUUID()}`), "slot_1", FileName("a.bin"))
    const use = <A, E>(work: (storage: StorageShape) => Effect.Effect<A, E>) =>
      run(Effect.flatMap(Storage, work))
    const held = await aHeldRun()
    const upload = await use((storage) => storage.openParts(key, parted.partBytes))
    const urlOf = (number: number) => {
      const maxBytes = Math.min(parted.partBytes, parted.bytes - (number - 1) * parted.partBytes)
      const part = { upload, number, ...parted }
      const grant = {
        method: "PUT",
        key,
        maxBytes,
        expiresAt: new Date(Date.now() + 60_000),
        part,
        run: held
      } as const
      return use((storage) => Effect.map(storage.sign(grant), ({ url }) => `${host.url}${url}`))
    }
    const join = () => use((storage) => storage.joinParts(key, upload, parted))
    const read = () =>
      use((storage) =>
        Effect.map(Stream.runCollect(storage.read(key)), (pieces) => Buffer.concat([...pieces]))
      )
    const drop = () => use((storage) => storage.dropParts(`${key.split("/").slice(0, 2).join("/")}/`))
    return { urlOf, join, read, held, drop }
  }

  const run = <A, E>(effect: Effect.Effect<A, E, Jobs | Runners | Storage>) =>
    host.instance.run(effect).then(Exit.getOrElse((cause) => Promise.reject(Cause.squash(cause))))

  /** A job with a lease of a runner. */
  const aHeldRun = async () => {
    const input = await host.uploaded("in.mp4", "x")
    const task = { inputs: [{ file_path: input }], outputs: [{ file: "out.mp4", options: ["-c", "copy"] }] }
    const { job_id } = (await host.call("POST", "/ffmpeg/process/async", { body: { task } })).body
    return run(
      Effect.gen(function* () {
        const runner = RunnerName(`runner-${randomUUID()}`)
        yield* (yield* Runners).issue(runner)
        const claim = yield* (yield* Jobs).claim(new Date(Date.now() + 60_000), JobId(job_id))
        const { id, owner, attempt } = yield* Effect.orDie(claim)
        return { id, owner, attempt, runner }
      })
    )
  }
  const partOf = (number: number) =>
    content.subarray((number - 1) * parted.partBytes, number * parted.partBytes)

  it("stores it in its place, at any time and repeatedly", async () => {
    const { urlOf, join, read } = await opened()
    for (const number of [3, 1, 3, 2]) {
      expect(await put(await urlOf(number), partOf(number))).toMatchObject({
        status: 200,
        body: { ok: true }
      })
    }
    expect((await join()).bytes).toBe(parted.bytes)
    expect((await read()).equals(content)).toBe(true)
    const late = await put(await urlOf(3), partOf(3))
    expect([late.status, late.body.error]).toEqual([
      400,
      "The part must have exactly 500000 bytes, and must arrive before its upload is completed or aborted"
    ])
  })

  it("is a 403 after the end of its run, like the whole file, and stored bytes do not change", async () => {
    const { urlOf, held, drop } = await opened()
    const key = blobKey(DirId(`dir_${randomUUID()}`), "slot_1", FileName("b.bin"))
    const grant = { key, expiresAt: new Date(Date.now() + 60_000), run: held }
    const signed = (method: "PUT" | "GET") =>
      run(
        Effect.flatMap(Storage, (storage) =>
          storage.sign(
            method === "PUT"
              ? { ...grant, method, maxBytes: 100 }
              : { ...grant, method, fileName: FileName("b.bin") }
          )
        )
      ).then(({ url }) => `${host.url}${url}`)
    const [whole, link, part] = [await signed("PUT"), await signed("GET"), await urlOf(1)]
    expect((await put(whole, "as it is")).status).toBe(200)
    expect((await fetch(link)).status).toBe(200)
    await run(
      Effect.flatMap(Jobs, (jobs) =>
        jobs.fail(held, { reason: "input-missing" }, { seconds: 0, inputBytes: 0, outputBytes: 0 })
      )
    )
    for (const late of [await put(whole, "forged"), await put(part, partOf(1))]) {
      expect([late.status, late.body]).toEqual([
        403,
        { ok: false, error: "Upload URL expired or invalid: request a new one" }
      ])
    }
    expect((await fetch(link)).status).toBe(403)
    const content = await run(
      Effect.flatMap(Storage, (storage) => Stream.mkString(Stream.decodeText(storage.read(key))))
    )
    expect(content).toBe("as it is")
    await drop()
  })

  it("refuses a part of another length, and one that is cut off", async () => {
    const { urlOf, join, read } = await opened()
    const url = await urlOf(2)
    const chunked = (bytes: Uint8Array) =>
      fetch(url, {
        method: "PUT",
        body: Readable.toWeb(Readable.from([bytes])) as ReadableStream,
        duplex: "half"
      }).then(({ status }) => status)
    for (const number of [1, 3]) await put(await urlOf(number), partOf(number))
    const long = content.subarray(0, parted.partBytes + 1)
    const short = content.subarray(0, parted.partBytes - 1)
    expect([(await put(url, long)).status, await chunked(long)]).toEqual([413, 413])
    expect([(await put(url, short)).status, await chunked(short), (await put(url, "")).status]).toEqual([
      400, 400, 400
    ])
    const cutOff = request(url, { method: "PUT", headers: { "content-length": parted.partBytes } })
    cutOff.on("error", () => {})
    await new Promise<void>((resolve) => cutOff.write(partOf(2).subarray(0, -1), () => resolve()))
    cutOff.destroy()
    await expect(join()).rejects.toMatchObject({ _tag: "BlobMissing" })
    expect((await put(url, partOf(2))).status).toBe(200)
    await join()
    expect((await read()).equals(content)).toBe(true)
    await vi.waitFor(async () => expect(await unfinished()).toBe(0), 10_000)
  })
})

describe("download", () => {
  const text = "0123456789"
  let url: string
  beforeAll(async () => {
    url = await downloadUrl(await host.uploaded("ünï \"x'.mp4", text))
  })

  it("has headers that keep browsers from displaying it", async () => {
    const reply = await fetch(url)
    expect(await reply.text()).toBe(text)
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      "content-type": "video/mp4",
      "content-length": "10",
      "accept-ranges": "bytes",
      "content-disposition": `attachment; filename="_n_ _x'.mp4"; filename*=UTF-8''%C3%BCn%C3%AF%20%22x%27.mp4`,
      "x-content-type-options": "nosniff",
      "content-security-policy": expect.stringContaining("sandbox"),
      etag: expect.stringMatching(/^".+"$/)
    })
  })

  it.each<[string | undefined, number, string, string | null]>([
    [undefined, 200, text, null],
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=8-", 206, "89", "bytes 8-9/10"],
    ["bytes=-2", 206, "89", "bytes 8-9/10"],
    ["bytes=0-999", 206, text, "bytes 0-9/10"],
    ["bytes=0-1,4-5", 200, text, null],
    ["bytes=x", 200, text, null],
    ["bytes=10-", 416, "", "bytes */10"]
  ])("Range %s is a %i", async (range, status, expected, contentRange) => {
    const reply = await fetch(url, range === undefined ? {} : { headers: { range } })
    expect([reply.status, reply.headers.get("content-range")]).toEqual([status, contentRange])
    const body = await reply.text()
    if (status === 416)
      expect(JSON.parse(body)).toEqual({ ok: false, error: "The requested range lies outside the file" })
    else expect([body, reply.headers.get("content-length")]).toEqual([expected, String(expected.length)])
  })

  it("HEAD gives the same headers without the bytes, also for a range", async () => {
    const head = await fetch(url, { method: "HEAD" })
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "10", ""])
    const part = await fetch(url, { method: "HEAD", headers: { range: "bytes=0-3" } })
    expect([part.status, part.headers.get("content-length")]).toEqual([206, "4"])
  })

  it("responds 304 when the client has the content", async () => {
    const etag = (await fetch(url, { method: "HEAD" })).headers.get("etag") as string
    expect((await fetch(url, { headers: { "if-none-match": `"other", ${etag}` } })).status).toBe(304)
    expect((await fetch(url, { headers: { "if-none-match": '"other"' } })).status).toBe(200)
    expect((await fetch(url, { headers: { "if-range": etag, range: "bytes=0-3" } })).status).toBe(206)
    expect((await fetch(url, { headers: { "if-range": '"other"', range: "bytes=0-3" } })).status).toBe(200)
  })

  it("has a strong etag in every response, which differs for other content", async () => {
    const { file, upload } = await register("tagged.bin")
    await put(upload.url, "one")
    let tagged = await downloadUrl(file.file_path)
    const answer = async (headers: Record<string, string> = {}) => {
      const reply = await fetch(tagged, { headers })
      return [reply.status, reply.headers.get("etag"), await reply.text()] as const
    }
    const [, tag] = await answer()
    expect(tag).toMatch(/^"[^"]+"$/)
    if (tag === null) return
    expect(await answer({ range: "bytes=1-1" })).toEqual([206, tag, "n"])
    expect(await answer({ "if-none-match": tag })).toEqual([304, tag, ""])
    expect(await answer({ "if-none-match": tag, range: "bytes=1-1" })).toEqual([304, tag, ""])
    await put(upload.url, "other")
    // The target of the old link is gone; a new link leads to the new content.
    expect((await answer())[0]).toBe(404)
    tagged = await downloadUrl(file.file_path)
    const [status, other, text] = await answer({ "if-none-match": tag })
    expect([status, text, other === tag]).toEqual([200, "other", false])
    expect(await answer({ "if-range": tag, range: "bytes=1-1" })).toEqual([200, other, "other"])
  })

  it("of deleted bytes is a 404", async () => {
    const path = await host.uploaded("gone.bin", "x")
    const gone = await downloadUrl(path)
    await rm(join(folder, "blobs", path.split("/")[0] ?? "none"), { recursive: true })
    const reply = await fetch(gone)
    expect([reply.status, await reply.json()]).toEqual([404, { ok: false, error: "File not found" }])
  })
})

describe("large bodies", () => {
  it("are sent whole in both directions, chunk by chunk, and a client that disconnects frees the file", async () => {
    const { file, upload } = await register("large.bin")
    const [size, piece] = [64 * 1024 * 1024, randomBytes(1024 * 1024)]
    const sent = createHash("sha256")
    const pieces = Readable.from(
      (function* () {
        for (let index = 0; index < 64; index++) {
          sent.update(piece)
          yield piece
        }
      })()
    )
    const reply = await fetch(upload.url, {
      method: "PUT",
      body: Readable.toWeb(pieces) as ReadableStream,
      duplex: "half"
    })
    expect(reply.status).toBe(200)
    const url = await downloadUrl(file.file_path)
    const got = createHash("sha256")
    const whole = await fetch(url)
    expect(whole.headers.get("content-length")).toBe(String(size))
    await pipeline(Readable.fromWeb(whole.body as never), got)
    expect(got.digest("hex")).toBe(sent.digest("hex"))

    const open = async () => {
      const links = await readdir("/proc/self/fd")
      const { readlink } = await import("node:fs/promises")
      return (await Promise.all(links.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")))).filter(
        (path) => path.startsWith(folder)
      ).length
    }
    // The previous reader may not have closed the file yet.
    await vi.waitFor(async () => expect(await open()).toBe(0), 10_000)
    const leaving = request(url).end()
    leaving.on("error", () => {})
    const [response] = await once(leaving, "response")
    await once(response, "readable")
    expect(await open()).toBe(1)
    leaving.destroy()
    await vi.waitFor(async () => expect(await open()).toBe(0), 10_000)
  })
})
