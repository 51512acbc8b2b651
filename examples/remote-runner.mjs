/**
 * A host that runs no jobs itself, and a runner that runs them:
 * `node remote-runner.mjs input.mp4 output.mp4`
 * Both are in one process here. In production the runner is another machine, and the URL begins with https.
 */
import { once } from "node:events"
import { createServer } from "node:http"
import express from "express"
import { open } from "ffkiln"
import { router } from "ffkiln/express"
import { openRunner } from "ffkiln/runner"

const [input = "input.mp4", output = "output.mp4"] = process.argv.slice(2)

const ffkiln = await open({ dataDir: "./data", slots: 0 })
const server = createServer(express().use(router(ffkiln))).listen(0, "127.0.0.1")
await once(server, "listening")
const address = server.address()
const url = `http://127.0.0.1:${typeof address === "object" && address?.port}`

const { token } = await ffkiln.runners.make(`example-${Date.now()}`)
const runner = await openRunner({ url, token, dataDir: "./runner-data" })
console.log(`a runner with ffmpeg ${runner.capabilities.version} and ${runner.capabilities.cores} cores`)

const { file_path } = await ffkiln.upload(input)
const { result } = await ffkiln.process({
  task: { inputs: [{ file_path }], outputs: [{ file: "small.mp4", options: ["-vf", "scale=320:-2"] }] }
})
await ffkiln.save(`${file_path.split("/")[0]}/${result[0]?.file_name}`, output)
console.log(`made ${output}: ${result[0]?.size_bytes} bytes`)

await runner.close()
server.close()
server.closeAllConnections()
await ffkiln.close()
