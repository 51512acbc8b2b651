import type { IncomingHttpHeaders } from "node:http"
import { UrlRefused, UrlUnreachable } from "../../core/errors.js"
import type { GuardedResponse } from "./exchange.js"

/**
 * Why a response to a GET does not contain the file; undefined when it does. `wanted`: the statuses of
 * success. UrlRefused must be fixed by the caller; UrlUnreachable may pass at a retry.
 */
export const shortcoming = (
  { status, headers }: Pick<GuardedResponse, "status" | "headers">,
  wanted: ReadonlyArray<number> = [200, 203]
): UrlRefused | UrlUnreachable | undefined => {
  if (status >= 500) return new UrlUnreachable({ reason: `The server of the URL answered ${status}` })
  if (isRedirect({ status, headers })) return new UrlRefused({ reason: "The URL redirects too often" })
  if (!wanted.includes(status))
    return new UrlRefused({ reason: `The server of the URL answered ${status} instead of the file` })
  if (!isPlain(headers["content-encoding"])) {
    return new UrlRefused({
      reason: "The server of the URL sent the file compressed (Content-Encoding), which is not accepted"
    })
  }
  return undefined
}

/** Whether a response is a redirect. */
export const isRedirect = ({ status, headers }: Pick<GuardedResponse, "status" | "headers">): boolean =>
  [301, 302, 303, 307, 308].includes(status) && headers.location !== undefined

/** Requests ask for `identity`, and nothing is decompressed: a small response could expand to any size. */
const isPlain = (encoding: string | undefined): boolean =>
  ["", "identity"].includes((encoding ?? "").trim().toLowerCase())

/**
 * The Content-Length of a response in bytes; undefined without one. The parser refuses a response with two
 * different lengths.
 */
export const declaredBytes = (headers: IncomingHttpHeaders): number | undefined => {
  const text = headers["content-length"]
  return text === undefined ? undefined : Number(text)
}
