import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type LocalHttps, localHttps } from "../../adapters/net/https.suite.js"
import { aliceKey, bobKey, clip, type Host, startHost } from "./host.suite.js"

/**
 * Limits on running and waiting probes, over real HTTP, with a media server that accepts connections and
 * stays silent.
 */

let web: LocalHttps
beforeAll(async () => {
  const video = await clip()
  web = await localHttps((request, response) => void (request.url === "/clip.mp4" && response.end(video)))
})
afterAll(() => web.close())

const patient = { probeSeconds: 600, idleSeconds: 600 }

const probe = (host: Host, file_path: string, authorization: string) =>
  host.call("POST", "/ffprobe/analyze", { body: { file_path }, authorization })

/** Probes of a file that never arrives; they end with the host at the latest. */
const silentProbes = (host: Host, count: number, authorization: string) =>
  Array.from({ length: count }, () =>
    probe(host, `${web.url}/silent.mp4`, authorization).then(
      (reply) => reply,
      () => undefined
    )
  )

const busy = {
  status: 503,
  body: { ok: false, error: expect.stringContaining("Too many probes are running or waiting") }
}

describe("probes", () => {
  it("beyond the waiting ones are a 503 with Retry-After at once; another key's probes run meanwhile", async () => {
    await using host = await startHost({
      guard: web.guard,
      limits: { ...patient, probes: 3, probesPerKey: 2, probesWaitingPerKey: 2, probeWaitSeconds: 600 }
    })
    const refused = await Promise.race(silentProbes(host, 5, aliceKey))
    expect(refused).toMatchObject(busy)
    expect(refused?.headers.get("retry-after")).toBe("5")
    expect((await probe(host, `${web.url}/clip.mp4`, bobKey)).status).toBe(200)
    await expect.poll(() => web.connections()).toBe(2)
  })

  it("that wait too long are a 503 with Retry-After", async () => {
    await using host = await startHost({
      guard: web.guard,
      limits: { ...patient, probesPerKey: 1, probeWaitSeconds: 0.2 }
    })
    const refused = await Promise.race(silentProbes(host, 2, aliceKey))
    expect(refused).toMatchObject(busy)
    expect(refused?.headers.get("retry-after")).toBe("5")
  })

  it("of one key, six at once, are all answered in turn", async () => {
    await using host = await startHost({ limits: { probes: 2, probesPerKey: 1 } })
    const file = await host.uploaded("clip.mp4", await clip())
    const replies = await Promise.all(Array.from({ length: 6 }, () => probe(host, file, aliceKey)))
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 200))
  })
})
