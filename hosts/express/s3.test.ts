import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { s3 } from "../../adapters/s3/index.js"
import { aBucket, optionsFor, s3Server } from "../../adapters/s3/server.suite.js"
import { clip, type Host, startHost } from "./host.suite.js"

/** The API over a bucket: clients send files to the S3 server and get them from there. */

const server = await s3Server()
const bucket = await aBucket(server)

let host: Host
let input: string
beforeAll(async () => {
  host = await startHost({ storage: s3(optionsFor(server, bucket)), limits: { uploadBytes: 1_000_000 } })
  input = await uploaded("input.mp4", await clip())
})
afterAll(() => host.close())

const uploaded = async (name: string, bytes: Uint8Array): Promise<string> => {
  const { body } = await host.call("POST", "/file", { body: { file_name: name } })
  expect(new URL(body.upload.url).origin).toBe(server.endpoint)
  const { status } = await fetch(body.upload.url, {
    method: body.upload.method,
    headers: body.upload.headers,
    body: new Uint8Array(bytes)
  })
  expect(status).toBe(200)
  return body.file.file_path
}

const made = async (
  output: object
): Promise<ReadonlyArray<{ readonly file_name: string; readonly download_url: string }>> => {
  const { body } = await host.call("POST", "/directory", { body: {} })
  const task = { inputs: [{ file_path: input }], outputs: [output], output_dir_id: body.directory.id }
  const reply = await host.call("POST", "/ffmpeg/process", { body: { task } })
  expect(reply.body).toMatchObject({ ok: true })
  return reply.body.result
}

describe("files in a bucket", () => {
  it("are sent there, processed, and downloaded from there", async () => {
    const [result] = await made({ file: "out.mp4", options: ["-c", "copy"] })
    expect(new URL(result?.download_url ?? "").origin).toBe(server.endpoint)
    const reply = await fetch(result?.download_url ?? "")
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "video/mp4"])
    expect(reply.headers.get("content-disposition")).toContain('filename="out.mp4"')
    const probe = await execa(
      "ffprobe",
      ["-v", "error", "-show_entries", "format=nb_streams", "-of", "csv=p=0", "-"],
      {
        input: new Uint8Array(await reply.arrayBuffer())
      }
    )
    expect(probe.stdout).toBe("2")
  })

  it("are removed by a deletion", async () => {
    const path = await uploaded("gone.mp4", await clip())
    const { body } = await host.call("GET", `/file/download/${path}`)
    expect((await fetch(body.download.url)).status).toBe(200)
    expect((await host.call("DELETE", `/file/${path}`)).status).toBe(200)
    expect((await fetch(body.download.url)).status).toBe(404)
  })

  it("are removed when they exceed the limit", async () => {
    const path = await uploaded("large.bin", new Uint8Array(1_000_001))
    const { status, body } = await host.call("GET", `/file/${path}`)
    expect([status, body.error]).toEqual([
      404,
      `File not found: "${path}" is registered but has not been uploaded yet`
    ])
  })
})

describe("a playlist in a bucket", () => {
  it("plays through ffkiln's own route, with the files beside it", async () => {
    const files = await made({
      file: "list.m3u8",
      options: ["-g", "4", "-hls_time", "0.4", "-hls_list_size", "0"]
    })
    const url = files.find(({ file_name }) => file_name === "list.m3u8")?.download_url ?? ""
    expect(url.startsWith(`${host.url}/blob/`)).toBe(true)
    const { stdout } = await execa(
      "ffmpeg",
      [
        "-v",
        "error",
        "-xerror",
        "-protocol_whitelist",
        "http,tcp",
        "-i",
        url,
        "-map",
        "0:v:0",
        "-f",
        "framecrc",
        "-"
      ],
      { stdin: "ignore" }
    )
    expect(stdout.split("\n").filter((line) => line.startsWith("0,"))).toHaveLength(10)
    const segment = files.find(({ file_name }) => file_name === "list1.ts")?.download_url ?? ""
    expect(new URL(segment).origin).toBe(server.endpoint)
  })
})
