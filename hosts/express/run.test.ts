import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { execa } from "execa"
import express from "express"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { Storage } from "../../core/ports/storage.js"
import { aliceKey, clip, type Host, startHost } from "./host.suite.js"

/** The deprecated `POST /ffmpeg/run`, over real HTTP and with curl as its users call it. */

let host: Host
let folder: string
let video: Buffer
beforeAll(async () => {
  host = await startHost()
  folder = await mkdtemp(join(tmpdir(), "ffkiln-run-"))
  video = await clip()
  await writeFile(join(folder, "input.mp4"), video)
})
afterAll(async () => {
  await host.close()
  await rm(folder, { recursive: true })
})

const task = (input: string, over: object = {}) => ({
  inputs: [{ file_path: input }],
  outputs: [{ file: "out.mp4", options: ["-crf", "28"] }],
  ...over
})
const deprecation = (headers: Headers) => ["deprecation", "sunset", "link"].map((name) => headers.get(name))
const announced = [
  "@1756684800",
  "Sat, 28 Feb 2026 00:00:00 GMT",
  '</ffmpeg/process>; rel="successor-version"'
]

type Field = readonly [name: string, value: string | Uint8Array, fileName?: string]

const run = async (on: Host, fields: ReadonlyArray<Field>, authorization = aliceKey) => {
  const form = new FormData()
  for (const [name, value, fileName] of fields) {
    if (typeof value === "string" && fileName === undefined) form.append(name, value)
    else form.append(name, new Blob([value as string]), fileName)
  }
  const { body, headers } = await encoded(form)
  return on.call("POST", "/ffmpeg/run", { body, headers, authorization })
}

const encoded = async (form: FormData) => {
  const request = new Request("http://localhost", { method: "POST", body: form })
  return {
    body: new Uint8Array(await request.arrayBuffer()),
    headers: { "content-type": request.headers.get("content-type") ?? "" }
  }
}

/** The stored and the visible files of a key: both empty when a refused call left nothing. */
const left = async (on: Host, authorization = aliceKey) => {
  const { body } = await on.call("GET", "/directory", { authorization })
  const listings = await Promise.all(
    body.directories.map(
      async ({ id }: { id: string }) =>
        (await on.call("GET", `/directory/${id}`, { authorization })).body.files
    )
  )
  const blobs = await on.instance.run(
    Effect.flatMap(Storage, (storage) => Stream.runCollect(storage.list("")))
  )
  return [
    listings.flatMap((files) => (files.length === 0 ? ["an empty directory"] : files)),
    blobs._tag === "Success" ? [...blobs.value].map(({ key }) => key) : blobs.cause
  ]
}

describe("with curl -F", () => {
  const curl = async (...args: ReadonlyArray<string>) => {
    const { stdout } = await execa(
      "curl",
      ["-sS", "-i", "--noproxy", "*", "-H", `Authorization: ${aliceKey}`, ...args, `${host.url}/ffmpeg/run`],
      { cwd: folder }
    )
    const [head = "", body = ""] = stdout.split("\r\n\r\n").slice(-2)
    return { head, body: JSON.parse(body) }
  }

  it("accepts pictures of a sequence by their pattern, more than the limit of inputs", async () => {
    const source = ["-f", "lavfi", "-i", "testsrc2=s=32x32:r=10:d=7"]
    await execa("ffmpeg", ["-v", "error", ...source, "-start_number", "0", "img%03d.png"], {
      cwd: folder,
      stdin: "ignore"
    })
    const fields = Array.from({ length: 70 }, (_, number) => [
      "-F",
      `p${number}=@img${`${number}`.padStart(3, "0")}.png`
    ]).flat()
    const frames = ["-f", "framecrc", "-bitexact"]
    for (const [file_path, options] of [
      ["img%03d.png", []],
      ["img*.png", ["-pattern_type", "glob"]]
    ] as const) {
      const { stdout } = await execa("ffmpeg", ["-v", "error", ...options, "-i", file_path, ...frames, "-"], {
        cwd: folder,
        stdin: "ignore"
      })
      const command = { inputs: [{ file_path, options }], outputs: [{ file: "out.crc", options: frames }] }
      const { body } = await curl("-F", `command=${JSON.stringify(command)}`, ...fields)
      expect(body).toMatchObject({ ok: true })
      expect((await (await fetch(body.result[0].download_url)).text()).trim()).toBe(stdout)
    }
    const { body } = await curl("-F", `command=${JSON.stringify(task("pic%03d.png"))}`, ...fields.slice(0, 2))
    expect(body.error).toContain(
      'no file is named "pic%03d.png", nor as a picture of that sequence, such as "pic000.png"'
    )
  })

  it.each([
    ["a file by its name", "input.mp4", ["-F", "video=@input.mp4"]],
    ["a file by its field", "video", ["-F", "video=@input.mp4"]],
    ["a file named anew", "ünï.mp4", ["-F", "video=@input.mp4;filename=ünï.mp4;type=video/mp4"]]
  ])("accepts %s, and responds as /ffmpeg/process", async (_, name, fields) => {
    const { head, body } = await curl("-F", `command=${JSON.stringify({ task: task(name) })}`, ...fields)
    expect(body).toEqual({
      ok: true,
      result: [
        {
          file_name: "out.mp4",
          size_bytes: expect.any(Number),
          download_url: expect.stringContaining(`${host.url}/blob/`)
        }
      ],
      usage: {
        time_sec: expect.any(Number),
        input_size_gb: expect.any(Number),
        output_size_gb: expect.any(Number),
        gb_sec: expect.any(Number)
      }
    })
    expect(head).toMatch(/^HTTP\/1\.1 200 /m)
    const id = /^x-job-id: (\S+)$/im.exec(head)?.[1]
    expect((await host.call("GET", `/job/${id}`)).body.result[0].size_bytes).toBe(body.result[0].size_bytes)
    const download = await fetch(body.result[0].download_url)
    expect((await download.arrayBuffer()).byteLength).toBe(body.result[0].size_bytes)
  })

  it("accepts the plain task, from a file, after the other files", async () => {
    await writeFile(join(folder, "task.json"), JSON.stringify(task("input.mp4")))
    const { body } = await curl("-F", "video=@input.mp4", "-F", "command=<task.json")
    expect(body).toMatchObject({ ok: true, result: [{ file_name: "out.mp4" }] })
    expect((await curl("-F", "video=@input.mp4", "-F", "command=@task.json")).body).toMatchObject({
      ok: true
    })
  })
})

