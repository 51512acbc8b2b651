import { RouteNotFound } from "../../core/errors.js"
import type { ApiReply, ApiRequest } from "./api.js"

/** `POST /ffmpeg/run`: deprecated by the reference, which names the day of its end; kept until a host switches it off. */
export const isLegacy = ({ path }: ApiRequest): boolean => path.replace(/\/$/, "") === "/ffmpeg/run"

export const legacyOff = () => new RouteNotFound({ hint: "POST /ffmpeg/run is switched off here, use POST /ffmpeg/process" })

/** RFC 9745, RFC 8594 and RFC 5829: since when it is deprecated (1 September 2025), until when it was promised, what to use instead. */
export const withDeprecation = (reply: ApiReply, { baseUrl }: ApiRequest): ApiReply => {
  const mount = URL.canParse(baseUrl) ? new URL(baseUrl).pathname.replace(/\/$/, "") : ""
  const headers = {
    deprecation: "@1756684800",
    sunset: "Sat, 28 Feb 2026 00:00:00 GMT",
    link: `<${mount}/ffmpeg/process>; rel="successor-version"`
  }
  return { ...reply, headers: { ...headers, ...reply.headers } }
}
