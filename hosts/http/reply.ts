import { Cause, Effect } from "effect"
import { failureBody } from "../../core/contract/responses.js"
import type { RunnerError } from "../../core/errors.js"
import type { ApiReply } from "./api.js"
import { status } from "./status.js"

const retryAfterSeconds = "5"

/**
 * Default headers of every response: it runs nothing, is shown in no frame, and its links send no referrer.
 */
export const safeHeaders = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
} as const

/** Headers that belong to an error, whatever its source. */
const headersOf = (error: RunnerError): Readonly<Record<string, string>> => {
  switch (error._tag) {
    case "MethodNotAllowed":
      return { allow: error.allowed.join(", ") }
    case "TooManyRequests":
      return { "retry-after": `${error.retryAfterSeconds}` }
    case "Busy":
    case "ProbesBusy":
    case "UploadsBusy":
    case "DiskFull":
    case "Unavailable":
      return { "retry-after": retryAfterSeconds }
    default:
      return {}
  }
}

/** A JSON reply. It may contain signed URLs, so it must not be cached. */
export const json = (
  code: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {}
): ApiReply => ({
  status: code,
  headers: { ...safeHeaders, "cache-control": "no-store", ...headers },
  body: { _tag: "Json", value }
})

/** The reply to an error, without logging. */
export const failureReply = (error: RunnerError, headers: Readonly<Record<string, string>> = {}): ApiReply =>
  json(status[error._tag], failureBody(error.message), { ...headersOf(error), ...headers })

/**
 * The reply to an error. The cause of an infrastructure failure is logged, and the client gets no details of
 * it.
 */
export const failed = (
  error: RunnerError,
  headers: Readonly<Record<string, string>> = {}
): Effect.Effect<ApiReply> => {
  const reply = failureReply(error, headers)
  return error._tag === "Unavailable"
    ? Effect.as(Effect.logError(`unavailable: ${error.what}`, Cause.die(error.cause)), reply)
    : Effect.succeed(reply)
}

/** The reply to a bug. The log gets the whole cause, the client one sentence. */
export const defect = (cause: Cause.Cause<never>): Effect.Effect<ApiReply> =>
  Effect.as(
    Effect.logError("unhandled error in a request", cause),
    json(500, failureBody("Internal error: the request could not be handled"))
  )
