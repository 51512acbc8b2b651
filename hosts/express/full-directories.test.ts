import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Directories } from "../../core/ports/directories.js"
import { clip, type Host, startHost } from "./host.suite.js"

/** Limits on directories and files over real HTTP. */

let host: Host
beforeAll(async () => {
  host = await startHost({ limits: { directoriesPerKey: 3, filesPerDirectory: 4 } })
})
afterAll(() => host.close())

const tooManyDirectories =
  "Too many directories of this API key: at most 3 are allowed at a time, use one of them (dir_id), make them with a shorter ttl, or try again when some have expired"
const tooManyFiles =
  "Too many files in this directory: at most 4 are allowed, delete some or use another directory"

/** A key with `directories` directories, and their ids. */
const keyWith = async (directories: number) => {
  const authorization = await host.keyWith({})
  const ids: Array<string> = []
  for (let made = 0; made < directories; made++)
    ids.push((await host.call("POST", "/directory", { body: {}, authorization })).body.directory.id)
  return { authorization, ids }
}

const refused = (reply: Awaited<ReturnType<Host["call"]>>, error: string) =>
  expect([reply.status, reply.body, reply.headers.get("retry-after")]).toEqual([
    429,
    { ok: false, error },
    "60"
  ])

const form = async (fields: Readonly<Record<string, string>>) => {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    if (name === "command") data.append(name, value)
    else data.append(name, new Blob([value]), name)
  }
  const request = new Request("http://localhost", { method: "POST", body: data })
  return {
    body: new Uint8Array(await request.arrayBuffer()),
    headers: { "content-type": request.headers.get("content-type") ?? "" }
  }
}

const task = (file_path: string, file = "out.mp4") => ({
  inputs: [{ file_path }],
  outputs: [{ file, options: ["-c", "copy"] }]
})

describe("a key with the maximum of directories", () => {
  it("gets a 429 for another one, from every endpoint that makes one, and can use those that it has", async () => {
    const { authorization, ids } = await keyWith(3)
    const listed = async () => (await host.call("GET", "/directory", { authorization })).body
    const before = await listed()
    const ways = [
      ["/directory", { body: { ttl: 60 } }],
      ["/file", { body: { file_name: "a.mp4" } }],
      ["/ffmpeg/run", await form({ command: JSON.stringify(task("a.mp4")), "a.mp4": "x" })]
    ] as const
    for (const [path, call] of ways)
      refused(await host.call("POST", path, { ...call, authorization }), tooManyDirectories)
    expect(await listed()).toEqual(before)
    const registered = await host.call("POST", "/file", {
      body: { file_name: "a.mp4", dir_id: ids[0] },
      authorization
    })
    expect(registered.status).toBe(200)
    expect((await host.call("POST", "/directory", { body: {} })).status).toBe(200)
  })
})

describe("a directory with the maximum of files", () => {
  const filled = async () => {
    const { authorization, ids } = await keyWith(1)
    const [dir = ""] = ids
    const register = (file_name: string) =>
      host.call("POST", "/file", { body: { file_name, dir_id: dir }, authorization })
    const upload = async (file_name: string, bytes: Uint8Array | string) => {
      const { body } = await register(file_name)
      expect((await host.call("PUT", body.upload.url, { body: bytes, authorization: null })).status).toBe(200)
    }
    await upload("in.mp4", await clip())
    return { authorization, dir, register, upload }
  }

  it("refuses registrations until a file or registration is deleted", async () => {
    const { authorization, dir, register, upload } = await filled()
    for (const name of ["b", "c", "d"]) expect((await register(name)).status).toBe(200)
    refused(await register("e"), tooManyFiles)
    // Registered files may still be uploaded, and registered again.
    await upload("b", "x")
    expect((await register("c")).status).toBe(200)
    const deleted = await host.call("DELETE", `/file/${dir}/c`, { authorization })
    expect([deleted.status, deleted.body]).toEqual([200, { ok: true, deleted: { file_path: `${dir}/c` } }])
    expect((await register("e")).status).toBe(200)
    refused(await register("f"), tooManyFiles)
  })

  it("accepts outputs that replace others; a job with further outputs fails with the reason", async () => {
    const { authorization, dir, register } = await filled()
    const process = (file: string) =>
      host.call("POST", "/ffmpeg/process", { body: { task: task(`${dir}/in.mp4`, file) }, authorization })
    expect((await process("out.mp4")).status).toBe(200)
    for (const name of ["c", "d"]) expect((await register(name)).status).toBe(200)
    expect((await process("out.mp4")).status).toBe(200)
    const failed = await process("another.mp4")
    const sentence =
      "the outputs do not fit into their directory: at most 4 are allowed, delete some or use another directory"
    expect([failed.status, failed.body]).toEqual([
      500,
      { ok: false, error: `FFmpeg processing failed: ${sentence}` }
    ])
    const names = await host.instance.run(
      Effect.flatMap(Directories, (directories) => directories.files(dir as never))
    )
    expect(names).toMatchObject({
      value: [{ name: "in.mp4" }, { name: "c" }, { name: "d" }, { name: "out.mp4" }]
    })
  })
})