describe("inputs", () => {
  it("are files of the form, several of one field by their names, or stored files", async () => {
    const two = {
      inputs: [{ file_path: "a.mp4" }, { file_path: "b.mp4" }],
      outputs: [{ file: "c.mkv", maps: ["0:v", "1:a"] }]
    }
    const both: ReadonlyArray<Field> = [
      ["files[]", video, "a.mp4"],
      ["files[]", video, "b.mp4"],
      ["command", JSON.stringify(two)]
    ]
    expect((await run(host, both)).body).toMatchObject({ ok: true, result: [{ file_name: "c.mkv" }] })
    const path = await host.uploaded("stored.mp4", video)
    expect((await run(host, [["command", JSON.stringify({ task: task(path) })]])).body).toMatchObject({
      ok: true
    })
    expect((await host.call("GET", `/file/${path.split("/")[0]}/out.mp4`)).status).toBe(200)
  })

  it("are in one new directory of the caller, with the output", async () => {
    await using on = await startHost()
    const { body } = await run(on, [
      ["f", video, "a.mp4"],
      ["command", JSON.stringify(task("f"))]
    ])
    expect(body.ok).toBe(true)
    const { body: listed } = await on.call("GET", "/directory")
    expect(listed.directories).toHaveLength(1)
    const files = (await on.call("GET", `/directory/${listed.directories[0].id}`)).body.files
    expect(files.map((file: { file_name: string }) => file.file_name)).toEqual(["a.mp4", "out.mp4"])
  })

  it("stay when ffmpeg fails, since the job was accepted", async () => {
    await using on = await startHost()
    const bad = task("f", { outputs: [{ file: "out.mp4", options: ["-preset", "nonsense"] }] })
    const { status, headers } = await run(on, [
      ["f", video, "a.mp4"],
      ["command", JSON.stringify(bad)]
    ])
    expect(status).toBe(500)
    expect((await on.call("GET", `/job/${headers.get("x-job-id")}`)).body.status).toBe("failed")
    expect((await left(on))[0]).toEqual([expect.objectContaining({ file_name: "a.mp4" })])
  })
})

