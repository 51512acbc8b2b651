import { connect } from "node:net"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { clip, type Host, startHost } from "./host.suite.js"

/** Outputs of many files, and playlists that play from their signed URLs. */

let host: Host
let input: string
beforeAll(async () => {
  host = await startHost()
  input = await host.uploaded("input.mp4", await clip())
})
afterAll(() => host.close())

interface Listed {
  readonly file_name: string
  readonly download_url: string
}

/** Runs one task on the clip (1 s, 10 frames a second, with sound). Returns its results in order. */
const made = async (output: object, over: object = {}): Promise<ReadonlyArray<Listed>> => {
  const { body } = await host.call("POST", "/directory", { body: {} })
  const task = {
    inputs: [{ file_path: input }],
    outputs: [output],
    output_dir_id: body.directory.id,
    ...over
  }
  const reply = await host.call("POST", "/ffmpeg/process", { body: { task } })
  expect(reply.body).toMatchObject({ ok: true })
  return reply.body.result
}

const names = (files: ReadonlyArray<Listed>) => files.map(({ file_name }) => file_name)
const urlOf = (files: ReadonlyArray<Listed>, name: string) =>
  files.find(({ file_name }) => file_name === name)?.download_url as string
/** The URL of the file that a playlist calls `name`. */
const beside = (url: string, name: string) => url.replace(/[^/]*$/, name)

/** What ffmpeg reads when it plays a URL to its end. */
const played = async (url: string) => {
  const input = ["-xerror", "-protocol_whitelist", "http,tcp", "-i", url]
  const { stdout } = await execa(
    "ffmpeg",
    ["-v", "error", ...input, "-map", "0:v:0", "-map", "0:a:0", "-f", "framecrc", "-"],
    {
      stdin: "ignore"
    }
  )
  const count = (stream: number) => stdout.split("\n").filter((line) => line.startsWith(`${stream},`)).length
  return { pictures: count(0), sound: count(1) }
}
/** A second of 10 pictures, and of 44100 samples in frames of 1024. */
const whole = { pictures: 10, sound: expect.closeTo(44, -0.9) }

/** Some builds of ffmpeg lack this demuxer. */
const readsDash = async () => (await execa("ffmpeg", ["-hide_banner", "-demuxers"])).stdout.includes(" dash ")

const segments = ["-g", "4", "-hls_time", "0.4", "-hls_list_size", "0"]

