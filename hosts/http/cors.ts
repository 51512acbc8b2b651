import type { ApiReply, ApiRequest } from "./api.js"
import { replyHeaders, requestHeaders } from "./endpoint-docs.js"

/** Origins whose pages may call the API from a browser, such as `https://app.example.com`, or "*" for all. */
export type CorsOrigins = "*" | ReadonlyArray<string>

/**
 * Lets a page of an allowed origin read the reply. Credentials that browsers send by themselves (cookies) are
 * never allowed: a page sends its key in the Authorization header.
 */
export const withCors = (reply: ApiReply, request: ApiRequest, origins: CorsOrigins): ApiReply => {
  const vary = origins === "*" ? {} : { vary: "Origin" }
  const origin = allowedOrigin(request, origins)
  const allowed = origin !== undefined && {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": exposed
  }
  return { ...reply, headers: { ...reply.headers, ...vary, ...allowed } }
}

/** Whether the request is a CORS preflight of an allowed origin. */
export const isPreflight = (request: ApiRequest, origins: CorsOrigins): boolean =>
  request.method === "OPTIONS" &&
  request.header("access-control-request-method") !== undefined &&
  allowedOrigin(request, origins) !== undefined

/**
 * The reply to a preflight. `allowed`: the methods of the path. All requested headers are allowed, since
 * headers give an origin no further rights.
 */
export const preflightReply = (request: ApiRequest, allowed: ReadonlyArray<string>): ApiReply => ({
  status: 204,
  headers: {
    "access-control-allow-methods": allowed.join(", "),
    "access-control-allow-headers": [...sendable, ...askedFor(request)].join(", "),
    "access-control-max-age": "600"
  },
  body: { _tag: "Nothing" }
})

const allowedOrigin = (request: ApiRequest, origins: CorsOrigins): string | undefined => {
  if (origins === "*") return "*"
  const origin = request.header("origin")
  return origin !== undefined && origins.includes(origin) ? origin : undefined
}

const exposed = Object.keys(replyHeaders).join(", ")
const sendable = ["Authorization", "Content-Type", ...Object.keys(requestHeaders)]

/** Further header names that the preflight asks for, without those that are invalid (RFC 9110, 5.6.2). */
const askedFor = (request: ApiRequest): ReadonlyArray<string> => {
  const names = (request.header("access-control-request-headers") ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
  const known = new Set(sendable.map((name) => name.toLowerCase()))
  return [...new Set(names)].filter((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && !known.has(name))
}
