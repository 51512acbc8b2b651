import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bobKey, clip, type Host, startHost } from "./host.suite.js"

/** Files over real HTTP: names, registration, deletion, and names of outputs. */

let host: Host
beforeAll(async () => {
  host = await startHost()
})
afterAll(() => host.close())

const asBob = { authorization: bobKey }
const newDir = async (): Promise<string> =>
  (await host.call("POST", "/directory", { body: {} })).body.directory.id
const path = (dir: string, name: string) => `${dir}/${encodeURIComponent(name)}`
const namesIn = async (dir: string) =>
  (await host.call("GET", `/directory/${dir}`)).body.files.map(
    (file: { file_name: string }) => file.file_name
  )
const notFound = [404, { ok: false, error: "File not found" }]
const copying = (file_path: string, file: string, over: object = {}) => ({
  task: { inputs: [{ file_path }], outputs: [{ file, options: ["-c", "copy", "-f", "mp4"] }], ...over }
})

describe("names", () => {
  const long = "x".repeat(256)
  const refused: ReadonlyArray<readonly [string, string]> = [
    ["", "file_name must not be empty"],
    [".", 'file_name must not be "." or ".."'],
    ["..", 'file_name must not be "." or ".."'],
    ["a/b.mp4", "file_name must not contain slashes or backslashes"],
    ["../b.mp4", "file_name must not contain slashes or backslashes"],
    ["a\\b.mp4", "file_name must not contain slashes or backslashes"],
    ["a\0.mp4", "file_name must not contain control characters"],
    ["a\n.mp4", "file_name must not contain control characters"],
    ["a\u007f.mp4", "file_name must not contain control characters"],
    ["a\ud800.mp4", "file_name must be well-formed Unicode"],
    [long, "file_name must be at most 255 characters and bytes long"],
    ["ü".repeat(128), "file_name must be at most 255 characters and bytes long"]
  ]
  it.each(refused)("%j is a 400", async (file_name, error) => {
    const reply = await host.call("POST", "/file", { body: { file_name } })
    expect([reply.status, reply.body]).toEqual([400, { ok: false, error }])
  })

  it.each(refused)("%j is no valid output either", async (file) => {
    const input = await host.uploaded("in.mp4", await clip())
    const reply = await host.call("POST", "/ffmpeg/process", { body: copying(input, file) })
    expect([reply.status, reply.body.error]).toEqual([
      400,
      expect.stringMatching(/^Invalid task format: task\.outputs\[0\]\.file must/)
    ])
  })

  const allowed = [
    "-x.mp4",
    "-i",
    "pipe:1",
    "concat:a|b",
    "file:a.mp4",
    "http:example.mp4",
    "a%03d.mp4",
    "%",
    "a b 'c' \"d\".mp4",
    "$(id);`id`&|<>*?.mp4",
    "[0:v]{}#!~.mp4",
    "é日本🎬.mp4",
    "...",
    ".hidden",
    "x".repeat(255)
  ]
  it.each(allowed)(
    "%j is valid: uploaded, listed, described, probed, processed and downloaded",
    async (name) => {
      const dir = await newDir()
      const content = await clip()
      const file = await host.uploaded(name, content, dir)
      expect(file).toBe(`${dir}/${name}`)
      expect(await namesIn(dir)).toEqual([name])
      expect((await host.call("GET", `/file/${path(dir, name)}`)).body.file_info).toMatchObject({
        file_path: file,
        file_size: content.length
      })
      const probe = await host.call("POST", "/ffprobe/analyze", {
        body: { file_path: file, probe: { format: ["filename"] } }
      })
      expect(probe.body.result).toEqual({ format: { filename: file } })
      const done = await host.call("POST", "/ffmpeg/process", { body: copying(file, "copy.mp4") })
      expect([done.status, done.body.result?.[0].file_name]).toEqual([200, "copy.mp4"])
      const { body } = await host.call("GET", `/file/download/${path(dir, name)}`)
      const got = await fetch(body.download.url)
      expect(Buffer.from(await got.arrayBuffer()).equals(content)).toBe(true)
    }
  )

  it.each(allowed.filter((name) => name.length < 255))("%j is a valid output", async (name) => {
    const input = await host.uploaded("in.mp4", await clip())
    const [dir = ""] = input.split("/")
    const done = await host.call("POST", "/ffmpeg/process", { body: copying(input, name) })
    expect([done.status, done.body.result?.map((file: { file_name: string }) => file.file_name)]).toEqual([
      200,
      [name]
    ])
    expect((await host.call("GET", `/file/${path(dir, name)}`)).body.file_info.file_size).toBe(
      done.body.result[0].size_bytes
    )
  })

  it("in two Unicode forms is one name", async () => {
    const dir = await newDir()
    await host.uploaded("cafe\u0301.mp4", "x", dir)
    expect((await host.call("GET", `/file/${path(dir, "caf\u00e9.mp4")}`)).status).toBe(200)
    expect(
      (await host.call("POST", "/file", { body: { file_name: "caf\u00e9.mp4", dir_id: dir } })).status
    ).toBe(400)
  })
})