describe("a refused form leaves nothing", () => {
  const ok = JSON.stringify(task("a.mp4"))
  const file: Field = ["f", "0123456789", "a.mp4"]
  let strict: Host
  beforeAll(async () => {
    strict = await startHost({
      slots: 0,
      limits: { inputs: 2, sequenceFiles: 2, uploadBytes: 100, jsonBytes: 2000 }
    })
  })
  afterAll(() => strict.close())

  it.each<readonly [string, ReadonlyArray<Field>, number, RegExp]>([
    ["no command", [file], 400, /^The field "command" is missing/],
    ["two commands", [["command", ok], file, ["command", ok]], 400, /^The field "command" came twice/],
    ["a command that is no JSON", [file, ["command", "{"]], 400, /^The field "command" is not valid JSON$/],
    [
      "a command that is a list",
      [file, ["command", "[]"]],
      400,
      /^The field "command" must be a JSON object/
    ],
    ["an empty task", [file, ["command", "{}"]], 400, /^Invalid task format: task.inputs is required$/],
    [
      "no outputs",
      [file, ["command", '{"inputs":[{"file_path":"a.mp4"}]}']],
      400,
      /^Invalid task format: task.outputs is required$/
    ],
    [
      "an unknown name",
      [file, ["command", JSON.stringify(task("b.mp4"))]],
      400,
      /task\.inputs\[0\]\.file_path must be the name or field/
    ],
    [
      "a field of two files",
      [file, ["f", "x", "b.mp4"], ["command", JSON.stringify(task("f"))]],
      400,
      /name or field of one file/
    ],
    [
      "two directories",
      [
        file,
        [
          "command",
          JSON.stringify({ ...task("f"), inputs: [{ file_path: "f" }, { file_path: "dir_x/b.mp4" }] })
        ]
      ],
      400,
      /same directory/
    ],
    [
      "an option that is refused",
      [file, ["command", JSON.stringify(task("f", { outputs: [{ file: "o.mp4", options: ["-report"] }] }))]],
      400,
      /-report/
    ],
    [
      "an output named like an input",
      [file, ["command", JSON.stringify(task("f", { outputs: [{ file: "a.mp4" }] }))]],
      400,
      /named like an input/
    ],
    [
      "two files of one name",
      [file, ["g", "x", "a.mp4"], ["command", ok]],
      400,
      /^Two files are named "a.mp4"/
    ],
    [
      "a name with a slash",
      [
        ["f", "x", "../a.mp4"],
        ["command", ok]
      ],
      400,
      /^The name of the file in the field "f" must not contain slashes/
    ],
    [
      "a name that is too long",
      [
        ["f", "x", "a".repeat(256)],
        ["command", ok]
      ],
      400,
      /at most 255/
    ],
    [
      "too many files",
      [file, ["g", "x", "b"], ["h", "x", "c"], ["command", ok]],
      400,
      /at most 2 are allowed/
    ],
    [
      "a file that is too large",
      [
        ["f", "x".repeat(101), "a.mp4"],
        ["command", ok]
      ],
      413,
      /^The file "a.mp4" is too large: at most 100 bytes/
    ],
    [
      "a command that is too large",
      [file, ["command", " ".repeat(2001)]],
      413,
      /^The field "command" is too large: at most 2000 bytes/
    ],
    [
      "a directory that is not there",
      [["command", JSON.stringify(task("dir_x/a.mp4"))]],
      404,
      /^File not found/
    ]
  ])("%s", async (_, fields, status, error) => {
    const reply = await run(strict, fields)
    expect([reply.status, reply.body]).toEqual([status, { ok: false, error: expect.stringMatching(error) }])
    expect(deprecation(reply.headers)).toEqual(announced)
    expect(await left(strict)).toEqual([[], []])
  })

  it.each([
    ["JSON", { "content-type": "application/json" }, '{"task":{}}', /multipart\/form-data/],
    [
      "a form of another kind",
      { "content-type": "application/x-www-form-urlencoded" },
      "command={}",
      /multipart\/form-data/
    ],
    ["no boundary", { "content-type": "multipart/form-data" }, "x", /no boundary/],
    [
      "another boundary",
      { "content-type": "multipart/form-data; boundary=a" },
      "--b\r\n\r\n\r\n--b--\r\n",
      /cut off/
    ],
    [
      "half a form",
      { "content-type": "multipart/form-data; boundary=a" },
      '--a\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx',
      /cut off/
    ],
    ["nothing", { "content-type": "multipart/form-data; boundary=a" }, "", /cut off/]
  ])("%s", async (_, headers, body, error) => {
    const reply = await strict.call("POST", "/ffmpeg/run", { headers, body })
    expect([reply.status, reply.body]).toEqual([400, { ok: false, error: expect.stringMatching(error) }])
    expect(deprecation(reply.headers)).toEqual(announced)
    expect(await left(strict)).toEqual([[], []])
  })

  it("one without a key, before its bytes are read", async () => {
    await using on = await startHost({ slots: 0 })
    const reply = await run(on, [file, ["command", ok]], "Basic bm9wZTpub3Bl")
    expect([reply.status, reply.body, deprecation(reply.headers)]).toEqual([
      401,
      { ok: false, error: "Invalid API key" },
      announced
    ])
    expect(await left(on)).toEqual([[], []])
  })

  it("one over the quota of jobs, before its bytes are read", async () => {
    await using on = await startHost({ slots: 0 })
    const key = await on.keyWith({ jobsPerMonth: 0 })
    // The body never ends: a response can only depend on the headers.
    const endless = connect(on.port, "127.0.0.1")
    endless.write(
      `POST /ffmpeg/run HTTP/1.1\r\nHost: x\r\nAuthorization: ${key}\r\nContent-Type: multipart/form-data; boundary=a\r\nContent-Length: 1000000\r\n\r\n`
    )
    const answer = await new Promise<string>((resolve) => {
      let text = ""
      endless.on("data", (piece) => {
        text += piece
        if (text.includes("}")) resolve(text)
      })
    })
    endless.destroy()
    expect(answer).toMatch(/^HTTP\/1\.1 403 /)
    expect(answer).toContain('{"ok":false,"error":"Quota exceeded: 0 jobs a month are allowed')
    expect(await left(on, key)).toEqual([[], []])
  })

  it("one with more bytes than the quota has left", async () => {
    await using on = await startHost({ slots: 0 })
    const key = await on.keyWith({ storedBytes: 15 })
    const reply = await run(on, [file, ["g", "0123456789", "b.mp4"], ["command", ok]], key)
    const sentence = "Quota exceeded: 15 stored bytes are allowed, 10 are stored, and this does not fit"
    expect([reply.status, reply.body.error]).toEqual([403, expect.stringContaining(sentence)])
    expect(await left(on, key)).toEqual([[], []])
  })

  it("one whose client disconnects in the middle of a file", async () => {
    await using on = await startHost({ slots: 0 })
    const client = connect(on.port, "127.0.0.1")
    client.write(
      `POST /ffmpeg/run HTTP/1.1\r\nHost: x\r\nAuthorization: ${aliceKey}\r\nContent-Type: multipart/form-data; boundary=a\r\nContent-Length: 1000000\r\n\r\n` +
        `--a\r\nContent-Disposition: form-data; name="f"; filename="whole.mp4"\r\n\r\nwhole\r\n` +
        `--a\r\nContent-Disposition: form-data; name="g"; filename="part.mp4"\r\n\r\npart`
    )
    await vi.waitFor(async () => expect((await left(on))[1]).toHaveLength(1), 10_000)
    client.destroy()
    await vi.waitFor(async () => expect(await left(on)).toEqual([[], []]), 10_000)
  })

  it("one whose client disconnects while its job waits ends that job", async () => {
    await using on = await startHost({ slots: 0 })
    const disconnected = new AbortController()
    const form = new FormData()
    form.append("command", ok)
    form.append("f", new Blob([video]), "a.mp4")
    const call = fetch(`${on.url}/ffmpeg/run`, {
      method: "POST",
      headers: { authorization: aliceKey },
      body: form,
      signal: disconnected.signal
    })
    await vi.waitFor(() => expect(on.jobs).toHaveLength(1), 10_000)
    disconnected.abort()
    await expect(call).rejects.toThrow()
    await vi.waitFor(
      async () => expect((await on.call("GET", `/job/${on.jobs[0]}`)).body.cancelled).toBe(true),
      10_000
    )
  })
})

