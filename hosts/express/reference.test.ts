import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { aliceKey, type Host, startHost } from "./host.suite.js"

/**
 * The samples of the reference, to the letter: its curl lines run by a shell, its bodies sent as they are
 * printed.
 */

let host: Host
let folder: string
let video: Buffer
/** Replaces `dir_123` and `dir_abc123`. */
let dir: string

beforeAll(async () => {
  host = await startHost()
  folder = await mkdtemp(join(tmpdir(), "ffkiln-reference-"))
  const sources = "-f lavfi -i testsrc=size=64x48:rate=10:duration=12 -f lavfi -i sine=duration=12".split(" ")
  await execa("ffmpeg", ["-v", "error", ...sources, "-preset", "ultrafast", join(folder, "video.mp4")], {
    stdin: "ignore"
  })
  video = await readFile(join(folder, "video.mp4"))
  dir = ((await host.uploaded("input.mp4", video)).split("/")[0] ?? "") as string
  await host.uploaded("video.mp4", video, dir)
})
afterAll(async () => {
  await host.close()
  await rm(folder, { recursive: true })
})

const usage = {
  time_sec: expect.any(Number),
  input_size_gb: expect.any(Number),
  output_size_gb: expect.any(Number),
  gb_sec: expect.any(Number)
}

/**
 * Runs a sample with the host, the key and the directory of this test in place of the printed ones. Returns
 * its output.
 */
const shell = async (
  sample: string,
  dirId: string,
  environment: Readonly<Record<string, string>> = {}
): Promise<string> => {
  const script = sample
    .replaceAll("https://api.ffmpeg-api.com", host.url)
    .replaceAll("Basic YOUR_API_KEY", aliceKey)
    .replaceAll("dir_123", dirId)
  const { stdout } = await execa("bash", ["-e"], {
    input: `curl() { command curl -sS "$@"; }\n${script}`,
    cwd: folder,
    env: environment
  })
  return stdout
}
const json = async (...sample: Parameters<typeof shell>) => JSON.parse(await shell(...sample))

describe("quick examples", () => {
  it("Upload and Process, Analyze Media, List Resources, Download Files, Delete Files", async () => {
    const registered = await json(
      String.raw`curl -X POST https://api.ffmpeg-api.com/file \
-H "Authorization: Basic YOUR_API_KEY" \
-d '{"file_name":"video.mp4"}'`,
      ""
    )
    expect(registered).toMatchObject({
      ok: true,
      file: { file_name: "video.mp4" },
      upload: { method: "PUT", expiresInSeconds: 300 }
    })
    const id = registered.file.dir_id

    const uploaded = await json(`curl -X PUT "$UPLOAD_URL" --data-binary @video.mp4`, id, {
      UPLOAD_URL: registered.upload.url
    })
    expect(uploaded).toEqual({ ok: true })

    const processed = await json(
      String.raw`curl -X POST https://api.ffmpeg-api.com/ffmpeg/process \
-H "Authorization: Basic YOUR_API_KEY" \
-d '{"task":{"inputs":[{"file_path":"dir_123/video.mp4"}],"outputs":[{"file":"compressed.mp4","options":["-crf","28"]}]}}'`,
      id
    )
    expect(processed).toEqual({
      ok: true,
      result: [
        { file_name: "compressed.mp4", size_bytes: expect.any(Number), download_url: expect.any(String) }
      ],
      usage
    })

    const analyzed = await json(
      String.raw`curl -X POST https://api.ffmpeg-api.com/ffprobe/analyze \
-H "Authorization: Basic YOUR_API_KEY" \
-d '{
"file_path": "dir_123/video.mp4",
"probe": {
"format": ["duration", "size"],
"streams": ["codec_name", "width", "height"],
"select_streams": "v:0"
}
}'`,
      id
    )
    expect(analyzed).toEqual({
      ok: true,
      result: {
        format: { duration: expect.stringMatching(/^12\.\d+$/), size: String(video.length) },
        streams: [{ codec_name: "h264", width: 64, height: 48 }]
      },
      usage
    })

    const directories = await json(
      String.raw`curl -H "Authorization: Basic YOUR_API_KEY" \
https://api.ffmpeg-api.com/directory`,
      id
    )
    expect(directories.directories).toContainEqual({ id, ttl: 86_400, added_on: expect.any(String) })

    const files = await json(
      String.raw`curl -H "Authorization: Basic YOUR_API_KEY" \
https://api.ffmpeg-api.com/directory/dir_123`,
      id
    )
    expect(files.files.map((file: { file_name: string }) => file.file_name)).toEqual([
      "video.mp4",
      "compressed.mp4"
    ])

    const { download } = await json(
      String.raw`curl -H "Authorization: Basic YOUR_API_KEY" \
https://api.ffmpeg-api.com/file/download/dir_123/video.mp4`,
      id
    )
    expect(download).toMatchObject({
      method: "GET",
      expiresInSeconds: 300,
      file_size: video.length,
      file_type: "video/mp4"
    })
    await shell(`curl -o downloaded.mp4 "$DOWNLOAD_URL"`, id, { DOWNLOAD_URL: download.url })
    expect((await readFile(join(folder, "downloaded.mp4"))).equals(video)).toBe(true)

    const deleted = await json(
      String.raw`curl -X DELETE -H "Authorization: Basic YOUR_API_KEY" \
https://api.ffmpeg-api.com/file/dir_123/video.mp4`,
      id
    )
    expect(deleted).toEqual({ ok: true, deleted: { file_path: `${id}/video.mp4` } })
    expect((await host.call("GET", `/file/${id}/video.mp4`)).status).toBe(404)
  })

  it("a key also works with curl -u", async () => {
    const { stdout } = await execa("curl", ["-sS", "-u", "alice:alice-secret", `${host.url}/directory`])
    expect(JSON.parse(stdout).ok).toBe(true)
  })
})

