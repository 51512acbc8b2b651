import { Effect, Exit, Scope } from "effect"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { localDns } from "../../../adapters/net/dns.suite.js"
import { aliceKey, bobKey, clip, type Host, startHost } from "../host.suite.js"
import { hostileHeads, hostileMedia } from "./hostile-media.suite.js"

/**
 * Delays for other keys while one key attacks: the longest `GET /health` and `GET /directory`, and the growth
 * of memory. All attacks run with `npm run test:long`, or with `FFKILN_TEST_LONG=1 npx vitest run
 * hosts/express/attacks/stalls.test.ts`, which prints the figures; `npm test` tries some of them with small
 * files.
 */

const long = process.env.FFKILN_TEST_LONG !== undefined
const MiB = 2 ** 20
/** Smaller files are fetched whole. */
const leastInPieces = 10
const heads = hostileHeads((size) => (long ? size : leastInPieces) * MiB)

const scope = Effect.runSync(Scope.make())
let host: Host
let web: string
let file: string
let chapters: string

beforeAll(async () => {
  const names = { "media.example.com": ["127.0.0.1"] }
  const servers = Effect.all({ media: hostileMedia(heads), dns: localDns(names) })
  const { media, dns } = await Effect.runPromise(Scope.extend(servers, scope))
  web = `media.example.com:${media.port}`
  const guard = {
    ca: media.ca,
    ports: [media.port],
    nameServers: [dns.server],
    allowAddress: (address: string) => address === "127.0.0.1"
  }
  host = await startHost({ guard })
  file = await host.uploaded("clip.mp4", await clip())
  chapters = await host.uploaded("chapters.mkv", await manyChapters(long ? 50_000 : 5000))
})
afterAll(async () => {
  await host.close()
  await Effect.runPromise(Scope.close(scope, Exit.void))
  console.log(
    [
      "attack | longest /health (ms) | longest /directory (ms) | memory more (MiB) | attack (s) | its statuses",
      ...lines
    ].join("\n")
  )
})

const lines: Array<string> = []

/** Returns the status. The reply is not parsed, which would take turns from the server in this process. */
const post = async (path: string, body: unknown): Promise<number> => {
  const reply = await fetch(host.url + path, {
    method: "POST",
    headers: { authorization: aliceKey },
    body: JSON.stringify(body)
  })
  await reply.arrayBuffer()
  return reply.status
}
const probe = (file_path: string, asked = {}) => post("/ffprobe/analyze", { file_path, probe: asked })
const probeUrl = (path: string) => probe(`https://${web}${path}`)
/** A small file with a large report: about 150 bytes for each chapter. */
const manyChapters = async (count: number): Promise<Uint8Array> => {
  const list = Array.from(
    { length: count },
    (_, at) => `[CHAPTER]\nTIMEBASE=1/1000\nSTART=${at}\nEND=${at + 1}\n`
  )
  const tone = ["-f", "lavfi", "-i", "sine=duration=60:sample_rate=8000", "-f", "ffmetadata", "-i", "-"]
  const { stdout } = await execa(
    "ffmpeg",
    ["-v", "error", ...tone, "-map", "0", "-map_chapters", "1", "-f", "matroska", "-"],
    {
      input: `;FFMETADATA1\n${list.join("")}`,
      encoding: "buffer"
    }
  )
  // A copy: the buffer of execa may be resizable, which fetch refuses.
  return Uint8Array.from(stdout)
}
const many = <A>(count: number, make: (index: number) => Promise<A>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)))
const silentUrl = (index: number) => `https://n${index}.silent.example.com:${web.split(":")[1]}/a.mp4`
const importUrl = (file_path: string) =>
  post("/ffmpeg/process/async", {
    task: { inputs: [{ file_path }], outputs: [{ file: "out.mp4", options: ["-c", "copy"] }] }
  })

const attacks: Readonly<Record<string, () => Promise<ReadonlyArray<number>>>> = {
  ...Object.fromEntries(Object.keys(heads).map((path) => [path, async () => [await probeUrl(path)]])),
  "/zeros.mp4, three at once": () => many(3, () => probeUrl("/zeros.mp4")),
  "80 probes of a stored file": () => many(long ? 80 : 12, () => probe(file)),
  "10 reports of some MiB": () => many(long ? 10 : 2, () => probe(chapters, { chapters: [] })),
  "20 probes and 20 inputs of URLs under a silent name server": () =>
    Promise.all([
      many(long ? 20 : 4, (at) => probe(silentUrl(at))),
      many(long ? 20 : 4, (at) => importUrl(silentUrl(at + 100)))
    ]).then((statuses) => statuses.flat())
}

const timed = async (path: string) => {
  const start = performance.now()
  const { status } = await host.call("GET", path, { authorization: bobKey })
  expect(status).toBe(200)
  return performance.now() - start
}

/** Repeats requests until the attack is over. */
const measured = async (attack: () => Promise<ReadonlyArray<number>>) => {
  const before = process.memoryUsage().rss
  const start = performance.now()
  const most = { health: 0, directory: 0, memory: 0 }
  let over = false
  const attacking = attack().finally(() => {
    over = true
  })
  do {
    most.health = Math.max(most.health, await timed("/health"))
    most.directory = Math.max(most.directory, await timed("/directory"))
    most.memory = Math.max(most.memory, process.memoryUsage().rss - before)
    await new Promise((resolve) => setTimeout(resolve, 5))
  } while (!over)
  const statuses = [...new Set(await attacking)].sort().join()
  return { ...most, statuses, seconds: (performance.now() - start) / 1000 }
}

describe("an attack does not delay other keys", () => {
  it.each(
    long
      ? Object.keys(attacks)
      : Object.keys(attacks).filter((name) => !/-64|boxes|nested|head|zeros.mp4$/.test(name))
  )("%s", { timeout: 300_000 }, async (name) => {
    const { health, directory, memory, seconds, statuses } = await measured(
      attacks[name] as () => Promise<ReadonlyArray<number>>
    )
    lines.push(
      [
        name,
        health.toFixed(0),
        directory.toFixed(0),
        (memory / MiB).toFixed(0),
        seconds.toFixed(1),
        statuses
      ].join(" | ")
    )
    // Bounds for a busy machine: each attack used to take tens of seconds, or gigabytes.
    expect(Math.max(health, directory)).toBeLessThan(10_000)
    expect(memory).toBeLessThan(600 * MiB)
  })
})
