import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { readFile, stat, writeFile } from "node:fs/promises"
import type { RequestListener } from "node:http"
import { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, ManagedRuntime, Stream } from "effect"
import { execa } from "execa"
import { afterAll, beforeAll, describe } from "vitest"
import { BlobKey, FileName } from "../../../core/ids.js"
import { defaultLimits, Limits, type LimitValues } from "../../../core/limits.js"
import { Prober } from "../../../core/ports/prober.js"
import { Storage } from "../../../core/ports/storage.js"
import { aDirId, aProbeRequest, until } from "../../../core/ports/suites/samples.suite.js"
import { memoryStorage } from "../../memory/storage.js"
import { type LocalHttps, localHttps, localTls, scoped } from "../../net/https.suite.js"
import type { GuardOptions } from "../../net/index.js"
import { ffprobeProber } from "../index.js"
import { remainsOf } from "../sandbox/remains.suite.js"

const folder = mkdtempSync(join(tmpdir(), "remote-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const MiB = 1024 * 1024

const everything = aProbeRequest({
  sections: { format: "all", streams: "all", chapters: "all", programs: "all" }
})

/** Noise does not compress: seconds of it make files that are worth reading in pieces. */
const noise = [
  "-f",
  "lavfi",
  "-i",
  "testsrc2=s=960x540:r=25,noise=alls=100:allf=t",
  "-f",
  "lavfi",
  "-i",
  "anoisesrc=r=48000:a=0.5"
]
const loud = "anoisesrc=r=48000:a=0.9:seed=1[a];anoisesrc=r=48000:a=0.9:seed=2[b];[a][b]amerge"
const titled = ["-metadata", "title=a film", "-metadata", "artist=nobody"]

/** `pieces`: whether a large file of the kind is read in pieces. */
const kinds = [
  { name: "end.mp4", pieces: true, args: ["-i", "base.mkv", "-c", "copy", ...titled] },
  {
    name: "start.mp4",
    pieces: true,
    args: ["-i", "base.mkv", "-c", "copy", "-movflags", "+faststart", ...titled]
  },
  {
    name: "fragments.mp4",
    pieces: true,
    args: ["-i", "base.mkv", "-c", "copy", "-movflags", "empty_moov", "-frag_duration", "1000000"]
  },
  { name: "film.mov", pieces: true, args: ["-i", "base.mkv", "-c", "copy", "-timecode", "01:00:00:00"] },
  {
    name: "apart.mp4",
    pieces: true,
    args: ["-i", "base.mkv", "-c", "copy", "-max_interleave_delta", "1", "-chunk_duration", "100000000"]
  },
  { name: "film.mkv", pieces: true, args: ["-i", "base.mkv", "-c", "copy", ...titled] },
  {
    name: "attached.mkv",
    pieces: true,
    args: [
      "-i",
      "base.mkv",
      "-c",
      "copy",
      "-attach",
      "font.bin",
      "-metadata:s:t",
      "mimetype=application/x-font"
    ]
  },
  { name: "live.webm", pieces: true, args: ["-i", "base.mkv", "-c", "copy", "-f", "matroska", "-live", "1"] },
  {
    name: "film.ts",
    pieces: true,
    args: ["-stream_loop", "3", "-i", "base.mkv", "-c:v", "mpeg2video", "-q:v", "1", "-c:a", "mp2"]
  },
  { name: "film.m2ts", pieces: true, args: ["-i", "film.ts", "-c", "copy", "-mpegts_m2ts_mode", "1"] },
  { name: "film.mpg", pieces: true, args: ["-i", "film.ts", "-c", "copy", "-f", "vob"] },
  { name: "sound.ogg", pieces: true, args: ["-i", "long.wav", "-c:a", "flac", ...titled] },
  {
    name: "sound.mp3",
    pieces: true,
    args: ["-stream_loop", "4", "-i", "short.mp3", "-c", "copy", ...titled]
  },
  {
    name: "plain.mp3",
    pieces: true,
    args: [
      "-stream_loop",
      "4",
      "-i",
      "short.mp3",
      "-c",
      "copy",
      "-write_xing",
      "0",
      "-id3v2_version",
      "0",
      "-write_id3v1",
      "1",
      ...titled
    ]
  },
  {
    name: "chapters.mp4",
    pieces: false,
    args: ["-i", "base.mkv", "-i", "chapters.txt", "-map", "0", "-map_chapters", "1", "-c", "copy"]
  },
  { name: "long.wav", pieces: false, args: undefined },
  { name: "film.avi", pieces: false, args: ["-i", "base.mkv", "-c", "copy"] },
  { name: "sound.flac", pieces: false, args: ["-i", "long.wav"] },
  {
    name: "tiny.mp4",
    pieces: false,
    args: ["-i", "base.mkv", "-c:v", "mpeg4", "-s", "64x64", "-t", "0.2", ...titled]
  }
]

beforeAll(async () => {
  const ffmpeg = (...args: ReadonlyArray<string>) =>
    execa("ffmpeg", ["-nostdin", "-y", "-v", "error", ...args], { cwd: folder })
  await writeFile(join(folder, "font.bin"), randomBytes(7 * MiB))
  await writeFile(
    join(folder, "chapters.txt"),
    [0, 1, 2]
      .map((n) => `[CHAPTER]\nTIMEBASE=1/1\nSTART=${n}\nEND=${n + 1}\ntitle=part ${n}\n`)
      .reduce((a, b) => a + b, ";FFMETADATA1\n")
  )
  await ffmpeg(...noise, "-t", "1", "-c:v", "mjpeg", "-q:v", "2", "-c:a", "aac", "base.mkv")
  await ffmpeg("-f", "lavfi", "-i", loud, "-t", "60", "long.wav")
  await ffmpeg("-i", "long.wav", "-t", "60", "-b:a", "320k", "short.mp3")
  for (const { name, args } of kinds) if (args !== undefined) await ffmpeg(...args, name)
})

interface Serving {
  /** Whether ranges are honoured; default true. */
  readonly ranges?: boolean
  /** The validators of an answer, by the number of the request. Default: one ETag for all. */
  readonly validators?: (request: number) => Record<string, string>
  /** The content at a request. Default: the file. */
  readonly content?: (request: number) => Buffer
  /** The Content-Range at a request, made from the right one. */
  readonly contentRange?: (right: string, request: number) => string
}

interface Asked {
  readonly range: string | undefined
}

/** Serves the files of the folder by their names. */
const serving = (options: Serving = {}) =>
  Effect.gen(function* () {
    const asked: Array<Asked> = []
    const server = yield* scoped(() => localHttps(handlerOf(options, asked)))
    return { ...server, asked }
  })

const handlerOf =
  (
    {
      ranges = true,
      validators = () => ({ etag: '"1"' }),
      content,
      contentRange = (right) => right
    }: Serving,
    asked: Array<Asked>
  ): RequestListener =>
  async ({ url = "", headers }, response) => {
    const number = asked.push({ range: headers.range }) - 1
    const file =
      content?.(number) ??
      (await readFile(join(folder, decodeURIComponent(url.slice(1)))).catch(() => undefined))
    if (file === undefined) return void response.writeHead(404).end()
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "")
    if (!ranges || range === null)
      return void response.writeHead(200, { ...validators(number), "content-length": file.length }).end(file)
    const [start, end] = [Number(range[1]), Math.min(Number(range[2]), file.length - 1)]
    if (start >= file.length)
      return void response.writeHead(416, { "content-range": `bytes */${file.length}` }).end()
    const right = contentRange(`bytes ${start}-${end}/${file.length}`, number)
    response
      .writeHead(206, { ...validators(number), "content-range": right, "content-length": end - start + 1 })
      .end(file.subarray(start, end + 1))
  }

const site = "https://media.example.com"

/** The server of the current test. All tests share one prober, since opening one starts several processes. */
let current: LocalHttps | undefined
const workRoot = join(folder, "work")

const world = Layer.unwrapScoped(
  Effect.gen(function* () {
    const { guard } = yield* scoped(() => localHttps(() => undefined))
    const dial: GuardOptions["dial"] = (address, port) =>
      current?.guard.dial?.(address, port) ?? new Socket().destroy()
    return ffprobeProber({ workRoot, guard: { ...guard, ports: [443], dial } })
  })
)

const shared = ManagedRuntime.make(Layer.provideMerge(world, memoryStorage))
afterAll(() => shared.dispose())

const withLimits = (over: Partial<LimitValues>) =>
  Layer.provideMerge(world, memoryStorage).pipe(
    Layer.provide(Layer.succeed(Limits, { ...defaultLimits, ...over }))
  )

/** Probes a URL, and checks that no file and no connection remains afterwards. */
const probing = (server: LocalHttps, name: string, request = everything, over?: Partial<LimitValues>) =>
  Effect.gen(function* () {
    current = server
    const url = `${site}/${encodeURIComponent(name)}`
    const probe = Effect.flatMap(Prober, (prober) =>
      Effect.either(prober.probe({ _tag: "Url", url }, request))
    )
    const outcome = yield* over === undefined
      ? Effect.provide(probe, shared)
      : Effect.provide(probe, withLimits(over))
    expect(yield* remainsOf(workRoot)).toEqual([])
    yield* until(Effect.sync(() => server.connections() === 0))
    return yield* outcome
  })

/** The report of the same file from storage. */
const local = (name: string, request = everything) =>
  Effect.gen(function* () {
    const content = yield* Effect.promise(() => readFile(join(folder, name)))
    const key = BlobKey(`${aDirId()}/blob_1/${name}`)
    yield* (yield* Storage).write(key, Stream.make(content), content.length)
    const report = yield* (yield* Prober).probe(
      { _tag: "Blob", key, name: FileName(name), bytes: content.length },
      request
    )
    yield* (yield* Storage).remove(key)
    return report
  }).pipe(Effect.provide(shared))

/** The report without the name of the file, which always differs. */
const content = ({ raw }: { readonly raw: Readonly<Record<string, unknown>> }) => {
  const { filename: _, ...format } = (raw.format ?? {}) as Record<string, unknown>
  return { ...raw, format }
}

const sizeOf = (name: string) => Effect.promise(async () => (await stat(join(folder, name))).size)

describe("a URL is probed like a file of ours", () => {
  for (const { name, pieces } of kinds) {
    it.scopedLive(`${name}, ${pieces ? "in pieces" : "whole"}`, () =>
      Effect.gen(function* () {
        const server = yield* serving()
        const report = yield* probing(server, name)
        expect(content(report)).toEqual(content(yield* local(name)))
        expect(report.raw.format).toMatchObject({ filename: `${site}/${name}` })
        const size = yield* sizeOf(name)
        if (pieces) expect(report.inputBytes).toBeLessThan(size)
        else expect(report.inputBytes).toBeGreaterThanOrEqual(size)
      })
    )
  }

  it.scopedLive.each([
    { title: "frames", over: { sections: { frames: ["pict_type", "pts"] }, selectStreams: "v:0" } },
    { title: "packets", over: { sections: { packets: ["pos", "size"] }, selectStreams: "a:0" } },
    { title: "a count of frames", over: { countFrames: true } },
    {
      title: "an interval",
      over: { sections: { packets: "all" }, selectStreams: "v:0", readIntervals: "0.5%+#2" }
    }
  ] as const)("whole for $title", ({ over }) =>
    Effect.gen(function* () {
      const server = yield* serving()
      const request = { ...everything, ...over }
      const report = yield* probing(server, "end.mp4", request)
      expect(content(report)).toEqual(content(yield* local("end.mp4", request)))
      expect(report.inputBytes).toBe(yield* sizeOf("end.mp4"))
      expect(server.asked).toEqual([{ range: undefined }])
    })
  )

  it.scopedLive("with as large a head as the request wants to be probed", () =>
    Effect.gen(function* () {
      const server = yield* serving()
      yield* probing(server, "end.mp4", { ...everything, probeBytes: 12 * MiB })
      expect(server.asked[0]).toEqual({ range: `bytes=0-${13 * MiB - 1}` })
    })
  )

  it.scopedLive("under a redirect, each piece from where the first came from", () =>
    Effect.gen(function* () {
      const asked: Array<Asked> = []
      const paths: Array<string> = []
      const serve = handlerOf({}, asked)
      const server = yield* scoped(() =>
        localHttps((request, response) => {
          paths.push(request.url ?? "")
          request.url === "/here"
            ? response.writeHead(302, { location: "/end.mp4" }).end()
            : serve(request, response)
        })
      )
      expect(content(yield* probing(server, "here"))).toEqual(content(yield* local("end.mp4")))
      expect(paths.filter((path) => path === "/here")).toHaveLength(1)
    })
  )
})

describe("a server that is no help", () => {
  it.scopedLive("without ranges sends all, once", () =>
    Effect.gen(function* () {
      const server = yield* serving({ ranges: false })
      const report = yield* probing(server, "end.mp4")
      expect(content(report)).toEqual(content(yield* local("end.mp4")))
      expect(report.inputBytes).toBe(yield* sizeOf("end.mp4"))
      expect(server.asked).toHaveLength(1)
    })
  )

  const swapped = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, MiB), Buffer.alloc(bytes.length - MiB)])
  for (const { title, options } of [
    {
      title: "whose file gets another ETag",
      options: { validators: (n: number) => ({ etag: `"${n < 1 ? 1 : 2}"` }) }
    },
    {
      title: "whose file gets another date",
      options: { validators: (n: number) => ({ "last-modified": new Date(n < 1 ? 0 : 1e12).toUTCString() }) }
    },
    { title: "that does not tell one state from the next", options: { validators: () => ({}) } },
    {
      title: "whose file grows meanwhile",
      options: { contentRange: (right: string, n: number) => (n === 1 ? right.replace(/.$/, "0000") : right) }
    },
    {
      title: "that sends another piece",
      options: { contentRange: (right: string, n: number) => (n === 1 ? right.replace(/\d+-/, "7-") : right) }
    },
    {
      title: "that knows no size",
      options: { contentRange: (right: string) => right.replace(/\/\d+$/, "/*") }
    },
    {
      title: "that announces an impossible size",
      options: { contentRange: (right: string) => right.replace(/\/\d+$/, "/999999999999999") }
    },
    { title: "that names its piece in no known way", options: { contentRange: () => "items 1-2/3" } }
  ]) {
    it.scopedLive(`${title} is asked for all of it`, () =>
      Effect.gen(function* () {
        const server = yield* serving(options)
        const report = yield* probing(server, "end.mp4")
        expect(content(report)).toEqual(content(yield* local("end.mp4")))
        expect(server.asked.at(-1)).toEqual({ range: undefined })
        expect(server.asked.length).toBeLessThan(4)
      })
    )
  }

  const box = (type: string, bytes: number) => {
    const header = Buffer.alloc(8)
    header.writeUInt32BE(bytes)
    return Buffer.concat([header.fill(type, 4, 8, "latin1"), Buffer.alloc(bytes - 8)])
  }
  const movie = Buffer.concat([box("ftyp", 16), Buffer.alloc(9 * MiB, box("free", 8))])
  const matroska = (content: Buffer) =>
    Buffer.concat([Buffer.from("1a45dfa38018538067ff", "hex"), content, Buffer.alloc(9 * MiB)])
  const emptyCluster = Buffer.from("1f43b67580", "hex")
  for (const { title, file } of [
    { title: "boxes without end", file: movie },
    {
      title: "boxes without end in a box that is read",
      file: Buffer.concat([
        box("ftyp", 16),
        box("moov", 9 * MiB).subarray(0, 8),
        Buffer.alloc(9 * MiB - 8, box("free", 8))
      ])
    },
    {
      title: "a box that is larger than the file",
      file: Buffer.concat([box("ftyp", 16), Buffer.from("7fffffff6d646174", "hex"), Buffer.alloc(9 * MiB)])
    },
    {
      title: "a box of no size",
      file: Buffer.concat([box("ftyp", 16), Buffer.from("000000016d6f6f76", "hex"), Buffer.alloc(9 * MiB)])
    },
    { title: "elements without end", file: matroska(Buffer.alloc(9 * MiB, Buffer.from("ec80", "hex"))) },
    {
      title: "a seek head of more elements than any has",
      file: matroska(
        Buffer.concat([
          Buffer.from("114d9b740100000000100000", "hex"),
          Buffer.alloc(MiB, Buffer.from("ec80", "hex")),
          emptyCluster
        ])
      )
    },
    {
      title: "seek heads without end",
      file: matroska(Buffer.alloc(9 * MiB, Buffer.from("114d9b748b4dbb8853ab81ec53ac81ff", "hex")))
    },
    { title: "no elements", file: matroska(Buffer.alloc(0)) },
    {
      // A seek head with one entry, whose place has 20 bytes; then an empty cluster.
      title: "a place beyond all numbers",
      file: matroska(Buffer.from(`114d9b749f4dbb9c53ab84deadbeef53ac92${"ff".repeat(18)}1f43b67580`, "hex"))
    },
    {
      title: "a tag and nothing behind it",
      file: Buffer.concat([Buffer.from("ID3\u0004\0\0\0\0\0\u0001"), Buffer.alloc(9 * MiB)])
    }
  ]) {
    it.scopedLive(`has a file of ${title}, which comes whole`, () =>
      Effect.gen(function* () {
        const server = yield* serving({ content: () => file })
        const outcome = yield* Effect.either(probing(server, "odd.bin"))
        if (outcome._tag === "Left") expect(outcome.left).toMatchObject({ _tag: "ProbeFailed" })
        expect(server.asked.at(-1)).toEqual({ range: undefined })
      })
    )
  }

  it.scopedLive("that sends another file the second time is read in one state of it", () =>
    Effect.gen(function* () {
      const [before, after] = yield* Effect.promise(() =>
        Promise.all(["end.mp4", "film.mov"].map((name) => readFile(join(folder, name))))
      )
      const server = yield* serving({
        content: (n) => (n === 0 ? swapped(before as Buffer) : (after as Buffer)),
        validators: (n) => ({ etag: `"${n === 0 ? 1 : 2}"` })
      })
      const { tags: _, ...same } = content(yield* probing(server, "film.mov")) as Record<string, unknown>
      expect(same).toEqual(content(yield* local("film.mov")))
    })
  )

  it.scopedLive("has an empty file", () =>
    Effect.gen(function* () {
      const server = yield* serving({ content: () => Buffer.alloc(0) })
      expect(yield* Effect.flip(probing(server, "none.mp4"))).toMatchObject({ _tag: "ProbeFailed" })
    })
  )

  it.scopedLive("has a file that is larger than may be read as a whole", () =>
    Effect.gen(function* () {
      for (const options of [{}, { ranges: false }, { validators: () => ({}) }]) {
        const server = yield* serving(options)
        const request = { ...everything, countFrames: Object.keys(options).length === 0 }
        const error = yield* Effect.flip(probing(server, "end.mp4", request, { uploadBytes: 10 * MiB }))
        expect(error).toMatchObject({
          _tag: "UrlRefused",
          message: expect.stringContaining(`larger than ${10 * MiB} bytes`)
        })
      }
      const inPieces = yield* serving()
      yield* probing(inPieces, "end.mp4", everything, { uploadBytes: 10 * MiB })
    })
  )

  it.scopedLive.each([
    { status: 404, tag: "UrlRefused" },
    { status: 403, tag: "UrlRefused" },
    { status: 204, tag: "UrlRefused" },
    { status: 500, tag: "UrlUnreachable" },
    { status: 503, tag: "UrlUnreachable" }
  ])("answers $status: $tag", ({ status, tag }) =>
    Effect.gen(function* () {
      for (const from of [0, 1]) {
        const asked: Array<Asked> = []
        const serve = handlerOf({}, asked)
        const server = yield* scoped(() =>
          localHttps((request, response) =>
            asked.length < from ? serve(request, response) : response.writeHead(status).end()
          )
        )
        const error = yield* Effect.flip(probing(server, "end.mp4"))
        expect(error).toMatchObject({ _tag: tag, message: expect.stringContaining(`${status}`) })
      }
    })
  )

  it.scopedLive("breaks off", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() =>
        localTls((socket) =>
          socket.once("data", () =>
            socket.end(
              'HTTP/1.1 206 x\r\netag: "1"\r\ncontent-range: bytes 0-99/100\r\ncontent-length: 100\r\n\r\nshort'
            )
          )
        )
      )
      expect(yield* Effect.flip(probing(server, "a.mp4"))).toMatchObject({ _tag: "UrlUnreachable" })
    })
  )

  it.scopedLive("never ends: the time for a probe ends it", () =>
    Effect.gen(function* () {
      const server = yield* scoped(() => localTls((socket) => socket.write("HTTP/1.1 200 OK\r\n\r\nxxx")))
      const error = yield* Effect.flip(probing(server, "a.mp4", everything, { probeSeconds: 0.5 }))
      expect(error).toMatchObject({
        _tag: "UrlUnreachable",
        message: expect.stringContaining("longer than 0.5 s")
      })
    })
  )

  it.scopedLive("sends no media, or a list of other addresses: the reason shows nothing internal", () =>
    Effect.gen(function* () {
      for (const text of [
        "hello, this is no film\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:/etc/hostname\n#EXT-X-ENDLIST\n"
      ]) {
        const server = yield* serving({ content: () => Buffer.from(text) })
        const error = yield* Effect.flip(probing(server, "a%03d.mp4"))
        expect(error._tag).toBe("ProbeFailed")
        expect(error.message).not.toMatch(/file:|\/in\/|tmp|work-/)
      }
    })
  )
})