describe("the route", () => {
  it("announces its end in every response, also to a wrong method and below a prefix", async () => {
    await using on = await startHost({ slots: 0, mount: "/v1" })
    const get = await on.call("GET", "/ffmpeg/run")
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"])
    expect(deprecation(get.headers)).toEqual([
      announced[0],
      announced[1],
      '</v1/ffmpeg/process>; rel="successor-version"'
    ])
    expect(deprecation((await on.call("GET", "/ffmpeg/process")).headers)).toEqual([null, null, null])
  })

  it("disabled is a 404 that names its replacement, with and without a key, for any method", async () => {
    await using on = await startHost({ slots: 0, legacyRun: false })
    const body = {
      ok: false,
      error: "No such endpoint: POST /ffmpeg/run is disabled on this server, use POST /ffmpeg/process"
    }
    expect(await run(on, [["command", "{}"]])).toMatchObject({ status: 404, body })
    expect(await on.call("POST", "/ffmpeg/run", { authorization: null })).toMatchObject({ status: 404, body })
    const get = await fetch(`${on.url}/ffmpeg/run`)
    expect([get.status, await get.json(), deprecation(get.headers)]).toEqual([404, body, announced])
  })

  it("reads what express.raw has read, and gives advice for other parsers", async () => {
    await using raw = await startHost({ before: [express.raw({ type: () => true, limit: "1mb" })] })
    expect(
      (
        await run(raw, [
          ["f", video, "a.mp4"],
          ["command", JSON.stringify(task("f"))]
        ])
      ).body.ok
    ).toBe(true)
    await using text = await startHost({
      slots: 0,
      before: [express.text({ type: () => true, limit: "1mb" })]
    })
    expect((await run(text, [["command", "{}"]])).body.error).toContain(
      "mount ffkiln before its body parsers"
    )
  })
})
