// Quickstart from a clone to a result: makes a clip, starts a server and runs the API's quick example over
// HTTP.
import { spawnSync } from "node:child_process"
import { createWriteStream, mkdirSync, openAsBlob, renameSync, rmSync, statSync } from "node:fs"
import { relative } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { withServer } from "./server.mjs"
import { pathOf } from "./setup/ffmpeg.mjs"
import { cache } from "./setup/places.mjs"
import { Problem, report } from "./setup/problem.mjs"
import { setUp } from "./setup.mjs"

const folder = cache("quickstart")
const clip = cache("quickstart", "video.mp4")
const result = cache("quickstart", "compressed.mp4")
const own = (/** @type {string} */ file) => `${file}.${process.pid}.part.mp4`

/**
 * Five seconds of a moving test picture with a tone, encoded so quickly that it can be compressed further.
 */
const makeClip = () => {
  const made = own(clip)
  const picture = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=5"]
  const tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=5"]
  const codecs = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-crf",
    "18",
    "-pix_fmt",
    "yuv420p",
    "-c:a",
    "aac",
    "-shortest"
  ]
  const args = ["-y", "-nostdin", "-hide_banner", "-loglevel", "error", ...picture, ...tone, ...codecs, made]
  const { status, stderr } = spawnSync(pathOf("ffmpeg") ?? "ffmpeg", args, { encoding: "utf8" })
  if (status !== 0) throw new Problem(`ffmpeg could not make the clip: ${stderr}`)
  renameSync(made, clip)
}

const shown = (/** @type {string} */ path) => relative(process.cwd(), path)
const size = (/** @type {string} */ path) => `${(statSync(path).size / 2 ** 20).toFixed(2)} MiB`

/** Prints a call as a curl command, and its response. A failure ends the quickstart. */
const show = (
  /** @type {string} */ title,
  /** @type {string} */ line,
  /** @type {Response} */ { status, ok },
  /** @type {string} */ answer
) => {
  console.log(`\n# ${title}\n${line}\n\nHTTP ${status}${answer === "" ? "" : `\n${answer}`}`)
  if (!ok) throw new Problem(`the server refused the request "${title}"`)
}

/**
 * Makes and prints one call of the JSON API, and returns its response. GET without a body.
 * @param {import("./server.mjs").Server} server @param {string} title @param {string} path @param {unknown} [body]
 * @returns {Promise<any>}
 */
const call = async ({ url, authorization, signal }, title, path, body) => {
  const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }
  const answer = await fetch(url + path, { headers: { Authorization: authorization }, signal, ...post })
  const json = await answer.json()
  const data = body === undefined ? "" : ` \\\n  -d '${JSON.stringify(body)}'`
  const line = `curl ${body === undefined ? "" : "-X POST "}${url}${path} \\\n  -H "Authorization: ${authorization}"${data}`
  show(title, line, answer, JSON.stringify(json, null, 2))
  return json
}

/**
 * The quick example of the API reference: from a file to a smaller file.
 * @param {import("./server.mjs").Server} server
 */
const example = async (server) => {
  const { signal } = server
  const { file, upload } = await call(server, "Register a file", "/file", { file_name: "video.mp4" })

  const sent = await fetch(upload.url, {
    method: upload.method,
    headers: upload.headers,
    body: await openAsBlob(clip),
    signal
  })
  show(
    "Upload it",
    `curl -X ${upload.method} "${upload.url}" \\\n  --data-binary @"${shown(clip)}"`,
    sent,
    await sent.text()
  )

  const task = {
    inputs: [{ file_path: file.file_path }],
    outputs: [{ file: "compressed.mp4", options: ["-crf", "28"] }]
  }
  await call(server, "Process it", "/ffmpeg/process", { task })

  const output = `${file.dir_id}/compressed.mp4`
  const probe = {
    format: ["duration", "size"],
    streams: ["codec_name", "width", "height"],
    select_streams: "v:0"
  }
  await call(server, "Look at the result", "/ffprobe/analyze", { file_path: output, probe })

  const { download } = await call(server, "Ask for a download link", `/file/download/${output}`)
  const got = await fetch(download.url, { signal })
  if (got.ok && got.body !== null) {
    await pipeline(
      Readable.fromWeb(/** @type {import("node:stream/web").ReadableStream} */ (got.body)),
      createWriteStream(own(result))
    )
    renameSync(own(result), result)
  }
  show("Download it", `curl -o "${shown(result)}" "${download.url}"`, got, "")
}

await report(async () => {
  await setUp()
  mkdirSync(folder, { recursive: true })
  try {
    makeClip()
    await withServer(folder, example)
  } finally {
    for (const file of [clip, result]) rmSync(own(file), { force: true })
  }
  console.log(
    `\nInput ${size(clip)}, output ${size(result)}: ${shown(result)}\nStart a server that keeps running with: npm start`
  )
})
