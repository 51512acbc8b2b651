import type { IncomingMessage } from "node:http"
import { Effect, Exit } from "effect"
import express, { type Request, type Response, type Router } from "express"
import { InvalidApiKey, Unavailable } from "../../core/errors.js"
import { OwnerId } from "../../core/ids.js"
import { withoutTrailingSlashes } from "../../core/text/trailing-slashes.js"
import { type AnswerOptions, answer } from "../http/answer.js"
import type { Api, ApiRequest } from "../http/api.js"
import type { CorsOrigins } from "../http/cors.js"
import { knows } from "../http/match.js"
import { sendReply, sendWhole } from "../http/node-reply.js"
import type { KeyGate } from "../http/rate-limit.js"
import { bytesOf } from "../http/readable.js"
import { failureReply } from "../http/reply.js"
import type { OnDisconnect } from "../http/routes.js"

/** Options of `router`. */
export interface RouterOptions {
  /**
   * Login of the application in place of API keys: returns the owner's id, or undefined for a 401. An
   * exception gives a 500.
   */
  readonly identify?: ((request: Request) => string | undefined | Promise<string | undefined>) | undefined
  /**
   * URL where clients reach this mount, such as `https://example.com/media`. Default: taken from the request,
   * according to `trust proxy`.
   */
  readonly publicUrl?: string | undefined
  /** Whether the job of a synchronous call ends when its client disconnects (default), or continues. */
  readonly onDisconnect?: OnDisconnect | undefined
  /**
   * False disables the deprecated `POST /ffmpeg/run`: it responds 404 and names the replacement. Default:
   * enabled.
   */
  readonly legacyRun?: boolean | undefined
  /** Rate limit per owner, made by `keyGate` of `ffkiln/http`. Default: none. */
  readonly gate?: KeyGate | undefined
  /**
   * Origins whose pages may call the API from a browser, such as `https://app.example.com`, or "*". Default:
   * none.
   */
  readonly corsOrigins?: CorsOrigins | undefined
  /** False passes unknown paths on to the application. Default: the router responds 404. */
  readonly ownNotFound?: boolean | undefined
}

/**
 * The HTTP API as an Express router, for the root or any prefix. Mount it before body parsers: it reads
 * bodies itself, uploads as streams. The result of an earlier parser is used when it still has the original
 * content.
 */
export const router = (api: Api, options: RouterOptions = {}): Router => {
  const mounted = express.Router()
  mounted.use((request, response, next) => {
    if (options.ownNotFound === false && !knows(request.path)) return next()
    void serve(api, request, response, options)
  })
  return mounted
}

const serve = async (api: Api, request: Request, response: Response, options: RouterOptions) => {
  const disconnected = new AbortController()
  response.once("close", () => {
    if (!response.writableFinished) disconnected.abort()
  })
  const exchange = answer(apiRequest(request, options), answerOptions(request, options)).pipe(
    Effect.flatMap((reply) => sendReply(response, reply)),
    Effect.scoped
  )
  const exit = await api.run(exchange, { signal: disconnected.signal })
  if (Exit.isFailure(exit)) giveUp(response)
  discardRest(request)
}

/** Responds when the exchange could not: the host is closing. */
const giveUp = (response: Response) => {
  if (response.headersSent || response.destroyed) response.destroy()
  else sendWhole(response, failureReply(new Unavailable({ what: "the host is closing" })))
}

const apiRequest = (request: Request, { publicUrl }: RouterOptions): ApiRequest => ({
  method: request.method,
  path: request.path,
  header: (name) => request.get(name),
  // A parser of the host may set a body without reading: what counts is whether the bytes are still unread.
  body: request.readableDidRead
    ? { _tag: "Parsed", value: request.body }
    : { _tag: "Bytes", bytes: bytesOf(request) },
  baseUrl:
    publicUrl === undefined
      ? `${request.protocol}://${request.host || "localhost"}${request.baseUrl}`
      : withoutTrailingSlashes(publicUrl)
})

const answerOptions = (
  request: Request,
  { identify, onDisconnect, legacyRun, gate, corsOrigins }: RouterOptions
): AnswerOptions => ({
  onDisconnect,
  legacyRun,
  gate,
  corsOrigins,
  identify:
    identify &&
    Effect.flatMap(
      Effect.promise(async () => identify(request)),
      (id) => (id ? Effect.succeed(OwnerId(id)) : Effect.fail(new InvalidApiKey()))
    )
})

const lingerBytes = 64 * 1024 * 1024
const lingerMilliseconds = 10_000

/**
 * After a response that was sent before the body had arrived: reads on for a while, since an immediate close
 * would reset the connection before the client has read the response. Bounded, since a refused upload would
 * otherwise be received in full.
 */
const discardRest = (request: IncomingMessage) => {
  if (request.complete || request.destroyed) return void request.resume()
  let left = lingerBytes
  const end = () => request.destroy()
  const timer = setTimeout(end, lingerMilliseconds)
  request.once("close", () => clearTimeout(timer))
  request.once("end", () => clearTimeout(timer))
  request.on("data", (piece: Buffer) => {
    left -= piece.length
    if (left < 0) end()
  })
}
