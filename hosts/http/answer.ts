import { Cause, Effect, Either, type Scope } from "effect"
import type { InvalidApiKey } from "../../core/errors.js"
import type { OwnerId } from "../../core/ids.js"
import type { ApiReply, ApiRequest, Services } from "./api.js"
import { challenge, ownerOf } from "./auth.js"
import { type CorsOrigins, isPreflight, preflightReply, withCors } from "./cors.js"
import { isLegacy, legacyOff, withDeprecation } from "./legacy.js"
import { match } from "./match.js"
import type { KeyGate } from "./rate-limit.js"
import { defect, failed, safeHeaders } from "./reply.js"
import type { Call, OnDisconnect, Route } from "./routes.js"
import { answerRunner, isForRunners } from "./runners.js"

export interface AnswerOptions {
  /** The host application's own login. Default: the API key of the Authorization header. */
  readonly identify?: Effect.Effect<OwnerId, InvalidApiKey> | undefined
  /** Default: the job ends with the client that waits for it. */
  readonly onDisconnect?: OnDisconnect | undefined
  /** False switches the deprecated `POST /ffmpeg/run` off: 404. */
  readonly legacyRun?: boolean | undefined
  /** Holds each owner to what a key may ask for: `keyGate`. Default: nobody is held back. */
  readonly gate?: KeyGate | undefined
  /** Whose pages may call from a browser. Default: nobody's but those that the API's own origin serves. */
  readonly corsOrigins?: CorsOrigins | undefined
}

/**
 * The reply to a request, whatever happens: route, key, handler. Interruption alone is passed on. The scope is to be closed
 * when the reply is sent, or was not: what nobody got to hear is undone.
 */
export const answer = (request: ApiRequest, options: AnswerOptions): Effect.Effect<ApiReply, never, Services | Scope.Scope> =>
  (isForRunners(request.path) ? answerRunner(request) : answerCaller(request, options)).pipe(
    whateverHappens,
    Effect.map((reply) => ({ ...reply, headers: { ...safeHeaders, ...reply.headers } }))
  )

/** A bug is a reply too. */
const whateverHappens = Effect.catchAllCause((cause: Cause.Cause<never>) =>
  Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : defect(cause)
)

const answerCaller = (request: ApiRequest, options: AnswerOptions): Effect.Effect<ApiReply, never, Services> => {
  const { corsOrigins = [] } = options
  return routed(request, options).pipe(
    Effect.flatMap(({ route, params }) =>
      handled(route, { request, param: (name) => params[name] ?? "", onDisconnect: options.onDisconnect ?? "abandon" }, options)
    ),
    Effect.catchAll((error) =>
      error._tag === "MethodNotAllowed" && isPreflight(request, corsOrigins)
        ? Effect.succeed(preflightReply(request, error.allowed))
        : failed(error)
    ),
    whateverHappens,
    Effect.map((reply) => (isLegacy(request) ? withDeprecation(reply, request) : reply)),
    Effect.map((reply) => (corsOrigins.length === 0 ? reply : withCors(reply, request, corsOrigins)))
  )
}

const open: KeyGate = () => (answered) => answered

const routed = (request: ApiRequest, { legacyRun }: AnswerOptions) =>
  legacyRun === false && isLegacy(request) ? Either.left(legacyOff()) : match(request.method, request.path)

const handled = (route: Route, call: Call, { identify, gate = open }: AnswerOptions) => {
  if (route.auth === "none") return route.handle(call)
  const owner = identify ?? ownerOf(call.request.header("authorization"))
  return owner.pipe(
    Effect.flatMap((id) => gate(id)(route.handle(call, { owner: id, baseUrl: call.request.baseUrl }))),
    Effect.catchTag("InvalidApiKey", (error) => failed(error, identify === undefined ? challenge : {}))
  )
}