describe("registration", () => {
  it("repeated before the upload gives a new URL, and both URLs upload the file", async () => {
    const { body: first } = await host.call("POST", "/file", { body: { file_name: "a.bin" } })
    const { status, body: second } = await host.call("POST", "/file", {
      body: { file_name: "a.bin", dir_id: first.file.dir_id }
    })
    expect([status, second.file]).toEqual([200, first.file])
    expect(second.upload.url).not.toBe(first.upload.url)
    for (const [url, content] of [
      [first.upload.url, "one"],
      [second.upload.url, "three"]
    ]) {
      expect((await host.call("PUT", url, { body: content, authorization: null })).status).toBe(200)
      expect((await host.call("GET", `/file/${first.file.file_path}`)).body.file_info.file_size).toBe(
        content.length
      )
    }
  })

  it("of a name that an upload or an output has is a 400", async () => {
    const input = await host.uploaded("in.mp4", await clip())
    const [dir = ""] = input.split("/")
    await host.call("POST", "/ffmpeg/process", { body: copying(input, "out.mp4") })
    for (const file_name of ["in.mp4", "out.mp4"]) {
      const reply = await host.call("POST", "/file", { body: { file_name, dir_id: dir } })
      const error = `A file named "${file_name}" exists in this directory already: delete it first or choose another file_name`
      expect([reply.status, reply.body]).toEqual([400, { ok: false, error }])
    }
  })

  it("without an upload is not found, with a hint for its owner only", async () => {
    const { body } = await host.call("POST", "/file", { body: { file_name: "a.mp4" } })
    const file = body.file.file_path
    const hint = [
      404,
      { ok: false, error: `File not found: "${file}" is registered but has not been uploaded yet` }
    ]
    for (const [method, route, json] of [
      ["GET", `/file/${file}`, undefined],
      ["GET", `/file/download/${file}`, undefined],
      ["POST", "/ffprobe/analyze", { file_path: file }],
      ["POST", "/ffmpeg/process", copying(file, "b.mp4")],
      ["POST", "/ffmpeg/process/async", copying(file, "b.mp4")]
    ] as const) {
      const reply = await host.call(method, route, { body: json })
      expect([reply.status, reply.body], route).toEqual(hint)
      const foreign = await host.call(method, route, { body: json, ...asBob })
      expect([foreign.status, foreign.body], route).toEqual(notFound)
    }
  })
})

describe("DELETE /file/{dirId}/{fileName}", () => {
  it("removes the file from every route, and its name can be used again", async () => {
    const file = await host.uploaded("video.mp4", await clip())
    const [dir = ""] = file.split("/")
    const link = (await host.call("GET", `/file/download/${file}`)).body.download.url
    const reply = await host.call("DELETE", `/file/${file}`)
    expect([reply.status, reply.body]).toEqual([200, { ok: true, deleted: { file_path: file } }])
    for (const [method, route] of [
      ["GET", `/file/${file}`],
      ["GET", `/file/download/${file}`],
      ["DELETE", `/file/${file}`]
    ] as const) {
      const gone = await host.call(method, route)
      expect([gone.status, gone.body], route).toEqual(notFound)
    }
    expect(await namesIn(dir)).toEqual([])
    expect((await fetch(link)).status).toBe(404)
    await host.uploaded("video.mp4", "new", dir)
    expect((await host.call("GET", `/file/${file}`)).body.file_info.file_size).toBe(3)
  })

  it("deletes a registration without an upload: its URL becomes invalid, and its name can be used again", async () => {
    const register = async () =>
      (await host.call("POST", "/file", { body: { file_name: "a.mp4", dir_id: dir } })).body.upload.url
    const dir = await newDir()
    const url = await register()
    const foreign = await host.call("DELETE", `/file/${dir}/a.mp4`, asBob)
    expect([foreign.status, foreign.body]).toEqual(notFound)
    const reply = await host.call("DELETE", `/file/${dir}/a.mp4`)
    expect([reply.status, reply.body]).toEqual([200, { ok: true, deleted: { file_path: `${dir}/a.mp4` } }])
    for (const method of ["GET", "DELETE"]) {
      const gone = await host.call(method, `/file/${dir}/a.mp4`)
      expect([gone.status, gone.body]).toEqual(notFound)
    }
    expect((await host.call("PUT", url, { body: "x", authorization: null })).status).toBe(403)
    expect(await namesIn(dir)).toEqual([])
    const again = await register()
    expect((await host.call("PUT", url, { body: "x", authorization: null })).status).toBe(403)
    expect((await host.call("PUT", again, { body: "x", authorization: null })).status).toBe(200)
    expect(await namesIn(dir)).toEqual(["a.mp4"])
  })

  it("of another owner's file is a 404, and the file stays", async () => {
    const file = await host.uploaded("video.mp4", "x")
    const reply = await host.call("DELETE", `/file/${file}`, asBob)
    expect([reply.status, reply.body]).toEqual(notFound)
    expect((await host.call("GET", `/file/${file}`)).status).toBe(200)
  })

  it("while a job waits for it removes the file from listings, and the job completes", async () => {
    await using one = await startHost({ slots: 1 })
    const file = await one.uploaded("in.mp4", await clip())
    const [dir = ""] = file.split("/")
    const first = {
      inputs: [{ file_path: file, options: ["-re", "-stream_loop", "1"] }],
      outputs: [{ file: "first.mp4" }]
    }
    const ids: Array<string> = []
    for (const task of [first, copying(file, "second.mp4").task]) {
      ids.push((await one.call("POST", "/ffmpeg/process/async", { body: { task } })).body.job_id)
    }
    expect((await one.call("DELETE", `/file/${file}`)).status).toBe(200)
    expect((await one.call("GET", `/directory/${dir}`)).body.files).toEqual([])
    expect((await one.call("GET", `/job/${ids[1]}`)).body.status).toBe("pending")
    for (const id of ids) expect((await one.ended(id)).body.status).toBe("completed")
  })
})

