import { Cause, Effect, Either } from "effect"
import type { InvalidApiKey } from "../../core/errors.js"
import type { OwnerId } from "../../core/ids.js"
import type { ApiReply, ApiRequest, Services } from "./api.js"
import { challenge, ownerOf } from "./auth.js"
import { isLegacy, legacyOff, withDeprecation } from "./legacy.js"
import { match } from "./match.js"
import { defect, failed } from "./reply.js"
import type { Call, OnDisconnect, Route } from "./routes.js"

export interface AnswerOptions {
  /** The host application's own login. Default: the API key of the Authorization header. */
  readonly identify?: Effect.Effect<OwnerId, InvalidApiKey> | undefined
  /** Default: the job ends with the client that waits for it. */
  readonly onDisconnect?: OnDisconnect | undefined
  /** False switches the deprecated `POST /ffmpeg/run` off: 404. */
  readonly legacyRun?: boolean | undefined
}

/** The reply to a request, whatever happens: route, key, handler. Interruption alone is passed on. */
export const answer = (request: ApiRequest, options: AnswerOptions): Effect.Effect<ApiReply, never, Services> =>
  routed(request, options).pipe(
    Effect.flatMap(({ route, params }) =>
      handled(route, { request, param: (name) => params[name] ?? "", onDisconnect: options.onDisconnect ?? "abandon" }, options)
    ),
    Effect.catchAll((error) => failed(error)),
    Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : defect(cause))),
    Effect.map((reply) => (isLegacy(request) ? withDeprecation(reply, request) : reply))
  )

const routed = (request: ApiRequest, { legacyRun }: AnswerOptions) =>
  legacyRun === false && isLegacy(request) ? Either.left(legacyOff()) : match(request.method, request.path)

const handled = (route: Route, call: Call, { identify }: AnswerOptions) => {
  if (route.auth === "none") return route.handle(call)
  const owner = identify ?? ownerOf(call.request.header("authorization"))
  return owner.pipe(
    Effect.flatMap((id) => route.handle(call, { owner: id, baseUrl: call.request.baseUrl })),
    Effect.catchTag("InvalidApiKey", (error) => failed(error, identify === undefined ? challenge : {}))
  )
}
