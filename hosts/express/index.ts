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
import { send, sendWhole } from "../http/node-reply.js"
import type { KeyGate } from "../http/rate-limit.js"
import { bytesOf } from "../http/readable.js"
import { failureReply } from "../http/reply.js"
import type { OnDisconnect } from "../http/routes.js"

export interface RouterOptions {
  /** The application's own login instead of API keys: the owner's id, or undefined for a 401. A throw is a 500. */
  readonly identify?: ((request: Request) => string | undefined | Promise<string | undefined>) | undefined
  /** Where clients reach this mount, such as `https://example.com/media`. Default: as the request came, by `trust proxy`. */
  readonly publicUrl?: string | undefined
  /** Whether the job of a synchronous call ends with the client that waits for it (default), or goes on. */
  readonly onDisconnect?: OnDisconnect | undefined
  /** False switches the deprecated `POST /ffmpeg/run` off: 404, naming what replaced it. Default: it works. */
  readonly legacyRun?: boolean | undefined
  /** Holds each owner to what a key may ask for: `keyGate` of `ffkiln/http`. Default: nobody is held back. */
  readonly gate?: KeyGate | undefined
  /** Whose pages may call from a browser: origins such as `https://app.example.com`, or "*". Default: no other origin's. */
  readonly corsOrigins?: CorsOrigins | undefined
  /** False hands unknown paths on to the application. Default: they get a 404 of ours. */
  readonly ownNotFound?: boolean | undefined
}

/**
 * The HTTP API as an Express router, for the root or any prefix. Mount it before body parsers: it reads bodies by itself,
 * uploads as streams. What a parser has consumed already is used where it still says what was sent.
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
  const gone = new AbortController()
  response.once("close", () => {
    if (!response.writableFinished) gone.abort()
  })
  const exchange = answer(apiRequest(request, options), answerOptions(request, options)).pipe(
    Effect.flatMap((reply) => send(response, reply)),
    Effect.scoped
  )
  const exit = await api.run(exchange, { signal: gone.signal })
  if (Exit.isFailure(exit)) giveUp(response)
  discardRest(request)
}

/** For what the exchange could not answer by itself: the host closes. */
const giveUp = (response: Response) => {
  if (response.headersSent || response.destroyed) response.destroy()
  else sendWhole(response, failureReply(new Unavailable({ what: "the host is closing" })))
}

const apiRequest = (request: Request, { publicUrl }: RouterOptions): ApiRequest => ({
  method: request.method,
  path: request.path,
  header: (name) => request.get(name),
  // A host's parser may have set a body without reading: what counts is whether the bytes are still there.
  body: request.readableDidRead ? { _tag: "Parsed", value: request.body } : { _tag: "Bytes", bytes: bytesOf(request) },
  baseUrl:
    publicUrl === undefined ? `${request.protocol}://${request.host || "localhost"}${request.baseUrl}` : withoutTrailingSlashes(publicUrl)
})

const answerOptions = (request: Request, { identify, onDisconnect, legacyRun, gate, corsOrigins }: RouterOptions): AnswerOptions => ({
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
 * After an answer that came before the body had: reads on for a while, since closing at once would reset the connection
 * under a client that has not seen the answer yet. Without a bound a refused upload would still be received in full.
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
