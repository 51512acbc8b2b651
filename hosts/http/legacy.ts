import { RouteNotFound } from "../../core/errors.js"
import type { ApiReply, ApiRequest } from "./api.js"

/**
 * `POST /ffmpeg/run`: deprecated by the API reference, which names its end; served until a host disables it.
 */
export const isLegacy = ({ path }: ApiRequest): boolean => path.replace(/\/$/, "") === "/ffmpeg/run"

/** The error where a host has disabled the endpoint. */
export const legacyOff = () =>
  new RouteNotFound({ hint: "POST /ffmpeg/run is disabled on this server, use POST /ffmpeg/process" })

/**
 * Adds the headers of RFC 9745, RFC 8594 and RFC 5829: deprecated since 1 September 2025, the announced end,
 * and the replacement.
 */
export const withDeprecation = (reply: ApiReply, { baseUrl }: ApiRequest): ApiReply => {
  const mount = URL.canParse(baseUrl) ? new URL(baseUrl).pathname.replace(/\/$/, "") : ""
  const headers = {
    deprecation: "@1756684800",
    sunset: "Sat, 28 Feb 2026 00:00:00 GMT",
    link: `<${mount}/ffmpeg/process>; rel="successor-version"`
  }
  return { ...reply, headers: { ...headers, ...reply.headers } }
}
