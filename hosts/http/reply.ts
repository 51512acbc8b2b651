import { Cause, Effect } from "effect"
import { failureBody } from "../../core/contract/responses.js"
import type { RunnerError } from "../../core/errors.js"
import type { ApiReply } from "./api.js"
import { status } from "./status.js"

const retryAfterSeconds = "5"

/** On every answer that says nothing else: it is no page, stands in nobody's frame, and no link out of it tells where it was. */
export const safeHeaders = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
} as const

/** Headers that belong to an error wherever it comes from. */
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

/** A JSON reply. It may carry signed URLs, so no cache keeps it. */
export const json = (code: number, value: unknown, headers: Readonly<Record<string, string>> = {}): ApiReply => ({
  status: code,
  headers: { ...safeHeaders, "cache-control": "no-store", ...headers },
  body: { _tag: "Json", value }
})

export const failureReply = (error: RunnerError, headers: Readonly<Record<string, string>> = {}): ApiReply =>
  json(status[error._tag], failureBody(error.message), { ...headersOf(error), ...headers })

/** The reply to a failure. What broke below us goes to the log: the client reads only that something did. */
export const failed = (error: RunnerError, headers: Readonly<Record<string, string>> = {}): Effect.Effect<ApiReply> => {
  const reply = failureReply(error, headers)
  return error._tag === "Unavailable"
    ? Effect.as(Effect.logError(`unavailable: ${error.what}`, Cause.die(error.cause)), reply)
    : Effect.succeed(reply)
}

/** The reply to a bug: told whole to the log, and to the client in one sentence. */
export const defect = (cause: Cause.Cause<never>): Effect.Effect<ApiReply> =>
  Effect.as(Effect.logError("a request met a defect", cause), json(500, failureBody("Internal error: the request could not be handled")))
