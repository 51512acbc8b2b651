import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { bobKey, type Host, startHost } from "./host.suite.js"

/** Directories over real HTTP. */

let host: Host
beforeAll(async () => {
  host = await startHost({ slots: 0, limits: { directoryTtlMinSeconds: 1 } })
})
afterAll(() => host.close())

const asBob = { authorization: bobKey }
const moment = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
const made = async (body: object = {}, on = host): Promise<string> =>
  (await on.call("POST", "/directory", { body })).body.directory.id

describe("POST /directory", () => {
  it.each([
    [1, "the shortest"],
    [2_592_000, "the longest"]
  ])("accepts a ttl of %i seconds, %s", async (ttl) => {
    expect((await host.call("POST", "/directory", { body: { ttl } })).body.directory.ttl).toBe(ttl)
  })

  it.each([0, -1, 2_592_001, 1.5, 1e300])("refuses a ttl of %d", async (ttl) => {
    const reply = await host.call("POST", "/directory", { body: { ttl } })
    expect([reply.status, reply.body]).toEqual([
      400,
      { ok: false, error: "ttl must be a whole number of seconds from 1 to 2592000" }
    ])
  })

  it.each([['"60"'], ["true"], ["[60]"], ["{}"]])("refuses a ttl of %s", async (ttl) => {
    const reply = await host.call("POST", "/directory", { body: `{"ttl":${ttl}}` })
    expect([reply.status, reply.body]).toEqual([
      400,
      { ok: false, error: expect.stringMatching(/^ttl must be a number/) }
    ])
  })

  it("ignores unknown fields", async () => {
    expect(
      (await host.call("POST", "/directory", { body: { ttl: 100, colour: "red" } })).body.directory.ttl
    ).toBe(100)
  })
})

describe("GET /directory", () => {
  it("lists the caller's own directories that have not expired, oldest first", async () => {
    await using on = await startHost({ slots: 0 })
    expect((await on.call("GET", "/directory")).body).toEqual({ ok: true, directories: [] })
    const ids = [await made({ ttl: 100 }, on), await made({}, on)]
    const implied = await on.uploaded("a.bin", "x")
    const { status, body } = await on.call("GET", "/directory")
    expect(status).toBe(200)
    expect(body).toEqual({
      ok: true,
      directories: [
        { id: ids[0], ttl: 100, added_on: moment },
        { id: ids[1], ttl: 86_400, added_on: moment },
        { id: implied.split("/")[0], ttl: 86_400, added_on: moment }
      ]
    })
    expect((await on.call("GET", "/directory", asBob)).body).toEqual({ ok: true, directories: [] })
  })
})

describe("GET /directory/{dirId}", () => {
  it("lists uploaded files, oldest first, without registrations", async () => {
    const dir = await made()
    expect((await host.call("GET", `/directory/${dir}`)).body).toEqual({ ok: true, files: [] })
    await host.uploaded("video.mp4", "1", dir)
    await host.call("POST", "/file", { body: { file_name: "announced.mp4", dir_id: dir } })
    await host.uploaded("audio.wav", "2", dir)
    const { status, body } = await host.call("GET", `/directory/${dir}`)
    expect(status).toBe(200)
    expect(body).toEqual({
      ok: true,
      files: [
        { file_name: "video.mp4", added_on: moment },
        { file_name: "audio.wav", added_on: moment }
      ]
    })
  })

  it("an expired, a foreign and an unknown directory give the same 404, on every route", async () => {
    const expired = await made({ ttl: 1 })
    await host.uploaded("a.mp4", "x", expired)
    const foreign = (await host.call("POST", "/directory", { body: {}, ...asBob })).body.directory.id
    await vi.waitFor(async () => expect((await host.call("GET", `/directory/${expired}`)).status).toBe(404), {
      timeout: 10_000,
      interval: 50
    })

    const task = (dir: string) => ({ inputs: [{ file_path: `${dir}/a.mp4` }], outputs: [{ file: "b.mp4" }] })
    for (const dir of [expired, foreign, "dir_none"]) {
      const directory = [404, { ok: false, error: "Directory not found" }]
      const file = [404, { ok: false, error: "File not found" }]
      const answers: ReadonlyArray<readonly [string, string, unknown, unknown]> = [
        ["GET", `/directory/${dir}`, undefined, directory],
        ["POST", "/file", { file_name: "b", dir_id: dir }, directory],
        ["GET", `/file/${dir}/a.mp4`, undefined, file],
        ["GET", `/file/download/${dir}/a.mp4`, undefined, file],
        ["DELETE", `/file/${dir}/a.mp4`, undefined, file],
        ["POST", "/ffprobe/analyze", { file_path: `${dir}/a.mp4` }, file],
        ["POST", "/ffmpeg/process", { task: task(dir) }, file],
        ["POST", "/ffmpeg/process/async", { task: task(dir) }, file]
      ]
      for (const [method, path, body, expected] of answers) {
        const reply = await host.call(method, path, { body })
        expect([reply.status, reply.body], `${method} ${path}`).toEqual(expected)
      }
    }
    expect(
      (await host.call("GET", "/directory")).body.directories.map(({ id }: { id: string }) => id)
    ).not.toContain(expired)
  })

  it.each(["x".repeat(65), "a b", "a.b", "%C3%BC"])("the id %s is invalid", async (id) => {
    const reply = await host.call("GET", `/directory/${id}`)
    expect([reply.status, reply.body]).toEqual([404, { ok: false, error: "Directory not found" }])
  })
})
