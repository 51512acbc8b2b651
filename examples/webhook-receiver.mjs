// A receiver of webhooks that believes only what was signed for it. WEBHOOK_SECRET is what GET /webhook/secret answers.
import { createHmac, timingSafeEqual } from "node:crypto"
import { createServer } from "node:http"
import { text } from "node:stream/consumers"

const secret = Buffer.from((process.env.WEBHOOK_SECRET ?? "").replace("whsec_", ""), "base64")

/** @param {import("node:http").IncomingHttpHeaders} headers @param {string} body the bytes as they came, not parsed */
const isGenuine = (headers, body) => {
  const { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": signatures = "" } = headers
  const right = Buffer.from(`v1,${createHmac("sha256", secret).update(`${id}.${seconds}.${body}`).digest("base64")}`)
  const given = String(signatures)
    .split(" ")
    .map((signature) => Buffer.from(signature))
  const isFresh = Math.abs(Date.now() / 1000 - Number(seconds)) < 300
  return isFresh && given.some((each) => each.length === right.length && timingSafeEqual(each, right))
}

const server = createServer(async (request, response) => {
  const body = await text(request)
  if (!isGenuine(request.headers, body)) return void response.writeHead(401).end()
  // Any 2xx is enough. Repeats of a delivery carry the same webhook-id: work that must be done once is told apart by it.
  response.writeHead(204).end()
  const { job_id, status } = JSON.parse(body)
  console.log(job_id, status)
})

server.listen(Number(process.env.PORT ?? 4000), "127.0.0.1", () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === "object" ? address?.port : address}`)
})

process.once("SIGTERM", () => server.close())
