import type { ApiReply, ApiRequest } from "./api.js"
import { replyHeaders, requestHeaders } from "./endpoint-docs.js"

/** Whose pages may call the API from a browser: origins such as `https://app.example.com`, or "*" for everybody's. */
export type CorsOrigins = "*" | ReadonlyArray<string>

/**
 * Lets a page of an allowed origin read the reply. Never with credentials, which are those a browser sends by itself
 * (cookies): a page sends its key in a header of its own.
 */
export const withCors = (reply: ApiReply, request: ApiRequest, origins: CorsOrigins): ApiReply => {
  const vary = origins === "*" ? {} : { vary: "Origin" }
  const origin = allowedOrigin(request, origins)
  const allowed = origin !== undefined && { "access-control-allow-origin": origin, "access-control-expose-headers": exposed }
  return { ...reply, headers: { ...reply.headers, ...vary, ...allowed } }
}

/** Whether the request is what a browser asks before it sends a page's request. */
export const isPreflight = (request: ApiRequest, origins: CorsOrigins): boolean =>
  request.method === "OPTIONS" &&
  request.header("access-control-request-method") !== undefined &&
  allowedOrigin(request, origins) !== undefined

/** `allowed` are the methods that the path has. Request headers change nothing that an origin may do: all that are asked for are allowed. */
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

/** The names of further headers in the browser's question; what is not a header's name (RFC 9110, 5.6.2) is left out. */
const askedFor = (request: ApiRequest): ReadonlyArray<string> => {
  const names = (request.header("access-control-request-headers") ?? "").split(",").map((name) => name.trim().toLowerCase())
  const known = new Set(sendable.map((name) => name.toLowerCase()))
  return [...new Set(names)].filter((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && !known.has(name))
}