describe("a playlist plays from its signed URL", () => {
  it("HLS", async () => {
    const files = await made({ file: "list.m3u8", options: segments })
    expect(names(files)).toEqual(["list.m3u8", "list0.ts", "list1.ts", "list2.ts"])
    const url = urlOf(files, "list.m3u8")
    const reply = await fetch(url)
    expect(reply.headers.get("content-type")).toBe("application/vnd.apple.mpegurl")
    expect((await reply.text()).match(/^[^#].*/gm)).toEqual(["list0.ts", "list1.ts", "list2.ts"])
    expect(await played(url)).toEqual(whole)
    const part = await fetch(beside(url, "list1.ts"), { headers: { range: "bytes=0-3" } })
    expect([part.status, part.headers.get("content-type"), (await part.arrayBuffer()).byteLength]).toEqual([
      206,
      "video/mp2t",
      4
    ])
  })

  it("HLS with custom names for the segments", async () => {
    const files = await made({
      file: "list.m3u8",
      options: [...segments, "-hls_segment_filename", "part%03d.ts"]
    })
    expect(names(files)).toEqual(["list.m3u8", "part000.ts", "part001.ts", "part002.ts"])
    expect(await played(urlOf(files, "list.m3u8"))).toEqual(whole)
  })

  it("HLS of fragmented MP4, with its init file", async () => {
    const files = await made({ file: "list.m3u8", options: [...segments, "-hls_segment_type", "fmp4"] })
    expect(names(files)).toEqual(["list.m3u8", "init.mp4", "list0.m4s", "list1.m4s", "list2.m4s"])
    expect(await played(urlOf(files, "list.m3u8"))).toEqual(whole)
  })

  it("HLS of one file and byte ranges", async () => {
    const files = await made({ file: "list.m3u8", options: [...segments, "-hls_flags", "single_file"] })
    expect(names(files)).toEqual(["list.m3u8", "list.ts"])
    expect(await played(urlOf(files, "list.m3u8"))).toEqual(whole)
  })

  it("HLS of two variants", async () => {
    const options = [...segments, "-var_stream_map", "v:0,a:0 v:1,a:1", "-hls_segment_filename", "v%v_%d.ts"]
    const files = await made({ file: "v%v.m3u8", options, maps: ["0:v", "0:a", "0:v", "0:a"] })
    expect(names(files).slice(0, 2)).toEqual(["v0.m3u8", "v1.m3u8"])
    for (const name of ["v0.m3u8", "v1.m3u8"]) expect(await played(urlOf(files, name))).toEqual(whole)
  })

  it("DASH, and the HLS playlists beside it", async () => {
    const options = ["-g", "4", "-seg_duration", "0.4", "-hls_playlist", "1"]
    const files = await made({ file: "film.mpd", options })
    expect(names(files)[0]).toBe("film.mpd")
    expect(names(files)).toEqual(
      expect.arrayContaining(["master.m3u8", "media_0.m3u8", "init-stream0.m4s", "chunk-stream0-00001.m4s"])
    )
    const url = urlOf(files, "film.mpd")
    expect(await (await fetch(url)).text()).not.toContain("../")
    if (await readsDash()) expect(await played(url)).toEqual(whole)
    expect(await played(urlOf(files, "master.m3u8"))).toEqual(whole)
    expect((await fetch(beside(url, "init-stream0.m4s"))).headers.get("content-type")).toBe(
      "video/iso.segment"
    )
  })

  it("also from GET /file/download, and under a prefix", async () => {
    await using mounted = await startHost({ mount: "/v1" })
    const path = await mounted.uploaded("input.mp4", await clip())
    const [dir] = path.split("/")
    const task = { inputs: [{ file_path: path }], outputs: [{ file: "my list.m3u8", options: segments }] }
    expect((await mounted.call("POST", "/ffmpeg/process", { body: { task } })).status).toBe(200)
    const { body } = await mounted.call("GET", `/file/download/${dir}/my%20list.m3u8`)
    expect(body.download.url).toContain("/v1/blob/")
    expect(await played(body.download.url)).toEqual(whole)
  })
})

describe("a playlist's signed URL", () => {
  let files: ReadonlyArray<Listed>
  let url: string
  beforeAll(async () => {
    files = await made({ file: "list.m3u8", options: segments })
    url = urlOf(files, "list.m3u8")
  })
  const status = async (address: string, method = "GET") => (await fetch(address, { method })).status
  /** Sends the path unchanged; `fetch` would normalize it. */
  const raw = async (path: string) => {
    const { port, hostname } = new URL(host.url)
    const socket = connect(Number(port), hostname)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const answer = Buffer.concat(await socket.toArray()).toString()
    return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
  }

  it("reads the files of the same output by their names", async () => {
    expect(await status(beside(url, "list0.ts"))).toBe(200)
    expect(await status(beside(url, "list0.ts"), "HEAD")).toBe(200)
    expect(await status(beside(url, "%6cist0.ts?x=1#y"))).toBe(200)
    expect(await status(beside(url, "none.ts"))).toBe(404)
    expect(await status(beside(url, "list0.ts"), "PUT")).toBe(403)
  })

  it("reads no file of another slot or directory", async () => {
    const token = new URL(url).pathname.split("/")[2] as string
    const [dir, name] = input.split("/")
    for (const path of [
      "..",
      ".",
      "",
      "%2e%2e",
      "a%2Fb",
      "..%2f..%2f",
      "%00",
      "%ff",
      "%5c",
      "input.mp4",
      encodeURIComponent(`../../${dir}/${name}`)
    ]) {
      const answered = await raw(`/blob/${token}/${path}`)
      if (path === "") expect(answered).toBe(200)
      else expect([400, 403, 404], path).toContain(answered)
    }
    expect(await raw(`/blob/${token}/x/../../list0.ts`)).toBe(404)
    expect(await raw(`/blob/${token}/list0.ts/..`)).toBe(404)
  })

  it("of a file that is no playlist opens no other file", async () => {
    const segment = urlOf(files, "list0.ts")
    expect(await status(segment)).toBe(200)
    expect(await status(segment.replace(/\/[^/]*$/, ""))).toBe(200)
    for (const name of ["list1.ts", "list.m3u8", "none", "%2e%2e%2fx"]) {
      const reply = await fetch(beside(segment, name))
      expect([reply.status, await reply.json()]).toEqual([
        403,
        { ok: false, error: "Download URL expired or invalid: request a new one" }
      ])
    }
  })

  it("becomes invalid by any change", async () => {
    expect(await status(url.replace("/blob/", "/blob/x"))).toBe(403)
  })

  it("does not read a deleted file", async () => {
    const own = await made({ file: "gone.m3u8", options: segments })
    const { download_url } = own[0] as Listed
    const listed = (await host.call("GET", "/directory")).body.directories as ReadonlyArray<{ id: string }>
    const paths = listed.map(({ id }) => `/file/${id}/gone1.ts`)
    const deleted = await Promise.all(paths.map((path) => host.call("DELETE", path)))
    expect(deleted.map((reply) => reply.status).filter((each) => each === 200)).toHaveLength(1)
    expect(await status(beside(download_url, "gone1.ts"))).toBe(404)
    expect(await status(beside(download_url, "gone0.ts"))).toBe(200)
  })
})

describe("every file is listed, the named output's file first", () => {
  it.each([
    [
      "pictures",
      { file: "f%03d.png" },
      Array.from({ length: 10 }, (_, index) => `f${String(index + 1).padStart(3, "0")}.png`)
    ],
    [
      "pictures with a percent sign",
      { file: "5%%-%d.jpg", options: ["-frames:v", "2"] },
      ["5%-1.jpg", "5%-2.jpg"]
    ],
    [
      "segments",
      { file: "s%d.mkv", options: ["-g", "4", "-f", "segment", "-segment_time", "0.4"] },
      ["s0.mkv", "s1.mkv", "s2.mkv"]
    ],
    [
      "a name with a pattern that no muxer reads",
      { file: "a%03d.mp4", options: ["-c", "copy"] },
      ["a%03d.mp4"]
    ],
    ["a picture with a percent sign", { file: "100%.png", options: ["-frames:v", "1"] }, ["100%.png"]]
  ])("%s", async (_, output, expected) => {
    const files = await made(output)
    expect(names(files)).toEqual(expected)
    for (const { download_url } of files)
      expect((await fetch(download_url, { method: "HEAD" })).status).toBe(200)
  })

  it.each([
    ["/etc/x%d.ts"],
    ["../x.ts"],
    ["a/b.ts"],
    ["pipe:1"],
    ["a|b"],
    ["a%s.ts"],
    ["a%"],
    [""],
    ["tcp://127.0.0.1:1/x"]
  ])("a segment name that is not a plain name is a 400: %j", async (name) => {
    const outputs = [{ file: "list.m3u8", options: ["-hls_segment_filename", name] }]
    const { status, body } = await host.call("POST", "/ffmpeg/process", {
      body: { task: { inputs: [{ file_path: input }], outputs } }
    })
    expect([status, body.error]).toEqual([
      400,
      expect.stringContaining(
        "task.outputs[0].options: the value of -hls_segment_filename must be a file name alone"
      )
    ])
  })

  it.each([
    ["alone", [{ file: "-", options: ["-f", "null"] }], []],
    ["named like the input", [{ file: "clip.mp4", options: ["-f", "null"] }], []],
    [
      "beside a file",
      [
        { file: "-", options: ["-f", "null"] },
        { file: "a.mp4", options: ["-c", "copy"] }
      ],
      ["a.mp4"]
    ],
    [
      "for the first of two passes",
      [{ file: "-", options: ["-an", "-c:v", "libx264", "-b:v", "40k", "-pass", "1", "-f", "null"] }],
      ["ffmpeg2pass-0.log", "ffmpeg2pass-0.log.mbtree"]
    ]
  ])("an output of -f null %s completes without a file", async (_, outputs, expected) => {
    const task = { inputs: [{ file_path: input }], outputs }
    const { status, body } = await host.call("POST", "/ffmpeg/process", { body: { task } })
    expect([status, body.ok, names(body.result)]).toEqual([200, true, expected])
  })

  it.each([
    [
      "several frames for one picture",
      { file: "a.jpg" },
      /several frames for one picture: use -frames:v 1 .* a name with a pattern/
    ]
  ])("%s is a 500 with advice", async (_, output, says) => {
    const { status, body } = await host.call("POST", "/ffmpeg/process", {
      body: { task: { inputs: [{ file_path: input }], outputs: [output] } }
    })
    expect([status, body.error]).toEqual([500, expect.stringMatching(says)])
  })
})
