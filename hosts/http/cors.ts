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

/** What a browser asks before it sends a page's request; `allowed` are the methods that the path has. */
export const isPreflight = (request: ApiRequest, origins: CorsOrigins): boolean =>
  request.method === "OPTIONS" &&
  request.header("access-control-request-method") !== undefined &&
  allowedOrigin(request, origins) !== undefined

export const preflightReply = (allowed: ReadonlyArray<string>): ApiReply => ({
  status: 204,
  headers: {
    "access-control-allow-methods": allowed.join(", "),
    "access-control-allow-headers": sendable,
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
const sendable = ["Authorization", "Content-Type", ...Object.keys(requestHeaders)].join(", ")
