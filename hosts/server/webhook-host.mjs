// A host of its own over a data directory, for tests: node webhook-host.mjs '{"dataDir":...}' accepts jobs
// that owe webhooks and delivers them. What it does it says in lines of JSON; when its stdin ends it waits
// until nothing is owed any more, and ends.

import { join } from "node:path"
import { text } from "node:stream/consumers"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { Exit } from "effect"
import { runnerImport } from "vite"

/** @typedef {{ dataDir: string, ca: string, port: number, clip: string, jobs: number, limits: object }} Settings */
const { ca, clip, dataDir, jobs, limits, port } = /** @type {Settings} */ (JSON.parse(process.argv[2] ?? ""))

/** @param {string} path */
const load = async (path) =>
  (await runnerImport(fileURLToPath(new URL(path, import.meta.url)), { configFile: false })).module
const { open } = /** @type {typeof import("../embed/index.js")} */ (await load("../embed/index.ts"))
const { sqlite } = /** @type {typeof import("../../adapters/sqlite/index.js")} */ (
  await load("../../adapters/sqlite/index.ts")
)
const { listDeliveries } = /** @type {typeof import("../../core/operations/webhooks.js")} */ (
  await load("../../core/operations/webhooks.ts")
)

/** @param {unknown} line */
const say = (line) => console.log(JSON.stringify(line))

// Every name is this machine, whatever the code under test makes of it.
const resolve = async () => [{ address: "127.0.0.1" }]
const guard = {
  ca,
  ports: [port],
  resolve,
  allowAddress: (/** @type {string} */ address) => address === "127.0.0.1"
}
const database = sqlite({ file: join(dataDir, "ffkiln.db") })
const ffkiln = await open({ dataDir, database, guard, limits, publicUrl: "https://api.example.com" })

const ids = []
if (jobs > 0) {
  const { file_path, dir_id } = await ffkiln.upload(clip)
  for (let index = 0; index < jobs; index++) {
    const outputs = [{ file: `out-${index}.mp4`, options: ["-c", "copy"] }]
    const task = { inputs: [{ file_path }], outputs, output_dir_id: dir_id }
    const { job_id } = await ffkiln.submit({ task, webhook_url: `https://hooks.example.com:${port}/` })
    ids.push(job_id)
    say({ accepted: job_id })
  }
}
say({ ready: true })
await text(process.stdin)

const states = async () => {
  const deliveries = await ffkiln.run(
    listDeliveries(/** @type {import("../../core/ids.js").OwnerId} */ ("local"))
  )
  return Exit.isSuccess(deliveries) ? deliveries.value.map(({ jobId, state }) => [jobId, state]) : []
}
// A try that arrived from a host that was then killed is not settled before its lease has ended and it was
// repeated.
while ((await states()).some(([, state]) => state === "pending")) await setTimeout(100)
say({ states: await states() })
await ffkiln.close()
