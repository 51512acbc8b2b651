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

/** Node's HTTP server with limits per client, and JSON responses to input that is not a request. */

/** Limits of a server on connections, headers and stalled clients. */
export type Bounds = Pick<LimitValues, "connections" | "headerBytes" | "headerSeconds" | "stalledSeconds">

/** Answers requests, and calls `next` for those that it can't parse. */
export type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

/** Where a server listens. */
export interface Address {
  readonly host: string
  /** 0 selects a free port. */
  readonly port: number
}

/** The start of the server's URLs, such as `http://127.0.0.1:8080`. */
export const originOf = (server: Server, host: string): string =>
  `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`

/** Options of `listen`. */
export interface Listening extends Address {
  /** Number of slots of this process: descriptors are reserved for their jobs. */
  readonly slots: number
}

/** Starts to listen. Rejects with CommandFailed when the address can't be used. */
export const listen = async (
  handler: Handler,
  { host, port, slots }: Listening,
  bounds: Bounds
): Promise<Server> => {
  const { headerBytes, headerSeconds } = bounds
  const { connections, warning } = connectionRoom(bounds.connections, slots, openFilesLimit())
  if (warning !== undefined) console.error(`WARNING: ${warning}`)
  const server = createServer({
    keepAliveTimeout: 65_000,
    headersTimeout: headerSeconds * 1000,
    // Maximum delay until a slow client is detected.
    connectionsCheckingInterval: Math.min(headerSeconds * 500, 5000),
    // Bodies have their own limit, which grows with the received bytes.
    requestTimeout: 0,
    maxHeaderSize: headerBytes,
    // Node's own response to a missing Host header has no body; `handle` sends one.
    requireHostHeader: false
  })
  boundConnections(server, connections, bounds.stalledSeconds)
  answerHalfClosed(server)
  closeOnTinyChunks(
    server,
    wholeRefusal(400, "The request body comes in chunks of a few bytes: send larger chunks")
  )

  const answering = new WeakMap<Socket, number>()
  /** Connections whose last response closes them: later requests are ignored. */
  const overrun = new WeakSet<Socket>()
  const count = (socket: Socket, by: 1 | -1) => answering.set(socket, (answering.get(socket) ?? 0) + by)
  server.on("request", (request, response) => {
    const { socket } = request
    if (overrun.has(socket)) return
    count(socket, 1)
    response.once("close", () => count(socket, -1))
    // Node emits all requests of one read in one turn of the event loop.
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
    // Text in the middle of a response would be read as a part of it.
    if (socket.writable && !answering.get(socket)) socket.end(refusal(error.code, bounds))
    else socket.destroy()
  })

  server.listen(port, host)
  try {
    await once(server, "listening")
  } catch (error) {
    throw new CommandFailed(
      `cannot listen on ${host} port ${port}: ${(error as NodeJS.ErrnoException).code ?? error}`
    )
  }
  // A connection could not be accepted, for example without a free descriptor. Its client tries again.
  server.on("error", (error: NodeJS.ErrnoException) =>
    console.error(`WARNING: a connection could not be accepted: ${error.code ?? error}`)
  )
  return server
}

/**
 * Accepts no new connections while `work` runs, and cuts off the remaining ones two seconds after it ended.
 */
export const drain = async (server: Server, work: () => Promise<void>): Promise<void> => {
  const closed = once(server, "close")
  server.close()
  await work()
  server.closeIdleConnections()
  const cutOff = setTimeout(() => server.closeAllConnections(), 2000)
  await closed
  clearTimeout(cutOff)
}

/**
 * Most requests of one connection that may wait for their responses. The next one is refused, and then the
 * connection is closed.
 */
const mostPipelined = 20
const tooManyPipelined = `Too many requests of this connection wait for their responses: at most ${mostPipelined} are allowed, read responses before you send more`

const handle = (handler: Handler, request: IncomingMessage, response: ServerResponse) => {
  const hosts = request.headersDistinct.host?.length ?? 0
  if (request.httpVersion === "1.1" && hosts !== 1)
    return refuse(response, "An HTTP/1.1 request needs one Host header")
  // Requests that Express can't parse end here: its own error page would show installation paths.
  handler(request, response, () => {
    if (response.headersSent) response.destroy()
    else refuse(response, "The request's URL is malformed")
  })
}

const refuse = (response: ServerResponse, message: string) =>
  sendWhole(response, failureReply(new InvalidRequest({ message }), closing))

/** The body of such a request is not read. */
const closing = { connection: "close" }

/** A complete HTTP response to input that is not a request. */
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

const reasonOf = (
  code: string | undefined,
  { headerBytes, headerSeconds }: Bounds
): readonly [number, string] => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return [431, `The request's URL and headers are too large: at most ${headerBytes} bytes are allowed`]
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return [408, `The request's headers did not arrive within ${headerSeconds} seconds: send them at once`]
    default:
      return [400, "This is not a valid HTTP request"]
  }
}
