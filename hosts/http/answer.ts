import { Cause, Effect, Either, type Scope } from "effect"
import type { InvalidApiKey } from "../../core/errors.js"
import type { OwnerId } from "../../core/ids.js"
import type { ApiReply, ApiRequest, ApiServices } from "./api.js"
import { challenge, ownerOf } from "./auth.js"
import { type CorsOrigins, isPreflight, preflightReply, withCors } from "./cors.js"
import { isLegacy, legacyOff, withDeprecation } from "./legacy.js"
import { match } from "./match.js"
import type { KeyGate } from "./rate-limit.js"
import { defect, failed, safeHeaders } from "./reply.js"
import type { Call, OnDisconnect, Route } from "./routes.js"
import { answerRunner, isForRunners } from "./runners.js"

/** Options of `answer`. */
export interface AnswerOptions {
  /** Login of the host application. Default: the API key in the Authorization header. */
  readonly identify?: Effect.Effect<OwnerId, InvalidApiKey> | undefined
  /** What happens to the job of a synchronous call whose client disconnects. Default: "abandon". */
  readonly onDisconnect?: OnDisconnect | undefined
  /** False disables the deprecated `POST /ffmpeg/run`: it responds 404. */
  readonly legacyRun?: boolean | undefined
  /** Rate limit per owner, made by `keyGate`. Default: none. */
  readonly gate?: KeyGate | undefined
  /** Origins whose pages may call the API from a browser. Default: only pages that the API itself serves. */
  readonly corsOrigins?: CorsOrigins | undefined
}

/**
 * Handles a request: route, API key, handler. Every failure becomes a reply, bugs included; only interruption
 * is passed on. Close the scope after the reply was sent, or with a failure when it was not: then changes
 * that the client never heard of are undone.
 */
export const answer = (
  request: ApiRequest,
  options: AnswerOptions
): Effect.Effect<ApiReply, never, ApiServices | Scope.Scope> =>
  (isForRunners(request.path) ? answerRunner(request) : answerCaller(request, options)).pipe(
    defectToReply,
    Effect.map((reply) => ({ ...reply, headers: { ...safeHeaders, ...reply.headers } }))
  )

/** Turns a bug into a 500 reply. */
const defectToReply = Effect.catchAllCause((cause: Cause.Cause<never>) =>
  Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : defect(cause)
)

const answerCaller = (
  request: ApiRequest,
  options: AnswerOptions
): Effect.Effect<ApiReply, never, ApiServices> => {
  const { corsOrigins = [] } = options
  return routed(request, options).pipe(
    Effect.flatMap(({ route, params }) =>
      handled(
        route,
        { request, param: (name) => params[name] ?? "", onDisconnect: options.onDisconnect ?? "abandon" },
        options
      )
    ),
    Effect.catchAll((error) =>
      error._tag === "MethodNotAllowed" && isPreflight(request, corsOrigins)
        ? Effect.succeed(preflightReply(request, error.allowed))
        : failed(error)
    ),
    defectToReply,
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