describe("an output", () => {
  it("with the name of an earlier output replaces it, only when it succeeds", async () => {
    const input = await host.uploaded("in.mp4", await clip())
    const [dir = ""] = input.split("/")
    const size = async () => (await host.call("GET", `/file/${dir}/out.mp4`)).body.file_info.file_size
    const first = await host.call("POST", "/ffmpeg/process", { body: copying(input, "out.mp4") })
    expect(await size()).toBe(first.body.result[0].size_bytes)
    const failing = {
      task: {
        inputs: [{ file_path: input }],
        outputs: [{ file: "out.mp4", options: ["-preset", "nonsense"] }]
      }
    }
    expect((await host.call("POST", "/ffmpeg/process", { body: failing })).status).toBe(500)
    expect(await size()).toBe(first.body.result[0].size_bytes)
    const shorter = {
      task: { inputs: [{ file_path: input, options: ["-t", "0.3"] }], outputs: [{ file: "out.mp4" }] }
    }
    const second = await host.call("POST", "/ffmpeg/process", { body: shorter })
    expect(second.body.result[0].size_bytes).not.toBe(first.body.result[0].size_bytes)
    expect(await size()).toBe(second.body.result[0].size_bytes)
    expect(await namesIn(dir)).toEqual(["in.mp4", "out.mp4"])
  })

  it.each<[string, (dir: string) => object, string]>([
    [
      "an upload",
      () => ({ outputs: [{ file: "other.mp4" }] }),
      'output "other.mp4" is named like an existing file'
    ],
    [
      "an input of the task",
      () => ({ outputs: [{ file: "in.mp4" }] }),
      'output "in.mp4" is named like an input of the same directory'
    ],
    [
      "another output",
      () => ({ outputs: [{ file: "a.mp4" }, { file: "a.mp4" }] }),
      'two outputs are named "a.mp4"'
    ]
  ])("with the name of %s is a 400, and no job is made", async (_, over, sentence) => {
    const input = await host.uploaded("in.mp4", await clip())
    const [dir = ""] = input.split("/")
    await host.uploaded("other.mp4", "x", dir)
    const jobs = host.jobs.length
    for (const route of ["/ffmpeg/process", "/ffmpeg/process/async"]) {
      const reply = await host.call("POST", route, {
        body: { task: { ...copying(input, "x").task, ...over(dir) } }
      })
      expect([reply.status, reply.body.error]).toEqual([
        400,
        expect.stringContaining(`Invalid task format: ${sentence}`)
      ])
    }
    expect(host.jobs.length).toBe(jobs)
  })

  it("goes to output_dir_id if given, under any name that is free there", async () => {
    const input = await host.uploaded("in.mp4", await clip())
    const [dir = ""] = input.split("/")
    const other = await newDir()
    const reply = await host.call("POST", "/ffmpeg/process", {
      body: copying(input, "in.mp4", { output_dir_id: other })
    })
    expect(reply.status).toBe(200)
    expect([await namesIn(dir), await namesIn(other)]).toEqual([["in.mp4"], ["in.mp4"]])
    const foreign = (await host.call("POST", "/directory", { body: {}, ...asBob })).body.directory.id
    for (const dirId of [foreign, "dir_none"]) {
      const refused = await host.call("POST", "/ffmpeg/process", {
        body: copying(input, "x.mp4", { output_dir_id: dirId })
      })
      expect([refused.status, refused.body]).toEqual([404, { ok: false, error: "Directory not found" }])
    }
  })

  it("of inputs from two directories is a 400, also with output_dir_id", async () => {
    const [a, b] = [await host.uploaded("a.mp4", await clip()), await host.uploaded("b.mp4", await clip())]
    const inputs = [{ file_path: a }, { file_path: b }]
    for (const over of [{}, { output_dir_id: a.split("/")[0] }]) {
      const reply = await host.call("POST", "/ffmpeg/process", {
        body: { task: { inputs, outputs: [{ file: "c.mp4" }], ...over } }
      })
      expect([reply.status, reply.body.error]).toEqual([
        400,
        expect.stringContaining("all input files must be in the same directory")
      ])
    }
  })
})
