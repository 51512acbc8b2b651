import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import express from "express"
import { ffmpeg } from "../../adapters/ffmpeg/index.js"
import { defaultLimits, type LimitValues } from "../../core/limits.js"
import { services } from "../embed/layers.js"
import { startInstance } from "../embed/runtime.js"
import { router } from "../express/index.js"
import { adaptersOn, type Kept } from "./kept.suite.js"
import { dyingAt, type Moment } from "./moments.suite.js"

/**
 * A host in its own process, which serves the API, with or without slots. It prints its URL in a line of
 * JSON, and ends on SIGTERM. Webhooks go to one port of this machine, whatever their host name.
 */
export interface Process {
  readonly kept: Kept
  readonly workRoot: string
  readonly slots: number
  readonly limits: Partial<LimitValues>
  readonly receiver: { readonly ca: string; readonly port: number }
  readonly killAt?: Moment
}

const { kept, workRoot, slots, limits, receiver, killAt } = JSON.parse(process.argv[2] ?? "") as Process

const guard = {
  ca: receiver.ca,
  ports: [receiver.port],
  resolve: async () => [{ address: "127.0.0.1" }],
  allowAddress: (address: string) => address === "127.0.0.1"
}
const parts = services(
  { ...adaptersOn(kept), executor: ffmpeg({ workRoot: join(workRoot, "work"), guard }), guard },
  undefined
)
const instance = await startInstance(killAt === undefined ? parts : dyingAt(parts, killAt), {
  limits: { ...defaultLimits, ...limits },
  slots
})

const server = express()
  .use(
    router(instance, {
      identify: () => "local",
      publicUrl: "https://api.example.com",
      onDisconnect: "continue"
    })
  )
  .listen(0, "127.0.0.1")
await once(server, "listening")
process.once("SIGTERM", async () => {
  server.close()
  server.closeAllConnections()
  await instance.close()
})
console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
