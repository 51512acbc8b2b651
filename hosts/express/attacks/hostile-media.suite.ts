import { Worker } from "node:worker_threads"
import { Effect, type Scope } from "effect"
import { certificate } from "../../../adapters/net/https.suite.js"

/**
 * A server of hostile media in its own thread. What it sends is generated when it is read, so it takes no
 * memory and no turns of this event loop.
 */
export interface HostileMedia {
  readonly port: number
  readonly ca: string
}

/** `start`, then `fill` repeated without end; `file` for a whole file. */
export interface Media {
  /** In hexadecimal digits. */
  readonly start: string
  readonly fill: string
  readonly bytes: number
}

const box = (type: string, bytes: number) =>
  `${bytes.toString(16).padStart(8, "0")}${Buffer.from(type).toString("hex")}`
const moov = (bytes: number, fill: string): Media => ({
  start: `${box("ftyp", 16)}${"0".repeat(16)}${box("moov", bytes)}`,
  fill,
  bytes: bytes + 16
})
const stco = Buffer.from("stco").toString("hex")

/** The media by their path on the server; sizes in bytes. */
export const hostileHeads = (size: (MiB: number) => number): Readonly<Record<string, Media>> => ({
  "/stco-64.mp4": moov(size(64), stco),
  "/stco-200.mp4": moov(size(200), stco),
  "/zeros.mp4": moov(size(200), "00"),
  "/boxes.mp4": moov(size(64), box("free", 8)),
  // Each box contains the rest of the file.
  "/nested.mp4": moov(size(64), box("trak", 0)),
  // An empty header, a segment of unknown size, a seek head of 60 MiB of empty elements.
  "/seek-head.mkv": {
    start:
      `1a45dfa380 18538067 01ffffffffffffff 114d9b74 01${size(60).toString(16).padStart(14, "0")}`.replaceAll(
        " ",
        ""
      ),
    fill: "ec80",
    bytes: size(60) + 2 ** 20
  },
  // An endless chain of seek heads with one entry each.
  "/seek-heads.mkv": {
    start: "1a45dfa3801853806701ffffffffffffff",
    fill: "114d9b748b4dbb8853ab81ec53ac81ff",
    bytes: size(60)
  }
})

/** Serves the files with byte ranges, until the scope closes. */
export const hostileMedia = (
  files: Readonly<Record<string, Media>>
): Effect.Effect<HostileMedia, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { ca, cert, key } = yield* Effect.promise(certificate)
    const worker = yield* Effect.acquireRelease(
      Effect.sync(() => new Worker(server, { eval: true, workerData: { cert, key, files } })),
      (started) => Effect.promise(() => started.terminate())
    )
    const port = yield* Effect.promise(
      () =>
        new Promise<number>((resolve, reject) => {
          worker.once("message", resolve)
          worker.once("error", reject)
        })
    )
    return { port, ca }
  })

const server = `
  const { createServer } = require("node:https")
  const { Readable, pipeline } = require("node:stream")
  const { parentPort, workerData: { cert, key, files } } = require("node:worker_threads")
  const sources = new Map(Object.entries(files).map(([path, { start, fill, bytes }]) => {
    const unit = Buffer.from(fill, "hex")
    return [path, { head: Buffer.from(start, "hex"), block: Buffer.alloc(unit.length * Math.ceil(65536 / unit.length), unit), bytes }]
  }))
  function* content({ head, block }, from, to) {
    let at = from
    while (at < to) {
      const [piece, place] = at < head.length ? [head, at] : [block, (at - head.length) % block.length]
      const bytes = piece.subarray(place, Math.min(piece.length, place + to - at))
      at += bytes.length
      yield bytes
    }
  }
  const server = createServer({ cert, key }, (request, response) => {
    const source = sources.get(request.url)
    if (source === undefined) return response.writeHead(404).end()
    const { bytes } = source
    const range = /^bytes=(\\d+)-(\\d+)$/.exec(request.headers.range ?? "")
    const [from, to] = range === null ? [0, bytes] : [Number(range[1]), Math.min(Number(range[2]) + 1, bytes)]
    response.writeHead(range === null ? 200 : 206, {
      etag: '"1"',
      "content-length": to - from,
      ...(range !== null && { "content-range": "bytes " + from + "-" + (to - 1) + "/" + bytes })
    })
    pipeline(Readable.from(content(source, from, to), { objectMode: false }), response, () => {})
  })
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port))
`
