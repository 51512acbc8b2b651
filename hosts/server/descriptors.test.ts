import { execFile } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { connectionRoom } from "./descriptors.js"
import { get, post, type Serving, serving, until, uploaded } from "./serving.suite.js"

describe("connections within the limit of descriptors", () => {
  it.each([
    ["the limit, without a limit of the system", 10_000, 2, undefined, 10_000],
    ["the limit, if descriptors suffice", 10_000, 2, 30_320, 10_000],
    ["one less, if one descriptor is missing", 10_000, 2, 30_319, 9_999],
    ["a third of the descriptors that host and slots leave", 10_000, 2, 4096, 1258],
    ["fewer with more slots", 10_000, 66, 4096, 576],
    ["a minimum in any case", 10_000, 2, 100, 16],
    ["less than the configured limit", 20_000, 2, 30_320, 10_000],
    ["no more than the limit in any case", 3, 2, 100, 3]
  ])("%s", (_, limit, slots, openFiles, connections) => {
    const room = connectionRoom(limit, slots, openFiles)
    expect(room.connections).toBe(connections)
    // The default is only a bound: a reduction of it warns only when few connections remain.
    const isWorth = connections < limit && (limit !== 10_000 || connections < 1000)
    if (isWorth)
      expect(room.warning).toMatch(`at most ${connections} connections at a time instead of ${limit}`)
    else expect(room.warning).toBeUndefined()
  })
})

/** Servers with a low limit of open files, and more clients than that. */
let folder: string
let clip: Buffer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln-descriptors-"))
  const sources = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=1".split(" ")
  await promisify(execFile)("ffmpeg", [
    "-v",
    "error",
    ...sources,
    "-preset",
    "ultrafast",
    join(folder, "clip.mp4")
  ])
  clip = await readFile(join(folder, "clip.mp4"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const opened = async (server: Serving): Promise<Socket> => {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1")
  socket.on("error", () => {})
  await once(socket, "connect")
  return socket
}

const held: Array<Socket> = []
const hold = async (server: Serving, count: number, bytes: string) => {
  while (held.length < count) {
    const some = await Promise.all(
      Array.from({ length: Math.min(100, count - held.length) }, () => opened(server))
    )
    for (const socket of some) socket.pause().write(bytes)
    held.push(...some)
  }
}
const letGo = () => {
  for (const socket of held.splice(0)) socket.destroy()
}

/** One request on a new connection; undefined when the connection was closed. */
const asked = (server: Serving) =>
  fetch(`${server.url}/health`, { headers: { connection: "close" } }).then(
    ({ status }) => status,
    () => undefined
  )

const copy = (input: string, index: number) => ({
  task: { inputs: [{ file_path: input }], outputs: [{ file: `out-${index}.mp4`, options: ["-c", "copy"] }] }
})

/** Starts a command with this soft and hard limit of open files. */
const withFiles = (openFiles: string) => ["sh", "-c", `ulimit -n ${openFiles} && exec "$0" "$@"`]

const long = process.env.FFKILN_TEST_LONG !== undefined

it.each([["512", 700] as const, ...(long ? [["4096", 4300] as const] : [])])(
  "with %s files and %i half-open connections a server responds to requests, and runs jobs",
  async (openFiles, clients) => {
    const server = await serving(
      join(folder, openFiles),
      ["--slots", "2"],
      { FFKILN_LIMIT_STALLED_SECONDS: "1" },
      withFiles(openFiles)
    )
    expect(server.errors()).toMatch(
      /^WARNING: at most \d+ connections at a time instead of 10000: this process may open/m
    )
    try {
      await hold(server, clients, "POST /file HTTP/1.1\r\nHost: x\r\n")
      const input = await uploaded(server.url, "in.mp4", clip)
      expect((await post(server.url, "/ffmpeg/process", copy(input, 0))).body).toMatchObject({ ok: true })
      letGo()

      // Larger than what the kernel buffers for a client that does not read.
      const large = await uploaded(server.url, "large.bin", Buffer.alloc(16 * 1024 * 1024))
      const { download } = (await get(server.url, `/file/download/${large}`)).body
      await hold(
        server,
        Number(openFiles) / 2,
        `GET ${new URL(download.url).pathname} HTTP/1.1\r\nHost: x\r\n\r\n`
      )
      await until(async () => (await asked(server)) === 200)
      expect((await post(server.url, "/ffmpeg/process", copy(input, 1))).body).toMatchObject({ ok: true })
      expect(server.errors()).not.toMatch(/EMFILE/)
    } finally {
      letGo()
      expect(await server.end("SIGTERM")).toEqual([0, null])
    }
  }
)
