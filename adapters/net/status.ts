import type { IncomingHttpHeaders } from "node:http"
import { UrlRefused, UrlUnreachable } from "../../core/errors.js"
import type { Answer } from "./exchange.js"

/**
 * Why an answer to a GET does not carry the file, undefined where it does (`wanted` are the good states). The refusal is
 * the caller's to mend, the other one may be over at the next try.
 */
export const shortcoming = (
  { status, headers }: Pick<Answer, "status" | "headers">,
  wanted: ReadonlyArray<number> = [200, 203]
): UrlRefused | UrlUnreachable | undefined => {
  if (status >= 500) return new UrlUnreachable({ reason: `The server of the URL answered ${status}` })
  if (isRedirect({ status, headers })) return new UrlRefused({ reason: "The URL redirects too often" })
  if (!wanted.includes(status)) return new UrlRefused({ reason: `The server of the URL answered ${status} instead of the file` })
  if (!isPlain(headers["content-encoding"])) {
    return new UrlRefused({ reason: "The server of the URL sent the file compressed (Content-Encoding), which is not accepted" })
  }
  return undefined
}

/** Whether an answer names another place. */
export const isRedirect = ({ status, headers }: Pick<Answer, "status" | "headers">): boolean =>
  [301, 302, 303, 307, 308].includes(status) && headers.location !== undefined

/** We ask for `identity` and never decompress: a small answer could become any size. */
const isPlain = (encoding: string | undefined): boolean => ["", "identity"].includes((encoding ?? "").trim().toLowerCase())

/** What the answer says of its own length, in bytes; undefined where it says nothing. Two different lengths never get here: the parser refuses them. */
export const declaredBytes = (headers: IncomingHttpHeaders): number | undefined => {
  const text = headers["content-length"]
  return text === undefined ? undefined : Number(text)
}