/** Sends a body as the reference prints it. */
const post = (path: string, body: string) =>
  host.call("POST", path, { body: body.replaceAll("dir_abc123", dir) })

describe("bodies", () => {
  const processing = `{
"task": {
"inputs": [
{
"file_path": "dir_abc123/input.mp4",
"options": ["-ss", "10", "-t", "30"]
}
],
"outputs": [
{
"file": "output.mp4",
"options": ["-crf", "23", "-preset", "medium"],
"maps": ["0:v", "0:a"]
}
],
"filter_complex": "[0:v]scale=1280:720[out]",
"output_dir_id": "dir_abc123"
}
}`

  it("POST /ffmpeg/process: its filter's output has no map, which is a 400 that names the label and the fix", async () => {
    const { status, body } = await post("/ffmpeg/process", processing)
    expect([status, body.ok]).toEqual([400, false])
    expect(body.error).toMatch(/^Invalid task format: /)
    expect(body.error).toContain("[out]")
    expect(body.error).toMatch(/maps/)
  })

  it("POST /ffmpeg/process: with the fix of the 400 it works", async () => {
    const { status, body } = await post(
      "/ffmpeg/process",
      processing.replace('"0:v", "0:a"', '"[out]", "0:a"')
    )
    expect([status, body]).toEqual([
      200,
      {
        ok: true,
        result: [
          { file_name: "output.mp4", size_bytes: expect.any(Number), download_url: expect.any(String) }
        ],
        usage
      }
    ])
    const probe = { streams: ["width", "height"], format: ["duration"], select_streams: "v:0" }
    const looked = await host.call("POST", "/ffprobe/analyze", {
      body: { file_path: `${dir}/output.mp4`, probe }
    })
    expect(looked.body.result.streams).toEqual([{ width: 1280, height: 720 }])
    expect(Number(looked.body.result.format.duration)).toBeCloseTo(2, 0)
  })

  it("POST /ffmpeg/process/async", async () => {
    const { status, body } = await post(
      "/ffmpeg/process/async",
      `{
"task": {
"inputs": [{ "file_path": "dir_abc123/input.mp4" }],
"outputs": [{ "file": "output.mp4", "options": ["-crf", "23"] }],
"output_dir_id": "dir_abc123"
},
"webhook_url": "https://yoursite.com/callback"
}`
    )
    expect([status, body]).toEqual([202, { ok: true, job_id: expect.stringMatching(/^job_/) }])
    expect((await host.ended(body.job_id)).body).toMatchObject({
      ok: true,
      job_id: body.job_id,
      status: "completed"
    })
  })

  it("POST /ffprobe/analyze", async () => {
    const { status, body } = await post(
      "/ffprobe/analyze",
      `{
"file_path": "dir_abc123/video.mp4",
"probe": {
"format": ["duration", "size", "bit_rate"],
"streams": ["codec_name", "width", "height", "sample_rate"],
"select_streams": "v:0"
}
}`
    )
    expect([status, body]).toEqual([
      200,
      {
        ok: true,
        result: {
          format: {
            duration: expect.stringMatching(/^\d+\.\d+$/),
            size: String(video.length),
            bit_rate: expect.stringMatching(/^\d+$/)
          },
          streams: [{ codec_name: "h264", width: 64, height: 48 }]
        },
        usage
      }
    ])
  })

  it.each<[string, string, (body: { result: Record<string, unknown> }) => void]>([
    ["select_streams", '"v:0"', ({ result }) => expect(result.streams).toHaveLength(1)],
    [
      "select_streams",
      '"a"',
      ({ result }) => expect(result.streams).toMatchObject([{ codec_type: "audio" }])
    ],
    ["select_streams", '"s:1"', ({ result }) => expect(result.streams).toEqual([])],
    ["read_intervals", '"0%+10"', ({ result }) => expect(result.format).toBeDefined()],
    ["read_intervals", '"#500"', ({ result }) => expect(result.format).toBeDefined()],
    [
      "count_frames",
      "true",
      ({ result }) => expect(result.streams).toMatchObject([{ nb_read_frames: "120" }, {}])
    ],
    [
      "count_packets",
      "true",
      ({ result }) => expect(result.streams).toMatchObject([{ nb_read_packets: "120" }, {}])
    ],
    ["analyzeduration", '"10s"', ({ result }) => expect(result.format).toBeDefined()],
    ["probesize", '"10M"', ({ result }) => expect(result.format).toBeDefined()]
  ])("the probe option %s: %s", async (name, value, check) => {
    const { status, body } = await post(
      "/ffprobe/analyze",
      `{"file_path": "dir_abc123/video.mp4", "probe": {"format": [], "streams": [], "${name}": ${value}}}`
    )
    expect(status).toBe(200)
    check(body)
  })

  it("read_intervals limit the reported frames and packets", async () => {
    const probe = (interval: string) =>
      `{"file_path":"dir_abc123/video.mp4","probe":{"packets":["pts"],"select_streams":"v:0","read_intervals":"${interval}"}}`
    const counts = await Promise.all(
      ["0%+10", "#50", "%+#500"].map(
        async (one) => (await post("/ffprobe/analyze", probe(one))).body.result.packets.length
      )
    )
    expect(counts).toEqual([expect.closeTo(100, -1), 50, 120])
  })

  it("POST /file and POST /directory", async () => {
    const file = await post("/file", '{\n"file_name": "new-video.mp4",\n"dir_id": "dir_abc123"\n}')
    expect([file.status, file.body.file.file_path]).toEqual([200, `${dir}/new-video.mp4`])
    const directory = await post("/directory", '{\n"ttl": 86400\n}')
    expect([directory.status, directory.body]).toEqual([
      200,
      { ok: true, directory: { id: expect.any(String), ttl: 86_400 } }
    ])
  })
})

