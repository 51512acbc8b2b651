// A receiver of webhooks that verifies their signatures. WEBHOOK_SECRET is the secret in the response of GET
// /webhook/secret.
import { createHmac, timingSafeEqual } from "node:crypto"
import { createServer } from "node:http"
import { text } from "node:stream/consumers"

const secret = Buffer.from((process.env.WEBHOOK_SECRET ?? "").replace("whsec_", ""), "base64")

/** @param {import("node:http").IncomingHttpHeaders} headers @param {string} body the bytes as received, not parsed */
const isGenuine = (headers, body) => {
  const { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": signatures = "" } = headers
  const right = Buffer.from(
    `v1,${createHmac("sha256", secret).update(`${id}.${seconds}.${body}`).digest("base64")}`
  )
  const given = String(signatures)
    .split(" ")
    .map((signature) => Buffer.from(signature))
  const isFresh = Math.abs(Date.now() / 1000 - Number(seconds)) < 300
  return isFresh && given.some((each) => each.length === right.length && timingSafeEqual(each, right))
}

const server = createServer(async (request, response) => {
  const body = await text(request)
  if (!isGenuine(request.headers, body)) return void response.writeHead(401).end()
  // Any 2xx response is enough. A repeated delivery has the same webhook-id: use it to do work only once.
  response.writeHead(204).end()
  const { job_id, status } = JSON.parse(body)
  console.log(job_id, status)
})

server.listen(Number(process.env.PORT ?? 4000), "127.0.0.1", () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === "object" ? address?.port : address}`)
})

process.once("SIGTERM", () => server.close())