it.scopedLive("a probe that is interrupted while it fetches leaves nothing", () =>
  Effect.gen(function* () {
    current = yield* scoped(() =>
      localTls((socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nxxx"))
    )
    const { connections } = current
    const { probe } = yield* Prober
    const fiber = yield* Effect.fork(probe({ _tag: "Url", url: `${site}/a.mp4` }, everything))
    yield* until(Effect.map(remainsOf(workRoot), (remains) => remains.length > 0 && connections() === 1))
    yield* Fiber.interrupt(fiber)
    expect(yield* remainsOf(workRoot)).toEqual([])
    yield* until(Effect.sync(() => connections() === 0))
  }).pipe(Effect.provide(shared))
)

it.scopedLive.each([
  "http://media.example.com/a.mp4",
  "https://10.0.0.1/a.mp4",
  "https://[::1]/a.mp4",
  "file:///etc/hostname",
  "pipe:0",
  ""
])("the guard refuses %j before anything is asked", (url) =>
  Effect.gen(function* () {
    current = yield* serving()
    const error = yield* Effect.flatMap(Prober, ({ probe }) =>
      Effect.flip(probe({ _tag: "Url", url }, everything))
    )
    expect(error).toMatchObject({ _tag: "UrlRefused", message: "URL is not allowed or not reachable" })
    expect([current.dialed, yield* remainsOf(workRoot)]).toEqual([[], []])
  }).pipe(Effect.provide(shared))
)