describe("the rules for probes", () => {
  it.each<[string, string]>([
    ['{"frames": []}', "select_streams"],
    ['{"packets": ["pts"]}', "select_streams"],
    ['{"analyzeduration": "61s"}', "analyzeduration"],
    ['{"analyzeduration": "61000ms"}', "analyzeduration"],
    ['{"probesize": "51M"}', "probesize"],
    ['{"probesize": "50000001K"}', "probesize"],
    ['{"format": ["duration,size"]}', "format"],
    ['{"select_streams": "v:0 -i x"}', "select_streams"],
    ['{"read_intervals": "soon"}', "read_intervals"]
  ])("%s is a 400 that names the field", async (probe, field) => {
    const { status, body } = await post(
      "/ffprobe/analyze",
      `{"file_path": "dir_abc123/video.mp4", "probe": ${probe}}`
    )
    expect([status, body.ok, body.error]).toEqual([400, false, expect.stringContaining(`probe.${field}`)])
  })

  it("without a probe, or with an empty one, reports all of format and streams", async () => {
    const [absent, empty] = await Promise.all(
      ["", ', "probe": {}'].map((probe) =>
        post("/ffprobe/analyze", `{"file_path": "dir_abc123/video.mp4"${probe}}`)
      )
    )
    expect(Object.keys(absent?.body.result)).toEqual(Object.keys(empty?.body.result))
    expect(absent?.body.result).toMatchObject({
      format: { filename: `${dir}/video.mp4`, nb_streams: 2 },
      streams: [{ codec_name: "h264" }, { codec_name: "aac" }]
    })
    expect(empty?.body.result).toEqual(absent?.body.result)
  })

  it("reports frames, packets, chapters and programs on request", async () => {
    const probe = {
      frames: ["pict_type"],
      packets: ["flags"],
      chapters: [],
      programs: [],
      select_streams: "v:0",
      read_intervals: "#3"
    }
    const { body } = await host.call("POST", "/ffprobe/analyze", {
      body: { file_path: `${dir}/video.mp4`, probe }
    })
    expect(Object.keys(body.result).sort()).toEqual(["chapters", "frames", "packets", "programs"])
    expect(body.result).toMatchObject({ chapters: [], programs: [], frames: [{ pict_type: "I" }, {}, {}] })
  })

  it("a field that ffprobe does not know is omitted, like one that the file does not have", async () => {
    const probe = { streams: ["no_such", "width", "sample_rate"], format: ["no_such"], select_streams: "v:0" }
    const { status, body } = await host.call("POST", "/ffprobe/analyze", {
      body: { file_path: `${dir}/video.mp4`, probe }
    })
    expect([status, body.result]).toEqual([200, { streams: [{ width: expect.any(Number) }], format: {} }])
  })

  it("a file that is no media is a 500 that says so without a path", async () => {
    const file_path = await host.uploaded("text.mp4", "no media at all")
    const { status, body } = await host.call("POST", "/ffprobe/analyze", { body: { file_path } })
    expect([status, body.error]).toEqual([500, expect.stringMatching(/^FFprobe analysis failed: /)])
    expect(body.error).not.toMatch(/\/tmp|file:/)
  })

  it.each([
    ["text.png", "no picture at all", '"text.png" is not a picture that can be read'],
    [
      "page.png",
      "<html><body>Not found</body></html>",
      '"page.png" is a web page, not media: upload the file itself'
    ],
    ["page.mp4", "<!DOCTYPE html><p>Not found", '"page.mp4" is a web page, not media: upload the file itself']
  ])("as is %s in a probe and in a task, which has one reason", async (name, content, says) => {
    const file_path = await host.uploaded(name, content)
    const probe = await host.call("POST", "/ffprobe/analyze", { body: { file_path } })
    expect([probe.status, probe.body.error]).toEqual([
      500,
      expect.stringContaining(`FFprobe analysis failed: ${says}`)
    ])
    const task = await host.call("POST", "/ffmpeg/process", {
      body: { task: { inputs: [{ file_path }], outputs: [{ file: "x.mp4" }] } }
    })
    expect([task.status, task.body.error]).toEqual([
      500,
      expect.stringContaining(name.startsWith("page") ? says : `of "${name}" can be decoded`)
    ])
  })
})
