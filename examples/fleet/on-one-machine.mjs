// Runs a whole fleet on one machine, without containers: Postgres, Redis, an S3 server, two API hosts and
// three workers. A file is uploaded through one host and processed through the other; then a worker is killed
// during a job.
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtempSync, openAsBlob, rmSync } from "node:fs"
import { constants, tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { endings } from "../../scripts/child.mjs"
import { pathOf } from "../../scripts/setup/ffmpeg.mjs"
import { postgres } from "../../scripts/setup/postgres.mjs"
import { Problem, report } from "../../scripts/setup/problem.mjs"
import { radosgw } from "../../scripts/setup/radosgw.mjs"
import { redis } from "../../scripts/setup/redis.mjs"
import { setUp } from "../../scripts/setup.mjs"
import { startEngines } from "./engines.mjs"
import { startHost } from "./hosts.mjs"

/** @typedef {import("./hosts.mjs").Host} Host */

const began = Date.now()
const tell = (/** @type {string} */ line) =>
  console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}`)

const patienceMs = 180_000
const stopping = new AbortController()
const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(patienceMs)])
const stop = (/** @type {NodeJS.Signals} */ name) => {
  process.exitCode = 128 + constants.signals[name]
  stopping.abort(new Problem(`stopped by ${name}`))
}

/** Detects a dead worker sooner than the defaults do, to keep the example short. */
const brisk = { FFKILN_LIMIT_SWEEP_SECONDS: "1", FFKILN_LIMIT_POLL_SECONDS: "1" }

const secret = randomBytes(16).toString("hex")
const authorization = `Basic ${Buffer.from(`fleet:${secret}`).toString("base64")}`

/**
 * Calls the API: POST with a body, GET without.
 * @param {Host} host
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
const call = async ({ name, url }, path, body) => {
  const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }
  const answer = await fetch(url + path, { headers: { authorization }, signal, ...post })
  /** @type {any} */
  const json = await answer.json()
  if (!answer.ok) throw new Problem(`${name} responded with ${answer.status}: ${json.error}`)
  return json
}

/** @param {string} folder */
const makeClip = (folder) => {
  const file = join(folder, "clip.mp4")
  const picture =
    "-f lavfi -i testsrc2=size=640x360:rate=25:duration=4 -preset ultrafast -pix_fmt yuv420p".split(" ")
  const { status } = spawnSync(pathOf("ffmpeg") ?? "ffmpeg", ["-v", "error", "-nostdin", ...picture, file], {
    stdio: "inherit"
  })
  if (status !== 0) throw new Problem("ffmpeg could not make the clip")
  return file
}

/** Uploads a file and returns its path in the API. @param {Host} host @param {string} file */
const upload = async (host, file) => {
  const { file: stored, upload } = await call(host, "/file", { file_name: "clip.mp4" })
  const { ok, status } = await fetch(upload.url, {
    method: upload.method,
    headers: upload.headers,
    body: await openAsBlob(file),
    signal
  })
  if (!ok) throw new Problem(`the upload was refused with ${status}`)
  return stored.file_path
}

/**
 * Downloads the first result of a job and compares its size with the reported one.
 * @param {{ readonly result: ReadonlyArray<any> }} job
 */
const check = async ({ result: [output] }) => {
  const answer = await fetch(output.download_url, { signal })
  const { byteLength } = await answer.arrayBuffer()
  if (!answer.ok || byteLength !== output.size_bytes)
    throw new Problem(`${output.file_name} could not be downloaded whole`)
  return `${output.file_name}, ${byteLength} bytes, from ${new URL(output.download_url).host}`
}

/**
 * Repeats the question until the answer is defined.
 * @template A
 * @param {() => Promise<A | undefined>} question
 * @returns {Promise<A>}
 */
const until = async (question) => {
  for (;;) {
    const answer = await question()
    if (answer !== undefined) return answer
    await sleep(100, undefined, { signal })
  }
}

/** Finds a worker whose health check reports a running job. @param {ReadonlyArray<Host>} workers */
const busy = async (workers) => {
  const running = await Promise.all(workers.map(async (worker) => (await call(worker, "/health")).running))
  return workers.find((_, index) => running[index] > 0)
}

/** @param {Host} host @param {string} id */
const finished = async (host, id) => {
  const job = await call(host, `/job/${id}`)
  if (job.status === "failed") throw new Problem(`the job failed: ${job.error}`)
  return job.status === "completed" ? job : undefined
}

/**
 * Runs the example and returns the worker that was killed.
 * @param {readonly [Host, Host]} servers
 * @param {ReadonlyArray<Host>} workers
 * @param {string} folder
 */
const story = async ([first, second], workers, folder) => {
  const path = await upload(first, makeClip(folder))
  tell(`${first.name} accepted the upload of a clip: ${path}`)

  const small = {
    inputs: [{ file_path: path }],
    outputs: [{ file: "small.mp4", options: ["-vf", "scale=160:-2"] }]
  }
  tell(
    `${second.name} responded to a synchronous call: ${await check(await call(second, "/ffmpeg/process", { task: small }))}`
  )

  const options = ["-vf", "scale=1280:-2", "-preset", "slow", "-threads", "1"]
  const slow = { inputs: [{ file_path: path }], outputs: [{ file: "large.mp4", options }] }
  const { job_id: id } = await call(first, "/ffmpeg/process/async", { task: slow })
  const victim = await until(() => busy(workers))
  await victim.end("SIGKILL")
  tell(`${victim.name} was killed while it ran ${id}`)
  tell(
    `${second.name} reports that the job completed: ${await check(await until(() => finished(second, id)))}`
  )
  return victim
}

const main = async () => {
  await setUp([postgres, redis, radosgw])
  const folder = mkdtempSync(join(tmpdir(), "ffkiln-fleet-"))
  /** @type {Set<Host>} */
  const hosts = new Set()
  /** @type {Awaited<ReturnType<typeof startEngines>> | undefined} */
  let engines
  try {
    engines = await startEngines()
    signal.throwIfAborted()
    tell(`Postgres, Redis and an S3 server are up: ${engines.settings.FFKILN_S3_ENDPOINT}`)
    const settings = {
      ...engines.settings,
      ...brisk,
      FFKILN_API_KEYS: `fleet:${secret}`,
      FFKILN_SANDBOX: "preferred"
    }
    const start = (/** @type {"serve" | "worker"} */ command, /** @type {string} */ name) =>
      startHost(
        { name, command, slots: command === "serve" ? 0 : 1, data: join(folder, name) },
        settings,
        (host) => hosts.add(host)
      )
    const [first, second, ...workers] = await Promise.all([
      start("serve", "api-1"),
      start("serve", "api-2"),
      ...["worker-1", "worker-2", "worker-3"].map((name) => start("worker", name))
    ])
    signal.throwIfAborted()
    tell(
      `ready: ${[first, second, ...workers].map(({ name, pid, url }) => `${name} (process ${pid}) ${url}`).join(", ")}`
    )
    hosts.delete(await story([first, second], workers, folder))
    const codes = await Promise.all(
      [...hosts].map(async (host) => `${host.name} ${await host.end("SIGTERM")}`)
    )
    tell(`stopped by SIGTERM; exit codes: ${codes.join(", ")}`)
  } finally {
    await Promise.all([...hosts].map((host) => host.end("SIGKILL")))
    await engines?.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

for (const name of endings) process.on(name, stop)
await report(main)
for (const name of endings) process.off(name, stop)
