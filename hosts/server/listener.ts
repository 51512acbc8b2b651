import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { failureBody } from "../../core/contract/responses.js"
import { InvalidRequest } from "../../core/errors.js"
import type { LimitValues } from "../../core/limits.js"
import { sendWhole } from "../http/node-reply.js"
import { failureReply, json, safeHeaders } from "../http/reply.js"
import { CommandFailed } from "../settings/setting.js"
import { boundConnections } from "./connections.js"
import { connectionRoom, openFilesLimit } from "./descriptors.js"
import { answerHalfClosed } from "./half-close.js"
import { closeOnTinyChunks } from "./tiny-chunks.js"

/** Node's HTTP server, with bounds on what a client may hold, and answers of ours to what never becomes a request. */

export type Bounds = Pick<LimitValues, "connections" | "headerBytes" | "headerSeconds" | "stalledSeconds">

/** What answers requests, and hands on those that it can't make sense of. */
export type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

export interface Address {
  readonly host: string
  /** 0 is any free one. */
  readonly port: number
}

/** The beginning of its URLs. */
export const originOf = (server: Server, host: string): string =>
  `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`

export interface Listening extends Address {
  /** Jobs that this process runs at a time: descriptors are kept free for them. */
  readonly slots: number
}

/** Listens. Rejects with CommandFailed where that address can't be had. */
export const listen = async (handler: Handler, { host, port, slots }: Listening, bounds: Bounds): Promise<Server> => {
  const { headerBytes, headerSeconds } = bounds
  const { connections, warning } = connectionRoom(bounds.connections, slots, openFilesLimit())
  if (warning !== undefined) console.error(`WARNING: ${warning}`)
  const server = createServer({
    keepAliveTimeout: 65_000,
    headersTimeout: headerSeconds * 1000,
    // How late a client that is too slow may be found out, at most.
    connectionsCheckingInterval: Math.min(headerSeconds * 500, 5000),
    // Bodies have a bound of their own, which grows with what arrives.
    requestTimeout: 0,
    maxHeaderSize: headerBytes,
    // Node's own answer to a missing one has no body; ours is in `handle`.
    requireHostHeader: false
  })
  boundConnections(server, connections, bounds.stalledSeconds)
  answerHalfClosed(server)
  closeOnTinyChunks(server, wholeRefusal(400, "The request body comes in chunks of a few bytes: send larger chunks"))

  const answering = new WeakMap<Socket, number>()
  /** Their last response closes them: what comes after it is not looked at. */
  const overrun = new WeakSet<Socket>()
  const count = (socket: Socket, by: 1 | -1) => answering.set(socket, (answering.get(socket) ?? 0) + by)
  server.on("request", (request, response) => {
    const { socket } = request
    if (overrun.has(socket)) return
    count(socket, 1)
    response.once("close", () => count(socket, -1))
    // Node hands over all requests of one read in one turn of the event loop.
    if ((answering.get(socket) ?? 0) > mostPipelined) {
      overrun.add(socket)
      return sendWhole(response, json(429, failureBody(tooManyPipelined), closing))
    }
    handle(handler, request, response)
  })
  server.on("checkExpectation", (_, response) =>
    sendWhole(response, json(417, failureBody("Expect: only 100-continue can be met"), closing))
  )
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    // Words of ours in the middle of an answer would be taken for a part of it.
    if (socket.writable && !answering.get(socket)) socket.end(refusal(error.code, bounds))
    else socket.destroy()
  })

  server.listen(port, host)
  try {
    await once(server, "listening")
  } catch (error) {
    throw new CommandFailed(`cannot listen on ${host} port ${port}: ${(error as NodeJS.ErrnoException).code ?? error}`)
  }
  // A connection that could not be accepted, such as without a free descriptor: its client tries again.
  server.on("error", (error: NodeJS.ErrnoException) => console.error(`WARNING: a connection could not be accepted: ${error.code ?? error}`))
  return server
}

/** No new connections while `work` comes to its end; who still holds a connection some time after that is cut off. */
export const drain = async (server: Server, work: () => Promise<void>): Promise<void> => {
  const closed = once(server, "close")
  server.close()
  await work()
  server.closeIdleConnections()
  const cutOff = setTimeout(() => server.closeAllConnections(), 2000)
  await closed
  clearTimeout(cutOff)
}

/** Requests of one connection that wait for their responses. The next one is refused, and the connection closed after that. */
const mostPipelined = 20
const tooManyPipelined = `Too many requests of this connection wait for their responses: at most ${mostPipelined} are allowed, read responses before you send more`

const handle = (handler: Handler, request: IncomingMessage, response: ServerResponse) => {
  const hosts = request.headersDistinct.host?.length ?? 0
  if (request.httpVersion === "1.1" && hosts !== 1) return refuse(response, "An HTTP/1.1 request needs one Host header")
  // What Express can't make sense of ends here: its own page for that would show where we are installed.
  handler(request, response, () => {
    if (response.headersSent) response.destroy()
    else refuse(response, "The request's URL is malformed")
  })
}

const refuse = (response: ServerResponse, message: string) => sendWhole(response, failureReply(new InvalidRequest({ message }), closing))

/** Nobody reads the body of such a request. */
const closing = { connection: "close" }

/** Why no request came out of what the client sent, as a whole HTTP answer. */
const refusal = (code: string | undefined, bounds: Bounds): string => wholeRefusal(...reasonOf(code, bounds))

const wholeRefusal = (status: number, sentence: string): string => {
  const body = JSON.stringify(failureBody(sentence))
  const headers = {
    ...safeHeaders,
    "cache-control": "no-store",
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    ...closing
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`
}

const reasonOf = (code: string | undefined, { headerBytes, headerSeconds }: Bounds): readonly [number, string] => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return [431, `The request's URL and headers are too large: at most ${headerBytes} bytes are allowed`]
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return [408, `The request's headers did not arrive within ${headerSeconds} seconds: send them at once`]
    default:
      return [400, "This is not a valid HTTP request"]
  }
}
